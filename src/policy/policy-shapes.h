/*
 * policy-shapes.h - what the classes make of a board's capacity
 *
 * A GPU cut into many different shapes is hard to share: what is free seldom
 * is what is asked for. And some shapes strand capacity: beside them no
 * profile of any class fits into the rest, whatever else lies on the GPU.
 */
#pragma once

#include "policy/policy.h"

#define POLICY_MANY_SHAPES 4 /* more than so many on one board are noted */

/* The profiles of a board that its classes give, each once. Returns how many. */
size_t policy_shapes(const struct policy *policy, const struct board *board,
		     const struct profile *ret[POLICY_MAX_PROFILES]);

/*
 * Of a GPU on which at least one such instance lies, and else only what classes give: how many
 * compute slices can be in use at most.
 */
unsigned policy_shape_fills(const struct board *board, const struct profile *const *shapes,
			    size_t n, const struct profile *with);

/* A line for each board with too many shapes, and for each shape that strands slices. */
void policy_notes_boards(const struct policy *policy, const struct board *const *boards_here,
			 size_t n_boards_here, struct text *ret);
