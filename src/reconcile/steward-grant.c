#include "reconcile/steward-part.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/sizes.h"

/* What a grant writes, before any of it is true in memory. */
struct grant {
	struct ledger_lease lease;
	struct steward_instance *instance; /* the one that exists, or a new one */
	bool is_new_lease, exists;
	int64_t now_s;
	struct steward_instance *remove[CHOOSE_MAX_REMOVE];
	size_t n_remove;
	struct {
		struct steward_instance *to;
		int64_t mover;
		bool exists;
	} moves[CHOOSE_MAX_MOVES];
	size_t n_moves;
};

static struct steward_instance *new_instance(const struct steward *steward, size_t gpu,
					     const struct profile *profile, unsigned start,
					     int64_t now_s)
{
	struct steward_instance *instance = calloc(1, sizeof(*instance));
	struct ledger_instance *row;

	if (!instance)
		return NULL;
	row = &instance->row;
	*row = (struct ledger_instance){
		.profile_id = profile->id,
		.start = start,
		.size = profile->size,
		.slices = profile->compute_slices,
		.state = INSTANCE_CREATING,
		.created_s = now_s,
	};
	snprintf(row->gpu, sizeof(row->gpu), "%s", steward->gpus[gpu].info.uuid);
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

static void grant_notes(struct steward *steward, const struct grant *grant)
{
	const struct ledger_lease *row = &grant->lease;
	const struct about about = {
		.lease = row, .instance = &grant->instance->row, .rule = row->rule};
	char time[32], where[160];

	if (grant->is_new_lease)
		steward_note(steward, EVENT_REQUESTED, &(struct about){.lease = row}, grant->now_s,
			     "%s", row->reason);
	if (row->state == LEASE_ACTIVE)
		steward_note(steward, EVENT_GRANTED, &about, grant->now_s,
			     "%s for %s, an instance that was free",
			     steward_where(steward, &grant->instance->row, where, sizeof(where)),
			     duration_format(time, sizeof(time), row->time_s));
}

/* The instances that others move to, each with its mover. */
static int moves_write(struct ledger *ledger, struct grant *grant, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < grant->n_moves; i++) {
		struct steward_instance *to = grant->moves[i].to;
		struct ledger_instance row = to->row;

		row.has_mover = true;
		row.mover = grant->moves[i].mover;
		r = grant->moves[i].exists ? ledger_instance_update(ledger, &row, err)
					   : ledger_instance_add(ledger, &row, err);
		to->row.id = row.id;
	}
	return r;
}

static int grant_write(struct steward *steward, void *arg, struct err *err)
{
	struct ledger *ledger = steward->ledger;
	struct grant *grant = arg;
	int r = 0;

	for (size_t i = 0; !r && i < grant->n_remove; i++) {
		struct ledger_instance row = grant->remove[i]->row;

		row.state = INSTANCE_DESTROYING;
		snprintf(row.why, sizeof(row.why), "makes room for another");
		r = ledger_instance_update(ledger, &row, err);
	}
	if (!r)
		r = moves_write(ledger, grant, err);
	if (!r && !grant->exists)
		r = ledger_instance_add(ledger, &grant->instance->row, err);
	if (r)
		return r;
	grant->lease.instance = grant->instance->row.id;
	r = grant->is_new_lease ? ledger_lease_add(ledger, &grant->lease, err)
				: ledger_lease_update(ledger, &grant->lease, err);
	if (!r)
		grant_notes(steward, grant);
	return r;
}

static void grant_apply(struct steward *steward, struct steward_lease *lease, struct grant *grant)
{
	lease->row = grant->lease;
	lease->position = 0;
	lease->has_estimate = false;
	grant->instance->lease = lease->row.id;
	grant->instance->access.tries = 0;
	for (size_t i = 0; i < grant->n_remove; i++) {
		grant->remove[i]->row.state = INSTANCE_DESTROYING;
		steward_instance_job(steward, grant->remove[i], JOB_DESTROY, false);
	}
	for (size_t i = 0; i < grant->n_moves; i++) {
		struct steward_instance *to = grant->moves[i].to;

		to->row.has_mover = true;
		to->row.mover = grant->moves[i].mover;
		to->look_tick = 0;
		if (!grant->moves[i].exists)
			steward_instance_job(steward, to, JOB_CREATE, false);
	}
	/* What moves away is seen to go before this one is made: steward_waits(). */
	if (!grant->exists && !grant->n_moves)
		steward_instance_job(steward, grant->instance, JOB_CREATE, false);
	if (lease->row.has_pid)
		steward->hooks.watch(steward->hooks.arg, lease->row.id, (pid_t)lease->row.pid,
				     lease->row.pid_start);
	else
		steward->hooks.unwatch(steward->hooks.arg, lease->row.id);
	steward_saved(steward);
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
}

static void grant_free(struct grant *grant)
{
	for (size_t i = 0; i < grant->n_moves; i++)
		if (!grant->moves[i].exists)
			free(grant->moves[i].to);
	if (!grant->exists)
		free(grant->instance);
}

/* What is to be written, as rows that nobody else knows yet. */
static int grant_prepare(struct steward *steward, const struct choice *choice,
			 struct grant *grant, struct err *err)
{
	bool complete;

	for (size_t i = 0; i < choice->n_remove; i++)
		grant->remove[grant->n_remove++] = steward_instance_find(steward, choice->remove[i]);
	grant->instance = choice->exists ? steward_instance_find(steward, choice->id)
					 : new_instance(steward, choice->gpu, choice->profile,
							choice->start, grant->now_s);
	complete = grant->instance;
	for (size_t i = 0; i < choice->n_moves; i++) {
		const struct choose_move *move = &choice->moves[i];

		grant->moves[i].exists = move->exists;
		grant->moves[i].mover = steward_instance_find(steward, move->from)->lease;
		grant->moves[i].to = move->exists
					     ? steward_instance_find(steward, move->to)
					     : new_instance(steward, move->gpu, move->profile,
							    move->start, grant->now_s);
		complete = complete && grant->moves[i].to;
		grant->n_moves++;
	}
	if (complete)
		return 0;
	grant_free(grant);
	return fail(err, ERR_NOMEM, "no memory for an instance");
}

/* All that is written belongs to the steward. */
static int grant_keep(struct steward *steward, struct grant *grant, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < grant->n_moves; i++)
		if (!grant->moves[i].exists)
			r = steward_add_instance(steward, grant->moves[i].to, err);
	return r || grant->exists ? r : steward_add_instance(steward, grant->instance, err);
}

int steward_grant(struct steward *steward, struct steward_lease *lease, const struct choice *choice,
		  const char *rule, int64_t now_s, struct err *err)
{
	struct grant grant = {
		.lease = lease->row,
		.is_new_lease = lease->row.id == 0,
		.exists = choice->exists,
		.now_s = now_s,
	};
	int r = grant_prepare(steward, choice, &grant, err);

	if (r)
		return r;
	begin_lease(&grant.lease, choice->exists && !steward_isolates(steward, choice->gpu),
		    now_s);
	snprintf(grant.lease.rule, sizeof(grant.lease.rule), "%s", rule);
	r = steward_transact(steward, grant_write, &grant, err);
	if (r) {
		grant_free(&grant);
		return r;
	}
	r = grant_keep(steward, &grant, err);
	if (r) /* written, not known: the next start takes it up */
		return r;
	grant_apply(steward, lease, &grant);
	return 0;
}
