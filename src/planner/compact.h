/*
 * compact.h - the most GPUs freed with the fewest moves
 *
 * Instances that came and went leave a fleet with more GPUs in use than its
 * running instances need. Compacting moves some so that the GPUs in use are as
 * few as the closed form (geometry/size.h) allows. This finds the least number
 * of moves that does it, exactly, for equal GPUs whose instances may all move.
 *
 * GPUs with the same layout are one group, so the program (ilp.h) grows with
 * the kinds of layout there are, not with the fleet. It decides how many GPUs of
 * each group keep which of their instances, and how many of those that keep the
 * same units receive which instances. Everything taken out is received somewhere.
 *
 * The order of the moves is not part of the answer. With one empty GPU to move
 * over there always is one.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "planner/fleet.h"

struct compact_group {
	struct layout layout;
	uint32_t n;
};

struct compact_groups {
	struct compact_group *at;
	size_t n, cap;
};

void compact_groups_done(struct compact_groups *groups);

static inline void cleanup_compact_groups_done(struct compact_groups *groups)
{
	compact_groups_done(groups);
}

/* A fleet by layouts. Returns 0, or -1 when memory ran out. */
int compact_group_fleet(const struct rules *rules, const struct fleet *fleet,
			struct compact_groups *ret);

/* So many GPUs of a group keep these of their instances, and lose the rest. */
struct compact_keep {
	size_t group;
	uint16_t kept; /* bit i: instance i of the layout stays */
	uint32_t n;
};

/* So many of the GPUs with these units in use then receive these instances. */
struct compact_receive {
	uint16_t state;			   /* of rule.h, after keeping */
	uint8_t counts[RULE_MAX_PROFILES]; /* room for; some may stay free */
	uint32_t n;
};

struct compact_answer {
	uint64_t used, target; /* GPUs in use before and after */
	uint64_t moves, running;
	bool proven;	/* fewer moves would not do */
	uint64_t bound; /* no answer has fewer */
	struct compact_keep *keeps;
	struct compact_receive *receives;
	size_t n_keeps, n_receives;
};

void compact_answer_done(struct compact_answer *answer);

/*
 *   err  UNSUPPORTED no closed form for the board or an instance; NOMEM;
 *        TIMEOUT no answer within the bounds of the search
 */
int compact_solve(const struct rules *rules, const struct compact_groups *groups,
		  struct compact_answer *ret, struct err *err);
