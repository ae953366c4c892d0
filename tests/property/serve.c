/*
 * Services: the published scenarios of ParvaGPU at their exact optima, also with
 * larger rates, and random small ones against an integer program.
 *
 * The rates an instance serves are derived from the profile tables of ParvaGPU
 * (SC'24, arXiv 2409.14447; github.com/MunQ-Lee/ParvaGPU_SC24, MIT licence): the
 * best of all batches and up to 5 processes within 0.45 of a latency goal, one
 * goal a model in each of three classes.
 */
#include "../unit/tap.h"

#include <math.h>

#include "base/array.h"
#include "base/err.h"
#include "planner/ilp.h"
#include "planner/mersenne.h"
#include "planner/serve.h"

/* Requests a second of one 1g 2g 3g 4g 7g, by latency class. */
static const struct {
	const char *model;
	double each[3][5];
} models[] = {
	{"bert",
	 {{183.6, 351.8, 545.0, 626.4, 843.8},
	  {170.4, 351.8, 545.0, 626.4, 843.8},
	  {155.0, 299.4, 447.3, 589.7, 764.5}}},
	{"densenet121",
	 {{322.6, 668.9, 1138.5, 1286.1, 2206.4},
	  {322.6, 649.4, 1138.5, 1286.1, 2206.4},
	  {296.5, 618.6, 1115.2, 1258.4, 2206.4}}},
	{"densenet169",
	 {{256.5, 526.3, 1460.7, 1619.3, 3507.5},
	  {256.5, 522.4, 883.6, 1042.5, 1913.0},
	  {233.9, 489.2, 857.0, 1005.5, 1733.8}}},
	{"densenet201",
	 {{186.3, 423.9, 699.4, 822.3, 1407.4},
	  {186.3, 390.1, 678.0, 791.4, 1342.1},
	  {161.4, 342.2, 635.5, 730.9, 1195.2}}},
	{"inceptionv3",
	 {{583.9, 1244.9, 2001.9, 2282.2, 3815.2},
	  {583.9, 1244.9, 1894.1, 2282.2, 3815.2},
	  {575.2, 1244.9, 1861.7, 2259.1, 3815.2}}},
	{"mobilenetv2",
	 {{771.2, 1572.7, 2702.6, 3618.7, 5000.6},
	  {771.2, 1572.7, 2702.6, 3105.2, 5000.6},
	  {771.2, 1572.7, 2702.6, 3105.2, 5000.6}}},
	{"resnet101",
	 {{253.0, 516.1, 902.4, 1059.6, 1851.1},
	  {253.0, 516.1, 852.8, 1059.6, 1799.2},
	  {232.6, 484.8, 827.2, 1002.6, 1771.9}}},
	{"resnet152",
	 {{183.6, 381.8, 678.0, 768.1, 1298.9},
	  {168.2, 352.0, 612.7, 760.7, 1291.9},
	  {143.5, 326.6, 596.4, 738.5, 1246.8}}},
	{"resnet50",
	 {{412.1, 819.8, 1422.5, 1620.2, 2764.9},
	  {385.7, 789.0, 1369.7, 1567.1, 2762.8},
	  {358.3, 738.3, 1359.9, 1498.6, 2687.8}}},
	{"vgg16",
	 {{262.0, 532.8, 846.5, 1027.0, 1773.6},
	  {252.8, 516.4, 840.6, 1015.4, 1773.6},
	  {239.5, 500.6, 819.9, 996.3, 1773.6}}},
	{"vgg19",
	 {{224.6, 448.9, 754.9, 916.3, 1531.5},
	  {217.5, 443.3, 719.3, 916.3, 1531.5},
	  {204.2, 431.0, 703.3, 866.1, 1531.5}}},
};
static const struct {
	const char *name;
	unsigned latency_class;
	unsigned rates[11]; /* 0: not part of it */
} scenarios[] = {
	{"S1", 0, {19, 353, 0, 0, 460, 677, 0, 0, 829, 0, 354}},
	{"S2", 0, {19, 353, 308, 276, 460, 677, 393, 281, 829, 410, 354}},
	{"S3", 1, {46, 728, 633, 493, 1051, 1546, 760, 543, 1463, 780, 673}},
	{"S4", 1, {69, 1091, 949, 739, 1576, 2318, 1140, 815, 2195, 1169, 1010}},
	{"S5", 2, {843, 2228, 3507, 1513, 3815, 5009, 1874, 1340, 2796, 1773, 1531}},
	{"S6", 0, {1264, 3342, 5260, 2269, 5722, 7513, 2811, 2010, 4196, 2659, 2296}},
};

