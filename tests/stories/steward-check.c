/*
 * Do the steward, its ledger, the GPUs and the book say the same?
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "reconcile/steward-change.h"
#include "steward-host.h"

/* ---- the world ---- */

static const struct world_gpu *world_gpu_of(const struct world_state *state, const char *uuid)
{
	for (unsigned g = 0; g < state->n_gpus; g++)
		if (!strcmp(state->gpus[g].uuid, uuid))
			return &state->gpus[g];
	return NULL;
}

/* The GI of that profile at that start; WORLD_NONE: none. */
static unsigned find_gi(const struct world_gpu *gpu, unsigned profile_id, unsigned start)
{
	for (unsigned i = 0; gpu && i < WORLD_MAX_GIS; i++) {
		const struct world_gi *gi = &gpu->gis[i];

		if (gi->exists && gi->start == start && world_gi_profile(gpu, gi)->id == profile_id)
			return i;
	}
	return WORLD_NONE;
}

static size_t count_users(const struct world_state *state, const struct world_gpu *gpu, unsigned gi)
{
	size_t n = 0;

	for (unsigned i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];

		n += &state->gpus[process->gpu] == gpu && process->gi == gi &&
		     world_process_lives(process);
	}
	return n;
}

size_t host_users(struct host *host, const char *gpu_uuid, unsigned profile_id, unsigned start)
{
	const struct world_state *state = world_read(host->world);
	const struct world_gpu *gpu = world_gpu_of(state, gpu_uuid);
	unsigned gi = find_gi(gpu, profile_id, start);
	size_t n = gi == WORLD_NONE ? 0 : count_users(state, gpu, gi);

	world_done(host->world);
	return n;
}

/* ---- rest ---- */

static bool is_out_of_reach(const struct host *host, const struct steward_instance *instance)
{
	const struct steward_gpu *gpu;

	if (instance->gpu == STEWARD_NO_GPU)
		return true;
	gpu = &host->steward.gpus[instance->gpu];
	return !gpu->there || gpu->info.lost || !gpu->info.mig;
}

static bool is_used(struct host *host, const struct steward_instance *instance)
{
	const struct ledger_instance *row = &instance->row;

	return host_users(host, row->gpu, row->profile_id, row->start) > 0;
}

/* Does something lie where it belongs? */
static bool is_taken(struct host *host, const struct steward_instance *instance)
{
	const struct world_state *state = world_read(host->world);
	const struct world_gpu *gpu = world_gpu_of(state, instance->row.gpu);
	unsigned begin = instance->row.start, end = begin + instance->row.size;
	bool taken = false;

	for (unsigned i = 0; gpu && i < WORLD_MAX_GIS; i++)
		taken |= gpu->gis[i].exists && gpu->gis[i].start < end &&
			 gpu->gis[i].start + gpu->gis[i].size > begin;
	world_done(host->world);
	return taken;
}

static const char *instance_unrest(struct host *host, const struct steward_instance *instance)
{
	static char text[512];

	if (instance->job)
		return "a job that nobody runs";
	if (instance->row.has_mover)
		return "a move that does not end";
	if (instance->row.laid && !instance->lease && instance->row.state == INSTANCE_CREATING &&
	    is_taken(host, instance))
		return NULL; /* a stranger is faster; when it goes, its place is taken again */
	if (instance->row.state == INSTANCE_PRESENT || is_out_of_reach(host, instance) ||
	    (instance->row.state == INSTANCE_DESTROYING && is_used(host, instance)))
		return NULL;
	snprintf(text, sizeof(text), "instance %" PRId64 " is %s (%s)", instance->row.id,
		 instance_state_name(instance->row.state), instance->note);
	return text;
}

static const char *lease_unrest(struct host *host, const struct steward_lease *lease)
{
	static char text[64];
	const struct steward_instance *instance =
		lease->row.has_instance ? steward_instance_at(&host->steward, lease->row.instance)
					: NULL;

	if (lease->row.state <= LEASE_QUEUED || lease->row.state == LEASE_ACTIVE)
		return NULL;
	if (lease->row.state == LEASE_GRANTING && instance && is_out_of_reach(host, instance))
		return NULL;
	if (lease->row.state == LEASE_ENDING && instance && is_used(host, instance))
		return NULL;
	snprintf(text, sizeof(text), "lease %" PRId64 " is %s", lease->row.id,
		 lease_state_name(lease->row.state));
	return text;
}

