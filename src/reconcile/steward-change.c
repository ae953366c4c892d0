#include "reconcile/steward-change.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "reconcile/steward-change-part.h"
#include "reconcile/steward-rules.h"

#define BACK_TRIES 3 /* for one GPU, on the way back */

/* ---- finding ---- */

struct steward_change *change_find(const struct steward *steward, int64_t id)
{
	for (size_t i = 0; i < steward->n_changes; i++)
		if (steward->changes[i]->row.id == id &&
		    !change_state_ended(steward->changes[i]->row.state))
			return steward->changes[i];
	return NULL;
}

const struct steward_change *steward_change_find(const struct steward *steward, int64_t id)
{
	return change_find(steward, id);
}

bool change_is_due(const struct steward_change *change, int64_t now_s)
{
	return !change->row.has_not_before || change->row.not_before_s <= now_s;
}

static bool concerns(const struct steward_change *change, const char *gpu)
{
	for (size_t i = 0; i < change->n_parts; i++)
		if (!strcmp(change->parts[i].row.gpu, gpu))
			return true;
	return false;
}

/* Only those that have begun, or would if nobody was in their way. */
bool change_holds(const struct steward_change *change, const char *gpu, int64_t now_s)
{
	if (change_state_ended(change->row.state) ||
	    (change->row.state == CHANGE_WAITING && !change_is_due(change, now_s)))
		return false;
	return concerns(change, gpu);
}

const struct steward_change *steward_change_on(const struct steward *steward, size_t gpu,
					       int64_t now_s)
{
	for (size_t i = 0; i < steward->n_changes; i++)
		if (change_holds(steward->changes[i], steward->gpus[gpu].info.uuid, now_s))
			return steward->changes[i];
	return NULL;
}

bool steward_changes_hurry(const struct steward *steward)
{
	for (size_t i = 0; i < steward->n_changes; i++)
		if (!change_state_ended(steward->changes[i]->row.state) &&
		    steward->changes[i]->row.state != CHANGE_WAITING)
			return true;
	return false;
}

/* ---- telling ---- */

void change_tell(struct steward *steward, const struct steward_change *change,
		 enum event_kind kind, int64_t now_s)
{
	steward_note(steward, kind, &(struct about){.by = change->row.user}, now_s,
		     "change %" PRId64 ", %.150s%s%s", change->row.id, change->row.wish,
		     change->row.why[0] ? ": " : "", change->row.why);
	steward->hooks.changed(steward->hooks.arg, steward_change_key(change->row.id));
}

void change_set_state(struct steward *steward, struct steward_change *change,
		      enum change_state state, int64_t now_s)
{
	change->row.state = state;
	change->dirty = true;
	if (change_state_ended(state)) {
		change->row.has_ended = true;
		change->row.ended_s = now_s;
	}
	steward->hooks.changed(steward->hooks.arg, steward_change_key(change->row.id));
}

void change_set_why(struct steward *steward, struct steward_change *change, const char *why)
{
	char text[sizeof(change->row.why)];

	text_printable(text, sizeof(text), why);
	if (!strcmp(text, change->row.why))
		return;
	memcpy(change->row.why, text, sizeof(text));
	change->dirty = true;
	steward->hooks.changed(steward->hooks.arg, steward_change_key(change->row.id));
}

/* ---- ending ---- */

/* From now on this is how the GPU is wanted. */
static void want(struct steward *steward, struct steward_change *change,
		 const struct steward_change_part *part, int64_t now_s)
{
	struct steward_gpu *gpu = &steward->gpus[part->gpu];

	gpu->wanted = (struct ledger_wanted){
		.mig = part->goal.mig, .change = change->row.id, .since_s = now_s};
	memcpy(gpu->wanted.gpu, gpu->info.uuid, sizeof(gpu->wanted.gpu));
	gpu->wanted_dirty = true;
	for (size_t i = 0; i < steward->n_instances; i++) {
		struct steward_instance *instance = steward->instances[i];

		if (instance->gpu != part->gpu || instance->row.state != INSTANCE_PRESENT)
			continue;
		instance->dirty |= !instance->row.laid;
		instance->row.laid = true;
	}
}

static void end_done(struct steward *steward, struct steward_change *change, int64_t now_s)
{
	for (size_t i = 0; i < change->n_parts; i++)
		want(steward, change, &change->parts[i], now_s);
	change->row.why[0] = '\0';
	change_set_state(steward, change, CHANGE_DONE, now_s);
	steward_change_was_done(steward, &change->row);
	change_tell(steward, change, EVENT_CHANGE_DONE, now_s);
}

static void add_standing(const struct steward *steward, const struct steward_change_part *part,
			 struct text *ret)
{
	cleanup(text_done) struct text now = TEXT_INIT;
	struct wish_gpu present;

