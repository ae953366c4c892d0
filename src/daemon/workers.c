#include "daemon/workers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "base/cleanup.h"

#define N_LINES	      (BACKEND_MAX_GPUS + 1) /* the last is for surveys */
#define STACK_BYTES   (1u << 20)	     /* a driver library is not ours to measure */
#define LISTEN_MS     1000
#define LISTEN_REST_S 5

/* A thread and what waits for it. */
struct line {
	struct workers *workers;
	bool started;
	struct job *first, *last;
	pthread_cond_t wake;
};

struct workers {
	struct backend *backend;
	int fd;
	pthread_mutex_t lock;
	bool stopping, event;
	unsigned running; /* threads */
	pthread_cond_t ended;
	struct line lines[N_LINES];
	struct job *done_first, *done_last;
};

static void append(struct job **first, struct job **last, struct job *job)
{
	job->next = NULL;
	if (*last)
		(*last)->next = job;
	else
		*first = job;
	*last = job;
}

static struct job *take_first(struct job **first, struct job **last)
{
	struct job *job = *first;

	if (!job)
		return NULL;
	*first = job->next;
	if (!*first)
		*last = NULL;
	job->next = NULL;
	return job;
}

static void ring(const struct workers *workers)
{
	uint64_t one = 1;

	while (write(workers->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void leave(struct workers *workers)
{
	workers->running--;
	pthread_cond_signal(&workers->ended);
	pthread_mutex_unlock(&workers->lock);
}

static void *line_main(void *arg)
{
	struct line *line = arg;
	struct workers *workers = line->workers;
	struct job *job;

	pthread_mutex_lock(&workers->lock);
	while (!workers->stopping) {
		job = take_first(&line->first, &line->last);
		if (!job) {
			pthread_cond_wait(&line->wake, &workers->lock);
			continue;
		}
		pthread_mutex_unlock(&workers->lock);
		job_run(job, workers->backend);
		pthread_mutex_lock(&workers->lock);
		append(&workers->done_first, &workers->done_last, job);
		ring(workers);
	}
	leave(workers);
	return NULL;
}

static void *listen_main(void *arg)
{
	struct workers *workers = arg;
	struct backend_event event;
	struct err err = ERR_INIT;

	pthread_mutex_lock(&workers->lock);
	while (!workers->stopping && err.code != ERR_UNSUPPORTED) {
		int r;

		pthread_mutex_unlock(&workers->lock);
		event.kind = BACKEND_EVENT_NONE;
		r = workers->backend->ops->wait_event(workers->backend, LISTEN_MS, &event, &err);
		if (r && err.code != ERR_UNSUPPORTED)
			nanosleep(&(struct timespec){.tv_sec = LISTEN_REST_S}, NULL);
		pthread_mutex_lock(&workers->lock);
		if (!r && event.kind != BACKEND_EVENT_NONE) {
			workers->event = true;
			ring(workers);
		}
	}
	leave(workers);
	return NULL;
}

/* With the lock held. */
static int start_thread(struct workers *workers, void *(*fn)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the main thread's */
	r = pthread_create(&thread, &attr, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	if (!r)
		workers->running++;
	return r;
}

int workers_new(struct backend *backend, struct workers **ret, struct err *err)
{
	struct workers *workers = calloc(1, sizeof(*workers));
	int r;

	if (!workers)
		return fail(err, ERR_NOMEM, "no memory for workers");
	workers->backend = backend;
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->ended, NULL);
	for (size_t i = 0; i < N_LINES; i++) {
		workers->lines[i].workers = workers;
		pthread_cond_init(&workers->lines[i].wake, NULL);
	}
	workers->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (workers->fd < 0) {
		r = fail(err, ERR_IO, "eventfd: %s", strerror(errno));
		workers_free(workers);
		return r;
	}
	pthread_mutex_lock(&workers->lock);
	r = start_thread(workers, listen_main, workers);
	pthread_mutex_unlock(&workers->lock);
	if (r) {
		r = fail(err, ERR_NOMEM, "cannot start a thread: %s", strerror(r));
		workers_free(workers);
		return r;
	}
	*ret = workers;
	return 0;
}

bool workers_stop(struct workers *workers, unsigned seconds)
{
	struct timespec until;
	bool stopped;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	for (size_t i = 0; i < N_LINES; i++)
		pthread_cond_signal(&workers->lines[i].wake);
	while (workers->running &&
	       pthread_cond_timedwait(&workers->ended, &workers->lock, &until) == 0)
		;
	stopped = workers->running == 0;
	pthread_mutex_unlock(&workers->lock);
	return stopped;
}

void workers_free(struct workers *workers)
{
	struct job *job;

	if (!workers)
		return;
	for (size_t i = 0; i < N_LINES; i++) {
		while ((job = take_first(&workers->lines[i].first, &workers->lines[i].last)))
			job_free(job);
		pthread_cond_destroy(&workers->lines[i].wake);
	}
	while ((job = take_first(&workers->done_first, &workers->done_last)))
		job_free(job);
	if (workers->fd >= 0)
		close(workers->fd);
	pthread_cond_destroy(&workers->ended);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

void workers_submit(struct workers *workers, size_t index, struct job *take_job)
{
	struct line *line = &workers->lines[index < N_LINES - 1 ? index : N_LINES - 1];

	pthread_mutex_lock(&workers->lock);
	append(&line->first, &line->last, take_job);
	/* Without a thread the work waits for the next one who can start it. */
	if (!line->started && !workers->stopping)
		line->started = start_thread(workers, line_main, line) == 0;
	pthread_cond_signal(&line->wake);
	pthread_mutex_unlock(&workers->lock);
}

int workers_fd(const struct workers *workers)
{
	return workers->fd;
}

struct job *workers_take(struct workers *workers, bool *ret_event)
{
	struct job *job;
	uint64_t n;

	pthread_mutex_lock(&workers->lock);
	job = take_first(&workers->done_first, &workers->done_last);
	if (!job)
		(void)!read(workers->fd, &n, sizeof(n));
	if (workers->event)
		*ret_event = true;
	workers->event = false;
	pthread_mutex_unlock(&workers->lock);
	return job;
}
