/*
 * ceiling.h - what no scheduler can exceed
 *
 * An upper bound for a trace: requests may be accepted in part, all of them are
 * known beforehand, and everything may move at any time, so long as at every
 * arrival what runs fits by the closed form (geometry/size.h). A rule has none of
 * this. The bound is a linear program (simplex.h) with a row for each arrival
 * and facet, of which only those are written down that something breaks.
 *
 * Cost: milliseconds for two thousand requests; it grows faster than their number.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "planner/churn.h"

#define CEILING_MAX_REQUESTS 20000

struct ceiling {
	double accepted; /* at most so many requests, or slots, could be */
	uint64_t rows, pivots;
};

/*
 *   by_slots  weigh requests by their memory slices; else each counts 1
 *   err       UNSUPPORTED no closed form for the board or a request; TOO_LARGE; NOMEM
 * Should it take too long the bound is valid still, but not the lowest.
 */
int ceiling_find(const struct board *board, const struct trace *trace, uint32_t n_gpus,
		 bool by_slots, struct ceiling *ret, struct err *err);
