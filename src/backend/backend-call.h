/*
 * backend-call.h - a call of a backend as a value
 *
 * For backends that stand between a caller and another backend: all their
 * operations become one function that gets the call, may run it, and fills in
 * what it answers.
 */
#pragma once

#include "backend/backend.h"

/* every operation but close */
#define BACKEND_OPS(X)                                                                             \
	X(driver)                                                                                  \
	X(gpus)                                                                                    \
	X(profiles)                                                                                \
	X(instances)                                                                               \
	X(processes)                                                                               \
	X(set_mig)                                                                                 \
	X(gi_create)                                                                               \
	X(gi_destroy)                                                                              \
	X(ci_create)                                                                               \
	X(ci_destroy)                                                                              \
	X(wait_event)

enum backend_op {
#define X(op) BACKEND_OP_##op,
	BACKEND_OPS(X)
#undef X
		BACKEND_OP_COUNT
};

const char *backend_op_name(enum backend_op op);

/* Does it change a GPU? */
bool backend_op_changes(enum backend_op op);

struct backend_call {
	enum backend_op op;

	/* What was asked; what an operation has no use for is "" and 0. */
	struct backend_ask {
		char gpu[BACKEND_UUID];
		unsigned profile_id, start, size, gi, ci, ci_profile_id, timeout_ms;
		bool on;
	} ask;

	/* What is answered, when it went well. */
	struct backend_answer {
		struct backend_driver driver;
		struct backend_event event;
		bool pending;
		unsigned id; /* gi or ci */
		size_t n;    /* of the lists */
		struct backend_gpu gpus[BACKEND_MAX_GPUS];
		struct backend_profile profiles[BACKEND_MAX_PROFILES];
		struct backend_instance instances[BACKEND_MAX_INSTANCES];
		struct backend_process *processes; /* handed over to the caller */
	} answer;
};

/* Let a backend answer. */
int backend_call_run(struct backend *backend, struct backend_call *call, struct err *err);

/*
 * A backend whose operations are all handle(). Put first into its own struct,
 * with backend.ops = &backend_between_ops.
 */
struct backend_between {
	struct backend backend;
	int (*handle)(struct backend_between *between, struct backend_call *call, struct err *err);
	void (*free)(struct backend_between *between);
};

extern const struct backend_ops backend_between_ops;
