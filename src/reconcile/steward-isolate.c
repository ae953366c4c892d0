#include "reconcile/steward-isolate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "reconcile/steward-isolate-part.h"

/* ---- life ---- */

struct loading {
	struct steward_isolation *isolation;
	bool failed;
};

static void load_node(const void *row, void *arg)
{
	struct loading *loading = arg;
	struct steward_isolation *isolation = loading->isolation;

	loading->failed |= array_reserve(&isolation->nodes, &isolation->cap_nodes,
					 isolation->n_nodes, sizeof(*isolation->nodes)) != 0;
	if (!loading->failed)
		isolation->nodes[isolation->n_nodes++] = *(const struct ledger_node *)row;
}

static void load_place(const void *row, void *arg)
{
	struct loading *loading = arg;
	struct steward_isolation *isolation = loading->isolation;

	loading->failed |= array_reserve(&isolation->places, &isolation->cap_places,
					 isolation->n_places, sizeof(*isolation->places)) != 0;
	if (!loading->failed)
		isolation->places[isolation->n_places++] =
			(struct isolate_place){.row = *(const struct ledger_place *)row};
}

int steward_isolate_begin(struct steward *steward, const struct isolate_host *host, struct err *err)
{
	struct loading loading = {.isolation = calloc(1, sizeof(*loading.isolation))};
	int r;

	if (!loading.isolation)
		return fail(err, ERR_NOMEM, "no memory for device nodes");
	steward->isolation = loading.isolation;
	loading.isolation->host = *host;
	group_probe(host->proc, &loading.isolation->groups);
	r = ledger_nodes(steward->ledger, load_node, &loading, err);
	r = r ? r : ledger_places(steward->ledger, load_place, &loading, err);
	if (!r && loading.failed)
		r = fail(err, ERR_NOMEM, "no memory for device nodes");
	return r;
}

void steward_isolate_end(struct steward *steward)
{
	struct steward_isolation *isolation = steward->isolation;

	if (!isolation)
		return;
	for (size_t i = 0; i < BACKEND_MAX_GPUS; i++)
		free(isolation->gpus[i].last);
	free(isolation->nodes);
	free(isolation->places);
	free(isolation);
	steward->isolation = NULL;
}

/* ---- what shall be ---- */

static enum isolation_mode mode_of(const struct steward *steward)
{
	return policy_isolation(steward->policy)->mode;
}

static bool is_closed_gpu(const struct steward *steward, size_t index)
{
	const struct steward_gpu *gpu = &steward->gpus[index];

	return mode_of(steward) != ISOLATION_OFF && gpu->managed && gpu->info.mig &&
	       gpu->info.has_minor && steward_has_gpu(steward, index);
}

bool steward_isolates(const struct steward *steward, size_t gpu)
{
	return steward->isolation && gpu != STEWARD_NO_GPU && !*steward->observing &&
	       is_closed_gpu(steward, gpu) &&
	       !steward->isolation->gpus[gpu].nothing;
}

static bool may_use(const struct steward_lease *lease)
{
	return lease && (lease->row.state == LEASE_GRANTING || lease->row.state == LEASE_ACTIVE);
}

static void want_instance(const struct steward *steward, const struct steward_instance *instance,
			  struct closure *closure)
{
	const struct steward_lease *lease =
		instance->lease ? steward_lease_at(steward, instance->lease) : NULL;
	const struct ledger_instance *row = &instance->row;

	if ((row->state != INSTANCE_PRESENT && row->state != INSTANCE_DESTROYING) ||
	    !row->has_gi || !row->has_ci || closure->n == CLOSURE_MAX)
		return;
	closure->at[closure->n++] = (struct closure_instance){
		.instance = row->id,
		.lease = may_use(lease) ? lease->row.id : 0,
		.gi = row->gi,
		.ci = row->ci,
		.has_uid = may_use(lease),
		.uid = may_use(lease) ? lease->row.uid : 0,
	};
}

static void want_nodes(const struct steward *steward, const char *uuid, struct closure *closure)
{
	const struct steward_isolation *isolation = steward->isolation;

	for (size_t i = 0; i < isolation->n_nodes && closure->n_known < CLOSURE_MAX_NODES; i++) {
		const struct ledger_node *row = &isolation->nodes[i];
		struct closure_node *node = &closure->known[closure->n_known];

		if (strcmp(row->gpu, uuid) != 0)
			continue;
		snprintf(node->path, sizeof(node->path), "%s", row->path);
		node->before = (struct node_state){
			.rdev = row->device, .uid = row->uid, .gid = row->gid, .mode = row->mode};
		snprintf(node->before.acl, sizeof(node->before.acl), "%s", row->acl);
		closure->n_known++;
	}
}

