#include "policy/policy-refusal.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"

#define MAX_NAMED   4 /* in a hint */
#define MAX_HOLDERS 256

/* ---- what else ---- */

static bool could_have(const struct admit *admit, const struct policy_class *class_)
{
	uint32_t least = class_least_slices(class_, admit->boards, admit->n_boards);

	if (!least || !class_allows(admit->policy, class_, admit->person, admit->team))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(admit->scopes); i++) {
		struct policy_quota left = scope_left(&admit->scopes[i]);

		if (!left.instances || left.slices < least)
			return false;
	}
	return true;
}

/* Which classes this person may ask for now; nothing when there are none. */
static void add_alternatives(struct text *text, const struct admit *admit)
{
	size_t n = 0;

	for (size_t i = 0; i < admit->policy->n_classes; i++) {
		const struct policy_class *class_ = &admit->policy->classes[i];

		if (class_ == admit->class_ || !could_have(admit, class_))
			continue;
		if (!n++)
			text_addf(text, "%syou may ask for ", text->len ? "; " : "");
		else
			text_add(text, ", ");
		text_add(text, class_->name);
	}
}

/* ---- no ---- */

int refuse_no_team(const struct admit *admit, struct err *err)
{
	cleanup(text_done) struct text admins = TEXT_INIT;

	members_format(&admit->policy->admins, MAX_NAMED, &admins);
	fail(err, ERR_REFUSED, "user '%s' is in no team of the policy", admit->person->name);
	fail_hint(err, "an admin can add a user or a group to a team (%s)",
		  admins.len ? text_str(&admins) : "root");
	return fail_rule(err, "teams");
}

int refuse_team_class(const struct admit *admit, struct err *err)
{
	cleanup(text_done) struct text hint = TEXT_INIT;

	add_alternatives(&hint, admit);
	fail(err, ERR_REFUSED, "class '%s' is not for team %s", admit->class_->name,
	     admit->team->name);
	fail_hint(err, "%s", text_str(&hint));
	return fail_rule(err, "teams.%s.classes", admit->team->name);
}

int refuse_restricted(const struct admit *admit, struct err *err)
{
	cleanup(text_done) struct text who = TEXT_INIT, hint = TEXT_INIT;

	members_format(&admit->class_->match->allow, MAX_NAMED, &who);
	text_addf(&hint, "it is for %s", text_str(&who));
	add_alternatives(&hint, admit);
	fail(err, ERR_REFUSED, "class '%s' is restricted, and %s (team %s) is not on its list",
	     admit->class_->name, admit->person->name, admit->team->name);
	fail_hint(err, "%s", text_str(&hint));
	return fail_rule(err, "classes.%s.allow", admit->class_->name);
}

int refuse_impossible(const struct admit *admit, struct err *err)
{
	cleanup(text_done) struct text hint = TEXT_INIT;

	add_alternatives(&hint, admit);
	fail(err, ERR_IMPOSSIBLE, "class '%s': no GPU that is managed here has a profile for it",
	     admit->class_->name);
	fail_hint(err, "%s", text_str(&hint));
	return fail_rule(err, "classes.%s", admit->class_->name);
}

/* ---- quotas ---- */

static uint32_t amount(const struct policy_holding *holding, bool by_slices)
{
	return by_slices ? holding->slices : 1;
}

/* One person's part of a team's quota. */
struct holder {
	const struct policy_holding *first; /* any of the person's */
	uint32_t amount;
};

static int compare_holders(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;

	if (x->amount != y->amount)
		return x->amount > y->amount ? -1 : 1;
	return strcmp(x->first->user, y->first->user);
}

/* Largest first; people beyond MAX_HOLDERS are not counted. */
static size_t list_holders(const struct quota_scope *scope, bool by_slices,
			   struct holder ret[MAX_HOLDERS])
{
	size_t n = 0;

	for (size_t i = 0; i < scope->n; i++) {
		const struct policy_holding *holding = &scope->holdings[i];
		size_t k = 0;

		if (!scope_has(scope, holding))
			continue;
		while (k < n && ret[k].first->uid != holding->uid)
			k++;
		if (k == MAX_HOLDERS)
			continue;
		if (k == n)
			ret[n++] = (struct holder){.first = holding};
		ret[k].amount += amount(holding, by_slices);
	}
	qsort(ret, n, sizeof(*ret), compare_holders);
	return n;
}

