#include "isolate/group.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"

#define MAX_BYTES 1048576u
#define NAME	  "carve-lease-"

int group_fail(const char *path, const char *what, int error, struct err *err)
{
	enum err_code code = error == ENOENT || error == ENODEV ? ERR_NOT_FOUND
			     : error == EPERM || error == EACCES ? ERR_DENIED
			     : error == EBUSY || error == EEXIST ? ERR_BUSY
			     : error == EROFS || error == EOPNOTSUPP || error == ENOSYS
				     ? ERR_UNSUPPORTED
			     : error == ESRCH ? ERR_STALE
					      : ERR_IO;

	return fail(err, code, "control group '%s': %s: %s", path, what, strerror(error));
}

/* ---- reading what the kernel tells ---- */

/* Is the word in a list with commas? */
static bool list_has(const char *list, size_t len, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = list, *end = list + len; at < end;) {
		const char *comma = memchr(at, ',', (size_t)(end - at));
		size_t here = (size_t)((comma ? comma : end) - at);

		if (here == n && !memcmp(at, word, n))
			return true;
		at += here + 1;
	}
	return false;
}

/* The n-th word of a line, from 0; false: it has not so many. */
static bool word_at(const char *line, size_t len, unsigned n, const char **ret, size_t *ret_len)
{
	const char *end = line + len;

	for (;; n--) {
		const char *blank = memchr(line, ' ', (size_t)(end - line));

		*ret = line;
		*ret_len = (size_t)((blank ? blank : end) - line);
		if (!n)
			return *ret_len > 0;
		if (!blank)
			return false;
		line = blank + 1;
	}
}

/* Escaped characters (blanks, newlines) are in no place where control groups are mounted. */
static bool copy_path(const char *s, size_t len, char *ret, size_t size)
{
	if (!len || *s != '/' || len >= size || memchr(s, '\\', len))
		return false;
	memcpy(ret, s, len);
	ret[len] = '\0';
	return true;
}

/* "36 35 0:30 ROOT AT OPTIONS... - TYPE SOURCE OPTIONS" */
static bool parse_mount(const char *line, size_t len, enum group_kind kind, struct group_mount *ret)
{
	const char *dash = memmem(line, len, " - ", 3), *root, *at, *type, *options;
	size_t n_root, n_at, n_type, n_options, left;

	if (!dash)
		return false;
	left = len - (size_t)(dash + 3 - line);
	if (!word_at(line, (size_t)(dash - line), 3, &root, &n_root) ||
	    !word_at(line, (size_t)(dash - line), 4, &at, &n_at) ||
	    !word_at(dash + 3, left, 0, &type, &n_type) ||
	    !word_at(dash + 3, left, 2, &options, &n_options))
		return false;
	if (kind == GROUP_V2 ? n_type != 7 || memcmp(type, "cgroup2", 7)
			     : n_type != 6 || memcmp(type, "cgroup", 6) ||
				       !list_has(options, n_options, "devices"))
		return false;
	return copy_path(root, n_root, ret->root, sizeof(ret->root)) &&
	       copy_path(at, n_at, ret->at, sizeof(ret->at));
}

bool group_parse_mounts(const char *text, enum group_kind kind, struct group_mount *ret)
{
	struct group_mount mount;
	bool found = false;

	/* The last one counts: it covers what was mounted there before. */
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n");

		if (parse_mount(line, len, kind, &mount)) {
			*ret = mount;
			found = true;
		}
		line += len + (line[len] == '\n');
	}
	return found;
}

bool group_parse_process(const char *text, enum group_kind kind, char *ret, size_t size)
{
	for (const char *line = text; *line;) {
		size_t len = strcspn(line, "\n"), n_list;
		const char *list = memchr(line, ':', len), *path;

		path = list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line)) : NULL;
		n_list = path ? (size_t)(path - list - 1) : 0;
		if (path && (kind == GROUP_V2 ? n_list == 0 && line[0] == '0' && list == line + 1
					      : list_has(list + 1, n_list, "devices")))
			return copy_path(path + 1, len - (size_t)(path + 1 - line), ret, size);
		line += len + (line[len] == '\n');
	}
	return false;
}

/* ---- what there is ---- */

static bool may_write(const struct group_mount *mount)
{
	return access(mount->at, W_OK) == 0;
}

void group_probe(const char *proc, struct group_host *ret)
{
	cleanup(free) char *text = NULL;
	char path[GROUP_PATH + 32];
	bool v1, v2;
	struct group_mount mount_v1, mount_v2;

	*ret = (struct group_host){.kind = GROUP_NONE, .why = ERR_INIT};
	snprintf(ret->proc, sizeof(ret->proc), "%s", proc);
	snprintf(path, sizeof(path), "%s/self/mountinfo", proc);
	if (file_read(path, MAX_BYTES, &text, NULL, &ret->why))
		return;
	v2 = group_parse_mounts(text, GROUP_V2, &mount_v2);
	v1 = group_parse_mounts(text, GROUP_V1, &mount_v1);
	if (v2 && may_write(&mount_v2) && !group_v2_probe(&ret->why)) {
		ret->kind = GROUP_V2;
		ret->mount = mount_v2;
	} else if (v1 && may_write(&mount_v1)) {
		ret->kind = GROUP_V1;
		ret->mount = mount_v1;
	} else if (!v1 && !v2) {
		fail(&ret->why, ERR_UNSUPPORTED, "no control groups are mounted here");
	} else if (!ret->why.code) {
		fail(&ret->why, ERR_UNSUPPORTED, "control groups cannot be made here: '%s' is not "
		     "to be written", v2 ? mount_v2.at : mount_v1.at);
	}
	if (ret->kind != GROUP_NONE)
		ret->why = ERR_INIT;
}

