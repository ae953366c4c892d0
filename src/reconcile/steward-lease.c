#include "reconcile/steward-change-part.h"
#include "reconcile/steward-drain.h"
#include "reconcile/steward-reclaim.h"
#include "reconcile/steward-use.h"
#include "reconcile/steward-reserve.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* ---- ending ---- */

static void end_lease(struct steward *steward, struct steward_lease *lease,
		      const struct ending *ending, int64_t now_s, const char *why)
{
	struct steward_instance *instance = steward_instance_of(steward, lease);
	struct about about = {.lease = &lease->row,
			      .instance = instance ? &instance->row : NULL,
			      .by = ending->by,
			      .rule = ending->rule};

	if (lease->row.state >= LEASE_ENDING)
		return;
	snprintf(lease->row.why_ended, sizeof(lease->row.why_ended), "%s", why);
	if (ending->rule && !lease->row.has_granted)
		snprintf(lease->row.rule, sizeof(lease->row.rule), "%s", ending->rule);
	if (lease->row.approval == APPROVAL_WAITING)
		lease->row.approval = APPROVAL_NONE;
	lease->row.state = LEASE_ENDING;
	lease->over_tick = ++steward->tick;
	lease->dirty = true;
	steward->hooks.unwatch(steward->hooks.arg, lease->row.id);
	steward_note(steward, ending->kind, &about, now_s, "%s", lease->row.why_ended);
	if (!instance || instance->row.state == INSTANCE_GONE)
		steward_close_lease(steward, lease, now_s);
	else if (instance->gpu !=
		 STEWARD_NO_GPU) /* else the next survey tells whether it is there */
		steward_later(steward, instance->gpu, job_new(JOB_LOOK, instance->row.gpu));
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
}

