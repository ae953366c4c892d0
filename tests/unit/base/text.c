#include "../tap.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void test_grows(void **state)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	(void)state;
	assert_string_equal(text_str(&text), "");
	for (int i = 0; i < 1000; i++)
		text_addf(&text, "%d,", i % 10);
	assert_int_equal(text.len, 2000);
	assert_false(text_failed(&text));
	text_clear(&text);
	assert_string_equal(text_str(&text), "");
}

static void test_printable(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "plain" },
		{ "two\nlines\tand a tab", "two lines and a tab" },
		{ "\033[31mred", "?[31mred" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
		{ "broken \xff\xc3", "broken ??" },
		{ "C1 \xc2\x9b", "C1 ?" },
		{ "turn \xe2\x80\xae round", "turn ? round" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buf[64];

		text_printable(buf, sizeof(buf), cases[i].in);
		assert_string_equal(buf, cases[i].out);
	}
}

static void test_printable_cuts_whole_characters(void **state)
{
	char buf[5];

	(void)state;
	text_printable(buf, sizeof(buf), "abc\xc3\xa9");
	assert_string_equal(buf, "abc");
}

static void test_utf8(void **state)
{
	(void)state;
	assert_true(text_is_utf8("\xf0\x9f\x98\x80", 4));
	assert_false(text_is_utf8("\xc0\xaf", 2));	 /* overlong */
	assert_false(text_is_utf8("\xed\xa0\x80", 3)); /* surrogate */
	assert_false(text_is_utf8("\xf4\x90\x80\x80", 4));
	assert_false(text_is_utf8("\xe2\x82", 2));
}

static void test_nearest(void **state)
{
	static const char *const words[] = { "small", "medium", "large", "full" };
	char endless[4000];

	(void)state;
	memset(endless, 's', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_null(text_nearest(endless, words, 4));
	assert_string_equal(text_nearest("smal", words, 4), "small");
	assert_string_equal(text_nearest("Meduim", words, 4), "medium");
	assert_null(text_nearest("gigantic", words, 4));
	assert_null(text_nearest("x", words, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grows),
		cmocka_unit_test(test_printable),
		cmocka_unit_test(test_printable_cuts_whole_characters),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_nearest),
	};

	return tap_run(tests);
}
