/*
 * serve-part.h - what the parts of serve.c share; nobody else includes it
 */
#pragma once

#include "planner/serve.h"

#define N_MAX	  SIZE_MAX_PROFILES
#define F_MAX	  SIZE_MAX_FACETS
#define EPS	  1e-9
#define WAYS_MAX  4096	  /* of one service; more are not looked at, and nothing is proven */
#define STEPS_MAX 4000000 /* of all searching */

struct way {
	uint32_t counts[N_MAX];
	uint32_t needs[F_MAX];
};

struct ways {
	size_t n;
	double least; /* GPUs, by the prices, of the cheapest way */
	struct way at[WAYS_MAX];
};

struct problem {
	const struct board *board;
	const struct serve_service *services;
	size_t n;
	struct size_facet facets[F_MAX];
	unsigned n_facets;
	double weights[F_MAX]; /* of the facets: 1 together */
	double prices[N_MAX];  /* of an instance, in GPUs */
	struct ways *ways;     /* by service */
	uint64_t n_steps;
	bool cut; /* something was left out */
};

/* Does a need no more than b of any facet? */
bool serve_needs_no_more(const uint32_t *a, const uint32_t *b, unsigned n_facets);

/*
 * One way of each service so that all fit on so many GPUs. Returns 1, and fills in
 * the instances of ret; 0 when none fit, or too much was left out; -1 without memory.
 */
int serve_join(struct problem *problem, uint64_t n_gpus, struct serve_answer *ret);

/*
 * Whole instances of the best division, and the rest of each service by itself: a
 * few GPUs more than the least, at most. Fills in ret but for proven and relaxed.
 * Returns 0, or -1 without memory.
 */
int serve_round(const struct problem *problem, struct serve_answer *ret);