void steward_end_lease_as(struct steward *steward, struct steward_lease *lease,
			  const struct ending *ending, int64_t now_s, const char *format, ...)
{
	char why[LEDGER_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	end_lease(steward, lease, ending, now_s, why);
}

void steward_end_lease(struct steward *steward, struct steward_lease *lease, int64_t now_s,
		       const char *by, const char *format, ...)
{
	char why[LEDGER_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	end_lease(steward, lease, &(struct ending){EVENT_ENDING, by, NULL}, now_s, why);
}

/* Is there already as much of the class in stock as the policy wants kept? */
static bool is_wanted_warm(const struct steward *steward, const struct steward_lease *lease,
			   const struct steward_instance *instance)
{
	struct err ignored = ERR_INIT;
	const struct policy_class *class_ =
		policy_class_find(steward->policy, lease->row.class_name, &ignored);
	const struct profile *profiles[POLICY_MAX_PROFILES];
	unsigned n_free = 0;
	size_t n;

	if (steward_drain_of(steward, &instance->row))
		return false;
	if (!class_ || !class_->warm || instance->row.state != INSTANCE_PRESENT ||
	    instance->gpu == STEWARD_NO_GPU || !steward->gpus[instance->gpu].managed)
		return false;
	n = policy_class_profiles(class_, steward->gpus[instance->gpu].info.board, profiles);
	for (size_t i = 0; i < steward->n_instances; i++) {
		const struct steward_instance *other = steward->instances[i];

		for (size_t p = 0; p < n; p++)
			n_free += other != instance && !other->lease &&
				  other->row.state == INSTANCE_PRESENT &&
				  !strcmp(other->row.profile, profiles[p]->name);
	}
	return n_free < class_->warm;
}

/* It is part of a layout, or a change that is under way decides. */
static bool stays(const struct steward *steward, const struct steward_instance *instance,
		  int64_t now_s)
{
	return instance->row.laid ||
	       (instance->row.state == INSTANCE_PRESENT && instance->gpu != STEWARD_NO_GPU &&
		steward_change_on(steward, instance->gpu, now_s));
}

void steward_close_lease(struct steward *steward, struct steward_lease *lease, int64_t now_s)
{
	struct steward_instance *instance = steward_instance_of(steward, lease);
	struct about about = {.lease = &lease->row, .instance = instance ? &instance->row : NULL};

	lease->row.state = LEASE_ENDED;
	lease->row.has_ended = true;
	lease->row.ended_s = now_s;
	if (instance)
		steward_use_ended(steward, &lease->row, &instance->row);
	lease->dirty = true;
	steward_note(steward, EVENT_ENDED, &about, now_s, "%s", lease->row.why_ended);
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
	if (!instance)
		return;
	instance->lease = 0;
	if (instance->row.state == INSTANCE_GONE || stays(steward, instance, now_s) ||
	    is_wanted_warm(steward, lease, instance))
		return;
	instance->row.state = INSTANCE_DESTROYING;
	instance->dirty = true;
	snprintf(instance->row.why, sizeof(instance->row.why), "lease %" PRId64 " ended",
		 lease->row.id);
	steward_instance_job(steward, instance, JOB_DESTROY, false);
}

/* ---- the holder's own acts ---- */

static void find_ended(const struct ledger_lease *lease, const struct ledger_instance *instance,
		       void *arg)
{
	(void)lease;
	(void)instance;
	*(bool *)arg = true;
}

struct steward_lease *steward_own_lease(struct steward *steward,
					const struct policy_person *person, int64_t id,
					struct err *err)
{
	struct steward_lease *lease = steward_lease_find(steward, id);
	struct ledger_lease_filter filter = LEASE_FILTER_ALL;
	bool ended = false;

	if (lease && lease->row.state == LEASE_ENDED)
		lease = NULL;
	if (!lease) {
		filter.id = id;
		ledger_leases(steward->ledger, &filter, find_ended, &ended, err);
		fail(err, ended ? ERR_STALE : ERR_NOT_FOUND,
		     ended ? "lease %" PRId64 " has ended already" : "there is no lease %" PRId64,
		     id);
		return NULL;
	}
	if (lease->row.uid != person->uid && !policy_is_admin(steward->policy, person)) {
		fail(err, ERR_DENIED, "lease %" PRId64 " belongs to %s", id, lease->row.user);
		fail_hint(err, "only %s and the admins may change it", lease->row.user);
		return NULL;
	}
	return lease;
}

static bool waits(const struct ledger_lease *row)
{
	return row->state == LEASE_QUEUED || row->state == LEASE_REQUESTED;
}

int steward_release(struct steward *steward, const struct policy_person *person, int64_t id,
		    const struct steward_release *how, int64_t now_s, struct err *err)
{
	struct steward_lease *lease = steward_own_lease(steward, person, id, err);
	char reason[160] = "";
	struct ending ending;
	bool own;

	if (!lease)
		return -(int)err->code;
	if (steward->unwritable && steward_flush(steward, err))
		return -(int)err->code;
	if (how->reason)
		text_printable(reason, sizeof(reason), how->reason);
	own = lease->row.uid == person->uid;
	ending = (struct ending){own ? EVENT_RELEASED : EVENT_REVOKED, person->name, NULL};
	if (how->has_exit && lease->row.state < LEASE_ENDING) {
		lease->row.has_exit = true;
		lease->row.exit_status = how->exit_status;
	}
	if (waits(&lease->row))
		steward_end_lease_as(steward, lease, &ending, now_s, "%s%s%s",
				     own ? "left the queue" : "taken out of the queue",
				     !own && reason[0] ? ": " : "", own ? "" : reason);
	else if (how->has_exit)
		steward_end_lease_as(steward, lease, &ending, now_s,
				     "the command ended with status %d", how->exit_status);
	else
		steward_end_lease_as(steward, lease, &ending, now_s, "%s%s%s",
				     own ? "released" : "revoked", reason[0] ? ": " : "", reason);
	return steward_flush(steward, err);
}

static unsigned others_waiting(const struct steward *steward, const struct ledger_lease *row)
{
	unsigned n = 0;

	for (size_t i = 0; i < steward->n_leases; i++) {
		const struct ledger_lease *other = &steward->leases[i]->row;

		n += other->state == LEASE_QUEUED && other->uid != row->uid &&
		     !strcmp(other->class_name, row->class_name);
	}
	return n;
}

/* As if it ended now and another began. */
static int check_renewed_hours(struct steward *steward, const struct steward_lease *lease,
			       int64_t time_s, int64_t now_s, struct err *err)
{
	const struct steward_instance *instance = steward_instance_of(steward, lease);
	size_t team = policy_team_index(steward->policy, lease->row.team);
	const struct policy_hours_wish wish = {
		.team = team < policy_n_teams(steward->policy)
				? policy_team_at(steward->policy, team)
				: NULL,
		.class_name = lease->row.class_name,
		.service = team < policy_n_teams(steward->policy) &&
			   policy_is_service(policy_team_at(steward->policy, team), lease->row.user),
		.slices = instance ? instance->row.slices : 0,
		.now_s = now_s,
		.time_s = time_s,
	};
	uint32_t ignored;

	/* To end earlier is always possible. */
	if (!wish.slices || now_s + time_s <= lease->row.ends_s)
		return 0;
	return steward_check_hours(steward, lease->row.uid, lease->row.id, &wish, &ignored, err);
}

int steward_renew(struct steward *steward, const struct policy_person *person, int64_t id,
		  int64_t time_s, int64_t now_s, struct err *err)
{
	struct steward_lease *lease = steward_own_lease(steward, person, id, err);
	struct policy_renewal renewal;
	struct ledger_lease before;
	char time[32];
	size_t n_notes = steward->n_notes;
	int r;

	if (!lease)
		return -(int)err->code;
	if (lease->row.state != LEASE_ACTIVE)
		return fail(err, ERR_STALE, "lease %" PRId64 " is %s", id,
			    lease_state_name(lease->row.state));
	renewal = (struct policy_renewal){
		.class_name = lease->row.class_name,
		.granted_s = lease->row.granted_s,
		.ends_s = lease->row.ends_s,
		.now_s = now_s,
		.time_s = time_s,
		.renewals = lease->row.renewals,
		.others_waiting = others_waiting(steward, &lease->row),
	};
	r = steward_check_reclaimed(lease, err);
	r = r ? r : policy_renew(steward->policy, &renewal, err);
	r = r ? r : steward_may_stay(steward, lease, now_s + time_s, now_s, err);
	r = r ? r : check_renewed_hours(steward, lease, time_s, now_s, err);
	if (!r && now_s + time_s > lease->row.ends_s)
		r = steward_keep_longer(steward, lease, now_s + time_s, now_s, err);
	if (r)
		return r;
	before = lease->row;
	lease->row.renewals += now_s + time_s > lease->row.ends_s;
	lease->row.ends_s = now_s + time_s;
	lease->row.has_warned = false;
	lease->dirty = true;
	steward_note(steward, EVENT_RENEWED,
		     &(struct about){.lease = &lease->row, .by = person->name}, now_s, "until %s",
		     clock_format(time, sizeof(time), lease->row.ends_s));
	r = steward_flush(steward, err);
	if (r) {
		lease->row = before;
		steward->n_notes = n_notes;
		return r;
	}
	steward->hooks.changed(steward->hooks.arg, id);
	return 0;
}

void steward_holder_gone(struct steward *steward, int64_t id, int64_t now_s)
{
	static const struct ending ending = {EVENT_RELEASED, "carved", NULL};
	struct steward_lease *lease = steward_lease_find(steward, id);

	if (!lease || !lease->row.has_pid)
		return;
	if (waits(&lease->row))
		steward_end_lease_as(steward, lease, &ending, now_s,
				     "nobody waits for it any more");
	else
		steward_end_lease_as(steward, lease, &ending, now_s, "process %" PRId64 " ended",
				     lease->row.pid);
	steward_settle(steward);
}
