/* The rules of use: what the policy says, and what people have done. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "base/text.h"
#include "check/judge-part.h"
#include "policy/policy-changes.h"
#include "policy/policy-grant.h"
#include "policy/policy-review.h"

#define DAY_S	    INT64_C(86400)
#define TESTED_S    (366 * DAY_S) /* a test on a stand is worth something for so long */
#define NAMES_SHOWN 5

static bool no_policy(const struct facts *facts, struct answer *ret)
{
	if (facts->policy)
		return false;
	if (facts->policy_error.code == ERR_NOT_FOUND)
		answer_add(ret, VERDICT_WARN, "there is no policy");
	else
		answer_add(ret, VERDICT_UNKNOWN, "the policy cannot be read");
	ret->borrowed = true;
	return true;
}

/* Names with commas, cut after a few. */
struct names {
	struct text text;
	unsigned n;
};

static void names_add(struct names *names, const char *name)
{
	if (names->n < NAMES_SHOWN)
		text_addf(&names->text, "%s%s", names->n ? ", " : "", name);
	else if (names->n == NAMES_SHOWN)
		text_add(&names->text, ", ...");
	names->n++;
}

/* ---- monitoring ---- */

static bool watched_by_nvml(const struct fact_gpu *gpu)
{
	return gpu_is_capable(gpu) && gpu->info.board && gpu->info.board->cc_major >= 9;
}

static bool watched_by_dcgm(const struct fact_gpu *gpu)
{
	return gpu_is_capable(gpu) && gpu->info.board && gpu->info.board->cc_major < 9;
}

void judge_monitoring(const struct facts *facts, struct answer *ret)
{
	struct gpu_set ampere = gpus_that(facts, watched_by_dcgm);
	const enum seen *at = facts->processes.at;

	if (no_driver(facts, ret))
		return;
	answer_gpus(ret, VERDICT_PASS, facts, gpus_that(facts, watched_by_nvml),
		    "NVML measures each instance (GPM)");
	if (!gpus_that(facts, gpu_is_capable).bits)
		answer_add(ret, VERDICT_PASS, "no GPU here has instances");
	if (at[PROCESS_DCGM] == SEEN_YES || at[PROCESS_DCGM_EXPORTER] == SEEN_YES)
		answer_gpus(ret, VERDICT_PASS, facts, ampere, "DCGM measures each instance");
	else if (at[PROCESS_DCGM] == SEEN_UNKNOWN)
		answer_gpus(ret, VERDICT_UNKNOWN, facts, ampere,
			    "only DCGM can, and processes are hidden here");
	else
		answer_gpus(ret, VERDICT_WARN, facts, ampere,
			    "only DCGM measures instances of this generation, and it does not run");
}

/* ---- classes and quotas ---- */

void judge_classes(const struct facts *facts, struct answer *ret)
{
	struct names names = {.n = 0};

	if (!facts->policy && facts->policy_error.code != ERR_NOT_FOUND &&
	    facts->policy_error.code != ERR_DENIED) {
		answer_add(ret, VERDICT_FAIL, "%s", facts->policy_error.text);
		if (*facts->policy_error.hint)
			answer_fix(ret, "%s", facts->policy_error.hint);
		return;
	}
	if (!facts->policy) {
		answer_add(ret,
			   facts->policy_error.code == ERR_DENIED ? VERDICT_UNKNOWN : VERDICT_WARN,
			   "%s", facts->policy_error.text);
		return;
	}
	for (size_t i = 0; i < policy_n_classes(facts->policy); i++)
		names_add(&names, policy_class_at(facts->policy, i)->name);
	answer_add(ret, VERDICT_PASS, "%s", text_str(&names.text));
	text_done(&names.text);
}

static bool is_limited(const struct policy_quota *quota)
{
	return quota->instances != POLICY_UNLIMITED || quota->slices != POLICY_UNLIMITED;
}

void judge_allocation(const struct facts *facts, struct answer *ret)
{
	struct names names = {.n = 0};

	if (no_policy(facts, ret))
		return;
	for (size_t i = 0; i < policy_n_teams(facts->policy); i++) {
		const struct policy_team *team = policy_team_at(facts->policy, i);

		if (!is_limited(&team->quota) && !is_limited(&team->per_user))
			names_add(&names, team->name);
	}
	answer_add(ret, VERDICT_PASS, "every team has a limit");
	if (names.n)
		answer_add(ret, VERDICT_WARN, "no limit for team%s %s", names.n == 1 ? "" : "s",
			   text_str(&names.text));
	text_done(&names.text);
}

/* Does it give nothing but whole GPUs, on the boards here or, without any, on all? */
static bool gives_whole_gpus(const struct facts *facts, const struct policy_class *class_)
{
	bool any = false;

	for (size_t i = 0; i < (facts->n_gpus ? facts->n_gpus : n_boards); i++) {
		const struct board *board = facts->n_gpus ? facts->gpus[i].info.board : &boards[i];
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n = board ? policy_class_profiles(class_, board, profiles) : 0;

		for (size_t k = 0; k < n; k++) {
			if (profiles[k]->size != board->units)
				return false;
			any = true;
		}
	}
	return any;
}

