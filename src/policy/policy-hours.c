#include "policy/policy-hours.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "policy/policy-read.h"

#define MAX_HOURS  100000000.0
#define SHORTEST_S 60

static const char *const names[POLICY_PERIODS] = {"day", "week", "month"};

/* ---- reading ---- */

int policy_read_hours(const struct yaml_node *map, bool has_hours, double hours, const char *per,
		      struct policy_hours *ret, struct err *err)
{
	*ret = (struct policy_hours){0};
	if (has_hours != (per != NULL)) {
		yaml_node_fail(map, err, "'%s' needs both 'slice_hours' and 'per'", map->key);
		return fail_hint(err, "for example: %s: {slice_hours: 500, per: week}", map->key);
	}
	if (!has_hours)
		return 0;
	if (hours > MAX_HOURS)
		return yaml_node_fail(yaml_node_get(map, "slice_hours"), err,
				      "'slice_hours' is more than %.0f", MAX_HOURS);
	for (unsigned i = 0; i < POLICY_PERIODS; i++)
		if (!strcmp(per, names[i])) {
			*ret = (struct policy_hours){true, llround(hours * 3600),
						     (enum policy_period)i};
			return 0;
		}
	yaml_node_fail(yaml_node_get(map, "per"), err, "'per' is '%.40s'", per);
	return fail_hint(err, "it may be: day, week, month");
}

void policy_format_hours(const struct policy_hours *hours, struct text *ret)
{
	if (hours->has)
		text_addf(ret, "%s%.10g slice-hours a %s", ret->len ? ", " : "",
			  (double)hours->slice_s / 3600, names[hours->per]);
}

/* ---- periods ---- */

static void midnight(struct tm *tm)
{
	tm->tm_hour = tm->tm_min = tm->tm_sec = 0;
	tm->tm_isdst = -1; /* whichever is in force then */
}

void policy_period_around(enum policy_period per, int64_t at_s, int64_t *ret_begin_s,
			  int64_t *ret_end_s)
{
	time_t at = (time_t)at_s;
	struct tm begin, end;

	localtime_r(&at, &begin);
	midnight(&begin);
	if (per == POLICY_WEEK)
		begin.tm_mday -= (begin.tm_wday + 6) % 7;
	if (per == POLICY_MONTH)
		begin.tm_mday = 1;
	end = begin;
	end.tm_mday += per == POLICY_DAY ? 1 : per == POLICY_WEEK ? 7 : 0;
	end.tm_mon += per == POLICY_MONTH;
	*ret_begin_s = mktime(&begin);
	*ret_end_s = mktime(&end);
	if (*ret_end_s <= at_s) /* a clock that no calendar knows */
		*ret_end_s = at_s + 1;
}

/* ---- counting ---- */

static int64_t overlap(int64_t from_a, int64_t to_a, int64_t from_b, int64_t to_b)
{
	int64_t from = from_a > from_b ? from_a : from_b, to = to_a < to_b ? to_a : to_b;

	return to > from ? to - from : 0;
}

static int64_t spells_in(const struct policy_use *use, int64_t begin_s, int64_t end_s)
{
	int64_t sum = 0;

	for (size_t i = 0; i < use->n; i++)
		sum += use->spells[i].slices *
		       overlap(use->spells[i].from_s, use->spells[i].to_s, begin_s, end_s);
	return sum;
}

int64_t policy_hours_used(const struct policy_hours *hours, const struct policy_use *use,
			  int64_t now_s)
{
	int64_t begin_s, end_s;

	policy_period_around(hours->per, now_s, &begin_s, &end_s);
	return use->ended_s[hours->per] + spells_in(use, begin_s, end_s);
}

uint32_t policy_hours_slices(const struct policy_hours *hours, const struct policy_use *use,
			     int64_t now_s, int64_t time_s, struct policy_hours_left *ret)
{
	uint32_t most = POLICY_UNLIMITED;
	int64_t until_s = now_s + time_s, begin_s, end_s;

	for (int64_t at_s = now_s; hours->has && at_s < until_s; at_s = end_s) {
		struct policy_hours_left left = {.later = at_s != now_s};
		int64_t slices;

		policy_period_around(hours->per, at_s, &begin_s, &end_s);
		left.used_s = (left.later ? 0 : use->ended_s[hours->per]) +
			      spells_in(use, begin_s, end_s);
		left.left_s = left.used_s < hours->slice_s ? hours->slice_s - left.used_s : 0;
		left.overlap_s = overlap(now_s, until_s, begin_s, end_s);
		left.turn_s = end_s;
		slices = left.overlap_s ? left.left_s / left.overlap_s : POLICY_UNLIMITED;
		if (slices >= most)
			continue;
		most = (uint32_t)slices;
		if (ret)
			*ret = left;
	}
	return most;
}

/* ---- no ---- */

static double in_hours(int64_t slice_s)
{
	return (double)slice_s / 3600;
}

static int refuse(const struct policy_hours_wish *wish, const struct policy_hours *hours,
		  bool per_user, const struct policy_hours_left *left, struct err *err)
{
	int64_t fits_s = left->left_s / wish->slices;
	char time[32], fits[32], turn[32];
	const char *what = names[hours->per];

	duration_format(time, sizeof(time), wish->time_s);
	clock_format(turn, sizeof(turn), left->turn_s);
	fail(err, ERR_REFUSED,
	     "%s%s may use %.10g slice-hours a %s; %.4g are used or promised in %s, and class '%s' "
	     "for %s takes %.4g there",
	     per_user ? "each member of team " : "team ", wish->team->name,
	     in_hours(hours->slice_s), what, in_hours(left->used_s),
	     left->later ? "a later one" : "this one", wish->class_name, time,
	     in_hours(wish->slices * left->overlap_s));
	if (left->later || fits_s < SHORTEST_S)
		fail_hint(err, "%.4g slice-hours are left there; it ends at %s",
			  in_hours(left->left_s), turn);
	else
		fail_hint(err,
			  "%.4g slice-hours are left: ask for %s or less; the next %s begins "
			  "at %s",
			  in_hours(left->left_s), duration_format(fits, sizeof(fits), fits_s), what,
			  turn);
	return fail_rule(err, "teams.%s.%s.slice_hours", wish->team->name,
			 per_user ? "per_user" : "quota");
}

int policy_check_hours(const struct policy_hours_wish *wish, const struct policy_use *of_team,
		       const struct policy_use *of_person, uint32_t *ret_slices, struct err *err)
{
	const struct {
		const struct policy_hours *hours;
		const struct policy_use *use;
	} quotas[] = {
		{&wish->team->hours_per_user, of_person},
		{&wish->team->hours, of_team},
	};

	*ret_slices = POLICY_UNLIMITED;
	for (size_t i = 0; i < ARRAY_SIZE(quotas); i++) {
		struct policy_hours_left left = {0};
		uint32_t slices = policy_hours_slices(quotas[i].hours, quotas[i].use, wish->now_s,
						      wish->time_s, &left);

		if (i == 0 && wish->service)
			continue;
		if (slices < wish->slices)
			return refuse(wish, quotas[i].hours, i == 0, &left, err);
		if (slices < *ret_slices)
			*ret_slices = slices;
	}
	return 0;
}
