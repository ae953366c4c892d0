/* What a class says beyond profiles and times: verdicts. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "base/text.h"
#include "policy/policy-read.h"
#include "policy/policy-refusal.h"

#define MAX_NAMED  4
#define SHORTEST_S 60

/* ---- how many of the class ---- */

static uint32_t count_held(const struct admit *admit, bool (*counts)(const struct admit *admit,
								      const struct policy_holding *))
{
	const struct quota_scope *all = &admit->scopes[0];
	uint32_t n = 0;

	for (size_t i = 0; i < all->n; i++)
		n += !strcmp(all->holdings[i].class_name, admit->class_->name) &&
		     counts(admit, &all->holdings[i]);
	return n;
}

static bool is_own(const struct admit *admit, const struct policy_holding *holding)
{
	return holding->uid == admit->person->uid;
}

static bool is_teams(const struct admit *admit, const struct policy_holding *holding)
{
	return !strcmp(holding->team, admit->team->name);
}

static bool is_anybodys(const struct admit *admit, const struct policy_holding *holding)
{
	(void)admit;
	(void)holding;
	return true;
}

/* The lease that counts and ends first. */
static void hint_first_end(const struct admit *admit,
			   bool (*counts)(const struct admit *admit, const struct policy_holding *),
			   struct err *err)
{
	const struct quota_scope *all = &admit->scopes[0];
	const struct policy_holding *first = NULL;
	char when[32];

	for (size_t i = 0; i < all->n; i++) {
		const struct policy_holding *holding = &all->holdings[i];

		if (!strcmp(holding->class_name, admit->class_->name) && counts(admit, holding) &&
		    (!first || holding->ends_s < first->ends_s))
			first = holding;
	}
	if (first)
		fail_hint(err, "lease %lld (%s) ends first, at %s", (long long)first->lease,
			  first->user, clock_format(when, sizeof(when), first->ends_s));
}

int grant_check_limits(const struct admit *admit, struct err *err)
{
	const struct policy_limits *limits = &admit->class_->grant->limits;
	const struct {
		uint32_t most;
		bool (*counts)(const struct admit *admit, const struct policy_holding *holding);
		const char *who, *key;
	} scopes[] = {
		{limits->per_user, is_own, admit->person->name, "per_user"},
		{limits->per_team, is_teams, "the team", "per_team"},
		{limits->total, is_anybodys, "everybody together", "total"},
	};

	for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
		uint32_t held = scopes[i].most == POLICY_UNLIMITED
					? 0
					: count_held(admit, scopes[i].counts);

		if (scopes[i].most == POLICY_UNLIMITED || held < scopes[i].most)
			continue;
		fail(err, ERR_REFUSED, "%s may hold %u of class '%s' at once, and holds %u",
		     scopes[i].who, scopes[i].most, admit->class_->name, held);
		hint_first_end(admit, scopes[i].counts, err);
		return fail_rule(err, "classes.%s.limits.%s", admit->class_->name, scopes[i].key);
	}
	return 0;
}

/* ---- what stands on a request ---- */

unsigned grant_reason_min(const struct admit *admit, int64_t time_s, uint32_t slices,
			  const char **ret_rule)
{
	const struct policy *policy = admit->policy;
	const struct policy_class_grant *grant = admit->class_->grant;

	*ret_rule = "reason.min_length";
	if (grant->has_reason) {
		*ret_rule = NULL;
		return grant->reason_min;
	}
	if (!policy->reason_from_slices && !policy->reason_from_time_s)
		return policy->reason_min;
	if ((policy->reason_from_slices && slices >= policy->reason_from_slices) ||
	    (policy->reason_from_time_s && time_s >= policy->reason_from_time_s))
		return policy->reason_min;
	return 0;
}

bool text_fits(const char *text, const char *pattern)
{
	const char *star = NULL, *retry = text;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern == *text || *pattern == '?' ||
			   (*pattern == '#' && isdigit((unsigned char)*text))) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static const char *field_value(const struct policy_wish *wish, const char *name)
{
	for (size_t i = 0; i < wish->n_fields; i++)
		if (!strcmp(wish->fields[i].name, name))
			return wish->fields[i].value;
	return NULL;
}

static int fail_field(const struct policy_field_rule *rule, const char *value, struct err *err)
{
	cleanup(text_done) struct text values = TEXT_INIT;

	if (value)
		fail(err, ERR_REFUSED, "field '%s': '%s' is not what the policy takes", rule->name,
		     value);
	else
		fail(err, ERR_REFUSED, "field '%s' is required", rule->name);
	words_format(rule->values, 8, &values);
	if (rule->values)
		fail_hint(err, "--field %s=VALUE: one of %s", rule->name, text_str(&values));
	else
		fail_hint(err, "--field %s=%s", rule->name,
			  rule->pattern ? rule->pattern : "VALUE");
	return fail_rule(err, "fields.%s%s", rule->name,
			 !value	       ? ".required"
			 : rule->values ? ".values"
					: ".pattern");
}

