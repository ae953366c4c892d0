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

#define SIZE_MAX_FACETS	  7
#define SIZE_MAX_PROFILES 16

/*
 * One facet as a sum: what each profile needs of it, and what one GPU has. A
 * profile that takes a whole GPU needs all of it, so that the least number of
 * GPUs is simply the largest over the facets.
 */
struct size_facet {
	enum facet facet;
	uint8_t most;
	uint8_t needs[SIZE_MAX_PROFILES]; /* by index into board->profiles */
};

/* The facets of a board, SIZE_MAX_FACETS at most. Returns how many; 0: no form holds. */
unsigned size_facets(const struct board *board, struct size_facet *ret);

/* Does the form hold for this profile of the board? What it does not cover needs 0 above. */
bool size_covers(const struct board *board, const struct profile *profile);

/* What a demand needs of a facet, and how many GPUs have so much. */
uint64_t size_facet_needed(const struct size_facet *facet, const int64_t *wanted);
uint64_t size_facet_gpus(const struct size_facet *facet, const int64_t *wanted);
