/*
 * present.h - the GPUs of carve-api(7) as the planner sees them
 *
 * What is there, whose it is, and what may go: a free instance may, a leased
 * one when its lease is over, one that processes run on when they have ended;
 * what carve did not make, cannot remove or is just working on stays.
 */
#pragma once

#include <jansson.h>

#include "cli/cli.h"
#include "planner/change.h"
#include "planner/wish.h"

struct present {
	json_t *answer; /* owns all texts */
	struct wish_server server;
	struct wish now; /* with starts; a GPU that cannot be read is not given */
	struct present_gpu {
		const json_t *json;
		bool mig;
		bool readable; /* its board and all its instances are known */
		struct change_gpu gpu;
		const json_t *instances[LAYOUT_MAX]; /* the first in that window */
		json_t *pids[LAYOUT_MAX];	     /* on all in that window */
		char who[LAYOUT_MAX][96];
	} gpus[WISH_MAX_GPUS];
};

/* Ask the daemon. err: also TOO_LARGE, more GPUs than are planned for. */
int present_ask(const struct cli_wish *wish, struct present **ret, struct err *err);

/* What carve did not make may go like its own, unless processes run on it. */
void present_adopt(struct present *present);
void present_free(struct present *present);

static inline void cleanup_present_free(struct present **present)
{
	present_free(*present);
}
