#include "reconcile/steward-change-part.h"
#include "reconcile/steward-drain.h"
#include "reconcile/steward-reclaim.h"
#include "reconcile/steward-rules.h"
#include "reconcile/steward-use.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* ---- finding ---- */

/* Both lists are in the order of the ids, which are given in ascending order. */

struct steward_lease *steward_lease_find(struct steward *steward, int64_t id)
{
	size_t low = 0, high = steward->n_leases;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (steward->leases[middle]->row.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < steward->n_leases && steward->leases[low]->row.id == id ? steward->leases[low]
									     : NULL;
}

struct steward_instance *steward_instance_find(struct steward *steward, int64_t id)
{
	size_t low = 0, high = steward->n_instances;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (steward->instances[middle]->row.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < steward->n_instances && steward->instances[low]->row.id == id
		       ? steward->instances[low]
		       : NULL;
}

struct steward_instance *steward_instance_of(struct steward *steward,
					     const struct steward_lease *lease)
{
	return lease->row.has_instance ? steward_instance_find(steward, lease->row.instance) : NULL;
}

const struct steward_lease *steward_lease_at(const struct steward *steward, int64_t id)
{
	return steward_lease_find((struct steward *)(uintptr_t)steward, id);
}

const struct steward_instance *steward_instance_at(const struct steward *steward, int64_t id)
{
	return steward_instance_find((struct steward *)(uintptr_t)steward, id);
}

const struct steward_instance *steward_instance_on(const struct steward *steward, size_t gpu,
						   unsigned profile_id, unsigned start)
{
	for (size_t i = 0; i < steward->n_instances; i++) {
		const struct steward_instance *instance = steward->instances[i];

		if (instance->gpu == gpu && instance->row.profile_id == profile_id &&
		    instance->row.start == start && instance->row.state != INSTANCE_GONE)
			return instance;
	}
	return NULL;
}

bool steward_has_gpu(const struct steward *steward, size_t gpu)
{
	return gpu != STEWARD_NO_GPU && steward->gpus[gpu].there && !steward->gpus[gpu].info.lost;
}

void steward_bind(struct steward *steward, struct steward_instance *instance)
{
	instance->gpu = STEWARD_NO_GPU;
	instance->profile = NULL;
	for (size_t i = 0; i < steward->n_gpus; i++) {
		const struct backend_gpu *info = &steward->gpus[i].info;

		if (strcmp(info->uuid, instance->row.gpu) != 0)
			continue;
		instance->gpu = i;
		if (info->board)
			instance->profile =
				board_profile_by_id(info->board, instance->row.profile_id);
	}
}

/* ---- arrays ---- */

int steward_add_lease(struct steward *steward, struct steward_lease *take_lease, struct err *err)
{
	if (array_reserve(&steward->leases, &steward->cap_leases, steward->n_leases,
			  sizeof(struct steward_lease *))) {
		free(take_lease);
		return fail(err, ERR_NOMEM, "no memory for a lease");
	}
	steward->leases[steward->n_leases++] = take_lease;
	return 0;
}

int steward_add_instance(struct steward *steward, struct steward_instance *take_instance,
			 struct err *err)
{
	if (array_reserve(&steward->instances, &steward->cap_instances, steward->n_instances,
			  sizeof(struct steward_instance *))) {
		free(take_instance);
		return fail(err, ERR_NOMEM, "no memory for an instance");
	}
	steward->instances[steward->n_instances++] = take_instance;
	steward_bind(steward, take_instance);
	return 0;
}

void steward_forget(struct steward *steward)
{
	size_t kept = 0;

	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];

		if (lease->row.state == LEASE_ENDED && !lease->dirty)
			free(lease);
		else
			steward->leases[kept++] = lease;
	}
	steward->n_leases = kept;
	kept = 0;
	for (size_t i = 0; i < steward->n_instances; i++) {
		struct steward_instance *instance = steward->instances[i];

		if (instance->row.state == INSTANCE_GONE && !instance->dirty && !instance->job)
			free(instance);
		else
			steward->instances[kept++] = instance;
	}
	steward->n_instances = kept;
}

/* ---- life ---- */

struct loading {
	struct steward *steward;
	struct err *err;
	int result;
};

static void load_instance(const struct ledger_instance *row, void *arg)
{
	struct loading *loading = arg;
	struct steward_instance *instance = calloc(1, sizeof(*instance));

	if (!instance) {
		loading->result = fail(loading->err, ERR_NOMEM, "no memory for an instance");
		return;
	}
	instance->row = *row;
	if (steward_add_instance(loading->steward, instance, loading->err))
		loading->result = -ERR_NOMEM;
}

static void load_lease(const struct ledger_lease *row, const struct ledger_instance *instance,
		       void *arg)
{
	struct loading *loading = arg;
	struct steward_lease *lease = calloc(1, sizeof(*lease));

	(void)instance;
	if (!lease) {
		loading->result = fail(loading->err, ERR_NOMEM, "no memory for a lease");
		return;
	}
	lease->row = *row;
	if (steward_add_lease(loading->steward, lease, loading->err))
		loading->result = -ERR_NOMEM;
}

