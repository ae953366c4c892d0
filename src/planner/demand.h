/*
 * demand.h - how many of a kind were wanted at once
 *
 * A stay is a time during which one more of a kind was wanted. From stays follows, for
 * each kind, how many were wanted at each moment; a level is the number that was enough
 * for a share of the time. Levels are found for each kind by itself: that each is
 * enough for 95% of the time does not mean that all together are.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct demand_stay {
	int64_t from_s, until_s; /* of the second no more */
	size_t kind;
};

struct demand_level {
	uint32_t wanted; /* enough for the share */
	uint32_t peak;	 /* the most at once */
};

/*
 *   from_s, until_s  what is looked at; stays are cut to it
 *   share            0..1; 1 is the peak
 *   ret              out: n_kinds of them
 * Returns 0, or -1 when memory ran out.
 */
int demand_levels(const struct demand_stay *stays, size_t n, int64_t from_s, int64_t until_s,
		  double share, struct demand_level *ret, size_t n_kinds);
