#include "reconcile/steward-rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "policy/policy-changes.h"
#include "reconcile/steward-change-part.h"
#include "reconcile/steward-drain.h"

/* ---- what is asked while a change waits ---- */

static bool protects(void *arg, const struct steward *steward,
		     const struct steward_instance *instance, char *why, size_t size)
{
	const struct steward_lease *lease =
		instance->lease ? steward_lease_at(steward, instance->lease) : NULL;

	(void)arg;
	if (!lease || !steward_is_protected(steward, &lease->row))
		return false;
	snprintf(why, size, "lease %" PRId64 " of %s, protected by %s", lease->row.id,
		 lease->row.user, CHANGES_PROTECT_RULE);
	return true;
}

static int64_t not_before(void *arg, const struct steward *steward, const struct ledger_change *row,
			  int64_t now_s, char *why, size_t size)
{
	int64_t next_s;
	char time[32];

	(void)arg;
	if (row->at_once || policy_change_allowed(policy_changes(steward->policy), clock_offset_s,
						  now_s, &next_s))
		return now_s;
	snprintf(why, size, "the next window of %s begins at %s", CHANGES_WINDOWS_RULE,
		 clock_format(time, sizeof(time), next_s));
	return next_s;
}

const struct steward_guard steward_policy_guard = {NULL, protects, not_before};

bool change_waits_for_window(const struct steward *steward, const struct steward_change *change,
			     int64_t now_s)
{
	char ignored[160];

	return not_before(NULL, steward, &change->row, now_s, ignored, sizeof(ignored)) > now_s;
}

/* ---- what is asked at the beginning ---- */

const struct steward_change *steward_return_of(const struct steward *steward, size_t gpu)
{
	for (size_t i = 0; i < steward->n_changes; i++) {
		const struct steward_change *change = steward->changes[i];

		if (!change->row.has_returns || change->row.state != CHANGE_WAITING)
			continue;
		for (size_t k = 0; k < change->n_parts; k++)
			if (!strcmp(change->parts[k].row.gpu, steward->gpus[gpu].info.uuid))
				return change;
	}
	return NULL;
}

/* Another layout would be lost when the one before comes back. */
static int is_temporary(const struct steward *steward, const struct steward_change *change,
			struct err *err)
{
	for (size_t i = 0; i < change->n_parts; i++)
		for (size_t g = 0; g < steward->n_gpus; g++) {
			const struct steward_change *back = steward_return_of(steward, g);
			char time[32];

			if (!back ||
			    strcmp(steward->gpus[g].info.uuid, change->parts[i].row.gpu) != 0)
				continue;
			fail(err, ERR_BUSY,
			     "the layout of GPU %u is temporary: the one before comes back at %s",
			     steward->gpus[g].info.index,
			     clock_format(time, sizeof(time), back->row.not_before_s));
			return fail_hint(err,
					 "carve layout cancel %" PRId64
					 " lets it stay; carve layout extend %" PRId64
					 " TIME gives it another end",
					 back->row.id, back->row.id);
		}
	return 0;
}

int steward_change_allowed(const struct steward *steward, const struct steward_change *change,
			   const struct steward_change_ask *ask, int64_t now_s, struct err *err)
{
	int r;

	if (ask->returns)
		return 0;
	if (ask->has_until && ask->until_s <= now_s)
		return fail(err, ERR_INVALID, "the end of the layout lies in the past");
	r = is_temporary(steward, change, err);
	if (r || ask->when_open || ask->has_not_before)
		return r;
	if (!policy_change_check(policy_changes(steward->policy), clock_offset_s, now_s, err))
		return 0;
	if (ask->at_once && ask->reason && ask->reason[0])
		return 0;
	if (ask->at_once)
		return fail_hint(err, "--now needs a reason then: --reason TEXT");
	snprintf(err->hint + strlen(err->hint), sizeof(err->hint) - strlen(err->hint),
		 "; --when-open waits for it, --now --reason TEXT does not");
	return -ERR_REFUSED;
}

void steward_change_tell_override(struct steward *steward, const struct steward_change *change)
{
	int64_t ignored;

	/* What comes back was told with what it follows. */
	if (!change->row.at_once || change->row.has_returns ||
	    policy_change_allowed(policy_changes(steward->policy), clock_offset_s,
				  change->row.asked_s, &ignored))
		return;
	steward_note(steward, EVENT_OVERRIDDEN,
		     &(struct about){.by = change->row.user, .rule = CHANGES_WINDOWS_RULE},
		     change->row.asked_s, "change %" PRId64 ", %.150s, at once: %.150s",
		     change->row.id, change->row.wish, change->row.reason);
}

/* ---- another time ---- */

