/*
 * Compaction: fleets after churn against figures found with another solver; small
 * fleets against trying every layout of every GPU; and every answer against the
 * account of what is kept, taken out and received.
 */
#include "../unit/tap.h"

#include <string.h>

#include "base/array.h"
#include "base/err.h"
#include "geometry/size.h"
#include "planner/churn.h"
#include "planner/compact.h"
#include "planner/mersenne.h"

/* Kept and lost make up every group; what is lost is received; enough is empty. */
static void check_account(const struct rules *rules, const struct compact_groups *groups,
			  const struct compact_answer *answer)
{
	int64_t states[RULE_MAX_STATES] = {0}, room[RULE_MAX_PROFILES] = {0};
	uint64_t n_gpus = 0, moves = 0;

	for (size_t g = 0; g < groups->n; g++) {
		uint64_t n = 0;

		for (size_t i = 0; i < answer->n_keeps; i++)
			n += answer->keeps[i].group == g ? answer->keeps[i].n : 0;
		assert_int_equal(n, groups->at[g].n);
		n_gpus += n;
	}
	for (size_t i = 0; i < answer->n_keeps; i++) {
		const struct compact_keep *keep = &answer->keeps[i];
		struct layout layout = groups->at[keep->group].layout, left = layout;

		for (unsigned p = 0; p < layout.n; p++) {
			const struct place *place = &layout.at[p];

			if (keep->kept >> p & 1u)
				continue;
			room[place->profile] -= keep->n;
			moves += keep->n;
			layout_give(&left, &rules->board->profiles[place->profile], place->start);
		}
		states[rules_state(rules, &left)] += keep->n;
	}
	for (size_t i = 0; i < answer->n_receives; i++) {
		const struct compact_receive *receive = &answer->receives[i];

		states[receive->state] -= receive->n;
		for (size_t p = 0; p < RULE_MAX_PROFILES; p++)
			room[p] += (int64_t)receive->n * receive->counts[p];
	}
	assert_int_equal(moves, answer->moves);
	assert_true(states[0] >= (int64_t)(n_gpus - answer->target));
	for (unsigned s = 1; s < rules->n_states; s++)
		assert_int_equal(states[s], 0);
	for (size_t p = 0; p < RULE_MAX_PROFILES; p++)
		assert_true(room[p] >= 0);
}

static void solve(const struct rules *rules, const struct fleet *fleet, struct compact_answer *ret)
{
	struct compact_groups groups;
	struct err err = ERR_INIT;

	assert_int_equal(compact_group_fleet(rules, fleet, &groups), 0);
	if (compact_solve(rules, &groups, ret, &err))
		fail_msg("%s", err.text);
	assert_true(ret->proven);
	assert_int_equal(ret->bound, ret->moves);
	check_account(rules, &groups, ret);
	compact_groups_done(&groups);
}

/* ---- after churn ---- */

static void test_after_churn(void **state)
{
	static const struct {
		const char *rule;
		enum mix mix;
		struct {
			uint64_t used, target, moves;
		} keys[3];
	} cases[] = {
		{"ff", MIX_UNIFORM, {{67, 61, 13}, {66, 61, 12}, {70, 60, 22}}},
		{"ff", MIX_SKEW_SMALL, {{67, 60, 17}, {70, 63, 17}, {71, 61, 25}}},
		{"ff", MIX_SKEW_BIG, {{74, 63, 26}, {70, 66, 8}, {71, 62, 20}}},
		{"ff", MIX_BIMODAL, {{71, 64, 27}, {72, 63, 28}, {68, 58, 36}}},
		{"cap", MIX_UNIFORM, {{63, 61, 6}, {62, 61, 2}, {62, 60, 3}}},
		{"cap", MIX_SKEW_SMALL, {{62, 60, 7}, {67, 63, 11}, {64, 61, 7}}},
		{"cap", MIX_SKEW_BIG, {{65, 63, 5}, {67, 66, 1}, {64, 62, 4}}},
		{"cap", MIX_BIMODAL, {{68, 64, 12}, {66, 63, 13}, {64, 58, 20}}},
	};
	struct rules *rules = rules_new(board_by_id("h100-sxm5-80gb"));
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (uint32_t key = 0; key < 3; key++) {
			struct churn_wish wish = {.mix = cases[i].mix,
						  .load = 0.6,
						  .horizon = 4,
						  .n_gpus = 100,
						  .key = key};
			struct fleet *fleet = fleet_new(rules, 100);
			struct compact_answer answer;
			struct scheduler scheduler;
			struct trace trace;
			struct tally tally;

			assert_int_equal(scheduler_parse(cases[i].rule, &scheduler, &err), 0);
			assert_int_equal(churn_trace(rules->board, &wish, &trace, &err), 0);
			assert_int_equal(
				churn_replay(fleet, rules->board, &trace, &scheduler, &tally, &err),
				0);
			solve(rules, fleet, &answer);
			assert_int_equal(answer.used, cases[i].keys[key].used);
			assert_int_equal(answer.target, cases[i].keys[key].target);
			assert_int_equal(answer.moves, cases[i].keys[key].moves);
			compact_answer_done(&answer);
			trace_done(&trace);
			fleet_free(fleet);
		}
	rules_free(rules);
}