const char *group_kind_name(enum group_kind kind)
{
	return kind == GROUP_V2 ? "cgroup-v2" : kind == GROUP_V1 ? "cgroup-v1" : "none";
}

const char *group_kind_words(enum group_kind kind)
{
	return kind == GROUP_V2	  ? "a device program in cgroup v2"
	       : kind == GROUP_V1 ? "the devices controller of cgroup v1"
				  : NULL;
}

/* ---- places ---- */

/* The part of a group's path below the one that is mounted; NULL: not below it. */
static const char *below(const char *root, const char *path)
{
	size_t len = strlen(root);

	if (!strncmp(path, "/..", 3))
		return NULL;
	if (!strcmp(root, "/"))
		return path;
	if (strncmp(root, path, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path + len;
}

int group_path_for(const struct group_host *host, pid_t pid, int64_t lease, char *ret,
		   struct err *err)
{
	cleanup(free) char *text = NULL;
	char path[GROUP_PATH + 32], own[GROUP_PATH], *last;
	const char *in;
	uint32_t random;

	if (host->kind == GROUP_NONE) {
		*err = host->why;
		return -(int)err->code;
	}
	snprintf(path, sizeof(path), "%s/%d/cgroup", host->proc, (int)pid);
	if (file_read(path, MAX_BYTES, &text, NULL, err))
		return fail(err, ERR_STALE, "there is no process %d", (int)pid);
	if (!group_parse_process(text, host->kind, own, sizeof(own)) ||
	    !(in = below(host->mount.root, own)))
		return fail(err, ERR_UNSUPPORTED,
			    "process %d is in no control group that can be seen from here",
			    (int)pid);
	last = strrchr(in, '/');
	if (last && !strncmp(last + 1, NAME, strlen(NAME)))
		*last = '\0';
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return fail(err, ERR_IO, "no random numbers yet: %s", strerror(errno));
	if (snprintf(ret, GROUP_PATH, "%s%s/" NAME "%" PRId64 "-%08x", host->mount.at,
		     strcmp(in, "/") ? in : "", lease, random) >= GROUP_PATH)
		return fail(err, ERR_UNSUPPORTED, "the control group of process %d has too long "
			    "a path", (int)pid);
	return 0;
}

int group_make(const char *path, struct err *err)
{
	if (mkdir(path, 0755))
		return group_fail(path, "cannot be made", errno, err);
	return 0;
}

int group_set_devices(const struct group_host *host, const char *path,
		      const struct device_rules *rules, struct err *err)
{
	switch (host->kind) {
	case GROUP_V2:
		return group_v2_set(path, rules, err);
	case GROUP_V1:
		return group_v1_set(path, rules, err);
	case GROUP_NONE:
		break;
	}
	*err = host->why;
	return -(int)err->code;
}

/* ---- processes ---- */

static int put(const char *path, pid_t pid, struct err *err)
{
	char procs[GROUP_PATH + 32];
	cleanup(close) int fd = -1;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	fd = open(procs, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return group_fail(path, "cannot be opened", errno, err);
	if (dprintf(fd, "%d\n", (int)pid) < 0) {
		group_fail(path, "does not take the process", errno, err);
		return fail_in(err, "process %d: ", (int)pid);
	}
	return 0;
}

static bool is_same(pid_t pid, uint64_t start)
{
	uint64_t now;

	return proc_start_time(pid, &now) && now == start;
}

/* A later process of that number is none of ours: back to where it began. */
static void put_back(const char *path, pid_t pid)
{
	char parent[GROUP_PATH], *last;
	struct err ignored = ERR_INIT;

	snprintf(parent, sizeof(parent), "%s", path);
	last = strrchr(parent, '/');
	if (last) {
		*last = '\0';
		put(parent, pid, &ignored);
	}
}

int group_take(const struct group_host *host, const char *path, pid_t pid, uint64_t start,
	       struct err *err)
{
	/* While this is open, the number may go to another, but then we see that ours has ended. */
	cleanup(close) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	int r;

	(void)host;
	if ((pidfd < 0 && errno == ESRCH) || !is_same(pid, start))
		return fail(err, ERR_STALE, "process %d has ended", (int)pid);
	r = put(path, pid, err);
	if (is_same(pid, start))
		return r;
	if (!r)
		put_back(path, pid);
	return fail(err, ERR_STALE, "process %d has ended", (int)pid);
}

unsigned group_count(const char *path)
{
	char procs[GROUP_PATH + 32], line[32];
	cleanup(fclose) FILE *file = NULL;
	unsigned n = 0;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	file = fopen(procs, "re");
	while (file && fgets(line, sizeof(line), file))
		n++;
	return n;
}

int group_remove(const char *path, struct err *err)
{
	if (rmdir(path) == 0 || errno == ENOENT || errno == ENODEV)
		return 0;
	return group_fail(path, "cannot be removed", errno, err);
}
