/* A policy as two tables for people. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/sizes.h"
#include "base/text.h"
#include "policy/policy-part.h"

/* ---- a table: shown twice, first to a measure, then to the reader ---- */

#define MAX_COLUMNS 8

struct grid {
	struct text *out; /* NULL: only measure */
	size_t width[MAX_COLUMNS];
	size_t column, owed; /* blanks before the next cell */
};

static void cell(struct grid *grid, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void cell(struct grid *grid, const char *format, ...)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	size_t *width = &grid->width[grid->column++], here;
	va_list args;

	va_start(args, format);
	text_addv(&text, format, args);
	va_end(args);
	here = text_width(text_str(&text));
	if (here > *width)
		*width = here;
	if (!grid->out)
		return;
	if (here) {
		text_addf(grid->out, "%*s%s", (int)grid->owed, "", text_str(&text));
		grid->owed = 0;
	}
	grid->owed += *width - here + 2;
}

static void end_row(struct grid *grid)
{
	grid->column = grid->owed = 0;
	if (grid->out)
		text_add(grid->out, "\n");
}

#define ALL SIZE_MAX /* of the names in a list */

/* ---- classes ---- */

struct shelf {
	const struct board *const *boards;
	size_t n;
};

static bool is_repeated(const struct shelf *shelf, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (shelf->boards[k] == shelf->boards[i])
			return true;
	return false;
}

/* "2g.20gb, 3g.40gb"; false when the board does not serve the class. */
static bool add_profiles(struct text *text, const struct policy_class *class_,
			 const struct board *board)
{
	const struct profile *profiles[POLICY_MAX_PROFILES];
	size_t n = policy_class_profiles(class_, board, profiles);

	for (size_t i = 0; i < n; i++)
		text_addf(text, "%s%s", i ? ", " : "", profiles[i]->name);
	return n;
}

static bool same_profiles(const struct policy_class *class_, const struct board *a,
			  const struct board *b)
{
	cleanup(text_done) struct text x = TEXT_INIT, y = TEXT_INIT;

	add_profiles(&x, class_, a);
	add_profiles(&y, class_, b);
	return !strcmp(text_str(&x), text_str(&y));
}

/* Boards that serve it with the same profiles share a line; i is the first of them. */
static bool is_first_alike(const struct policy_class *class_, const struct shelf *shelf, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (same_profiles(class_, shelf->boards[k], shelf->boards[i]))
			return false;
	return true;
}

static void add_alike(struct text *text, const struct policy_class *class_,
		      const struct shelf *shelf, size_t i)
{
	const char *before = " on ";

	for (size_t k = i; k < shelf->n; k++) {
		if (is_repeated(shelf, k) ||
		    !same_profiles(class_, shelf->boards[k], shelf->boards[i]))
			continue;
		text_addf(text, "%s%s", before, shelf->boards[k]->id);
		before = ", ";
	}
}

static void show_class(struct grid *grid, const struct policy_class *class_,
		       const struct shelf *shelf)
{
	cleanup(text_done) struct text who = TEXT_INIT;
	char time[32], max_time[32];
	size_t lines = 0;

	members_format(&class_->match->allow, ALL, &who);
	cell(grid, "%s", class_->name);
	cell(grid, "%s", duration_format(time, sizeof(time), class_->time_s));
	cell(grid, "%s", duration_format(max_time, sizeof(max_time), class_->max_time_s));
	cell(grid, "%u", class_->warm);
	cell(grid, "%s", class_->restricted ? text_str(&who) : "all");
	for (size_t i = 0; i < shelf->n; i++) {
		cleanup(text_done) struct text line = TEXT_INIT;

		if (!is_first_alike(class_, shelf, i) ||
		    !add_profiles(&line, class_, shelf->boards[i]))
			continue;
		add_alike(&line, class_, shelf, i);
		while (lines && grid->column < 5)
			cell(grid, "%s", "");
		cell(grid, "%s", text_str(&line));
		end_row(grid);
		lines++;
	}
	if (!lines) {
		cell(grid, "nothing on these boards");
		end_row(grid);
	}
}

static void show_classes(struct grid *grid, const struct policy *policy, const struct shelf *shelf)
{
	static const char *const heads[] = {"CLASS", "TIME", "AT MOST", "WARM", "WHO", "SERVED BY"};

	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		cell(grid, "%s", heads[i]);
	end_row(grid);
	for (size_t i = 0; i < policy->n_classes; i++)
		show_class(grid, &policy->classes[i], shelf);
}

/* ---- teams ---- */

static void cell_limit(struct grid *grid, uint32_t limit)
{
	if (limit == POLICY_UNLIMITED)
		cell(grid, "no limit");
	else
		cell(grid, "%u", limit);
}

static void cell_slices(struct grid *grid, const struct policy_team *team)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	if (team->quota.slices != POLICY_UNLIMITED)
		text_addf(&text, "%u", team->quota.slices);
	if (team->guarantee)
		text_addf(&text, "%s%u guaranteed", text.len ? ", " : "", team->guarantee);
	policy_format_hours(&team->hours, &text);
	cell(grid, "%s", text.len ? text_str(&text) : "no limit");
}

