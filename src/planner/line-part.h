/*
 * line-part.h - what the files of the line share; only for line*.c
 */
#pragma once

#include "planner/line.h"

/* A lease begins or ends: its team and its user hold more or less. */
void line_count(struct line *line, const struct line_holder *holder, bool begins);

/* The slices that quotas leave him; 0 when not even his smallest profile would fit. */
uint32_t line_quota(const struct line *line, const struct line_waiter *waiter);

/* Of the smallest profile that serves the class here; 0: none does. */
uint32_t line_least_slices(const struct line *line, const struct policy_class *class_);

/* Is the request within its team's guarantee, as long as it is the only one? */
bool line_is_guaranteed(const struct line *line, const struct line_waiter *waiter);
