/*
 * The churn experiment: the generated requests by their fingerprints, and what
 * the rules make of them on 100 GPUs, to the digit. The figures come from an
 * independent program in another language; those of cap+2 are our own, which takes
 * the best of the relocations that work: in no mix and load below that program's.
 */
#include "../tap.h"

#include <math.h>

#include "base/array.h"
#include "base/err.h"
#include "planner/ceiling.h"
#include "planner/churn.h"

#define BOARD  "h100-sxm5-80gb"
#define N_GPUS 100
#define N_RUNS 20
#define KEY    100003

static void make_trace(enum mix mix, double load, uint32_t run, struct trace *ret)
{
	struct churn_wish wish = {
		.mix = mix, .load = load, .horizon = 8, .n_gpus = N_GPUS, .key = KEY + run};
	struct err err = ERR_INIT;

	if (churn_trace(board_by_id(BOARD), &wish, ret, &err))
		fail_msg("%s", err.text);
}

static void test_fingerprints(void **state)
{
	static const struct {
		size_t n;
		const char *first[4]; /* profiles */
		int64_t durations[4], sum;
		uint64_t n_all_runs;
	} cases[MIX_COUNT] = {
		{1819, {"2g", "1g.20gb", "7g", "7g"}, {314, 440, 424, 26}, 417684, 36674},
		{2644, {"1g.20gb", "1g", "3g", "1g"}, {628, 18, 51, 176}, 882062, 53517},
		{1363, {"3g", "2g", "7g", "1g"}, {314, 9, 26, 88}, 236457, 27600},
		{1636, {"1g.20gb", "1g", "7g", "1g"}, {314, 9, 26, 88}, 341264, 32900},
	};
	const struct board *board = board_by_id(BOARD);

	(void)state;
	for (enum mix mix = 0; mix < MIX_COUNT; mix++) {
		uint64_t n_all_runs = 0;

		for (uint32_t run = 0; run < N_RUNS; run++) {
			struct trace trace;
			int64_t sum = 0;

			make_trace(mix, 1.0, run, &trace);
			n_all_runs += trace.n;
			for (size_t i = 0; i < trace.n && !run; i++)
				sum += trace.requests[i].duration;
			for (size_t i = 0; i < 4 && !run; i++) {
				const struct profile *profile =
					board_profile_by_name(board, cases[mix].first[i]);

				assert_int_equal(trace.requests[i].profile,
						 profile_index(board, profile));
				assert_int_equal(trace.requests[i].duration,
						 cases[mix].durations[i]);
			}
			if (!run) {
				assert_int_equal(trace.n, cases[mix].n);
				assert_int_equal(sum, cases[mix].sum);
			}
			trace_done(&trace);
		}
		assert_int_equal(n_all_runs, cases[mix].n_all_runs);
	}
}

/* Hundredths of a percent, rounded, as the expected figures were. */
static int share(uint64_t part, uint64_t whole)
{
	return (int)lround(1e4 * (double)part / (double)whole);
}

static struct tally run_all(const struct rules *rules, enum mix mix, double load, const char *rule)
{
	struct tally sum = {.requests = 0}, one;
	struct scheduler scheduler;
	struct err err = ERR_INIT;

	assert_int_equal(scheduler_parse(rule, &scheduler, &err), 0);
	for (uint32_t run = 0; run < N_RUNS; run++) {
		struct fleet *fleet = fleet_new(rules, N_GPUS);
		struct trace trace;

		make_trace(mix, load, run, &trace);
		if (churn_replay(fleet, rules->board, &trace, &scheduler, &one, &err))
			fail_msg("%s", err.text);
		tally_add(&sum, &one);
		trace_done(&trace);
		fleet_free(fleet);
	}
	return sum;
}

static void check(const struct rules *rules, enum mix mix, double load, const char *rule,
		  int by_count, int by_slots, int by_moves)
{
	struct tally sum = run_all(rules, mix, load, rule);

	if (share(sum.accepted, sum.requests) != by_count ||
	    share(sum.slots_accepted, sum.slots) != by_slots ||
	    share(sum.moves, sum.accepted) != by_moves)
		fail_msg("%s, load %g, %s: %d/%d (%d), expected %d/%d (%d)", mix_name(mix), load,
			 rule, share(sum.accepted, sum.requests),
			 share(sum.slots_accepted, sum.slots), share(sum.moves, sum.accepted),
			 by_count, by_slots, by_moves);
}

