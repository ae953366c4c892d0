/* From waiting to running: a plan for all GPUs, and that nobody is in its way. */
#include "reconcile/steward-change-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- planning all GPUs of a change ---- */

static int gpu_of(const struct steward *steward, struct steward_change_part *part, struct err *err)
{
	part->gpu = STEWARD_NO_GPU;
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (!strcmp(steward->gpus[i].info.uuid, part->row.gpu) && steward->gpus[i].there)
			part->gpu = i;
	return part->gpu == STEWARD_NO_GPU
		       ? fail(err, ERR_UNAVAILABLE, "GPU %s is not in this server now", part->row.gpu)
		       : 0;
}

/* What the ledger's words mean on the GPU's board. */
int change_know(const struct steward *steward, struct steward_change_part *part, struct err *err)
{
	const struct board *board;
	int r = gpu_of(steward, part, err);

	if (r || part->known)
		return r;
	board = steward->gpus[part->gpu].info.board;
	if (!board)
		return fail(err, ERR_UNSUPPORTED, "GPU %s is of an unknown board", part->row.gpu);
	r = change_read_words(board, part->row.wish, &part->wish, err);
	if (!r && part->row.was[0])
		r = change_read_words(board, part->row.was, &part->was, err);
	if (!r && part->row.goal[0])
		r = change_read_words(board, part->row.goal, &part->goal, err);
	part->known = !r;
	return r;
}

void change_plans_free(struct change_plans *plans)
{
	if (plans)
		text_done(&plans->blockers);
	free(plans);
}

static int plan_part(const struct steward *steward, struct steward_change *change, size_t i,
		     struct change_plans *plans, struct err *err)
{
	struct steward_change_part *part = &change->parts[i];
	struct change_plan *plan = &plans->plan[i];
	int r = change_know(steward, part, err);

	if (r)
		return r;
	r = change_plan(steward, part->gpu, change->row.adopt ? GROUND_ADOPT : GROUND_ASKED,
			&part->wish, plan, &plans->ground[i], err);
	if (r)
		return fail_in(err, "GPU %u: ", steward->gpus[part->gpu].info.index);
	part->goal = change_goal(&part->wish, plan);
	plans->settled &= change_is_settled(steward, part->gpu, &part->goal);
	plans->n_steps += plan->change.n + plan->mode;
	change_blockers(steward, part->gpu, plan, &plans->ground[i], &plans->blockers);
	return 0;
}

int change_plan_all(const struct steward *steward, struct steward_change *change,
		    struct change_plans **ret, struct err *err)
{
	cleanup(change_plans_free) struct change_plans *plans = calloc(1, sizeof(*plans));
	int r = 0;

	if (!plans)
		return fail(err, ERR_NOMEM, "no memory for a plan");
	plans->settled = true;
	for (size_t i = 0; !r && i < change->n_parts; i++)
		r = plan_part(steward, change, i, plans, err);
	if (!r)
		*ret = steal(plans);
	return r;
}

/* ---- taking over ---- */

struct adoption {
	struct steward_instance *instances[LAYOUT_MAX];
	size_t n;
};

static struct steward_instance *adopted(const struct steward_gpu *gpu,
					const struct profile *profile, unsigned start, int64_t now_s)
{
	const struct backend_instance *seen = observed_at(gpu->seen, profile->id, start);
	struct steward_instance *instance = seen ? calloc(1, sizeof(*instance)) : NULL;

	if (!instance)
		return NULL;
	instance->row = (struct ledger_instance){
		.profile_id = profile->id,
		.start = start,
		.size = profile->size,
		.slices = profile->compute_slices,
		.has_gi = true,
		.gi = seen->gi,
		.has_last_gi = true,
		.last_gi = seen->gi,
		.has_ci = true,
		.ci = seen->cis[0].id,
		.adopted = true,
		.state = INSTANCE_PRESENT,
		.created_s = now_s,
	};
	memcpy(instance->row.gpu, gpu->info.uuid, sizeof(instance->row.gpu));
	snprintf(instance->row.profile, sizeof(instance->row.profile), "%s", profile->name);
	memcpy(instance->row.mig_uuid, seen->cis[0].uuid, sizeof(instance->row.mig_uuid));
	return instance;
}

static int write_adopted(struct steward *steward, void *arg, struct err *err)
{
	struct adoption *adoption = arg;
	int r = 0;

	for (size_t i = 0; !r && i < adoption->n; i++) {
		struct ledger_instance *row = &adoption->instances[i]->row;
		char where[160];

		r = ledger_instance_add(steward->ledger, row, err);
		if (!r)
			steward_note(steward, EVENT_ADOPTED, &(struct about){.instance = row},
				     row->created_s, "%s, not made by carve, is carve's from now on",
				     steward_where(steward, row, where, sizeof(where)));
	}
	return r;
}

/* What a plan took as ours is ours before it is touched. */
static int adopt(struct steward *steward, size_t index, const struct change_ground *ground,
		 int64_t now_s, struct err *err)
{
	struct adoption adoption = {.n = 0};
	int r = 0;

	for (size_t i = 0; i < ground->gpu.n; i++) {
		const struct change_instance *at = &ground->gpu.at[i];

		if (ground->instances[i] || at->use == CHANGE_PINNED)
			continue;
		adoption.instances[adoption.n] =
			adopted(&steward->gpus[index], at->profile, at->start, now_s);
		if (adoption.instances[adoption.n])
			adoption.n++;
	}
	if (!adoption.n)
		return 0;
	r = steward_transact(steward, write_adopted, &adoption, err);
	if (!r)
		steward_saved(steward);
	for (size_t i = 0; i < adoption.n; i++) {
		if (r)
			free(adoption.instances[i]);
		else
			r = steward_add_instance(steward, adoption.instances[i], err);
	}
	return r;
}

