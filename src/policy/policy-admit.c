/* May this person have one more? */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "base/text.h"
#include "policy/policy-refusal.h"

#define SHORTEST_S 60

uint32_t add_capped(uint32_t a, uint32_t b)
{
	return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}

bool scope_has(const struct quota_scope *scope, const struct policy_holding *holding)
{
	return scope->per_user ? holding->uid == scope->person->uid
			       : !strcmp(holding->team, scope->team->name);
}

const struct policy_quota *scope_quota(const struct quota_scope *scope)
{
	return scope->per_user ? &scope->team->per_user : &scope->team->quota;
}

struct policy_quota scope_held(const struct quota_scope *scope)
{
	struct policy_quota held = {0};

	for (size_t i = 0; i < scope->n; i++) {
		if (!scope_has(scope, &scope->holdings[i]))
			continue;
		held.instances++;
		held.slices = add_capped(held.slices, scope->holdings[i].slices);
	}
	return held;
}

static uint32_t left_of(uint32_t quota, uint32_t held)
{
	return quota == POLICY_UNLIMITED ? POLICY_UNLIMITED : quota > held ? quota - held : 0;
}

struct policy_quota scope_left(const struct quota_scope *scope)
{
	const struct policy_quota *quota = scope_quota(scope);
	struct policy_quota held = scope_held(scope);

	if (scope->per_user && policy_is_service(scope->team, scope->person->name))
		return (struct policy_quota){POLICY_UNLIMITED, POLICY_UNLIMITED};
	return (struct policy_quota){left_of(quota->instances, held.instances),
				     left_of(quota->slices, held.slices)};
}

uint32_t class_least_slices(const struct policy_class *class_,
			    const struct board *const *boards_here, size_t n)
{
	uint32_t least = 0;

	for (size_t i = 0; i < n; i++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n_profiles = policy_class_profiles(class_, boards_here[i], profiles);

		for (size_t k = 0; k < n_profiles; k++)
			if (!least || profiles[k]->compute_slices < least)
				least = profiles[k]->compute_slices;
	}
	return least;
}

bool class_allows(const struct policy *policy, const struct policy_class *class_,
		  const struct policy_person *person, const struct policy_team *team)
{
	return team_may_use(policy, team, class_) &&
	       (!class_->restricted || members_have(&class_->match->allow, person, team));
}

static int check_allowed(const struct admit *admit, struct err *err)
{
	const struct policy_class *class_ = admit->class_;

	if (!admit->team)
		return refuse_no_team(admit, err);
	if (!team_may_use(admit->policy, admit->team, class_))
		return refuse_team_class(admit, err);
	if (class_->restricted && !members_have(&class_->match->allow, admit->person, admit->team))
		return refuse_restricted(admit, err);
	return 0;
}

/* Characters without the blanks at both ends. */
static size_t reason_length(const char *reason)
{
	const char *end = reason + strlen(reason);
	size_t n = 0;

	reason += strspn(reason, " \t\n\r");
	while (end > reason && strchr(" \t\n\r", end[-1]))
		end--;
	for (; reason < end; reason++)
		n += ((unsigned char)*reason & 0xc0) != 0x80;
	return n;
}

static int check_reason(const struct admit *admit, const char *reason, int64_t time_s,
			struct err *err)
{
	const char *rule;
	unsigned min = grant_reason_min(admit, time_s, admit->least_slices, &rule);
	size_t n = reason_length(reason);

	if (n >= min)
		return 0;
	if (!n)
		fail(err, ERR_REFUSED, "a reason of at least %u character%s is required", min,
		     min == 1 ? "" : "s");
	else
		fail(err, ERR_REFUSED, "the reason has %zu character%s; at least %u are required",
		     n, n == 1 ? "" : "s", min);
	fail_hint(err, "say what will run and for which work");
	return rule ? fail_rule(err, "%s", rule)
		    : fail_rule(err, "classes.%s.reason", admit->class_->name);
}

static int check_time(const struct admit *admit, const struct policy_wish *wish, int64_t *ret,
		      struct err *err)
{
	const struct policy_class *class_ = admit->class_;
	char time[32], longest[32];

	*ret = class_->time_s;
	if (!wish->has_time)
		return 0;
	*ret = wish->time_s;
	duration_format(time, sizeof(time), wish->time_s);
	if (wish->time_s < SHORTEST_S) {
		fail(err, ERR_INVALID, "time %s is too short", time);
		return fail_hint(err, "the shortest is 1m; without a time it is %s",
				 duration_format(longest, sizeof(longest), class_->time_s));
	}
	if (wish->time_s <= class_->max_time_s)
		return 0;
	duration_format(longest, sizeof(longest), class_->max_time_s);
	fail(err, ERR_REFUSED, "class '%s' is given for at most %s; %s was asked for", class_->name,
	     longest, time);
	fail_hint(err, "ask for %s or less", longest);
	return fail_rule(err, "classes.%s.max_time", class_->name);
}

static int check_quotas(struct admit *admit, uint32_t *ret_slices_left, struct err *err)
{
	if (!admit->least_slices)
		return refuse_impossible(admit, err);
	*ret_slices_left = POLICY_UNLIMITED;
	for (size_t i = 0; i < ARRAY_SIZE(admit->scopes); i++) {
		const struct quota_scope *scope = &admit->scopes[i];
		struct policy_quota left = scope_left(scope);

		if (!left.instances)
			return refuse_quota(admit, scope, false, err);
		if (left.slices < admit->least_slices)
			return refuse_quota(admit, scope, true, err);
		if (left.slices < *ret_slices_left)
			*ret_slices_left = left.slices;
	}
	return 0;
}

/* Users' names come from the system, which does not promise that they print. */
static int make_printable(struct err *err)
{
	const struct err raw = *err;

	text_printable(err->text, sizeof(err->text), raw.text);
	text_printable(err->hint, sizeof(err->hint), raw.hint);
	return -(int)err->code;
}

int policy_admit(const struct policy *policy, const struct policy_person *person,
		 const struct policy_wish *wish, const struct board *const *boards_here,
		 size_t n_boards_here, const struct policy_holding *holdings, size_t n_holdings,
		 struct policy_terms *ret, struct err *err)
{
	const struct policy_class *class_ = policy_class_find(policy, wish->class_name, err);
	const struct policy_team *team = policy_team_of(policy, person);
	struct admit admit = {
		.policy = policy,
		.person = person,
		.class_ = class_,
		.team = team,
		.boards = boards_here,
		.n_boards = n_boards_here,
		.scopes = {{person, team, true, holdings, n_holdings},
			   {person, team, false, holdings, n_holdings}},
	};
	struct policy_terms terms = {.class_ = class_, .team = team};
	int r = class_ ? check_allowed(&admit, err) : -(int)err->code;

	if (!r)
		admit.least_slices = class_least_slices(class_, boards_here, n_boards_here);
	terms.time_s = !r && !wish->has_time ? class_->time_s : wish->time_s;
	r = r ? r : check_reason(&admit, wish->reason, terms.time_s, err);
	r = r ? r : grant_check_fields(&admit, wish, err);
	r = r ? r : check_time(&admit, wish, &terms.time_s, err);
	r = r ? r : check_quotas(&admit, &terms.slices_left, err);
	r = r ? r : grant_check_limits(&admit, err);
	if (r)
		return make_printable(err);
	grant_approval(&admit, &terms);
	snprintf(terms.rule, sizeof(terms.rule), "classes.%s%s", class_->name,
		 class_->restricted ? ".allow" : "");
	*ret = terms;
	return 0;
}
