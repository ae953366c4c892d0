#include "../tap.h"

#include <stdlib.h>
#include <time.h>

#include "base/array.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moments_are_understood),
		cmocka_unit_test(nonsense_is_refused),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return tap_run(tests);
}
