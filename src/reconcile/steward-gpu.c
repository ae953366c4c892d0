#include "reconcile/steward-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "base/text.h"


/* ---- what stands in the way of the promises ---- */

static void name_users(const struct steward_gpu *gpu, unsigned gi, struct text *ret)
{
	unsigned told = 0;

	for (size_t i = 0; gpu->seen && i < gpu->seen->n_processes && told < 3; i++) {
		const struct observed_process *process = &gpu->seen->processes[i];

		if (process->gi != gi)
			continue;
		text_addf(ret, "%spid %u", told++ ? ", " : "", process->pid);
		if (process->has_user)
			text_addf(ret, " (%s of %s)", process->name, process->user);
	}
}

static void note_users(const struct steward_gpu *gpu, struct steward_instance *instance,
		       const char *before)
{
	cleanup(text_done) struct text users = TEXT_INIT;

	name_users(gpu, instance->row.gi, &users);
	snprintf(instance->note, sizeof(instance->note), "%s%s", before, text_str(&users));
}

/*
 * Who runs on it cannot be seen, but the driver knows: it does not let an instance go
 * that is in use. The lease ends when it is gone.
 */
static void ask_driver(struct steward *steward, const struct steward_lease *lease,
		       struct steward_instance *instance)
{
	instance->row.state = INSTANCE_DESTROYING;
	instance->dirty = true;
	snprintf(instance->row.why, sizeof(instance->row.why), "lease %" PRId64 " is over",
		 lease->row.id);
	steward_instance_job(steward, instance, JOB_DESTROY, false);
}

/* Over, and is it empty now? */
static void try_close(struct steward *steward, const struct steward_gpu *gpu,
		      struct steward_instance *instance, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, instance->lease);

	if (!lease || lease->row.state != LEASE_ENDING || gpu->seen_tick < lease->over_tick)
		return;
	if (instance->row.has_gi && observed_users(gpu->seen, instance->row.gi)) {
		note_users(gpu, instance, "the lease is over, still in use by ");
		return;
	}
	instance->note[0] = '\0';
	if (instance->row.has_gi && !observed_is_idle(gpu->seen, instance->row.gi))
		ask_driver(steward, lease, instance);
	else
		steward_close_lease(steward, lease, now_s);
}

/* empty: the GPU instance is still there, only its compute instance is not; that is ours to remove. */
static void vanish(struct steward *steward, struct steward_instance *instance, bool empty,
		   int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, instance->lease);
	const struct about about = {.lease = lease ? &lease->row : NULL, .instance = &instance->row};
	char where[160];

	steward_note(steward, EVENT_LOST, &about, now_s, "%s vanished%s",
		     steward_where(steward, &instance->row, where, sizeof(where)),
		     lease && lease->row.state == LEASE_ACTIVE ? "; it is made again" : "");
	instance->dirty = true;
	instance->row.has_gi = instance->row.has_ci = false;
	snprintf(instance->row.why, sizeof(instance->row.why), "vanished");
	if (lease && lease->row.state == LEASE_ACTIVE) {
		instance->row.state = INSTANCE_CREATING;
		return;
	}
	instance->row.state = empty ? INSTANCE_DESTROYING : INSTANCE_GONE;
	instance->row.has_gone = !empty;
	instance->row.gone_s = empty ? 0 : now_s;
	if (lease)
		steward_close_lease(steward, lease, now_s);
}

static void gone(struct steward *steward, struct steward_instance *instance, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, instance->lease);
	char where[160];

	steward_note(steward, EVENT_DESTROYED, &(struct about){.instance = &instance->row}, now_s,
		     "%s: %s", steward_where(steward, &instance->row, where, sizeof(where)),
		     instance->row.why);
	instance->row.state = INSTANCE_GONE;
	instance->row.has_gone = true;
	instance->row.gone_s = now_s;
	instance->dirty = true;
	if (lease)
		steward_close_lease(steward, lease, now_s);
}

/* The same slot can hold another generation, after a reset say. */
static void know_again(struct steward_instance *instance, const struct backend_instance *there)
{
	struct ledger_instance *row = &instance->row;

	if (row->has_gi && row->gi == there->gi && row->ci == there->cis[0].id &&
	    !strcmp(row->mig_uuid, there->cis[0].uuid))
		return;
	row->has_gi = row->has_ci = true;
	row->gi = there->gi;
	row->ci = there->cis[0].id;
	snprintf(row->mig_uuid, sizeof(row->mig_uuid), "%s", there->cis[0].uuid);
	instance->dirty = true;
}

