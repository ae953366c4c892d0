/*
 * relocate.h - room for one more by moving a few that run
 *
 * When a rule finds no window, one may still be made: take out the instances
 * that overlap some window, at most K, put the new one there, and place those
 * taken out elsewhere by the CAP rule. Windows are tried in a fixed order: fewest
 * instances in the way, then the least units of them, then GPU, then start. With one
 * move the first that works is done. With more the best of those that work: what it
 * adds to the choices left on the fleet (layout_choices(), counted twice) less 9 for
 * each move and 1 for each unit moved; the first when they tie. The weights are those
 * that did best in the churn experiment.
 *
 * Nothing is tried when the closed form (geometry/size.h) says that the running
 * instances and the new one do not fit on so many GPUs at all.
 *
 * Cost: one look at every window of the fleet, so it grows with the number of
 * GPUs, unlike a decision of fleet.h; it is for requests that are blocked. With more than
 * one move at most RELOCATE_TRIES windows are tried.
 */
#pragma once

#include "planner/fleet.h"

#define RELOCATE_MAX   3 /* K */
#define RELOCATE_TRIES 1024

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
