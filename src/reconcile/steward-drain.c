#include "reconcile/steward-drain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "policy/policy-changes.h"
#include "reconcile/steward-part.h"

/* ---- what is drained ---- */

static bool on_gpu(const struct ledger_drain *drain, const char *uuid)
{
	return !strcmp(drain->gpu, uuid);
}

bool drain_covers(const struct ledger_drain *drain, const struct ledger_instance *instance)
{
	return on_gpu(drain, instance->gpu) &&
	       (!drain->has_place || (instance->start < drain->start + drain->size &&
				      drain->start < instance->start + instance->size));
}

static bool is_sooner(const struct ledger_drain *a, const struct ledger_drain *b)
{
	return !b || (a->has_deadline && (!b->has_deadline || a->deadline_s < b->deadline_s));
}

const struct ledger_drain *steward_drain_of(const struct steward *steward,
					    const struct ledger_instance *instance)
{
	const struct ledger_drain *found = NULL;

	for (size_t i = 0; i < steward->n_drains; i++) {
		const struct ledger_drain *drain = &steward->drains[i].row;

		if (drain_covers(drain, instance) && is_sooner(drain, found))
			found = drain;
	}
	return found;
}

const struct ledger_drain *steward_drain_of_gpu(const struct steward *steward, const char *uuid)
{
	for (size_t i = 0; i < steward->n_drains; i++)
		if (!steward->drains[i].row.has_place && on_gpu(&steward->drains[i].row, uuid))
			return &steward->drains[i].row;
	return NULL;
}

uint16_t steward_drained_units(const struct steward *steward, size_t gpu)
{
	const struct board *board = steward->gpus[gpu].info.board;
	uint32_t all = board ? (1u << board->units) - 1 : UINT16_MAX, units = 0;

	for (size_t i = 0; i < steward->n_drains; i++) {
		const struct ledger_drain *drain = &steward->drains[i].row;

		if (!on_gpu(drain, steward->gpus[gpu].info.uuid))
			continue;
		units |= drain->has_place && drain->size < 16 && drain->start < 16
				 ? ((1u << drain->size) - 1) << drain->start
				 : all;
	}
	return (uint16_t)(units & all);
}

void steward_drain_place(const struct ledger_drain *drain, struct ledger_instance *ret)
{
	*ret = (struct ledger_instance){.start = drain->start};
	snprintf(ret->gpu, sizeof(ret->gpu), "%s", drain->gpu);
	snprintf(ret->profile, sizeof(ret->profile), "%s", drain->profile);
}

char *steward_drain_what(const struct steward *steward, const struct ledger_drain *drain, char *buf,
			 size_t size)
{
	struct ledger_instance place;

	steward_drain_place(drain, &place);
	if (drain->has_place)
		return steward_where(steward, &place, buf, size);
	snprintf(buf, size, "%s", drain->gpu);
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (on_gpu(drain, steward->gpus[i].info.uuid))
			snprintf(buf, size, "GPU %u", steward->gpus[i].info.index);
	return buf;
}

bool steward_is_protected(const struct steward *steward, const struct ledger_lease *lease)
{
	return policy_is_protected(policy_changes(steward->policy), lease->class_name, lease->team);
}

/* ---- the ledger ---- */

struct loading {
	struct steward *steward;
	struct err *err;
	int result;
};

static void load_drain(const struct ledger_drain *row, void *arg)
{
	struct loading *loading = arg;
	struct steward *steward = loading->steward;

	if (array_reserve(&steward->drains, &steward->cap_drains, steward->n_drains,
			  sizeof(*steward->drains))) {
		loading->result = fail(loading->err, ERR_NOMEM, "no memory for a drain");
		return;
	}
	steward->drains[steward->n_drains++] = (struct steward_drain){.row = *row};
}

int steward_drains_load(struct steward *steward, struct err *err)
{
	struct loading loading = {.steward = steward, .err = err};
	int r = ledger_drains(steward->ledger, load_drain, &loading, err);

	return r ? r : loading.result;
}

int steward_drains_save(struct steward *steward, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < steward->n_drains; i++)
		if (steward->drains[i].dirty)
			r = ledger_drain_update(steward->ledger, &steward->drains[i].row, err);
	return r;
}

void steward_drains_saved(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_drains; i++)
		steward->drains[i].dirty = false;
}

/* ---- who holds something there ---- */

static bool holds(const struct steward_lease *lease)
{
	return lease->row.state == LEASE_GRANTING || lease->row.state == LEASE_ACTIVE;
}

/* Who the drain lets stay is told so, and why; others when they must leave. */
static void notice(struct steward *steward, const struct ledger_drain *drain,
		   const struct steward_lease *lease, const struct steward_instance *instance,
		   int64_t now_s)
{
	bool kept = steward_is_protected(steward, &lease->row);
	const struct about about = {.lease = &lease->row,
				    .instance = &instance->row,
				    .by = drain->user,
				    .rule = kept ? CHANGES_PROTECT_RULE : DRAIN_RULE};
	char what[160], time[32], until[64] = "the lease goes on until its end, but not longer";

	if (kept)
		snprintf(until, sizeof(until), "the lease is protected and waited for");
	else if (drain->has_deadline)
		snprintf(until, sizeof(until), "the lease ends at %s at the latest",
			 clock_format(time, sizeof(time), drain->deadline_s));
	steward_note(steward, EVENT_DRAIN_NOTICE, &about, now_s, "%s is to be left, %s%s%.200s",
		     steward_drain_what(steward, drain, what, sizeof(what)), until,
		     drain->reason[0] ? ": " : "", drain->reason);
}

