#include "cli/progress.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 79

void progress_say(struct progress *progress, const char *line)
{
	if (!strcmp(progress->line, line))
		return;
	snprintf(progress->line, sizeof(progress->line), "%s", line);
	if (progress->rewrite)
		fprintf(stderr, "\r\033[K%.*s", WIDTH, progress->line);
	else
		fprintf(stderr, "carve: %s\n", progress->line);
}

void progress_end(const struct progress *progress)
{
	if (progress->rewrite && progress->line[0])
		fprintf(stderr, "\r\033[K");
}