	if (part->gpu != STEWARD_NO_GPU && steward_change_present(steward, part->gpu, &present))
		wish_write_gpu(&present, &now);
	text_addf(ret, "; GPU %u stands at %s, not at %s (%.120s)",
		  part->gpu == STEWARD_NO_GPU ? 0 : steward->gpus[part->gpu].info.index,
		  now.len ? text_str(&now) : "what cannot be read", part->row.was,
		  part->trouble.text);
}

/* All GPUs are back, or given up. */
static void end_undone(struct steward *steward, struct steward_change *change, int64_t now_s)
{
	cleanup(text_done) struct text why = TEXT_INIT;
	bool lost = false;

	text_add(&why, change->row.why);
	for (size_t i = 0; i < change->n_parts; i++)
		if (change->parts[i].failed) {
			lost = true;
			add_standing(steward, &change->parts[i], &why);
		}
	if (lost)
		change_abandon_steps(steward, change, now_s);
	else
		change_set_steps(change, STEP_STATE_DONE, STEP_STATE_UNDONE, now_s);
	change_set_why(steward, change, text_str(&why));
	change_set_state(steward, change, lost ? CHANGE_DIRTY : CHANGE_UNDONE, now_s);
	change_tell(steward, change, lost ? EVENT_CHANGE_DIRTY : EVENT_CHANGE_UNDONE, now_s);
}

void change_turn_back(struct steward *steward, struct steward_change *change, const char *why,
		      int64_t now_s)
{
	change_set_why(steward, change, why);
	change_set_steps(change, STEP_STATE_PLANNED, STEP_STATE_UNDONE, now_s);
	for (size_t i = 0; i < change->n_parts; i++) {
		struct steward_change_part *part = &change->parts[i];

		part->there = part->failed = false;
		part->tries = part->rounds = 0;
		part->again_s = part->stalled_s = 0;
	}
	change_set_state(steward, change, CHANGE_UNDOING, now_s);
}

/* ---- going on ---- */

static void take_trouble(struct steward *steward, struct steward_change *change,
			 struct steward_change_part *part, int64_t now_s)
{
	if (change->row.state != CHANGE_UNDOING) {
		char why[LEDGER_TEXT];

		snprintf(why, sizeof(why), "%.*s", (int)sizeof(why) - 1, part->trouble.text);
		change_turn_back(steward, change, why, now_s);
	} else if (++part->tries < BACK_TRIES) {
		part->again_s = now_s + (1 << part->tries);
	} else {
		part->failed = true;
	}
}

/* Returns whether anything moved. */
static bool advance_part(struct steward *steward, struct steward_change *change,
			 struct steward_change_part *part, int64_t now_s)
{
	if (part->there || part->failed)
		return false;
	switch (change_part_advance(steward, change, part, now_s)) {
	case PART_WAITS:
		return false;
	case PART_MOVED:
		steward->hooks.changed(steward->hooks.arg, steward_change_key(change->row.id));
		return true;
	case PART_THERE:
		part->there = true;
		return true;
	case PART_FAILED:
		take_trouble(steward, change, part, now_s);
		return true;
	}
	return false;
}

/* A MIG mode that is accepted and not in force: nobody here can do more. */
static void see_reset(struct steward *steward, struct steward_change *change, int64_t now_s)
{
	const struct backend_gpu *waits = NULL;
	char why[LEDGER_TEXT];

	for (size_t i = 0; i < change->n_steps && !waits; i++) {
		const struct steward_change_step *step = &change->steps[i];

		for (size_t k = 0; k < change->n_parts; k++)
			if (step->told && step->row.state == STEP_STATE_DOING &&
			    !strcmp(step->row.gpu, change->parts[k].row.gpu) &&
			    change->parts[k].gpu != STEWARD_NO_GPU)
				waits = &steward->gpus[change->parts[k].gpu].info;
	}
	if (!waits || waits->mig == waits->mig_pending) {
		if (change->row.state == CHANGE_RESET) {
			change_set_why(steward, change, "");
			change_set_state(steward, change, CHANGE_RUNNING, now_s);
		}
		return;
	}
	if (change->row.state == CHANGE_UNDOING)
		return;
	snprintf(why, sizeof(why),
		 "GPU %u: MIG mode is pending until the GPU is reset (nvidia-smi --gpu-reset -i %u) "
		 "or the server restarted",
		 waits->index, waits->index);
	change_set_why(steward, change, why);
	if (change->row.state != CHANGE_RESET)
		change_set_state(steward, change, CHANGE_RESET, now_s);
}

static void end_if_there(struct steward *steward, struct steward_change *change, int64_t now_s)
{
	for (size_t i = 0; i < change->n_parts; i++)
		if (!change->parts[i].there && !change->parts[i].failed)
			return;
	if (change->row.state == CHANGE_UNDOING)
		end_undone(steward, change, now_s);
	else
		end_done(steward, change, now_s);
}