static void want(const struct steward *steward, size_t index, struct closure *ret)
{
	const struct steward_gpu *gpu = &steward->gpus[index];
	const char *group = policy_isolation(steward->policy)->group;

	memset(ret, 0, sizeof(*ret));
	ret->gpu_minor = gpu->info.minor;
	snprintf(ret->group, sizeof(ret->group), "%s", group ? group : "");
	want_nodes(steward, gpu->info.uuid, ret);
	if (!is_closed_gpu(steward, index))
		return;
	for (size_t i = 0; i < steward->n_instances; i++)
		if (steward->instances[i]->gpu == index)
			want_instance(steward, steward->instances[i], ret);
	/* Where another manager decides only what carve made before is its to close. */
	ret->close_gpu = gpu->seen && !gpu->n_strangers && (!*steward->observing || ret->n);
}

/* ---- handing out ---- */

static bool is_empty(const struct closure *closure)
{
	return !closure->n && !closure->n_known && !closure->close_gpu;
}

/* While another manager decides here, nothing is begun; what was begun is kept right. */
static bool is_not_ours(const struct steward *steward, const struct closure *closure)
{
	return *steward->observing && !closure->n_known;
}

static void submit_gpu(struct steward *steward, size_t index)
{
	struct isolate_gpu *gpu = &steward->isolation->gpus[index];
	cleanup(job_free) struct job *job = NULL;

	/* What is gone is dealt with when it is back. */
	if (gpu->job || !steward_has_gpu(steward, index) || !steward->gpus[index].info.has_minor)
		return;
	job = job_new(JOB_CLOSE, steward->gpus[index].info.uuid);
	if (!job || !(job->closure = malloc(sizeof(*job->closure))))
		return;
	want(steward, index, job->closure);
	if (is_empty(job->closure) || is_not_ours(steward, job->closure) ||
	    (gpu->last && closure_same(job->closure, gpu->last) &&
	     gpu->due_s > steward->isolation->now_s))
		return;
	job->roots = (struct isolate_roots){steward->isolation->host.dev,
					    steward->isolation->host.proc};
	gpu->job = true;
	steward->hooks.submit(steward->hooks.arg, index, steal(job));
}

void steward_isolate_submit(struct steward *steward)
{
	if (!steward->isolation)
		return;
	for (size_t i = 0; i < steward->n_gpus; i++)
		submit_gpu(steward, i);
	steward_places_follow(steward);
}

/* Leases whose nodes are nobody's business any more, since the policy has changed. */
static void begin_unisolated(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];
		struct steward_instance *instance = steward_instance_of(steward, lease);

		if (lease->row.state == LEASE_GRANTING && instance &&
		    instance->row.state == INSTANCE_PRESENT && !instance->job &&
		    !steward_isolates(steward, instance->gpu))
			steward_begin_lease(steward, lease, instance, now_s);
	}
}

void steward_isolate_tick(struct steward *steward, int64_t now_s)
{
	if (!steward->isolation)
		return;
	if (now_s < steward->isolation->now_s) /* the clock was set back: nothing waits for it */
		for (size_t i = 0; i < steward->n_gpus; i++)
			steward->isolation->gpus[i].due_s = 0;
	steward->isolation->now_s = now_s;
	begin_unisolated(steward, now_s);
	steward_settle(steward);
	steward_isolate_submit(steward);
	steward_places_tidy(steward);
}

bool steward_isolate_hurries(const struct steward *steward)
{
	for (size_t i = 0; steward->isolation && i < steward->n_gpus; i++)
		if (steward->isolation->gpus[i].trouble)
			return true;
	for (size_t i = 0; steward->isolation && i < steward->n_instances; i++)
		if (steward->instances[i]->access.tries)
			return true;
	return false;
}

/* ---- what came of it ---- */

static void remember(struct steward_isolation *isolation, const struct ledger_node *row)
{
	for (size_t i = 0; i < isolation->n_nodes; i++)
		if (!strcmp(isolation->nodes[i].path, row->path)) {
			isolation->nodes[i] = *row;
			return;
		}
	/* Without memory it is in the ledger all the same, for the next start. */
	if (!array_reserve(&isolation->nodes, &isolation->cap_nodes, isolation->n_nodes,
			   sizeof(*isolation->nodes)))
		isolation->nodes[isolation->n_nodes++] = *row;
}

static void forget(struct steward_isolation *isolation, const char *path)
{
	for (size_t i = 0; i < isolation->n_nodes; i++)
		if (!strcmp(isolation->nodes[i].path, path)) {
			isolation->nodes[i] = isolation->nodes[--isolation->n_nodes];
			return;
		}
}

static struct ledger_node node_row(const char *gpu, const struct closure_node *node)
{
	struct ledger_node row = {.device = node->before.rdev,
				  .uid = node->before.uid,
				  .gid = node->before.gid,
				  .mode = node->before.mode};