const char *host_unrest(struct host *host)
{
	struct steward *steward = &host->steward;
	const char *unrest = NULL;

	if (!steward->surveyed)
		return "the GPUs were not looked at";
	if (steward->survey_trouble.code)
		return steward->survey_trouble.text;
	if (steward->unwritable)
		return steward->unwritable_why.text;
	for (size_t i = 0; !unrest && i < steward->n_gpus; i++)
		if (steward->gpus[i].jobs ||
		    (steward->gpus[i].there && !steward->gpus[i].info.lost &&
		     steward->gpus[i].has_trouble))
			unrest = "a GPU has jobs or trouble";
	for (size_t i = 0; !unrest && i < steward->n_instances; i++)
		unrest = instance_unrest(host, steward->instances[i]);
	for (size_t i = 0; !unrest && i < steward->n_leases; i++)
		unrest = lease_unrest(host, steward->leases[i]);
	for (size_t i = 0; !unrest && i < steward->n_changes; i++)
		if (steward->changes[i]->row.state == CHANGE_RUNNING ||
		    steward->changes[i]->row.state == CHANGE_UNDOING)
			unrest = "a change of the layout is under way";
	return unrest;
}

/* ---- memory and ledger ---- */

struct reading {
	struct host *host;
	struct err *err;
	size_t n;
};

static bool same_instance(const struct ledger_instance *a, const struct ledger_instance *b)
{
	return a->profile_id == b->profile_id && a->start == b->start && a->size == b->size &&
	       a->state == b->state && a->has_gi == b->has_gi && (!a->has_gi || a->gi == b->gi) &&
	       a->has_ci == b->has_ci && (!a->has_ci || a->ci == b->ci) &&
	       !strcmp(a->gpu, b->gpu) && !strcmp(a->mig_uuid, b->mig_uuid);
}

static void read_instance(const struct ledger_instance *row, void *arg)
{
	struct reading *reading = arg;
	const struct steward_instance *known =
		steward_instance_at(&reading->host->steward, row->id);

	reading->n++;
	if (!known || !same_instance(&known->row, row))
		fail(reading->err, ERR_INTERNAL,
		     "instance %" PRId64 " is %s in the ledger, %s in memory", row->id,
		     instance_state_name(row->state),
		     known ? instance_state_name(known->row.state) : "not known");
}

static bool same_lease(const struct ledger_lease *a, const struct ledger_lease *b)
{
	return a->uid == b->uid && a->state == b->state && a->has_instance == b->has_instance &&
	       (!a->has_instance || a->instance == b->instance) && a->has_ends == b->has_ends &&
	       (!a->has_ends || a->ends_s == b->ends_s) && a->time_s == b->time_s &&
	       a->has_pid == b->has_pid && (!a->has_pid || a->pid == b->pid) &&
	       !strcmp(a->class_name, b->class_name) && !strcmp(a->rule, b->rule);
}

static void read_lease(const struct ledger_lease *row, const struct ledger_instance *instance,
		       void *arg)
{
	struct reading *reading = arg;
	const struct steward_lease *known = steward_lease_at(&reading->host->steward, row->id);

	(void)instance;
	reading->n++;
	if (!known || !same_lease(&known->row, row))
		fail(reading->err, ERR_INTERNAL,
		     "lease %" PRId64 " is %s in the ledger, %s in memory", row->id,
		     lease_state_name(row->state),
		     known ? lease_state_name(known->row.state) : "not known");
}

static int check_ledger(struct host *host, struct err *err)
{
	struct ledger_lease_filter live = LEASE_FILTER_ALL;
	struct reading instances = {host, err, 0}, leases = {host, err, 0};
	int r;

	live.live = true;
	r = ledger_instances(host->ledger, read_instance, &instances, err);
	if (!r)
		r = ledger_leases(host->ledger, &live, read_lease, &leases, err);
	if (r || err->code)
		return -(int)err->code;
	if (instances.n != host->steward.n_instances || leases.n != host->steward.n_leases)
		return fail(err, ERR_INTERNAL,
			    "ledger: %zu instances, %zu leases; memory: %zu, %zu", instances.n,
			    leases.n, host->steward.n_instances, host->steward.n_leases);
	return 0;
}

/* ---- ledger and GPUs ---- */

struct written {
	const struct world_state *state;
	bool taken;
	struct err *err;
	bool known[WORLD_MAX_GPUS][WORLD_MAX_GIS];
};

static void compare_row(const struct ledger_instance *row, void *arg)
{
	struct written *written = arg;
	const struct world_gpu *gpu = world_gpu_of(written->state, row->gpu);
	unsigned gi = find_gi(gpu, row->profile_id, row->start);

	if (gi != WORLD_NONE)
		written->known[gpu - written->state->gpus][gi] = true;
	else if (row->state == INSTANCE_PRESENT && !written->taken)
		fail(written->err, ERR_INTERNAL,
		     "instance %" PRId64 " is present in the ledger, not on its GPU", row->id);
}