/* Every live lease knows its instance and is watched as before. */
static void take_up(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];
		struct steward_instance *instance = steward_instance_of(steward, lease);

		if (instance)
			instance->lease = lease->row.id;
		if (lease->row.has_pid)
			steward->hooks.watch(steward->hooks.arg, lease->row.id,
					     (pid_t)lease->row.pid, lease->row.pid_start);
	}
}

int steward_init(struct steward *steward, struct ledger *ledger, struct policy *take_policy,
		 const struct steward_hooks *hooks, int64_t now_s, struct err *err)
{
	struct ledger_lease_filter live = LEASE_FILTER_ALL;
	struct loading loading = {.steward = steward, .err = err};
	int r;

	*steward = (struct steward){
		.ledger = ledger,
		.policy = take_policy,
		.policy_load = 1,
		.hooks = *hooks,
		.guard = &steward_policy_guard,
		.survey_s = now_s,
	};
	live.live = true;
	if (steward_use_init(steward))
		return fail(err, ERR_NOMEM, "no memory");
	r = ledger_instances(ledger, load_instance, &loading, err);
	if (!r && !loading.result)
		r = ledger_leases(ledger, &live, load_lease, &loading, err);
	r = r ? r : loading.result;
	r = r ? r : steward_reclaim_load(steward, err);
	r = r ? r : steward_drains_load(steward, err);
	r = r ? r : steward_returns_load(steward, err);
	r = r ? r : steward_changes_load(steward, err);
	r = r ? r : steward_load_reservations(steward, err);
	if (r) {
		steward_done_with(steward);
		return r;
	}
	take_up(steward);
	return 0;
}

void steward_done_with(struct steward *steward)
{
	steward_isolate_end(steward);
	for (size_t i = 0; i < steward->n_gpus; i++)
		observed_gpu_free(steward->gpus[i].seen);
	for (size_t i = 0; i < steward->n_instances; i++)
		free(steward->instances[i]);
	for (size_t i = 0; i < steward->n_leases; i++)
		free(steward->leases[i]);
	for (size_t i = 0; i < steward->n_pending; i++)
		job_free(steward->pending[i].job);
	steward_changes_free(steward);
	free(steward->instances);
	free(steward->leases);
	free(steward->drains);
	free(steward->returns);
	free(steward->notes);
	free(steward->reservations);
	free(steward->pending);
	steward_forget_future(steward);
	steward_use_done(steward);
	policy_free(steward->policy);
	*steward = (struct steward){0};
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
	return steward->unwritable || !steward->surveyed || steward_changes_hurry(steward) ||
	       steward_isolate_hurries(steward);
}

static void expire(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];
		char rule[64];

		if (lease->row.state != LEASE_ACTIVE || lease->row.ends_s > now_s)
			continue;
		snprintf(rule, sizeof(rule), "teams.%s.guarantee", lease->reclaim.team);
		if (steward_is_reclaimed(lease, now_s))
			steward_end_lease_as(steward, lease,
					     &(struct ending){EVENT_RECLAIMED, "carved", rule},
					     now_s, "team %s has its guaranteed share",
					     lease->reclaim.team);
		else
			steward_end_lease_as(steward, lease,
					     &(struct ending){EVENT_EXPIRED, "carved",
							      lease->row.rule},
					     now_s,
					     "its time is over");
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
		steward->gpus[i].rest_until_s = steward->gpus[i].mode_again_s = 0;
	for (size_t i = 0; i < steward->n_instances; i++)
		steward->instances[i]->again_s = 0;
}

int64_t steward_tick(struct steward *steward, int64_t now_s)
{
	int64_t every_s = in_a_hurry(steward) ? STEWARD_HURRY_S : STEWARD_SURVEY_S;

	if (now_s < steward->survey_s)
		forget_waits(steward);
	expire(steward, now_s);
	steward_check_moves(steward, now_s);
	steward_warn(steward, now_s);
	steward_check_requests(steward, now_s);
	steward_drains_tick(steward, now_s);
	steward_rules_tick(steward, now_s);
	steward_settle(steward);
	if (now_s >= steward->survey_s + every_s || now_s < steward->survey_s)
		steward_look(steward);
	steward_changes_advance(steward, now_s);
	steward_serve_queue(steward, now_s);
	steward_settle(steward);
	steward_retain(steward, now_s);
	steward_isolate_tick(steward, now_s);
	return steward_drains_next(steward, now_s, next_end(steward, now_s + every_s));
}

/* ---- another policy ---- */

void steward_set_policy(struct steward *steward, struct policy *take_policy, const char *by,
			int64_t now_s)
{
	steward_forget_future(steward);
	policy_free(steward->policy);
	steward->policy = take_policy;
	steward->policy_load++;
	for (size_t i = 0; i < steward->n_gpus; i++) {
		struct steward_gpu *gpu = &steward->gpus[i];

		gpu->managed = policy_manages_gpu(take_policy, gpu->info.index, gpu->info.uuid,
						  gpu->info.board ? gpu->info.board->id : NULL);
	}
	steward_tell(steward, EVENT_POLICY, by, now_s, "%s", policy_name(take_policy));
	steward_serve_queue(steward, now_s);
	steward_settle(steward);
}
