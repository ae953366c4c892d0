/* Changes in memory, from the ledger and to it. */
#include "reconcile/steward-change-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- memory ---- */

void change_free(struct steward_change *change)
{
	if (!change)
		return;
	free(change->parts);
	free(change->steps);
	free(change);
}

void steward_changes_free(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_changes; i++)
		change_free(steward->changes[i]);
	free(steward->changes);
}

int change_keep(struct steward *steward, struct steward_change *take_change, struct err *err)
{
	if (array_reserve(&steward->changes, &steward->cap_changes, steward->n_changes,
			  sizeof(struct steward_change *))) {
		change_free(take_change);
		return fail(err, ERR_NOMEM, "no memory for a change");
	}
	steward->changes[steward->n_changes++] = take_change;
	return 0;
}

struct steward_change *change_new(size_t n_parts)
{
	cleanup(change_free) struct steward_change *change = calloc(1, sizeof(*change));

	if (!change)
		return NULL;
	change->parts = calloc(n_parts ? n_parts : 1, sizeof(*change->parts));
	return change->parts ? steal(change) : NULL;
}

/* ---- from the ledger ---- */

struct loading {
	struct steward *steward;
	struct steward_change *change;
	struct err *err;
	int result;
};

static void load_part(const struct ledger_change_gpu *row, void *arg)
{
	struct loading *loading = arg;
	struct steward_change *change = loading->change;

	if (change->n_parts < BACKEND_MAX_GPUS)
		change->parts[change->n_parts++] = (struct steward_change_part){
			.row = *row, .written = true, .gpu = STEWARD_NO_GPU};
}

static void load_step(const struct ledger_change_step *row, void *arg)
{
	struct loading *loading = arg;
	struct steward_change *change = loading->change;
	struct steward_instance *instance;

	if (array_reserve(&change->steps, &change->cap_steps, change->n_steps,
			  sizeof(*change->steps))) {
		loading->result = fail(loading->err, ERR_NOMEM, "no memory for a change");
		return;
	}
	change->steps[change->n_steps++] =
		(struct steward_change_step){.row = *row, .written = true};
	instance = row->state == STEP_STATE_DOING && row->has_instance
			   ? steward_instance_find(loading->steward, row->instance)
			   : NULL;
	if (instance)
		instance->change = row->change;
}

static void load_change(const struct ledger_change *row, void *arg)
{
	struct loading *loading = arg;
	cleanup(change_free) struct steward_change *change = change_new(BACKEND_MAX_GPUS);

	if (!change) {
		loading->result = fail(loading->err, ERR_NOMEM, "no memory for a change");
		return;
	}
	change->row = *row;
	loading->change = change;
	loading->result = ledger_change_gpus(loading->steward->ledger, row->id, load_part, loading,
					     loading->err);
	if (!loading->result)
		loading->result = ledger_change_steps(loading->steward->ledger, row->id, load_step,
						      loading, loading->err);
	if (!loading->result)
		loading->result = change_keep(loading->steward, steal(change), loading->err);
}

int steward_changes_load(struct steward *steward, struct err *err)
{
	struct loading loading = {.steward = steward, .err = err};
	int r = ledger_changes(steward->ledger, -1, true, 0, load_change, &loading, err);

	return r ? r : loading.result;
}

static void recall(const struct ledger_wanted *row, void *arg)
{
	struct steward_gpu *gpu = arg;

	if (!strcmp(row->gpu, gpu->info.uuid))
		gpu->wanted = *row;
}

void steward_change_recall(struct steward *steward, size_t index)
{
	struct steward_gpu *gpu = &steward->gpus[index];
	struct err ignored = ERR_INIT;

	if (!gpu->wanted_known && gpu->info.uuid[0])
		gpu->wanted_known = !ledger_wanted(steward->ledger, recall, gpu, &ignored);
}

/* ---- to the ledger ---- */

bool steward_changes_unsaved(const struct steward *steward)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (steward->gpus[i].wanted_dirty)
			return true;
	for (size_t i = 0; i < steward->n_changes; i++) {
		const struct steward_change *change = steward->changes[i];
		bool unsaved = change->dirty;

		for (size_t k = 0; !unsaved && k < change->n_parts; k++)
			unsaved = change->parts[k].dirty;
		for (size_t k = 0; !unsaved && k < change->n_steps; k++)
			unsaved = !change->steps[k].written || change->steps[k].dirty;
		if (unsaved)
			return true;
	}
	return false;
}

static int save(struct ledger *ledger, struct steward_change *change, struct err *err)
{
	int r = change->dirty ? ledger_change_update(ledger, &change->row, err) : 0;

	for (size_t i = 0; !r && i < change->n_parts; i++)
		if (change->parts[i].dirty)
			r = ledger_change_gpu_update(ledger, &change->parts[i].row, err);
	for (size_t i = 0; !r && i < change->n_steps; i++) {
		struct steward_change_step *step = &change->steps[i];

		if (!step->written)
			r = ledger_change_step_add(ledger, &step->row, err);
		else if (step->dirty)
			r = ledger_change_step_update(ledger, &step->row, err);
	}
	return r;
}

int steward_changes_save(struct steward *steward, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < steward->n_changes; i++)
		r = save(steward->ledger, steward->changes[i], err);
	for (size_t i = 0; !r && i < steward->n_gpus; i++)
		if (steward->gpus[i].wanted_dirty)
			r = ledger_wanted_put(steward->ledger, &steward->gpus[i].wanted, err);
	return r;
}

void steward_changes_saved(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		steward->gpus[i].wanted_dirty = false;
	for (size_t i = 0; i < steward->n_changes; i++) {
		struct steward_change *change = steward->changes[i];

		change->dirty = false;
		for (size_t k = 0; k < change->n_parts; k++)
			change->parts[k].dirty = false;
		for (size_t k = 0; k < change->n_steps; k++) {
			change->steps[k].written = true;
			change->steps[k].dirty = false;
		}
	}
}

/* ---- layouts with a name ---- */

static int write_layout(struct steward *steward, void *arg, struct err *err)
{
	return ledger_layout_put(steward->ledger, arg, err);
}

int steward_layout_save(struct steward *steward, const struct ledger_layout *layout,
			struct err *err)
{
	struct ledger_layout copy = *layout;
	int r = steward_transact(steward, write_layout, &copy, err);

	if (!r)
		steward_saved(steward);
	return r;
}

static int delete_layout(struct steward *steward, void *arg, struct err *err)
{
	return ledger_layout_delete(steward->ledger, arg, err);
}

int steward_layout_forget(struct steward *steward, const char *name, struct err *err)
{
	char copy[LEDGER_NAME];
	int r;

	snprintf(copy, sizeof(copy), "%s", name);
	r = steward_transact(steward, delete_layout, copy, err);
	if (!r)
		steward_saved(steward);
	return r;
}
