/*
 * world-part.h - what the files of the simulated server share
 *
 * Only for world-*.c and their tests. The state and its rules are in world.h.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "sim/world.h"

/* ---- the file ---- */

/*
 * What lies in DIR/state. `current` says which copy counts; everything after
 * the lock but the copy that does not count may be read without it.
 */
struct world_file {
	char magic[8];
	uint32_t layout, size; /* of this struct; the file of another build is refused */
	uint64_t boards;       /* a fingerprint: the state refers to boards by their index */
	char boot_id[40];      /* clocks and pids mean nothing after the machine was restarted */
	pthread_mutex_t lock;  /* robust, shared by processes */
	_Atomic uint32_t current;
	_Atomic uint32_t event_signal; /* futex; changes when events were raised */
	_Atomic uint32_t call_faults;
	_Atomic uint32_t gone;
	struct world_state copies[2];
};

struct world {
	struct world_file *file;
	char *dir; /* absolute */
	dev_t dev; /* of the state file, to know it again */
	ino_t ino;
};

/* Wake everybody who waits for events, and those who should look whether it is gone. */
void world_wake(struct world_file *file);

/*
 * The lock was given to us (EOWNERDEAD) because its owner died. Whatever it was
 * doing, the copy that counts is whole: the next change overwrites the other
 * one. It may not have told anybody, though.
 */
void world_recover(struct world_file *file);

/* ---- the state ---- */

/* The monotonic clock in ns; tests put their own in its place. */
extern int64_t (*world_clock_ns)(void);

/* The next number of a sequence of well-mixed ones (splitmix64). */
uint64_t world_draw(uint64_t *seed);

/* A number no slot of this world had before. */
uint32_t world_next_generation(struct world_state *state);

/* SUCCESS, or why nothing can be done with that GPU: INVALID_ARGUMENT, GPU_IS_LOST. */
nvmlReturn_t world_gpu_usable(const struct world_state *state, unsigned gpu);

/* Is anybody on the GPU: a process or a holder? */
bool world_gpu_in_use(const struct world_state *state, unsigned gpu);

/* Does somebody without a process hold the GPU as a whole? */
bool world_gpu_is_held(const struct world_state *state, unsigned gpu);

/* Is this fault there, and not over by itself? */
bool world_fault_active(const struct world_fault *fault, int64_t now_ns);

/* All instances go. true when there were any. */
bool world_gpu_clear(struct world_gpu *gpu);

/* Where the instance lies in the memory itself; see `flip`. */
unsigned world_physical_start(const struct world_gpu *gpu, unsigned start);

/* "GPU-..." as the driver derives it. */
void world_gpu_uuid(const struct world_gpu *gpu, char *buf, size_t size);

/* The load of a GPU is about to change: book its heat and energy up to now. */
void world_settle(struct world_state *state, unsigned gpu);
/* The driver starts anew: cold, nothing booked. */
void world_settle_cold(struct world_gpu *gpu);