void steward_drain_notices(struct steward *steward, const struct ledger_drain *drain,
			   int64_t now_s)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		const struct steward_lease *lease = steward->leases[i];
		const struct steward_instance *instance = steward_instance_of(steward, lease);

		if (holds(lease) && instance && drain_covers(drain, &instance->row))
			notice(steward, drain, lease, instance, now_s);
	}
}

int steward_may_stay(const struct steward *steward, const struct steward_lease *lease,
		     int64_t until_s, int64_t now_s, struct err *err)
{
	const struct steward_instance *instance =
		lease->row.has_instance ? steward_instance_at(steward, lease->row.instance) : NULL;
	const struct ledger_drain *drain =
		instance ? steward_drain_of(steward, &instance->row) : NULL;
	int64_t latest_s;
	char what[160], time[32];

	if (!drain || steward_is_protected(steward, &lease->row))
		return 0;
	latest_s = drain->has_deadline ? drain->deadline_s : lease->row.ends_s;
	if (until_s <= latest_s)
		return 0;
	fail(err, ERR_REFUSED, "lease %" PRId64 ": %s is to be left%s%.200s", lease->row.id,
	     steward_drain_what(steward, drain, what, sizeof(what)), drain->reason[0] ? ": " : "",
	     drain->reason);
	fail_rule(err, "%s", DRAIN_RULE);
	if (latest_s <= now_s)
		return fail_hint(err, "it ends now");
	return fail_hint(err, "at most %s from now",
			 duration_format(time, sizeof(time), latest_s - now_s));
}

/* ---- time ---- */

static void warn(struct steward *steward, struct steward_drain *drain, int64_t now_s)
{
	const struct ledger_drain *row = &drain->row;

	if (!row->has_deadline || row->has_warned || now_s >= row->deadline_s ||
	    now_s < row->deadline_s - policy_changes(steward->policy)->notice_s)
		return;
	drain->row.has_warned = drain->dirty = true;
	drain->row.warned_s = now_s;
	steward_drain_notices(steward, &drain->row, now_s);
}

static void end_leases(struct steward *steward, const struct ledger_drain *drain, int64_t now_s)
{
	const struct ending ending = {EVENT_ENDING, drain->user, DRAIN_RULE};

	if (!drain->has_deadline || now_s < drain->deadline_s)
		return;
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];
		const struct steward_instance *instance = steward_instance_of(steward, lease);

		if (holds(lease) && instance && drain_covers(drain, &instance->row) &&
		    !steward_is_protected(steward, &lease->row))
			steward_end_lease_as(steward, lease, &ending, now_s, "drained%s%.300s",
					     drain->reason[0] ? ": " : "", drain->reason);
	}
}

/*
 * Returns whether something of ours is still there. What is part of a layout stays and is
 * nothing; what a change waits for is removed by it.
 */
static bool clear(struct steward *steward, const struct ledger_drain *drain)
{
	bool left = false;
	char what[160];

	for (size_t i = 0; i < steward->n_instances; i++) {
		struct steward_instance *instance = steward->instances[i];
		bool is_free = steward_is_free(steward, instance);

		if (instance->row.state == INSTANCE_GONE || !drain_covers(drain, &instance->row) ||
		    (is_free && (instance->row.laid || drain->has_change)))
			continue;
		left = true;
		if (!is_free || *steward->observing)
			continue;
		instance->row.state = INSTANCE_DESTROYING;
		instance->dirty = true;
		snprintf(instance->row.why, sizeof(instance->row.why), "%s is to be left",
			 steward_drain_what(steward, drain, what, sizeof(what)));
		steward_instance_job(steward, instance, JOB_DESTROY, false);
	}
	return left;
}

static void note_drained(struct steward *steward, struct steward_drain *drain, int64_t now_s)
{
	struct ledger_instance place;
	char what[160];

	drain->row.has_drained = drain->dirty = true;
	drain->row.drained_s = now_s;
	steward_drain_place(&drain->row, &place);
	steward_note(steward, EVENT_DRAINED, &(struct about){.instance = &place}, now_s,
		     "%s: nothing is held there any more",
		     steward_drain_what(steward, &drain->row, what, sizeof(what)));
}

void steward_drains_tick(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_drains; i++) {
		struct steward_drain *drain = &steward->drains[i];

		warn(steward, drain, now_s);
		end_leases(steward, &drain->row, now_s);
		if (!clear(steward, &drain->row) && !drain->row.has_drained)
			note_drained(steward, drain, now_s);
	}
}

int64_t steward_drains_next(const struct steward *steward, int64_t now_s, int64_t at_latest_s)
{
	int64_t notice_s = policy_changes(steward->policy)->notice_s;

	for (size_t i = 0; i < steward->n_drains; i++) {
		const struct ledger_drain *drain = &steward->drains[i].row;
		int64_t due_s = drain->deadline_s - (drain->has_warned ? 0 : notice_s);

		if (drain->has_deadline && due_s > now_s && due_s < at_latest_s)
			at_latest_s = due_s;
	}
	return at_latest_s;
}
