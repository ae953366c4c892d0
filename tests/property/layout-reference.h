/*
 * layout-reference.h - a second opinion on one GPU, slow and plain
 *
 * It knows every pair of profile and start a board has, and which of them are
 * there. Each question is answered by putting things there and drawing the GPU
 * unit by unit anew; it shares no arithmetic with geometry/layout.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "facts/board.h"
#include "geometry/layout.h"

/* Broken on purpose, to see that the property notices. */
enum mistake {
	MISTAKE_NONE,
	MISTAKE_SHORT_WINDOW, /* the last unit of a window is not covered */
	MISTAKE_MANY_ME,      /* +me as often as one likes */
	MISTAKE_MIXED_ME_ALL, /* plain profiles beside +me.all */
	MISTAKE_HIGHEST_TIE,  /* of equal places the highest */
	MISTAKE_UNWEIGHTED,   /* a choice counts one, whatever its size */
	MISTAKE_GIVE_NOTHING, /* what is taken away stays */
	MISTAKE_COUNT,
};

#define PAIRS_MAX 32 /* 30 on RTX PRO 6000 */

struct reference {
	const struct board *board;
	enum mistake mistake;
	unsigned n;
	struct {
		const struct profile *profile;
		unsigned start;
		bool there;
	} pairs[PAIRS_MAX];
};

/* Only profiles of the family are known to it. */
void reference_init(struct reference *reference, const struct board *board, enum family family,
		    enum mistake mistake);

bool reference_take(struct reference *reference, const struct profile *profile, unsigned start);
bool reference_give(struct reference *reference, const struct profile *profile, unsigned start);

/* Bit i: pair i is there. */
uint32_t reference_key(const struct reference *reference);
/* The same of a layout; its pairs must all be known. */
uint32_t reference_key_of(const struct reference *reference, const struct layout *layout);
void reference_set(struct reference *reference, uint32_t key);

/* All keys the board allows, ascending; the caller frees *ret. */
size_t reference_enumerate(struct reference *reference, uint32_t **ret);

/* Nothing more can be there. */
bool reference_is_maximal(struct reference *reference);

/* What the layout and the reference disagree about, or NULL. */
const char *reference_disagrees(struct reference *reference, const struct layout *layout);
