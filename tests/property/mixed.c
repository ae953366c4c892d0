/*
 * Several boards together against trying everything: every number of GPUs of
 * each board and every way to share the demand among them.
 */
#include "../unit/tap.h"

#include <string.h>

#include "base/array.h"
#include "base/err.h"
#include "planner/mersenne.h"
#include "planner/mixed.h"
#include "planner/pack.h"

static const char *const names[] = {"1g", "2g", "3g", "4g"};
static const char *const ids[] = {"h100-sxm5-80gb", "a30-24gb"};

#define N_KINDS	 ARRAY_SIZE(names)
#define N_BOARDS ARRAY_SIZE(ids)

static void random_demand(struct mersenne *random, struct mixed_demand *ret)
{
	*ret = (struct mixed_demand){.n_boards = N_BOARDS, .n_kinds = N_KINDS};
	for (size_t b = 0; b < N_BOARDS; b++) {
		ret->boards[b] = board_by_id(ids[b]);
		ret->most[b] = mersenne_below(random, 6);
	}
	for (size_t k = 0; k < N_KINDS; k++) {
		ret->kinds[k].n = mersenne_below(random, 8);
		for (size_t b = 0; b < N_BOARDS; b++) {
			const struct profile *profile =
				board_profile_by_name(ret->boards[b], names[k]);

			ret->kinds[k].profile[b] =
				profile ? (uint8_t)profile_index(ret->boards[b], profile)
					: MIXED_NO_PROFILE;
		}
	}
}

static uint64_t least_on(const struct mixed_demand *demand, size_t board, const uint32_t *counts)
{
	uint32_t wanted[SIZE_MAX_PROFILES] = {0};
	uint64_t gpus = UINT64_MAX;

	for (size_t k = 0; k < N_KINDS; k++) {
		if (counts[k] && demand->kinds[k].profile[board] == MIXED_NO_PROFILE)
			return UINT32_MAX;
		if (counts[k])
			wanted[demand->kinds[k].profile[board]] += counts[k];
	}
	assert_true(size_minimum(demand->boards[board], wanted, &gpus, NULL));
	return gpus;
}

/* Every share of the first board, the rest on the second; UINT32_MAX when nothing does. */
static uint64_t try_everything(const struct mixed_demand *demand)
{
	uint64_t best = UINT32_MAX;
	uint32_t first[N_KINDS], second[N_KINDS];

	memset(first, 0, sizeof(first));
	for (;;) {
		uint64_t a, b;
		size_t k = 0;

		for (size_t i = 0; i < N_KINDS; i++)
			second[i] = demand->kinds[i].n - first[i];
		a = least_on(demand, 0, first);
		b = least_on(demand, 1, second);
		if (a <= demand->most[0] && b <= demand->most[1] && a + b < best)
			best = a + b;
		while (k < N_KINDS && first[k] == demand->kinds[k].n)
			first[k++] = 0;
		if (k == N_KINDS)
			return best;
		first[k]++;
	}
}

/* What the answer sends to each board is all of the demand, and fits there. */
static void check_answer(const struct mixed_demand *demand, const struct mixed_answer *answer)
{
	uint64_t wanted = 0, sent = 0;

	for (size_t k = 0; k < N_KINDS; k++)
		wanted += demand->kinds[k].n;
	for (size_t b = 0; b < N_BOARDS; b++) {
		uint64_t least = 0;

		for (size_t p = 0; p < SIZE_MAX_PROFILES; p++)
			sent += answer->wanted[b][p];
		assert_true(size_minimum(demand->boards[b], answer->wanted[b], &least, NULL));
		assert_true(least <= answer->gpus[b]);
		assert_true(answer->gpus[b] <= demand->most[b]);
	}
	assert_int_equal(sent, wanted);
}

static void test_against_trying_everything(void **state)
{
	unsigned n_none = 0, n_some = 0;
	struct mersenne random;

	(void)state;
	mersenne_seed(&random, 8);
	for (unsigned i = 0; i < 1000; i++) {
		struct mixed_demand demand;
		struct mixed_answer answer;
		struct err err = ERR_INIT;
		uint64_t best;

		random_demand(&random, &demand);
		best = try_everything(&demand);
		if (mixed_solve(&demand, &answer, &err)) {
			assert_int_equal(err.code, ERR_IMPOSSIBLE);
			assert_int_equal(best, UINT32_MAX);
			n_none++;
			continue;
		}
		assert_true(answer.proven);
		assert_int_equal(answer.n_gpus, best);
		check_answer(&demand, &answer);
		n_some++;
	}
	assert_true(n_none > 100);
	assert_true(n_some > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_trying_everything),
	};

	return tap_run(tests);
}
