/*
 * change.h - from the layout of a GPU to the one that is wanted
 *
 * An instance survives only where it is: the same profile at the same start.
 * So of all placements of what is wanted the one is taken that, in this order,
 * keeps what is pinned, takes least from busy holders (seconds, then number),
 * destroys fewest, creates fewest, takes least time, leaves most choices
 * (layout_choices), has the lowest starts, the largest profiles first. All
 * placements are looked at, so nothing better exists; that takes microseconds.
 *
 * Pure: nothing here knows a device, a lease or a name beyond `who`.
 */
#pragma once

#include "base/err.h"
#include "base/text.h"
#include "geometry/layout.h"
#include "planner/wish.h"

enum change_use {
	CHANGE_IDLE,   /* may go */
	CHANGE_BUSY,   /* may go when its holder has: wait_s */
	CHANGE_PINNED, /* must stay: a stranger's, protected, unclear */
};

struct change_instance {
	const struct profile *profile; /* of the GPU's board */
	unsigned start;
	enum change_use use;
	int64_t wait_s;	 /* busy: until it is free, or what moving it costs; 0 or more */
	const char *who; /* for messages: "lease 9 of cleo"; NULL when idle */
};

struct change_gpu {
	const struct board *board;
	size_t n;
	struct change_instance at[LAYOUT_MAX];
};

/* What a change costs, the weightiest first. */
struct change_cost {
	uint64_t wait_s;
	unsigned busy;	    /* busy instances that go */
	unsigned destroyed; /* all that go */
	unsigned created;
	uint64_t ms;
	unsigned choices; /* afterwards; more is better */
};

struct change_step {
	bool create; /* else destroy */
	const struct profile *profile;
	uint8_t start;
	uint8_t instance; /* destroy: which one of the GPU's */
	uint16_t ms;
};

struct change {
	struct layout goal;
	uint32_t kept; /* bit i: instance i of the GPU stays */
	struct change_cost cost;
	size_t n_placements; /* of what is wanted, pinned instances respected */
	bool measured;	     /* ms are of this family of boards */
	size_t n;
	struct change_step steps[2 * LAYOUT_MAX]; /* each can be done after those before it */
};

/*
 * The cheapest change of one GPU in MIG mode.
 *
 *   ret  out: untouched on failure
 *   err  IMPOSSIBLE  no GPU of this board could hold it
 *        BUSY        it could, but not beside what is pinned; the text says what and by whom
 *        INVALID     the GPU's instances contradict each other
 * With IMPOSSIBLE and BUSY the hint names the nearest layout that can be had.
 */
int change_make(const struct change_gpu *gpu, const struct wish_gpu *wish, struct change *ret,
		struct err *err);

/*
 * The possible layout nearest to a wish: fewest wished instances left out or
 * replaced, then most of them with their profile, compute slices and units as
 * near as can be, then the cheapest change. false when the pinned instances contradict
 * each other.
 */
bool change_nearest(const struct change_gpu *gpu, const struct wish_gpu *wish, struct layout *ret);

/* Why there is no cheaper change, in one clause. */
void change_why(const struct change_gpu *gpu, const struct wish_gpu *wish,
		const struct change *change, struct text *ret);

/*
 * Which GPU gets which of the wishes so that all together is cheapest. Only
 * GPUs of one board exchange wishes; those with nothing given take no part.
 *
 *   ret_wish  out: GPU i gets wishes[ret_wish[i]], one GPU each
 *   err       that of change_make() for the first wish that no GPU can take
 */
#define CHANGE_MAX_GPUS 32
int change_assign(const struct change_gpu *gpus, const struct wish_gpu *wishes, size_t n,
		  size_t *ret_wish, struct err *err);