/* ---- everything tried ---- */

#define LAYOUTS_MAX 800

struct layouts {
	size_t n;
	struct layout at[LAYOUTS_MAX];
};

static bool add_layout(const struct layout *layout, void *arg)
{
	struct layouts *layouts = arg;

	assert_true(layouts->n < LAYOUTS_MAX);
	layouts->at[layouts->n++] = *layout;
	return true;
}

static unsigned lost(const struct layout *from, const struct layout *to)
{
	unsigned n = 0;

	for (unsigned i = 0; i < from->n; i++)
		n += !layout_has(to, &from->board->profiles[from->at[i].profile],
				 from->at[i].start);
	return n;
}

struct trial {
	const struct layouts *layouts;
	const struct fleet *fleet;
	uint64_t target, best;
};

/* Choose a layout for each GPU from this one on; left is what is still to be placed. */
static void try_from(struct trial *trial, uint32_t gpu, const int64_t *left, uint64_t used,
		     uint64_t moves)
{
	bool all = true;

	for (size_t p = 0; p < RULE_MAX_PROFILES; p++) {
		if (left[p] < 0)
			return;
		all = all && !left[p];
	}
	if (used > trial->target || moves >= trial->best)
		return;
	if (gpu == fleet_n_gpus(trial->fleet)) {
		if (all)
			trial->best = moves;
		return;
	}
	for (size_t i = 0; i < trial->layouts->n; i++) {
		const struct layout *to = &trial->layouts->at[i];
		int64_t then[RULE_MAX_PROFILES];

		memcpy(then, left, sizeof(then));
		for (unsigned p = 0; p < to->n; p++)
			then[to->at[p].profile]--;
		try_from(trial, gpu + 1, then, used + (to->n > 0),
			 moves + lost(fleet_layout(trial->fleet, gpu), to));
	}
}

static void run_small(const char *id, uint32_t n_gpus, unsigned n_fleets)
{
	static struct layouts layouts;
	struct rules *rules = rules_new(board_by_id(id));
	struct mersenne random;
	unsigned n_moved = 0;

	layouts.n = 0;
	layout_each(rules->board, FAMILY_BASE, add_layout, &layouts);
	mersenne_seed(&random, 4);
	for (unsigned f = 0; f < n_fleets; f++) {
		struct fleet *fleet = fleet_new(rules, n_gpus);
		struct trial trial = {.layouts = &layouts, .fleet = fleet, .best = UINT64_MAX};
		int64_t running[RULE_MAX_PROFILES] = {0};
		struct compact_answer answer;

		for (uint32_t gpu = 0; gpu < n_gpus; gpu++) {
			const struct layout *layout =
				&layouts.at[mersenne_below(&random, (uint32_t)layouts.n)];

			for (unsigned i = 0; i < layout->n; i++) {
				struct fleet_place place = {gpu, layout->at[i].profile,
							    layout->at[i].start};

				/* A third has ended. */
				if (mersenne_below(&random, 3)) {
					fleet_take(fleet, &place, 0);
					running[place.profile]++;
				}
			}
		}
		solve(rules, fleet, &answer);
		trial.target = answer.target;
		try_from(&trial, 0, running, 0, 0);
		assert_int_equal(answer.moves, trial.best);
		n_moved += answer.moves > 0;
		compact_answer_done(&answer);
		fleet_free(fleet);
	}
	assert_true(n_moved > n_fleets / 4);
	rules_free(rules);
}

static void test_everything_tried(void **state)
{
	(void)state;
	run_small("a30-24gb", 4, 100);
	run_small("h100-sxm5-80gb", 2, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_after_churn),
		cmocka_unit_test(test_everything_tried),
	};

	return tap_run(tests);
}
