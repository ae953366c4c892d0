/*
 * change-part.h - what the files of change.h share
 */
#pragma once

#include "planner/change.h"

/* The layout a GPU has now. false when its instances overlap or are none of its board's. */
bool change_now(const struct change_gpu *gpu, struct layout *ret);

bool change_is_cheaper(const struct change_cost *a, const struct change_cost *b);

/*
 * The best placement of a wish. false when there is none.
 *   respect_pins  false: as if nothing were pinned
 * Fills all of ret but the steps.
 */
bool change_search(const struct change_gpu *gpu, const struct wish_gpu *wish, bool respect_pins,
		   struct change *ret);

/* Put the steps in order: creates as early as they fit, destroys when one of them needs the room. */
void change_order(const struct change_gpu *gpu, struct change *change);

static inline bool change_has(uint32_t bits, size_t i)
{
	return bits >> i & 1;
}