int host_check_written(struct host *host, struct err *err)
{
	struct written written = {world_read(host->world), host->taken, err, {{false}}};
	int r = ledger_instances(host->ledger, compare_row, &written, err);

	for (unsigned g = 0; !r && g < written.state->n_gpus; g++)
		for (unsigned i = 0; i < WORLD_MAX_GIS; i++)
			if (written.state->gpus[g].gis[i].exists && !written.known[g][i])
				fail(err, ERR_INTERNAL, "GPU %u: instance %u was never written", g,
				     i);
	world_done(host->world);
	return -(int)err->code;
}

/* ---- memory and GPUs ---- */

static bool is_stranger(struct host *host, unsigned gpu, unsigned gi, uint32_t generation)
{
	for (size_t i = 0; i < host->n_strangers; i++)
		if (host->strangers[i].gpu == gpu && host->strangers[i].gi == gi &&
		    host->strangers[i].generation == generation)
			return true;
	return false;
}

static int check_gi(struct host *host, const struct world_state *state, unsigned g, unsigned i,
		    struct err *err)
{
	const struct world_gpu *gpu = &state->gpus[g];
	const struct world_gi *gi = &gpu->gis[i];
	unsigned profile_id = world_gi_profile(gpu, gi)->id;
	const struct steward_instance *instance = NULL;

	for (size_t k = 0; !instance && k < host->steward.n_gpus; k++)
		if (!strcmp(host->steward.gpus[k].info.uuid, gpu->uuid))
			instance = steward_instance_on(&host->steward, k, profile_id, gi->start);
	if (is_stranger(host, g, i, gi->generation))
		return instance ? fail(err, ERR_INTERNAL,
				       "GPU %u: a stranger's instance %u was taken", g, i)
				: 0;
	if (!instance)
		return fail(err, ERR_INTERNAL, "GPU %u: instance %u (%s at %u) leaked", g, i,
			    world_gi_profile(gpu, gi)->name, gi->start);
	if (instance->row.state == INSTANCE_PRESENT && instance->row.gi != i)
		return fail(err, ERR_INTERNAL, "GPU %u: instance %u is known as %u", g, i,
			    instance->row.gi);
	return 0;
}

static int check_instance(const struct host *host, const struct world_state *state,
			  const struct steward_instance *instance, struct err *err)
{
	const struct ledger_instance *row = &instance->row;
	const struct world_gpu *gpu = world_gpu_of(state, row->gpu);
	char uuid[64] = "";
	unsigned gi;

	if (is_out_of_reach(host, instance) || row->state != INSTANCE_PRESENT)
		return 0;
	gi = find_gi(gpu, row->profile_id, row->start);
	if (gi != WORLD_NONE && gpu->gis[gi].cis[row->ci].exists)
		world_mig_uuid(gpu, gi, row->ci, uuid, sizeof(uuid));
	if (gi == WORLD_NONE || gi != row->gi || strcmp(uuid, row->mig_uuid) != 0)
		return fail(err, ERR_INTERNAL, "instance %" PRId64 " (%s at %u) is not on its GPU",
			    row->id, row->profile, row->start);
	return 0;
}

/* Who runs on an instance has it under a lease that is not over. */
static int check_users(const struct host *host, const struct world_state *state,
		       const struct steward_instance *instance, struct err *err)
{
	const struct world_gpu *gpu = world_gpu_of(state, instance->row.gpu);
	unsigned gi = find_gi(gpu, instance->row.profile_id, instance->row.start);
	const struct steward_lease *lease = steward_lease_at(&host->steward, instance->lease);

	if (host->gpus_vanish || gi == WORLD_NONE || !count_users(state, gpu, gi))
		return 0;
	if (lease && (lease->row.state == LEASE_ACTIVE || lease->row.state == LEASE_ENDING))
		return 0;
	return fail(err, ERR_INTERNAL, "processes run on instance %" PRId64 " without a lease",
		    instance->row.id);
}

static int check_gpus(struct host *host, const struct world_state *state, struct err *err)
{
	int r = world_check(state, err);

	for (unsigned g = 0; !r && g < state->n_gpus; g++)
		for (unsigned i = 0; !r && !state->gpus[g].lost && i < WORLD_MAX_GIS; i++)
			if (state->gpus[g].gis[i].exists)
				r = check_gi(host, state, g, i, err);
	for (size_t i = 0; !r && i < host->steward.n_instances; i++) {
		r = check_instance(host, state, host->steward.instances[i], err);
		if (!r)
			r = check_users(host, state, host->steward.instances[i], err);
	}
	return r;
}

