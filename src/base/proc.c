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

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	/* The name (field 2) may hold blanks and brackets; it ends at the last one. */
	end = strrchr(line, ')');
	return end && sscanf(end + 1, "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
				      "%*s %*s %*s %*s %" SCNu64, ret) == 1;
}
