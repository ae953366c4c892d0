/*
 * stands-for.h - the profile that a word stands for on a board
 *
 * The word is a profile of the board, in full or by its shape, or a class of a
 * policy, which stands for the profile of the board that it likes best.
 */
#pragma once

#include "base/err.h"
#include "facts/board.h"
#include "policy/policy.h"

/*
 *   policy  NULL: profiles only
 *   err     NOT_FOUND, with "did you mean"
 */
int stands_for(const char *typed, const struct board *board, const struct policy *policy,
	       const struct profile **ret, struct err *err);
