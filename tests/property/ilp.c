/*
 * The integer programs against trying everything: random small ones, with
 * equalities, bounds, and no solution at all.
 */
#include "../unit/tap.h"

#include <stdlib.h>

#include "base/err.h"
#include "planner/ilp.h"
#include "planner/mersenne.h"

#define N_MAX 5
#define M_MAX 5

struct program {
	unsigned n, m;
	int64_t costs[N_MAX], most[N_MAX], low[M_MAX], high[M_MAX], entries[M_MAX][N_MAX];
};

static int64_t between(struct mersenne *random, int64_t low, int64_t high)
{
	return low + mersenne_below(random, (uint32_t)(high - low + 1));
}

static void random_program(struct mersenne *random, struct program *ret)
{
	ret->n = 1 + mersenne_below(random, N_MAX);
	ret->m = 1 + mersenne_below(random, M_MAX);
	for (unsigned j = 0; j < ret->n; j++) {
		ret->costs[j] = between(random, 0, 9);
		ret->most[j] = between(random, 0, 6);
	}
	for (unsigned i = 0; i < ret->m; i++) {
		int64_t scale = between(random, 0, 3) ? 1 : 1000;

		ret->low[i] = scale * between(random, -9, 20);
		ret->high[i] = ret->low[i] + scale * between(random, 0, 6);
		if (!between(random, 0, 1))
			ret->high[i] = ILP_INFINITE;
		for (unsigned j = 0; j < ret->n; j++)
			ret->entries[i][j] =
				between(random, 0, 2) ? scale * between(random, -4, 7) : 0;
	}
}

static bool keeps_rows(const struct program *program, const int64_t *values)
{
	for (unsigned i = 0; i < program->m; i++) {
		int64_t sum = 0;

		for (unsigned j = 0; j < program->n; j++)
			sum += program->entries[i][j] * values[j];
		if (sum < program->low[i] || sum > program->high[i])
			return false;
	}
	return true;
}

/* The least cost, or -1 when there is no solution. */
static int64_t try_everything(const struct program *program, int64_t *values, unsigned at)
{
	int64_t best = -1, cost = 0;

	if (at == program->n) {
		for (unsigned j = 0; j < program->n; j++)
			cost += program->costs[j] * values[j];
		return keeps_rows(program, values) ? cost : -1;
	}
	for (values[at] = 0; values[at] <= program->most[at]; values[at]++) {
		cost = try_everything(program, values, at + 1);
		if (cost >= 0 && (best < 0 || cost < best))
			best = cost;
	}
	return best;
}

static int64_t solve(const struct program *program)
{
	struct ilp *ilp = ilp_new();
	struct ilp_result result;
	struct err err = ERR_INIT;
	int64_t cost;

	for (unsigned j = 0; j < program->n; j++)
		assert_int_equal(ilp_column(ilp, program->costs[j], program->most[j]), j);
	for (unsigned i = 0; i < program->m; i++) {
		assert_int_equal(ilp_row(ilp, program->low[i], program->high[i]), i);
		for (unsigned j = 0; j < program->n; j++)
			ilp_entry(ilp, i, j, program->entries[i][j]);
	}
	if (ilp_solve(ilp, 100000, &result, &err))
		fail_msg("%s", err.text);
	assert_true(result.proven);
	if (result.found) {
		assert_true(keeps_rows(program, result.values));
		assert_int_equal(result.bound, result.cost);
		for (unsigned j = 0; j < program->n; j++)
			assert_in_range(result.values[j], 0, program->most[j]);
	}
	cost = result.found ? result.cost : -1;
	ilp_free(ilp);
	return cost;
}

static void test_against_trying_everything(void **state)
{
	struct mersenne random;
	unsigned n_solved = 0, n_none = 0;

	(void)state;
	mersenne_seed(&random, 11);
	for (unsigned i = 0; i < 20000; i++) {
		struct program program;
		int64_t values[N_MAX], best;

		random_program(&random, &program);
		best = try_everything(&program, values, 0);
		if (solve(&program) != best)
			fail_msg("program %u: %lld, expected %lld", i, (long long)solve(&program),
				 (long long)best);
		n_solved += best >= 0;
		n_none += best < 0;
	}
	assert_true(n_solved > 4000);
	assert_true(n_none > 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_trying_everything),
	};

	return tap_run(tests);
}
