#include "../tap.h"

#include <string.h>

#include "base/err.h"
#include "base/text.h"

static void test_sentence_and_context(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(fail(&err, ERR_NO_ROOM, "no '%s' is free", "medium"), -ERR_NO_ROOM);
	assert_int_equal(fail_hint(&err, "2 of small are free"), -ERR_NO_ROOM);
	assert_int_equal(fail_rule(&err, "quota.team.slices"), -ERR_NO_ROOM);
	assert_int_equal(fail_in(&err, "GPU %d: ", 3), -ERR_NO_ROOM);
	assert_string_equal(err.text, "GPU 3: no 'medium' is free");
	assert_string_equal(err.hint, "2 of small are free");
	assert_string_equal(err.rule, "quota.team.slices");
	fail(&err, ERR_IO, "again");
	assert_string_equal(err.hint, "");
}

static void test_long_text_is_cut_not_overrun(void **state)
{
	struct err err = ERR_INIT;
	char big[2000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	fail(&err, ERR_IO, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	fail_in(&err, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void test_a_cut_text_ends_with_a_whole_character(void **state)
{
	struct err err = ERR_INIT;
	char big[2000];

	(void)state;
	for (size_t shift = 0; shift < 4; shift++) {
		for (size_t i = 0; i + 4 < sizeof(big); i += 4)
			memcpy(big + i, "\xf0\x9f\x90\x88", 4);
		memset(big, 'x', shift);
		memset(big + shift, 'y', 4 - shift);
		big[sizeof(big) - 4] = '\0';
		fail(&err, ERR_IO, "%s", big + shift);
		assert_true(text_is_utf8(err.text, strlen(err.text)));
		assert_true(strlen(err.text) > sizeof(err.text) - 5);
		fail_in(&err, "%.*s", (int)shift, "abc");
		assert_true(text_is_utf8(err.text, strlen(err.text)));
	}
}

static void test_table_is_consistent(void **state)
{
	(void)state;
	for (unsigned a = 1; a < ERR_COUNT; a++) {
		assert_int_equal(err_by_name(err_name(a)), a);
		assert_in_range(err_exit_status(a), 2, 125);
		assert_in_range(err_http_status(a), 400, 599);
		for (unsigned b = 1; b < a; b++)
			assert_int_not_equal(err_exit_status(a), err_exit_status(b));
	}
	assert_string_equal(err_name((enum err_code)4711), "internal");
	assert_int_equal(err_by_name("nonsense"), ERR_INTERNAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sentence_and_context),
		cmocka_unit_test(test_long_text_is_cut_not_overrun),
		cmocka_unit_test(test_a_cut_text_ends_with_a_whole_character),
		cmocka_unit_test(test_table_is_consistent),
	};

	return tap_run(tests);
}
