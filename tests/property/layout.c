/*
 * geometry/layout against a slow reference: every layout of every board, random
 * sequences of take and give, and the same with the reference broken on purpose.
 */
#include "../unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "geometry/layout.h"
#include "layout-reference.h"

#define A100 "a100-sxm4-80gb"
#define A30  "a30-24gb"
#define RTX  "rtx-pro-6000-blackwell-server"

/* The most layouts any board has; 1 << 16 masks. */
#define LAYOUTS_MAX 16384

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static size_t count_distinct(uint64_t *values, size_t n)
{
	size_t distinct = 0;

	qsort(values, n, sizeof(*values), compare_u64);
	for (size_t i = 0; i < n; i++)
		distinct += !i || values[i] != values[i - 1];
	return distinct;
}

/* ---- every layout ---- */

struct census {
	struct reference reference;
	enum family family;
	bool questions; /* ask everything of each layout, not only where things are */
	size_t n, n_maximal;
	uint64_t keys[LAYOUTS_MAX], masks[LAYOUTS_MAX], multisets[LAYOUTS_MAX];
	uint64_t maximal_multisets[LAYOUTS_MAX];
};

/* How often each profile occurs, four bits each. */
static uint64_t multiset(const struct layout *layout)
{
	uint64_t counts = 0;

	for (unsigned i = 0; i < layout->n; i++)
		counts += (uint64_t)1 << 4 * layout->at[i].profile;
	return counts;
}

static void note_format(const struct layout *layout, const char *what)
{
	struct text text = TEXT_INIT;

	layout_format(layout, &text);
	print_error("%s: %s: %s\n", layout->board->id, text_str(&text), what);
	text_done(&text);
}

static bool count_layout(const struct layout *layout, void *arg)
{
	struct census *census = arg;
	struct reference *reference = &census->reference;
	const char *about;

	assert_true(census->n < LAYOUTS_MAX);
	census->keys[census->n] = reference_key_of(reference, layout);
	census->masks[census->n] = layout->mask;
	census->multisets[census->n++] = multiset(layout);
	reference_set(reference, reference_key_of(reference, layout));
	if (layout_is_maximal(layout, census->family))
		census->maximal_multisets[census->n_maximal++] = multiset(layout);
	about = census->questions ? reference_disagrees(reference, layout) : NULL;
	if (about)
		note_format(layout, about);
	return !about &&
	       layout_is_maximal(layout, census->family) == reference_is_maximal(reference);
}

static struct census *take_census(const struct board *board, enum family family, bool questions)
{
	struct census *census = calloc(1, sizeof(*census));
	size_t shown;

	assert_non_null(census);
	census->family = family;
	census->questions = questions;
	reference_init(&census->reference, board, family, MISTAKE_NONE);
	shown = layout_each(board, family, count_layout, census);
	assert_int_equal(shown, census->n);
	return census;
}

/* The same layouts, each once: sorted keys against the reference's own enumeration. */
static void check_census(struct census *census)
{
	cleanup(free) uint32_t *keys = NULL;
	size_t n = reference_enumerate(&census->reference, &keys);

	assert_int_equal(census->n, n);
	assert_int_equal(count_distinct(census->keys, census->n), n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(census->keys[i], keys[i]);
}

static void test_every_layout_of_every_board(void **state)
{
	(void)state;
	for (size_t b = 0; b < n_boards; b++)
		for (enum family family = FAMILY_BASE; family <= FAMILY_ALL; family++) {
			cleanup(free) struct census *census =
				take_census(&boards[b], family, false);

			check_census(census);
		}
}

/* Every question about every layout of the three kinds of board there are. */
static void test_every_question(void **state)
{
	static const char *const ids[] = {A100, A30, RTX};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		cleanup(free) struct census *census =
			take_census(board_by_id(ids[i]), FAMILY_ALL, true);

		check_census(census);
	}
}

