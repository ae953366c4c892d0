/*
 * choose.h - where a new lease goes
 *
 * Pure: it is shown the GPUs as they are (what lies on them, what is free to
 * be taken or taken away) and the class that is asked for, and names a place.
 * Nothing that runs is ever touched: only free instances of ours may be reused
 * or removed to make room, and only leases marked as movable may be moved. Those
 * of a layout that was applied are never removed.
 *
 * In this order: the profile the class likes best on each GPU's board; a free
 * instance that exists; a new one where the policy's placement rule has it (rule.h;
 * CAP unless it says otherwise), the GPU with the lower index when they tie; the same
 * after removing free instances, as few as possible. If none, the next profile of
 * the class. Of several free instances it takes the one whose place the rule likes best.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geometry/layout.h"
#include "policy/policy-placement.h"
#include "policy/policy.h"

#define CHOOSE_MAX_GPUS 32

enum choose_use {
	CHOOSE_HELD, /* leased, a stranger's, or being created or destroyed */
	CHOOSE_FREE, /* ours, nobody's: may be taken, or removed */
};

struct choose_instance {
	int64_t id; /* the caller's; no two are the same */
	const struct profile *profile;
	unsigned start;
	enum choose_use use;
	bool movable; /* held, but its lease may be moved */
	bool laid;    /* part of a layout: nothing else ever takes its place */
	bool has_ends; /* held by a lease until */
	int64_t ends_s;
	int64_t lease;
};

struct choose_gpu {
	bool usable; /* MIG on, alive, managed; else it is passed over */
	bool closed; /* nothing goes there for now */
	const struct board *board;
	uint16_t blocked; /* units on which nothing new is placed */
	size_t n;
	struct choose_instance at[LAYOUT_MAX];
};

/* A lease goes to another instance of the same profile. */
struct choose_move {
	int64_t from; /* the instance it has */
	size_t gpu;   /* to there */
	const struct profile *profile;
	unsigned start;
	bool exists; /* the free instance `to` is taken */
	int64_t to;
};

#define CHOOSE_MAX_MOVES  PLACEMENT_MAX_MOVES
#define CHOOSE_MAX_REMOVE (LAYOUT_MAX * (1 + CHOOSE_MAX_MOVES))

struct choice {
	size_t gpu; /* index into gpus */
	const struct profile *profile;
	unsigned start;
	bool exists; /* take the free instance `id` */
	int64_t id;
	size_t n_remove; /* else remove these free instances first */
	int64_t remove[CHOOSE_MAX_REMOVE];
	size_t n_moves; /* and move these away before it is made */
	struct choose_move moves[CHOOSE_MAX_MOVES];
};

/* A place kept for the one who has waited longest; others may not take it. */
struct choose_hold {
	bool active;
	size_t gpu;
	uint16_t window; /* units */
};

/*
 *   max_slices  only profiles with at most so many compute slices
 *   hold        NULL, or what to leave alone
 * Returns false when there is no place now.
 */
bool choose_place(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		  uint32_t max_slices, const struct choose_hold *hold, struct choice *ret);

/*
 * When choose_place() finds none: a place from which movable leases go away, at most
 * max_moves of them. Of the class's best profile that can be served so, the place with
 * the fewest moves, then the least units moved, then the fewest free instances removed,
 * GPU, start. Each lease moved goes where the placement rule has it while its
 * old instance is still there.
 * Returns false when there is no way.
 */
bool choose_by_moving(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		      uint32_t max_slices, const struct choose_hold *hold, unsigned max_moves,
		      struct choice *ret);

/* Could it ever be served, were all GPUs empty and open? */
bool choose_is_possible(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
			uint32_t max_slices);

/* How many more of the class fit now, all GPUs together, by repeated choose_place. */
unsigned choose_count(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		      uint32_t max_slices);

struct outlook {
	bool has_when;
	int64_t when_s; /* when it is free, if every lease ends at its end and nobody comes before */
	int64_t lease;	/* the one whose end frees it; 0: none */
	struct choose_hold hold; /* the place */
};

/*
 * When will there be room? Of all windows that could serve the class, the one
 * whose last lease ends first, the better profile when they tie. Windows with a
 * stranger or without a known end never free. Free now: when_s = now_s, lease 0;
 * a lease that should have ended already counts as ending now, and is named.
 */
void choose_outlook(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		    uint32_t max_slices, int64_t now_s, struct outlook *ret);
