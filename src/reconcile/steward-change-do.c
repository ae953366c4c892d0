/* Beginning one step of a change: the promise, and the job that waits for it to be written. */
#include "reconcile/steward-change-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void change_mode_job(struct steward *steward, struct steward_change_part *part, bool on,
		     int64_t now_s)
{
	struct job *job = job_new(JOB_MIG, part->row.gpu);

	if (!job)
		return;
	job->on = on;
	steward->gpus[part->gpu].mode_again_s = now_s + STEWARD_REST_S;
	steward_later(steward, part->gpu, job);
}

static struct steward_instance *at_place(struct steward *steward,
					 const struct steward_change_part *part,
					 const struct steward_change_step *step)
{
	const struct steward_instance *instance = steward_instance_on(
		steward, part->gpu, step->row.profile_id, step->row.start);

	return instance ? steward_instance_find(steward, instance->row.id) : NULL;
}

static void take_instance(struct steward_change_step *step, struct steward_instance *instance,
			  int64_t now_s)
{
	step->row.has_instance = true;
	step->row.instance = instance->row.id;
	instance->change = step->row.change;
	instance->tries = 0;
	instance->again_s = 0;
	instance->dirty = true;
	change_set_step(step, STEP_STATE_DOING, now_s);
}

static struct steward_instance *new_instance(const struct steward_change_step *step,
					     const struct profile *profile, int64_t now_s)
{
	struct steward_instance *instance = calloc(1, sizeof(*instance));
	struct ledger_instance *row;

	if (!instance)
		return NULL;
	row = &instance->row;
	*row = (struct ledger_instance){
		.profile_id = profile->id,
		.start = step->row.start,
		.size = profile->size,
		.slices = profile->compute_slices,
		.laid = step->row.laid,
		.state = INSTANCE_CREATING,
		.created_s = now_s,
	};
	memcpy(row->gpu, step->row.gpu, sizeof(row->gpu));
	snprintf(row->profile, sizeof(row->profile), "%s", profile->name);
	snprintf(row->why, sizeof(row->why), "change %" PRId64, step->row.change);
	return instance;
}

struct making {
	struct steward_change_step *step;
	struct ledger_instance *instance;
};

static int write_making(struct steward *steward, void *arg, struct err *err)
{
	struct making *making = arg;
	int r = ledger_instance_add(steward->ledger, making->instance, err);

	if (r)
		return r;
	making->step->row.has_instance = true;
	making->step->row.instance = making->instance->id;
	return ledger_change_step_update(steward->ledger, &making->step->row, err);
}

/* The promise is new, so that its number must be known before a job can have it. */
static enum part_news make_new(struct steward *steward, struct steward_change_part *part,
			       struct steward_change_step *step, int64_t now_s)
{
	const struct profile *profile = board_profile_by_id(steward->gpus[part->gpu].info.board,
							    step->row.profile_id);
	struct steward_instance *instance = profile ? new_instance(step, profile, now_s) : NULL;
	struct ledger_change_step before = step->row;
	struct err err = ERR_INIT;

	if (!instance)
		return PART_WAITS;
	change_set_step(step, STEP_STATE_DOING, now_s);
	if (steward_transact(steward, write_making, &(struct making){step, &instance->row}, &err)) {
		step->row = before;
		free(instance);
		return PART_WAITS;
	}
	instance->change = step->row.change;
	if (steward_add_instance(steward, instance, &err))
		return PART_WAITS; /* written, not known: the next start takes it up */
	steward_instance_job(steward, instance, JOB_CREATE, false);
	steward_saved(steward);
	return PART_MOVED;
}

/* Was it part of a layout when this change removed it? */
static bool was_laid(const struct steward_change *change, const struct steward_change_step *step,
		     const struct steward_gpu *gpu)
{
	for (size_t i = 0; i < change->n_steps; i++) {
		const struct ledger_change_step *other = &change->steps[i].row;

		if (other->kind == STEP_DESTROY && other->has_place &&
		    other->profile_id == step->row.profile_id && other->start == step->row.start &&
		    !strcmp(other->gpu, step->row.gpu))
			return other->laid;
	}
	return gpu->wanted.gpu[0] && gpu->wanted.mig;
}

static enum part_news begin_create(struct steward *steward, struct steward_change *change,
				   struct steward_change_part *part,
				   struct steward_change_step *step, int64_t now_s)
{
	struct steward_instance *instance = at_place(steward, part, step);

	if (step->row.back)
		step->row.laid = was_laid(change, step, &steward->gpus[part->gpu]);
	if (!instance)
		return make_new(steward, part, step, now_s);
	if (instance->row.state == INSTANCE_PRESENT)
		return change_step_done(step, now_s);
	take_instance(step, instance, now_s);
	instance->row.laid = step->row.laid;
	instance->row.state = INSTANCE_CREATING;
	steward_instance_job(steward, instance, JOB_CREATE, true);
	return PART_MOVED;
}

static enum part_news begin_destroy(struct steward *steward, struct steward_change *change,
				    struct steward_change_part *part,
				    struct steward_change_step *step, int64_t now_s)
{
	struct steward_instance *instance = at_place(steward, part, step);

	if (!instance)
		return change_step_done(step, now_s);
	if (instance->lease)
		return change_step_failed(part, step, ERR_BUSY, "it is leased", now_s);
	take_instance(step, instance, now_s);
	step->row.laid = instance->row.laid;
	instance->row.laid = false;
	instance->row.state = INSTANCE_DESTROYING;
	snprintf(instance->row.why, sizeof(instance->row.why), "change %" PRId64, change->row.id);
	steward_instance_job(steward, instance, JOB_DESTROY, false);
	return PART_MOVED;
}

static enum part_news begin_mode(struct steward *steward, struct steward_change *change,
				 struct steward_change_part *part, struct steward_change_step *step,
				 int64_t now_s)
{
	(void)change;
	change_set_step(step, STEP_STATE_DOING, now_s);
	change_mode_job(steward, part, step->row.kind == STEP_MIG_ON, now_s);
	return PART_MOVED;
}

enum part_news change_begin_step(struct steward *steward, struct steward_change *change,
				 struct steward_change_part *part, struct steward_change_step *step,
				 int64_t now_s)
{
	static enum part_news (*const begin[STEP_KIND_COUNT])(
		struct steward *, struct steward_change *, struct steward_change_part *,
		struct steward_change_step *, int64_t) = {
		[STEP_CREATE] = begin_create,
		[STEP_DESTROY] = begin_destroy,
		[STEP_MIG_ON] = begin_mode,
		[STEP_MIG_OFF] = begin_mode,
	};

	return begin[step->row.kind](steward, change, part, step, now_s);
}
