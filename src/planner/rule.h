/*
 * rule.h - which of many equal GPUs, and where on it: rules as tables
 *
 * A rule decides where one more instance goes on a fleet of GPUs of one board.
 * To a rule a GPU is its state: which units are taken, and what its instances
 * have of the media engines. A board has few states that instances can lead
 * to (192 masks on 8-slot boards), so a rule is a table: for each state and
 * profile a start and a score. The GPU with the lowest score is taken, and of
 * equals the one with the lowest number; the order of starts is part of the
 * rule, and of equals the first is taken.
 *
 * The tables of one board are made once, in a few milliseconds, and never change.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "geometry/layout.h"

/* name, as typed, what it does */
#define RULE_TABLE(X)                                                                              \
	X(FF, "ff", "first GPU with room, lowest start")                                           \
	X(RR, "rr", "the same, going on behind the last GPU used")                                 \
	X(BF, "bf", "fullest GPU, the driver's order of starts")                                   \
	X(WF, "wf", "emptiest GPU, the driver's order of starts")                                  \
	X(MFI, "mfi", "least fragmentation of what is free")                                       \
	X(CAP, "cap", "fewest starts lost for all profiles")

enum rule {
#define X(name, typed, meaning) RULE_##name,
	RULE_TABLE(X)
#undef X
		RULE_COUNT
};

const char *rule_name(enum rule rule);
const char *rule_meaning(enum rule rule);

#define RULE_MAX_PROFILES 16
#define RULE_MAX_STATES	  1024
#define RULE_NO_STATE	  UINT16_MAX
#define RULE_NO_FIT	  INT16_MAX

/* Where one more of a profile goes on a GPU of one state. */
struct rule_step {
	int16_t score; /* lower is better; RULE_NO_FIT: no room */
	uint8_t start;
};

struct rules {
	const struct board *board;
	unsigned n_states; /* state 0 is the empty GPU */
	uint16_t masks[RULE_MAX_STATES];
	uint16_t *state_of;	 /* by mask and media; private: rules_state() */
	struct rule_step *steps; /* private: rules_step() */
};

/* NULL when memory runs out. */
struct rules *rules_new(const struct board *board);
void rules_free(struct rules *rules);

static inline void cleanup_rules_free(struct rules **rules)
{
	rules_free(*rules);
}

/* The state of a GPU; the layout must be one that instances can lead to. */
unsigned rules_state(const struct rules *rules, const struct layout *layout);

static inline struct rule_step rules_step(const struct rules *rules, enum rule rule,
					  unsigned profile, unsigned state)
{
	return rules->steps[((size_t)rule * RULE_MAX_PROFILES + profile) * RULE_MAX_STATES + state];
}

/*
 * The same without tables, for any layout, also with units blocked that no instance
 * covers: of these starts the one with the lowest score, the first in the rule's order
 * when they tie. starts is not 0, and each a start of the profile.
 */
unsigned rule_pick(enum rule rule, const struct layout *layout, const struct profile *profile,
		   uint16_t starts, int *ret_score);

/*
 * How fragmented the free units are (F of MFI, after arXiv 2511.18906): starts
 * lost, times size, over the base and double-memory profiles that the number
 * of free units would still allow. 0 on an empty GPU.
 */
unsigned rule_fragmentation(const struct board *board, uint16_t mask);
