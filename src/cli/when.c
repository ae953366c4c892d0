#include "cli/when.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/sizes.h"

/* A date, with or without a time; *ret_is: it is written like one. */
static int parse_date(const char *typed, bool *ret_is, int64_t *ret_s, struct err *err)
{
	static const char *const patterns[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"};

	*ret_is = false;
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct tm tm = {.tm_isdst = -1}, asked;
		const char *end = strptime(typed, patterns[i], &tm);
		time_t when;

		if (!end || *end)
			continue;
		*ret_is = true;
		asked = tm;
		when = mktime(&tm);
		if (tm.tm_mday != asked.tm_mday) /* mktime() has made March of February 30 */
			return fail(err, ERR_INVALID, "'%.40s' is no day", typed);
		*ret_s = when;
		return 0;
	}
	return 0;
}

int when_parse(const char *typed, int64_t now_s, int64_t *ret_s, struct err *err)
{
	int64_t span_s;
	bool is_date;
	int r = parse_date(typed, &is_date, ret_s, err);

	if (is_date)
		return r;
	if (!duration_parse(typed, &span_s, err)) {
		*ret_s = now_s - span_s;
		return 0;
	}
	fail(err, ERR_INVALID, "'%.40s' is not a time", typed);
	return fail_hint(err, "write it like 2h, 7d, 2025-11-24 or '2025-11-24 16:40'");
}

/* The first time after now at which clocks show that; weekday -1: on any day. */
static int64_t next_time(int64_t now_s, int weekday, int hour, int minute)
{
	time_t now = (time_t)now_s, when = 0;
	struct tm today;

	if (!localtime_r(&now, &today))
		return now_s;
	for (int day = 0; day <= 7; day++) {
		struct tm tm = {.tm_year = today.tm_year,
				.tm_mon = today.tm_mon,
				.tm_mday = today.tm_mday + day,
				.tm_hour = hour,
				.tm_min = minute,
				.tm_isdst = -1};

		when = mktime(&tm);
		if (when > now && (weekday < 0 || tm.tm_wday == weekday))
			break;
	}
	return when;
}

/* "fri 18:00", "fri", "18:00" */
static bool parse_next(const char *typed, int64_t now_s, int64_t *ret_s)
{
	static const char *const patterns[] = {"%a %H:%M", "%a", "%H:%M"};

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct tm tm = {.tm_wday = -1};
		const char *end = strptime(typed, patterns[i], &tm);

		if (!end || *end)
			continue;
		*ret_s = next_time(now_s, tm.tm_wday, tm.tm_hour, tm.tm_min);
		return true;
	}
	return false;
}

int when_parse_ahead(const char *typed, int64_t now_s, int64_t *ret_s, struct err *err)
{
	int64_t span_s, when_s = 0;
	bool is_date;
	int r = parse_date(typed, &is_date, &when_s, err);

	if (r)
		return r;
	if (is_date && when_s < now_s)
		return fail(err, ERR_INVALID, "'%.40s' lies in the past", typed);
	if (!is_date && !parse_next(typed, now_s, &when_s)) {
		if (strcmp(typed, "now") == 0)
			span_s = 0;
		else if (duration_parse(typed + (*typed == '+'), &span_s, err)) {
			fail(err, ERR_INVALID, "'%.40s' is not a time to come", typed);
			return fail_hint(err, "write it like 4h, 18:00, 'fri 18:00' or "
					      "'2026-11-28 18:00'");
		}
		when_s = now_s + span_s;
	}
	*ret_s = when_s;
	return 0;
}
