#include "base/openers.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "base/text.h"

DEFINE_CLEANUP(closedir, DIR *);

int open_file_by_path(const char *path, struct open_file *ret, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return fail(err, file_err_code(errno), "cannot look at '%s': %s", path,
			    strerror(errno));
	*ret = (struct open_file){
		.path = path,
		.is_device = S_ISCHR(st.st_mode),
		.rdev = st.st_rdev,
		.has_inode = true,
		.dev = st.st_dev,
		.ino = st.st_ino,
	};
	return 0;
}

struct open_file open_file_by_number(const char *path, dev_t rdev)
{
	return (struct open_file){.path = path, .is_device = true, .rdev = rdev};
}

/* One search. */
struct search {
	const char *proc;
	const struct open_file *files;
	size_t n_files;
	unsigned how;
	size_t looks;
	size_t cap;
	struct openers *found;
	unsigned char *seen; /* of the process at hand: how it holds each file */
	bool any;	     /* any of them at all */
};

/*
 * What it is, without asking a file server: a descriptor on a dead network
 * mount must not hang whoever looks.
 */
static bool look(int folder, const char *name, struct statx *ret)
{
	return !statx(folder, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO,
		      ret);
}

static bool is_file(const struct open_file *file, const struct statx *sx)
{
	if (file->is_device)
		return S_ISCHR(sx->stx_mode) &&
		       makedev(sx->stx_rdev_major, sx->stx_rdev_minor) == file->rdev;
	return file->has_inode && sx->stx_ino == file->ino &&
	       makedev(sx->stx_dev_major, sx->stx_dev_minor) == file->dev;
}

static void see(struct search *search, size_t file, unsigned how)
{
	search->seen[file] |= (unsigned char)how;
	search->any = true;
}

static void mark(struct search *search, const struct statx *sx, unsigned how)
{
	for (size_t i = 0; i < search->n_files; i++)
		if (is_file(&search->files[i], sx))
			see(search, i, how);
}

static bool spent(struct search *search)
{
	if (++search->looks <= OPENERS_MAX_LOOKS)
		return false;
	search->found->cut = true;
	return true;
}

/* Returns 0 or -errno. */
static int look_at_fds(struct search *search, int process)
{
	cleanup(closedir) DIR *dir = NULL;
	int fd = openat(process, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct dirent *entry;
	struct statx sx;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir)) && !spent(search))
		if (isdigit((unsigned char)*entry->d_name) && look(dirfd(dir), entry->d_name, &sx))
			mark(search, &sx, OPENER_FD);
	return 0;
}

static bool same_name(const char *path, const char *other)
{
	const char *a = strrchr(path, '/'), *b = strrchr(other, '/');
	size_t len = a ? strlen(a) : 0;

	if (len > 10 && !strcmp(a + len - 10, " (deleted)"))
		len -= 10;
	return a && b && strlen(b) == len && !memcmp(a, b, len);
}

/*
 * A line of maps names a file's inode and path, never a device's number. What
 * looks like one of ours is looked at: through map_files, which needs a
 * privilege, else by its path inside the process's own root.
 */
static void look_at_mapping(struct search *search, int process, char *line)
{
	unsigned long from, to, inode;
	unsigned major, minor;
	char path[PATH_MAX];
	struct statx sx;
	int at = 0;

	if (sscanf(line, "%lx-%lx %*s %*s %x:%x %lu %n", &from, &to, &major, &minor, &inode, &at) !=
		    5 ||
	    !inode || !at)
		return;
	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < search->n_files; i++) {
		const struct open_file *file = &search->files[i];

		if (file->has_inode && file->ino == inode && file->dev == makedev(major, minor)) {
			see(search, i, OPENER_MAP);
			continue;
		}
		if (search->seen[i] & OPENER_MAP || !same_name(line + at, file->path))
			continue;
		snprintf(path, sizeof(path), "map_files/%lx-%lx", from, to);
		if (!look(process, path, &sx)) {
			if (snprintf(path, sizeof(path), "root%s", line + at) >=
				    (int)sizeof(path) ||
			    !look(process, path, &sx))
				continue;
		}
		if (is_file(file, &sx))
			see(search, i, OPENER_MAP);
	}
}

static int look_at_maps(struct search *search, int process)
{
	cleanup(fclose) FILE *file = NULL;
	int fd = openat(process, "maps", O_RDONLY | O_CLOEXEC);
	char line[PATH_MAX + 128];
	bool begins = true;

	if (fd < 0)
		return -errno;
	file = fdopen(fd, "re");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	while (fgets(line, sizeof(line), file) && !spent(search)) {
		bool whole = strchr(line, '\n');

		if (begins) /* the rest of too long a line is not a line */
			look_at_mapping(search, process, line);
		begins = whole;
	}
	return 0;
}