#define N_MODELS ARRAY_SIZE(models)

static const char *const profiles[] = {"1g", "2g", "3g", "4g", "7g"};

static void make_services(const struct board *board, size_t scenario, unsigned times,
			  struct serve_service *ret)
{
	for (size_t m = 0; m < N_MODELS; m++) {
		ret[m] = (struct serve_service){.rate_milli = UINT64_C(1000) * times *
							      scenarios[scenario].rates[m]};
		for (size_t p = 0; p < ARRAY_SIZE(profiles); p++) {
			unsigned at =
				profile_index(board, board_profile_by_name(board, profiles[p]));
			unsigned class = scenarios[scenario].latency_class;

			ret[m].each_milli[at] = (uint64_t)llround(1000 * models[m].each[class][p]);
		}
	}
}

/* Every service has its rate, and all instances together fit. */
static void check_answer(const struct board *board, const struct serve_service *services, size_t n,
			 const struct serve_answer *answer)
{
	uint32_t wanted[SIZE_MAX_PROFILES] = {0};
	uint64_t least = 0;

	for (size_t s = 0; s < n; s++) {
		uint64_t rate = 0;

		for (size_t p = 0; p < SIZE_MAX_PROFILES; p++) {
			rate += answer->instances[s][p] * services[s].each_milli[p];
			wanted[p] += answer->instances[s][p];
		}
		assert_true(rate >= services[s].rate_milli);
	}
	assert_memory_equal(wanted, answer->wanted, sizeof(wanted));
	assert_true(size_minimum(board, wanted, &least, NULL));
	assert_true(least <= answer->n_gpus);
	assert_true(answer->relaxed <= (double)answer->n_gpus + 1e-9);
}

static void test_published_scenarios(void **state)
{
	static const struct {
		unsigned times;
		uint64_t n_gpus[ARRAY_SIZE(scenarios)];
	} cases[] = {
		{1, {2, 3, 5, 7, 12, 15}},
		{3, {3, 6, 12, 17, 34, 44}},
		{10, {9, 18, 36, 54, 113, 145}},
		{30, {26, 52, 108, 161, 336, 435}},
	};
	static const double relaxed[] = {0.83, 1.70, 3.55, 5.33, 11.16, 14.46};
	const struct board *board = board_by_id("a100-sxm4-80gb");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (size_t s = 0; s < ARRAY_SIZE(scenarios); s++) {
			struct serve_service services[N_MODELS];
			struct serve_answer answer;
			struct err err = ERR_INIT;

			make_services(board, s, cases[i].times, services);
			if (serve_solve(board, services, N_MODELS, &answer, &err))
				fail_msg("%s", err.text);
			if (answer.n_gpus != cases[i].n_gpus[s] || !answer.proven)
				fail_msg("%s x%u: %llu GPUs%s, expected %llu", scenarios[s].name,
					 cases[i].times, (unsigned long long)answer.n_gpus,
					 answer.proven ? "" : ", not proven",
					 (unsigned long long)cases[i].n_gpus[s]);
			if (cases[i].times == 1)
				assert_int_equal(lround(100 * answer.relaxed),
						 lround(100 * relaxed[s]));
			check_answer(board, services, N_MODELS, &answer);
		}
}

/* ---- against an integer program ---- */

