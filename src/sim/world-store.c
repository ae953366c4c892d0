#include "sim/world-part.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A waiter looks around that often, in case whoever should wake it was killed before it could. */
#define LONGEST_NAP_NS 1000000000

static bool call_faults_armed(const struct world_state *state)
{
	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		const struct world_fault *fault = &state->faults[i];

		if (fault->id && fault->kind == WORLD_FAULT_CALL &&
		    (!fault->times || fault->struck < fault->times))
			return true;
	}
	return false;
}

void world_wake(struct world_file *file)
{
	atomic_fetch_add(&file->event_signal, 1);
	syscall(SYS_futex, &file->event_signal, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

void world_recover(struct world_file *file)
{
	pthread_mutex_consistent(&file->lock);
	atomic_store(&file->call_faults, call_faults_armed(&file->copies[file->current]));
	world_wake(file);
}

static void lock(struct world_file *file)
{
	int code = pthread_mutex_lock(&file->lock);

	if (code && code != EOWNERDEAD)
		abort(); /* going on without the lock would tear the state of everybody */
	if (code)
		world_recover(file);
}

const struct world_state *world_read(struct world *world)
{
	lock(world->file);
	return &world->file->copies[world->file->current];
}

void world_done(struct world *world)
{
	pthread_mutex_unlock(&world->file->lock);
}

struct world_state *world_change(struct world *world)
{
	struct world_file *file = world->file;
	struct world_state *next;
	const struct world_state *now;

	lock(file);
	now = &file->copies[file->current];
	next = &file->copies[!file->current];
	memcpy(next, now,
	       offsetof(struct world_state, processes) +
		       now->n_processes * sizeof(now->processes[0]));
	return next;
}

void world_commit(struct world *world)
{
	struct world_file *file = world->file;
	uint32_t old = file->current;
	const struct world_state *next = &file->copies[!old];
	bool raised = next->events_raised != file->copies[old].events_raised;

	/* All stores to the copy come before this one, also for who sees us killed here. */
	atomic_store_explicit(&file->current, !old, memory_order_release);
	atomic_store(&file->call_faults, call_faults_armed(next));
	if (raised)
		world_wake(file);
	pthread_mutex_unlock(&file->lock);
}

void world_abandon(struct world *world)
{
	pthread_mutex_unlock(&world->file->lock);
}

bool world_has_call_faults(const struct world *world)
{
	return atomic_load_explicit(&world->file->call_faults, memory_order_relaxed);
}

bool world_is_gone(const struct world *world)
{
	return atomic_load(&world->file->gone);
}

const char *world_dir(const struct world *world)
{
	return world->dir;
}

static uint64_t events_raised(struct world *world)
{
	uint64_t raised = world_read(world)->events_raised;

	world_done(world);
	return raised;
}

/* 0, or -1 when it was woken by a signal. */
static int nap(struct world_file *file, uint32_t signal, int64_t ns)
{
	struct timespec time = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};

	if (!syscall(SYS_futex, &file->event_signal, FUTEX_WAIT, signal, &time, NULL, 0))
		return 0;
	return errno == EINTR ? -1 : 0;
}

void world_wait_event(struct world *world, uint64_t seen, int64_t timeout_ns)
{
	struct world_file *file = world->file;
	int64_t begin = world_clock_ns();

	for (;;) {
		/* Taken before looking, so that an event raised after the look changes it. */
		uint32_t signal = atomic_load(&file->event_signal);
		int64_t left = LONGEST_NAP_NS;

		if (world_is_gone(world) || events_raised(world) > seen)
			return;
		if (timeout_ns >= 0 && timeout_ns - (world_clock_ns() - begin) < left)
			left = timeout_ns - (world_clock_ns() - begin);
		if (left <= 0 || nap(file, signal, left) < 0)
			return;
	}
}
