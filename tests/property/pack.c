/*
 * The packer: for random demands up to a million of each profile, the layouts
 * hold exactly what is wanted, are what geometry allows, and are as many as the
 * closed form says.
 */
#include "../unit/tap.h"

#include <string.h>

#include "base/array.h"
#include "base/err.h"
#include "planner/mersenne.h"
#include "planner/pack.h"

#define N_DEMANDS 100000

/* Rebuilt instance by instance: a layout that geometry would refuse is no layout. */
static void check_group(const struct board *board, const struct pack_group *group, uint64_t *counts)
{
	struct layout layout;

	layout_init(&layout, board);
	for (unsigned i = 0; i < group->layout.n; i++) {
		const struct place *place = &group->layout.at[i];

		assert_true(layout_take(&layout, &board->profiles[place->profile], place->start));
		counts[place->profile] += group->n;
	}
	assert_true(group->layout.n > 0);
	assert_true(group->n > 0);
}

static size_t check_demand(const struct board *board, const uint32_t *wanted)
{
	uint64_t counts[SIZE_MAX_PROFILES] = {0}, gpus = 0, least = 0;
	struct pack pack;
	struct err err = ERR_INIT;
	enum facet facet;
	size_t n;

	if (pack_demand(board, wanted, &pack, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < pack.n; i++) {
		check_group(board, &pack.groups[i], counts);
		gpus += pack.groups[i].n;
	}
	for (size_t i = 0; i < SIZE_MAX_PROFILES; i++)
		assert_int_equal(counts[i], wanted[i]);
	assert_true(size_minimum(board, wanted, &least, &facet));
	assert_int_equal(gpus, least);
	assert_int_equal(pack.n_gpus, least);
	if (least) {
		/* One GPU fewer has not enough of what binds. */
		assert_true(pack.bound.needed > (least - 1) * pack.bound.per_gpu);
		assert_true(pack.bound.needed <= least * pack.bound.per_gpu);
	}
	n = pack.n;
	pack_done(&pack);
	return n;
}

static void random_demand(const struct board *board, struct mersenne *random, uint32_t *ret)
{
	memset(ret, 0, SIZE_MAX_PROFILES * sizeof(*ret));
	for (size_t i = 0; i < board->n_profiles; i++) {
		unsigned digits = mersenne_below(random, 8);
		uint32_t most = 1;

		if (!size_covers(board, &board->profiles[i]))
			continue;
		for (unsigned d = 1; d < digits; d++)
			most *= 10;
		ret[i] = digits ? mersenne_below(random, most + 1) : 0;
	}
}

static void run_board(const char *id, unsigned n, size_t most_groups)
{
	const struct board *board = board_by_id(id);
	uint32_t wanted[SIZE_MAX_PROFILES];
	struct mersenne random;

	mersenne_seed(&random, 2026);
	for (unsigned i = 0; i < n; i++) {
		size_t groups;

		random_demand(board, &random, wanted);
		groups = check_demand(board, wanted);
		if (groups > most_groups)
			fail_msg("%s: %zu groups of layouts", id, groups);
	}
}

static void test_8_slots(void **state)
{
	(void)state;
	run_board("h100-sxm5-80gb", N_DEMANDS, 40);
}

static void test_quarters(void **state)
{
	(void)state;
	run_board("a30-24gb", 10000, 40);
	run_board("rtx-pro-6000-blackwell-server", 1000, 60);
}

static void test_nothing(void **state)
{
	uint32_t wanted[SIZE_MAX_PROFILES] = {0};

	(void)state;
	assert_int_equal(check_demand(board_by_id("h100-sxm5-80gb"), wanted), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_8_slots),
		cmocka_unit_test(test_quarters),
		cmocka_unit_test(test_nothing),
	};

	return tap_run(tests);
}
