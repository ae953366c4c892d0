/*
 * One GPU at a time: what fits, where the CAP rule puts it, and how it looks.
 * A GPU is written as layout_format() prints it: "3g@0 2g@4 1g@6".
 */
#include "../tap.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "geometry/layout.h"

#define A100 "a100-sxm4-80gb"
#define A30  "a30-24gb"
#define RTX  "rtx-pro-6000-blackwell-server"

static const struct profile *profile_named(const struct layout *layout, const char *name)
{
	const struct profile *profile = board_profile_by_name(layout->board, name);

	if (!profile)
		fail_msg("%s has no profile '%s'", layout->board->id, name);
	return profile;
}

static bool take(struct layout *layout, const char *name, unsigned start)
{
	return layout_take(layout, profile_named(layout, name), start);
}

/* Builds the picture; false when an instance of it does not fit. */
static bool build(const char *board, const char *picture, struct layout *ret)
{
	char words[128], *rest = words, *word;

	snprintf(words, sizeof(words), "%s", picture);
	layout_init(ret, board_by_id(board));
	while ((word = strsep(&rest, " "))) {
		char *at = strchr(word, '@');

		if (!at)
			continue;
		*at = '\0';
		if (!take(ret, word, (unsigned)atoi(at + 1)))
			return false;
	}
	return true;
}

static struct layout gpu(const char *board, const char *picture)
{
	struct layout layout;

	if (!build(board, picture, &layout))
		fail_msg("%s cannot hold %s", board, picture);
	return layout;
}

/* ---- what fits ---- */

static void test_what_fits(void **state)
{
	static const struct {
		const char *story, *board, *gpu, *wanted;
		unsigned starts, remaining;
	} cases[] = {
		{"an empty GPU takes seven, not eight", A100, "empty", "1g", 0x7f, 7},
		{"halves start at the half", A100, "empty", "3g", 0x11, 2},
		{"4g has one home", A100, "empty", "4g", 0x01, 1},
		{"a hole across a boundary is no place", A100, "1g@1 1g@4", "2g", 0x04, 1},
		{"one small in each half blocks 3g", A100, "1g@0 1g@6", "3g", 0, 0},
		{"double memory reaches unit 7", A100, "3g@0 2g@4", "1g.20gb", 0x40, 1},
		{"beside 3g+3g no unit is free", A100, "3g@0 3g@4", "1g", 0, 0},
		{"the whole GPU needs all of it", A100, "1g@6", "7g", 0, 0},
		{"+me while there is none", A100, "1g@0", "1g+me", 0x7e, 1},
		{"+me once per GPU", A100, "1g+me@0", "1g+me", 0, 0},
		{"+me of another size is the same +me", A30, "2g+me@0", "1g+me", 0, 0},
		{"+me does not mind plain ones", A30, "1g+me@0", "1g", 0x0e, 3},
		{"twelve units, quarters", RTX, "1g@3", "1g", 0x241, 3},
		{"twelve units, halves", RTX, "1g@3", "2g", 0x40, 1},
		{"beside +me.all only -me", RTX, "1g+me.all@0", "1g", 0, 0},
		{"beside +me.all also -me in halves", RTX, "1g+me.all@0", "2g-me", 0x40, 1},
		{"+me.all beside -me", RTX, "2g-me@0 1g-me@6", "1g+me.all", 0x200, 1},
		{"+me.all not beside plain", RTX, "2g-me@0 1g@6", "1g+me.all", 0, 0},
		{"+me.all once", RTX, "1g+me.all@0", "2g+me.all", 0, 0},
		{"graphics beside compute", RTX, "2g+gfx@0", "1g", 0x240, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct layout layout = gpu(cases[i].board, cases[i].gpu);
		const struct profile *wanted = profile_named(&layout, cases[i].wanted);
		unsigned starts = layout_starts(&layout, wanted);
		unsigned remaining = layout_remaining(&layout, wanted);

		if (starts != cases[i].starts || remaining != cases[i].remaining)
			fail_msg("%s: %s into %s: starts %#x remaining %u, expected %#x and %u",
				 cases[i].story, cases[i].wanted, cases[i].gpu, starts, remaining,
				 cases[i].starts, cases[i].remaining);
	}
}

static void test_impossible(void **state)
{
	static const char *const pictures[] = {
		"3g@0 3g@4 1g@6", "3g@0 3g@4 1g@3", "1g@7", "4g@4", "7g@0 1g@0", "1g@16", "1g@99",
	};
	struct layout layout;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pictures); i++)
		if (build(A100, pictures[i], &layout))
			fail_msg("%s holds %s", A100, pictures[i]);
}

static void test_seven_small_ones(void **state)
{
	struct layout layout = gpu(A100, "empty");
	unsigned n = 0, start;

	(void)state;
	while (layout_find(&layout, profile_named(&layout, "1g"), &start, NULL))
		n += take(&layout, "1g", start);
	assert_int_equal(n, 7);
	assert_int_equal(layout.mask, 0x7f);
	assert_true(layout_is_maximal(&layout, FAMILY_ALL));
}

