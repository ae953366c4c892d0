#include "backend/backend-call.h"

#include <stdio.h>
#include <string.h>

static const char *const names[] = {
#define X(op) #op,
	BACKEND_OPS(X)
#undef X
};

const char *backend_op_name(enum backend_op op)
{
	return (unsigned)op < BACKEND_OP_COUNT ? names[op] : "?";
}

bool backend_op_changes(enum backend_op op)
{
	return op >= BACKEND_OP_set_mig && op <= BACKEND_OP_ci_destroy;
}

int backend_call_run(struct backend *backend, struct backend_call *call, struct err *err)
{
	const struct backend_ops *ops = backend->ops;
	const struct backend_ask *ask = &call->ask;
	struct backend_answer *a = &call->answer;

	switch (call->op) {
	case BACKEND_OP_driver:
		return ops->driver(backend, &a->driver, err);
	case BACKEND_OP_gpus:
		return ops->gpus(backend, a->gpus, &a->n, err);
	case BACKEND_OP_profiles:
		return ops->profiles(backend, ask->gpu, a->profiles, &a->n, err);
	case BACKEND_OP_instances:
		return ops->instances(backend, ask->gpu, a->instances, &a->n, err);
	case BACKEND_OP_processes:
		return ops->processes(backend, ask->gpu, &a->processes, &a->n, err);
	case BACKEND_OP_set_mig:
		return ops->set_mig(backend, ask->gpu, ask->on, &a->pending, err);
	case BACKEND_OP_gi_create:
		return ops->gi_create(backend, ask->gpu, ask->profile_id, ask->start, ask->size,
				      &a->id, err);
	case BACKEND_OP_gi_destroy:
		return ops->gi_destroy(backend, ask->gpu, ask->gi, ask->profile_id, ask->start,
				       err);
	case BACKEND_OP_ci_create:
		return ops->ci_create(backend, ask->gpu, ask->gi, ask->ci_profile_id, &a->id, err);
	case BACKEND_OP_ci_destroy:
		return ops->ci_destroy(backend, ask->gpu, ask->gi, ask->profile_id, ask->start,
				       ask->ci, err);
	case BACKEND_OP_wait_event:
		return ops->wait_event(backend, ask->timeout_ms, &a->event, err);
	case BACKEND_OP_COUNT:
		break;
	}
	return fail(err, ERR_INTERNAL, "no such operation of a backend");
}

/* ---- the other way: each operation as a call ---- */

static void init(struct backend_call *call, enum backend_op op, const char *gpu)
{
	memset(call, 0, sizeof(*call));
	call->op = op;
	snprintf(call->ask.gpu, sizeof(call->ask.gpu), "%s", gpu);
}

static struct backend_between *between_of(struct backend *backend)
{
	return (struct backend_between *)backend; /* its first member */
}

static int handle(struct backend *backend, struct backend_call *call, struct err *err)
{
	return between_of(backend)->handle(between_of(backend), call, err);
}

static void do_close(struct backend *backend)
{
	between_of(backend)->free(between_of(backend));
}

static int do_driver(struct backend *backend, struct backend_driver *ret, struct err *err)
{
	struct backend_call call;
	int r;

	init(&call, BACKEND_OP_driver, "");
	r = handle(backend, &call, err);
	if (!r)
		*ret = call.answer.driver;
	return r;
}

/* The operations that give a list of a GPU's, or of all GPUs. */
#define LIST(op, type)                                                                             \
	static int list_##op(struct backend *backend, const char *gpu, struct type *ret,           \
			     size_t *ret_n, struct err *err)                                       \
	{                                                                                          \
		struct backend_call call;                                                          \
		int r;                                                                             \
                                                                                                   \
		init(&call, BACKEND_OP_##op, gpu);                                                 \
		r = handle(backend, &call, err);                                                   \
		if (r)                                                                             \
			return r;                                                                  \
		memcpy(ret, call.answer.op, call.answer.n * sizeof(*ret));                         \
		*ret_n = call.answer.n;                                                            \
		return 0;                                                                          \
	}

LIST(gpus, backend_gpu)
LIST(profiles, backend_profile)
LIST(instances, backend_instance)

static int do_gpus(struct backend *backend, struct backend_gpu *ret, size_t *ret_n, struct err *err)
{
	return list_gpus(backend, "", ret, ret_n, err);
}

static int do_processes(struct backend *backend, const char *gpu, struct backend_process **ret,
			size_t *ret_n, struct err *err)
{
	struct backend_call call;
	int r;

	init(&call, BACKEND_OP_processes, gpu);
	r = handle(backend, &call, err);
	if (r)
		return r;
	*ret = call.answer.processes;
	*ret_n = call.answer.n;
	return 0;
}

static int do_set_mig(struct backend *backend, const char *gpu, bool on, bool *ret_pending,
		      struct err *err)
{
	struct backend_call call;
	int r;

	init(&call, BACKEND_OP_set_mig, gpu);
	call.ask.on = on;
	r = handle(backend, &call, err);
	if (!r)
		*ret_pending = call.answer.pending;
	return r;
}

static int do_gi_create(struct backend *backend, const char *gpu, unsigned profile_id,
			unsigned start, unsigned size, unsigned *ret_gi, struct err *err)
{
	struct backend_call call;
	int r;

	init(&call, BACKEND_OP_gi_create, gpu);
	call.ask.profile_id = profile_id;
	call.ask.start = start;
	call.ask.size = size;
	r = handle(backend, &call, err);
	if (!r)
		*ret_gi = call.answer.id;
	return r;
}

static int do_gi_destroy(struct backend *backend, const char *gpu, unsigned gi, unsigned profile_id,
			 unsigned start, struct err *err)
{
	struct backend_call call;

	init(&call, BACKEND_OP_gi_destroy, gpu);
	call.ask.gi = gi;
	call.ask.profile_id = profile_id;
	call.ask.start = start;
	return handle(backend, &call, err);
}

static int do_ci_create(struct backend *backend, const char *gpu, unsigned gi,
			unsigned ci_profile_id, unsigned *ret_ci, struct err *err)
{
	struct backend_call call;
	int r;

	init(&call, BACKEND_OP_ci_create, gpu);
	call.ask.gi = gi;
	call.ask.ci_profile_id = ci_profile_id;
	r = handle(backend, &call, err);
	if (!r)
		*ret_ci = call.answer.id;
	return r;
}

static int do_ci_destroy(struct backend *backend, const char *gpu, unsigned gi, unsigned profile_id,
			 unsigned start, unsigned ci, struct err *err)
{
	struct backend_call call;

	init(&call, BACKEND_OP_ci_destroy, gpu);
	call.ask.gi = gi;
	call.ask.profile_id = profile_id;
	call.ask.start = start;
	call.ask.ci = ci;
	return handle(backend, &call, err);
}

static int do_wait_event(struct backend *backend, unsigned timeout_ms, struct backend_event *ret,
			 struct err *err)
{
	struct backend_call call;
	int r;

	init(&call, BACKEND_OP_wait_event, "");
	call.ask.timeout_ms = timeout_ms;
	r = handle(backend, &call, err);
	if (!r)
		*ret = call.answer.event;
	return r;
}

const struct backend_ops backend_between_ops = {
	.close = do_close,
	.driver = do_driver,
	.gpus = do_gpus,
	.profiles = list_profiles,
	.instances = list_instances,
	.processes = do_processes,
	.set_mig = do_set_mig,
	.gi_create = do_gi_create,
	.gi_destroy = do_gi_destroy,
	.ci_create = do_ci_create,
	.ci_destroy = do_ci_destroy,
	.wait_event = do_wait_event,
};
