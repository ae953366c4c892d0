#include "policy/policy-reserve.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "policy/policy-read.h"

#define DAY	  86400
#define LONGEST_S (31 * (int64_t)DAY)
#define MAX_COUNT 100000

static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

/* ---- when ---- */

/* So many seconds into a day, as the clocks on the wall show it; false: no such time. */
static bool moment_of(struct tm day, int64_t second, int64_t *ret_s)
{
	time_t moment;

	day.tm_mday += (int)(second / DAY);
	day.tm_hour = (int)(second % DAY / 3600);
	day.tm_min = (int)(second % 3600 / 60);
	day.tm_sec = (int)(second % 60);
	day.tm_isdst = -1;
	moment = mktime(&day);
	*ret_s = moment;
	return moment != (time_t)-1;
}

static bool next_weekly(const struct policy_reservation *reservation, int64_t after_s,
			int64_t *ret_begins_s, int64_t *ret_ends_s)
{
	time_t after = after_s > reservation->begins_s ? after_s : reservation->begins_s;
	struct tm day;

	if (!localtime_r(&after, &day))
		return false;
	day.tm_mday--; /* one over midnight may still be on */
	for (int i = 0; i < 9; i++, day.tm_mday++) {
		int64_t noon_s, begins_s, ends_s;
		time_t noon;
		struct tm weekday;

		if (!moment_of(day, DAY / 2, &noon_s) ||
		    !moment_of(day, reservation->from_s, &begins_s) ||
		    !moment_of(day, reservation->to_s, &ends_s))
			return false;
		noon = noon_s;
		if (!localtime_r(&noon, &weekday) ||
		    !(reservation->days >> weekday.tm_wday & 1) || ends_s <= after_s ||
		    ends_s <= begins_s || begins_s < reservation->begins_s)
			continue;
		if (reservation->ends_s && begins_s >= reservation->ends_s)
			return false;
		*ret_begins_s = begins_s;
		*ret_ends_s = ends_s;
		return true;
	}
	return false;
}

bool policy_reservation_next(const struct policy_reservation *reservation, int64_t after_s,
			     int64_t *ret_begins_s, int64_t *ret_ends_s)
{
	if (reservation->days)
		return next_weekly(reservation, after_s, ret_begins_s, ret_ends_s);
	if (reservation->ends_s <= after_s)
		return false;
	*ret_begins_s = reservation->begins_s;
	*ret_ends_s = reservation->ends_s;
	return true;
}

static int64_t second_of_day(int64_t unix_s)
{
	time_t moment = unix_s;
	struct tm tm = {0};

	localtime_r(&moment, &tm);
	return tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
}

void policy_reservation_weekly(struct policy_reservation *reservation, int64_t first_begins_s,
			       int64_t first_ends_s, int64_t until_s)
{
	time_t first = first_begins_s;
	struct tm tm = {0};

	localtime_r(&first, &tm);
	reservation->days = 1u << tm.tm_wday;
	reservation->begins_s = first_begins_s;
	reservation->ends_s = until_s;
	reservation->from_s = second_of_day(first_begins_s);
	reservation->to_s = second_of_day(first_ends_s);
	if (reservation->to_s <= reservation->from_s)
		reservation->to_s += DAY;
}

static void add_time(int64_t second, struct text *ret)
{
	text_addf(ret, "%02d:%02d", (int)(second % DAY / 3600), (int)(second % 3600 / 60));
}

void policy_reservation_format(const struct policy_reservation *reservation, struct text *ret)
{
	char begins[32], ends[32];
	const char *before = "";

	if (!reservation->days) {
		text_addf(ret, "%s to %s",
			  clock_format(begins, sizeof(begins), reservation->begins_s),
			  clock_format(ends, sizeof(ends), reservation->ends_s));
		return;
	}
	for (size_t i = 1; i <= ARRAY_SIZE(day_names); i++) /* weeks begin on Monday */
		if (reservation->days >> i % 7 & 1) {
			text_addf(ret, "%s%s", before, day_names[i % 7]);
			before = ", ";
		}
	text_add(ret, " ");
	add_time(reservation->from_s, ret);
	text_add(ret, "-");
	add_time(reservation->to_s, ret);
	if (reservation->ends_s)
		text_addf(ret, " until %s",
			  clock_format(ends, sizeof(ends), reservation->ends_s));
}

