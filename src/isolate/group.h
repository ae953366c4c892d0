/*
 * group.h - control groups that a lease's processes live in
 *
 * A lease's group is made below the one its process was in, so that whatever
 * held there (memory, CPU, the devices of a container) holds on: it can only
 * take away. It is called carve-lease-N-XXXXXXXX; the random end keeps two
 * daemons apart. A process already in such a group gets one beside it, since a
 * group below would have to obey both leases at once.
 *
 * Under cgroup v2 the devices are held by a program (program.h), also where v2
 * stands empty beside v1 (hybrid); where the kernel has no such programs the
 * devices controller of v1 does it, if it is mounted.
 *
 * Groups are named by their path in the file system. All of it is memory of
 * the kernel: nothing waits for a device.
 */
#pragma once

#include <limits.h>
#include <stdint.h>
#include <sys/types.h>

#include "isolate/program.h"

#define GROUP_PATH 512

enum group_kind { GROUP_NONE, GROUP_V1, GROUP_V2 };

/* A hierarchy and where it is mounted. */
struct group_mount {
	char at[GROUP_PATH];
	char root[GROUP_PATH]; /* the group that stands there: "/", or a container's own */
};

struct group_host {
	enum group_kind kind;
	struct group_mount mount;
	char proc[GROUP_PATH]; /* where processes are looked up */
	struct err why;	       /* kind NONE: what this host lacks */
};

/* The text of /proc/self/mountinfo. false: not mounted. Pure; any text is fine. */
bool group_parse_mounts(const char *text, enum group_kind kind, struct group_mount *ret);

/* The group of a process, from the text of /proc/PID/cgroup. false: none. Pure. */
bool group_parse_process(const char *text, enum group_kind kind, char *ret, size_t size);

/* What this host has; tries whether the kernel takes a program. */
void group_probe(const char *proc, struct group_host *ret);

/* "cgroup-v2", "cgroup-v1", "none" */
const char *group_kind_name(enum group_kind kind);

/* "a device program in cgroup v2", "the devices controller of cgroup v1"; NULL: nothing */
const char *group_kind_words(enum group_kind kind);

/*
 * Where a lease's group for this process would be; nothing is made yet.
 *   ret  out: GROUP_PATH bytes
 *   err  UNSUPPORTED: in no group that can be seen from here; STALE: there is no such process
 */
int group_path_for(const struct group_host *host, pid_t pid, int64_t lease, char *ret,
		   struct err *err);

/* err: UNSUPPORTED with what is lacking, DENIED, BUSY (it exists), IO */
int group_make(const char *path, struct err *err);

/*
 * Devices of those in the group; replaces what held before without a gap, and
 * is read back.
 *   err  NOT_FOUND: the group is gone; UNSUPPORTED, DENIED, IO, STALE (read back)
 */
int group_set_devices(const struct group_host *host, const char *path,
		      const struct device_rules *rules, struct err *err);

/*
 * How many CPUs' time and how much memory those in the group may use together; 0: as much as
 * there is.
 *   err  UNSUPPORTED: not here, and why; NOT_FOUND, DENIED, IO
 */
int group_set_limits(const struct group_host *host, const char *path, double cpus,
		     uint64_t memory_bytes, struct err *err);

/*
 * Move a process, with all its threads; what it starts from now on is in there too.
 *   start  field 22 of /proc/PID/stat, which tells it from a later one of that number
 *   err    STALE: it has ended; UNSUPPORTED, DENIED, IO
 */
int group_take(const struct group_host *host, const char *path, pid_t pid, uint64_t start,
	       struct err *err);

/* err: BUSY while anything is in it; gone already is fine */
int group_remove(const char *path, struct err *err);

/* How many processes are in it; 0 also when it is gone. */
unsigned group_count(const char *path);

/* ---- the two ways; only for group*.c ---- */

int group_v2_set(const char *path, const struct device_rules *rules, struct err *err);
int group_v2_probe(struct err *err);
int group_v1_set(const char *path, const struct device_rules *rules, struct err *err);
int group_fail(const char *path, const char *what, int error, struct err *err);
