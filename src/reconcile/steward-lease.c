#include "reconcile/steward-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "base/text.h"

/* ---- granting ---- */

/* What a grant writes, before any of it is true in memory. */
struct grant {
	struct ledger_lease lease;
	struct steward_instance *instance; /* the one that exists, or a new one */
	bool is_new_lease;
	struct steward_instance *remove[LAYOUT_MAX];
	size_t n_remove;
};

static struct steward_instance *new_instance(const struct steward *steward,
					     const struct choice *choice, int64_t now_s)
{
	struct steward_instance *instance = calloc(1, sizeof(*instance));
	const struct profile *profile = choice->profile;
	struct ledger_instance *row;

	if (!instance)
		return NULL;
	row = &instance->row;
	*row = (struct ledger_instance){
		.profile_id = profile->id,
		.start = choice->start,
		.size = profile->size,
		.slices = profile->compute_slices,
		.state = INSTANCE_CREATING,
		.created_s = now_s,
	};
	snprintf(row->gpu, sizeof(row->gpu), "%s", steward->gpus[choice->gpu].info.uuid);
	snprintf(row->profile, sizeof(row->profile), "%s", profile->name);
	return instance;
}

static void begin_lease(struct ledger_lease *row, bool ready, int64_t now_s)
{
	row->state = ready ? LEASE_ACTIVE : LEASE_GRANTING;
	row->has_instance = true;
	if (ready) {
		row->has_granted = row->has_ends = true;
		row->granted_s = now_s;
		row->ends_s = now_s + row->time_s;
	}
	if (!row->pid_holds)
		row->has_pid = false; /* nobody waits for it any more */
}

static int grant_write(struct steward *steward, struct grant *grant, bool exists, struct err *err)
{
	struct ledger *ledger = steward->ledger;
	int r = 0;

	for (size_t i = 0; !r && i < grant->n_remove; i++) {
		struct ledger_instance row = grant->remove[i]->row;

		row.state = INSTANCE_DESTROYING;
		snprintf(row.why, sizeof(row.why), "makes room for another");
		r = ledger_instance_update(ledger, &row, err);
	}
	if (!r && !exists)
		r = ledger_instance_add(ledger, &grant->instance->row, err);
	if (r)
		return r;
	grant->lease.instance = grant->instance->row.id;
	return grant->is_new_lease ? ledger_lease_add(ledger, &grant->lease, err) :
				     ledger_lease_update(ledger, &grant->lease, err);
}

static void grant_notes(struct steward *steward, const struct grant *grant, int64_t now_s)
{
	const struct ledger_lease *row = &grant->lease;
	const struct about about = {.lease = row, .instance = &grant->instance->row, .rule = row->rule};
	char time[32], where[160];

	if (grant->is_new_lease)
		steward_note(steward, EVENT_REQUESTED, &(struct about){.lease = row}, now_s, "%s",
			     row->reason);
	if (row->state == LEASE_ACTIVE)
		steward_note(steward, EVENT_GRANTED, &about, now_s, "%s for %s, an instance that was free",
			     steward_where(steward, &grant->instance->row, where, sizeof(where)),
			     duration_format(time, sizeof(time), row->time_s));
}

/* One transaction; on failure nothing has changed anywhere. */
static int grant_commit(struct steward *steward, struct grant *grant, bool exists, int64_t now_s,
			struct err *err)
{
	size_t n_notes = steward->n_notes;
	int r = ledger_begin(steward->ledger, err);

	if (r)
		return steward_not_saved(steward, err);
	/* What is unsaved comes first: it may be the same rows, or who had the place before. */
	r = steward_save(steward, err);
	if (!r)
		r = grant_write(steward, grant, exists, err);
	if (!r) {
		grant_notes(steward, grant, now_s);
		r = steward_save_notes(steward, n_notes, err);
	}
	if (r)
		ledger_rollback(steward->ledger);
	else
		r = ledger_commit(steward->ledger, err);
	if (!r)
		return 0;
	steward->n_notes = n_notes;
	return steward_not_saved(steward, err);
}

