#include "reconcile/steward-change-part.h"
#include "reconcile/steward-reserve.h"
#include "reconcile/steward-rules.h"

#include <stdio.h>
#include <string.h>

#include "base/sizes.h"

void steward_begin_lease(struct steward *steward, struct steward_lease *lease,
			 struct steward_instance *instance, int64_t now_s)
{
	struct about about = {
		.lease = &lease->row, .instance = &instance->row, .rule = lease->row.rule};
	char time[32], where[160];

	lease->row.state = LEASE_ACTIVE;
	lease->row.has_granted = lease->row.has_ends = true;
	lease->row.granted_s = now_s;
	lease->row.ends_s = now_s + lease->row.time_s;
	lease->dirty = true;
	steward_note(steward, EVENT_GRANTED, &about, now_s, "%s for %s",
		     steward_where(steward, &instance->row, where, sizeof(where)),
		     duration_format(time, sizeof(time), lease->row.time_s));
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
}

static void created(struct steward *steward, struct steward_instance *instance,
		    const struct job *job, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, instance->lease);
	struct ledger_instance *row = &instance->row;
	bool restored = lease ? lease->row.state == LEASE_ACTIVE
			      : row->laid && !instance->change;
	char where[160];

	row->state = INSTANCE_PRESENT;
	row->has_gi = row->has_ci = row->has_last_gi = true;
	row->gi = row->last_gi = job->gi;
	row->ci = job->ci;
	snprintf(row->mig_uuid, sizeof(row->mig_uuid), "%s", job->mig_uuid);
	instance->dirty = true;
	instance->tries = 0;
	instance->note[0] = '\0';
	steward_note(steward, restored ? EVENT_RESTORED : EVENT_CREATED,
		     &(struct about){.lease = lease ? &lease->row : NULL, .instance = row}, now_s,
		     "%s: GPU instance %u, compute instance %u",
		     steward_where(steward, row, where, sizeof(where)), row->gi, row->ci);
	if (lease && lease->row.state == LEASE_GRANTING && !steward_isolates(steward, instance->gpu))
		steward_begin_lease(steward, lease, instance, now_s);
}

/* Somewhere else, or not at all. */
static void grant_again(struct steward *steward, struct steward_lease *lease, const struct err *why,
			int64_t now_s)
{
	struct err ignored = ERR_INIT;
	struct err err = ERR_INIT;
	const struct policy_class *class_ =
		policy_class_find(steward->policy, lease->row.class_name, &ignored);
	struct choice choice;
	char rule[sizeof(lease->row.rule)];

	memcpy(rule, lease->row.rule, sizeof(rule));
	if (lease->row.state == LEASE_GRANTING)
		lease->row.has_instance = false;
	if (class_ && ++lease->tries < GRANT_TRIES && lease->row.state == LEASE_GRANTING &&
	    steward_place_again(steward, &lease->row, class_, now_s, &choice) &&
	    !steward_grant(steward, lease, &choice, rule, now_s, &err))
		return;
	steward_end_lease(steward, lease, now_s, "carved", "the instance could not be made: %s",
			  why->text);
	if (lease->row.state == LEASE_ENDING)
		steward_close_lease(steward, lease, now_s);
}

/* A lease that lost its instance keeps its place for a few tries. */
static bool restore_again(const struct steward_lease *lease, struct steward_instance *instance,
			  const struct job *job, int64_t now_s)
{
	if (!lease || lease->row.state != LEASE_ACTIVE || instance->tries == RESTORE_TRIES)
		return false;
	instance->again_s = now_s + (1 << instance->tries);
	instance->tries++;
	snprintf(instance->note, sizeof(instance->note), "cannot be made again: %.200s",
		 job->err.text);
	return true;
}

/* Part of a layout: that place is its own, and it is tried again for as long as it takes. */
static bool lay_again(struct steward *steward, struct steward_instance *instance,
		      const struct job *job, int64_t now_s)
{
	if (!instance->row.laid)
		return false;
	instance->again_s = now_s + (1 << (instance->tries < 6 ? instance->tries : 6));
	instance->tries++;
	snprintf(instance->note, sizeof(instance->note), "cannot be made again: %.200s",
		 job->err.text);
	if (instance->tries == STUCK_TRIES)
		steward_note(steward, EVENT_STUCK, &(struct about){.instance = &instance->row},
			     now_s, "%s", job->err.text);
	return true;
}

/* left: what was made may still be there. */
static void put_away(struct steward_instance *instance, bool left, int64_t now_s)
{
	instance->tries = 0;
	instance->row.laid = false;
	if (left) {
		instance->row.state = INSTANCE_DESTROYING;
		return;
	}
	instance->row.state = INSTANCE_GONE;
	instance->row.has_gone = true;
	instance->row.gone_s = now_s;
}

