/*
 * model.h - how fast known models run on instances
 *
 * A table of published measurements (data/model-speed.csv): a model, a board,
 * a profile and a batch size give a throughput. Between two measured batch
 * sizes the time of a batch is taken on the straight line between them; beyond
 * the largest, on other boards and for other models there is no figure, and
 * none is made up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "facts/board.h"

struct model_speed {
	const char *model, *gpu, *profile;
	unsigned batch;
	double per_s;
	const char *source;
};

extern const struct model_speed model_speeds[]; /* sorted: model, gpu, profile, batch */
extern const size_t n_model_speeds;

/* The rows of one model on one profile. */
struct model_run {
	const struct model_speed *rows; /* ascending by batch, from 1 */
	size_t n;
};

/*
 * Find the figures of a model on an instance.
 *
 *   board    the board whose figures to take
 *   profile  that of the instance; other boards' instances match by shape
 *            (compute and memory slices)
 *   err      NOT_FOUND: no such model (with the list), none on this board, none
 *            on this profile
 */
int model_find(const char *model, const struct board *board, const struct profile *profile,
	       struct model_run *ret, struct err *err);

/* The largest batch with a figure. */
unsigned model_max_batch(const struct model_run *run);

/* Seconds that a batch of 1..model_max_batch takes. */
double model_batch_s(const struct model_run *run, unsigned batch);