static void grant_apply(struct steward *steward, struct steward_lease *lease, struct grant *grant,
			bool exists)
{
	lease->row = grant->lease;
	lease->position = 0;
	lease->has_estimate = false;
	grant->instance->lease = lease->row.id;
	for (size_t i = 0; i < grant->n_remove; i++) {
		grant->remove[i]->row.state = INSTANCE_DESTROYING;
		steward_instance_job(steward, grant->remove[i], JOB_DESTROY, false);
	}
	if (!exists)
		steward_instance_job(steward, grant->instance, JOB_CREATE, false);
	if (lease->row.has_pid)
		steward->hooks.watch(steward->hooks.arg, lease->row.id, (pid_t)lease->row.pid,
				     lease->row.pid_start);
	else
		steward->hooks.unwatch(steward->hooks.arg, lease->row.id);
	steward_saved(steward);
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
}

int steward_grant(struct steward *steward, struct steward_lease *lease,
		  const struct choice *choice, const char *rule, int64_t now_s, struct err *err)
{
	struct grant grant = {.lease = lease->row, .is_new_lease = lease->row.id == 0};
	int r;

	for (size_t i = 0; i < choice->n_remove; i++)
		grant.remove[grant.n_remove++] = steward_instance_find(steward, choice->remove[i]);
	grant.instance = choice->exists ? steward_instance_find(steward, choice->id) :
					  new_instance(steward, choice, now_s);
	if (!grant.instance)
		return fail(err, ERR_NOMEM, "no memory for an instance");
	begin_lease(&grant.lease, choice->exists, now_s);
	snprintf(grant.lease.rule, sizeof(grant.lease.rule), "%s", rule);
	r = grant_commit(steward, &grant, choice->exists, now_s, err);
	if (r) {
		if (!choice->exists)
			free(grant.instance);
		return r;
	}
	if (!choice->exists) {
		r = steward_add_instance(steward, grant.instance, err);
		if (r) /* written, not known: the next start takes it up */
			return r;
	}
	grant_apply(steward, lease, &grant, choice->exists);
	return 0;
}

/* ---- asking ---- */

/* Somebody who asks in a loop must not fill the ledger with his refusals. */
static bool may_note_refusal(uid_t uid, int64_t now_s)
{
	enum { PER_MINUTE = 30, PEOPLE = 64 };
	static struct {
		uid_t uid;
		int64_t minute;
		unsigned n;
	} people[PEOPLE];
	size_t at = uid % PEOPLE;

	if (people[at].uid != uid || people[at].minute != now_s / 60) {
		people[at].uid = uid;
		people[at].minute = now_s / 60;
		people[at].n = 0;
	}
	return ++people[at].n <= PER_MINUTE;
}

static int refuse(struct steward *steward, const struct ledger_lease *row, int64_t now_s,
		  const struct err *err)
{
	if (!may_note_refusal(row->uid, now_s))
		return -(int)err->code;
	steward_note(steward, EVENT_REFUSED, &(struct about){.lease = row, .rule = err->rule}, now_s,
		     "%s", err->text);
	steward_settle(steward);
	return -(int)err->code;
}

/* "small: 2 free" for every class that he could have instead. */
static void what_fits(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
		      const struct policy_terms *terms, const struct policy_person *person,
		      const char *reason, struct text *ret)
{
	for (size_t i = 0; i < policy_n_classes(steward->policy); i++) {
		const struct policy_class *class_ = policy_class_at(steward->policy, i);
		const struct board *here[BACKEND_MAX_GPUS];
		struct policy_wish wish = {.class_name = class_->name, .reason = reason};
		struct policy_terms other;
		struct err no = ERR_INIT;
		unsigned count;

		if (class_ == terms->class_)
			continue;
		if (policy_admit(steward->policy, person, &wish, here,
				 steward_boards(steward, here), NULL, 0, &other, &no))
			continue;
		count = choose_count(gpus, n, class_, terms->slices_left);
		if (count)
			text_addf(ret, "%s%u of class %s %s free", ret->len ? ", " : "", count,
				  class_->name, count == 1 ? "is" : "are");
	}
}

static void when_free(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
		      const struct policy_terms *terms, int64_t now_s, struct text *ret)
{
	const struct steward_lease *lease;
	struct outlook outlook;
	char time[32];

	choose_outlook(gpus, n, terms->class_, terms->slices_left, now_s, &outlook);
	if (!outlook.has_when)
		return;
	lease = outlook.lease ? steward_lease_at(steward, outlook.lease) : NULL;
	text_addf(ret, "%sthe next %s frees at %s", ret->len ? "; " : "", terms->class_->name,
		  clock_format(time, sizeof(time), outlook.when_s) + strlen("2026-01-01 "));
	if (lease)
		text_addf(ret, " when lease %" PRId64 " of %s ends", lease->row.id, lease->row.user);
}

