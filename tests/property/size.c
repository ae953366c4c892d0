/*
 * The closed form of geometry/size against a search: how few GPUs hold a
 * demand, found for every small demand from all layouts of one GPU.
 */
#include "../unit/tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "geometry/layout.h"
#include "geometry/size.h"

#define KINDS_MAX   8
#define COLUMNS_MAX 512

/* What one GPU can hold at once, by kind of profile; nothing more fits. */
struct search {
	const struct board *board;
	unsigned n_kinds;
	unsigned profile[KINDS_MAX]; /* index in board->profiles */
	unsigned most[KINDS_MAX];    /* demands go up to this */
	unsigned n_columns;
	uint8_t columns[COLUMNS_MAX][KINDS_MAX];
	uint16_t *least; /* GPUs for each demand, by demand_index() */
};

static bool add_column(const struct layout *layout, void *arg)
{
	struct search *search = arg;
	uint8_t column[KINDS_MAX] = {0};

	if (!layout_is_maximal(layout, FAMILY_DOUBLE_ME))
		return true;
	for (unsigned i = 0; i < layout->n; i++)
		for (unsigned k = 0; k < search->n_kinds; k++)
			if (layout->at[i].profile == search->profile[k])
				column[k]++;
	for (unsigned i = 0; i < search->n_columns; i++)
		if (!memcmp(search->columns[i], column, sizeof(column)))
			return true;
	assert_true(search->n_columns < COLUMNS_MAX);
	memcpy(search->columns[search->n_columns++], column, sizeof(column));
	return true;
}

static size_t n_demands(const struct search *search)
{
	size_t n = 1;

	for (unsigned k = 0; k < search->n_kinds; k++)
		n *= search->most[k] + 1;
	return n;
}

static void demand_at(const struct search *search, size_t index, unsigned *ret)
{
	for (unsigned k = 0; k < search->n_kinds; k++) {
		ret[k] = (unsigned)(index % (search->most[k] + 1));
		index /= search->most[k] + 1;
	}
}

static size_t demand_index(const struct search *search, const unsigned *demand)
{
	size_t index = 0;

	for (unsigned k = search->n_kinds; k-- > 0;)
		index = index * (search->most[k] + 1) + demand[k];
	return index;
}

/* One GPU cut in the best way, and the least for what is then left. */
static unsigned search_least(const struct search *search, size_t index)
{
	unsigned least = UINT16_MAX, demand[KINDS_MAX], left[KINDS_MAX];

	demand_at(search, index, demand);
	for (unsigned c = 0; index && c < search->n_columns; c++) {
		size_t rest;

		for (unsigned k = 0; k < search->n_kinds; k++) {
			unsigned gets = search->columns[c][k];

			left[k] = demand[k] > gets ? demand[k] - gets : 0;
		}
		rest = demand_index(search, left);
		if (rest < index && search->least[rest] + 1u < least)
			least = search->least[rest] + 1u;
	}
	return index ? least : 0;
}

static uint64_t formula(const struct search *search, size_t index)
{
	unsigned demand[KINDS_MAX];
	uint32_t wanted[16] = {0};
	uint64_t gpus = UINT64_MAX;

	demand_at(search, index, demand);
	for (unsigned k = 0; k < search->n_kinds; k++)
		wanted[search->profile[k]] = demand[k];
	assert_true(size_minimum(search->board, wanted, &gpus, NULL));
	return gpus;
}

/* The demands where search and form differ. */
static size_t count_differences(struct search *search)
{
	size_t n = n_demands(search), different = 0;
	cleanup(free) uint16_t *least = calloc(n, sizeof(*least));

	assert_non_null(least);
	search->least = least;
	layout_each(search->board, FAMILY_DOUBLE_ME, add_column, search);
	for (size_t i = 0; i < n; i++) {
		least[i] = (uint16_t)search_least(search, i);
		different += least[i] != formula(search, i);
	}
	return different;
}

static void test_closed_form(void **state)
{
	static const struct {
		const char *board;
		struct {
			const char *name;
			unsigned most;
		} kinds[KINDS_MAX];
	} cases[] = {
		{"a100-sxm4-80gb",
		 {{"1g", 9},
		  {"1g.20gb", 5},
		  {"2g", 6},
		  {"3g", 4},
		  {"4g", 3},
		  {"1g+me", 3},
		  {"7g", 1}}},
		/* up to three GPUs full of each: more follows from the form of the polytope */
		{"a30-24gb", {{"1g", 12}, {"2g", 6}, {"1g+me", 3}, {"2g+me", 3}, {"4g", 2}}},
		{"rtx-pro-6000-blackwell-server", {{"1g", 12}, {"2g", 6}, {"1g+me", 3}, {"4g", 2}}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct search search = {.board = board_by_id(cases[i].board)};

		for (; search.n_kinds < KINDS_MAX && cases[i].kinds[search.n_kinds].name;
		     search.n_kinds++) {
			const struct profile *profile = board_profile_by_name(
				search.board, cases[i].kinds[search.n_kinds].name);

			search.profile[search.n_kinds] = profile_index(search.board, profile);
			search.most[search.n_kinds] = cases[i].kinds[search.n_kinds].most;
		}
		assert_int_equal(count_differences(&search), 0);
	}
}

/* The search itself must notice: a GPU that cannot hold 3g+4g is another GPU. */
static void test_a_missing_column_is_noticed(void **state)
{
	struct search search = {.board = board_by_id("a100-sxm4-80gb"),
				.n_kinds = 2,
				.most = {4, 4},
				.columns = {{2, 0}, {0, 1}},
				.n_columns = 2};
	uint16_t least[25];
	size_t different = 0;

	(void)state;
	search.profile[0] = profile_index(search.board, board_profile_by_name(search.board, "3g"));
	search.profile[1] = profile_index(search.board, board_profile_by_name(search.board, "4g"));
	search.least = least;
	for (size_t i = 0; i < n_demands(&search); i++) {
		least[i] = (uint16_t)search_least(&search, i);
		different += least[i] != formula(&search, i);
	}
	assert_true(different > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_closed_form),
		cmocka_unit_test(test_a_missing_column_is_noticed),
	};

	return tap_run(tests);
}
