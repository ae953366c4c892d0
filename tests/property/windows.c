/*
 * Random windows in random places of the world, around the days on which clocks
 * are put forward and back there, against a reference that looks at the clock
 * on the wall minute by minute.
 */
#include "../unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "policy/policy-changes.h"

#define MINUTES	 (24 * 24 * 60) /* of wall clock that are known: two weeks and what they look ahead */
#define ASKED	 (14 * 24 * 60)
#define POLICIES 120

/* ---- chance ---- */

static uint64_t seed = 20261124;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* ---- the clock on the wall, as libc tells it ---- */

static struct {
	int64_t begin_s;
	struct {
		unsigned weekday, minute;
	} at[MINUTES];
} wall;

static void hang_up_clock(const char *zone, int64_t begin_s)
{
	setenv("TZ", zone, 1);
	tzset();
	wall.begin_s = begin_s / 60 * 60;
	for (unsigned i = 0; i < MINUTES; i++) {
		time_t t = wall.begin_s + i * 60;
		struct tm tm;

		assert_non_null(localtime_r(&t, &tm));
		wall.at[i].weekday = (unsigned)tm.tm_wday;
		wall.at[i].minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min);
	}
}

/* ---- windows as people write them ---- */

struct range {
	bool days[7];
	unsigned from, to; /* minutes */
};

static bool shows(const struct range *range, unsigned i)
{
	unsigned today = wall.at[i].weekday, yesterday = (today + 6) % 7, now = wall.at[i].minute;

	if (range->from < range->to)
		return range->days[today] && range->from <= now && now < range->to;
	return (range->days[today] && range->from <= now) ||
	       (range->days[yesterday] && now < range->to);
}

static void random_range(struct range *ret, char *text, size_t size)
{
	static const char *const names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
	char days[64] = "";
	unsigned n = 0;

	do {
		ret->from = draw(3) ? draw(24 * 60) : draw(8) * 30;
		ret->to = draw(3) ? draw(24 * 60 + 1) : ret->from + 10 + draw(60);
	} while (ret->from == ret->to || ret->to > 24 * 60);
	while (!n)
		for (unsigned d = 0; d < 7; d++) {
			ret->days[d] = !draw(4);
			n += ret->days[d];
		}
	for (unsigned d = 0; d < 7; d++)
		if (ret->days[d])
			snprintf(days + strlen(days), sizeof(days) - strlen(days), "%s%s",
				 days[0] ? ", " : "", names[d]);
	snprintf(text, size, "{days: [%s], from: %02u:%02u, to: %02u:%02u}", days, ret->from / 60,
		 ret->from % 60, ret->to / 60, ret->to % 60);
}

/* ---- one policy, two weeks ---- */

static bool open_at[MINUTES];

static void ask(const struct policy *policy, unsigned i, const char *zone, const char *text)
{
	int64_t now_s = wall.begin_s + i * 60 + draw(60), next_s = -1;
	bool allowed =
		policy_change_allowed(policy_changes(policy), clock_offset_s, now_s, &next_s);
	unsigned next = i;

	while (next < MINUTES && !open_at[next])
		next++;
	if (allowed != open_at[i])
		fail_msg("%s in %s at %lld: %s", text, zone, (long long)now_s,
			 allowed ? "open" : "shut");
	/* Beyond what the reference knows it is only known not to come earlier. */
	if (!allowed && (next == MINUTES ? next_s < wall.begin_s + MINUTES * 60
					 : next_s != wall.begin_s + next * 60))
		fail_msg("%s in %s at %lld: next %lld, not %lld", text, zone, (long long)now_s,
			 (long long)next_s, (long long)(wall.begin_s + next * 60));
}

static void try_policy(const char *zone)
{
	cleanup(policy_free) struct policy *policy = NULL;
	struct range ranges[3];
	char yaml[600], text[3][120];
	size_t n = 1 + draw(3);
	struct err err = ERR_INIT;

	snprintf(yaml, sizeof(yaml),
		 "version: 1\nclasses: {a: {profiles: 1g}}\nteams: {everyone: {}}\n"
		 "changes: {windows: [");
	for (size_t i = 0; i < n; i++) {
		random_range(&ranges[i], text[i], sizeof(text[i]));
		snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml), "%s%s", i ? ", " : "",
			 text[i]);
	}
	snprintf(yaml + strlen(yaml), sizeof(yaml) - strlen(yaml), "]}\n");
	if (policy_parse(yaml, strlen(yaml), "p", &policy, &err))
		fail_msg("%s: %s", yaml, err.text);
	for (unsigned i = 0; i < MINUTES; i++) {
		open_at[i] = false;
		for (size_t k = 0; k < n; k++)
			open_at[i] |= shows(&ranges[k], i);
	}
	for (unsigned i = 0; i < ASKED; i += 1 + draw(60))
		ask(policy, i, zone, strstr(yaml, "changes"));
}

static void windows_are_as_the_clock_shows(void **state)
{
	/* As rules, so that it does not matter which zones this host knows. */
	static const struct {
		const char *zone;
		int64_t begin_s; /* within two weeks before clocks change */
	} places[] = {
		{"CET-1CEST,M3.5.0,M10.5.0/3", 1806192000},	 /* 2027-03-28 */
		{"CET-1CEST,M3.5.0,M10.5.0/3", 1792627200},	 /* 2026-10-25 */
		{"EST5EDT,M3.2.0,M11.1.0", 1772928000},		 /* 2026-03-08 */
		{"EST5EDT,M3.2.0,M11.1.0", 1793145600},		 /* 2026-11-01 */
		{"LHST-10:30LHDT-11,M10.1.0,M4.1.0", 1790812800}, /* half an hour */
		{"BRT3BRST,M10.3.0/0,M2.3.0/0", 1791763200},	 /* at midnight: no 00:00 */
		{"BRT3BRST,M10.3.0/0,M2.3.0/0", 1802736000},	 /* 23:00 twice */
		{"IST-5:30", 1790000000},			 /* never */
	};

	(void)state;
	for (size_t p = 0; p < ARRAY_SIZE(places); p++) {
		hang_up_clock(places[p].zone, places[p].begin_s - 86400 * (1 + draw(8)));
		for (unsigned i = 0; i < POLICIES; i++)
			try_policy(places[p].zone);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_as_the_clock_shows),
	};

	return tap_run(tests);
}
