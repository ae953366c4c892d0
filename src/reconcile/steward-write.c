#include "reconcile/steward-change-part.h"
#include "reconcile/steward-drain.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"

static int write_gpu(struct steward *steward, const struct backend_gpu *info, struct err *err)
{
	struct ledger_gpu row = {
		.index = info->index,
		.first_seen_s = steward->survey_s,
		.last_seen_s = steward->survey_s,
	};

	snprintf(row.uuid, sizeof(row.uuid), "%s", info->uuid);
	snprintf(row.board, sizeof(row.board), "%s", info->board ? info->board->id : "");
	snprintf(row.name, sizeof(row.name), "%s", info->name);
	snprintf(row.pci, sizeof(row.pci), "%s", info->pci);
	snprintf(row.serial, sizeof(row.serial), "%s", info->serial);
	return ledger_gpu_seen(steward->ledger, &row, err);
}

static int save(struct steward *steward, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < steward->n_gpus; i++)
		if (steward->gpus[i].dirty)
			r = write_gpu(steward, &steward->gpus[i].info, err);
	for (size_t i = 0; !r && i < steward->n_instances; i++)
		if (steward->instances[i]->dirty)
			r = ledger_instance_update(steward->ledger, &steward->instances[i]->row,
						   err);
	for (size_t i = 0; !r && i < steward->n_leases; i++)
		if (steward->leases[i]->dirty)
			r = ledger_lease_update(steward->ledger, &steward->leases[i]->row, err);
	r = r ? r : steward_drains_save(steward, err);
	r = r ? r : steward_changes_save(steward, err);
	return r ? r : steward_save_notes(steward, 0, err);
}

static void submit_pending(struct steward *steward)
{
	size_t n = steward->n_pending;

	steward->n_pending = 0;
	for (size_t i = 0; i < n; i++)
		steward->hooks.submit(steward->hooks.arg, steward->pending[i].worker,
				      steward->pending[i].job);
}

void steward_saved(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		steward->gpus[i].dirty = false;
	for (size_t i = 0; i < steward->n_instances; i++)
		steward->instances[i]->dirty = false;
	for (size_t i = 0; i < steward->n_leases; i++)
		steward->leases[i]->dirty = false;
	steward_drains_saved(steward);
	steward_changes_saved(steward);
	steward->n_notes = 0;
	steward->unwritable = false;
	submit_pending(steward);
	steward_isolate_submit(steward);
}

int steward_not_saved(struct steward *steward, const struct err *err)
{
	steward->unwritable = true;
	steward->unwritable_why = *err;
	return -(int)err->code;
}

static bool has_unsaved(const struct steward *steward)
{
	bool dirty = steward->n_notes > 0 || steward->unwritable;

	for (size_t i = 0; !dirty && i < steward->n_gpus; i++)
		dirty = steward->gpus[i].dirty;
	for (size_t i = 0; !dirty && i < steward->n_instances; i++)
		dirty = steward->instances[i]->dirty;
	for (size_t i = 0; !dirty && i < steward->n_leases; i++)
		dirty = steward->leases[i]->dirty;
	return dirty || steward_changes_unsaved(steward);
}

/* What is unsaved comes first: it may be the same rows, or who had the place before. */
static int write_all(struct steward *steward, steward_write_fn *write, void *arg, struct err *err)
{
	size_t n_notes = steward->n_notes;
	int r = save(steward, err);

	if (!r && write)
		r = write(steward, arg, err);
	return r ? r : steward_save_notes(steward, n_notes, err);
}

int steward_transact(struct steward *steward, steward_write_fn *write, void *arg, struct err *err)
{
	size_t n_notes = steward->n_notes;
	int r = ledger_begin(steward->ledger, err);

	if (r)
		return steward_not_saved(steward, err);
	r = write_all(steward, write, arg, err);
	if (r)
		ledger_rollback(steward->ledger);
	else
		r = ledger_commit(steward->ledger, err);
	if (!r)
		return 0;
	steward->n_notes = n_notes;
	return steward_not_saved(steward, err);
}

int steward_flush(struct steward *steward, struct err *err)
{
	if (!has_unsaved(steward)) {
		submit_pending(steward);
	} else {
		int r = steward_transact(steward, NULL, NULL, err);

		if (r)
			return r;
		steward_saved(steward);
	}
	steward_forget(steward);
	return 0;
}

void steward_settle(struct steward *steward)
{
	struct err err = ERR_INIT;

	steward_flush(steward, &err);
}

void steward_later(struct steward *steward, size_t worker, struct job *take_job)
{
	if (!take_job)
		return;
	take_job->tick = ++steward->tick;
	if (array_reserve(&steward->pending, &steward->cap_pending, steward->n_pending,
			  sizeof(*steward->pending))) {
		job_free(take_job); /* the next look at the GPU hands it out again */
		return;
	}
	steward->pending[steward->n_pending++] = (struct pending_job){worker, take_job};
	if (worker != STEWARD_NO_GPU) {
		steward->gpus[worker].jobs++;
		steward->gpus[worker].changed_tick = steward->tick;
	}
}

void steward_instance_job(struct steward *steward, struct steward_instance *instance,
			  enum job_kind kind, bool resume)
{
	const struct ci_profile *ci;
	struct job *job;

	/* Of a GPU that is away nothing can be done; when it is back it is looked at first. */
	if (*steward->observing || instance->job || !steward_has_gpu(steward, instance->gpu) || !instance->profile)
		return;
	ci = profile_whole_ci(instance->profile);
	job = ci ? job_new(kind, instance->row.gpu) : NULL;
	if (!job)
		return;
	job->instance = instance->row.id;
	job->profile_id = instance->row.profile_id;
	job->ci_profile_id = ci->id;
	job->start = instance->row.start;
	job->size = instance->row.size;
	job->resume = resume;
	instance->job = true;
	steward_later(steward, instance->gpu, job);
}