static void go_on(struct steward *steward, struct steward_change *change, int64_t now_s)
{
	struct err err = ERR_INIT;
	bool moved = true;

	while (moved && !steward->unwritable) {
		moved = false;
		for (size_t i = 0; i < change->n_parts; i++) {
			struct steward_change_part *part = &change->parts[i];

			/* One that is not here now is told of by change_can(). */
			if (change_know(steward, part, &err) && part->gpu != STEWARD_NO_GPU) {
				part->trouble = err;
				take_trouble(steward, change, part, now_s);
			}
			moved |= advance_part(steward, change, part, now_s);
		}
	}
	see_reset(steward, change, now_s);
	end_if_there(steward, change, now_s);
}

/* Those that have ended and are written leave the memory here and nowhere else. */
static void forget(struct steward *steward)
{
	size_t kept = 0;

	for (size_t i = 0; i < steward->n_changes; i++) {
		struct steward_change *change = steward->changes[i];

		if (change_state_ended(change->row.state))
			change_free(change);
		else
			steward->changes[kept++] = change;
	}
	steward->n_changes = kept;
}

/* A layout that was reached is wanted also after a reboot that took the MIG mode along. */
static void restore_modes(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_gpus; i++) {
		struct steward_gpu *gpu = &steward->gpus[i];
		struct err ignored = ERR_INIT;
		struct job *job;

		if (gpu->info.mig)
			gpu->mode_again_s = 0;
		if (!gpu->wanted.gpu[0] || !gpu->wanted.mig || gpu->info.mig ||
		    change_can(steward, i, &ignored) || gpu->jobs ||
		    gpu->info_tick < gpu->changed_tick || gpu->mode_again_s > now_s ||
		    steward_change_on(steward, i, now_s))
			continue;
		job = job_new(JOB_MIG, gpu->info.uuid);
		if (!job)
			continue;
		job->on = true;
		gpu->mode_again_s = now_s + STEWARD_REST_S;
		steward_later(steward, i, job);
	}
}

void steward_changes_advance(struct steward *steward, int64_t now_s)
{
	struct err ignored = ERR_INIT;

	if (!steward->surveyed || *steward->observing)
		return;
	for (size_t i = 0; i < steward->n_changes && !steward->unwritable; i++) {
		struct steward_change *change = steward->changes[i];

		if (change->row.state == CHANGE_WAITING)
			change_try_begin(steward, change, now_s);
		if (change->row.state != CHANGE_WAITING && !change_state_ended(change->row.state))
			go_on(steward, change, now_s);
	}
	restore_modes(steward, now_s);
	if (!steward_flush(steward, &ignored))
		forget(steward);
}

/* ---- what jobs say ---- */

static struct steward_change_step *doing(struct steward *steward, int64_t id, int64_t instance,
					 const char *gpu)
{
	struct steward_change *change = change_find(steward, id);

	for (size_t i = 0; change && i < change->n_steps; i++) {
		struct steward_change_step *step = &change->steps[i];

		if (step->row.state != STEP_STATE_DOING)
			continue;
		if (instance ? step->row.has_instance && step->row.instance == instance
			     : !step->row.has_place && !strcmp(step->row.gpu, gpu))
			return step;
	}
	return NULL;
}

bool steward_change_heard(struct steward *steward, struct steward_instance *instance,
			  const struct err *err)
{
	struct steward_change_step *step =
		instance->change ? doing(steward, instance->change, instance->row.id, NULL) : NULL;

	instance->change = 0;
	if (!step)
		return false;
	snprintf(step->row.why, sizeof(step->row.why), "%.*s", (int)sizeof(step->row.why) - 1,
		 err->text);
	step->dirty = true;
	return true;
}

void steward_change_mode_done(struct steward *steward, size_t index, const struct job *job,
			      int64_t now_s)
{
	struct steward_gpu *gpu = &steward->gpus[index];
	const struct steward_change *change = steward_change_on(steward, index, now_s);
	struct steward_change_step *step =
		change ? doing(steward, change->row.id, 0, job->gpu) : NULL;

	steward_look(steward); /* what counts is what is read now */
	if (step && job->result) {
		snprintf(step->row.why, sizeof(step->row.why), "%.*s",
			 (int)sizeof(step->row.why) - 1, job->err.text);
		step->dirty = true;
	} else if (step) {
		step->told = true;
	} else if (job->result) {
		struct ledger_instance row = {0};

		memcpy(row.gpu, gpu->info.uuid, sizeof(row.gpu));
		steward_note(steward, EVENT_FAILED, &(struct about){.instance = &row}, now_s,
			     "GPU %u: its MIG mode could not be set again: %s", gpu->info.index,
			     job->err.text);
	}
}
