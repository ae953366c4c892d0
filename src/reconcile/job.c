#include "reconcile/job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"

/*
 * The driver calls a GPU instance in use for some tenths of a second after its
 * last compute instance has gone.
 */
#define LINGER_TRIES   30
#define LINGER_WAIT_NS 100000000L

struct job *job_new(enum job_kind kind, const char *gpu)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->kind = kind;
	snprintf(job->gpu, sizeof(job->gpu), "%s", gpu ? gpu : "");
	return job;
}

void job_free(struct job *job)
{
	if (!job)
		return;
	for (size_t i = 0; job->seen && i < job->n_gpus; i++)
		observed_gpu_free(job->seen[i]);
	free(job->seen);
	free(job->gpus);
	free(job->why);
	observed_gpu_free(job->after);
	free(job->closure);
	free(job);
}

/* ---- looking ---- */

static int look(struct job *job, struct backend *backend, struct err *err)
{
	observed_gpu_free(job->after);
	job->after = NULL;
	return observe_gpu(backend, job->gpu, &job->after, err);
}

static const struct backend_instance *promised(const struct job *job)
{
	return observed_at(job->after, job->profile_id, job->start);
}

static int survey(struct job *job, struct backend *backend)
{
	size_t n = 0;
	int r;

	job->gpus = calloc(BACKEND_MAX_GPUS, sizeof(*job->gpus));
	job->seen = calloc(BACKEND_MAX_GPUS, sizeof(struct observed_gpu *));
	job->why = calloc(BACKEND_MAX_GPUS, sizeof(*job->why));
	if (!job->gpus || !job->seen || !job->why)
		return fail(&job->err, ERR_NOMEM, "no memory for a survey");
	r = backend->ops->gpus(backend, job->gpus, &n, &job->err);
	if (r)
		return r;
	job->n_gpus = n;
	for (size_t i = 0; i < n; i++)
		if (job->gpus[i].lost)
			fail(&job->why[i], ERR_UNAVAILABLE, "GPU %u is lost", job->gpus[i].index);
		else
			observe_gpu(backend, job->gpus[i].uuid, &job->seen[i], &job->why[i]);
	return 0;
}

/* ---- creating ---- */

/*
 * The call may fail although the instance came to be (a time-out, say). It is
 * then ours: the place was free a moment ago, and nobody else's creation makes
 * ours fail with such a code. When it cannot be looked for, it may be there.
 */
static int create_gi(struct job *job, struct backend *backend)
{
	struct err ignored = ERR_INIT;
	enum err_code code;
	bool blind;
	int r = backend->ops->gi_create(backend, job->gpu, job->profile_id, job->start, job->size,
					&job->gi, &job->err);

	if (!r)
		return 0;
	code = job->err.code;
	blind = look(job, backend, &ignored) != 0;
	if (code == ERR_NO_ROOM || code == ERR_BUSY || code == ERR_DENIED)
		return r;
	job->left = blind;
	if (blind || !promised(job))
		return r;
	job->gi = promised(job)->gi;
	return 0;
}

/* The compute instance that is already there after a crash, or a new one. */
static int create_ci(struct job *job, struct backend *backend)
{
	const struct backend_instance *there = promised(job);
	unsigned ci;

	if (there && there->n_cis)
		return 0;
	return backend->ops->ci_create(backend, job->gpu, job->gi, job->ci_profile_id, &ci,
				       &job->err);
}

static int read_back(struct job *job, struct backend *backend, struct err *err)
{
	const struct backend_instance *there;
	int r = look(job, backend, err);

	if (r)
		return r;
	there = promised(job);
	if (!there || !there->n_cis || !there->cis[0].uuid[0])
		return fail(err, ERR_DRIVER,
			    "the driver reported success but the instance is not there");
	job->gi = there->gi;
	job->ci = there->cis[0].id;
	snprintf(job->mig_uuid, sizeof(job->mig_uuid), "%s", there->cis[0].uuid);
	return 0;
}

static int destroy(struct job *job, struct backend *backend, struct err *err);

static int create(struct job *job, struct backend *backend)
{
	struct err undo = ERR_INIT;
	bool made = false;
	int r = 0;

	if (job->resume) {
		r = look(job, backend, &job->err);
		job->left = r != 0; /* by an earlier process, perhaps */
	}
	if (!r && promised(job)) {
		job->gi = promised(job)->gi;
		made = true;
	}
	if (!r && !made) {
		r = create_gi(job, backend);
		made = !r;
	}
	if (!r)
		r = create_ci(job, backend);
	/* A call that failed after doing its work has done it: what counts is what is there. */
	if (made && read_back(job, backend, r ? &undo : &job->err) == 0)
		return 0;
	if (made && destroy(job, backend, &undo)) {
		job->left = true;
		fail_hint(&job->err, "and it could not be taken away again: %s", undo.text);
	}
	return -(int)job->err.code;
}

/* ---- destroying ---- */

static void pause_for_linger(void)
{
	nanosleep(&(struct timespec){.tv_nsec = LINGER_WAIT_NS}, NULL);
}

static int destroy_cis(struct job *job, struct backend *backend,
		       const struct backend_instance *there, struct err *err)
{
	for (unsigned i = 0; i < there->n_cis; i++) {
		int r = backend->ops->ci_destroy(backend, job->gpu, there->gi, job->profile_id,
						 job->start, there->cis[i].id, err);

		if (r && err->code != ERR_NOT_FOUND)
			return r;
	}
	return 0;
}

static int destroy_gi(struct job *job, struct backend *backend, unsigned gi, struct err *err)
{
	for (unsigned try = 0;; try++) {
		int r = backend->ops->gi_destroy(backend, job->gpu, gi, job->profile_id, job->start,
						 err);

		if (!r || err->code == ERR_NOT_FOUND)
			return 0;
		if (err->code != ERR_BUSY || try == LINGER_TRIES)
			return r;
		pause_for_linger();
	}
}

/* Gone is what counts, whatever the calls said on the way. */
static int destroy(struct job *job, struct backend *backend, struct err *err)
{
	struct err after = ERR_INIT;
	const struct backend_instance *there;
	int r = look(job, backend, err);

	if (r)
		return r;
	there = promised(job);
	if (!there)
		return 0;
	r = destroy_cis(job, backend, there, err);
	if (!r)
		r = destroy_gi(job, backend, there->gi, err);
	if (look(job, backend, r ? &after : err))
		return r ? r : -(int)err->code;
	if (!promised(job))
		return 0;
	return r ? r
		 : fail(err, ERR_DRIVER,
			"the driver reported success but the instance is still there");
}

/* ---- MIG mode ---- */

/* In force or only pending: the next look at all GPUs tells. */
static int set_mig(struct job *job, struct backend *backend)
{
	struct err ignored = ERR_INIT;
	bool pending;
	int r = backend->ops->set_mig(backend, job->gpu, job->on, &pending, &job->err);

	look(job, backend, &ignored);
	return r;
}

void job_run(struct job *job, struct backend *backend)
{
	switch (job->kind) {
	case JOB_SURVEY:
		job->result = survey(job, backend);
		break;
	case JOB_LOOK:
		job->result = look(job, backend, &job->err);
		break;
	case JOB_CREATE:
		job->result = create(job, backend);
		break;
	case JOB_DESTROY:
		job->result = destroy(job, backend, &job->err);
		break;
	case JOB_MIG:
		job->result = set_mig(job, backend);
		break;
	case JOB_CLOSE:
		closure_apply(job->closure, &job->roots);
		break;
	}
}
