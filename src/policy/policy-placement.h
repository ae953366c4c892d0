/*
 * policy-placement.h - the key "placement:": where new instances go, and whether others make room
 */
#pragma once

#include <stddef.h>

#include "policy/policy.h"

/* name, as typed, what it does */
#define PLACEMENT_RULES(X)                                                  \
	X(CAP, "cap", "where the fewest starts are lost for all profiles")  \
	X(MFI, "mfi", "where what is free is fragmented least")             \
	X(BEST_FIT, "best-fit", "on the GPU with the fewest free units")    \
	X(FIRST_FIT, "first-fit", "on the first GPU with room, lowest unit")

enum placement_rule {
#define X(name, typed, meaning) PLACEMENT_##name,
	PLACEMENT_RULES(X)
#undef X
		PLACEMENT_RULE_COUNT
};

const char *placement_rule_name(enum placement_rule rule);

struct policy_placement {
	enum placement_rule rule;
	unsigned max_moves; /* leases moved for one blocked request; 0: none */
	bool moves_done;    /* by the steward; else only proposed */
};

#define PLACEMENT_MOVE_RULE "placement.relocate" /* what a move is explained by */
#define PLACEMENT_MAX_MOVES 3

const struct policy_placement *policy_placement(const struct policy *policy);

struct yaml_node;

/* Read the key's map. err: INVALID with its place. */
int policy_read_placement(const struct yaml_node *map, struct policy_placement *ret,
			  struct err *err);
