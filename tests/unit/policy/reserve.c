/* Reservations: read, and when they are on, by clocks that are put forward and back. */
#include "../tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "policy/policy-reserve.h"

#define HEAD  "version: 1\nclasses: {small: {profiles: 1g, aliases: s}}\nteams: {red: {users: ann}}\n"
#define ENTRY "reservations: {course: {team: red, class: s, instances: 3, "

static int64_t at(const char *local)
{
	struct tm tm = {.tm_isdst = -1};

	assert_non_null(strptime(local, "%Y-%m-%d %H:%M", &tm));
	return mktime(&tm);
}

static struct policy *policy_of(const char *when)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	char yaml[400];

	snprintf(yaml, sizeof(yaml), HEAD ENTRY "%s}}\n", when);
	if (policy_parse(yaml, strlen(yaml), "p", &policy, &err))
		fail_msg("%s: %s", err.text, err.hint);
	return policy;
}

/* "2026-12-01 10:00 120" minutes; "" none. */
static void say(const struct policy_reservation *reservation, int64_t after_s, char *ret)
{
	int64_t begins_s, ends_s;
	char begins[32];

	*ret = '\0';
	if (policy_reservation_next(reservation, after_s, &begins_s, &ends_s))
		sprintf(ret, "%s %d", clock_format(begins, sizeof(begins), begins_s),
			(int)(ends_s - begins_s) / 60);
}

static void when_it_is_on(void **state)
{
#define COURSE "days: tue, from: \"10:00\", to: \"12:00\""
#define NIGHT  "days: [fri, sat], from: \"22:00\", to: \"06:00\""
#define ONCE   "date: 2026-12-01, from: \"10:00\", to: \"12:00\""
	static const struct {
		const char *when, *after, *next;
	} cases[] = {
		/* 2026-12-01 is a Tuesday */
		{COURSE, "2026-11-26 00:00", "2026-12-01 10:00 120"},
		{COURSE, "2026-12-01 09:59", "2026-12-01 10:00 120"},
		{COURSE, "2026-12-01 11:59", "2026-12-01 10:00 120"},
		{COURSE, "2026-12-01 12:00", "2026-12-08 10:00 120"},
		{COURSE ", until: 2026-12-01", "2026-12-01 11:59", "2026-12-01 10:00 120"},
		{COURSE ", until: 2026-12-01", "2026-12-01 12:00", ""},
		{COURSE ", since: 2026-12-02", "2026-11-26 00:00", "2026-12-08 10:00 120"},
		{NIGHT, "2026-11-27 00:00", "2026-11-27 22:00 480"},
		{NIGHT, "2026-11-28 05:59", "2026-11-27 22:00 480"},
		{NIGHT, "2026-11-28 06:00", "2026-11-28 22:00 480"},
		{NIGHT, "2026-11-29 06:00", "2026-12-04 22:00 480"},
		/* Forward on 2027-03-28 at 02:00, back on 2026-10-25 at 03:00. */
		{"days: sun, from: \"10:00\", to: \"12:00\"", "2027-03-27 12:00",
		 "2027-03-28 10:00 120"},
		{"days: sun, from: \"10:00\", to: \"12:00\"", "2026-10-24 12:00",
		 "2026-10-25 10:00 120"},
		{NIGHT, "2027-03-27 12:00", "2027-03-27 22:00 420"},
		{NIGHT, "2026-10-24 12:00", "2026-10-24 22:00 540"},
		{"days: sun, from: \"02:30\", to: \"04:00\"", "2027-03-27 12:00",
		 "2027-03-28 03:30 30"},
		{ONCE, "2026-01-01 00:00", "2026-12-01 10:00 120"},
		{ONCE, "2026-12-01 11:59", "2026-12-01 10:00 120"},
		{ONCE, "2026-12-01 12:00", ""},
		{"date: 2026-12-01, from: \"22:00\", to: \"06:00\"", "2026-12-02 05:00",
		 "2026-12-01 22:00 480"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_of(cases[i].when);
		char next[64];

		assert_int_equal(policy_n_reservations(policy), 1);
		say(policy_reservation_at(policy, 0), at(cases[i].after), next);
		if (strcmp(next, cases[i].next) != 0)
			fail_msg("%s after %s: %s, not %s", cases[i].when, cases[i].after, next,
				 cases[i].next);
	}
}

static void mistakes_have_a_place(void **state)
{
	static const struct {
		const char *when, *text, *hint;
	} mistakes[] = {
		{"from: \"10:00\", to: \"12:00\"",
		 "p:4:16: reservation 'course' needs either 'days' or 'date'",
		 "days: tue is every Tuesday; date: 2026-12-01 is once; 'since' and 'until' go "
		 "with 'days'"},
		{"days: tue", "p:4:24: reservation 'course' needs 'from'", ""},
		{"days: tus, from: \"10:00\", to: \"12:00\"",
		 "p:4:66: 'tus' is no day of the week", "did you mean 'tue'?"},
		{"days: tue, from: \"25:00\", to: \"12:00\"",
		 "p:4:77: '25:00' is no time of day", "write it like \"10:00\", in quotes"},
		{"date: 2026-02-30, from: \"10:00\", to: \"12:00\"",
		 "p:4:66: '2026-02-30' is no day", "write it like 2026-12-01"},
	};
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	char yaml[400];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		snprintf(yaml, sizeof(yaml), HEAD ENTRY "%s}}\n", mistakes[i].when);
		assert_int_equal(policy_parse(yaml, strlen(yaml), "p", &policy, &err),
				 -ERR_INVALID);
		assert_string_equal(err.text, mistakes[i].text);
		assert_string_equal(err.hint, mistakes[i].hint);
	}
	snprintf(yaml, sizeof(yaml),
		 HEAD "reservations: {course: {team: rde, class: s, instances: 3, "
		      "days: tue, from: \"10:00\", to: \"12:00\"}}\n");
	assert_int_equal(policy_parse(yaml, strlen(yaml), "p", &policy, &err), -ERR_INVALID);
	assert_string_equal(err.text, "p:4:16: reservation 'course': there is no team 'rde'");
	assert_string_equal(err.hint, "did you mean 'red'?");
}