	snprintf(row.path, sizeof(row.path), "%s", node->path);
	snprintf(row.gpu, sizeof(row.gpu), "%s", gpu);
	snprintf(row.acl, sizeof(row.acl), "%s", node->before.acl);
	return row;
}

static int write_nodes(struct steward *steward, void *arg, struct err *err)
{
	const struct job *job = arg;
	const struct closure *closure = job->closure;
	int r = 0;

	for (size_t i = 0; !r && i < closure->n_known; i++)
		if (closure->known[i].put_back)
			r = ledger_node_forget(steward->ledger, closure->known[i].path, err);
	for (size_t i = 0; !r && i < closure->n_fresh; i++) {
		struct ledger_node row = node_row(job->gpu, &closure->fresh[i]);

		r = ledger_node_put(steward->ledger, &row, err);
	}
	return r;
}

/* Returns false when it could not be written: then it is carried out again. */
static bool keep_nodes(struct steward *steward, struct job *job)
{
	const struct closure *closure = job->closure;
	bool any = closure->n_fresh > 0;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < closure->n_known; i++)
		any |= closure->known[i].put_back;
	if (!any)
		return true;
	if (steward_transact(steward, write_nodes, job, &err))
		return false;
	for (size_t i = 0; i < closure->n_known; i++)
		if (closure->known[i].put_back)
			forget(steward->isolation, closure->known[i].path);
	for (size_t i = 0; i < closure->n_fresh; i++) {
		struct ledger_node row = node_row(job->gpu, &closure->fresh[i]);

		remember(steward->isolation, &row);
	}
	steward_saved(steward);
	return true;
}

static void note_failed(struct steward *steward, struct steward_lease *lease,
			struct steward_instance *instance, const char *why, int64_t now_s)
{
	bool opening = may_use(lease);

	if (instance->access.tries == 1)
		steward_note(steward, opening ? EVENT_OPEN_FAILED : EVENT_CLOSE_FAILED,
			     &(struct about){.lease = lease ? &lease->row : NULL,
					     .instance = &instance->row},
			     now_s, "%s", why);
	if (!opening || lease->row.state != LEASE_GRANTING ||
	    instance->access.tries < ISOLATE_TRIES)
		return;
	steward_end_lease(steward, lease, now_s, "carved",
			  "its device nodes could not be opened: %s", why);
}

static struct access_holder holder_of(const struct steward_lease *lease)
{
	struct access_holder holder = {.lease = lease->row.id, .uid = lease->row.uid};

	snprintf(holder.user, sizeof(holder.user), "%s", lease->row.user);
	snprintf(holder.team, sizeof(holder.team), "%s", lease->row.team);
	snprintf(holder.class_name, sizeof(holder.class_name), "%s", lease->row.class_name);
	return holder;
}

static void note_opened(struct steward *steward, const struct steward_lease *lease,
			struct steward_instance *instance, const struct device_numbers *numbers,
			int64_t now_s)
{
	bool again = instance->access.open_to.lease == lease->row.id;

	steward_note(steward, EVENT_OPENED,
		     &(struct about){.lease = &lease->row, .instance = &instance->row}, now_s,
		     "%snvidia%u, nvidia-cap%u and nvidia-cap%u are open to %s alone",
		     again ? "found changed; " : "", numbers->gpu, numbers->gi_cap,
		     numbers->ci_cap, lease->row.user);
	instance->access.open_to = holder_of(lease);
}

static void note_closed(struct steward *steward, struct steward_instance *instance,
			const struct device_numbers *numbers, int64_t now_s)
{
	struct access_holder *holder = &instance->access.open_to;
	struct ledger_lease row = {.id = holder->lease, .uid = holder->uid};

	snprintf(row.user, sizeof(row.user), "%s", holder->user);
	snprintf(row.team, sizeof(row.team), "%s", holder->team);
	snprintf(row.class_name, sizeof(row.class_name), "%s", holder->class_name);
	steward_note(steward, EVENT_CLOSED,
		     &(struct about){.lease = holder->lease ? &row : NULL,
				     .instance = &instance->row},
		     now_s, "nvidia-cap%u and nvidia-cap%u are closed", numbers->gi_cap,
		     numbers->ci_cap);
	*holder = (struct access_holder){0};
}

static void note_done(struct steward *steward, struct steward_lease *lease,
		      struct steward_instance *instance, const struct closure_instance *was,
		      int64_t now_s)
{
	if (instance->access.open_to.lease == was->lease && !was->changed)
		return;
	if (was->lease)
		note_opened(steward, lease, instance, &was->numbers, now_s);
	else
		note_closed(steward, instance, &was->numbers, now_s);
}

