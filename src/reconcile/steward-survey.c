#include "reconcile/steward-change-part.h"

#include <stdio.h>
#include <string.h>

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
		    uint64_t tick, int64_t now_s)
{
	struct steward_gpu *gpu = &steward->gpus[index];
	bool fresh = !gpu->there || gpu->info.mig != info->mig || gpu->info.lost != info->lost;
	struct ledger_instance row = {0};

	gpu->info = *info;
	gpu->info_tick = tick;
	gpu->there = true;
	steward_change_recall(steward, index);
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
	see_gpu(steward, index, &job->gpus[i], job->tick, now_s);
	for (size_t k = 0; k < steward->n_instances; k++)
		if (steward->instances[k]->gpu == STEWARD_NO_GPU || !steward->instances[k]->profile)
			steward_bind(steward, steward->instances[k]);
	if (job->seen[i]) {
		steward_accept_look(gpu, &job->seen[i], job->tick);
		steward_act_on_look(steward, index, now_s);
	} else {
		gpu->has_trouble = true;
		gpu->trouble = job->why[i];
	}
}

void steward_survey_done(struct steward *steward, struct job *job, int64_t now_s)
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
