/*
 * world-test.h - worlds for tests: boards by id, a clock that stands still
 */
#pragma once

#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "sim/world-part.h"

static int64_t test_now_ns;

__attribute__((unused)) static int64_t test_clock(void)
{
	return test_now_ns;
}

__attribute__((unused)) static void test_clock_stops(void)
{
	test_now_ns = 1000000000;
	world_clock_ns = test_clock;
}

__attribute__((unused)) static struct world_spec spec_of(const char *const *ids, size_t n)
{
	struct world_spec spec = {.seed = 1, .n_gpus = n};

	for (size_t i = 0; i < n; i++) {
		spec.gpus[i].board = board_by_id(ids[i]);
		spec.gpus[i].mig = true;
		assert_non_null(spec.gpus[i].board);
	}
	return spec;
}

__attribute__((unused)) static void make_state(struct world_state *state,
					       const struct world_spec *spec)
{
	struct err err = ERR_INIT;

	if (world_state_init(state, spec, &err))
		fail_msg("%s", err.text);
}

/* One GPU of that board, in MIG mode. */
__attribute__((unused)) static void one_gpu(struct world_state *state, const char *board)
{
	struct world_spec spec = spec_of(&board, 1);

	make_state(state, &spec);
}

#define assert_sound(state)                                                                        \
	do {                                                                                       \
		struct err check_err = ERR_INIT;                                                   \
		if (world_check(state, &check_err))                                                \
			fail_msg("%s", check_err.text);                                            \
	} while (0)

/* The profile by its name, its id for creation. */
__attribute__((unused)) static unsigned profile_id(const struct world_gpu *gpu, const char *name)
{
	const struct board *board = world_board(gpu);

	for (size_t p = 0; p < board->n_profiles; p++) {
		if (!strcmp(board->profiles[p].name, name))
			return board->profiles[p].id;
	}
	fail_msg("no %s on %s", name, board->id);
	return 0;
}

/* Create, which must succeed. Returns the id. */
__attribute__((unused)) static unsigned create_gi(struct world_state *state, const char *profile,
						  int start)
{
	unsigned gi = 99;

	assert_int_equal(
		world_gi_create(state, 0, profile_id(&state->gpus[0], profile), start, &gi),
		NVML_SUCCESS);
	return gi;
}

__attribute__((unused)) static unsigned create_whole_ci(struct world_state *state, unsigned gi)
{
	const struct world_gpu *gpu = &state->gpus[0];
	unsigned ci = 99, id = profile_whole_ci(world_gi_profile(gpu, &gpu->gis[gi]))->id;

	assert_int_equal(world_ci_create(state, 0, gi, id, WORLD_ANYWHERE, &ci), NVML_SUCCESS);
	return ci;
}
