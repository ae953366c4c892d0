/*
 * Units that are kept for what is reserved, as pictures: a GPU is a row of units,
 * '.' is free, A is a held 1g, C a held 3g, a small letter a free instance of ours.
 * Above it stands when what is held ends, in hours; below what is kept: '#'.
 */
#include "../tap.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "planner/reserve.h"

#define HOUR 3600

static void draw(struct choose_gpu *gpu, size_t index, const char *picture, const char *ends)
{
	const struct board *board = board_by_id("a100-sxm4-80gb");

	*gpu = (struct choose_gpu){.usable = true, .board = board};
	for (unsigned unit = 0; picture[unit];) {
		const char *name = tolower((unsigned char)picture[unit]) == 'a' ? "1g.10gb" : "3g.40gb";
		const struct profile *profile = board_profile_by_name(board, name);

		if (picture[unit] == '.') {
			unit++;
			continue;
		}
		gpu->at[gpu->n++] = (struct choose_instance){
			.id = (int64_t)(100 * index + unit + 1),
			.profile = profile,
			.start = unit,
			.use = isupper((unsigned char)picture[unit]) ? CHOOSE_HELD : CHOOSE_FREE,
			.has_ends = isdigit((unsigned char)ends[unit]),
			.ends_s = (ends[unit] - '0') * HOUR,
		};
		unit += profile->size;
	}
}

static struct policy *classes(void)
{
	static const char yaml[] = "version: 1\nclasses: {small: {profiles: 1g}, "
				   "big: {profiles: 3g}}\nteams: {everyone: {}}\n";
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(policy_parse(yaml, strlen(yaml), "p", &policy, &err), 0);
	return policy;
}

struct story {
	const char *what, *ends[2], *gpus[2];
	struct {
		const char *class_name;
		unsigned count;
		int64_t from_h, to_h;
	} needs[2];
	const char *kept[2];
	unsigned missing[2];
};

static void check(const struct policy *policy, const struct story *story)
{
	size_t n = story->gpus[1] ? 2 : 1, n_needs = story->needs[1].class_name ? 2 : 1;
	struct choose_gpu gpus[2];
	struct reserve_need needs[2];
	struct err err = ERR_INIT;
	unsigned missing[2];

	for (size_t g = 0; g < n; g++)
		draw(&gpus[g], g, story->gpus[g], story->ends[g]);
	for (size_t i = 0; i < n_needs; i++)
		needs[i] = (struct reserve_need){
			policy_class_find(policy, story->needs[i].class_name, &err),
			story->needs[i].count,
			story->needs[i].from_h * HOUR,
			story->needs[i].to_h * HOUR,
		};
	reserve_block(gpus, n, needs, n_needs, 0, missing);
	for (size_t g = 0; g < n; g++) {
		char kept[9] = "";

		for (unsigned unit = 0; unit < 8; unit++)
			kept[unit] = gpus[g].blocked >> unit & 1 ? '#' : '.';
		if (strcmp(kept, story->kept[g]) != 0)
			fail_msg("%s: GPU %zu keeps %s, not %s", story->what, g, kept,
				 story->kept[g]);
	}
	for (size_t i = 0; i < n_needs; i++)
		assert_int_equal(missing[i], story->missing[i]);
}

static void places_are_kept(void **state)
{
	static const struct story stories[] = {
		{"two small ones on an empty GPU", {"        "}, {"........"},
		 {{"small", 2, 1, 2}}, {"....#.#."}, {0}},
		{"what ends before is gone", {"1   1   "}, {"CCCCCCCC"},
		 {{"big", 2, 1, 2}}, {"########"}, {0}},
		{"what does not end in time stays", {"1   2   "}, {"CCCCCCCC"},
		 {{"big", 2, 1, 2}}, {"####...."}, {1}},
		{"what nobody knows the end of stays", {"    1   "}, {"CCCCCCCC"},
		 {{"big", 2, 1, 2}}, {"....####"}, {1}},
		{"on now: the places that are free now", {"1   1   "}, {"CCCC...."},
		 {{"big", 2, -1, 2}}, {"....####"}, {1}},
		{"a free instance is taken", {"        "}, {"....a..."},
		 {{"small", 1, 1, 2}}, {"....#..."}, {0}},
		{"two at the same time do not share", {"        "}, {"........"},
		 {{"big", 1, 1, 3}, {"big", 1, 2, 4}}, {"########"}, {0, 0}},
		{"one after the other they do", {"        "}, {"........"},
		 {{"big", 1, 1, 2}, {"big", 1, 2, 4}}, {"....####"}, {0, 0}},
		{"over two GPUs", {"        ", "        "}, {"CCCC....", "........"},
		 {{"big", 3, 1, 2}}, {"....####", "########"}, {0}},
		{"more than there is", {"        "}, {"........"},
		 {{"big", 5, 1, 2}}, {"########"}, {3}},
	};
	cleanup(policy_free) struct policy *policy = classes();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		check(policy, &stories[i]);
}

static void what_is_kept_is_not_given(void **state)
{
	cleanup(policy_free) struct policy *policy = classes();
	const struct policy_class *small = policy_class_at(policy, 0),
				  *big = policy_class_at(policy, 1);
	struct choose_gpu gpu;
	struct choice choice;
	struct outlook outlook;

	(void)state;
	draw(&gpu, 0, "a.......", "        ");
	gpu.blocked = 0x0f;
	assert_true(choose_place(&gpu, 1, small, POLICY_UNLIMITED, NULL, &choice));
	assert_false(choice.exists); /* the free one is kept */
	assert_true(choice.start >= 4);
	assert_true(choose_place(&gpu, 1, big, POLICY_UNLIMITED, NULL, &choice));
	assert_int_equal(choice.start, 4);
	assert_int_equal(choose_count(&gpu, 1, big, POLICY_UNLIMITED), 1);
	gpu.blocked = 0xff;
	assert_false(choose_place(&gpu, 1, small, POLICY_UNLIMITED, NULL, &choice));
	choose_outlook(&gpu, 1, small, POLICY_UNLIMITED, 0, &outlook);
	assert_false(outlook.has_when);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_kept),
		cmocka_unit_test(what_is_kept_is_not_given),
	};

	return tap_run(tests);
}