static void check_instance(struct steward *steward, struct steward_gpu *gpu,
			   struct steward_instance *instance, int64_t now_s);

static void check_present(struct steward *steward, struct steward_gpu *gpu,
			  struct steward_instance *instance, int64_t now_s)
{
	const struct backend_instance *there =
		observed_at(gpu->seen, instance->row.profile_id, instance->row.start);

	if (!there || !there->n_cis) {
		vanish(steward, instance, there != NULL, now_s);
		check_instance(steward, gpu, instance, now_s); /* which is not present any more */
		return;
	}
	know_again(instance, there);
	if (instance->lease)
		try_close(steward, gpu, instance, now_s);
}

static void check_creating(struct steward *steward, struct steward_gpu *gpu,
			   struct steward_instance *instance, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, instance->lease);

	if (!lease || lease->row.state >= LEASE_ENDING) {
		instance->row.state = INSTANCE_DESTROYING;
		instance->dirty = true;
		if (lease)
			steward_close_lease(steward, lease, now_s);
	} else if (!gpu->info.mig) {
		snprintf(instance->note, sizeof(instance->note), "waits for MIG mode on GPU %u",
			 gpu->info.index);
	} else if (instance->again_s <= now_s) {
		steward_instance_job(steward, instance, JOB_CREATE, true);
	}
}

static void check_destroying(struct steward *steward, struct steward_gpu *gpu,
			     struct steward_instance *instance, int64_t now_s)
{
	const struct backend_instance *there =
		observed_at(gpu->seen, instance->row.profile_id, instance->row.start);

	if (!there)
		gone(steward, instance, now_s);
	else if (observed_users(gpu->seen, there->gi))
		note_users(gpu, instance, "to be removed, in use by ");
	else if (instance->again_s <= now_s)
		steward_instance_job(steward, instance, JOB_DESTROY, false);
}

static void check_instance(struct steward *steward, struct steward_gpu *gpu,
			   struct steward_instance *instance, int64_t now_s)
{
	switch (instance->row.state) {
	case INSTANCE_CREATING:
		check_creating(steward, gpu, instance, now_s);
		break;
	case INSTANCE_PRESENT:
		check_present(steward, gpu, instance, now_s);
		break;
	case INSTANCE_DESTROYING:
		check_destroying(steward, gpu, instance, now_s);
		break;
	case INSTANCE_GONE:
	case INSTANCE_STATE_COUNT:
		break;
	}
}

/* ---- strangers ---- */

static bool knows(const struct place_key *list, size_t n, struct place_key key)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].profile_id == key.profile_id && list[i].start == key.start)
			return true;
	return false;
}

static void note_stranger(struct steward *steward, const struct steward_gpu *gpu,
			  enum event_kind kind, struct place_key key, int64_t now_s)
{
	const struct profile *profile =
		gpu->info.board ? board_profile_by_id(gpu->info.board, key.profile_id) : NULL;
	struct ledger_instance row = {.profile_id = key.profile_id, .start = key.start};
	char where[160];

	snprintf(row.gpu, sizeof(row.gpu), "%s", gpu->info.uuid);
	snprintf(row.profile, sizeof(row.profile), "%s", profile ? profile->name : "instance");
	steward_note(steward, kind, &(struct about){.instance = &row}, now_s, "%s, not made by carve, %s",
		     steward_where(steward, &row, where, sizeof(where)),
		     kind == EVENT_STRANGER ? "is left alone" : "is gone");
}

