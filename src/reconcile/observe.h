/*
 * observe.h - what one GPU holds, read at one moment
 *
 * An observation is what the driver says of a GPU's instances and processes,
 * with the names /proc and the user database give to those pids. It is made in
 * a worker thread, handed to the steward and not changed afterwards.
 */
#pragma once

#include "backend/backend.h"

struct observed_process {
	uint32_t pid;
	unsigned gi, ci; /* BACKEND_NONE: the whole GPU */
	bool has_user, has_memory;
	char user[33]; /* has_user false: the process is gone or hidden */
	char name[17];
	uint64_t memory_bytes;
};

struct observed_gpu {
	char uuid[BACKEND_UUID];
	int64_t when_s;
	size_t n_instances;
	struct backend_instance instances[BACKEND_MAX_INSTANCES];
	bool has_processes; /* the list could be read */
	size_t n_processes;
	struct observed_process *processes;
};

/* err: those of the backend; NOMEM. A process list that may not be read is not an error. */
int observe_gpu(struct backend *backend, const char *uuid, struct observed_gpu **ret,
		struct err *err);
void observed_gpu_free(struct observed_gpu *gpu);

static inline void cleanup_observed_gpu_free(struct observed_gpu **gpu)
{
	observed_gpu_free(*gpu);
}

/* The instance of that profile at that start, or NULL. */
const struct backend_instance *observed_at(const struct observed_gpu *gpu, unsigned profile_id,
					   unsigned start);

/* How many processes run on a GPU instance (any compute instance of it), as far as one could see. */
size_t observed_users(const struct observed_gpu *gpu, unsigned gi);

/* None does. A list that could not be read says nothing. */
bool observed_is_idle(const struct observed_gpu *gpu, unsigned gi);
