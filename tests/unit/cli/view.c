#include "../tap.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/view.h"

#define NOW 1000000

static void values_are_written_for_people(void **state)
{
	static const struct {
		enum column_type type;
		const char *json, *text; /* json: of the value; text "": not known */
	} cases[] = {
		{COLUMN_TEXT, "\"ann\"", "ann"},
		{COLUMN_TEXT, "\"a\\u001b[1mb\\nc\"", "a?[1mb c"},
		{COLUMN_TEXT, "true", "yes"},
		{COLUMN_TEXT, "null", ""},
		{COLUMN_TEXT, "{}", ""},
		{COLUMN_NUMBER, "0", "0"},
		{COLUMN_NUMBER, "-9223372036854775808", "-9223372036854775808"},
		{COLUMN_SIZE, "0", "0 B"},
		{COLUMN_SIZE, "10200547328", "9.50 GiB"},
		{COLUMN_SIZE, "-1", ""},
		{COLUMN_SPAN, "14400", "4h"},
		{COLUMN_LEFT, "1011520", "3h 12m"},
		{COLUMN_LEFT, "1011559", "3h 12m"},
		{COLUMN_LEFT, "1000059", "59s"},
		{COLUMN_LEFT, "1000061", "1m"},
		{COLUMN_LEFT, "1000000", "over"},
		{COLUMN_LEFT, "-9223372036854775808", ""},
		{COLUMN_LEFT, "\"soon\"", ""},
		{COLUMN_FLAG, "false", "no"},
		{COLUMN_LENGTH, "[1, 2]", "2"},
		{COLUMN_LENGTH, "{\"a\": 1}", ""},
		{COLUMN_LIST, "[\"1g.10gb\", \"2g\", 3]", "1g.10gb 2g 3"},
		{COLUMN_LIST, "[]", ""},
		{COLUMN_COUNTS, "{\"1g\": 2, \"1g+me\": 1, \"2g\": 0, \"3g-me\": 1, \"4g\": 1}",
		 "2x1g 1x4g"},
		{COLUMN_COUNTS, "[1]", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(text_done) struct text text = TEXT_INIT;
		cleanup(json_decref) json_t *json =
			json_loads(cases[i].json, JSON_DECODE_ANY, NULL);

		assert_non_null(json);
		view_value(cases[i].type, json, NOW, &text);
		if (strcmp(text_str(&text), cases[i].text))
			fail_msg("%s: '%s', expected '%s'", cases[i].json, text_str(&text),
				 cases[i].text);
	}
}

static void what_is_missing_is_not_known(void **state)
{
	(void)state;
	for (enum column_type type = 0; type < COLUMN_TYPE_COUNT; type++) {
		cleanup(text_done) struct text text = TEXT_INIT;

		view_value(type, NULL, NOW, &text);
		assert_string_equal(text_str(&text), "");
	}
}

static void values_are_found_by_their_way(void **state)
{
	cleanup(json_decref) json_t *row =
		json_loads("{\"a\": {\"b\": {\"c\": 3}}, \"d\": 4}", 0, NULL);

	(void)state;
	assert_int_equal(json_integer_value(view_at(row, "d")), 4);
	assert_int_equal(json_integer_value(view_at(row, "a.b.c")), 3);
	assert_null(view_at(row, "a.x.c"));
	assert_null(view_at(row, "d.e"));
	assert_null(view_at(NULL, "d"));
	assert_ptr_equal(view_at(row, ""), row);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_written_for_people),
		cmocka_unit_test(what_is_missing_is_not_known),
		cmocka_unit_test(values_are_found_by_their_way),
	};

	return tap_run(tests);
}