static void check_strangers(struct steward *steward, size_t index, int64_t now_s)
{
	struct steward_gpu *gpu = &steward->gpus[index];
	struct place_key now[BACKEND_MAX_INSTANCES];
	size_t n = 0;

	for (size_t i = 0; i < gpu->seen->n_instances; i++) {
		const struct backend_instance *seen = &gpu->seen->instances[i];
		const struct place_key key = {seen->profile_id, seen->start};

		if (steward_instance_on(steward, index, key.profile_id, key.start))
			continue;
		if (!knows(gpu->strangers, gpu->n_strangers, key))
			note_stranger(steward, gpu, EVENT_STRANGER, key, now_s);
		now[n++] = key;
	}
	for (size_t i = 0; i < gpu->n_strangers; i++)
		if (!knows(now, n, gpu->strangers[i]))
			note_stranger(steward, gpu, EVENT_STRANGER_GONE, gpu->strangers[i], now_s);
	memcpy(gpu->strangers, now, n * sizeof(now[0]));
	gpu->n_strangers = n;
}

void steward_reconcile_gpu(struct steward *steward, size_t index, int64_t now_s)
{
	struct steward_gpu *gpu = &steward->gpus[index];

	if (!gpu->seen || gpu->has_trouble)
		return;
	for (size_t i = 0; i < steward->n_instances; i++)
		if (steward->instances[i]->gpu == index && !steward->instances[i]->job)
			check_instance(steward, gpu, steward->instances[i], now_s);
}

/* A newer look than the one we have. */
static void accept_look(struct steward_gpu *gpu, struct observed_gpu **take_seen, uint64_t tick)
{
	observed_gpu_free(gpu->seen);
	gpu->seen = steal(*take_seen);
	gpu->seen_tick = tick;
	gpu->has_trouble = false;
}

static void act_on_look(struct steward *steward, size_t index, int64_t now_s)
{
	steward_reconcile_gpu(steward, index, now_s);
	check_strangers(steward, index, now_s);
}

/* ---- surveys ---- */

/* Nothing runs on a GPU that is gone; what lies on it is dealt with when it is back. */
static void close_ending(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];
		struct steward_instance *instance = steward_instance_of(steward, lease);

		if (lease->row.state == LEASE_ENDING && instance && !instance->job &&
		    !steward_has_gpu(steward, instance->gpu))
			steward_close_lease(steward, lease, now_s);
	}
}

/* One that was lost before it ever said who it is goes by its index until it does. */
static bool is_same_gpu(const struct backend_gpu *known, const struct backend_gpu *now)
{
	return known->uuid[0] ? !strcmp(known->uuid, now->uuid) : known->index == now->index;
}

static size_t gpu_slot(struct steward *steward, const struct backend_gpu *info)
{
	size_t nameless = STEWARD_NO_GPU;

	for (size_t i = 0; i < steward->n_gpus; i++) {
		const struct backend_gpu *known = &steward->gpus[i].info;

		if (!is_same_gpu(known, info))
			continue;
		if (known->uuid[0])
			return i;
		nameless = i;
	}
	if (nameless != STEWARD_NO_GPU)
		return nameless;
	return steward->n_gpus < BACKEND_MAX_GPUS ? steward->n_gpus++ : STEWARD_NO_GPU;
}

static const char *mig_word(const struct backend_gpu *info)
{
	return !info->mig_capable ? "cannot do MIG" : info->mig ? "MIG is on" : "MIG is off";
}

static void see_gpu(struct steward *steward, size_t index, const struct backend_gpu *info,
		    int64_t now_s)
{
	struct steward_gpu *gpu = &steward->gpus[index];
	bool fresh = !gpu->there || gpu->info.mig != info->mig || gpu->info.lost != info->lost;
	struct ledger_instance row = {0};

	gpu->info = *info;
	gpu->there = true;
	gpu->managed = policy_manages_gpu(steward->policy, info->index, info->uuid,
					  info->board ? info->board->id : NULL);
	if (!fresh)
		return;
	gpu->dirty = info->uuid[0] != '\0'; /* the ledger knows GPUs by that */
	snprintf(row.gpu, sizeof(row.gpu), "%s", info->uuid);
	steward_note(steward, info->lost ? EVENT_GPU_LOST : EVENT_GPU_SEEN,
		     &(struct about){.instance = &row}, now_s, "GPU %u, %s: %s", info->index,
		     info->name, info->lost ? "does not answer" : mig_word(info));
}

