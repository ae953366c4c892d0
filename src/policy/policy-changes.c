#include "policy/policy-changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "policy/policy-read.h"

#define DAY   86400
#define MAX_S (366 * (int64_t)DAY)

static const char *const day_names[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

const struct policy_changes *policy_changes(const struct policy *policy)
{
	return &policy->changes;
}

/* ---- windows ---- */

/* The clock on the wall as seconds since its own 1970. */
struct wall {
	int64_t day, second;
	unsigned weekday; /* bit */
};

static struct wall wall_at(int64_t local_s)
{
	struct wall wall = {.day = local_s / DAY, .second = local_s % DAY};

	if (wall.second < 0) {
		wall.second += DAY;
		wall.day--;
	}
	wall.weekday = 1u << (wall.day % 7 + 7 + 4) % 7; /* the first was a Thursday */
	return wall;
}

static bool is_open(const struct policy_changes *changes, int64_t local_s)
{
	const struct wall now = wall_at(local_s), before = wall_at(local_s - DAY);

	for (size_t i = 0; i < changes->n_windows; i++) {
		const struct policy_window *window = &changes->windows[i];

		if ((window->days & now.weekday && now.second >= window->from_s &&
		     now.second < window->to_s) ||
		    (window->days & before.weekday && now.second < window->to_s - DAY))
			return true;
	}
	return false;
}

/* The first beginning after that, were the clocks left alone. */
static int64_t next_beginning(const struct policy_changes *changes, int64_t local_s)
{
	const struct wall now = wall_at(local_s);
	int64_t best_s = INT64_MAX;

	for (size_t i = 0; i < changes->n_windows; i++) {
		const struct policy_window *window = &changes->windows[i];
		int64_t day_s = (now.day + (now.second >= window->from_s)) * DAY;

		while (!(window->days & wall_at(day_s).weekday))
			day_s += DAY;
		if (day_s + window->from_s < best_s)
			best_s = day_s + window->from_s;
	}
	return best_s;
}

/* The clocks are put forward or back after from_s and not after to_s: when? */
static int64_t clocks_change_s(policy_zone *zone, int64_t from_s, int64_t to_s)
{
	const int64_t before = zone(from_s);

	while (to_s - from_s > 1) {
		int64_t middle_s = from_s + (to_s - from_s) / 2;

		if (zone(middle_s) == before)
			from_s = middle_s;
		else
			to_s = middle_s;
	}
	return to_s;
}

bool policy_change_allowed(const struct policy_changes *changes, policy_zone *zone, int64_t now_s,
			   int64_t *ret_next_s)
{
	int64_t t = now_s;

	if (!changes->n_windows || is_open(changes, now_s + zone(now_s)))
		return true;
	/* Never further than a day at once, in which clocks are put forward or back but once. */
	do {
		int64_t offset_s = zone(t);
		int64_t next_s = next_beginning(changes, t + offset_s) - offset_s;

		if (next_s > t + DAY)
			next_s = t + DAY;
		t = zone(next_s) == offset_s ? next_s : clocks_change_s(zone, t, next_s);
	} while (!is_open(changes, t + zone(t)));
	*ret_next_s = t;
	return false;
}

int policy_change_check(const struct policy_changes *changes, policy_zone *zone, int64_t now_s,
			struct err *err)
{
	cleanup(text_done) struct text windows = TEXT_INIT;
	int64_t next_s;
	char time[32];

	if (policy_change_allowed(changes, zone, now_s, &next_s))
		return 0;
	policy_windows_format(changes, &windows);
	fail(err, ERR_REFUSED, "layouts do not change now, but in the windows %s",
	     text_str(&windows));
	fail_rule(err, "%s", CHANGES_WINDOWS_RULE);
	return fail_hint(err, "the next one begins at %s",
			 clock_format(time, sizeof(time), next_s));
}

/* ---- in words ---- */

static void add_days(unsigned days, struct text *ret)
{
	const char *between = "";

	for (unsigned i = 1; i <= 7; i++) {
		if (!(days & 1u << i % 7))
			continue;
		text_addf(ret, "%s%s", between, day_names[i % 7]);
		between = " ";
	}
}

static void add_time(int64_t s, struct text *ret)
{
	if (s > DAY)
		s -= DAY;
	text_addf(ret, "%02" PRId64 ":%02" PRId64, s / 3600, s / 60 % 60);
}

void policy_windows_format(const struct policy_changes *changes, struct text *ret)
{
	for (size_t i = 0; i < changes->n_windows; i++) {
		const struct policy_window *window = &changes->windows[i];

		text_add(ret, i ? ", " : "");
		if (window->days == 127)
			text_add(ret, "every day");
		else
			add_days(window->days, ret);
		if (!window->from_s && window->to_s == DAY)
			continue;
		text_add(ret, " ");
		add_time(window->from_s, ret);
		text_add(ret, "-");
		add_time(window->to_s, ret);
	}
	if (!changes->n_windows)
		text_add(ret, "always");
}

/* ---- whom no change touches ---- */

bool policy_is_protected(const struct policy_changes *changes, const char *class_name,
			 const char *team)
{
	return words_have(changes->classes, class_name) || words_have(changes->teams, team);
}

/* ---- reading ---- */

static int check_day(const struct yaml_node *word, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(day_names); i++)
		if (!strcmp(word->text, day_names[i]))
			return 0;
	yaml_node_fail(word, err, "'%.40s' is no day of the week", word->text);
	return fail_hint(err, "they are: mon, tue, wed, thu, fri, sat, sun");
}