static int adopt_all(struct steward *steward, struct steward_change *change,
		     const struct change_plans *plans, int64_t now_s, struct err *err)
{
	int r = 0;

	for (size_t i = 0; change->row.adopt && !r && i < change->n_parts; i++)
		r = adopt(steward, change->parts[i].gpu, &plans->ground[i], now_s, err);
	return r;
}

/* ---- beginning ---- */

void change_set_words(char *ret, size_t size, const struct wish_gpu *gpu)
{
	cleanup(text_done) struct text words = TEXT_INIT;

	wish_write_gpu(gpu, &words);
	snprintf(ret, size, "%s", text_str(&words));
}

static int begin(struct steward *steward, struct steward_change *change,
		 const struct change_plans *plans, int64_t now_s, struct err *err)
{
	size_t n = change->n_steps;
	int r = adopt_all(steward, change, plans, now_s, err);

	for (size_t i = 0; !r && i < change->n_parts; i++) {
		struct steward_change_part *part = &change->parts[i];

		if (!steward_change_present(steward, part->gpu, &part->was))
			r = fail(err, ERR_INVALID, "GPU %u: what is there contradicts itself",
				 steward->gpus[part->gpu].info.index);
		if (!r)
			r = change_add_steps(change, part, &plans->plan[i], &plans->ground[i],
					     false, err);
		change_set_words(part->row.was, sizeof(part->row.was), &part->was);
		change_set_words(part->row.goal, sizeof(part->row.goal), &part->goal);
		part->dirty = true;
	}
	if (r) {
		change->n_steps = n;
		return r;
	}
	change->row.has_began = true;
	change->row.began_s = now_s;
	change->row.why[0] = '\0';
	change_set_state(steward, change, CHANGE_RUNNING, now_s);
	change_tell(steward, change, EVENT_CHANGE_BEGAN, now_s);
	return 0;
}

const struct steward_change *change_earlier(const struct steward *steward,
					    const struct steward_change *change, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_changes; i++) {
		const struct steward_change *other = steward->changes[i];
		bool first = other->row.state != CHANGE_WAITING || !change->row.id ||
			     other->row.id < change->row.id;

		for (size_t k = 0; other != change && first && k < change->n_parts; k++)
			if (change_holds(other, change->parts[k].row.gpu, now_s))
				return other;
	}
	return NULL;
}

/* Until then others may have the GPUs. */
static bool must_wait(const struct steward *steward, struct steward_change *change, int64_t now_s,
		      char *why, size_t size)
{
	const struct steward_guard *guard = steward->guard;
	int64_t begins_s;

	if (!change_is_due(change, now_s)) {
		snprintf(why, size, "%s", change->row.why[0] ? change->row.why
							     : "its time has not come");
		return true;
	}
	if (!guard || !guard->not_before)
		return false;
	begins_s = guard->not_before(guard->arg, steward, &change->row, now_s, why, size);
	if (begins_s <= now_s)
		return false;
	change->row.has_not_before = change->dirty = true;
	change->row.not_before_s = begins_s;
	return true;
}

/* Nothing was done yet, and nothing will be. */
void change_give_up(struct steward *steward, struct steward_change *change, const char *why,
		    int64_t now_s)
{
	change_set_why(steward, change, why);
	change_set_state(steward, change, CHANGE_CANCELLED, now_s);
	change_tell(steward, change, EVENT_CHANGE_UNDONE, now_s);
}

/* One that waits: for its time, for others, for holders. */
void change_try_begin(struct steward *steward, struct steward_change *change, int64_t now_s)
{
	const struct steward_change *other;
	cleanup(change_plans_free) struct change_plans *plans = NULL;
	struct err err = ERR_INIT;
	char why[LEDGER_TEXT] = "";

	if (must_wait(steward, change, now_s, why, sizeof(why))) {
		change_set_why(steward, change, why);
		return;
	}
	other = change_earlier(steward, change, now_s);
	if (other) {
		snprintf(why, sizeof(why), "change %" PRId64 " of %s is under way", other->row.id,
			 other->row.user);
		change_set_why(steward, change, why);
		return;
	}
	if (change_plan_all(steward, change, &plans, &err)) {
		/* A GPU that is away comes back; anything else stays as it is. */
		if (err.code == ERR_UNAVAILABLE || (err.code == ERR_BUSY && change->row.wait))
			change_set_why(steward, change, err.text);
		else
			change_give_up(steward, change, err.text, now_s);
	} else if (plans->blockers.len && !change->row.wait) {
		change_give_up(steward, change, text_str(&plans->blockers), now_s);
	} else if (plans->blockers.len || !plans->settled) {
		change_set_why(steward, change,
			plans->blockers.len ? text_str(&plans->blockers)
					    : "an instance is just being made or removed");
	} else if (begin(steward, change, plans, now_s, &err) && !steward->unwritable) {
		change_give_up(steward, change, err.text, now_s);
	}
}