static void miss_gpus(struct steward *steward, const struct job *job, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_gpus; i++) {
		struct steward_gpu *gpu = &steward->gpus[i];
		struct ledger_instance row = {0};
		bool found = false;

		for (size_t k = 0; k < job->n_gpus; k++)
			found |= is_same_gpu(&gpu->info, &job->gpus[k]);
		if (found || !gpu->there)
			continue;
		gpu->there = false;
		snprintf(row.gpu, sizeof(row.gpu), "%s", gpu->info.uuid);
		steward_note(steward, EVENT_GPU_LOST, &(struct about){.instance = &row}, now_s,
			     "GPU %u is not there any more", gpu->info.index);
	}
}

static void survey_gpu(struct steward *steward, struct job *job, size_t i, int64_t now_s)
{
	size_t index = gpu_slot(steward, &job->gpus[i]);
	struct steward_gpu *gpu;

	if (index == STEWARD_NO_GPU)
		return;
	gpu = &steward->gpus[index];
	/* Something was begun since this look, or is still going on: it tells more. */
	if (gpu->jobs || gpu->changed_tick > job->tick)
		return;
	see_gpu(steward, index, &job->gpus[i], now_s);
	for (size_t k = 0; k < steward->n_instances; k++)
		if (steward->instances[k]->gpu == STEWARD_NO_GPU || !steward->instances[k]->profile)
			steward_bind(steward, steward->instances[k]);
	if (job->seen[i]) {
		accept_look(gpu, &job->seen[i], job->tick);
		act_on_look(steward, index, now_s);
	} else {
		gpu->has_trouble = true;
		gpu->trouble = job->why[i];
	}
}

static void survey_done(struct steward *steward, struct job *job, int64_t now_s)
{
	steward->surveying = false;
	steward->survey_s = now_s;
	if (job->result) {
		steward->survey_trouble = job->err;
		return;
	}
	steward->survey_trouble = ERR_INIT;
	miss_gpus(steward, job, now_s);
	for (size_t i = 0; i < job->n_gpus; i++)
		survey_gpu(steward, job, i, now_s);
	close_ending(steward, now_s);
	steward->surveyed = true;
}

void steward_look(struct steward *steward)
{
	struct job *job;

	steward->survey_wanted = true;
	if (steward->surveying)
		return;
	job = job_new(JOB_SURVEY, NULL);
	if (!job)
		return;
	steward->surveying = true;
	steward->survey_wanted = false;
	job->tick = ++steward->tick;
	steward->hooks.submit(steward->hooks.arg, STEWARD_NO_GPU, job);
}

/* ---- jobs that come back ---- */

static void lease_begins(struct steward *steward, struct steward_lease *lease,
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
	bool restored = lease && lease->row.state == LEASE_ACTIVE;
	char where[160];

	row->state = INSTANCE_PRESENT;
	row->has_gi = row->has_ci = true;
	row->gi = job->gi;
	row->ci = job->ci;
	snprintf(row->mig_uuid, sizeof(row->mig_uuid), "%s", job->mig_uuid);
	instance->dirty = true;
	instance->tries = 0;
	instance->note[0] = '\0';
	steward_note(steward, restored ? EVENT_RESTORED : EVENT_CREATED,
		     &(struct about){.lease = lease ? &lease->row : NULL, .instance = row}, now_s,
		     "%s: GPU instance %u, compute instance %u",
		     steward_where(steward, row, where, sizeof(where)), row->gi, row->ci);
	if (lease && lease->row.state == LEASE_GRANTING)
		lease_begins(steward, lease, instance, now_s);
}