/* Compute is what a board that is not in the table may run out of first. */
static void test_compute_is_never_exceeded(void **state)
{
	static const struct profile pair = {
		.name = "3g.30gb", .compute_slices = 3, .size = 2, .starts = 0x55};
	static const struct board board = {.id = "made-up",
					   .compute_slices = 7,
					   .units = 8,
					   .profiles = &pair,
					   .n_profiles = 1};
	struct layout layout;

	(void)state;
	layout_init(&layout, &board);
	assert_int_equal(layout_remaining(&layout, &pair), 2);
	assert_true(layout_take(&layout, &pair, 0));
	assert_true(layout_take(&layout, &pair, 6));
	assert_false(layout_take(&layout, &pair, 2));
	assert_int_equal(layout_remaining(&layout, &pair), 0);
}

/* ---- take and give ---- */

static void test_take_and_give(void **state)
{
	struct layout layout = gpu(A100, "1g@6 3g@0"), before = layout;
	const struct profile *two = profile_named(&layout, "2g");
	const struct profile *doubled = profile_named(&layout, "1g.20gb");

	(void)state;
	assert_true(layout_take(&layout, two, 4));
	assert_int_equal(layout.mask, 0x7f);
	assert_int_equal(layout.compute, 6);
	assert_true(layout_has(&layout, two, 4));
	assert_false(layout_has(&layout, doubled, 4));
	assert_false(layout_give(&layout, doubled, 4)); /* same window, another profile */
	assert_false(layout_give(&layout, two, 0));
	assert_true(layout_give(&layout, two, 4));
	assert_false(layout_give(&layout, two, 4));
	assert_true(layout_equal(&layout, &before));
	assert_false(layout_take(&layout, two, 2));
	assert_true(layout_equal(&layout, &before));
}

static void test_equal(void **state)
{
	struct layout a = gpu(A100, "2g@0 1g@6"), b = gpu(A100, "1g@6 2g@0");
	struct layout c = gpu(A100, "1g.20gb@0 1g@6");

	(void)state;
	assert_true(layout_equal(&a, &b));
	assert_false(layout_equal(&a, &c));
}

/* ---- the CAP rule ---- */

/* Start and loss of the best place, written "5@4"; "-" when there is none. */
static const char *best_place(const struct layout *layout, const char *name, char *buf, size_t len)
{
	unsigned start, loss;

	if (layout_find(layout, profile_named(layout, name), &start, &loss))
		snprintf(buf, len, "%u@%u", loss, start);
	else
		snprintf(buf, len, "-");
	return buf;
}

