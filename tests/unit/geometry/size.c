/*
 * The closed form for the least number of GPUs: which facet decides, and what
 * it does not cover. tests/property/size.c holds it against a search.
 */
#include "../tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "geometry/size.h"

#define A100 "a100-sxm4-80gb"
#define A30  "a30-24gb"
#define RTX  "rtx-pro-6000-blackwell-server"

#define PROFILES_MAX 16

/* "2 3g, 1 1g+me" as counts by profile. */
static void parse(const struct board *board, const char *words, uint32_t *ret)
{
	char copy[128], *rest = copy, *word;

	strncpy(copy, words, sizeof(copy) - 1)[sizeof(copy) - 1] = '\0';
	while ((word = strsep(&rest, ","))) {
		char *name;
		unsigned long n = strtoul(word, &name, 10);
		const struct profile *profile = n ? board_profile_by_name(board, name + 1) : NULL;

		if (n && !profile)
			fail_msg("%s has no '%s'", board->id, name);
		if (n)
			ret[profile_index(board, profile)] += (uint32_t)n;
	}
}

static void test_what_decides(void **state)
{
	static const struct {
		const char *board, *demand;
		uint64_t gpus;
		enum facet facet;
	} cases[] = {
		{A100, "0 1g", 0, FACET_WHOLE},
		{A100, "3 7g", 3, FACET_WHOLE},
		{A100, "7 1g", 1, FACET_COMPUTE},
		{A100, "8 1g", 2, FACET_COMPUTE},
		{A100, "1 1g, 1 2g, 1 4g, 1 1g+me", 2, FACET_COMPUTE},
		{A100, "1 1g, 2 3g", 2, FACET_MEMORY},
		{A100, "3 2g, 2 4g", 3, FACET_ALIGNMENT},
		{A100, "3 4g", 3, FACET_ONE_4G},
		{A100, "4 1g+me", 4, FACET_ONE_ME},
		{A100, "1 3g, 2 4g, 2 1g+me", 3, FACET_HALVES},
		{A100, "3 2g, 2 3g, 2 1g+me", 3, FACET_PAIRS},
		{A100, "1 7g, 2 3g, 1 1g", 3, FACET_MEMORY},
		{A100, "4000000000 7g, 4000000000 4g", 8000000000, FACET_ONE_4G},
		{A30, "1 4g, 3 2g", 3, FACET_COMPUTE},
		{A30, "1 1g+me, 1 2g+me", 2, FACET_ONE_ME},
		{A30, "3 2g, 2 1g+me", 3, FACET_HALVES},
		{RTX, "2 2g+gfx, 1 1g-me, 1 4g", 3, FACET_COMPUTE},
		{"b200-180gb", "9 1g", 2, FACET_COMPUTE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct board *board = board_by_id(cases[i].board);
		uint32_t wanted[PROFILES_MAX] = {0};
		enum facet facet = FACET_COUNT;
		uint64_t gpus = 0;

		parse(board, cases[i].demand, wanted);
		assert_true(size_minimum(board, wanted, &gpus, &facet));
		if (gpus != cases[i].gpus || facet != cases[i].facet)
			fail_msg("%s: %s: %llu GPUs for %s, expected %llu for %s", cases[i].board,
				 cases[i].demand, (unsigned long long)gpus, facet_meaning(facet),
				 (unsigned long long)cases[i].gpus, facet_meaning(cases[i].facet));
	}
}

static void test_what_it_does_not_cover(void **state)
{
	static const struct profile eighth = {.name = "1g.5gb",
					      .compute_slices = 1,
					      .memory_slices = 1,
					      .size = 1,
					      .starts = 0xff};
	static const struct board shifted = {.id = "made-up",
					     .compute_slices = 7,
					     .memory_slices = 8,
					     .units = 8,
					     .profiles = &eighth,
					     .n_profiles = 1};
	const struct board *rtx = board_by_id(RTX);
	uint32_t wanted[PROFILES_MAX] = {1};
	uint64_t gpus = 77;

	(void)state;
	assert_false(size_minimum(&shifted, wanted, &gpus, NULL));
	wanted[0] = 0;
	parse(rtx, "1 1g+me.all", wanted);
	assert_false(size_minimum(rtx, wanted, &gpus, NULL));
	assert_int_equal(gpus, 77);
}

/* Every board of the table has a form, and all it offers but +me.all is in it. */
static void test_every_board(void **state)
{
	(void)state;
	for (size_t b = 0; b < n_boards; b++)
		for (size_t p = 0; p < boards[b].n_profiles; p++) {
			const struct profile *profile = &boards[b].profiles[p];
			uint32_t wanted[PROFILES_MAX] = {0};
			uint64_t gpus;

			wanted[p] = profile->max_instances;
			assert_int_equal(size_minimum(&boards[b], wanted, &gpus, NULL),
					 !(profile->flags & PROFILE_ME_ALL));
			if (!(profile->flags & PROFILE_ME_ALL))
				assert_int_equal(gpus, 1);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_decides),
		cmocka_unit_test(test_what_it_does_not_cover),
		cmocka_unit_test(test_every_board),
	};

	return tap_run(tests);
}
