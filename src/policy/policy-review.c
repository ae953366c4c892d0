#include "policy/policy-review.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "policy/policy-read.h"

const struct policy_review *policy_review(const struct policy *policy)
{
	return &policy->review;
}

/* "2026-09-01", a day of the calendar since the year 2000. */
static bool day_parse(const char *s, int64_t *ret_s)
{
	struct tm tm = {.tm_mday = 0}, wanted;
	int at = 0;

	if (strspn(s, "0123456789-") != 10 || s[4] != '-' || s[7] != '-' ||
	    sscanf(s, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &at) != 3 || s[at])
		return false;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	wanted = tm;
	*ret_s = timegm(&tm); /* which makes some day of any numbers */
	return tm.tm_year >= 100 && tm.tm_year == wanted.tm_year && tm.tm_mon == wanted.tm_mon &&
	       tm.tm_mday == wanted.tm_mday;
}

static int read_day(const struct yaml_node *map, const char *key, const char *typed, int64_t *ret_s,
		    struct err *err)
{
	if (!typed || day_parse(typed, ret_s))
		return 0;
	yaml_node_fail(yaml_node_get(map, key), err, "'%.40s' is no day", typed);
	return fail_hint(err, "a day is written 2026-09-01");
}

static void add_day(const char *before, int64_t unix_s, struct text *ret)
{
	char day[32];

	clock_format_iso(day, sizeof(day), unix_s);
	text_addf(ret, "%s%.10s", before, day);
}

void policy_review_describe(const struct policy_review *review, struct text *ret)
{
	char every[32];

	if (!review->has_last && !review->has_tested)
		return;
	if (review->has_last) {
		add_day("review  last ", review->last_s, ret);
		text_addf(ret, ", every %s",
			  duration_format(every, sizeof(every), review->every_s));
	}
	if (review->has_tested)
		add_day(review->has_last ? "; tested " : "review  tested ", review->tested_s, ret);
	text_add(ret, "\n");
}

int policy_read_review(const struct yaml_node *map, struct policy_review *ret, struct err *err)
{
	struct review_wish {
		const char *last, *tested;
		int64_t every;
	} wish = {.every = POLICY_REVIEW_EVERY_S};
	static const struct yaml_field fields[] = {
		{"last", YAML_TEXT, AT(review_wish, last)},
		{"every", YAML_DURATION, AT(review_wish, every)},
		{"tested", YAML_TEXT, AT(review_wish, tested)},
	};
	int r = map_read(map, "'review'", "review: {last: 2026-09-01, every: 90d}", fields,
			 ARRAY_SIZE(fields), &wish, err);

	r = r ? r : read_day(map, "last", wish.last, &ret->last_s, err);
	r = r ? r : read_day(map, "tested", wish.tested, &ret->tested_s, err);
	if (r)
		return r;
	if (wish.every < 86400)
		return yaml_node_fail(yaml_node_get(map, "every"), err,
				      "'every' must be a day (1d) or more");
	ret->has_last = wish.last;
	ret->has_tested = wish.tested;
	ret->every_s = wish.every;
	return 0;
}
