/*
 * job.h - one piece of slow work on the driver
 *
 * The steward writes down what is to happen and then hands out a job; a worker
 * thread runs it and gives it back with what was read afterwards. A job holds
 * everything it needs and touches nothing but the backend. "Success" is what
 * was read back, not what a call returned.
 *
 * CREATE and DESTROY may be run again for the same promise after a crash: they
 * look first and do only what is still missing.
 */
#pragma once

#include "backend/backend.h"
#include "isolate/closure.h"
#include "reconcile/observe.h"

enum job_kind {
	JOB_SURVEY,  /* look at all GPUs */
	JOB_LOOK,    /* look at one */
	JOB_CREATE,  /* GPU instance and a compute instance that takes all of it */
	JOB_DESTROY, /* both */
	JOB_MIG,     /* MIG mode on or off */
	JOB_CLOSE,   /* device nodes; takes no call of the driver */
};

struct job {
	enum job_kind kind;
	uint64_t tick; /* the steward's, when it was handed out */
	char gpu[BACKEND_UUID];

	/* CREATE, DESTROY: the promise */
	int64_t instance;
	unsigned profile_id, ci_profile_id, start, size;
	bool resume; /* the promise is older than this process: part of it may be done */

	bool on; /* MIG */
	/* CLOSE: what shall be, and then what is; owned */
	struct closure *closure;
	struct isolate_roots roots;

	/* The outcome. */
	int result; /* 0 or negative, then err tells */
	struct err err;
	unsigned gi, ci;	     /* CREATE */
	bool left;		     /* CREATE failed, and what it made may still be there */
	char mig_uuid[BACKEND_UUID]; /* CREATE */
	struct observed_gpu *after;  /* of one GPU: read back; NULL: could not be read */

	/* SURVEY: seen[i] is NULL for a GPU that could not be looked at; its reason in why[i] */
	size_t n_gpus;
	struct backend_gpu *gpus;
	struct observed_gpu **seen;
	struct err *why;

	struct job *next; /* for the queue it waits in */
};

/* NULL when memory ran out. */
struct job *job_new(enum job_kind kind, const char *gpu);
void job_free(struct job *job);

static inline void cleanup_job_free(struct job **job)
{
	job_free(*job);
}

/* Blocks for as long as the driver does. */
void job_run(struct job *job, struct backend *backend);
