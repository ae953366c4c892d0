/*
 * A fleet in buckets against a fleet as a list: each decision of each rule is
 * looked for by trying every GPU and every start, on random fleets of every
 * shape of board. Also: the tables of states against geometry, for every layout.
 */
#include "../unit/tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "planner/fleet.h"
#include "planner/mersenne.h"
#include "planner/relocate.h"
#include "planner/rule.h"

static const char *const shapes[] = {"h100-sxm5-80gb", "a100-sxm4-40gb", "a30-24gb",
				     "rtx-pro-6000-blackwell-server"};

/* ---- the list ---- */

#define N_GPUS 70 /* more than one word of bits */

static const uint8_t driver_order_8[][8] = {/* by start: place in the order */
					    [1] = {3, 4, 5, 6, 1, 2, 0},
					    [2] = {2, 9, 3, 9, 1, 9, 0},
					    [12] = {1, 9, 2, 9, 0}, /* 2g */
					    [4] = {1, 9, 9, 9, 0}};

static unsigned place_in_order(const struct board *board, const struct profile *profile,
			       enum rule rule, unsigned start)
{
	if ((rule != RULE_BF && rule != RULE_WF) || board->units != 8 || profile->size == 8)
		return start;
	return driver_order_8[profile->compute_slices == 2 ? 12 : profile->size][start];
}

static int score_of(enum rule rule, const struct layout *layout, const struct profile *profile,
		    unsigned start)
{
	struct layout after = *layout;

	assert_true(layout_take(&after, profile, start));
	switch (rule) {
	case RULE_BF:
		return -__builtin_popcount(layout->mask);
	case RULE_WF:
		return __builtin_popcount(layout->mask);
	case RULE_MFI:
		return (int)rule_fragmentation(layout->board, after.mask) -
		       (int)rule_fragmentation(layout->board, layout->mask);
	case RULE_CAP:
		return (int)layout_choices(layout) - (int)layout_choices(&after);
	default:
		return 0;
	}
}

static bool find_slowly(const struct layout *gpus, enum rule rule, uint32_t *next,
			unsigned profile_at, struct fleet_place *ret)
{
	const struct board *board = gpus[0].board;
	const struct profile *profile = &board->profiles[profile_at];
	uint32_t first = rule == RULE_RR ? *next : 0;
	int best = INT32_MAX;
	bool found = false;

	for (uint32_t i = 0; i < N_GPUS; i++) {
		uint32_t gpu = (first + i) % N_GPUS;
		unsigned at = 99;

		for (unsigned start = 0; start < board->units; start++) {
			unsigned place = place_in_order(board, profile, rule, start);
			int score;

			if (!layout_fits(&gpus[gpu], profile, start))
				continue;
			score = score_of(rule, &gpus[gpu], profile, start);
			if (found &&
			    (score > best || (score == best && (ret->gpu != gpu || place > at))))
				continue;
			best = score;
			at = place;
			found = true;
			*ret = (struct fleet_place){gpu, (uint8_t)profile_at, (uint8_t)start};
		}
	}
	if (found && rule == RULE_RR)
		*next = (ret->gpu + 1) % N_GPUS;
	return found;
}

/* ---- random fleets ---- */

struct both {
	struct fleet *fleet;
	struct layout gpus[N_GPUS];
	uint32_t next;
	struct fleet_place places[N_GPUS * LAYOUT_MAX];
	uint32_t n;
};

static void take_both(struct both *both, const struct fleet_place *place)
{
	const struct board *board = both->gpus[0].board;

	fleet_take(both->fleet, place, both->n);
	assert_true(layout_take(&both->gpus[place->gpu], &board->profiles[place->profile],
				place->start));
	both->places[both->n++] = *place;
}

static void give_both(struct both *both, uint32_t i)
{
	const struct board *board = both->gpus[0].board;
	const struct fleet_place *place = &both->places[i];

	fleet_give(both->fleet, place);
	assert_true(layout_give(&both->gpus[place->gpu], &board->profiles[place->profile],
				place->start));
	both->places[i] = both->places[--both->n];
}

static void run_rule(const struct rules *rules, enum rule rule, uint32_t key)
{
	static struct both both;
	struct mersenne random;

	both = (struct both){.fleet = fleet_new(rules, N_GPUS)};
	for (unsigned i = 0; i < N_GPUS; i++)
		layout_init(&both.gpus[i], rules->board);
	mersenne_seed(&random, key);
	for (unsigned step = 0; step < 4000; step++) {
		unsigned profile = mersenne_below(&random, (uint32_t)rules->board->n_profiles);
		struct fleet_place fast = {0}, slow = {0};
		bool found = fleet_find(both.fleet, rule, profile, &fast);

		assert_int_equal(found, find_slowly(both.gpus, rule, &both.next, profile, &slow));
		if (found && memcmp(&fast, &slow, sizeof(fast)) != 0)
			fail_msg("%s %s: GPU %u start %u, expected GPU %u start %u",
				 rules->board->id, rule_name(rule), fast.gpu, fast.start, slow.gpu,
				 slow.start);
		if (found)
			take_both(&both, &fast);
		/* Fill up, then let the fleet breathe. */
		while (both.n && mersenne_below(&random, 100) < (step < 1000 ? 20 : 48))
			give_both(&both, mersenne_below(&random, both.n));
	}
	fleet_free(both.fleet);
}