static void test_table(void **state)
{
	static const struct {
		double load;
		const char *rule;
		struct {
			int by_count, by_slots, by_moves; /* hundredths of a percent */
		} mixes[MIX_COUNT];
	} rows[] = {
		{1.0, "ff", {{9418, 8882}, {9615, 9052}, {9143, 8746}, {9284, 8720}}},
		{1.0, "rr", {{9026, 7934}, {9267, 8095}, {8924, 8275}, {8742, 7550}}},
		{1.0, "bf", {{9590, 9168}, {9716, 9271}, {9354, 9033}, {9526, 9089}}},
		{1.0, "wf", {{8674, 6976}, {8921, 7410}, {8329, 7118}, {7946, 5779}}},
		{1.0, "mfi", {{9614, 9193}, {9679, 9159}, {9513, 9225}, {9524, 9072}}},
		{1.0, "cap", {{9660, 9288}, {9763, 9379}, {9530, 9256}, {9576, 9176}}},
		{1.0,
		 "cap+1",
		 {{9725, 9460, 368}, {9811, 9535, 259}, {9642, 9457, 459}, {9654, 9345, 251}}},
		{1.0,
		 "cap+2",
		 {{9733, 9526, 730}, {9798, 9598, 540}, {9659, 9515, 804}, {9686, 9417, 558}}},
		{1.0, "repack", {{9737, 9589}, {9806, 9674}, {9672, 9559}, {9711, 9519}}},
		{0.9, "ff", {{9724, 9477}, {9852, 9631}, {9606, 9428}, {9672, 9411}}},
		{0.9, "rr", {{9299, 8484}, {9459, 8507}, {9326, 8905}, {9099, 8237}}},
		{0.9, "bf", {{9856, 9709}, {9937, 9831}, {9768, 9648}, {9848, 9701}}},
		{0.9, "wf", {{8778, 7205}, {9272, 8008}, {8569, 7533}, {8160, 6217}}},
		{0.9, "mfi", {{9872, 9730}, {9922, 9779}, {9880, 9803}, {9852, 9707}}},
		{0.9, "cap", {{9906, 9803}, {9969, 9912}, {9887, 9815}, {9874, 9753}}},
		{0.9,
		 "cap+1",
		 {{9952, 9899, 112}, {9987, 9964, 35}, {9940, 9905, 125}, {9918, 9843, 90}}},
		{0.9,
		 "cap+2",
		 {{9964, 9934, 222}, {9991, 9977, 71}, {9955, 9935, 216}, {9935, 9876, 158}}},
		{0.9, "repack", {{9971, 9953}, {9993, 9987}, {9963, 9951}, {9962, 9931}}},
		{1.2, "ff", {{8834, 7789}, {9100, 7961}, {8385, 7651}, {8689, 7619}}},
		{1.2, "bf", {{8971, 8020}, {9125, 8070}, {8604, 7922}, {8964, 8006}}},
		{1.2, "mfi", {{8973, 7988}, {9014, 7889}, {8771, 8078}, {8949, 7955}}},
		{1.2, "cap", {{9035, 8120}, {9152, 8131}, {8790, 8111}, {9007, 8065}}},
		{1.2,
		 "cap+1",
		 {{9060, 8303, 743}, {9130, 8270, 641}, {8829, 8320, 950}, {9057, 8238, 491}}},
		{1.2,
		 "cap+2",
		 {{9000, 8388, 1446}, {9024, 8346, 1242}, {8797, 8384, 1631}, {9065, 8314, 1071}}},
		{1.2, "repack", {{8948, 8428}, {8969, 8412}, {8765, 8409}, {9021, 8425}}},
	};
	struct rules *rules = rules_new(board_by_id(BOARD));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (enum mix mix = 0; mix < MIX_COUNT; mix++)
			check(rules, mix, rows[i].load, rows[i].rule, rows[i].mixes[mix].by_count,
			      rows[i].mixes[mix].by_slots, rows[i].mixes[mix].by_moves);
	rules_free(rules);
}

/* Two moves for a blocked request: at least what the first relocation that works comes to. */
static void test_two_moves(void **state)
{
	static const struct {
		double load;
		struct {
			int by_count, by_slots;
		} mixes[MIX_COUNT];
	} least[] = {
		{0.9, {{9964, 9931}, {9991, 9976}, {9955, 9933}, {9929, 9861}}},
		{1.0, {{9727, 9517}, {9788, 9578}, {9656, 9510}, {9683, 9412}}},
		{1.2, {{8987, 8365}, {8977, 8311}, {8794, 8381}, {9056, 8306}}},
	};
	struct rules *rules = rules_new(board_by_id(BOARD));

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(least); i++)
		for (enum mix mix = 0; mix < MIX_COUNT; mix++) {
			struct tally sum = run_all(rules, mix, least[i].load, "cap+2");

			assert_true(share(sum.accepted, sum.requests) >=
				    least[i].mixes[mix].by_count);
			assert_true(share(sum.slots_accepted, sum.slots) >=
				    least[i].mixes[mix].by_slots);
		}
	rules_free(rules);
}

