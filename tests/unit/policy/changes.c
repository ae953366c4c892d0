/* When layouts may change, whom no change touches, and every mistake of the key "changes:". */
#include "../tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "policy/policy-changes.h"

#define HEAD                                                                                   \
	"version: 1\nclasses: {small: {profiles: 1g, aliases: s}, big: {profiles: 3g}}\n"       \
	"teams: {red: {users: ann}, everyone: {}}\nchanges: "

static struct policy *policy_of(const char *changes)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	char yaml[800];

	snprintf(yaml, sizeof(yaml), HEAD "%s\n", changes);
	if (policy_parse(yaml, strlen(yaml), "p.yaml", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

static void live_in(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static int64_t moment(const char *local)
{
	struct tm tm = {.tm_isdst = -1};
	const char *end = strptime(local, "%Y-%m-%d %H:%M", &tm);

	assert_true(end && !*end);
	return mktime(&tm);
}

#define BERLIN	  "CET-1CEST,M3.5.0,M10.5.0/3"
#define LORD_HOWE "LHST-10:30LHDT-11,M10.1.0,M4.1.0"

static void windows_open_and_close(void **state)
{
	static const struct {
		const char *zone, *windows, *now, *next; /* next NULL: it is open */
	} cases[] = {
		{"UTC", "[{days: [sat, sun]}]", "2026-11-24 16:00", "2026-11-28 00:00"},
		{"UTC", "[{days: [sat, sun]}]", "2026-11-28 00:00", NULL},
		{"UTC", "[{days: [sat, sun]}]", "2026-11-29 23:59", NULL},
		{"UTC", "[{days: [sat, sun]}]", "2026-11-30 00:00", "2026-12-05 00:00"},
		/* 2026-11-24 is a Tuesday */
		{"UTC", "[{days: tue, from: 22:00, to: 06:00}]", "2026-11-24 21:59",
		 "2026-11-24 22:00"},
		{"UTC", "[{days: tue, from: 22:00, to: 06:00}]", "2026-11-25 05:59", NULL},
		{"UTC", "[{days: tue, from: 22:00, to: 06:00}]", "2026-11-25 06:00",
		 "2026-12-01 22:00"},
		{"UTC", "[{days: tue, from: 22:00, to: 06:00}]", "2026-11-24 05:00",
		 "2026-11-24 22:00"},
		{"UTC", "[{from: 22:00, to: 00:00}]", "2026-11-24 23:59", NULL},
		{"UTC", "[{from: 22:00, to: 00:00}]", "2026-11-25 00:00", "2026-11-25 22:00"},
		{"UTC", "[{to: 06:00}, {days: fri, from: 18:00}]", "2026-11-27 06:00",
		 "2026-11-27 18:00"},
		/* The clocks go from 02:00 to 03:00 on 2027-03-28, a Sunday ... */
		{BERLIN, "[{days: sun, from: 02:30, to: 04:00}]", "2027-03-28 01:59",
		 "2027-03-28 03:00"},
		{BERLIN, "[{days: sun, from: 02:00, to: 03:00}]", "2027-03-28 01:59",
		 "2027-04-04 02:00"},
		/* ... and back from 03:00 to 02:00 on 2026-10-25. */
		{BERLIN, "[{days: sun, from: 01:00}]", "2026-10-24 12:00", "2026-10-25 01:00"},
		{BERLIN, "[{days: mon, from: 00:00}]", "2026-10-25 00:00", "2026-10-26 00:00"},
		{LORD_HOWE, "[{days: sun, from: 02:15, to: 02:25}]", "2026-10-03 12:00",
		 "2026-10-11 02:15"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char changes[200], shown[32] = "open";
		int64_t next_s;
		struct policy *policy;

		live_in(cases[i].zone);
		snprintf(changes, sizeof(changes), "{windows: %s}", cases[i].windows);
		policy = policy_of(changes);
		if (!policy_change_allowed(policy_changes(policy), clock_offset_s,
					   moment(cases[i].now), &next_s))
			clock_format(shown, sizeof(shown), next_s);
		if (strcmp(shown, cases[i].next ? cases[i].next : "open") != 0)
			fail_msg("%s at %s in %s: %s, not %s", cases[i].windows, cases[i].now,
				 cases[i].zone, shown, cases[i].next);
		policy_free(policy);
	}
}

/* What is shown twice is open twice: 02:30 summer time, and an hour later. */
static void an_hour_comes_twice(void **state)
{
	struct policy *policy = policy_of("{windows: [{from: 02:30, to: 02:40}]}");
	int64_t now_s, next_s = 0;

	(void)state;
	live_in(BERLIN);
	now_s = moment("2026-10-25 01:00") + 100 * 60; /* 02:40, the first */
	assert_false(policy_change_allowed(policy_changes(policy), clock_offset_s, now_s, &next_s));
	assert_int_equal(next_s, now_s + 50 * 60);
	policy_free(policy);
}

static void refusals_tell_the_next(void **state)
{
	struct policy *policy = policy_of("{windows: [{days: [sun, sat]}, {days: tue, from: "
					  "22:00, to: 06:00}, {from: 12:00, to: 13:00}]}");
	struct policy *always = policy_of("{deadline: 4h}");
	struct err err = ERR_INIT;

	(void)state;
	live_in("UTC");
	assert_int_equal(policy_change_check(policy_changes(policy), clock_offset_s,
					     moment("2026-11-27 14:00"), &err),
			 -ERR_REFUSED);
	assert_string_equal(err.text, "layouts do not change now, but in the windows sat sun, "
				      "tue 22:00-06:00, every day 12:00-13:00");
	assert_string_equal(err.hint, "the next one begins at 2026-11-28 00:00");
	assert_string_equal(err.rule, "changes.windows");
	assert_int_equal(policy_change_check(policy_changes(always), clock_offset_s, 0, &err), 0);
	policy_free(policy);
	policy_free(always);
}

static void who_is_protected(void **state)
{
	struct policy *policy = policy_of("{protect: {classes: [big], teams: red}}");
	struct policy *nobody = policy_of("{notice: 10m}");

	(void)state;
	assert_true(policy_is_protected(policy_changes(policy), "big", ""));
	assert_true(policy_is_protected(policy_changes(policy), "small", "red"));
	assert_false(policy_is_protected(policy_changes(policy), "small", "everyone"));
	assert_false(policy_is_protected(policy_changes(policy), "red", "big"));
	assert_false(policy_is_protected(policy_changes(nobody), "big", "red"));
	policy_free(policy);
	policy_free(nobody);
}

static void spans_have_defaults(void **state)
{
	struct policy *given = policy_of("{deadline: 0s, notice: 10m}");
	struct policy *not_given = policy_of("{windows: [{days: sat}]}");

	(void)state;
	assert_true(policy_changes(given)->has_deadline);
	assert_int_equal(policy_changes(given)->deadline_s, 0);
	assert_int_equal(policy_changes(given)->notice_s, 600);
	assert_false(policy_changes(not_given)->has_deadline);
	assert_int_equal(policy_changes(not_given)->notice_s, 3600);
	policy_free(given);
	policy_free(not_given);
}

static void mistakes_have_a_place(void **state)
{
	static const struct {
		const char *changes, *text, *hint;
	} cases[] = {
		{"[]", "4:10: 'changes' must be written as \"key: value\" lines",
		 "for example: changes: {deadline: 4h}"},
		{"{window: []}", "4:11: 'changes' has no 'window'", "did you mean 'windows'?"},
		{"{windows: []}", "4:20: 'windows' must be a list of 1 to 16 windows",
		 "for example: windows: [{days: [sat, sun]}]"},
		{"{windows: {days: sat}}", "4:20: 'windows' must be a list of 1 to 16 windows",
		 "for example: windows: [{days: [sat, sun]}]"},
		{"{windows: [sat]}", "4:21: a window must be written as \"key: value\" lines",
		 "for example: {days: [sat, sun], from: 06:00, to: 22:00}"},
		{"{windows: [{days: [sat, sunday]}]}", "4:34: 'sunday' is no day of the week",
		 "they are: mon, tue, wed, thu, fri, sat, sun"},
		{"{windows: [{days: []}]}", "4:28: 'days' must be a word or a list of words", ""},
		{"{windows: [{from: 6:00}]}", "4:28: 'from' must be a time of day",
		 "write it like 06:00 or 22:30; 24:00 is the end of the day"},
		{"{windows: [{to: 24:01}]}", "4:26: 'to' must be a time of day",
		 "write it like 06:00 or 22:30; 24:00 is the end of the day"},
		{"{windows: [{to: 12:60}]}", "4:26: 'to' must be a time of day",
		 "write it like 06:00 or 22:30; 24:00 is the end of the day"},
		{"{windows: [{to: [x]}]}", "4:26: 'to' must be a time of day",
		 "write it like 06:00 or 22:30; 24:00 is the end of the day"},
		{"{windows: [{from: 06:00, to: 06:00}]}", "4:21: this window is never open", ""},
		{"{windows: [{from: 24:00, to: 06:00}]}", "4:21: this window is never open", ""},
		{"{protect: {}}", "4:20: 'protect' names nothing", ""},
		{"{protect: big}", "4:20: 'protect' must be written as \"key: value\" lines",
		 "for example: protect: {classes: [service]}"},
		{"{protect: {classes: [bug]}}", "4:31: there is no class 'bug'",
		 "did you mean 'big'?"},
		{"{protect: {classes: s}}", "4:30: class 's' is called 'small' here", ""},
		{"{protect: {teams: rad}}", "4:28: there is no team 'rad'", "did you mean 'red'?"},
		{"{deadline: soon}", "4:21: 'soon' is not a duration",
		 "write it like 90s, 15m, 4h, 2d or 1h30m"},
		{"{notice: 400d}", "4:19: 'notice' is longer than 366 days", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy *policy = NULL;
		struct err err = ERR_INIT;
		char yaml[400], text[200];

		snprintf(yaml, sizeof(yaml), HEAD "%s\n", cases[i].changes);
		snprintf(text, sizeof(text), "p.yaml:%s", cases[i].text);
		if (policy_parse(yaml, strlen(yaml), "p.yaml", &policy, &err) != -ERR_INVALID)
			fail_msg("not a mistake: %s", cases[i].changes);
		assert_string_equal(err.text, text);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_open_and_close), cmocka_unit_test(an_hour_comes_twice),
		cmocka_unit_test(refusals_tell_the_next), cmocka_unit_test(who_is_protected),
		cmocka_unit_test(spans_have_defaults),	  cmocka_unit_test(mistakes_have_a_place),
	};

	return tap_run(tests);
}
