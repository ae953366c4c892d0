#include "sim/jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "sim/jail-mount.h"

#define REPORT_FD      3
#define FOLLOW_PIDS_NS 20000000 /* how often new processes get their link */

DEFINE_CLEANUP(closedir, DIR *);

/* ---- who is where ---- */

static bool read_mark(char *ret, size_t len)
{
	cleanup(close) int fd = open(JAIL_MARK, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, ret, len - 1);

	if (n < 0)
		return false;
	ret[n] = '\0';
	return true;
}

bool jail_inside_any(void)
{
	return access(JAIL_MARK, F_OK) == 0;
}

bool jail_inside(const char *dir)
{
	char mark[PATH_MAX];

	return read_mark(mark, sizeof(mark)) && !strcmp(mark, dir);
}

struct record {
	pid_t pid;
	uint64_t start;
	bool users; /* the keeper has a user namespace of its own */
};

static bool record_alive(const struct record *record)
{
	uint64_t start;

	return record->pid > 0 && proc_start_time(record->pid, &start) && start == record->start;
}

static bool record_read(int fd, struct record *ret)
{
	char text[128];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	int pid, users;

	if (n <= 0)
		return false;
	text[n] = '\0';
	if (sscanf(text, "%d %" SCNu64 " %d", &pid, &ret->start, &users) != 3)
		return false;
	ret->pid = pid;
	ret->users = users;
	return true;
}

static int record_write(int fd, const struct record *record, struct err *err)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%d %" PRIu64 " %d\n", (int)record->pid, record->start,
			 record->users);

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
		return fail(err, ERR_IO, "cannot note the view's keeper: %s", strerror(errno));
	return 0;
}

/* The record of this user, locked: only one makes a view at a time. */
static int record_open(const char *dir, int *ret_fd, struct err *err)
{
	char path[PATH_MAX];
	cleanup(close) int fd = -1;
	struct stat st;

	snprintf(path, sizeof(path), "%s/views/%u", dir, (unsigned)getuid());
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fstat(fd, &st))
		return fail(err, ERR_IO, "cannot open '%s': %s", path, strerror(errno));
	if (st.st_uid != getuid() || !S_ISREG(st.st_mode))
		return fail(err, ERR_DENIED, "'%s' is not ours", path);
	if (flock(fd, LOCK_EX))
		return fail(err, ERR_IO, "cannot lock '%s': %s", path, strerror(errno));
	*ret_fd = steal_fd(&fd);
	return 0;
}

/* ---- the keeper ---- */

static bool write_file(const char *path, const char *text)
{
	cleanup(close) int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

/* Only oneself is in the user namespace, under one's own number. */
static int enter_user_namespace(void)
{
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "%u %u 1", (unsigned)geteuid(), (unsigned)geteuid());
	snprintf(gid, sizeof(gid), "%u %u 1", (unsigned)getegid(), (unsigned)getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS))
		return -errno;
	if (!write_file("/proc/self/setgroups", "deny") || !write_file("/proc/self/uid_map", uid) ||
	    !write_file("/proc/self/gid_map", gid))
		return -EPERM;
	return 0;
}

static int enter_namespaces(bool *ret_users)
{
	*ret_users = false;
	if (unshare(CLONE_NEWNS) == 0)
		return 0;
	if (errno != EPERM)
		return -errno;
	*ret_users = true;
	return enter_user_namespace();
}

/* What the keeper tells the one who asked, before it goes on alone. */
struct report {
	pid_t pid;
	bool ok;
	bool users;
	int error; /* of enter_namespaces; 0: err below, or ok */
	struct err err;
	char missing[1024];
};

static void keep(struct jail_mount *mount, const struct jail_world *world)
{
	const struct timespec short_while = {.tv_nsec = FOLLOW_PIDS_NS};
	struct view view;

	while (world->look(&view, world->arg)) {
		if (memcmp(&view, &mount->shown, sizeof(view)) != 0)
			jail_mount_follow(mount, &view);
		jail_mount_follow_pids(mount);
		if (mount->links)
			nanosleep(&short_while, NULL);
		else
			world->wait(world->arg);
	}
}

void jail_keep(const char *dir, const struct jail_world *world)
{
	cleanup(text_done) struct text missing = TEXT_INIT;
	struct jail_mount mount = {.dir = dir, .missing = &missing};
	struct report report = {.pid = getpid(), .err = ERR_INIT};
	struct view view;

	report.error = -enter_namespaces(&report.users);
	if (!report.error && world->look(&view, world->arg))
		report.ok = jail_mount_make(&mount, &view, &report.err) == 0;
	snprintf(report.missing, sizeof(report.missing), "%s", text_str(&missing));
	if (write(REPORT_FD, &report, sizeof(report)) != sizeof(report) || !report.ok)
		return;
	close(REPORT_FD);
	if (chdir("/") == 0)
		keep(&mount, world);
}

