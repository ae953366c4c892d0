/*
 * size.h - how few GPUs hold a demand
 *
 * A demand is a number of instances of each profile. For GPUs of one board
 * that are cut from nothing, the least number of GPUs has a closed form: the
 * profiles that need a whole GPU, plus the largest of a few sums, each over a
 * divisor and rounded up. Such a sum is a facet: one thing a GPU has only so
 * much of. The form is exact for any demand, however large; it knows neither
 * what already runs nor who may share a GPU with whom.
 *
 * It exists for the boards whose profiles start where those of A100 (8 units,
 * 7 compute slices) or of A30 (quarters) start. "+me" is part of it, "-me" and
 * "+gfx" count as the plain profile, "+me.all" is not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "facts/board.h"

/* name, what there is only so much of */
#define FACET_TABLE(X)                                                                             \
	X(WHOLE, "profiles that take a whole GPU")                                                 \
	X(COMPUTE, "compute slices")                                                               \
	X(MEMORY, "memory slices")                                                                 \
	X(ALIGNMENT, "places where 2g, 3g and 4g may start")                                       \
	X(ONE_4G, "one 4g to a GPU")                                                               \
	X(ONE_ME, "one +me to a GPU")                                                              \
	X(HALVES, "halves of a GPU")                                                               \
	X(PAIRS, "pairs of memory slices")

enum facet {
#define X(name, meaning) FACET_##name,
	FACET_TABLE(X)
#undef X
	FACET_COUNT
};

const char *facet_meaning(enum facet facet);

/*
 * The least number of empty GPUs of that board that hold the demand together.
 *
 *   wanted     instances of each profile, by its index in board->profiles
 *   ret_gpus   out: 0 for an empty demand
 *   ret_facet  out: what decides, the first of the table when several do;
 *              FACET_WHOLE when nothing but whole GPUs is wanted. May be NULL
 *
 * false, and no result, when the form does not hold for the board or for a
 * profile of the demand.
 */
bool size_minimum(const struct board *board, const uint32_t *wanted, uint64_t *ret_gpus,
		  enum facet *ret_facet);
