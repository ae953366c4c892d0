/* How many of a kind were enough, as pictures: a letter an hour in which one more was wanted. */
#include "../tap.h"

#include <string.h>

#include "base/array.h"
#include "planner/demand.h"

/* "aa..bb": rows of stays; each run of a letter is one stay. */
static size_t draw(const char *const *rows, struct demand_stay *ret)
{
	size_t n = 0;

	for (; *rows; rows++)
		for (const char *at = *rows; *at;) {
			size_t len = strspn(at, (char[]){*at, '\0'});

			if (*at != '.')
				ret[n++] = (struct demand_stay){(at - *rows) * 3600,
								(at - *rows + (int64_t)len) * 3600,
								(size_t)(*at - 'a')};
			at += len;
		}
	return n;
}

static void test_levels(void **state)
{
	static const struct {
		const char *rows[4];
		double share;
		struct demand_level a, b;
	} cases[] = {
		{{"aaaaaaaaaa"}, 1, {1, 1}, {0, 0}},
		{{"aaaaa....."}, 1, {1, 1}, {0, 0}},
		{{"aaaaa....."}, 0.5, {0, 1}, {0, 0}},
		{{"aaaaaa...."}, 0.5, {1, 1}, {0, 0}},
		{{"aaaaaaaaaa", "..aaaa....", "...a......"}, 1, {3, 3}, {0, 0}},
		{{"aaaaaaaaaa", "..aaaa....", "...a......"}, 0.9, {2, 3}, {0, 0}},
		{{"aaaaaaaaaa", "..aaaa....", "...a......"}, 0.6, {1, 3}, {0, 0}},
		{{"aaaaaaaaaa", "..aaaa....", "...a......"}, 0, {0, 3}, {0, 0}},
		{{"aaabbbbbbb", "bbbb......"}, 1, {1, 1}, {2, 2}},
		{{"aaabbbbbbb", "bbbb......"}, 0.9, {1, 1}, {1, 2}}, /* two b in one hour of ten */
		{{"aaaaa.....", ".....aaaaa"}, 1, {1, 1}, {0, 0}}, /* one goes, one comes */
		{{NULL}, 1, {0, 0}, {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct demand_stay stays[16];
		struct demand_level levels[2];
		size_t n = draw(cases[i].rows, stays);

		assert_int_equal(demand_levels(stays, n, 0, 36000, cases[i].share, levels, 2), 0);
		if (memcmp(&levels[0], &cases[i].a, sizeof(levels[0])) != 0 ||
		    memcmp(&levels[1], &cases[i].b, sizeof(levels[1])) != 0)
			fail_msg("case %zu: a %u (%u), b %u (%u)", i, levels[0].wanted,
				 levels[0].peak, levels[1].wanted, levels[1].peak);
	}
}

/* What is before or after is cut off, and what is wholly there does not count. */
static void test_a_part_of_the_time(void **state)
{
	const struct demand_stay stays[] = {{-100, 50, 0}, {50, 900, 0}, {-5, 0, 0}, {100, 200, 0}};
	struct demand_level level;

	(void)state;
	assert_int_equal(demand_levels(stays, ARRAY_SIZE(stays), 0, 100, 1, &level, 1), 0);
	assert_int_equal(level.wanted, 1);
	assert_int_equal(level.peak, 1);
	assert_int_equal(demand_levels(stays, ARRAY_SIZE(stays), 100, 100, 1, &level, 1), 0);
	assert_int_equal(level.peak, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_a_part_of_the_time),
	};

	return tap_run(tests);
}