static int no_room(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
		   const struct policy_terms *terms, const struct policy_person *person,
		   const char *reason, int64_t now_s, struct err *err)
{
	cleanup(text_done) struct text hint = TEXT_INIT;

	if (!choose_is_possible(gpus, n, terms->class_, terms->slices_left))
		return fail(err, ERR_IMPOSSIBLE, "no GPU here that is in use for MIG could hold one of class %s",
			    terms->class_->name);
	what_fits(steward, gpus, n, terms, person, reason, &hint);
	when_free(steward, gpus, n, terms, now_s, &hint);
	text_addf(&hint, "%s--wait queues", hint.len ? "; " : "");
	fail(err, ERR_NO_ROOM, "none of class %s is free now", terms->class_->name);
	return fail_hint(err, "%s", text_str(&hint));
}

static int may_queue(const struct steward *steward, uid_t uid, struct err *err)
{
	unsigned all = 0, own = 0;

	for (size_t i = 0; i < steward->n_leases; i++)
		if (steward->leases[i]->row.state == LEASE_QUEUED) {
			all++;
			own += steward->leases[i]->row.uid == uid;
		}
	if (own >= policy_queue_max_per_user(steward->policy)) {
		fail(err, ERR_REFUSED, "%u requests of yours wait already", own);
		return fail_rule(err, "queue.max_per_user");
	}
	if (all >= policy_queue_max(steward->policy)) {
		fail(err, ERR_REFUSED, "%u requests wait already", all);
		return fail_rule(err, "queue.max");
	}
	return 0;
}

static int enqueue(struct steward *steward, struct steward_lease *lease, int64_t now_s,
		   struct err *err)
{
	size_t n_notes = steward->n_notes;
	const struct about about = {.lease = &lease->row};
	int r = may_queue(steward, lease->row.uid, err);

	if (r)
		return r;
	lease->row.state = LEASE_QUEUED;
	r = ledger_begin(steward->ledger, err);
	if (r)
		return steward_not_saved(steward, err);
	r = ledger_lease_add(steward->ledger, &lease->row, err);
	if (!r) {
		steward_note(steward, EVENT_REQUESTED, &about, now_s, "%s", lease->row.reason);
		steward_note(steward, EVENT_QUEUED, &about, now_s, "no room now");
		r = steward_save(steward, err);
	}
	if (r)
		ledger_rollback(steward->ledger);
	else
		r = ledger_commit(steward->ledger, err);
	if (r) {
		steward->n_notes = n_notes;
		return steward_not_saved(steward, err);
	}
	if (lease->row.has_pid)
		steward->hooks.watch(steward->hooks.arg, lease->row.id, (pid_t)lease->row.pid,
				     lease->row.pid_start);
	steward_saved(steward);
	return 0;
}

static int admit(struct steward *steward, const struct policy_person *person,
		 const struct policy_wish *wish, struct policy_terms *ret, struct err *err)
{
	const struct board *here[BACKEND_MAX_GPUS];
	cleanup(free) struct policy_holding *holdings = NULL;
	size_t n_here = steward_boards(steward, here), n;

	holdings = steward_holdings(steward, &n);
	if (!holdings)
		return fail(err, ERR_NOMEM, "no memory for %zu leases", steward->n_leases);
	return policy_admit(steward->policy, person, wish, here, n_here, holdings, n, ret, err);
}

/* May anything be promised now? */
static int ready(struct steward *steward, struct err *err)
{
	if (!steward->surveyed)
		return steward->survey_trouble.code ?
			       fail(err, ERR_UNAVAILABLE, "the GPUs cannot be looked at: %s",
				    steward->survey_trouble.text) :
			       fail(err, ERR_UNAVAILABLE, "the GPUs are being looked at for the first time");
	if (steward->n_leases >= STEWARD_MAX_LEASES)
		return fail(err, ERR_NO_ROOM, "%zu leases and requests are the most", steward->n_leases);
	return steward->unwritable ? steward_flush(steward, err) : 0;
}

/* The usual reason why nothing here can serve a class. */
static void hint_at_mig(const struct steward *steward, struct err *err)
{
	for (size_t i = 0; err->code == ERR_IMPOSSIBLE && i < steward->n_gpus; i++) {
		const struct steward_gpu *gpu = &steward->gpus[i];

		if (gpu->there && gpu->managed && gpu->info.mig_capable && !gpu->info.mig) {
			fail_hint(err, "MIG is off on GPU %u; root may enable it: nvidia-smi -i %u -mig 1",
				  gpu->info.index, gpu->info.index);
			return;
		}
	}
}

