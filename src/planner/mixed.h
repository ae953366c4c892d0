/*
 * mixed.h - the fewest GPUs of several boards together
 *
 * A demand is a list of kinds of instance, each with a number and, on each
 * board, the profile that serves it, if one does. The answer says how many of
 * each kind go to which board, so that the GPUs are fewest in all and of no
 * board more than there are. On one board the closed form (geometry/size.h)
 * says what fits, so only the numbers of each kind are unknown: an integer
 * program (ilp.h) whose size does not depend on the demand.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "facts/board.h"
#include "geometry/size.h"

#define MIXED_MAX_BOARDS 8
#define MIXED_MAX_KINDS	 32
#define MIXED_NO_PROFILE UINT8_MAX

struct mixed_demand {
	size_t n_boards, n_kinds;
	const struct board *boards[MIXED_MAX_BOARDS];
	uint32_t most[MIXED_MAX_BOARDS]; /* GPUs there are */
	struct {
		uint32_t n;
		uint8_t profile[MIXED_MAX_BOARDS]; /* index on each board, or MIXED_NO_PROFILE */
	} kinds[MIXED_MAX_KINDS];
};

struct mixed_answer {
	bool proven;	       /* nothing less would do */
	int64_t n_gpus, bound; /* no answer has fewer than bound */
	uint32_t gpus[MIXED_MAX_BOARDS];
	uint32_t wanted[MIXED_MAX_BOARDS][SIZE_MAX_PROFILES]; /* of each profile, on each board */
};

/*
 *   err  IMPOSSIBLE there are not GPUs enough; UNSUPPORTED no form holds for a board
 *        or profile; NOMEM
 */
int mixed_solve(const struct mixed_demand *demand, struct mixed_answer *ret, struct err *err);