static void made_by_an_admin(void **state)
{
	struct policy_reservation reservation = {.instances = 1};
	cleanup(text_done) struct text text = TEXT_INIT;
	cleanup(policy_free) struct policy *policy = policy_of(COURSE);
	struct err err = ERR_INIT;
	char next[64];

	(void)state;
	policy_reservation_weekly(&reservation, at("2026-12-01 22:00"), at("2026-12-02 02:00"),
				  at("2026-12-31 00:00"));
	say(&reservation, at("2026-11-01 00:00"), next);
	assert_string_equal(next, "2026-12-01 22:00 240");
	say(&reservation, at("2026-12-02 02:00"), next);
	assert_string_equal(next, "2026-12-08 22:00 240");
	say(&reservation, at("2026-12-30 02:00"), next);
	assert_string_equal(next, "");
	policy_reservation_format(&reservation, &text);
	assert_string_equal(text_str(&text), "tue 22:00-02:00 until 2026-12-31 00:00");

	snprintf(reservation.team, sizeof(reservation.team), "red");
	snprintf(reservation.class_name, sizeof(reservation.class_name), "small");
	assert_int_equal(policy_reservation_check(policy, &reservation, &err), 0);
	reservation.days = 0;
	reservation.ends_s = reservation.begins_s;
	assert_int_equal(policy_reservation_check(policy, &reservation, &err), -ERR_INVALID);
	snprintf(reservation.class_name, sizeof(reservation.class_name), "smal");
	assert_int_equal(policy_reservation_check(policy, &reservation, &err), -ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(when_it_is_on),
		cmocka_unit_test(mistakes_have_a_place),
		cmocka_unit_test(made_by_an_admin),
	};

	/* Written out, so that no database of time zones is needed. */
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	return tap_run(tests);
}
