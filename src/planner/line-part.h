/*
 * line-part.h - what the files of the line share; only for line*.c
 */
#pragma once

#include "planner/line.h"

/* A lease begins or ends: its team and its user hold more or less. */
void line_count(struct line *line, const struct line_holder *holder, bool begins);