static bool concerns(const struct policy *policy, const struct policy_field_rule *rule,
		     const struct policy_class *class_)
{
	WORDS_EACH(word, rule->classes)
		if (class_by_word(policy, word->text) == class_)
			return true;
	return !rule->classes;
}

static int check_known(const struct policy *policy, const char *name, struct err *err)
{
	const char *names[POLICY_MAX_FIELDS];

	for (size_t i = 0; i < policy->n_fields; i++) {
		names[i] = policy->fields[i].name;
		if (!strcmp(names[i], name))
			return 0;
	}
	fail(err, ERR_INVALID, "the policy has no field '%.40s'", name);
	return fail_near(err, name, names, policy->n_fields, "its 'fields' names those there are");
}

int grant_check_fields(const struct admit *admit, const struct policy_wish *wish, struct err *err)
{
	const struct policy *policy = admit->policy;
	int r = 0;

	if (wish->checked)
		return 0;
	for (size_t i = 0; !r && i < wish->n_fields; i++)
		r = check_known(policy, wish->fields[i].name, err);
	for (size_t i = 0; !r && i < policy->n_fields; i++) {
		const struct policy_field_rule *rule = &policy->fields[i];
		const char *value = field_value(wish, rule->name);

		if (value && !*value)
			value = NULL;
		if (!value && (!rule->required || !concerns(policy, rule, admit->class_)))
			continue;
		if (!value || (rule->values && !words_have(rule->values, value)) ||
		    (rule->pattern && !text_fits(value, rule->pattern)))
			r = fail_field(rule, value, err);
	}
	return r;
}

/* ---- approvals ---- */

void grant_approval(const struct admit *admit, struct policy_terms *terms)
{
	const struct policy_approval *approval = &admit->class_->grant->approval;
	const char *key = NULL;

	if (approval->always)
		key = "";
	else if (approval->has_over_time && terms->time_s > approval->over_time_s)
		key = ".over_time";
	else if (approval->has_over_slices && admit->least_slices > approval->over_slices)
		key = ".over_slices";
	if (key)
		snprintf(terms->approval, sizeof(terms->approval), "classes.%s.approval%s",
			 admit->class_->name, key);
}

static bool approves(const struct policy *policy, const struct policy_person *person,
		     const char *class_name)
{
	const struct policy_class *class_ = class_by_word(policy, class_name);
	const struct policy_team *team = policy_team_of(policy, person);

	return policy_is_admin(policy, person) || members_have(&policy->approvers, person, team) ||
	       (class_ && members_have(&class_->grant->approval.approvers, person, team));
}

int policy_may_answer(const struct policy *policy, const struct policy_person *person,
		      uid_t asker, const char *class_name, struct err *err)
{
	if (!approves(policy, person, class_name)) {
		fail(err, ERR_DENIED, "%s may not answer requests for class '%s'", person->name,
		     class_name);
		fail_hint(err, "admins and those in 'approvers' may");
		return fail_rule(err, "approvers");
	}
	if (person->uid != asker || person->uid == 0)
		return 0;
	fail(err, ERR_DENIED, "nobody answers a request of his own");
	fail_hint(err, "ask another approver");
	return fail_rule(err, "approvers");
}

/* ---- several at once ---- */

int policy_check_count(const struct policy *policy, const struct policy_class *class_,
		       unsigned count, struct err *err)
{
	const struct policy_class *larger = NULL;

	if (count <= class_->per_job)
		return 0;
	for (size_t i = 0; !larger && i < policy->n_classes; i++)
		if (&policy->classes[i] != class_ && policy->classes[i].per_job >= count)
			larger = &policy->classes[i];
	fail(err, ERR_REFUSED,
	     "%u instances of class '%s' for one job, where %u %s allowed: instances cannot "
	     "exchange data with each other as whole GPUs can",
	     count, class_->name, class_->per_job, class_->per_job == 1 ? "is" : "are");
	if (larger)
		fail_hint(err, "ask for one larger instance, for one a job of an array, or for "
			       "class %s",
			  larger->name);
	else
		fail_hint(err, "ask for one larger instance, or for one a job of an array");
	return fail_rule(err, "classes.%s.per_job", class_->name);
}

bool class_gives_whole_gpus(const struct policy_class *class_,
			    const struct board *const *boards_here, size_t n)
{
	size_t served = 0;

	for (size_t i = 0; i < n; i++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n_profiles = policy_class_profiles(class_, boards_here[i], profiles);

		for (size_t k = 0; k < n_profiles; k++, served++)
			if (!profile_is_whole_gpu(boards_here[i], profiles[k]))
				return false;
	}
	return served;
}

uint32_t policy_least_slices(const struct policy_class *class_,
			     const struct board *const *boards_here, size_t n)
{
	return class_least_slices(class_, boards_here, n);
}

