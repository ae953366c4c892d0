/*
 * proc.h - a process that cannot be mistaken for another
 *
 * A pid is used again sooner or later; a pid and the time it started are not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Clock ticks since boot (field 22 of /proc/PID/stat). false: no such process,
 * or it has ended and only waits for its parent to notice.
 */
bool proc_start_time(pid_t pid, uint64_t *ret);