/* ---- checking ---- */

int policy_reservation_check(const struct policy *policy,
			     const struct policy_reservation *reservation, struct err *err)
{
	int64_t length_s = reservation->days ? reservation->to_s - reservation->from_s
					      : reservation->ends_s - reservation->begins_s;
	const char *names[POLICY_MAX_TEAMS];

	if (!policy_class_find(policy, reservation->class_name, err))
		return -(int)err->code;
	if (!team_by_name(policy, reservation->team)) {
		for (size_t i = 0; i < policy->n_teams; i++)
			names[i] = policy->teams[i].name;
		fail(err, ERR_NOT_FOUND, "there is no team '%.40s'", reservation->team);
		return fail_near(err, reservation->team, names, policy->n_teams, "see 'teams:'");
	}
	if (length_s <= 0)
		return fail(err, ERR_INVALID, "the reservation ends before it begins");
	if (length_s > LONGEST_S)
		return fail(err, ERR_INVALID, "the reservation is longer than 31 days");
	if (!reservation->instances || reservation->instances > MAX_COUNT)
		return fail(err, ERR_INVALID, "a reservation is for 1 to %d instances", MAX_COUNT);
	return 0;
}

/* ---- the key of the file ---- */

struct reservation_wish {
	const char *team, *class_name, *date, *since, *until, *from, *to;
	const struct yaml_node *days;
	int64_t instances;
};

static const struct yaml_field reservation_fields[] = {
	{"team", YAML_TEXT, AT(reservation_wish, team), .required = true},
	{"class", YAML_TEXT, AT(reservation_wish, class_name), .required = true},
	{"instances", YAML_NUMBER, AT(reservation_wish, instances), 0, 1, MAX_COUNT, true},
	{"days", YAML_NODE, AT(reservation_wish, days)},
	{"date", YAML_TEXT, AT(reservation_wish, date)},
	{"from", YAML_TEXT, AT(reservation_wish, from), .required = true},
	{"to", YAML_TEXT, AT(reservation_wish, to), .required = true},
	{"since", YAML_TEXT, AT(reservation_wish, since)},
	{"until", YAML_TEXT, AT(reservation_wish, until)},
};

static int read_day(const struct yaml_node *map, const char *key, const char *typed,
		    struct tm *ret, struct err *err)
{
	struct tm tm = {0}, same;
	const char *end = strptime(typed, "%Y-%m-%d", &tm);

	tm.tm_isdst = -1;
	same = tm;
	if (!end || *end || mktime(&same) == (time_t)-1 || same.tm_mday != tm.tm_mday) {
		yaml_node_fail(yaml_node_get(map, key), err, "'%.40s' is no day", typed);
		return fail_hint(err, "write it like 2026-12-01");
	}
	*ret = tm;
	return 0;
}

static int read_time(const struct yaml_node *map, const char *key, const char *typed,
		     int64_t *ret_s, struct err *err)
{
	struct tm tm = {0};
	const char *end = strptime(typed, "%H:%M", &tm);

	if (!end || *end) {
		yaml_node_fail(yaml_node_get(map, key), err, "'%.40s' is no time of day", typed);
		return fail_hint(err, "write it like \"10:00\", in quotes");
	}
	*ret_s = tm.tm_hour * 3600 + tm.tm_min * 60;
	return 0;
}

static int read_days(const struct yaml_node *list, unsigned *ret, struct err *err)
{
	int r = words_check(list, ARRAY_SIZE(day_names), NULL, err);

	if (r)
		return r;
	WORDS_EACH(word, list) {
		size_t i = 0;

		while (i < ARRAY_SIZE(day_names) && strcmp(word->text, day_names[i]) != 0)
			i++;
		if (i == ARRAY_SIZE(day_names)) {
			yaml_node_fail(word, err, "'%.40s' is no day of the week", word->text);
			return fail_near(err, word->text, day_names, ARRAY_SIZE(day_names),
					 "mon, tue, wed, thu, fri, sat, sun");
		}
		*ret |= 1u << i;
	}
	return 0;
}