static void cell_each(struct grid *grid, const struct policy_quota *quota,
		      const struct policy_hours *hours)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	if (quota->instances != POLICY_UNLIMITED)
		text_addf(&text, "%u instance%s", quota->instances,
			  quota->instances == 1 ? "" : "s");
	if (quota->slices != POLICY_UNLIMITED)
		text_addf(&text, "%s%u slice%s", text.len ? ", " : "", quota->slices,
			  quota->slices == 1 ? "" : "s");
	policy_format_hours(hours, &text);
	cell(grid, "%s", text.len ? text_str(&text) : "no limit");
}

static void show_team(struct grid *grid, const struct policy_team *team)
{
	cleanup(text_done) struct text who = TEXT_INIT, classes = TEXT_INIT;

	members_format(&team->match->members, ALL, &who);
	words_format(team->match->classes, ALL, &classes);
	cell(grid, "%s", team->name);
	cell_limit(grid, team->quota.instances);
	cell_slices(grid, team);
	cell_each(grid, &team->per_user, &team->hours_per_user);
	if (team->priority)
		cell(grid, "%g, priority %d", team->share, team->priority);
	else
		cell(grid, "%g", team->share);
	cell(grid, "%s", team->match->classes ? text_str(&classes) : "all");
	cell(grid, "%s", team->match->is_everyone ? "whoever is in no other" : text_str(&who));
	end_row(grid);
}

static void show_teams(struct grid *grid, const struct policy *policy, const struct shelf *shelf)
{
	static const char *const heads[] = {"TEAM",  "INSTANCES", "SLICES", "EACH PERSON",
					    "SHARE", "CLASSES",	  "WHO"};

	(void)shelf;
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		cell(grid, "%s", heads[i]);
	end_row(grid);
	for (size_t i = 0; i < policy->n_teams; i++)
		show_team(grid, &policy->teams[i]);
}

/* ---- the whole ---- */

static void show(void (*table)(struct grid *grid, const struct policy *policy,
			       const struct shelf *shelf),
		 const struct policy *policy, const struct shelf *shelf, struct text *ret)
{
	struct grid grid = {0};

	table(&grid, policy, shelf);
	grid.out = ret;
	table(&grid, policy, shelf);
}

static void add_price(const struct policy_price *price, struct text *ret)
{
	if (price->has_per_gpu_hour)
		text_addf(ret, "price   %g %s for an hour of a whole GPU\n", price->per_gpu_hour,
			  price->currency);
}

static void add_retention(const struct policy_retention *keep, struct text *ret)
{
	char events[32], leases[32];

	if (keep->events_s || keep->leases_s)
		text_addf(ret, "kept    events %s, leases %s\n",
			  keep->events_s ? duration_format(events, sizeof(events), keep->events_s)
					 : "for ever",
			  keep->leases_s ? duration_format(leases, sizeof(leases), keep->leases_s)
					 : "for ever");
}

/* Only what is not the default. */
static void add_changes(const struct policy_changes *changes, struct text *ret)
{
	cleanup(text_done) struct text windows = TEXT_INIT, kept = TEXT_INIT;
	const struct policy_members members = {.teams = changes->teams};
	char time[32], notice[32];

	text_add(&kept, changes->classes ? "class " : "");
	words_format(changes->classes, ALL, &kept);
	members_format(&members, ALL, &kept);
	policy_windows_format(changes, &windows);
	if (changes->n_windows || kept.len)
		text_addf(ret, "changes %s%s%s\n", text_str(&windows),
			  kept.len ? "; never to " : "", text_str(&kept));
	if (changes->has_deadline)
		text_addf(ret, "drains  end after %s, with a warning %s before\n",
			  duration_format(time, sizeof(time), changes->deadline_s),
			  duration_format(notice, sizeof(notice), changes->notice_s));
}

static void add_head(const struct policy *policy, struct text *ret)
{
	cleanup(text_done) struct text admins = TEXT_INIT, gpus = TEXT_INIT;

	members_format(&policy->admins, ALL, &admins);
	text_add(&gpus, policy->gpus.use ? "" : "all");
	words_format(policy->gpus.use, ALL, &gpus);
	text_add(&gpus, policy->gpus.except ? ", not " : "");
	words_format(policy->gpus.except, ALL, &gpus);
	if (*policy->name)
		text_addf(ret, "policy  %s\n", policy->name);
	text_addf(ret, "admins  root%s%s\n", admins.len ? "; " : "", text_str(&admins));
	text_addf(ret, "gpus    %s\n", text_str(&gpus));
	if (policy->reason_min)
		text_addf(ret, "reason  at least %u characters\n", policy->reason_min);
	else
		text_add(ret, "reason  not required\n");
	text_addf(ret, "queue   up to %u, %u of one person\n", policy->queue_max,
		  policy->queue_max_per_user);
	add_price(&policy->price, ret);
	add_retention(&policy->retention, ret);
	add_changes(&policy->changes, ret);
	policy_review_describe(&policy->review, ret);
	text_add(ret, "\n");
}

void policy_describe(const struct policy *policy, const struct board *const *boards_here,
		     size_t n_boards_here, struct text *ret)
{
	struct shelf shelf = {boards_here, n_boards_here};

	add_head(policy, ret);
	show(show_classes, policy, &shelf, ret);
	text_add(ret, "\n");
	show(show_teams, policy, &shelf, ret);
	policy_describe_grants(policy, ret);
}
