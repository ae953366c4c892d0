#include "sim/world-part.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* ---- who lives ---- */

struct life {
	bool zombie;
	uint64_t start_time;
};

/* proc(5): pid (name) state ...; the name may hold anything, ')' too, so from its last one on. */
static bool read_life(uint32_t pid, struct life *ret)
{
	cleanup(close) int fd = -1;
	char path[32], text[1024];
	const char *p;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	p = strrchr(text, ')');
	if (!p || p[1] != ' ' || !p[2])
		return false;
	p += 2;
	ret->zombie = *p == 'Z' || *p == 'X';
	for (unsigned field = 3; p && field < 22; field++) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	ret->start_time = p ? strtoull(p, NULL, 10) : 0;
	return true;
}

uint64_t world_start_time(uint32_t pid)
{
	struct life life;

	return read_life(pid, &life) ? life.start_time : 0;
}

bool world_process_lives(const struct world_process *process)
{
	struct life life;

	if (!process->pid || process->pid > INT32_MAX)
		return false;
	if (kill((pid_t)process->pid, 0) && errno == ESRCH)
		return false;
	if (!read_life(process->pid, &life))
		return !kill((pid_t)process->pid, 0) || errno == EPERM; /* hidden, or gone by now */
	if (life.zombie)
		return false;
	return !process->start_time || !life.start_time || process->start_time == life.start_time;
}

/* ---- the table ---- */

/* The process with that device, or NULL. */
static struct world_process *find(struct world_state *state, const struct world_process *like)
{
	for (uint32_t i = 0; i < state->n_processes; i++) {
		struct world_process *process = &state->processes[i];

		if (process->pid == like->pid && process->gpu == like->gpu &&
		    process->gi == like->gi && process->ci == like->ci &&
		    process->graphics == like->graphics)
			return process;
	}
	return NULL;
}

/* Take away those that `leaves` says; the others keep their order. true when there were any. */
static bool remove_some(struct world_state *state,
			bool (*leaves)(const struct world_process *process, const void *arg),
			const void *arg)
{
	bool leaving[WORLD_MAX_PROCESSES];
	uint32_t n = 0, kept = 0;

	for (uint32_t i = 0; i < state->n_processes; i++)
		n += leaving[i] = leaves(&state->processes[i], arg);
	if (!n)
		return false;
	for (unsigned g = 0; g < state->n_gpus; g++)
		world_settle(state, g);
	for (uint32_t i = 0; i < state->n_processes; i++) {
		if (!leaving[i])
			state->processes[kept++] = state->processes[i];
	}
	state->n_processes = kept;
	return true;
}

static bool has_pid(const struct world_process *process, const void *arg)
{
	return process->pid == *(const uint32_t *)arg;
}

/* An earlier process with the same pid: whoever has the pid now is another one. */
static bool is_predecessor(const struct world_process *process, const void *arg)
{
	const struct world_process *now = arg;

	return process->pid == now->pid && process->start_time && now->start_time &&
	       process->start_time != now->start_time;
}

static bool is_dead(const struct world_process *process, const void *arg)
{
	(void)arg;
	return !world_process_lives(process);
}

bool world_process_remove(struct world_state *state, uint32_t pid)
{
	return remove_some(state, has_pid, &pid);
}

bool world_has_dead(const struct world_state *state, uint32_t gpu)
{
	for (uint32_t i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];

		if ((gpu == WORLD_NONE || process->gpu == gpu) && !world_process_lives(process))
			return true;
	}
	return false;
}

void world_reap(struct world_state *state)
{
	remove_some(state, is_dead, NULL);
}

/* Can a process have this device? */
static nvmlReturn_t check_device(const struct world_state *state,
				 const struct world_process *process)
{
	nvmlReturn_t code = world_gpu_usable(state, process->gpu);
	const struct world_gpu *gpu;

	if (code)
		return code;
	gpu = &state->gpus[process->gpu];
	if (process->gi == WORLD_NONE && process->ci == WORLD_NONE)
		return gpu->mig ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
	if (process->gi >= WORLD_MAX_GIS || process->ci >= WORLD_MAX_CIS ||
	    !gpu->gis[process->gi].exists || !gpu->gis[process->gi].cis[process->ci].exists)
		return NVML_ERROR_NOT_FOUND;
	return NVML_SUCCESS;
}

/* Is there memory for that instead of what the process had? */
static bool memory_suffices(const struct world_state *state, const struct world_process *process,
			    uint64_t had_bytes)
{
	struct world_memory memory;
	uint64_t room;

	world_memory(state, process->gpu, process->gi, &memory);
	room = memory.total_bytes - memory.reserved_bytes - memory.used_bytes;
	return process->memory_bytes <= room + had_bytes;
}

static double share(double busy)
{
	return busy > 0 ? fmin(busy, 1) : 0; /* also of what is no number */
}

static nvmlReturn_t change(struct world_state *state, struct world_process *at,
			   const struct world_process *process)
{
	if (!memory_suffices(state, process, at->memory_bytes))
		return NVML_ERROR_MEMORY;
	world_settle(state, process->gpu);
	at->memory_bytes = process->memory_bytes;
	at->busy = share(process->busy);
	return NVML_SUCCESS;
}

nvmlReturn_t world_process_add(struct world_state *state, const struct world_process *process)
{
	struct world_process added = *process, *at;
	nvmlReturn_t code = check_device(state, process);

	if (code)
		return code;
	added.busy = share(process->busy);
	if (!added.start_time)
		added.start_time = world_start_time(added.pid);
	if (!added.since_s)
		added.since_s = clock_now_s();
	added.name[sizeof(added.name) - 1] = '\0';
	remove_some(state, is_predecessor, &added);
	at = find(state, &added);
	if (at)
		return change(state, at, &added);
	if (!memory_suffices(state, &added, 0))
		return NVML_ERROR_MEMORY;
	if (state->n_processes == WORLD_MAX_PROCESSES)
		return NVML_ERROR_INSUFFICIENT_RESOURCES;
	world_settle(state, added.gpu);
	state->processes[state->n_processes++] = added;
	return NVML_SUCCESS;
}

nvmlReturn_t world_process_set(struct world_state *state, const struct world_process *process)
{
	struct world_process *at = find(state, process);

	return at ? change(state, at, process) : NVML_ERROR_NOT_FOUND;
}
