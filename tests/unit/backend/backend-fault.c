#include "backend-fault.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "backend/backend-call.h"

struct backend_fault {
	struct backend_between between;
	struct backend *inner;
	pthread_mutex_t lock; /* of what follows */
	struct backend_fault_plan plan;
	unsigned calls;
	const char *struck;
};

static struct backend_fault *fault_of(struct backend_between *between)
{
	return (struct backend_fault *)between; /* its first member */
}

/* Count the call; returns a copy of the plan, with code 0 when this one is to succeed. */
static struct backend_fault_plan next(struct backend_fault *fault, enum backend_op op)
{
	struct backend_fault_plan plan;
	unsigned times;

	pthread_mutex_lock(&fault->lock);
	plan = fault->plan;
	times = plan.times ? plan.times : 1;
	if (op == BACKEND_OP_wait_event || (plan.changes && !backend_op_changes(op)))
		plan.code = ERR_NONE;
	else if (++fault->calls < plan.call || !plan.call || fault->calls >= plan.call + times)
		plan.code = ERR_NONE;
	if (plan.code)
		fault->struck = backend_op_name(op);
	pthread_mutex_unlock(&fault->lock);
	return plan;
}

static int handle(struct backend_between *between, struct backend_call *call, struct err *err)
{
	struct backend_fault *fault = fault_of(between);
	struct backend_fault_plan plan = next(fault, call->op);
	int r = 0;

	if (!plan.code || plan.after)
		r = backend_call_run(fault->inner, call, err);
	if (!plan.code || r)
		return r;
	free(call->answer.processes);
	return fail(err, plan.code, "%s: made to fail%s", backend_op_name(call->op),
		    plan.after ? " after it was done" : "");
}

static void close_fault(struct backend_between *between)
{
	struct backend_fault *fault = fault_of(between);

	backend_close(fault->inner);
	pthread_mutex_destroy(&fault->lock);
	free(fault);
}

struct backend *backend_fault_open(struct backend *take_inner)
{
	struct backend_fault *fault = calloc(1, sizeof(*fault));

	assert(fault);
	fault->between = (struct backend_between){{&backend_between_ops}, handle, close_fault};
	fault->inner = take_inner;
	fault->struck = "";
	pthread_mutex_init(&fault->lock, NULL);
	return &fault->between.backend;
}

void backend_fault_arm(struct backend *backend, const struct backend_fault_plan *plan)
{
	struct backend_fault *fault = (struct backend_fault *)backend;

	pthread_mutex_lock(&fault->lock);
	fault->plan = *plan;
	fault->calls = 0;
	fault->struck = "";
	pthread_mutex_unlock(&fault->lock);
}

unsigned backend_fault_calls(struct backend *backend)
{
	struct backend_fault *fault = (struct backend_fault *)backend;
	unsigned calls;

	pthread_mutex_lock(&fault->lock);
	calls = fault->calls;
	pthread_mutex_unlock(&fault->lock);
	return calls;
}

const char *backend_fault_struck(struct backend *backend)
{
	struct backend_fault *fault = (struct backend_fault *)backend;
	const char *struck;

	pthread_mutex_lock(&fault->lock);
	struck = fault->struck;
	pthread_mutex_unlock(&fault->lock);
	return struck;
}