static void add_holders(struct text *text, const struct quota_scope *scope, bool by_slices)
{
	struct holder holders[MAX_HOLDERS];
	size_t n = list_holders(scope, by_slices, holders);

	for (size_t i = 0; i < n && i < MAX_NAMED; i++)
		text_addf(text, "%s%s %u", i ? ", " : "held by ", holders[i].first->user,
			  holders[i].amount);
	text_add(text, n > MAX_NAMED ? ", ...; " : n ? "; " : "");
}

static bool ends_before(const struct policy_holding *a, const struct policy_holding *b)
{
	return a->ends_s != b->ends_s ? a->ends_s < b->ends_s : a->lease < b->lease;
}

/* The lease of the scope that ends next after another (NULL: of all); NULL: no more. */
static const struct policy_holding *next_to_end(const struct quota_scope *scope,
						const struct policy_holding *after)
{
	const struct policy_holding *next = NULL;

	for (size_t i = 0; i < scope->n; i++) {
		const struct policy_holding *holding = &scope->holdings[i];

		if (scope_has(scope, holding) && (!after || ends_before(after, holding)) &&
		    (!next || ends_before(holding, next)))
			next = holding;
	}
	return next;
}

/* Which lease ends first, and when enough have ended. */
static void add_first_end(struct text *text, const struct quota_scope *scope, bool by_slices,
			  uint32_t missing)
{
	const struct policy_holding *first = next_to_end(scope, NULL), *last = first;
	char when[32];

	if (!first)
		return;
	text_addf(text, "lease %lld (%s, %s) ends first, at %s", (long long)first->lease,
		  first->user, first->class_name, clock_format(when, sizeof(when), first->ends_s));
	for (uint32_t freed = amount(first, by_slices); last && freed < missing;) {
		last = next_to_end(scope, last);
		freed += last ? amount(last, by_slices) : 0;
	}
	if (last && last != first)
		text_addf(text, ", and enough have ended at %s",
			  clock_format(when, sizeof(when), last->ends_s));
}

static int fail_quota(const struct admit *admit, const struct quota_scope *scope, bool by_slices,
		      uint32_t held, uint32_t quota, struct err *err)
{
	const char *unit = by_slices ? "slice" : "instance", *s = quota == 1 ? "" : "s";
	const char *team = admit->team->name, *class_name = admit->class_->name;
	uint32_t takes = by_slices ? admit->least_slices : 1;

	if (takes > quota)
		return fail(err, ERR_REFUSED,
			    "class '%s' takes %u %s%s, but %s%s may hold %u in all", class_name,
			    takes, unit, takes == 1 ? "" : "s",
			    scope->per_user ? "each member of team " : "team ", team, quota);
	if (scope->per_user)
		return fail(err, ERR_REFUSED,
			    "%s holds %u of the %u %s%s for each member of team %s, and class "
			    "'%s' takes %u",
			    admit->person->name, held, quota, unit, s, team, class_name, takes);
	return fail(err, ERR_REFUSED, "team %s holds %u of its %u %s%s, and class '%s' takes %u",
		    team, held, quota, unit, s, class_name, takes);
}

int refuse_quota(const struct admit *admit, const struct quota_scope *scope, bool by_slices,
		 struct err *err)
{
	cleanup(text_done) struct text hint = TEXT_INIT;
	const struct policy_quota *quotas = scope_quota(scope);
	struct policy_quota held = scope_held(scope);
	uint32_t quota = by_slices ? quotas->slices : quotas->instances;
	uint32_t has = by_slices ? held.slices : held.instances;
	uint32_t takes = by_slices ? admit->least_slices : 1;

	if (takes <= quota && !scope->per_user)
		add_holders(&hint, scope, by_slices);
	if (takes <= quota)
		add_first_end(&hint, scope, by_slices, add_capped(has, takes) - quota);
	add_alternatives(&hint, admit);
	fail_quota(admit, scope, by_slices, has, quota, err);
	fail_hint(err, "%s", text_str(&hint));
	return fail_rule(err, "teams.%s.%s.%s", admit->team->name,
			 scope->per_user ? "per_user" : "quota",
			 by_slices ? "slices" : "instances");
}
