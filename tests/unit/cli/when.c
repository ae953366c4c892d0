#include "../tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "cli/when.h"

#define NOW INT64_C(1764000000) /* 2025-11-24 16:00 UTC */

static void moments_are_understood(void **state)
{
	static const struct {
		const char *typed;
		int64_t is_s;
	} cases[] = {
		{"90s", NOW - 90},	    {"2h", NOW - 7200},	       {"7d", NOW - 604800},
		{"2025-11-24", 1763942400}, {"2025-11-24 16:00", NOW}, {"2025-11-24T16:00", NOW},
		{"2024-02-29", 1709164800},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int64_t is_s = 0;

		if (when_parse(cases[i].typed, NOW, &is_s, &err) || is_s != cases[i].is_s)
			fail_msg("'%s': %lld %s", cases[i].typed, (long long)is_s, err.text);
	}
}

static void nonsense_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"now",
		"yesterday",
		"-2h",
		"2025-13-01",
		"2025-02-29",
		"2025-02-30 10:00",
		"2025-11-24 25:00",
		"2025-11-24 ",
		"24.11.2025",
		"2025-11-24 x",
		"1000000w",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int64_t is_s = -7;

		if (when_parse(cases[i], NOW, &is_s, &err) != -ERR_INVALID || is_s != -7)
			fail_msg("'%s' became %lld", cases[i], (long long)is_s);
	}
}

/* NOW is a Monday in New York, 11:00. */
static void what_is_to_come(void **state)
{
	static const struct {
		const char *typed, *is;
	} cases[] = {
		{"now", "2025-11-24 11:00"},
		{"4h", "2025-11-24 15:00"},
		{"+2d", "2025-11-26 11:00"},
		{"18:00", "2025-11-24 18:00"},
		{"11:00", "2025-11-25 11:00"},
		{"00:00", "2025-11-25 00:00"},
		{"mon 11:01", "2025-11-24 11:01"},
		{"mon 11:00", "2025-12-01 11:00"},
		{"Monday", "2025-12-01 00:00"},
		{"fri 18:00", "2025-11-28 18:00"},
		{"sun", "2025-11-30 00:00"},
		{"2025-11-24 11:00", "2025-11-24 11:00"},
		{"2026-07-01", "2026-07-01 00:00"},
		{"240d", "2026-07-22 12:00"}, /* summer time */
	};

	(void)state;
	setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int64_t is_s = 0;
		char is[32];

		if (when_parse_ahead(cases[i].typed, NOW, &is_s, &err) ||
		    strcmp(clock_format(is, sizeof(is), is_s), cases[i].is) != 0)
			fail_msg("'%s': %s %s", cases[i].typed, is, err.text);
	}
	setenv("TZ", "UTC", 1);
	tzset();
}

/* The clocks go from 02:00 to 03:00 on March 8. */
static void a_day_that_is_short(void **state)
{
	struct err err = ERR_INIT;
	int64_t before_s = 0, is_s = 0;

	(void)state;
	setenv("TZ", "EST5EDT,M3.2.0,M11.1.0", 1);
	tzset();
	assert_int_equal(when_parse_ahead("2026-03-07 23:00", NOW, &before_s, &err), 0);
	assert_int_equal(when_parse_ahead("sun 04:00", before_s, &is_s, &err), 0);
	assert_int_equal(is_s, before_s + 4 * 3600);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void what_is_not_to_come(void **state)
{
	static const char *const cases[] = {
		"", "+", "-4h", "yesterday", "fri 25:00", "fri 18", "18:60", "++4h", "2025-11-24",
		"2025-02-30", "2020-01-01 10:00", "fri 18:00 x", "1000000w",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;
		int64_t is_s = -7;

		if (when_parse_ahead(cases[i], NOW, &is_s, &err) != -ERR_INVALID || is_s != -7)
			fail_msg("'%s' became %lld", cases[i], (long long)is_s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_understood),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(what_is_to_come),
		cmocka_unit_test(a_day_that_is_short),
		cmocka_unit_test(what_is_not_to_come),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return tap_run(tests);
}
