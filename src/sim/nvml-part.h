/*
 * nvml-part.h - how the parts of the stand-in libnvidia-ml.so.1 fit together
 *
 * Every row of NVML_CALLS (facts/nvml-calls.h) becomes an entry point that
 * does the same around its one do_NAME() function:
 *
 *	initialised?  ->  an armed fault?  ->  the handle  ->  the rules of the
 *	call (nvml-rules.h)  ->  do_NAME()  ->  a fault that strikes afterwards
 *
 * do_NAME() takes a struct call in place of the handle, and what follows the
 * handle in the row. It finds the state locked (call->now) and what the handle
 * stands for resolved; it writes to its caller only when it answers
 * NVML_SUCCESS, or a count with INSUFFICIENT_SIZE. Calls that wait or change
 * the world let go of the state first (call_unlock, work_do).
 *
 * A session lasts from the first init to the last shutdown; whatever a call
 * still uses of it lives until that call ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "facts/nvml.h"
#include "sim/world.h"

#define NVML_FIRST(first, ...)	    first
#define NVML_COMMA_ALL(...)	    , __VA_ARGS__
#define NVML_COMMA_REST(first, ...) __VA_OPT__(, ) __VA_ARGS__

enum call_id {
#define X(name, params, args) CALL_##name,
	NVML_CALLS(X, X, X, X)
#undef X
		N_CALLS,
};

/* ---- handles ---- */

enum target_kind {
	TARGET_NONE,
	TARGET_GPU,
	TARGET_GI,
	TARGET_CI,    /* nvmlComputeInstance_t */
	TARGET_MIG,   /* the MIG device of a compute instance */
	TARGET_ALIAS, /* the same, as ComputeInstanceInfo.device shows it */
};

/* What a handle stands for; the generation tells whether it still does. */
struct target {
	uint8_t kind; /* enum target_kind */
	uint8_t gpu, gi, ci;
	uint32_t generation;
};

/*
 * The handles of a session: each an address of its own within one reserved
 * range that reads as zeros, because some clients look into what they were
 * given. The same thing has the same handle as long as it lives. Safe for
 * threads.
 */
struct handles;

struct handles *handles_new(void); /* NULL: no memory */
void handles_free(struct handles *handles);
void *handle_of(struct handles *handles, const struct target *target);
bool handle_target(const struct handles *handles, const void *handle, struct target *ret);

/* ---- sessions ---- */

struct object;

struct session {
	struct world *world;
	struct handles *handles;
	struct object *objects; /* nvml-object.c */
	unsigned users;		/* calls in progress, and one while initialised */
};

struct session *session_get(void); /* NULL: not initialised */
void session_put(struct session *session);

/* ---- objects a client makes: event sets, samples ---- */

enum object_kind { OBJECT_EVENT_SET, OBJECT_SYSTEM_EVENT_SET, OBJECT_GPM_SAMPLE };

struct object {
	char handle[4096]; /* stays zero; its address is the handle */
	enum object_kind kind;
	unsigned users;
	struct object *next;
};

/* Zeroed, `size` bytes beginning with a struct object; NULL: no memory. */
void *object_new(struct session *session, enum object_kind kind, size_t size);

/* The object behind a handle, kept until object_put(); NULL: there is none. */
void *object_get(struct session *session, enum object_kind kind, const void *handle);
void object_put(struct object *object);

/* The client lets go. INVALID_ARGUMENT: no such object. */
nvmlReturn_t object_drop(struct session *session, enum object_kind kind, const void *handle);
void objects_free(struct session *session);

/* ---- one call ---- */

struct call {
	const char *name;
	unsigned rules; /* nvml-rules.h */
	nvmlReturn_t code;
	struct session *session;
	struct world *world;
	struct world_fault fault; /* id 0: none to come */
	struct target at;
	const struct world_state *now; /* locked; NULL while it is not */
	const struct world_gpu *gpu;   /* NULL: about no GPU */
	const struct world_gi *gi;     /* NULL: about a whole GPU */
	const struct world_ci *ci;
};

#define KIND(kind)    (1u << (kind))
#define KINDS_DEVICES (KIND(TARGET_GPU) | KIND(TARGET_MIG) | KIND(TARGET_ALIAS))

/*
 * Returns false when the call is over already and call->code its answer.
 *   kinds  what its handle may stand for; 0: it has none
 */
bool call_begin(struct call *call, const char *name, unsigned rules, unsigned kinds,
		const void *handle);

/* The same in a session handed over (init, which finds none); only faults are looked at. */
bool call_begin_in(struct call *call, const char *name, struct session *take_session);
nvmlReturn_t call_end(struct call *call, nvmlReturn_t code);

/* Let go of the state; look again (false: it can no longer go on, call->code). */
void call_unlock(struct call *call);
bool call_look(struct call *call);

/* true: a MIG device. */
static inline bool call_is_mig(const struct call *call)
{
	return call->ci;
}

/* The handle of something that exists in this state; gi and ci as far as the kind has them. */
void *call_handle(const struct call *call, const struct world_state *state, enum target_kind kind,
		  unsigned gpu, unsigned gi, unsigned ci);

/* INVALID_ARGUMENT: it is gone; GPU_IS_LOST. */
nvmlReturn_t target_check(const struct world_state *state, const struct target *target);

/* ---- work: what takes a driver time ---- */

struct work {
	enum world_work kind;
	nvmlReturn_t (*act)(struct world_state *next, struct work *work);
	unsigned slices; /* of the GPU instance */
	bool instant;	 /* takes no time: kind and slices are not looked at */
	unsigned profile_id;
	int start;
	bool on;
	unsigned mode;
	enum target_kind makes; /* an instance, whose id act() leaves in id */

	struct target at; /* set by work_do() */
	bool quick;	  /* out of act(): this takes no time after all */
	unsigned id;
	nvmlReturn_t activation;
	void *handle; /* of what was made */
};

/*
 * Change the world as a driver does: what is refused is refused at once, what
 * is done is done after the time it takes. The state is unlocked afterwards.
 */
nvmlReturn_t work_do(struct call *call, struct work *work);

/* ---- small change ---- */

/* INVALID_ARGUMENT without a buffer, INSUFFICIENT_SIZE when it is too short. */
nvmlReturn_t give_text(char *buf, unsigned length, const char *text);

/*
 * How lists are given: returns true when there is room for `needed` (possibly
 * none) entries; else *ret_code is the answer. Sets *count.
 */
bool give_count(unsigned *count, const void *array, unsigned needed, nvmlReturn_t *ret_code);

/* First number of the version of a driver: 550; the CUDA version it brings: 12040. */
unsigned driver_major(const char *driver);
unsigned driver_cuda(const char *driver);

#define DO(name) nvmlReturn_t do_##name

/* A call that gives one value. */
#define ANSWER(name, type, value)                                                                  \
	DO(name)(struct call * call, type * ret)                                                   \
	{                                                                                          \
		if (!ret)                                                                          \
			return NVML_ERROR_INVALID_ARGUMENT;                                        \
		*ret = (type)(value);                                                              \
		return NVML_SUCCESS;                                                               \
	}

#define SYS(name, params, args)	   DO(name)(struct call * call NVML_COMMA_ALL params);
#define HANDLE(name, params, args) DO(name)(struct call * call NVML_COMMA_REST params);
NVML_CALLS(SYS, HANDLE, HANDLE, HANDLE)
#undef SYS
#undef HANDLE
