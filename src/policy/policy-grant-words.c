/* What a class says beyond profiles and times, for people: a line each. */
#include <stdio.h>

#include "base/cleanup.h"
#include "base/sizes.h"
#include "base/text.h"
#include "policy/policy-part.h"

#define ALL SIZE_MAX

static void begin(struct text *line)
{
	text_add(line, line->len ? "; " : "");
}

static void add_bundle(const struct policy_class_grant *grant, struct text *line)
{
	const struct policy_bundle *bundle = &grant->bundle;
	char memory[32];

	if (!bundle->has_cpus && !bundle->has_memory)
		return;
	begin(line);
	if (bundle->has_cpus)
		text_addf(line, "%g CPU%s", bundle->cpus, bundle->cpus > 1 ? "s" : "");
	if (bundle->has_memory)
		text_addf(line, "%s%s of host memory", bundle->has_cpus ? " and " : "",
			  size_format(memory, sizeof(memory), bundle->memory_bytes));
	text_addf(line, " per %s", grant->bundle_per_slice ? "slice" : "instance");
}

static void add_limit(uint32_t limit, const char *who, struct text *line)
{
	if (limit == POLICY_UNLIMITED)
		return;
	begin(line);
	text_addf(line, "at most %u %s", limit, who);
}

static void add_approval(const struct policy_approval *approval, struct text *line)
{
	char time[32];

	if (!approval->always && !approval->has_over_time && !approval->has_over_slices)
		return;
	begin(line);
	text_add(line, "approval needed");
	if (approval->has_over_time)
		text_addf(line, " over %s",
			  duration_format(time, sizeof(time), approval->over_time_s));
	if (approval->has_over_slices)
		text_addf(line, "%s over %lld slices", approval->has_over_time ? " or" : "",
			  (long long)approval->over_slices);
}

static void add_renewing(const struct policy_renewing *rules, struct text *line)
{
	char each[32];

	if (!rules->has_times && !rules->has_each && !rules->yields)
		return;
	begin(line);
	text_add(line, "renewed");
	if (rules->has_times)
		text_addf(line, " at most %lld time%s", (long long)rules->times,
			  rules->times == 1 ? "" : "s");
	if (rules->has_each)
		text_addf(line, " by at most %s",
			  duration_format(each, sizeof(each), rules->each_s));
	if (rules->yields)
		text_add(line, " while nobody else waits");
}

static void add_class(const struct policy_class *class_, struct text *ret)
{
	const struct policy_class_grant *grant = class_->grant;
	cleanup(text_done) struct text line = TEXT_INIT;
	char time[32];

	if (class_->interactive)
		text_add(&line, "interactive");
	add_bundle(grant, &line);
	add_limit(grant->limits.per_user, "of one person", &line);
	add_limit(grant->limits.per_team, "of one team", &line);
	add_limit(grant->limits.total, "in all", &line);
	add_approval(&grant->approval, &line);
	add_renewing(&grant->renewing, &line);
	if (class_->per_job > 1) {
		begin(&line);
		text_addf(&line, "up to %u for one job", class_->per_job);
	}
	if (grant->has_warn) {
		begin(&line);
		text_addf(&line, "warned %s before the end",
			  duration_format(time, sizeof(time), grant->warn_s));
	}
	if (grant->has_reason) {
		begin(&line);
		text_addf(&line, "a reason of at least %u characters", grant->reason_min);
	}
	if (line.len)
		text_addf(ret, "class %s: %s\n", class_->name, text_str(&line));
}

static void add_field(const struct policy_field_rule *rule, struct text *ret)
{
	text_addf(ret, "field %s: %s", rule->name, rule->required ? "required" : "optional");
	if (rule->classes) {
		text_add(ret, rule->required ? " for " : ", for ");
		words_format(rule->classes, ALL, ret);
	}
	if (rule->values) {
		text_add(ret, ", one of ");
		words_format(rule->values, 8, ret);
	}
	if (rule->pattern)
		text_addf(ret, ", like %s", rule->pattern);
	text_add(ret, "\n");
}

static void add_reservation(const struct policy_reservation *reservation, struct text *ret)
{
	text_addf(ret, "reservation %s: %u of class %s for team %s, ", reservation->name,
		  reservation->instances, reservation->class_name, reservation->team);
	policy_reservation_format(reservation, ret);
	text_add(ret, "\n");
}

void policy_describe_grants(const struct policy *policy, struct text *ret)
{
	cleanup(text_done) struct text lines = TEXT_INIT, who = TEXT_INIT;

	for (size_t i = 0; i < policy->n_classes; i++)
		add_class(&policy->classes[i], &lines);
	for (size_t i = 0; i < policy->n_fields; i++)
		add_field(&policy->fields[i], &lines);
	for (size_t i = 0; i < policy->n_reservations; i++)
		add_reservation(&policy->reservations[i], &lines);
	members_format(&policy->approvers, ALL, &who);
	if (who.len)
		text_addf(&lines, "approvers: admins; %s\n", text_str(&who));
	if (lines.len)
		text_addf(ret, "\n%s", text_str(&lines));
}