/* Strangers are where they were, processes on what they ran on. */
static int check_undisturbed(struct host *host, const struct world_state *state, struct err *err)
{
	for (size_t i = 0; i < host->n_strangers; i++) {
		const struct host_stranger *stranger = &host->strangers[i];
		const struct world_gi *gi = &state->gpus[stranger->gpu].gis[stranger->gi];

		if (!gi->exists || gi->generation != stranger->generation)
			return fail(err, ERR_INTERNAL, "GPU %u: a stranger's instance %u is gone",
				    stranger->gpu, stranger->gi);
	}
	return 0;
}

/* ---- leases ---- */

static int check_lease(struct host *host, const struct steward_lease *lease, struct err *err)
{
	const struct ledger_lease *row = &lease->row;
	const struct steward_instance *instance =
		row->has_instance ? steward_instance_at(&host->steward, row->instance) : NULL;

	if (row->state <= LEASE_QUEUED)
		return row->has_instance ? fail(err, ERR_INTERNAL,
						"lease %" PRId64 " waits for what it has", row->id)
					 : 0;
	if (!instance || instance->lease != row->id)
		return fail(err, ERR_INTERNAL, "lease %" PRId64 " (%s) and its instance are parted",
			    row->id, lease_state_name(row->state));
	if (row->state == LEASE_ACTIVE && row->ends_s <= host->now_s)
		return fail(err, ERR_INTERNAL, "lease %" PRId64 " outlived its time", row->id);
	if (row->state == LEASE_ACTIVE && instance->row.state != INSTANCE_PRESENT &&
	    !is_out_of_reach(host, instance))
		return fail(err, ERR_INTERNAL,
			    "lease %" PRId64 " is active on an instance that is %s", row->id,
			    instance_state_name(instance->row.state));
	return 0;
}

struct ended {
	bool found;
	struct ledger_lease row;
};

static void read_ended(const struct ledger_lease *row, const struct ledger_instance *instance,
		       void *arg)
{
	struct ended *ended = arg;

	(void)instance;
	ended->found = true;
	ended->row = *row;
}

static bool may_have_ended(const struct host *host, const struct ledger_lease *row)
{
	static const char *const ends[] = {"there is no class", "process ", "nobody waits",
					   "nobody answered", "denied by", "drained"};

	if (row->has_ends &&
	    row->ends_s <= (host->now_s > host->latest_s ? host->now_s : host->latest_s))
		return true;
	if (host->policies_change && !row->has_granted)
		return true;
	if (host->may_fail && strstr(row->why_ended, "could not be made"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (!strncmp(row->why_ended, ends[i], strlen(ends[i])))
			return true;
	return false;
}

static int check_promise(struct host *host, const struct promise *promise, struct err *err)
{
	struct ledger_lease_filter filter = LEASE_FILTER_ALL;
	struct ended ended = {.found = false};
	int r;

	if (promise->state != PROMISE_OVER && steward_lease_at(&host->steward, promise->lease))
		return 0;
	filter.id = promise->lease;
	r = ledger_leases(host->ledger, &filter, read_ended, &ended, err);
	if (r)
		return r;
	if (!ended.found)
		return fail(err, ERR_INTERNAL, "lease %" PRId64 " is lost", promise->lease);
	if (promise->state == PROMISE_LIVES && !may_have_ended(host, &ended.row))
		return fail(err, ERR_INTERNAL, "lease %" PRId64 " was taken away: %s",
			    promise->lease, ended.row.why_ended);
	if (promise->state == PROMISE_OVER && ended.row.state < LEASE_ENDING)
		return fail(err, ERR_INTERNAL, "lease %" PRId64 " is %s again", promise->lease,
			    lease_state_name(ended.row.state));
	return 0;
}

static int check_leases(struct host *host, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < host->steward.n_leases; i++)
		r = check_lease(host, host->steward.leases[i], err);
	for (size_t i = 0; !r && i < host->book->n; i++)
		r = check_promise(host, &host->book->promises[i], err);
	return r;
}

static int check_backlinks(struct host *host, struct err *err)
{
	for (size_t i = 0; i < host->steward.n_instances; i++) {
		const struct steward_instance *instance = host->steward.instances[i];
		const struct steward_lease *lease =
			instance->lease ? steward_lease_at(&host->steward, instance->lease) : NULL;

		if (instance->lease && (!lease || lease->row.instance != instance->row.id))
			return fail(err, ERR_INTERNAL,
				    "instance %" PRId64 " is kept for lease %" PRId64,
				    instance->row.id, instance->lease);
	}
	return 0;
}

int host_check(struct host *host, struct err *err)
{
	const struct world_state *state = world_read(host->world);
	int r = check_gpus(host, state, err);

	if (!r)
		r = check_undisturbed(host, state, err);
	world_done(host->world);
	if (!r)
		r = check_ledger(host, err);
	if (!r)
		r = check_leases(host, err);
	return r ? r : check_backlinks(host, err);
}