/* What no scheduler can exceed, by count and by slots. */
static void test_bound(void **state)
{
	static const struct {
		double load;
		struct {
			int by_count, by_slots;
		} mixes[MIX_COUNT];
	} cases[] = {
		{1.0, {{9866, 9706}, {9924, 9763}, {9803, 9685}, {9824, 9658}}},
		{0.9, {{9983, 9960}, {9997, 9990}, {9973, 9960}, {9973, 9952}}},
		{1.2, {{9504, 8988}, {9573, 9007}, {9364, 8993}, {9483, 8994}}},
	};
	const struct board *board = board_by_id(BOARD);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (enum mix mix = 0; mix < MIX_COUNT; mix++) {
			double most[2] = {0}, asked[2] = {0};
			struct err err = ERR_INIT;

			for (uint32_t run = 0; run < N_RUNS; run++) {
				struct ceiling ceiling[2];
				struct trace trace;

				make_trace(mix, cases[i].load, run, &trace);
				for (size_t by = 0; by < 2; by++) {
					if (ceiling_find(board, &trace, N_GPUS, by, &ceiling[by],
							 &err))
						fail_msg("%s", err.text);
					most[by] += ceiling[by].accepted;
				}
				asked[0] += (double)trace.n;
				for (size_t r = 0; r < trace.n; r++)
					asked[1] += board->profiles[trace.requests[r].profile]
							    .memory_slices;
				trace_done(&trace);
			}
			assert_int_equal(lround(1e4 * most[0] / asked[0]),
					 cases[i].mixes[mix].by_count);
			assert_int_equal(lround(1e4 * most[1] / asked[1]),
					 cases[i].mixes[mix].by_slots);
		}
}

/* Small enough to follow by hand: two A30, where 4g takes a whole one. */
static void test_by_hand(void **state)
{
	const struct board *board = board_by_id("a30-24gb");
	const uint8_t one = (uint8_t)profile_index(board, board_profile_by_name(board, "1g"));
	const uint8_t all = (uint8_t)profile_index(board, board_profile_by_name(board, "4g"));
	struct request requests[] = {
		{0, 9, one},  /* GPU 0 */
		{1, 9, all},  /* GPU 1 */
		{2, 2, all},  /* none, whatever moves */
		{9, 9, one},  /* after the first has ended: the emptied GPU 0 */
		{10, 9, all}, /* the moment the 4g ends, GPU 1 is free */
	};
	struct trace trace = {.requests = requests, .n = ARRAY_SIZE(requests)};
	struct scheduler scheduler = {.rule = RULE_FF};
	struct rules *rules = rules_new(board);
	struct fleet *fleet = fleet_new(rules, 2);
	struct tally tally;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(churn_replay(fleet, board, &trace, &scheduler, &tally, &err), 0);
	assert_int_equal(tally.requests, 5);
	assert_int_equal(tally.accepted, 4);
	assert_int_equal(tally.slots, 14);
	assert_int_equal(tally.slots_accepted, 10);
	assert_int_equal(fleet_n_used(fleet), 2);
	fleet_free(fleet);
	rules_free(rules);
}

static void test_names_of_schedulers(void **state)
{
	static const struct {
		const char *typed, *hint; /* hint NULL: it is one */
	} cases[] = {
		{"ff", NULL},
		{"cap", NULL},
		{"cap+1", NULL},
		{"bf+3", NULL},
		{"repack", NULL},
		{"cap+4", "did you mean 'cap+1'?"},
		{"cap+", "did you mean 'cap'?"},
		{"repak", "did you mean 'repack'?"},
		{"cap+0", "did you mean 'cap+1'?"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scheduler scheduler;
		struct err err = ERR_INIT;
		char name[32];

		if (scheduler_parse(cases[i].typed, &scheduler, &err))
			assert_string_equal(err.hint, cases[i].hint ? cases[i].hint : "none");
		else
			assert_string_equal(cases[i].hint ? "accepted" : cases[i].typed,
					    scheduler_format(&scheduler, name, sizeof(name)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fingerprints),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_two_moves),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_names_of_schedulers),
	};

	return tap_run(tests);
}
