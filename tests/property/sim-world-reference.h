/*
 * sim-world-reference.h - one GPU, by another mind
 *
 * A slow model of what the driver's rules are, to hold src/sim/world-gi.c and
 * world-ci.c against. It draws the memory as a row of letters and looks; it
 * searches where they calculate, and goes by the names of profiles where they
 * go by flags. It shares no code with them.
 */
#pragma once

#include "facts/board.h"
#include "facts/nvml.h"

/* What the model gets wrong on purpose, to see that it is noticed. */
enum flaw {
	FLAW_NONE,
	FLAW_MEDIA,	  /* knows no media engines */
	FLAW_TIES,	  /* of equal starts takes the highest */
	FLAW_FLIP,	  /* forgets that halves may be exchanged */
	FLAW_CHOICES,	  /* sees no difference between places */
	FLAW_CI_IDS,	  /* gives out compute instance ids by place */
	FLAW_GREEDY_ROOM, /* tells how many starts there are, not how many are free */
	FLAWS
};

#define REF_UNITS 16
#define REF_GIS	  15
#define REF_CIS	  8

struct ref_gi {
	const struct profile *profile; /* NULL: not there */
	unsigned start;
	const struct ci_profile *cis[REF_CIS];
	unsigned ci_starts[REF_CIS];
};

struct ref_gpu {
	const struct board *board;
	bool flip;
	enum flaw flaw;
	struct ref_gi gis[REF_GIS]; /* by id */
};

/* As world_gi_create() and so on; start -1: anywhere. */
nvmlReturn_t ref_gi_create(struct ref_gpu *gpu, const struct profile *profile, int start,
			   unsigned *ret_gi);
nvmlReturn_t ref_gi_destroy(struct ref_gpu *gpu, unsigned gi);
nvmlReturn_t ref_ci_create(struct ref_gpu *gpu, unsigned gi, const struct ci_profile *profile,
			   int start, unsigned *ret_ci);
nvmlReturn_t ref_ci_destroy(struct ref_gpu *gpu, unsigned gi, unsigned ci);
unsigned ref_gi_remaining(const struct ref_gpu *gpu, const struct profile *profile);
unsigned ref_ci_remaining(const struct ref_gpu *gpu, unsigned gi, const struct ci_profile *profile);