static unsigned read_days(const struct yaml_node *list)
{
	unsigned days = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(day_names); i++)
		if (words_have(list, day_names[i]))
			days |= 1u << i;
	return days;
}

static bool two_digits(const char *s, int64_t *ret)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*ret = (s[0] - '0') * 10 + (s[1] - '0');
	return true;
}

static int read_time(const struct yaml_node *node, int64_t *ret_s, struct err *err)
{
	const char *text = node->kind == YAML_SCALAR ? node->text : "";
	int64_t hour, minute;

	if (strlen(text) == strlen("hh:mm") && text[2] == ':' && two_digits(text, &hour) &&
	    two_digits(text + 3, &minute) && hour * 60 + minute <= 24 * 60 && minute < 60) {
		*ret_s = hour * 3600 + minute * 60;
		return 0;
	}
	yaml_node_fail(node, err, "'%s' must be a time of day", node->key);
	return fail_hint(err, "write it like 06:00 or 22:30; 24:00 is the end of the day");
}

struct window_wish {
	const struct yaml_node *days, *from, *to;
};

static const struct yaml_field window_fields[] = {
	{"days", YAML_NODE, AT(window_wish, days)},
	{"from", YAML_NODE, AT(window_wish, from)},
	{"to", YAML_NODE, AT(window_wish, to)},
};

static int read_window(const struct yaml_node *map, struct policy_window *ret, struct err *err)
{
	struct window_wish wish = {0};
	int r = map_read(map, "a window", "{days: [sat, sun], from: 06:00, to: 22:00}",
			 window_fields, ARRAY_SIZE(window_fields), &wish, err);

	r = r ? r : words_check(wish.days, 7, check_day, err);
	if (r)
		return r;
	*ret = (struct policy_window){
		.days = wish.days ? read_days(wish.days) : 127,
		.to_s = DAY,
	};
	r = wish.from ? read_time(wish.from, &ret->from_s, err) : 0;
	r = r || !wish.to ? r : read_time(wish.to, &ret->to_s, err);
	if (r)
		return r;
	if (ret->from_s == DAY || ret->from_s == ret->to_s)
		return yaml_node_fail(map, err, "this window is never open");
	if (ret->to_s < ret->from_s)
		ret->to_s += DAY;
	return 0;
}

static int read_windows(const struct yaml_node *list, struct policy_changes *ret, struct err *err)
{
	if (list->kind != YAML_LIST || !list->n || list->n > POLICY_MAX_WINDOWS) {
		yaml_node_fail(list, err, "'windows' must be a list of 1 to %d windows",
			       POLICY_MAX_WINDOWS);
		return fail_hint(err, "for example: windows: [{days: [sat, sun]}]");
	}
	for (const struct yaml_node *node = list->first; node; node = node->next) {
		int r = read_window(node, &ret->windows[ret->n_windows], err);

		if (r)
			return r;
		ret->n_windows++;
	}
	return 0;
}