void judge_full(const struct facts *facts, struct answer *ret)
{
	struct names open_ = {.n = 0}, closed = {.n = 0};

	if (no_policy(facts, ret))
		return;
	for (size_t i = 0; i < policy_n_classes(facts->policy); i++) {
		const struct policy_class *class_ = policy_class_at(facts->policy, i);

		if (gives_whole_gpus(facts, class_))
			names_add(class_->restricted || policy_class_is_approved(class_) ? &closed
											 : &open_,
				  class_->name);
	}
	if (closed.n)
		answer_add(ret, VERDICT_PASS, "restricted: %s", text_str(&closed.text));
	else
		answer_add(ret, VERDICT_PASS, "no class gives whole GPUs");
	if (open_.n)
		answer_add(ret, VERDICT_WARN, "everybody may ask for %s", text_str(&open_.text));
	text_done(&open_.text);
	text_done(&closed.text);
}

void judge_idle(const struct facts *facts, struct answer *ret)
{
	int64_t longest_s = 0;
	char longest[32];

	if (no_policy(facts, ret))
		return;
	for (size_t i = 0; i < policy_n_classes(facts->policy); i++)
		if (policy_class_at(facts->policy, i)->max_time_s > longest_s)
			longest_s = policy_class_at(facts->policy, i)->max_time_s;
	duration_format(longest, sizeof(longest), longest_s);
	answer_add(ret, VERDICT_WARN,
		   "leases end by time, after %s at most; none ends earlier for being idle",
		   longest);
}

void judge_changes(const struct facts *facts, struct answer *ret)
{
	const struct policy_changes *changes = facts->policy ? policy_changes(facts->policy) : NULL;
	cleanup(text_done) struct text windows = TEXT_INIT;
	char deadline[32];

	if (no_policy(facts, ret))
		return;
	if (!changes->n_windows) {
		answer_add(ret, VERDICT_WARN, "they may change at any time");
		return;
	}
	policy_windows_format(changes, &windows);
	answer_add(ret, VERDICT_PASS, "%s", text_str(&windows));
	if (changes->has_deadline)
		answer_add(ret, VERDICT_PASS, "holders may stay for %s",
			   duration_format(deadline, sizeof(deadline), changes->deadline_s));
}

void judge_reason(const struct facts *facts, struct answer *ret)
{
	struct names without = {.n = 0};

	if (no_policy(facts, ret))
		return;
	for (size_t i = 0; i < policy_n_classes(facts->policy); i++) {
		const struct policy_class *class_ = policy_class_at(facts->policy, i);
		unsigned min = policy_reason_min(facts->policy);

		policy_class_reason_min(class_, &min);
		if (!min)
			names_add(&without, class_->name);
	}
	answer_add(ret, VERDICT_PASS, "for every class");
	if (without.n)
		answer_add(ret, VERDICT_WARN, "none need be given for %s", text_str(&without.text));
	text_done(&without.text);
}

/* ---- what people have done ---- */

static char *day(char *buf, size_t size, int64_t unix_s)
{
	clock_format_iso(buf, size, unix_s);
	buf[strcspn(buf, "T")] = '\0';
	return buf;
}

void judge_tested(const struct facts *facts, struct answer *ret)
{
	const struct policy_review *review = facts->policy ? policy_review(facts->policy) : NULL;
	char when[32];

	if (no_policy(facts, ret))
		return;
	if (!review->has_tested)
		answer_add(ret, VERDICT_WARN, "the policy does not say that it was");
	else if (review->tested_s > facts->now_s)
		answer_add(ret, VERDICT_WARN, "on %s, which is still to come",
			   day(when, sizeof(when), review->tested_s));
	else if (facts->now_s - review->tested_s > TESTED_S)
		answer_add(ret, VERDICT_WARN, "on %s, more than a year ago",
			   day(when, sizeof(when), review->tested_s));
	else
		answer_add(ret, VERDICT_PASS, "on %s, says the policy",
			   day(when, sizeof(when), review->tested_s));
}

void judge_review(const struct facts *facts, struct answer *ret)
{
	const struct policy_review *review = facts->policy ? policy_review(facts->policy) : NULL;
	int64_t late_s;
	char when[32];

	if (no_policy(facts, ret))
		return;
	if (!review->has_last) {
		answer_add(ret, VERDICT_WARN, "the policy names no day");
		return;
	}
	day(when, sizeof(when), review->last_s);
	late_s = facts->now_s - review->last_s - review->every_s;
	if (review->last_s > facts->now_s)
		answer_add(ret, VERDICT_WARN, "last on %s, which is still to come", when);
	else if (late_s > 0)
		answer_add(ret, VERDICT_WARN, "last on %s, overdue for %" PRId64 " days", when,
			   (late_s + DAY_S - 1) / DAY_S);
	else
		answer_add(ret, VERDICT_PASS, "last on %s; the next is due in %" PRId64 " days",
			   when, -late_s / DAY_S);
}
