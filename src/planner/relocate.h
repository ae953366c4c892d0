/*
 * relocate.h - room for one more by moving a few that run
 *
 * When a rule finds no window, one may still be made: take out the instances
 * that overlap some window, at most K, put the new one there, and place those
 * taken out elsewhere by the CAP rule. Windows are tried in a fixed order: fewest
 * instances in the way, then the least units of them, then GPU, then start. The
 * first that works is done.
 *
 * Nothing is tried when the closed form (geometry/size.h) says that the running
 * instances and the new one do not fit on so many GPUs at all.
 *
 * Cost: one look at every window of the fleet, so it grows with the number of
 * GPUs, unlike a decision of fleet.h; it is for requests that are blocked.
 */
#pragma once

#include "planner/fleet.h"

#define RELOCATE_MAX 3 /* K */

struct move {
	uint32_t spot;
	struct fleet_place from, to;
};

struct relocation {
	struct fleet_place place; /* of the new one */
	unsigned n_moves;
	struct move moves[RELOCATE_MAX];
};

/* Would they all fit if everything could be moved? True where no closed form exists. */
bool relocate_may_fit(const struct fleet *fleet, const struct board *board, unsigned profile);

/*
 * Make room and put the new one there.
 *
 *   max_moves  1..RELOCATE_MAX
 *   ret        out: what was moved where, in order
 * Returns 1 when done, 0 when there is no way (nothing changed), -1 without memory.
 */
int relocate(struct fleet *fleet, const struct board *board, unsigned profile, unsigned max_moves,
	     uint32_t spot, struct relocation *ret);
