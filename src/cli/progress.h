/*
 * progress.h - one line on standard error that tells how far something is
 *
 * On a terminal it is rewritten in place and gone at the end; elsewhere each new
 * line is told once.
 */
#pragma once

#include <stdbool.h>

struct progress {
	bool rewrite;	/* terminal_moves(STDERR_FILENO) */
	char line[640]; /* the last one told */
};

/* Tell that, unless it was told last. */
void progress_say(struct progress *progress, const char *line);
void progress_end(const struct progress *progress);
