/*
 * proc.h - a process that cannot be mistaken for another
 *
 * A pid is used again sooner or later; a pid and the time it started are not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	uint64_t start_time; /* clock ticks since boot (field 22 of /proc/PID/stat) */
	bool kernel;	     /* a thread of the kernel: it has no files */
};

/*
 *   proc  where /proc is mounted: "/proc", or a made-up tree
 * false: no such process, or it has ended and only waits for its parent to notice.
 */
bool proc_stat_read(const char *proc, pid_t pid, struct proc_stat *ret);

/* Only the time, and of this machine's own /proc. */
bool proc_start_time(pid_t pid, uint64_t *ret);

/* Is that user all that the process is: real, effective, saved and for files? */
bool proc_is_only(pid_t pid, uid_t uid);