/* Name and real user, from the lines of status. */
static void describe(int process, struct opener *opener)
{
	cleanup(fclose) FILE *file = NULL;
	int fd = openat(process, "status", O_RDONLY | O_CLOEXEC);
	char line[256];
	unsigned uid;

	file = fd < 0 ? NULL : fdopen(fd, "re");
	if (!file) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (!opener->has_uid && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "Name:\t", 6)) {
			text_printable(opener->command, sizeof(opener->command), line + 6);
		} else if (sscanf(line, "Uid: %u", &uid) == 1) {
			opener->has_uid = true;
			opener->uid = uid;
		}
	}
}

static int add(struct search *search, const struct opener *opener)
{
	struct openers *found = search->found;

	if (found->n == OPENERS_MAX) {
		found->cut = true;
		return 0;
	}
	if (array_reserve(&found->items, &search->cap, found->n, sizeof(*found->items)))
		return -ENOMEM;
	found->items[found->n++] = *opener;
	return 0;
}

/* Write down what was seen of a process, if it is still the one that was looked at. */
static int keep_seen(struct search *search, int process, struct opener *opener)
{
	struct proc_stat now;

	if (!search->any)
		return 0;
	describe(process, opener);
	cgroup_unit_read(search->proc, opener->pid, &opener->unit);
	if (!proc_stat_read(search->proc, opener->pid, &now) ||
	    now.start_time != opener->start_time)
		return 0;
	for (size_t i = 0; i < search->n_files; i++) {
		opener->file = i;
		opener->how = search->seen[i];
		if (opener->how && add(search, opener))
			return -ENOMEM;
	}
	return 0;
}

/* Returns 0 or -ENOMEM. */
static int look_at_process(struct search *search, int proc_dir, const char *name)
{
	struct opener opener = {.pid = (pid_t)strtol(name, NULL, 10)};
	cleanup(close) int process = openat(proc_dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fds = 0, maps = 0;
	struct proc_stat stat;

	if (process < 0 && errno == EACCES) {
		search->found->n_processes++;
		search->found->n_unread++;
		return 0;
	}
	if (process < 0 || !proc_stat_read(search->proc, opener.pid, &stat))
		return 0;
	if (stat.kernel) { /* which only the outermost pid namespace shows */
		search->found->contained = false;
		return 0;
	}
	opener.start_time = stat.start_time;
	search->found->n_processes++;
	memset(search->seen, 0, search->n_files);
	search->any = false;
	if (search->how & OPENER_FD)
		fds = look_at_fds(search, process);
	if (search->how & OPENER_MAP)
		maps = look_at_maps(search, process);
	if (fds == -EACCES || fds == -EPERM || maps == -EACCES || maps == -EPERM)
		search->found->n_unread++;
	return fds == -ENOMEM || maps == -ENOMEM ? -ENOMEM : keep_seen(search, process, &opener);
}

static int by_pid(const void *a, const void *b)
{
	const struct opener *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return (x->file > y->file) - (x->file < y->file);
}

int openers_find(const char *proc, const struct open_file *files, size_t n_files, unsigned how,
		 struct openers *ret, struct err *err)
{
	struct openers found = {.hidden = true, .contained = true};
	struct search search = {
		.proc = proc, .files = files, .n_files = n_files, .how = how, .found = &found};
	cleanup(free) unsigned char *seen = calloc(n_files ? n_files : 1, 1);
	cleanup(closedir) DIR *dir = opendir(proc);
	const struct dirent *entry;
	int r = 0;

	if (!dir)
		return fail(err, file_err_code(errno), "cannot list '%s': %s", proc,
			    strerror(errno));
	if (!seen)
		return fail(err, ERR_NOMEM, "no memory to look for open files");
	search.seen = seen;
	while (!r && !found.cut && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)*entry->d_name))
			continue;
		/* Every pid namespace has its first process; where it is not shown, others are not either. */
		if (!strcmp(entry->d_name, "1"))
			found.hidden = false;
		r = look_at_process(&search, dirfd(dir), entry->d_name);
	}
	if (r) {
		openers_done(&found);
		return fail(err, ERR_NOMEM, "no memory to list who has files open");
	}
	if (found.n)
		qsort(found.items, found.n, sizeof(*found.items), by_pid);
	*ret = found;
	return 0;
}

void openers_done(struct openers *openers)
{
	if (!openers)
		return;
	free(openers->items);
	*openers = (struct openers){.items = NULL};
}

bool openers_complete(const struct openers *openers)
{
	return !openers->n_unread && !openers->hidden && !openers->contained && !openers->cut;
}

char *opener_format(char *buf, size_t size, const struct opener *opener)
{
	char unit[192], user[64] = "", room[4096];
	struct passwd pw, *known = NULL;

	cgroup_unit_format(unit, sizeof(unit), &opener->unit);
	if (opener->has_uid && getpwuid_r(opener->uid, &pw, room, sizeof(room), &known))
		known = NULL;
	if (known)
		text_printable(user, sizeof(user), known->pw_name);
	else if (opener->has_uid)
		snprintf(user, sizeof(user), "uid %u", (unsigned)opener->uid);
	snprintf(buf, size, "%s%spid %d%s%s%s%s%s", opener->command, *opener->command ? " (" : "",
		 (int)opener->pid, *user ? ", " : "", user, *unit ? ", " : "", unit,
		 *opener->command ? ")" : "");
	return buf;
}
