/*
 * One GPU of a change: the next of its steps, when nothing there is under way.
 *
 * What is to come is read from the ledger's steps as long as they hold, and
 * planned anew from what is there when they have run out: after a reboot, or on
 * the way back.
 */
#include "reconcile/steward-change-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"

#define STALL_S	    30 /* a GPU that does not answer is waited for so long */
#define MOST_ROUNDS 4  /* plans for one GPU, in one direction */

/* ---- the list ---- */

static struct steward_change_step *append(struct steward_change *change,
					  const struct steward_change_part *part,
					  enum step_kind kind, bool back)
{
	struct steward_change_step *step;

	if (array_reserve(&change->steps, &change->cap_steps, change->n_steps,
			  sizeof(*change->steps)))
		return NULL;
	step = &change->steps[change->n_steps++];
	*step = (struct steward_change_step){
		.row = {.change = change->row.id,
			.n = (unsigned)change->n_steps,
			.kind = kind,
			.back = back},
	};
	memcpy(step->row.gpu, part->row.gpu, sizeof(step->row.gpu));
	return step;
}

static bool add_place(struct steward_change *change, const struct steward_change_part *part,
		      const struct change_step *planned, const struct change_ground *ground,
		      bool back)
{
	struct steward_change_step *step =
		append(change, part, planned->create ? STEP_CREATE : STEP_DESTROY, back);
	const struct steward_instance *instance =
		planned->create ? NULL : ground->instances[planned->instance];

	if (!step)
		return false;
	step->row.has_place = true;
	step->row.profile_id = planned->profile->id;
	step->row.start = planned->start;
	step->row.laid = planned->create ? true : instance && instance->row.laid;
	snprintf(step->row.profile, sizeof(step->row.profile), "%s", planned->profile->name);
	return true;
}

int change_add_steps(struct steward_change *change, const struct steward_change_part *part,
		     const struct change_plan *plan, const struct change_ground *ground, bool back,
		     struct err *err)
{
	const struct wish_gpu *to = back ? &part->was : &part->goal;
	bool ok = true;

	if (plan->mode && to->mig)
		ok = append(change, part, STEP_MIG_ON, back) != NULL;
	for (size_t i = 0; ok && i < plan->change.n; i++)
		ok = add_place(change, part, &plan->change.steps[i], ground, back);
	if (ok && plan->mode && !to->mig)
		ok = append(change, part, STEP_MIG_OFF, back) != NULL;
	return ok ? 0 : fail(err, ERR_NOMEM, "no memory for the steps of a change");
}

void change_set_step(struct steward_change_step *step, enum step_state state, int64_t now_s)
{
	step->row.state = state;
	step->dirty = true;
	if (state == STEP_STATE_DOING) {
		step->row.has_began = true;
		step->row.began_s = now_s;
	} else {
		step->row.has_ended = true;
		step->row.ended_s = now_s;
	}
}

void change_set_steps(struct steward_change *change, enum step_state from, enum step_state to,
		      int64_t now_s)
{
	for (size_t i = 0; i < change->n_steps; i++)
		if (!change->steps[i].row.back && change->steps[i].row.state == from)
			change_set_step(&change->steps[i], to, now_s);
}

void change_abandon_steps(struct steward *steward, struct steward_change *change, int64_t now_s)
{
	for (size_t i = 0; i < change->n_steps; i++)
		if (change->steps[i].row.state == STEP_STATE_PLANNED)
			change_set_step(&change->steps[i], STEP_STATE_UNDONE, now_s);
		else if (change->steps[i].row.state == STEP_STATE_DOING)
			change_set_step(&change->steps[i], STEP_STATE_FAILED, now_s);
	for (size_t i = 0; i < steward->n_instances; i++) {
		struct steward_instance *instance = steward->instances[i];

		if (instance->change != change->row.id)
			continue;
		instance->change = 0;
		instance->row.laid &= instance->row.state == INSTANCE_PRESENT;
		instance->dirty = true;
	}
}

static struct steward_change_step *find_step(struct steward_change *change,
					     const struct steward_change_part *part,
					     enum step_state state)
{
	for (size_t i = 0; i < change->n_steps; i++)
		if (change->steps[i].row.state == state &&
		    !strcmp(change->steps[i].row.gpu, part->row.gpu))
			return &change->steps[i];
	return NULL;
}

/* ---- a step that is being done ---- */

enum part_news change_step_failed(struct steward_change_part *part,
				  struct steward_change_step *step, enum err_code code,
				  const char *why, int64_t now_s)
{
	change_set_step(step, STEP_STATE_FAILED, now_s);
	if (!step->row.why[0])
		snprintf(step->row.why, sizeof(step->row.why), "%s", why);
	fail(&part->trouble, code, "%s", step->row.why);
	return PART_FAILED;
}

enum part_news change_step_done(struct steward_change_step *step, int64_t now_s)
{
	change_set_step(step, STEP_STATE_DONE, now_s);
	return PART_MOVED;
}

static enum part_news see_create(struct steward *steward, struct steward_change_part *part,
				 struct steward_change_step *step, int64_t now_s)
{
	struct steward_instance *instance = steward_instance_find(steward, step->row.instance);