static void test_best_places(void **state)
{
	static const char *const wanted[] = {"1g", "1g.20gb", "2g", "3g", "4g"};
	static const struct {
		const char *gpu;
		unsigned mask, phi;
		const char *best[ARRAY_SIZE(wanted)];
	} cases[] = {
		{"empty", 0x00, 41, {"15@6", "15@6", "18@4", "21@4", "28@0"}},
		{"1g@6", 0x40, 26, {"5@4", "6@4", "6@4", "20@0", "20@0"}},
		{"4g@0", 0x0f, 13, {"7@6", "7@6", "10@4", "13@4", "-"}},
		{"3g@4", 0xf0, 20, {"13@0", "14@0", "14@0", "20@0", "20@0"}},
		{"1g@0 1g@1 1g@4", 0x13, 10, {"1@5", "3@6", "6@2", "-", "-"}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct layout layout = gpu(A100, cases[i].gpu);
		char buf[32];

		assert_int_equal(layout.mask, cases[i].mask);
		assert_int_equal(layout_choices(&layout), cases[i].phi);
		for (size_t w = 0; w < ARRAY_SIZE(wanted); w++)
			assert_string_equal(best_place(&layout, wanted[w], buf, sizeof(buf)),
					    cases[i].best[w]);
	}
}

static void test_losses_on_an_empty_gpu(void **state)
{
	static const struct {
		const char *name;
		unsigned n, losses[7], starts[7];
	} cases[] = {
		{"1g", 7, {21, 21, 21, 21, 17, 17, 15}, {0, 1, 2, 3, 4, 5, 6}},
		{"1g.20gb", 4, {22, 22, 18, 15}, {0, 2, 4, 6}},
		{"2g", 3, {22, 22, 18}, {0, 2, 4}},
		{"3g", 2, {28, 21}, {0, 4}},
		{"4g", 1, {28}, {0}},
		{"7g", 1, {41}, {0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned k = 0; k < cases[i].n; k++) {
			struct layout layout = gpu(A100, "empty");

			assert_true(take(&layout, cases[i].name, cases[i].starts[k]));
			assert_int_equal(41 - layout_choices(&layout), cases[i].losses[k]);
		}
}

/* The order in which one profile fills an empty GPU. */
static void test_filling_order(void **state)
{
	static const struct {
		const char *board, *name, *order;
	} cases[] = {
		{A100, "1g", "6450123"}, {A100, "1g.20gb", "6402"}, {A100, "2g", "402"},
		{A100, "3g", "40"},	 {A30, "1g", "0123"},	    {RTX, "1g-me", "0369"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct layout layout = gpu(cases[i].board, "empty");
		const struct profile *profile = profile_named(&layout, cases[i].name);
		char order[17] = "";
		unsigned start;

		for (unsigned n = 0; layout_find(&layout, profile, &start, NULL); n++) {
			order[n] = (char)('0' + start);
			layout_take(&layout, profile, start);
		}
		assert_string_equal(order, cases[i].order);
	}
}

static void test_find_leaves_its_results_alone(void **state)
{
	struct layout layout = gpu(A100, "7g@0");
	unsigned start = 77, loss = 78;

	(void)state;
	assert_false(layout_find(&layout, profile_named(&layout, "1g"), &start, &loss));
	assert_int_equal(start, 77);
	assert_int_equal(loss, 78);
}

/* ---- how it looks ---- */

static void test_format(void **state)
{
	static const struct {
		const char *board, *gpu;
	} cases[] = {
		{A100, "empty"},
		{A100, "3g@0 2g@4 1g@6"},
		{A100, "1g+me@0 1g.20gb@6"},
		{RTX, "1g+me.all@0 1g-me@3 2g-me@6"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct layout layout = gpu(cases[i].board, cases[i].gpu);
		struct text text = TEXT_INIT;

		layout_format(&layout, &text);
		assert_string_equal(text_str(&text), cases[i].gpu);
		text_done(&text);
	}
}

/* Takes one word after the other from a list of labels. */
static const char *next_label(const struct place *place, void *arg)
{
	const char ***labels = arg;

	(void)place;
	return *(*labels)++;
}

static void test_draw(void **state)
{
	static const struct {
		const char *board, *gpu;
		unsigned cell;
		const char *labels[4];
		const char *picture;
	} cases[] = {
		{A100, "empty", 4, {NULL}, " .   .   .   .   .   .   .   .  "},
		{A100, "1g@0 3g@4", 4, {NULL}, "[1g] .   .   .  [3g            ]"},
		{A100, "2g@0 1g@4 1g.20gb@6", 1, {NULL}, "[2g    ] .   .  [1g] .  [1g.20g]"},
		{A30,
		 "1g@0 1g@1 2g@2",
		 9,
		 {"1g ann", "1g -", "2g bob"},
		 "[1g ann ][1g -   ][2g bob          ]"},
		{A30,
		 "1g@1 2g@2",
		 8,
		 {"1g annabella", "2g \xe9\x83\xa8\xe9\x96\x80"},
		 "   .    [1g ann][2g \xe9\x83\xa8\xe9\x96\x80       ]"},
		{A30, "2g@0", 4, {"\033[2J\nJos\xc3\xa9"}, "[?[2J J] .   .  "},
		{RTX, "1g@3 2g@6", 4, {NULL}, " .   .   .  [1g        ][2g                    ]"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct layout layout = gpu(cases[i].board, cases[i].gpu);
		const char *const *labels = cases[i].labels;
		struct text text = TEXT_INIT;

		layout_draw(&layout, cases[i].cell, labels[0] ? next_label : NULL, &labels, &text);
		assert_string_equal(text_str(&text), cases[i].picture);
		text_done(&text);
	}
}

static void test_shapes(void **state)
{
	static const struct {
		const char *board, *name, *shape;
	} cases[] = {
		{A100, "2g.20gb", "2g"},
		{A100, "1g.10gb+me", "1g+me"},
		{A100, "1g.20gb", "1g.20gb"},
		{RTX, "1g.24gb-me", "1g-me"},
		{RTX, "2g.48gb+me.all", "2g+me.all"},
		{RTX, "4g.96gb+gfx", "4g+gfx"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct board *board = board_by_id(cases[i].board);
		const struct profile *profile = board_profile_by_name(board, cases[i].name);
		char buf[16];

		assert_string_equal(profile_shape(profile, buf, sizeof(buf)), cases[i].shape);
		assert_ptr_equal(board_profile_by_name(board, buf), profile);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_fits),
		cmocka_unit_test(test_impossible),
		cmocka_unit_test(test_seven_small_ones),
		cmocka_unit_test(test_compute_is_never_exceeded),
		cmocka_unit_test(test_take_and_give),
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_best_places),
		cmocka_unit_test(test_losses_on_an_empty_gpu),
		cmocka_unit_test(test_filling_order),
		cmocka_unit_test(test_find_leaves_its_results_alone),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_draw),
		cmocka_unit_test(test_shapes),
	};

	setlocale(LC_CTYPE, "C.UTF-8"); /* what a character is wide is the locale's to say */
	return tap_run(tests);
}
