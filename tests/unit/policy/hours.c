/* Slice-hours: what counts in a period, what is left, and what is said when it is too little. */
#include "../tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "policy/policy-hours.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

/* Tuesday 2026-11-24 00:00 UTC */
#define TUESDAY INT64_C(1795478400)

static void periods_are_those_of_the_calendar(void **state)
{
	static const struct {
		const char *zone;
		enum policy_period per;
		int64_t at_s, begin_s, end_s;
	} cases[] = {
		{"UTC", POLICY_DAY, TUESDAY + 5, TUESDAY, TUESDAY + DAY},
		{"UTC", POLICY_DAY, TUESDAY, TUESDAY, TUESDAY + DAY},
		{"UTC", POLICY_DAY, TUESDAY - 1, TUESDAY - DAY, TUESDAY},
		{"UTC", POLICY_WEEK, TUESDAY + 5, TUESDAY - DAY, TUESDAY + 6 * DAY},
		{"UTC", POLICY_WEEK, TUESDAY - DAY - 1, TUESDAY - 8 * DAY, TUESDAY - DAY},
		{"UTC", POLICY_MONTH, TUESDAY, TUESDAY - 23 * DAY, TUESDAY + 7 * DAY},
		{"CET-1", POLICY_DAY, TUESDAY, TUESDAY - HOUR, TUESDAY + 23 * HOUR},
		/* The day the clocks go back has 25 hours. */
		{"CET-1CEST,M3.5.0,M10.5.0/3", POLICY_DAY, TUESDAY - 30 * DAY,
		 TUESDAY - 30 * DAY - 2 * HOUR, TUESDAY - 29 * DAY - HOUR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t begin_s, end_s;

		setenv("TZ", cases[i].zone, 1);
		tzset();
		policy_period_around(cases[i].per, cases[i].at_s, &begin_s, &end_s);
		if (begin_s != cases[i].begin_s || end_s != cases[i].end_s)
			fail_msg("case %zu: from %+lld to %+lld hours", i,
				 (long long)(begin_s - TUESDAY) / HOUR,
				 (long long)(end_s - TUESDAY) / HOUR);
	}
	setenv("TZ", "UTC", 1);
	tzset();
}

static const struct policy_hours ten_a_day = {true, 10 * HOUR, POLICY_DAY};

static void what_is_left_is_given(void **state)
{
	static const struct {
		const char *story;
		int64_t ended_h;
		struct policy_spell spell; /* hours of Tuesday */
		int64_t now_h, time_h;
		uint32_t slices;
	} cases[] = {
		{"nothing was used", 0, {0}, 0, 2, 5},
		{"what has ended counts", 6, {0}, 8, 2, 2},
		{"what lives counts to its end", 0, {2, 8, 11}, 8, 2, 2},
		{"but not before midnight", 0, {2, -9, 2}, 0, 2, 3},
		{"nor after", 0, {5, 23, 30}, 22, 1, 5},
		{"nothing is left", 10, {0}, 8, 1, 0},
		{"more than all was used", 11, {0}, 8, 1, 0},
		{"it reaches into tomorrow", 6, {0}, 22, 3, 2},
		{"where there is less", 0, {4, 23, 26}, 22, 4, 1},
		{"the next day is a new one", 10, {0}, 24, 4, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_spell spell = {cases[i].spell.slices,
					     TUESDAY + cases[i].spell.from_s * HOUR,
					     TUESDAY + cases[i].spell.to_s * HOUR};
		struct policy_use use = {.spells = &spell, .n = 1};
		uint32_t slices;

		/* Ended leases are those of the present day. */
		use.ended_s[POLICY_DAY] = cases[i].now_h < 24 ? cases[i].ended_h * HOUR : 0;
		slices = policy_hours_slices(&ten_a_day, &use, TUESDAY + cases[i].now_h * HOUR,
					     cases[i].time_h * HOUR, NULL);
		if (slices != cases[i].slices)
			fail_msg("%s: expected %u slices, got %u", cases[i].story, cases[i].slices,
				 slices);
	}
}

static void a_refusal_says_what_would_fit(void **state)
{
	struct policy_team team = {.name = "vision", .hours = ten_a_day};
	struct policy_hours_wish wish = {.team = &team,
					 .class_name = "large",
					 .slices = 3,
					 .now_s = TUESDAY + 12 * HOUR,
					 .time_s = 4 * HOUR};
	struct policy_use none = {0}, use = {0};
	struct err err = ERR_INIT;
	uint32_t slices;

	(void)state;
	use.ended_s[POLICY_DAY] = 4 * HOUR;
	assert_int_equal(policy_check_hours(&wish, &use, &none, &slices, &err), -ERR_REFUSED);
	assert_string_equal(err.text, "team vision may use 10 slice-hours a day; 4 are used or "
				      "promised in this one, and class 'large' for 4h takes 12 "
				      "there");
	assert_string_equal(err.hint, "6 slice-hours are left: ask for 2h or less; the next day "
				      "begins at 2026-11-25 00:00");
	assert_string_equal(err.rule, "teams.vision.quota.slice_hours");
	wish.time_s = 2 * HOUR;
	assert_int_equal(policy_check_hours(&wish, &use, &none, &slices, &err), 0);
	assert_int_equal(slices, 3);
	team.hours_per_user = (struct policy_hours){true, HOUR, POLICY_DAY};
	wish.now_s = TUESDAY + 23 * HOUR + HOUR * 9 / 10;
	wish.time_s = HOUR;
	assert_int_equal(policy_check_hours(&wish, &none, &none, &slices, &err), -ERR_REFUSED);
	assert_string_equal(err.text, "each member of team vision may use 1 slice-hours a day; 0 "
				      "are used or promised in a later one, and class 'large' for "
				      "1h takes 2.7 there");
	assert_string_equal(err.hint, "1 slice-hours are left there; it ends at 2026-11-26 00:00");
	assert_string_equal(err.rule, "teams.vision.per_user.slice_hours");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(periods_are_those_of_the_calendar),
		cmocka_unit_test(what_is_left_is_given),
		cmocka_unit_test(a_refusal_says_what_would_fit),
	};

	return tap_run(tests);
}
