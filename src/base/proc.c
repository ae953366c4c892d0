#include "base/proc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

bool proc_start_time(pid_t pid, uint64_t *ret)
{
	char path[40], line[1024];
	cleanup(fclose) FILE *file = NULL;
	const char *end;
	uint64_t start;
	char state;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	/* The name (field 2) may hold blanks and brackets; it ends at the last one. */
	end = strrchr(line, ')');
	if (!end ||
	    sscanf(end + 1,
		   " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
		   "%" SCNu64,
		   &state, &start) != 2 ||
	    state == 'Z' || state == 'X')
		return false;
	*ret = start;
	return true;
}
