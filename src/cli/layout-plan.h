/*
 * layout-plan.h - what `carve layout plan` shows: the changes of all GPUs
 */
#pragma once

#include "cli/present.h"

/*
 * The plan from what is there to a wish.
 *
 *   wish  may be changed: with any_order equal GPUs exchange their parts
 *   ret   out: {gpus, steps, waits, time_s, measured}; the caller's
 *   err   that of change_make() with the GPU in front; also UNSUPPORTED and
 *         UNAVAILABLE for a GPU that cannot be changed
 */
int layout_plan(const struct present *present, struct wish *wish, bool any_order, json_t **ret,
		struct err *err);

/* For people. */
int layout_plan_print(const struct cli_wish *wish, const struct present *present,
		      const json_t *plan, struct err *err);

/* The columns of the steps, for --help. */
void layout_plan_help(void);

/* One GPU's layout as words, "" when it is not known. */
void layout_words(const struct wish_gpu *gpu, struct text *ret);
