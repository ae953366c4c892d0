#include "reconcile/steward-change-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	const struct about about = {.lease = lease ? &lease->row : NULL,
				    .instance = &instance->row};
	bool again = instance->row.laid || (lease && lease->row.state < LEASE_ENDING);
	char where[160];

	steward_note(steward, EVENT_LOST, &about, now_s, "%s vanished%s",
		     steward_where(steward, &instance->row, where, sizeof(where)),
		     again ? "; it is made again" : "");
	instance->dirty = true;
	instance->row.has_gi = instance->row.has_ci = false;
	snprintf(instance->row.why, sizeof(instance->row.why), "vanished");
	if (again) {
		instance->row.state = INSTANCE_CREATING;
		if (lease && lease->row.state >= LEASE_ENDING)
			steward_close_lease(steward, lease, now_s);
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
	/* What is laid was only removed to hear from the driver that nobody uses it. */
	instance->row.state = instance->row.laid ? INSTANCE_CREATING : INSTANCE_GONE;
	instance->row.has_gi = instance->row.has_ci = !instance->row.laid;
	instance->row.has_gone = !instance->row.laid;
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
	row->has_gi = row->has_ci = row->has_last_gi = true;
	row->gi = row->last_gi = there->gi;
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
	bool wanted = instance->row.laid || instance->change || instance->row.has_mover;

	if (lease && lease->row.state >= LEASE_ENDING) {
		steward_close_lease(steward, lease, now_s);
		lease = NULL;
	}
	if (!lease && !wanted) {
		instance->row.state = INSTANCE_DESTROYING;
		instance->dirty = true;
	} else if (!gpu->info.mig) {
		snprintf(instance->note, sizeof(instance->note), "waits for MIG mode on GPU %u",
			 gpu->info.index);
	} else if (!steward_waits(steward, instance) && instance->again_s <= now_s) {
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
	steward_note(steward, kind, &(struct about){.instance = &row}, now_s,
		     "%s, not made by carve, %s",
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

/* ---- a look at a GPU ---- */

/* More than a GPU holds: some are on their way out while others are on their way in. */
#define MOST_ON_GPU 64

static int compare_last_gi(const void *a, const void *b)
{
	const struct steward_instance *const *x = a, *const *y = b;
	int64_t i = (*x)->row.has_last_gi ? (*x)->row.last_gi : INT64_MAX;
	int64_t k = (*y)->row.has_last_gi ? (*y)->row.last_gi : INT64_MAX;

	if (i != k)
		return i < k ? -1 : 1;
	return (*x)->row.id < (*y)->row.id ? -1 : (*x)->row.id > (*y)->row.id;
}

/* In the order in which those that vanished together get the ids again that they had. */
static size_t order_of(const struct steward *steward, size_t gpu, struct steward_instance **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < steward->n_instances && n < MOST_ON_GPU; i++)
		if (steward->instances[i]->gpu == gpu && !steward->instances[i]->job)
			ret[n++] = steward->instances[i];
	qsort(ret, n, sizeof(struct steward_instance *), compare_last_gi);
	return n;
}

void steward_reconcile_gpu(struct steward *steward, size_t index, int64_t now_s)
{
	struct steward_gpu *gpu = &steward->gpus[index];
	struct steward_instance *order[MOST_ON_GPU];
	size_t n;

	if (!gpu->seen || gpu->has_trouble)
		return;
	n = order_of(steward, index, order);
	for (size_t i = 0; i < n; i++)
		check_instance(steward, gpu, order[i], now_s);
}

void steward_accept_look(struct steward_gpu *gpu, struct observed_gpu **take_seen, uint64_t tick)
{
	observed_gpu_free(gpu->seen);
	gpu->seen = steal(*take_seen);
	gpu->seen_tick = tick;
	gpu->has_trouble = false;
}

void steward_act_on_look(struct steward *steward, size_t index, int64_t now_s)
{
	steward_reconcile_gpu(steward, index, now_s);
	check_strangers(steward, index, now_s);
	steward_check_moves(steward, now_s);
}