/* Somewhere else, or not at all. */
static void grant_again(struct steward *steward, struct steward_lease *lease, const struct err *why,
			int64_t now_s)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	struct err ignored = ERR_INIT;
	struct err err = ERR_INIT;
	const struct policy_class *class_ =
		policy_class_find(steward->policy, lease->row.class_name, &ignored);
	size_t n = steward_view(steward, now_s, gpus);
	struct choice choice;
	char rule[sizeof(lease->row.rule)];

	memcpy(rule, lease->row.rule, sizeof(rule));
	if (lease->row.state == LEASE_GRANTING)
		lease->row.has_instance = false;
	if (class_ && ++lease->tries < GRANT_TRIES && lease->row.state == LEASE_GRANTING &&
	    choose_place(gpus, n, class_, POLICY_UNLIMITED, NULL, &choice) &&
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

static void create_failed(struct steward *steward, struct steward_instance *instance,
			  const struct job *job, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, instance->lease);
	struct steward_gpu *gpu = &steward->gpus[instance->gpu];

	steward_note(steward, EVENT_FAILED,
		     &(struct about){.lease = lease ? &lease->row : NULL, .instance = &instance->row},
		     now_s, "%s", job->err.text);
	snprintf(instance->row.why, sizeof(instance->row.why), "%.*s", (int)sizeof(instance->row.why) - 1,
		 job->err.text);
	instance->dirty = true;
	if (restore_again(lease, instance, job, now_s))
		return;
	instance->lease = 0;
	instance->tries = 0;
	if (job->left) {
		instance->row.state = INSTANCE_DESTROYING;
	} else {
		instance->row.state = INSTANCE_GONE;
		instance->row.has_gone = true;
		instance->row.gone_s = now_s;
	}
	/* No room only means that our picture was old. */
	if (job->err.code != ERR_NO_ROOM)
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

	instance->again_s = now_s + wait_s;
	instance->tries++;
	snprintf(instance->note, sizeof(instance->note), "cannot be removed: %.200s", job->err.text);
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
			accept_look(gpu, &job->after, job->tick);
		work_done(steward, job, now_s);
		if (looked)
			act_on_look(steward, i, now_s);
		return;
	}
}

void steward_done(struct steward *steward, struct job *take_job, int64_t now_s)
{
	cleanup(job_free) struct job *job = take_job;

	if (job->kind == JOB_SURVEY)
		survey_done(steward, job, now_s);
	else
		gpu_job_done(steward, job, now_s);
	steward_settle(steward);
	steward_serve_queue(steward, now_s);
	steward_settle(steward);
	if (steward->survey_wanted)
		steward_look(steward);
}

/* ---- time ---- */

static bool in_a_hurry(const struct steward *steward)
{
	for (size_t i = 0; i < steward->n_leases; i++)
		if (steward->leases[i]->row.state == LEASE_ENDING)
			return true;
	for (size_t i = 0; i < steward->n_instances; i++)
		if (steward->instances[i]->row.state == INSTANCE_DESTROYING ||
		    (steward->instances[i]->row.state == INSTANCE_CREATING &&
		     steward->instances[i]->tries))
			return true;
	return steward->unwritable || !steward->surveyed;
}

static void expire(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];

		if (lease->row.state == LEASE_ACTIVE && lease->row.ends_s <= now_s)
			steward_end_lease(steward, lease, now_s, "carved", "its time is over");
	}
}

static int64_t next_end(const struct steward *steward, int64_t at_latest_s)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		const struct ledger_lease *row = &steward->leases[i]->row;

		if (row->state == LEASE_ACTIVE && row->ends_s < at_latest_s)
			at_latest_s = row->ends_s;
	}
	return at_latest_s;
}

/* What was to wait for some seconds must not wait for the hours the clock was set back by. */
static void forget_waits(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		steward->gpus[i].rest_until_s = 0;
	for (size_t i = 0; i < steward->n_instances; i++)
		steward->instances[i]->again_s = 0;
}

int64_t steward_tick(struct steward *steward, int64_t now_s)
{
	int64_t every_s = in_a_hurry(steward) ? STEWARD_HURRY_S : STEWARD_SURVEY_S;

	if (now_s < steward->survey_s)
		forget_waits(steward);
	expire(steward, now_s);
	steward_settle(steward);
	if (now_s >= steward->survey_s + every_s || now_s < steward->survey_s)
		steward_look(steward);
	steward_serve_queue(steward, now_s);
	steward_settle(steward);
	return next_end(steward, now_s + every_s);
}

/* ---- another policy ---- */

void steward_set_policy(struct steward *steward, struct policy *take_policy, const char *by,
			int64_t now_s)
{
	policy_free(steward->policy);
	steward->policy = take_policy;
	for (size_t i = 0; i < steward->n_gpus; i++) {
		struct steward_gpu *gpu = &steward->gpus[i];

		gpu->managed = policy_manages_gpu(take_policy, gpu->info.index, gpu->info.uuid,
						  gpu->info.board ? gpu->info.board->id : NULL);
	}
	steward_tell(steward, EVENT_POLICY, by, now_s, "%s", policy_name(take_policy));
	steward_serve_queue(steward, now_s);
	steward_settle(steward);
}