/* Become the keeper: of its own session, with nothing open that somebody waits for. */
__attribute__((noreturn)) static void become_keeper(const char *dir, int report_fd)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	umask(022); /* what it makes is for all who come into the view */
	for (int fd = 0; fd < 3 && null >= 0; fd++)
		dup2(null, fd);
	if (report_fd == REPORT_FD)
		fcntl(report_fd, F_SETFD, 0);
	else
		dup2(report_fd, REPORT_FD);
	close_range(REPORT_FD + 1, ~0u, 0);
	execl("/proc/self/exe", "carve-sim", JAIL_KEEP_COMMAND, "--dir", dir, NULL);
	_exit(127);
}

/* Start a keeper and hear what it could make. Its parent is init when we return. */
static int keeper_start(const char *dir, struct record *ret, struct report *report, struct err *err)
{
	cleanup(close) int from = -1, to = -1;
	int ends[2];
	pid_t middle;

	if (pipe2(ends, O_CLOEXEC))
		return fail(err, ERR_IO, "no pipe: %s", strerror(errno));
	from = ends[0];
	to = ends[1];
	middle = fork();
	if (middle < 0)
		return fail(err, ERR_IO, "cannot start the view's keeper: %s", strerror(errno));
	if (middle == 0) {
		if (fork() == 0)
			become_keeper(dir, to);
		_exit(0);
	}
	close(steal_fd(&to));
	waitpid(middle, NULL, 0);
	if (read(from, report, sizeof(*report)) != sizeof(*report))
		return fail(err, ERR_IO, "the view's keeper died while it began");
	if (!proc_start_time(report->pid, &ret->start))
		ret->start = 0;
	ret->pid = report->pid;
	ret->users = report->users;
	return 0;
}

/* ---- joining ---- */

static int join_one(pid_t pid, const char *which, int type)
{
	char path[64];
	cleanup(close) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, which);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, type))
		return -errno;
	return 0;
}

/*
 * Joining a mount namespace puts us at its root, which is not ours when we run
 * below a chroot. The keeper's root is the right one: it was started from there.
 */
static int go_to_root(int root)
{
	return fchdir(root) || chroot(".") ? -errno : 0;
}

static int join(const struct record *record, struct err *err)
{
	cleanup(free) char *cwd = getcwd(NULL, 0);
	cleanup(close) int root = -1;
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)record->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = root < 0 ? -errno : 0;
	if (!r && record->users)
		r = join_one(record->pid, "user", CLONE_NEWUSER);
	if (!r)
		r = join_one(record->pid, "mnt", CLONE_NEWNS);
	if (!r)
		r = go_to_root(root);
	if (r)
		return fail(err, ERR_IO, "cannot join the view of process %d: %s", (int)record->pid,
			    strerror(-r));
	if (cwd && chdir(cwd))
		return fail(err, ERR_IO, "cannot go back to '%s': %s", cwd, strerror(errno));
	return 0;
}

static void tell_no_namespace(int error, struct text *missing)
{
	text_addf(missing,
		  "no view of /dev, /proc and /sys: namespaces are not allowed here (%s); "
		  "as root, or with user namespaces enabled, they show the world\n",
		  strerror(error));
}

int jail_enter(const char *dir, struct text *ret_missing, struct err *err)
{
	struct record record = {0};
	struct report report = {0};
	cleanup(close) int fd = -1;
	bool has_record;
	int r;

	if (jail_inside(dir))
		return 0;
	r = record_open(dir, &fd, err);
	if (r)
		return r;
	has_record = record_read(fd, &record);
	if (has_record && record_alive(&record))
		return join(&record, err);
	r = keeper_start(dir, &record, &report, err);
	if (r)
		return r;
	if (report.error) {
		if (!has_record)
			tell_no_namespace(report.error, ret_missing);
		return record_write(fd, &(struct record){0}, err);
	}
	if (!report.ok) {
		*err = report.err;
		return -(int)err->code;
	}
	text_add(ret_missing, report.missing);
	r = record_write(fd, &record, err);
	return r ? r : join(&record, err);
}

void jail_end(const char *dir)
{
	char path[PATH_MAX];
	cleanup(closedir) DIR *folder = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/views", dir);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		cleanup(close) int fd = openat(dirfd(folder), entry->d_name,
					       O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		struct record record;

		/* Another user's keeper sees by itself that the world is gone. */
		if (fd >= 0 && record_read(fd, &record) && record_alive(&record))
			kill(record.pid, SIGTERM);
	}
}