static void note_failure(struct steward *steward, const struct steward_lease *lease,
			 struct steward_instance *instance, const struct job *job, int64_t now_s)
{
	if (!lease && instance->row.laid && instance->tries)
		return; /* told when it was tried first */
	steward_note(
		steward, EVENT_FAILED,
		&(struct about){.lease = lease ? &lease->row : NULL, .instance = &instance->row},
		now_s, "%s", job->err.text);
}

static void create_failed(struct steward *steward, struct steward_instance *instance,
			  const struct job *job, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, instance->lease);
	struct steward_gpu *gpu = &steward->gpus[instance->gpu];
	bool by_change = steward_change_heard(steward, instance, &job->err), stays = false;

	note_failure(steward, lease, instance, job, now_s);
	snprintf(instance->row.why, sizeof(instance->row.why), "%.*s",
		 (int)sizeof(instance->row.why) - 1, job->err.text);
	instance->dirty = true;
	if (!by_change && restore_again(lease, instance, job, now_s))
		return;
	instance->lease = 0;
	if (!by_change && lay_again(steward, instance, job, now_s))
		stays = true;
	else
		put_away(instance, job->left, now_s);
	/* No room only means that our picture was old. */
	if (job->err.code != ERR_NO_ROOM && !stays)
		gpu->rest_until_s = now_s + STEWARD_REST_S;
	if (lease && lease->row.state < LEASE_ENDING)
		grant_again(steward, lease, &job->err, now_s);
	else if (lease && lease->row.state == LEASE_ENDING) {
		lease->row.has_instance = false;
		steward_close_lease(steward, lease, now_s);
	}
	steward_later(steward, instance->gpu, job_new(JOB_LOOK, instance->row.gpu));
}

static void destroy_failed(struct steward *steward, struct steward_instance *instance,
			   const struct job *job, int64_t now_s)
{
	int64_t wait_s = 1 << (instance->tries < 6 ? instance->tries : 6);
	struct about about = {.instance = &instance->row};

	steward_change_heard(steward, instance, &job->err);
	instance->again_s = now_s + wait_s;
	instance->tries++;
	snprintf(instance->note, sizeof(instance->note), "cannot be removed: %.200s",
		 job->err.text);
	if (instance->tries == 1)
		steward_note(steward, EVENT_FAILED, &about, now_s, "%s", job->err.text);
	if (instance->tries == STUCK_TRIES)
		steward_note(steward, EVENT_STUCK, &about, now_s, "%s", job->err.text);
}

static void work_done(struct steward *steward, struct job *job, int64_t now_s)
{
	struct steward_instance *instance = steward_instance_find(steward, job->instance);

	if (!instance)
		return;
	instance->job = false;
	if (job->kind == JOB_CREATE && !job->result)
		created(steward, instance, job, now_s);
	else if (job->kind == JOB_CREATE)
		create_failed(steward, instance, job, now_s);
	else if (job->result)
		destroy_failed(steward, instance, job, now_s);
}

static void gpu_job_done(struct steward *steward, struct job *job, int64_t now_s)
{
	bool looked;

	for (size_t i = 0; i < steward->n_gpus; i++) {
		struct steward_gpu *gpu = &steward->gpus[i];

		if (strcmp(gpu->info.uuid, job->gpu) != 0)
			continue;
		gpu->jobs--;
		gpu->changed_tick = ++steward->tick; /* looks begun before this are old */
		looked = job->after != NULL;
		if (looked) /* where else, if it failed, is asked of what is there now */
			steward_accept_look(gpu, &job->after, job->tick);
		if (job->kind == JOB_MIG)
			steward_change_mode_done(steward, i, job, now_s);
		else
			work_done(steward, job, now_s);
		if (looked)
			steward_act_on_look(steward, i, now_s);
		return;
	}
}

void steward_done(struct steward *steward, struct job *take_job, int64_t now_s)
{
	cleanup(job_free) struct job *job = take_job;

	if (job->kind == JOB_SURVEY)
		steward_survey_done(steward, job, now_s);
	else if (job->kind == JOB_CLOSE)
		steward_isolate_done(steward, job, now_s);
	else
		gpu_job_done(steward, job, now_s);
	steward_settle(steward);
	steward_changes_advance(steward, now_s);
	steward_rules_tick(steward, now_s);
	steward_serve_queue(steward, now_s);
	steward_settle(steward);
	steward_isolate_submit(steward);
	if (steward->survey_wanted)
		steward_look(steward);
}