static void test_counts(void **state)
{
	static const struct {
		const char *board;
		enum family family;
		unsigned layouts, maximal, masks, multisets, maximal_multisets;
	} cases[] = {
		{A100, FAMILY_BASE, 298, 19, 144, 38, 14},
		{A100, FAMILY_DOUBLE, 723, 78, 192, 78, 38},
		{A100, FAMILY_DOUBLE_ME, 2319, 239, 192, 128, 64},
		{"h100-sxm5-80gb", FAMILY_DOUBLE, 723, 78, 192, 78, 38},
		{A30, FAMILY_BASE, 26, 5, 16, 10, 4},
		{RTX, FAMILY_BASE, 26, 5, 16, 10, 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(free) struct census *census =
			take_census(board_by_id(cases[i].board), cases[i].family, false);

		assert_int_equal(census->n, cases[i].layouts);
		assert_int_equal(census->n_maximal, cases[i].maximal);
		assert_int_equal(count_distinct(census->masks, census->n), cases[i].masks);
		assert_int_equal(count_distinct(census->multisets, census->n), cases[i].multisets);
		assert_int_equal(count_distinct(census->maximal_multisets, census->n_maximal),
				 cases[i].maximal_multisets);
	}
}

static bool stop_at_ten(const struct layout *layout, void *arg)
{
	unsigned *n = arg;

	(void)layout;
	return ++*n < 10;
}

static void test_each_stops(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(layout_each(board_by_id(A100), FAMILY_BASE, stop_at_ten, &n), 10);
	assert_int_equal(n, 10);
}

/* ---- random sequences ---- */

static uint32_t draw_number(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32) % below;
}

struct walk {
	struct layout layout;
	struct reference reference;
	uint64_t seed;
};

/* Something that is there; sometimes, and when nothing is, anything. */
static bool give_one(struct walk *walk)
{
	struct layout *layout = &walk->layout;
	const struct profile *profiles = layout->board->profiles, *profile;
	unsigned start;

	if (layout->n && draw_number(&walk->seed, 4)) {
		const struct place *place = &layout->at[draw_number(&walk->seed, layout->n)];

		profile = &profiles[place->profile];
		start = place->start;
	} else {
		profile = &profiles[draw_number(&walk->seed, (uint32_t)layout->board->n_profiles)];
		start = draw_number(&walk->seed, layout->board->units + 2u);
	}
	return layout_give(layout, profile, start) ==
	       reference_give(&walk->reference, profile, start);
}

static bool take_one(struct walk *walk)
{
	const struct board *board = walk->layout.board;
	const struct profile *profile =
		&board->profiles[draw_number(&walk->seed, (uint32_t)board->n_profiles)];
	unsigned start = draw_number(&walk->seed, board->units + 2u);

	if (draw_number(&walk->seed, 2))
		layout_find(&walk->layout, profile, &start, NULL);
	return layout_take(&walk->layout, profile, start) ==
	       reference_take(&walk->reference, profile, start);
}

/* true when layout and reference agreed after every step */
static bool random_walk(const char *board, enum mistake mistake, uint64_t seed, unsigned steps)
{
	struct walk walk = {.seed = seed * 0x9e3779b97f4a7c15u + 1};

	layout_init(&walk.layout, board_by_id(board));
	reference_init(&walk.reference, walk.layout.board, FAMILY_ALL, mistake);
	for (unsigned i = 0; i < steps; i++) {
		bool same = draw_number(&walk.seed, 3) ? take_one(&walk) : give_one(&walk);

		if (!same || reference_disagrees(&walk.reference, &walk.layout)) {
			if (mistake == MISTAKE_NONE)
				note_format(&walk.layout, same ? "questions" : "take or give");
			return false;
		}
	}
	return true;
}

static void test_random_sequences(void **state)
{
	static const char *const ids[] = {A100, A30, RTX, "b200-180gb"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		for (uint64_t seed = 1; seed <= 10; seed++)
			assert_true(random_walk(ids[i], MISTAKE_NONE, seed, 300));
}

static void test_a_broken_reference_is_noticed(void **state)
{
	(void)state;
	for (enum mistake mistake = MISTAKE_NONE + 1; mistake < MISTAKE_COUNT; mistake++) {
		bool rtx_only = mistake == MISTAKE_MIXED_ME_ALL;

		if (random_walk(rtx_only ? RTX : A100, mistake, 1, 300))
			fail_msg("mistake %d went unnoticed", (int)mistake);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_layout_of_every_board),
		cmocka_unit_test(test_every_question),
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_each_stops),
		cmocka_unit_test(test_random_sequences),
		cmocka_unit_test(test_a_broken_reference_is_noticed),
	};

	return tap_run(tests);
}
