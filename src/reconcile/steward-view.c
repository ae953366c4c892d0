#include "reconcile/steward-change-part.h"
#include "reconcile/steward-drain.h"
#include "reconcile/steward-use.h"

#include <stdlib.h>
#include <string.h>

static bool is_usable(const struct steward *steward, const struct steward_gpu *gpu, int64_t now_s)
{
	return !*steward->observing && gpu->there && gpu->managed && gpu->seen && !gpu->has_trouble && !gpu->info.lost &&
	       gpu->info.mig && gpu->info.board && gpu->rest_until_s <= now_s;
}

static const struct steward_lease *holder(const struct steward *steward,
					  const struct steward_instance *instance)
{
	return instance->lease ? steward_lease_at(steward, instance->lease) : NULL;
}

bool steward_is_free(const struct steward *steward, const struct steward_instance *instance)
{
	return instance->row.state == INSTANCE_PRESENT && !instance->lease &&
	       !instance->row.has_mover && !instance->job && !instance->change && instance->row.has_gi &&
	       instance->gpu != STEWARD_NO_GPU &&
	       observed_is_idle(steward->gpus[instance->gpu].seen, instance->row.gi);
}

int64_t steward_lease_ends_s(const struct ledger_lease *row, int64_t now_s)
{
	int64_t ends_s;

	if (row->state == LEASE_ENDING)
		return now_s;
	if (row->has_ends)
		return row->ends_s;
	/* "Now" may be the end of time, for who asks what would fit were nothing resting. */
	return __builtin_add_overflow(now_s, row->time_s, &ends_s) ? INT64_MAX : ends_s;
}

/*
 * Over, but something still runs there: who knows until when. Before it was looked at it is
 * taken for free: else the place kept for somebody would be given away in between.
 */
bool steward_ends(const struct steward *steward, const struct steward_lease *lease)
{
	const struct steward_instance *instance =
		lease->row.has_instance ? steward_instance_at(steward, lease->row.instance) : NULL;

	if (lease->row.state != LEASE_ENDING)
		return true;
	return instance && steward_has_gpu(steward, instance->gpu) &&
	       steward->gpus[instance->gpu].seen_tick < lease->over_tick;
}

static void view_instance(const struct steward *steward, const struct steward_instance *instance,
			  int64_t now_s, struct choose_gpu *ret)
{
	const struct steward_lease *lease = holder(steward, instance);
	struct choose_instance *at = &ret->at[ret->n];

	if (ret->n == LAYOUT_MAX) {
		ret->usable = false;
		return;
	}
	*at = (struct choose_instance){
		.id = instance->row.id,
		.profile = instance->profile,
		.start = instance->row.start,
		.use = steward_is_free(steward, instance) ? CHOOSE_FREE : CHOOSE_HELD,
		.laid = instance->row.laid,
	};
	if (lease) {
		at->lease = lease->row.id;
		at->movable = steward_is_movable(steward, &steward->gpus[instance->gpu], lease,
						 instance);
		at->has_ends = steward_ends(steward, lease);
		at->ends_s = steward_lease_ends_s(&lease->row, now_s);
	} else if (instance->row.state == INSTANCE_DESTROYING && instance->tries < STUCK_TRIES) {
		at->has_ends = true;
		at->ends_s = now_s;
	}
	ret->n++;
}

static void view_stranger(const struct steward_gpu *gpu, const struct backend_instance *seen,
			  struct choose_gpu *ret)
{
	const struct profile *profile = board_profile_by_id(gpu->info.board, seen->profile_id);

	/* A profile the catalogue does not know covers we do not know what. */
	if (!profile || ret->n == LAYOUT_MAX) {
		ret->usable = false;
		return;
	}
	ret->at[ret->n] = (struct choose_instance){
		.id = -(int64_t)ret->n - 1, /* none of ours */
		.profile = profile,
		.start = seen->start,
		.use = CHOOSE_HELD,
	};
	ret->n++;
}

static void view_gpu(const struct steward *steward, size_t index, int64_t now_s,
		     struct choose_gpu *ret)
{
	const struct steward_gpu *gpu = &steward->gpus[index];

	*ret = (struct choose_gpu){.usable = is_usable(steward, gpu, now_s), .board = gpu->info.board};
	if (!ret->usable)
		return;
	ret->blocked = steward_drained_units(steward, index);
	ret->closed = steward_change_on(steward, index, now_s) != NULL;
	for (size_t i = 0; i < steward->n_instances; i++) {
		const struct steward_instance *instance = steward->instances[i];

		if (instance->gpu == index && instance->profile &&
		    instance->row.state != INSTANCE_GONE)
			view_instance(steward, instance, now_s, ret);
	}
	for (size_t i = 0; i < gpu->seen->n_instances; i++) {
		const struct backend_instance *seen = &gpu->seen->instances[i];

		if (!steward_instance_on(steward, index, seen->profile_id, seen->start))
			view_stranger(gpu, seen, ret);
	}
}

size_t steward_view(const struct steward *steward, int64_t now_s, struct choose_gpu *ret)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		view_gpu(steward, i, now_s, &ret[i]);
	return steward->n_gpus;
}

size_t steward_boards(const struct steward *steward, const struct board **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < steward->n_gpus; i++) {
		const struct steward_gpu *gpu = &steward->gpus[i];

		if (gpu->there && gpu->managed && gpu->info.board && gpu->info.mig)
			ret[n++] = gpu->info.board;
	}
	return n;
}

static bool is_holding(const struct steward_lease *lease)
{
	return lease->row.state == LEASE_GRANTING || lease->row.state == LEASE_ACTIVE ||
	       lease->row.state == LEASE_ENDING;
}

struct policy_holding *steward_holdings(const struct steward *steward, size_t *ret_n)
{
	struct policy_holding *list = calloc(steward->n_leases + 1, sizeof(*list));
	size_t n = 0;

	for (size_t i = 0; list && i < steward->n_leases; i++) {
		const struct ledger_lease *row = &steward->leases[i]->row;
		const struct steward_instance *instance =
			row->has_instance ? steward_instance_at(steward, row->instance) : NULL;

		if (!is_holding(steward->leases[i]))
			continue;
		list[n++] = (struct policy_holding){
			.lease = row->id,
			.uid = row->uid,
			.user = row->user,
			.team = row->team,
			.class_name = row->class_name,
			.slices = instance ? instance->row.slices : 0,
			.ends_s = steward_lease_ends_s(row, row->requested_s),
		};
	}
	*ret_n = n;
	return list;
}

int steward_admit(const struct steward *steward, const struct policy_person *person,
		  const struct policy_wish *wish, int64_t now_s, struct policy_terms *ret,
		  struct err *err)
{
	const struct board *here[BACKEND_MAX_GPUS];
	cleanup(free) struct policy_holding *holdings = NULL;
	size_t n_here = steward_boards(steward, here), n;
	int r;

	holdings = steward_holdings(steward, &n);
	if (!holdings)
		return fail(err, ERR_NOMEM, "no memory for %zu leases", steward->n_leases);
	r = policy_admit(steward->policy, person, wish, here, n_here, holdings, n, ret, err);
	return r ? r : steward_bound_hours(steward, person->uid, person->name, now_s, ret, err);
}
