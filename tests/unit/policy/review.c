/* The dates of a review: read strictly, and what is not there is not known. */
#include "../tap.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy-review.h"

#define HEAD "version: 1\nclasses: {small: {profiles: 1g}}\nteams: {everyone: {}}\n"
#define DAY  INT64_C(86400)

static int parse(const char *s, struct policy **ret, struct err *err)
{
	return policy_parse(s, strlen(s), "p.yaml", ret, err);
}

static void reads_days(void **unused)
{
	static const struct {
		const char *yaml;
		struct policy_review wanted;
		const char *words;
	} rows[] = {
		{"", {.every_s = 0}, ""},
		{"review: {last: 2000-01-01}\n",
		 {.has_last = true, .last_s = 10957 * DAY, .every_s = POLICY_REVIEW_EVERY_S},
		 "review  last 2000-01-01, every 90d\n"},
		{"review: {last: 2026-09-01, every: 4w, tested: 2024-02-29}\n",
		 {true, true, 20697 * DAY, 28 * DAY, 19782 * DAY},
		 "review  last 2026-09-01, every 28d; tested 2024-02-29\n"},
		{"review: {tested: \"2026-09-01\"}\n",
		 {.has_tested = true, .tested_s = 20697 * DAY, .every_s = POLICY_REVIEW_EVERY_S},
		 "review  tested 2026-09-01\n"},
		{"review: {every: 1d}\n", {.every_s = DAY}, ""},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cleanup(policy_free) struct policy *policy = NULL;
		cleanup(text_done) struct text words = TEXT_INIT;
		const struct policy_review *review;
		struct err err = ERR_INIT;
		char yaml[400] = HEAD;

		strcat(yaml, rows[i].yaml);
		if (parse(yaml, &policy, &err))
			fail_msg("%s: %s", rows[i].yaml, err.text);
		review = policy_review(policy);
		assert_int_equal(review->has_last, rows[i].wanted.has_last);
		assert_int_equal(review->has_tested, rows[i].wanted.has_tested);
		assert_int_equal(review->last_s, rows[i].wanted.last_s);
		assert_int_equal(review->every_s, rows[i].wanted.every_s);
		assert_int_equal(review->tested_s, rows[i].wanted.tested_s);
		policy_review_describe(review, &words);
		assert_string_equal(text_str(&words), rows[i].words);
	}
}

static void refuses_what_is_no_day(void **unused)
{
	static const struct {
		const char *yaml, *text;
	} rows[] = {
		{"review: {last: 2026-02-30}\n", "p.yaml:4:16: '2026-02-30' is no day"},
		{"review: {last: 1999-12-31}\n", "p.yaml:4:16: '1999-12-31' is no day"},
		{"review: {last: 2026-13-01}\n", "p.yaml:4:16: '2026-13-01' is no day"},
		{"review: {last: 01.09.2026}\n", "p.yaml:4:16: '01.09.2026' is no day"},
		{"review: {last: 2026-9-1}\n", "p.yaml:4:16: '2026-9-1' is no day"},
		{"review: {last: 2026-09-01x}\n", "p.yaml:4:16: '2026-09-01x' is no day"},
		{"review: {last: 2026-0--01}\n", "p.yaml:4:16: '2026-0--01' is no day"},
		{"review: {tested: soon}\n", "p.yaml:4:18: 'soon' is no day"},
		{"review: {tested: \"\"}\n", "p.yaml:4:18: '' is no day"},
		{"review: {every: 3h}\n", "p.yaml:4:17: 'every' must be a day (1d) or more"},
		{"review: {next: 2026-09-01}\n", "p.yaml:4:10: 'review' has no 'next'"},
		{"review: yes\n", "p.yaml:4:9: 'review' must be written as \"key: value\" lines"},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct policy *policy = NULL;
		struct err err = ERR_INIT;
		char yaml[400] = HEAD;

		strcat(yaml, rows[i].yaml);
		assert_int_equal(parse(yaml, &policy, &err), -ERR_INVALID);
		assert_null(policy);
		assert_string_equal(err.text, rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_days),
		cmocka_unit_test(refuses_what_is_no_day),
	};

	return tap_run(tests);
}