/* With "auto" a host that cannot do it is no reason to have nothing. */
static bool has_failed(const struct steward *steward, const struct closure_instance *was)
{
	return was->result == CLOSURE_FAILED ||
	       (was->result == CLOSURE_CANNOT && mode_of(steward) != ISOLATION_AUTO);
}

static void take_instance(struct steward *steward, const struct closure_instance *was,
			  int64_t now_s)
{
	struct steward_instance *instance = steward_instance_find(steward, was->instance);
	struct steward_lease *lease;
	struct steward_access *access;

	if (!instance || was->result == CLOSURE_UNKNOWN || !instance->row.has_gi ||
	    instance->row.gi != was->gi)
		return;
	lease = steward_lease_find(steward, instance->lease);
	if ((may_use(lease) ? lease->row.id : 0) != was->lease)
		return; /* something else is wanted by now */
	access = &instance->access;
	access->result = was->result;
	access->has_numbers = was->result == CLOSURE_DONE || was->result == CLOSURE_CANNOT;
	access->numbers = was->numbers;
	snprintf(access->why, sizeof(access->why), "%s", was->why);
	if (has_failed(steward, was)) {
		access->tries++;
		note_failed(steward, lease, instance, was->why, now_s);
		return;
	}
	access->tries = 0;
	if (was->result == CLOSURE_DONE)
		note_done(steward, lease, instance, was, now_s);
	if (lease && lease->row.state == LEASE_GRANTING &&
	    instance->row.state == INSTANCE_PRESENT)
		steward_begin_lease(steward, lease, instance, now_s);
}

/* Nodes that belong to no instance any more, or to the GPU itself. */
static void take_trouble(struct steward *steward, size_t index, const struct closure *closure,
			 int64_t now_s)
{
	struct isolate_gpu *gpu = &steward->isolation->gpus[index];
	struct ledger_instance row = {0};

	snprintf(gpu->why, sizeof(gpu->why), "%s", closure->why);
	if (closure->n_failed && !gpu->trouble) {
		snprintf(row.gpu, sizeof(row.gpu), "%s", steward->gpus[index].info.uuid);
		steward_note(steward, EVENT_CLOSE_FAILED, &(struct about){.instance = &row}, now_s,
			     "GPU %u: %s", steward->gpus[index].info.index, closure->why);
	}
	gpu->trouble = closure->n_failed > 0;
}

static bool is_all_nothing(const struct closure *closure)
{
	for (size_t i = 0; i < closure->n; i++)
		if (closure->at[i].result != CLOSURE_NOTHING)
			return false;
	return closure->gpu == CLOSURE_NOTHING && !closure->n_fresh;
}

static void take_closure(struct steward *steward, size_t index, struct job *job, int64_t now_s)
{
	struct isolate_gpu *gpu = &steward->isolation->gpus[index];
	bool kept = keep_nodes(steward, job), failed = job->closure->n_failed > 0;

	gpu->job = false;
	gpu->nothing = is_all_nothing(job->closure);
	for (size_t i = 0; i < job->closure->n; i++) {
		failed |= has_failed(steward, &job->closure->at[i]);
		take_instance(steward, &job->closure->at[i], now_s);
	}
	take_trouble(steward, index, job->closure, now_s);
	free(gpu->last);
	gpu->last = steal(job->closure);
	gpu->due_s = now_s + (failed || !kept ? STEWARD_HURRY_S : STEWARD_SURVEY_S);
}

void steward_isolate_done(struct steward *steward, struct job *job, int64_t now_s)
{
	for (size_t i = 0; steward->isolation && i < steward->n_gpus; i++)
		if (!strcmp(steward->gpus[i].info.uuid, job->gpu)) {
			take_closure(steward, i, job, now_s);
			return;
		}
}

/* ---- to look at ---- */

void steward_isolate_notes(const struct steward *steward, void (*fn)(const char *note, void *arg),
			   void *arg)
{
	const struct steward_isolation *isolation = steward->isolation;
	char note[640];
	bool nodes = false;

	if (!isolation || mode_of(steward) == ISOLATION_OFF)
		return;
	for (size_t i = 0; i < steward->n_gpus; i++) {
		nodes |= isolation->gpus[i].last && !isolation->gpus[i].nothing;
		if (!isolation->gpus[i].trouble)
			continue;
		snprintf(note, sizeof(note), "GPU %u: device nodes: %s",
			 steward->gpus[i].info.index, isolation->gpus[i].why);
		fn(note, arg);
	}
	if (isolation->groups.kind != GROUP_NONE || mode_of(steward) == ISOLATION_ACL || !nodes)
		return;
	snprintf(note, sizeof(note), "processes have no control groups of their own: %s",
		 isolation->groups.why.text);
	fn(note, arg);
}
