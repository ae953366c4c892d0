/*
 * layout.h - where the instances of one GPU lie
 *
 * A GPU in MIG mode is a row of units numbered from 0. An instance covers one
 * unbroken run of them, its window, and the hardware lets each profile start
 * only at certain units. A layout is the set of windows in use with their
 * profiles. This module answers questions about layouts and never touches a
 * device: the same layout and the same question give the same answer on every
 * machine.
 *
 * Units: positions and lengths are units of the board, never bytes.
 * Cost: everything here is a few dozen bit operations; a planner calls it some
 * thousands of times for one plan. layout_each() is for tests and tables.
 *
 * Beyond the windows the hardware has few rules, all kept by layout_fits():
 * the compute slices of a board are never exceeded, "+me" exists once per GPU,
 * and beside "+me.all" only "-me" profiles may exist.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "facts/board.h"

#define LAYOUT_MAX 16 /* no board has more units */

struct place {
	uint8_t profile; /* index into board->profiles */
	uint8_t start;	 /* unit */
};

struct layout {
	const struct board *board;
	uint16_t mask;	 /* bit u: unit u is in use */
	uint8_t compute; /* compute slices in use */
	uint8_t n;	 /* instances */
	struct place at[LAYOUT_MAX]; /* ascending by start */
};

/* An empty layout of a board. */
void layout_init(struct layout *layout, const struct board *board);

/* The units a profile covers from start, as bits. */
static inline uint16_t profile_window(const struct profile *profile, unsigned start)
{
	return (uint16_t)(((1u << profile->size) - 1u) << start);
}

/* May one more of this profile begin at this unit? */
bool layout_fits(const struct layout *layout, const struct profile *profile, unsigned start);

/* All units where one more of this profile may begin now, as bits. */
uint16_t layout_starts(const struct layout *layout, const struct profile *profile);

/*
 * How many more of this profile fit at once (NVML's remaining capacity).
 * Windows of one profile never overlap each other, so this is the number of
 * free starts, cut by the rules above.
 */
unsigned layout_remaining(const struct layout *layout, const struct profile *profile);

/* Put one there. false, and no change, when it does not fit. */
bool layout_take(struct layout *layout, const struct profile *profile, unsigned start);

/* Take it away again. false, and no change, when exactly that is not there. */
bool layout_give(struct layout *layout, const struct profile *profile, unsigned start);

/* Is exactly this there? */
bool layout_has(const struct layout *layout, const struct profile *profile, unsigned start);

bool layout_equal(const struct layout *a, const struct layout *b);

/*
 * What the free units still allow, as one number: the sum of size x free starts
 * over base profiles and double memory (Phi of the CAP rule). Variants ("+me",
 * "-me", "+gfx") would count one window twice and are left out; the rules
 * beyond the windows do not change it. 41 on an empty 8-slot board.
 */
unsigned layout_choices(const struct layout *layout);

/*
 * Find a place for one more instance by the CAP rule.
 *
 *   ret_start  out: its first unit; untouched when there is none
 *   ret_loss   out: layout_choices() lost by taking it; may be NULL
 *
 * Of the free starts it takes the one that loses fewest choices, and the
 * lowest of these when they tie.
 */
bool layout_find(const struct layout *layout, const struct profile *profile, unsigned *ret_start,
		 unsigned *ret_loss);

/* The profiles layout_each() goes through. */
enum family {
	FAMILY_BASE,	    /* one per shape: no double memory, no variants */
	FAMILY_DOUBLE,	    /* base and double memory */
	FAMILY_DOUBLE_ME,   /* base, double memory and +me */
	FAMILY_ALL,
};

bool family_has(enum family family, const struct profile *profile);

/* Nothing more of the family fits. */
bool layout_is_maximal(const struct layout *layout, enum family family);

/*
 * Every layout of the board once, the empty one included, in a fixed order.
 * fn returning false stops. Returns how many were shown.
 */
size_t layout_each(const struct board *board, enum family family,
		   bool (*fn)(const struct layout *layout, void *arg), void *arg);

/*
 * The GPU as a ruler of units: "[1g ann ][1g -   ][2g bob         ]    .    "
 * where each unit has `cell` columns (at least 4), "." marks a free unit, and
 * words that are too long are cut. Always units x cell columns.
 *
 *   label  the words inside an instance, or NULL for its shape alone; returns a
 *          string that lives until the next call and may hold anything
 */
void layout_draw(const struct layout *layout, unsigned cell,
		 const char *(*label)(const struct place *place, void *arg), void *arg,
		 struct text *ret);

/* "3g@0 2g@4 1g@6", "empty" when nothing is there. */
void layout_format(const struct layout *layout, struct text *ret);

/* "2g", "1g+me", "1g.20gb" for double memory: the short name of a profile. */
const char *profile_shape(const struct profile *profile, char *buf, size_t len);
