/*
 * From one layout of a GPU to another, as pictures. A GPU is a row of units:
 * '.' is free, a letter is a profile, small when the instance is idle, capital
 * when it is pinned, and busy for a minute when '*' follows it:
 *
 *	a 1g   m 1g+me   d 1g with double memory   b 2g   c 3g   e 4g   f 7g
 */
#include "../tap.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "facts/pace.h"
#include "planner/change.h"

static const struct {
	char letter;
	const char *shape;
} letters[] = {
	{'a', "1g"}, {'m', "1g+me"}, {'d', "1g.20gb"}, {'b', "2g"},
	{'c', "3g"}, {'e', "4g"},    {'f', "7g"},
};

static const struct profile *profile_of(const struct board *board, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].letter == tolower((unsigned char)letter))
			return board_profile_by_name(board, letters[i].shape);
	fail_msg("no profile is called '%c'", letter);
	return NULL;
}

static void draw(const char *picture, struct change_gpu *ret)
{
	unsigned unit = 0;

	*ret = (struct change_gpu){.board = board_by_id("a100-sxm4-80gb")};
	for (; *picture; picture++) {
		struct change_instance *instance = &ret->at[ret->n];

		if (*picture == '*') {
			instance[-1].use = CHANGE_BUSY;
			instance[-1].wait_s = 60;
			instance[-1].who = "lease 9 of cleo";
		} else if (*picture == '.') {
			unit++;
		} else {
			instance->profile = profile_of(ret->board, *picture);
			instance->start = unit;
			instance->use =
				isupper((unsigned char)*picture) ? CHANGE_PINNED : CHANGE_IDLE;
			instance->who = isupper((unsigned char)*picture) ? "a stranger's" : NULL;
			unit += instance->profile->size;
			ret->n++;
		}
	}
}

/* "cba", "c4a": letters, with a digit for a start. */
static void wish_for(const char *words, struct wish_gpu *ret)
{
	*ret = (struct wish_gpu){.given = true, .mig = true};
	for (; *words; words++) {
		if (isdigit((unsigned char)*words)) {
			ret->at[ret->n - 1].has_start = true;
			ret->at[ret->n - 1].start = (uint8_t)(*words - '0');
			continue;
		}
		ret->at[ret->n++].profile = profile_of(board_by_id("a100-sxm4-80gb"), *words);
	}
}

static void add_steps(const struct change *change, struct text *ret)
{
	for (size_t i = 0; i < change->n; i++) {
		char shape[32];

		text_addf(ret, "%s%c%s@%u", i ? " " : "", change->steps[i].create ? '+' : '-',
			  profile_shape(change->steps[i].profile, shape, sizeof(shape)),
			  change->steps[i].start);
	}
}