int steward_change_move(struct steward *steward, const struct policy_person *person, int64_t id,
			int64_t not_before_s, int64_t now_s, struct err *err)
{
	struct steward_change *change = change_find(steward, id);
	int64_t before_s;
	char time[32];
	int r;

	if (!change)
		return fail(err, ERR_NOT_FOUND, "no change %" PRId64 " is under way", id);
	if (change->row.state != CHANGE_WAITING || !change->row.has_not_before)
		return fail(err, ERR_STALE, "change %" PRId64 " does not wait for its time", id);
	before_s = change->row.not_before_s;
	change->row.not_before_s = not_before_s < now_s ? now_s : not_before_s;
	change->dirty = true;
	steward_note(steward, EVENT_CHANGE_MOVED, &(struct about){.by = person->name}, now_s,
		     "change %" PRId64 ", %.150s, begins at %s", id, change->row.wish,
		     clock_format(time, sizeof(time), change->row.not_before_s));
	r = steward_flush(steward, err);
	if (r) {
		change->row.not_before_s = before_s;
		return r;
	}
	steward_drains_forget_change(steward, id, now_s);
	steward_rules_tick(steward, now_s);
	steward_changes_advance(steward, now_s);
	return 0;
}

/* ---- drains ---- */

/* When it can begin, as far as the time goes. */
static int64_t begins_s(const struct steward *steward, const struct steward_change *change,
			int64_t now_s)
{
	int64_t due_s = change->row.has_not_before && change->row.not_before_s > now_s
				? change->row.not_before_s
				: now_s;
	char ignored[160];

	return not_before(NULL, steward, &change->row, due_s, ignored, sizeof(ignored));
}

static bool is_in_the_way(const struct change_plan *plan, const struct change_ground *ground,
			  size_t i)
{
	const struct change_step *step = &plan->change.steps[i];

	return !step->create && ground->gpu.at[step->instance].use == CHANGE_BUSY &&
	       ground->instances[step->instance];
}

struct places {
	struct ledger_drain rows[BACKEND_MAX_GPUS * LAYOUT_MAX];
	size_t n;
};

/* Whom a change has to wait for, as its plan is now. */
static void find_places(const struct steward *steward, struct steward_change *change,
			struct places *ret)
{
	cleanup(change_plans_free) struct change_plans *plans = NULL;
	struct err ignored = ERR_INIT;

	if (change_plan_all(steward, change, &plans, &ignored))
		return; /* it tells itself what is wrong, when its time has come */
	for (size_t p = 0; p < change->n_parts; p++)
		for (size_t i = 0; i < plans->plan[p].change.n; i++) {
			const struct ledger_instance *row;

			if (!is_in_the_way(&plans->plan[p], &plans->ground[p], i))
				continue;
			row = &plans->ground[p]
				       .instances[plans->plan[p].change.steps[i].instance]
				       ->row;
			steward_drain_set_place(&ret->rows[ret->n++], row);
		}
}

static void drain_for(struct steward *steward, struct steward_change *change, int64_t now_s)
{
	const struct policy_changes *changes = policy_changes(steward->policy);
	int64_t at_s = begins_s(steward, change, now_s);
	cleanup(free) struct places *places = NULL;

	if (at_s - (changes->has_deadline ? changes->deadline_s : 0) > now_s)
		return;
	places = calloc(1, sizeof(*places));
	if (!places)
		return;
	find_places(steward, change, places);
	for (size_t i = 0; i < places->n; i++) {
		struct ledger_drain *row = &places->rows[i];

		row->has_change = true;
		row->change = change->row.id;
		row->uid = change->row.uid;
		row->since_s = now_s;
		row->has_deadline = changes->has_deadline;
		/* Asked for early enough they have left when it begins; else they have their time. */
		row->deadline_s = !changes->has_deadline ? 0
				  : change->row.asked_s <= at_s - changes->deadline_s
					  ? at_s
					  : now_s + changes->deadline_s;
		memcpy(row->user, change->row.user, sizeof(row->user));
		snprintf(row->reason, sizeof(row->reason), "%.400s%schange %" PRId64,
			 change->row.reason, change->row.reason[0] ? ", " : "", change->row.id);
		steward_drain_add(steward, row, now_s);
	}
}

static void take_back(struct steward *steward, int64_t now_s)
{
	bool found = true;

	while (found) {
		found = false;
		for (size_t i = 0; !found && i < steward->n_drains; i++) {
			const struct ledger_drain *row = &steward->drains[i].row;

			found = row->has_change && !change_find(steward, row->change) &&
				steward_drains_forget_change(steward, row->change, now_s);
		}
	}
}

void steward_rules_tick(struct steward *steward, int64_t now_s)
{
	if (!steward->surveyed || steward->unwritable || *steward->observing)
		return;
	steward_returns_follow(steward, now_s);
	for (size_t i = 0; i < steward->n_changes; i++)
		if (steward->changes[i]->row.drains &&
		    steward->changes[i]->row.state == CHANGE_WAITING)
			drain_for(steward, steward->changes[i], now_s);
	take_back(steward, now_s);
}