const struct policy_class *policy_whole_gpus(const struct policy *policy,
					     const struct board *const *boards_here, size_t n)
{
	for (size_t i = 0; i < policy->n_classes; i++)
		if (class_gives_whole_gpus(&policy->classes[i], boards_here, n))
			return &policy->classes[i];
	return NULL;
}

/* ---- going on ---- */

int64_t policy_warn_s(const struct policy *policy, const char *class_name, int64_t time_s)
{
	const struct policy_class *class_ = class_by_word(policy, class_name);
	int64_t warn_s = class_ && class_->grant->has_warn ? class_->grant->warn_s : policy->warn_s;

	/* A lease of ten minutes is not about to end when it begins. */
	return warn_s < time_s / 2 ? warn_s : time_s / 2;
}

const char *policy_warn_rule(const struct policy *policy, const char *class_name, char *buf,
			     size_t size)
{
	const struct policy_class *class_ = class_by_word(policy, class_name);

	if (class_ && class_->grant->has_warn)
		snprintf(buf, size, "classes.%s.warn", class_->name);
	else
		snprintf(buf, size, "warn");
	return buf;
}

static int fail_gone(const char *class_name, struct err *err)
{
	fail(err, ERR_REFUSED,
	     "class '%.40s' is no longer in the policy; its leases end "
	     "at their time",
	     class_name);
	fail_hint(err, "ask for a lease of another class");
	return fail_rule(err, "classes");
}

static int fail_too_long(const struct policy_class *class_, const struct policy_renewal *renewal,
			 int64_t left_s, struct err *err)
{
	char longest[32], left[32], until[32];

	fail(err, ERR_REFUSED, "class '%s' is given for at most %s, which is until %s",
	     class_->name, duration_format(longest, sizeof(longest), class_->max_time_s),
	     clock_format(until, sizeof(until), renewal->granted_s + class_->max_time_s));
	if (left_s >= SHORTEST_S)
		fail_hint(err, "%s from now is still possible",
			  duration_format(left, sizeof(left), left_s));
	else
		fail_hint(err, "ask for a new lease when this one has ended");
	return fail_rule(err, "classes.%s.max_time", class_->name);
}

/* The class's own rules for renewing. */
static int check_renewing(const struct policy_class *class_, const struct policy_renewal *renewal,
			  struct err *err)
{
	const struct policy_renewing *rules = &class_->grant->renewing;
	int64_t longer_s = renewal->now_s + renewal->time_s - renewal->ends_s;
	char each[32], most[32];

	if (longer_s <= 0)
		return 0; /* shorter is always possible */
	if (rules->has_times && renewal->renewals >= rules->times) {
		fail(err, ERR_REFUSED, "a lease of class '%s' is renewed at most %lld time%s, and "
				       "this one was %u time%s",
		     class_->name, (long long)rules->times, rules->times == 1 ? "" : "s",
		     renewal->renewals, renewal->renewals == 1 ? "" : "s");
		fail_hint(err, "ask for a new lease when this one has ended");
		return fail_rule(err, "classes.%s.renew.times", class_->name);
	}
	if (rules->yields && renewal->others_waiting) {
		fail(err, ERR_REFUSED, "%u other request%s wait%s for class '%s'",
		     renewal->others_waiting, renewal->others_waiting == 1 ? "" : "s",
		     renewal->others_waiting == 1 ? "s" : "", class_->name);
		fail_hint(err, "when nobody waits any more it can be renewed");
		return fail_rule(err, "classes.%s.renew.not_while_others_wait", class_->name);
	}
	if (!rules->has_each || longer_s <= rules->each_s)
		return 0;
	fail(err, ERR_REFUSED, "a lease of class '%s' is made longer by at most %s at a time",
	     class_->name, duration_format(each, sizeof(each), rules->each_s));
	fail_hint(err, "at most %s from now",
		  duration_format(most, sizeof(most),
				  renewal->ends_s + rules->each_s - renewal->now_s));
	return fail_rule(err, "classes.%s.renew.each", class_->name);
}

int policy_renew(const struct policy *policy, const struct policy_renewal *renewal, struct err *err)
{
	const struct policy_class *class_ = class_by_word(policy, renewal->class_name);
	int64_t age_s = renewal->now_s - renewal->granted_s, left_s;
	char time[32];

	if (!class_)
		return fail_gone(renewal->class_name, err);
	if (renewal->time_s < SHORTEST_S)
		return fail(err, ERR_INVALID, "time %s is too short: the shortest is 1m",
			    duration_format(time, sizeof(time), renewal->time_s));
	left_s = class_->max_time_s - (age_s > 0 ? age_s : 0);
	if (renewal->time_s > left_s)
		return fail_too_long(class_, renewal, left_s, err);
	return check_renewing(class_, renewal, err);
}