static void test_steps(void **state)
{
	/* clang-format off */
	static const struct {
		const char *story, *now, *wish, *steps, *why;
	} rows[] = {
		{"nothing to do", "cba.", "abc", "", "it is so already"},
		{"what is missing is put where most stays possible", "........", "a", "+1g@6",
		 "nothing goes; what is missing is created"},
		{"the one too many goes", "cba.", "ca", "-2g@4", "only the one that is more than wanted goes"},
		{"equals: the lowest starts stay", "aaaa....", "aaa", "-1g@3",
		 "only the one that is more than wanted goes"},
		{"room is made only for what needs it", "aaaaaaa", "eaaa",
		 "-1g@0 -1g@1 -1g@2 -1g@3 +4g@0", "only the 4 that are more than wanted go"},
		{"what stays possible counts more than an early create", "cb..", "caa", "-2g@4 +1g@4 +1g@5",
		 "only the one that is more than wanted goes"},
		{"a 3g moves for a 4g", "c....", "ec", "+3g@4 -3g@0 +4g@0",
		 "there is only one placement of the wish"},
		{"room is made where it takes least first", "a.a.a.a", "eba", "-1g@4 +2g@4 -1g@0 -1g@2 +4g@0", "only the 3 that are more than wanted go"},
		{"an exact wish", "c....", "c4", "+3g@4 -3g@0",
		 "1 lies where something else is wanted, or elsewhere than wanted"},
		{"2g and double 1g are not the same", "b......", "d0", "-2g@0 +1g.20gb@0",
		 "only the one that is more than wanted goes"},
		{"a GPU has +me once", "m......", "m6", "-1g+me@0 +1g+me@6",
		 "1 lies where something else is wanted, or elsewhere than wanted"},
		{"busy ones stay", "a*.aa....", "a", "-1g@2 -1g@3", "only the 2 that are more than wanted go"},
		{"two idle ones go rather than one busy", "a*...aa.", "caa", "+1g@1 -1g@4 -1g@5 +3g@4",
		 "none of the 9 placements of the wish takes less from what is there"},
		{"empty", "cb..", "", "-3g@0 -2g@4", "only the 2 that are more than wanted go"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cleanup(text_done) struct text steps = TEXT_INIT;
		cleanup(text_done) struct text why = TEXT_INIT;
		struct change_gpu gpu;
		struct wish_gpu wish;
		struct change change;
		struct err err = ERR_INIT;

		draw(rows[i].now, &gpu);
		wish_for(rows[i].wish, &wish);
		if (change_make(&gpu, &wish, &change, &err))
			fail_msg("%s: %s", rows[i].story, err.text);
		add_steps(&change, &steps);
		change_why(&gpu, &wish, &change, &why);
		if (strcmp(text_str(&steps), rows[i].steps))
			fail_msg("%s: '%s', wanted '%s'", rows[i].story, text_str(&steps),
				 rows[i].steps);
		assert_string_equal(text_str(&why), rows[i].why);
	}
}

static void test_refusals(void **state)
{
	/* clang-format off */
	static const struct {
		const char *now, *wish;
		enum err_code code;
		const char *text, *hint;
	} rows[] = {
		{"........", "cca", ERR_IMPOSSIBLE, "3g 3g 1g does not fit on one a100-sxm4-80gb",
		 "the nearest that can be had: 3g@0 3g@4"},
		{"........", "ee", ERR_IMPOSSIBLE, "4g 4g does not fit on one a100-sxm4-80gb",
		 "the nearest that can be had: 4g@0 3g@4"},
		{"........", "mm", ERR_IMPOSSIBLE, "1g+me 1g+me does not fit on one a100-sxm4-80gb",
		 "the nearest that can be had: 1g@4 1g+me@5"},
		{"........", "c1", ERR_IMPOSSIBLE, "3g@1 does not fit on one a100-sxm4-80gb",
		 "the nearest that can be had: 3g@4"},
		{"A.......", "cc", ERR_BUSY,
		 "3g 3g does not fit beside what must stay: 1g@0 (a stranger's)",
		 "the nearest that can be had: 1g@0 2g@2 3g@4"},
		{"A.......", "f", ERR_BUSY, "7g does not fit beside what must stay: 1g@0 (a stranger's)",
		 "the nearest that can be had: 1g@0 3g@4"},
		{"AB......", "a", ERR_INVALID, "the instances that are there contradict each other", ""},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct change_gpu gpu;
		struct wish_gpu wish;
		struct change change;
		struct err err = ERR_INIT;

		draw(rows[i].now, &gpu);
		wish_for(rows[i].wish, &wish);
		assert_int_equal(change_make(&gpu, &wish, &change, &err), -(int)rows[i].code);
		assert_string_equal(err.text, rows[i].text);
		assert_string_equal(err.hint, rows[i].hint);
	}
}

/* Whose wish is already there, keeps it; what a GPU may not lose, decides. */
static void test_assign(void **state)
{
	static const char *const now[] = {"aaaaaaa", "cb..", "A......."};
	static const char *const wishes[] = {"cb", "aaaaaaa", "c"};
	struct change_gpu gpus[3];
	struct wish_gpu wanted[3];
	struct err err = ERR_INIT;
	size_t got[3];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		draw(now[i], &gpus[i]);
		wish_for(wishes[i], &wanted[i]);
	}
	assert_int_equal(change_assign(gpus, wanted, 3, got, &err), 0);
	assert_true(got[0] == 2 && got[1] == 0 && got[2] == 1);
	wish_for("ccb", &wanted[1]);
	assert_int_equal(change_assign(gpus, wanted, 3, got, &err), -ERR_IMPOSSIBLE);
	wanted[1].given = false;
	assert_int_equal(change_assign(gpus, wanted, 3, got, &err), -ERR_BUSY);
	wanted[2].given = false;
	assert_int_equal(change_assign(gpus, wanted, 3, got, &err), 0);
	assert_true(got[0] == 0 && got[1] == 1 && got[2] == 2);
}

static void test_pace(void **state)
{
	static const struct {
		const char *board, *profile;
		unsigned create_ms, destroy_ms;
		bool measured;
	} rows[] = {
		{"a30-24gb", "2g", 120, 100, true},
		{"a100-pcie-40gb", "7g", 240, 220, true},
		{"h100-sxm5-80gb", "1g.20gb", 160, 210, true},
		{"h200-sxm-141gb", "3g", 330, 250, true},
		{"b200-180gb", "3g", 330, 250, false},
		{"rtx-pro-6000-blackwell-server", "1g", 160, 210, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct board *board = board_by_id(rows[i].board);
		struct pace pace =
			profile_pace(board, board_profile_by_name(board, rows[i].profile));

		assert_int_equal(pace.create_ms, rows[i].create_ms);
		assert_int_equal(pace.destroy_ms, rows[i].destroy_ms);
		assert_int_equal(pace.measured, rows[i].measured);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_assign),
		cmocka_unit_test(test_pace),
	};

	return tap_run(tests);
}