static void fill_in(struct ledger_lease *row, const struct policy_person *person,
		    const struct steward_wish *wish, int64_t now_s)
{
	*row = (struct ledger_lease){
		.uid = person->uid,
		.requested_s = now_s,
		.has_pid = wish->has_pid && (wish->hold || wish->wait),
		.pid = wish->pid,
		.pid_start = wish->pid_start,
		.pid_holds = wish->hold,
	};
	snprintf(row->user, sizeof(row->user), "%s", person->name);
	snprintf(row->class_name, sizeof(row->class_name), "%s", wish->wish.class_name);
	text_printable(row->reason, sizeof(row->reason), wish->wish.reason);
}

static int place_or_queue(struct steward *steward, struct steward_lease *lease,
			  const struct policy_person *person, const struct policy_terms *terms,
			  bool wait, int64_t now_s, struct err *err)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	size_t n = steward_view(steward, now_s, gpus);
	struct choose_hold hold = {0};
	struct choice choice;
	int r;

	steward_hold(steward, now_s, 0, &hold);
	if (choose_place(gpus, n, terms->class_, terms->slices_left, &hold, &choice))
		return steward_grant(steward, lease, &choice, terms->rule, now_s, err);
	r = no_room(steward, gpus, n, terms, person, lease->row.reason, now_s, err);
	if (err->code == ERR_NO_ROOM && wait)
		return enqueue(steward, lease, now_s, err);
	return r;
}

int steward_request(struct steward *steward, const struct policy_person *person,
		    const struct steward_wish *wish, int64_t now_s, const struct steward_lease **ret,
		    struct err *err)
{
	cleanup(free) struct steward_lease *lease = calloc(1, sizeof(*lease));
	const struct policy_team *team = policy_team_of(steward->policy, person);
	struct policy_terms terms;
	int64_t id;
	int r;

	if (!lease)
		return fail(err, ERR_NOMEM, "no memory for a lease");
	r = ready(steward, err);
	if (r)
		return r;
	fill_in(&lease->row, person, wish, now_s);
	snprintf(lease->row.team, sizeof(lease->row.team), "%s", team ? team->name : "");
	r = admit(steward, person, &wish->wish, &terms, err);
	if (r) {
		hint_at_mig(steward, err);
		return refuse(steward, &lease->row, now_s, err);
	}
	snprintf(lease->row.class_name, sizeof(lease->row.class_name), "%s", terms.class_->name);
	lease->row.time_s = terms.time_s;
	r = place_or_queue(steward, lease, person, &terms, wish->wait, now_s, err);
	if (r)
		return err->code == ERR_NO_ROOM || err->code == ERR_REFUSED || err->code == ERR_IMPOSSIBLE ?
			       refuse(steward, &lease->row, now_s, err) :
			       r;
	id = lease->row.id;
	r = steward_add_lease(steward, steal(lease), err);
	if (r)
		return r;
	steward_serve_queue(steward, now_s); /* gives it its place in the queue */
	*ret = steward_lease_find(steward, id);
	return 0;
}

/* ---- ending ---- */

void steward_end_lease(struct steward *steward, struct steward_lease *lease, int64_t now_s,
		       const char *by, const char *format, ...)
{
	struct steward_instance *instance = steward_instance_of(steward, lease);
	struct about about = {
		.lease = &lease->row, .instance = instance ? &instance->row : NULL, .by = by};
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
	else if (instance->gpu != STEWARD_NO_GPU) /* else the next survey tells whether it is there */
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
		     ended ? "lease %" PRId64 " has ended already" : "there is no lease %" PRId64, id);
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
		steward_end_lease(steward, lease, now_s, person->name, "the command ended with status %d",
				  how->exit_status);
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
	r = policy_renew(steward->policy, lease->row.class_name, lease->row.granted_s, now_s, time_s,
			 err);
	if (r)
		return r;
	before = lease->row.ends_s;
	lease->row.ends_s = now_s + time_s;
	lease->dirty = true;
	steward_note(steward, EVENT_RENEWED, &(struct about){.lease = &lease->row, .by = person->name},
		     now_s, "until %s", clock_format(time, sizeof(time), lease->row.ends_s));
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
