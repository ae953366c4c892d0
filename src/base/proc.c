#include "base/proc.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define PF_KTHREAD 0x00200000u /* of the kernel's task flags, which field 9 shows */

bool proc_stat_read(const char *proc, pid_t pid, struct proc_stat *ret)
{
	char path[PATH_MAX], line[1024];
	cleanup(fclose) FILE *file = NULL;
	const char *end;
	unsigned flags;
	uint64_t start;
	char state;

	if (snprintf(path, sizeof(path), "%s/%d/stat", proc, (int)pid) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	/* The name (field 2) may hold blanks and brackets; it ends at the last one. */
	end = strrchr(line, ')');
	if (!end ||
	    sscanf(end + 1,
		   " %c %*s %*s %*s %*s %*s %u %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%" SCNu64,
		   &state, &flags, &start) != 3 ||
	    state == 'Z' || state == 'X')
		return false;
	ret->start_time = start;
	ret->kernel = flags & PF_KTHREAD;
	return true;
}

bool proc_start_time(pid_t pid, uint64_t *ret)
{
	struct proc_stat stat;

	if (!proc_stat_read("/proc", pid, &stat))
		return false;
	*ret = stat.start_time;
	return true;
}

bool proc_is_only(pid_t pid, uid_t uid)
{
	char path[40], line[256];
	cleanup(fclose) FILE *file = NULL;
	unsigned ids[4];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Uid: %u %u %u %u", &ids[0], &ids[1], &ids[2], &ids[3]) == 4)
			return ids[0] == uid && ids[1] == uid && ids[2] == uid && ids[3] == uid;
	return false;
}
