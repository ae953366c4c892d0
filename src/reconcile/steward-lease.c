#include "reconcile/steward-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* ---- ending ---- */

void steward_end_lease(struct steward *steward, struct steward_lease *lease, int64_t now_s,
		       const char *by, const char *format, ...)
{
	struct steward_instance *instance = steward_instance_of(steward, lease);
	struct about about = {.lease = &lease->row,
			      .instance = instance ? &instance->row : NULL,
			      .by = by,
			      .rule = lease->row.state == LEASE_QUEUED ? lease->row.rule : NULL};
	va_list args;

	if (lease->row.state >= LEASE_ENDING)
		return;
	va_start(args, format);
	vsnprintf(lease->row.why_ended, sizeof(lease->row.why_ended), format, args);
	va_end(args);
	lease->row.state = LEASE_ENDING;
	lease->over_tick = ++steward->tick;
	lease->dirty = true;
	steward->hooks.unwatch(steward->hooks.arg, lease->row.id);
	steward_note(steward, EVENT_ENDING, &about, now_s, "%s", lease->row.why_ended);
	if (!instance || instance->row.state == INSTANCE_GONE)
		steward_close_lease(steward, lease, now_s);
	else if (instance->gpu !=
		 STEWARD_NO_GPU) /* else the next survey tells whether it is there */
		steward_later(steward, instance->gpu, job_new(JOB_LOOK, instance->row.gpu));
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
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

void steward_close_lease(struct steward *steward, struct steward_lease *lease, int64_t now_s)
{
	struct steward_instance *instance = steward_instance_of(steward, lease);
	struct about about = {.lease = &lease->row, .instance = instance ? &instance->row : NULL};

	lease->row.state = LEASE_ENDED;
	lease->row.has_ended = true;
	lease->row.ended_s = now_s;
	lease->dirty = true;
	steward_note(steward, EVENT_ENDED, &about, now_s, "%s", lease->row.why_ended);
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
	if (!instance)
		return;
	instance->lease = 0;
	if (instance->row.state == INSTANCE_GONE || is_wanted_warm(steward, lease, instance))
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

/* The lease, if this person may act on it. */
static struct steward_lease *own_lease(struct steward *steward, const struct policy_person *person,
				       int64_t id, struct err *err)
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

static void cancel(struct steward *steward, struct steward_lease *lease, const char *by,
		   int64_t now_s)
{
	steward_end_lease(steward, lease, now_s, by, "left the queue");
}

int steward_release(struct steward *steward, const struct policy_person *person, int64_t id,
		    const struct steward_release *how, int64_t now_s, struct err *err)
{
	struct steward_lease *lease = own_lease(steward, person, id, err);
	char reason[160] = "";
	bool own;

	if (!lease)
		return -(int)err->code;
	if (steward->unwritable && steward_flush(steward, err))
		return -(int)err->code;
	if (how->reason)
		text_printable(reason, sizeof(reason), how->reason);
	own = lease->row.uid == person->uid;
	if (how->has_exit && lease->row.state < LEASE_ENDING) {
		lease->row.has_exit = true;
		lease->row.exit_status = how->exit_status;
	}
	if (lease->row.state == LEASE_QUEUED)
		cancel(steward, lease, person->name, now_s);
	else if (how->has_exit)
		steward_end_lease(steward, lease, now_s, person->name,
				  "the command ended with status %d", how->exit_status);
	else
		steward_end_lease(steward, lease, now_s, person->name, "%s%s%s",
				  own ? "released" : "revoked", reason[0] ? ": " : "", reason);
	return steward_flush(steward, err);
}

int steward_renew(struct steward *steward, const struct policy_person *person, int64_t id,
		  int64_t time_s, int64_t now_s, struct err *err)
{
	struct steward_lease *lease = own_lease(steward, person, id, err);
	char time[32];
	int64_t before;
	size_t n_notes = steward->n_notes;
	int r;

	if (!lease)
		return -(int)err->code;
	if (lease->row.state != LEASE_ACTIVE)
		return fail(err, ERR_STALE, "lease %" PRId64 " is %s", id,
			    lease_state_name(lease->row.state));
	r = policy_renew(steward->policy, lease->row.class_name, lease->row.granted_s, now_s,
			 time_s, err);
	if (r)
		return r;
	before = lease->row.ends_s;
	lease->row.ends_s = now_s + time_s;
	lease->dirty = true;
	steward_note(steward, EVENT_RENEWED,
		     &(struct about){.lease = &lease->row, .by = person->name}, now_s, "until %s",
		     clock_format(time, sizeof(time), lease->row.ends_s));
	r = steward_flush(steward, err);
	if (r) {
		lease->row.ends_s = before;
		steward->n_notes = n_notes;
		return r;
	}
	steward->hooks.changed(steward->hooks.arg, id);
	return 0;
}

void steward_holder_gone(struct steward *steward, int64_t id, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, id);

	if (!lease || !lease->row.has_pid)
		return;
	if (lease->row.state == LEASE_QUEUED)
		steward_end_lease(steward, lease, now_s, "carved", "nobody waits for it any more");
	else
		steward_end_lease(steward, lease, now_s, "carved", "process %" PRId64 " ended",
				  lease->row.pid);
	steward_settle(steward);
}