	if (!instance || instance->row.state == INSTANCE_GONE ||
	    instance->row.state == INSTANCE_DESTROYING)
		return change_step_failed(part, step, ERR_DRIVER, "it could not be made", now_s);
	if (instance->row.state == INSTANCE_PRESENT) {
		instance->change = 0;
		return change_step_done(step, now_s);
	}
	/* After a reboot, say: it cannot be made before MIG is on again. */
	if (!instance->job && !steward->gpus[part->gpu].info.mig) {
		change_set_step(step, STEP_STATE_UNDONE, now_s);
		snprintf(step->row.why, sizeof(step->row.why), "MIG mode was off again");
		return PART_MOVED;
	}
	return PART_WAITS;
}

static enum part_news see_destroy(struct steward *steward, struct steward_change_part *part,
				  struct steward_change_step *step, int64_t now_s)
{
	const struct steward_instance *instance =
		steward_instance_find(steward, step->row.instance);

	if (!instance || instance->row.state == INSTANCE_GONE)
		return change_step_done(step, now_s);
	if (step->row.why[0] && !instance->job)
		return change_step_failed(part, step, ERR_DRIVER, "it could not be removed", now_s);
	return PART_WAITS;
}

/* What was read counts; until it is in force the driver is asked again now and then. */
static enum part_news see_mode(struct steward *steward, struct steward_change_part *part,
			       struct steward_change_step *step, int64_t now_s)
{
	struct steward_gpu *gpu = &steward->gpus[part->gpu];
	bool on = step->row.kind == STEP_MIG_ON;

	if (gpu->jobs || gpu->info_tick < gpu->changed_tick)
		return PART_WAITS;
	if (gpu->info.mig == on && gpu->info.mig_pending == on) {
		gpu->mode_again_s = 0;
		return change_step_done(step, now_s);
	}
	if (step->row.why[0])
		return change_step_failed(part, step, ERR_DRIVER, "its MIG mode could not be set", now_s);
	if (step->told && step->row.back)
		return change_step_failed(part, step, ERR_BUSY, "its MIG mode is pending until it is reset",
				   now_s);
	if (gpu->mode_again_s <= now_s)
		change_mode_job(steward, part, on, now_s);
	return PART_WAITS;
}

static enum part_news see_step(struct steward *steward, struct steward_change_part *part,
			       struct steward_change_step *step, int64_t now_s)
{
	static enum part_news (*const see[STEP_KIND_COUNT])(
		struct steward *, struct steward_change_part *, struct steward_change_step *,
		int64_t) = {
		[STEP_CREATE] = see_create,
		[STEP_DESTROY] = see_destroy,
		[STEP_MIG_ON] = see_mode,
		[STEP_MIG_OFF] = see_mode,
	};

	return see[step->row.kind](steward, part, step, now_s);
}

/* ---- what comes next ---- */

static const struct wish_gpu *target(const struct steward_change *change,
				     const struct steward_change_part *part)
{
	return change->row.state == CHANGE_UNDOING ? &part->was : &part->goal;
}

static enum part_news stalled(struct steward_change_part *part, const struct err *why,
			      int64_t now_s)
{
	if (!part->stalled_s || part->stalled_s > now_s)
		part->stalled_s = now_s;
	if (now_s - part->stalled_s < STALL_S)
		return PART_WAITS;
	part->trouble = *why;
	part->stalled_s = 0;
	return PART_FAILED;
}

static enum part_news plan_anew(struct steward *steward, struct steward_change *change,
				struct steward_change_part *part)
{
	bool back = change->row.state == CHANGE_UNDOING;
	struct change_ground ground;
	struct change_plan plan;
	size_t n = change->n_steps;

	if (change_plan(steward, part->gpu, GROUND_BEGUN, target(change, part), &plan, &ground,
			&part->trouble))
		return PART_FAILED;
	if (!plan.change.n && !plan.mode)
		return PART_THERE;
	if (++part->rounds > MOST_ROUNDS) {
		fail(&part->trouble, ERR_STALE, "it changes by itself each time it was read");
		return PART_FAILED;
	}
	if (change_add_steps(change, part, &plan, &ground, back, &part->trouble)) {
		change->n_steps = n;
		return PART_FAILED;
	}
	return PART_MOVED;
}

/* MIG is off under steps that need it: none of them can be done. */
static bool is_overtaken(const struct steward *steward, const struct steward_change *change,
			 const struct steward_change_part *part,
			 const struct steward_change_step *step)
{
	return target(change, part)->mig && !steward->gpus[part->gpu].info.mig &&
	       step->row.kind != STEP_MIG_ON;
}

static void drop_planned(struct steward_change *change, const struct steward_change_part *part,
			 int64_t now_s)
{
	struct steward_change_step *step;

	while ((step = find_step(change, part, STEP_STATE_PLANNED)))
		change_set_step(step, STEP_STATE_UNDONE, now_s);
}

enum part_news change_part_advance(struct steward *steward, struct steward_change *change,
				   struct steward_change_part *part, int64_t now_s)
{
	struct steward_change_step *step = find_step(change, part, STEP_STATE_DOING);
	struct err why = ERR_INIT;

	if (part->again_s > now_s)
		return PART_WAITS;
	if (change_can(steward, part->gpu, &why))
		return stalled(part, &why, now_s);
	part->stalled_s = 0;
	if (step)
		return see_step(steward, part, step, now_s);
	if (!change_is_settled(steward, part->gpu, target(change, part)))
		return PART_WAITS;
	step = find_step(change, part, STEP_STATE_PLANNED);
	if (step && is_overtaken(steward, change, part, step))
		drop_planned(change, part, now_s);
	else if (step)
		return change_begin_step(steward, change, part, step, now_s);
	return plan_anew(steward, change, part);
}