static int check_classes(const struct policy *policy, const struct yaml_node *list,
			 struct err *err)
{
	const char *words[POLICY_CLASS_WORDS];
	int r = words_check(list, POLICY_MAX_CLASSES, word_check_name, err);

	if (r)
		return r;
	WORDS_EACH(word, list) {
		const struct policy_class *class_ = class_by_word(policy, word->text);

		if (class_ && !strcmp(class_->name, word->text))
			continue;
		if (class_)
			return yaml_node_fail(word, err, "class '%s' is called '%s' here",
					      word->text, class_->name);
		yaml_node_fail(word, err, "there is no class '%s'", word->text);
		return fail_near(err, word->text, words,
				 class_words(policy, words, ARRAY_SIZE(words)), "see 'classes:'");
	}
	return 0;
}

static int check_teams(const struct policy *policy, const struct yaml_node *list, struct err *err)
{
	const char *names[POLICY_MAX_TEAMS];
	int r = words_check(list, POLICY_MAX_TEAMS, word_check_name, err);

	if (r)
		return r;
	for (size_t i = 0; i < policy->n_teams; i++)
		names[i] = policy->teams[i].name;
	WORDS_EACH(word, list) {
		if (team_by_name(policy, word->text))
			continue;
		yaml_node_fail(word, err, "there is no team '%s'", word->text);
		return fail_near(err, word->text, names, policy->n_teams, "see 'teams:'");
	}
	return 0;
}

static const struct yaml_field protect_fields[] = {
	{"classes", YAML_NODE, AT(policy_changes, classes)},
	{"teams", YAML_NODE, AT(policy_changes, teams)},
};

static int read_protect(const struct yaml_node *map, const struct policy *policy,
			struct policy_changes *ret, struct err *err)
{
	int r = map_read(map, "'protect'", "protect: {classes: [service]}", protect_fields,
			 ARRAY_SIZE(protect_fields), ret, err);

	if (!r && !map->n)
		return yaml_node_fail(map, err, "'protect' names nothing");
	r = r ? r : check_classes(policy, ret->classes, err);
	return r ? r : check_teams(policy, ret->teams, err);
}

struct changes_wish {
	const struct yaml_node *windows, *protect;
	bool has_deadline;
	int64_t deadline_s, notice_s;
};

static const struct yaml_field changes_fields[] = {
	{"windows", YAML_NODE, AT(changes_wish, windows)},
	{"protect", YAML_NODE, AT(changes_wish, protect)},
	{"deadline", YAML_DURATION, AT(changes_wish, deadline_s),
	 offsetof(struct changes_wish, has_deadline)},
	{"notice", YAML_DURATION, AT(changes_wish, notice_s)},
};

static int check_span(const struct yaml_node *map, const char *key, int64_t span_s, struct err *err)
{
	if (span_s <= MAX_S)
		return 0;
	return yaml_node_fail(yaml_node_get(map, key), err, "'%s' is longer than 366 days", key);
}

int policy_read_changes(const struct yaml_node *map, const struct policy *policy,
			struct policy_changes *ret, struct err *err)
{
	struct changes_wish wish = {.notice_s = ret->notice_s};
	int r = map_read(map, "'changes'", "changes: {deadline: 4h}", changes_fields,
			 ARRAY_SIZE(changes_fields), &wish, err);

	r = r || !wish.windows ? r : read_windows(wish.windows, ret, err);
	r = r || !wish.protect ? r : read_protect(wish.protect, policy, ret, err);
	r = r ? r : check_span(map, "deadline", wish.deadline_s, err);
	r = r ? r : check_span(map, "notice", wish.notice_s, err);
	ret->has_deadline = wish.has_deadline;
	ret->deadline_s = wish.deadline_s;
	ret->notice_s = wish.notice_s;
	return r;
}
