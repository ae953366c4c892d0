/*
 * The tables of the placement rules: what a mask is worth, and where each rule
 * goes on it. The numbers of 8-slot boards were worked out independently.
 */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "planner/fleet.h"
#include "planner/rule.h"

#define H100 "h100-sxm5-80gb"
#define A30  "a30-24gb"
#define RTX  "rtx-pro-6000-blackwell-server"

static const struct profile *profile_of(const struct board *board, const char *name)
{
	const struct profile *profile = board_profile_by_name(board, name);

	if (!profile)
		fail_msg("%s has no '%s'", board->id, name);
	return profile;
}

static unsigned index_of(const struct board *board, const char *name)
{
	return profile_index(board, profile_of(board, name));
}

/* A layout with that mask; some instances that make it up. */
static void make_mask(const struct board *board, unsigned mask, struct layout *ret)
{
	layout_init(ret, board);
	for (unsigned unit = 0; unit < board->units; unit++) {
		const struct profile *one = profile_of(board, unit == 7 ? "1g.20gb" : "1g");

		if (mask >> unit & 1u && !layout_take(ret, one, unit))
			fail_msg("no layout for mask %#x", mask);
	}
}

static void test_losses_on_an_empty_gpu(void **state)
{
	static const struct {
		const char *profile;
		int loss[8]; /* by start; 0: not allowed */
	} cases[] = {
		{"1g", {21, 21, 21, 21, 17, 17, 15}},
		{"1g.20gb", {22, 0, 22, 0, 18, 0, 15}},
		{"2g", {22, 0, 22, 0, 18}},
		{"3g", {28, 0, 0, 0, 21}},
		{"4g", {28}},
		{"7g", {41}},
	};
	const struct board *board = board_by_id(H100);
	struct layout layout;

	(void)state;
	layout_init(&layout, board);
	assert_int_equal(layout_choices(&layout), 41);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned start = 0; start < 8; start++) {
			layout_init(&layout, board);
			if (!layout_take(&layout, profile_of(board, cases[i].profile), start)) {
				assert_int_equal(cases[i].loss[start], 0);
				continue;
			}
			assert_int_equal(41 - layout_choices(&layout), cases[i].loss[start]);
		}
}

static void test_masks(void **state)
{
	static const char *const profiles[] = {"1g", "1g.20gb", "2g", "3g", "4g"};
	static const struct {
		unsigned mask, choices, fragmentation;
		struct {
			int loss, start; /* loss -1: no room */
		} best[ARRAY_SIZE(profiles)];
	} cases[] = {
		{0x00, 41, 0, {{15, 6}, {15, 6}, {18, 4}, {21, 4}, {28, 0}}},
		{0x40, 26, 7, {{5, 4}, {6, 4}, {6, 4}, {20, 0}, {20, 0}}},
		{0x0f, 13, 20, {{7, 6}, {7, 6}, {10, 4}, {13, 4}, {-1, 0}}},
		{0xf0, 20, 13, {{13, 0}, {14, 0}, {14, 0}, {20, 0}, {20, 0}}},
		{0x13, 10, 23, {{1, 5}, {3, 6}, {6, 2}, {-1, 0}, {-1, 0}}},
	};
	const struct board *board = board_by_id(H100);
	struct rules *rules = rules_new(board);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct layout layout;

		if (cases[i].mask == 0xf0) {
			layout_init(&layout, board);
			layout_take(&layout, profile_of(board, "3g"), 4);
		} else {
			make_mask(board, cases[i].mask, &layout);
		}
		assert_int_equal(layout.mask, cases[i].mask);
		assert_int_equal(layout_choices(&layout), cases[i].choices);
		assert_int_equal(rule_fragmentation(board, layout.mask), cases[i].fragmentation);
		for (size_t p = 0; p < ARRAY_SIZE(profiles); p++) {
			struct rule_step step =
				rules_step(rules, RULE_CAP, index_of(board, profiles[p]),
					   rules_state(rules, &layout));

			if (cases[i].best[p].loss < 0) {
				assert_int_equal(step.score, RULE_NO_FIT);
				continue;
			}
			assert_int_equal(step.score, cases[i].best[p].loss);
			assert_int_equal(step.start, cases[i].best[p].start);
		}
	}
	rules_free(rules);
}

/* One profile again and again, on two GPUs: "gpu:start" in the order in which they go. */
static void test_sequences(void **state)
{
	static const struct {
		const char *board, *profile;
		enum rule rule;
		const char *places;
	} cases[] = {
		{H100, "1g", RULE_FF, "0:0 0:1 0:2 0:3 0:4 0:5 0:6 1:0 "},
		{H100, "1g", RULE_BF, "0:6 0:4 0:5 0:0 0:1 0:2 0:3 1:6 "},
		{H100, "1g.20gb", RULE_BF, "0:6 0:4 0:0 0:2 1:6 1:4 1:0 1:2 "},
		{H100, "2g", RULE_BF, "0:4 0:0 0:2 1:4 1:0 1:2 "},
		{H100, "3g", RULE_WF, "0:4 1:4 0:0 1:0 "},
		{H100, "2g", RULE_RR, "0:0 1:0 0:2 1:2 0:4 1:4 "},
		{H100, "1g+me", RULE_FF, "0:0 1:0 "},
		{H100, "4g", RULE_CAP, "0:0 1:0 "},
		{A30, "1g", RULE_BF, "0:0 0:1 0:2 0:3 1:0 1:1 1:2 1:3 "},
		{A30, "2g", RULE_WF, "0:0 1:0 0:2 1:2 "},
		{RTX, "1g+gfx", RULE_MFI, "0:0 0:3 0:6 0:9 1:0 1:3 1:6 1:9 "},
		{RTX, "2g+me.all", RULE_CAP, "0:0 1:0 "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct board *board = board_by_id(cases[i].board);
		struct rules *rules = rules_new(board);
		struct fleet *fleet = fleet_new(rules, 2);
		unsigned profile = index_of(board, cases[i].profile);
		char places[128] = "";
		struct fleet_place place;
		size_t len = 0;

		while (len < 32 && fleet_find(fleet, cases[i].rule, profile, &place)) {
			fleet_take(fleet, &place, 0);
			len += (size_t)snprintf(places + len, sizeof(places) - len, "%u:%u ",
						place.gpu, place.start);
		}
		if (strcmp(places, cases[i].places) != 0)
			fail_msg("%s %s %s: %s, expected %s", cases[i].board, cases[i].profile,
				 rule_name(cases[i].rule), places, cases[i].places);
		fleet_free(fleet);
		rules_free(rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_losses_on_an_empty_gpu),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_sequences),
	};

	return tap_run(tests);
}