static void test_decisions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct rules *rules = rules_new(board_by_id(shapes[i]));

		for (enum rule rule = 0; rule < RULE_COUNT; rule++)
			run_rule(rules, rule, 17 + rule);
		rules_free(rules);
	}
}

/* ---- states ---- */

struct look {
	const struct rules *rules;
	size_t n;
};

/* What a state says about room is what the layout says. */
static bool look_at(const struct layout *layout, void *arg)
{
	struct look *look = arg;
	unsigned state = rules_state(look->rules, layout);

	assert_int_equal(look->rules->masks[state], layout->mask);
	for (unsigned i = 0; i < layout->board->n_profiles; i++) {
		struct rule_step step = rules_step(look->rules, RULE_FF, i, state);
		unsigned starts = layout_starts(layout, &layout->board->profiles[i]);

		assert_int_equal(step.score == RULE_NO_FIT, !starts);
		if (starts)
			assert_int_equal(step.start, __builtin_ctz(starts));
	}
	look->n++;
	return true;
}

static void test_states(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_boards; i++) {
		struct look look = {.rules = rules_new(&boards[i])};

		layout_each(&boards[i], FAMILY_ALL, look_at, &look);
		assert_true(look.n > look.rules->n_states);
		rules_free((struct rules *)look.rules);
	}
}

/* ---- relocation ---- */

/* Everything that ran still runs, somewhere; the new one too; spots tell the truth. */
static void check_after(const struct both *both, const struct relocation *relocation)
{
	uint32_t n = 0;

	for (uint32_t gpu = 0; gpu < N_GPUS; gpu++)
		n += fleet_layout(both->fleet, gpu)->n;
	assert_int_equal(n, both->n);
	for (uint32_t i = 0; i < both->n; i++)
		assert_int_equal(
			fleet_spot(both->fleet, both->places[i].gpu, both->places[i].start), i);
	assert_true(relocation->n_moves >= 1);
}

static void test_relocation(void **state)
{
	static struct both both;
	const struct board *board = board_by_id("h100-sxm5-80gb");
	struct rules *rules = rules_new(board);
	struct mersenne random;
	unsigned n_done = 0, n_refused = 0;

	(void)state;
	both = (struct both){.fleet = fleet_new(rules, N_GPUS)};
	mersenne_seed(&random, 5);
	for (unsigned step = 0; step < 3000; step++) {
		unsigned profile = mersenne_below(&random, (uint32_t)board->n_profiles), max;
		struct relocation relocation;
		struct fleet_place place;
		int r;

		max = 1 + mersenne_below(&random, RELOCATE_MAX);
		if (fleet_find(both.fleet, RULE_FF, profile, &place)) {
			fleet_take(both.fleet, &place, both.n);
			both.places[both.n++] = place;
			continue;
		}
		r = relocate(both.fleet, board, profile, max, both.n, &relocation);
		assert_in_range(r, 0, 1);
		if (r) {
			assert_true(relocation.n_moves <= max);
			for (unsigned i = 0; i < relocation.n_moves; i++)
				both.places[relocation.moves[i].spot] = relocation.moves[i].to;
			both.places[both.n++] = relocation.place;
			check_after(&both, &relocation);
		}
		n_done += r == 1;
		n_refused += r == 0;
		for (unsigned i = 0; i < 3 && both.n; i++) {
			uint32_t gone = mersenne_below(&random, both.n);

			fleet_give(both.fleet, &both.places[gone]);
			if (gone == --both.n)
				continue;
			/* The last takes its number. */
			fleet_give(both.fleet, &both.places[both.n]);
			both.places[gone] = both.places[both.n];
			fleet_take(both.fleet, &both.places[gone], gone);
		}
	}
	assert_true(n_done > 100);
	assert_true(n_refused > 100);
	fleet_free(both.fleet);
	rules_free(rules);
}

/* ---- sets ---- */

static void test_index_sets(void **state)
{
	static const uint32_t sizes[] = {1, 64, 65, 4096, 4097, 300000};
	struct mersenne random;

	(void)state;
	mersenne_seed(&random, 3);
	for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
		uint8_t *in = calloc(sizes[s], 1);
		struct index_set set;

		assert_int_equal(index_set_init(&set, sizes[s]), 0);
		for (unsigned step = 0; step < 2000; step++) {
			uint32_t number = mersenne_below(&random, sizes[s]), next = number;

			if (in[number])
				index_set_remove(&set, number);
			else
				index_set_add(&set, number);
			in[number] ^= 1;
			number = next = mersenne_below(&random, sizes[s]);
			while (next < sizes[s] && !in[next])
				next++;
			assert_int_equal(index_set_next(&set, number),
					 next == sizes[s] ? INDEX_NONE : next);
		}
		index_set_done(&set);
		free(in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decisions),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_relocation),
		cmocka_unit_test(test_index_sets),
	};

	return tap_run(tests);
}