static int64_t solve_program(const struct board *board, const struct serve_service *services,
			     size_t n)
{
	struct size_facet facets[SIZE_MAX_FACETS];
	unsigned n_facets = size_facets(board, facets), columns[4][SIZE_MAX_PROFILES];
	struct ilp *ilp = ilp_new();
	unsigned gpus = ilp_column(ilp, 1, 1000);
	struct ilp_result result;
	struct err err = ERR_INIT;
	int64_t cost;

	for (size_t s = 0; s < n; s++) {
		unsigned row = ilp_row(ilp, (int64_t)services[s].rate_milli, ILP_INFINITE);

		for (size_t p = 0; p < SIZE_MAX_PROFILES; p++)
			if (services[s].each_milli[p]) {
				columns[s][p] = ilp_column(ilp, 0, 100);
				ilp_entry(ilp, row, columns[s][p],
					  (int64_t)services[s].each_milli[p]);
			}
	}
	for (unsigned f = 0; f < n_facets; f++) {
		unsigned row = ilp_row(ilp, 0, ILP_INFINITE);

		ilp_entry(ilp, row, gpus, facets[f].most);
		for (size_t s = 0; s < n; s++)
			for (size_t p = 0; p < SIZE_MAX_PROFILES; p++)
				if (services[s].each_milli[p])
					ilp_entry(ilp, row, columns[s][p],
						  -(int64_t)facets[f].needs[p]);
	}
	if (ilp_solve(ilp, 100000, &result, &err))
		fail_msg("%s", err.text);
	cost = result.found && result.proven ? result.cost : -1;
	ilp_free(ilp);
	return cost;
}

static void test_against_an_integer_program(void **state)
{
	static const char *const ids[] = {"h100-sxm5-80gb", "a30-24gb"};
	struct mersenne random;
	unsigned n_proven = 0;

	(void)state;
	mersenne_seed(&random, 6);
	for (unsigned i = 0; i < 400; i++) {
		const struct board *board = board_by_id(ids[i % 2]);
		struct serve_service services[4];
		struct serve_answer answer;
		size_t n = 1 + mersenne_below(&random, 3);
		struct err err = ERR_INIT;
		int64_t best;

		for (size_t s = 0; s < n; s++) {
			services[s] =
				(struct serve_service){.rate_milli = mersenne_below(&random, 8000)};
			/* "+me" and double memory too; some serve nothing */
			for (size_t p = 0; p < board->n_profiles; p++)
				if (mersenne_below(&random, 4) || !p)
					services[s].each_milli[p] =
						board->profiles[p].compute_slices *
						(200 + mersenne_below(&random, 400));
		}
		if (serve_solve(board, services, n, &answer, &err))
			fail_msg("%s", err.text);
		check_answer(board, services, n, &answer);
		assert_true(answer.proven);
		best = solve_program(board, services, n);
		if (best < 0)
			continue;
		assert_int_equal(answer.n_gpus, best);
		n_proven++;
	}
	assert_true(n_proven > 300);
}

/* Too many ways to try: the answer is near the bound all the same. */
static void test_large_rates(void **state)
{
	const struct board *board = board_by_id("h100-sxm5-80gb");
	struct serve_service service = {.rate_milli = 125200000};
	struct serve_answer answer;
	struct err err = ERR_INIT;

	(void)state;
	service.each_milli[profile_index(board, board_profile_by_name(board, "1g"))] = 3000;
	service.each_milli[profile_index(board, board_profile_by_name(board, "2g"))] = 7000;
	assert_int_equal(serve_solve(board, &service, 1, &answer, &err), 0);
	check_answer(board, &service, 1, &answer);
	assert_true((double)answer.n_gpus <= answer.relaxed + 2);
}

static void test_what_cannot_be(void **state)
{
	const struct board *board = board_by_id("a30-24gb");
	struct serve_service services[2] = {{.rate_milli = 5, .each_milli = {1}},
					    {.rate_milli = 5}};
	struct serve_answer answer;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(serve_solve(board, services, 2, &answer, &err), -ERR_IMPOSSIBLE);
	services[1].rate_milli = 0;
	assert_int_equal(serve_solve(board, services, 2, &answer, &err), 0);
	assert_int_equal(answer.n_gpus, 2);
	services[0].rate_milli = UINT64_C(1) << 39;
	assert_int_equal(serve_solve(board, services, 2, &answer, &err), -ERR_TOO_LARGE);
	services[0].rate_milli = UINT64_C(1) << 60;
	assert_int_equal(serve_solve(board, services, 2, &answer, &err), -ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_scenarios),
		cmocka_unit_test(test_against_an_integer_program),
		cmocka_unit_test(test_large_rates),
		cmocka_unit_test(test_what_cannot_be),
	};

	return tap_run(tests);
}