static int fail_when(const struct yaml_node *map, struct err *err)
{
	yaml_node_fail_key(map, err, "reservation '%s' needs either 'days' or 'date'", map->key);
	return fail_hint(err, "days: tue is every Tuesday; date: 2026-12-01 is once; 'since' and "
			      "'until' go with 'days'");
}

static int read_when(const struct yaml_node *map, const struct reservation_wish *wish,
		     struct policy_reservation *ret, struct err *err)
{
	struct tm day = {0};
	int r = read_time(map, "from", wish->from, &ret->from_s, err);

	r = r ? r : read_time(map, "to", wish->to, &ret->to_s, err);
	if (r)
		return r;
	ret->to_s += ret->to_s <= ret->from_s ? DAY : 0;
	if (!!wish->days == !!wish->date || (wish->date && (wish->since || wish->until)))
		return fail_when(map, err);
	if (wish->date) {
		r = read_day(map, "date", wish->date, &day, err);
		return r || (moment_of(day, ret->from_s, &ret->begins_s) &&
			     moment_of(day, ret->to_s, &ret->ends_s))
			       ? r
			       : fail_when(map, err);
	}
	r = read_days(wish->days, &ret->days, err);
	if (!r && wish->since) {
		r = read_day(map, "since", wish->since, &day, err);
		if (!r)
			moment_of(day, 0, &ret->begins_s);
	}
	if (!r && wish->until) { /* that day included */
		r = read_day(map, "until", wish->until, &day, err);
		if (!r)
			moment_of(day, DAY, &ret->ends_s);
	}
	return r;
}

static int read_reservation(const struct yaml_node *map, struct policy *policy, struct err *err)
{
	struct policy_reservation *ret = &policy->reservations[policy->n_reservations];
	struct reservation_wish wish = {0};
	char what[POLICY_NAME + 20];
	int r = key_check_name(map, "reservation", err);

	if (r)
		return r;
	snprintf(what, sizeof(what), "reservation '%s'", map->key);
	r = map_read(map, what, "course: {team: students, class: small, instances: 14, days: tue, "
				"from: \"10:00\", to: \"12:00\"}",
		     reservation_fields, ARRAY_SIZE(reservation_fields), &wish, err);
	r = r ? r : word_check_name(yaml_node_get(map, "team"), err);
	r = r ? r : word_check_name(yaml_node_get(map, "class"), err);
	r = r ? r : read_when(map, &wish, ret, err);
	if (r)
		return r;
	ret->instances = (uint32_t)wish.instances;
	snprintf(ret->name, sizeof(ret->name), "%s", map->key);
	snprintf(ret->team, sizeof(ret->team), "%s", wish.team);
	snprintf(ret->class_name, sizeof(ret->class_name), "%s", wish.class_name);
	if (policy_reservation_check(policy, ret, err)) {
		struct err why = *err;

		yaml_node_fail_key(map, err, "reservation '%s': %s", map->key, why.text);
		return fail_hint(err, "%s", why.hint);
	}
	snprintf(ret->class_name, sizeof(ret->class_name), "%s",
		 class_by_word(policy, wish.class_name)->name);
	policy->n_reservations++;
	return 0;
}

int policy_read_reservations(const struct yaml_node *map, struct policy *policy, struct err *err)
{
	int r = 0;

	if (map->kind != YAML_MAP || !map->n)
		return yaml_node_fail(map, err, "'reservations' must have at least one \"NAME:\"");
	if (map->n > POLICY_MAX_RESERVATIONS)
		return yaml_node_fail(map, err,
				      "'reservations' has %zu names; at most %d are possible",
				      map->n, POLICY_MAX_RESERVATIONS);
	for (const struct yaml_node *node = map->first; !r && node; node = node->next)
		r = read_reservation(node, policy, err);
	return r;
}

size_t policy_n_reservations(const struct policy *policy)
{
	return policy->n_reservations;
}

const struct policy_reservation *policy_reservation_at(const struct policy *policy, size_t i)
{
	return &policy->reservations[i];
}
