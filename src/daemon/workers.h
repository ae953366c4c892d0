/*
 * workers.h - threads that wait for the driver, so that the daemon need not
 *
 * One thread a GPU, started when it first has something to do: work on one
 * GPU is done in order, work on different GPUs at the same time. One more
 * thread surveys, one listens for the driver's events. All others of the
 * daemon's code runs in its main thread.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "reconcile/job.h"

struct workers;

/* backend is borrowed and must outlive the workers. */
int workers_new(struct backend *backend, struct workers **ret, struct err *err);

/*
 * No new work is begun; waits for what is under way, at most so many seconds.
 * Returns false when some thread did not come back: nothing may then be freed.
 */
bool workers_stop(struct workers *workers, unsigned seconds);
void workers_free(struct workers *workers);

/* index: a GPU's, or SIZE_MAX for surveys */
void workers_submit(struct workers *workers, size_t index, struct job *take_job);

/* Readable when a job is done or the driver told of a change. */
int workers_fd(const struct workers *workers);

/*
 * A job that is done, owned by the caller; NULL: none.
 *   ret_event  out: set when the driver told that something changed; else left alone
 */
struct job *workers_take(struct workers *workers, bool *ret_event);
