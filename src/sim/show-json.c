#include <stdio.h>

#include "base/clock.h"
#include "sim/show.h"

static json_t *or_null(uint32_t id)
{
	return id == WORLD_NONE ? json_null() : json_integer(id);
}

static json_t *process_json(const struct world_process *process)
{
	return json_pack("{s:i, s:s, s:o, s:o, s:I, s:f, s:I}", "pid", (int)process->pid, "name",
			 process->name, "gi", or_null(process->gi), "ci", or_null(process->ci),
			 "memory_bytes", (json_int_t)process->memory_bytes, "busy", process->busy,
			 "since", (json_int_t)process->since_s);
}

static json_t *processes_json(const struct world_state *state, unsigned gpu)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < state->n_processes; i++)
		if (state->processes[i].gpu == gpu)
			json_array_append_new(list, process_json(&state->processes[i]));
	return list;
}

static json_t *ci_json(const struct world_state *state, unsigned index, unsigned gi, unsigned ci)
{
	const struct world_gpu *gpu = &state->gpus[index];
	const struct world_ci *found = &gpu->gis[gi].cis[ci];
	char uuid[48];

	world_mig_uuid(gpu, gi, ci, uuid, sizeof(uuid));
	return json_pack("{s:i, s:i, s:s, s:s, s:i, s:i, s:f}", "ci", (int)ci, "index",
			 (int)world_mig_index(gpu, gi, ci), "uuid", uuid, "profile",
			 world_ci_profile(gpu, &gpu->gis[gi], found)->name, "start", found->start,
			 "slices", found->slices, "busy", world_busy(state, index, gi, ci));
}

static json_t *gi_json(const struct world_state *state, unsigned index, unsigned gi)
{
	const struct world_gpu *gpu = &state->gpus[index];
	const struct world_gi *found = &gpu->gis[gi];
	const struct profile *profile = world_gi_profile(gpu, found);
	struct world_memory memory;
	json_t *cis = json_array();

	for (unsigned ci = 0; ci < WORLD_MAX_CIS; ci++)
		if (found->cis[ci].exists)
			json_array_append_new(cis, ci_json(state, index, gi, ci));
	world_memory(state, index, gi, &memory);
	return json_pack("{s:i, s:s, s:i, s:i, s:i, s:I, s:I, s:f, s:o}", "gi", (int)gi, "profile",
			 profile->name, "profile_id", profile->id, "start", found->start, "size",
			 found->size, "memory_bytes", (json_int_t)memory.total_bytes,
			 "memory_used_bytes", (json_int_t)memory.used_bytes, "busy",
			 world_busy(state, index, gi, WORLD_NONE), "compute", cis);
}

static json_t *instances_json(const struct world_state *state, unsigned index)
{
	json_t *list = json_array();

	for (unsigned gi = 0; gi < WORLD_MAX_GIS; gi++)
		if (state->gpus[index].gis[gi].exists)
			json_array_append_new(list, gi_json(state, index, gi));
	return list;
}

static json_t *identity_json(const struct world_gpu *gpu, unsigned index)
{
	char address[32];

	snprintf(address, sizeof(address), "%04x:%02x:%02x.0", gpu->domain, gpu->bus, gpu->device);
	return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:i, s:o}", "index", (int)index, "board",
			 world_board(gpu)->id, "name", gpu->name, "uuid", gpu->uuid, "serial",
			 gpu->serial, "pci", address, "minor", gpu->minor, "numa",
			 gpu->numa < 0 ? json_null() : json_integer(gpu->numa));
}

static json_t *gpu_json(const struct world_state *state, unsigned index)
{
	const struct world_gpu *gpu = &state->gpus[index];
	json_t *json = identity_json(gpu, index), *more;
	struct world_memory memory;
	struct world_health health;

	world_memory(state, index, WORLD_NONE, &memory);
	world_health(state, index, clock_monotonic_ns(), &health);
	more = json_pack("{s:b, s:b, s:b, s:I, s:I, s:f, s:f, s:I, s:I, s:o, s:o}", "mig", gpu->mig,
			 "mig_pending", gpu->mig_pending, "lost", gpu->lost, "memory_bytes",
			 (json_int_t)memory.total_bytes, "memory_used_bytes",
			 (json_int_t)memory.used_bytes, "busy", health.busy, "temperature_c",
			 health.temperature_c, "power_mw", (json_int_t)health.power_mw,
			 "power_limit_mw", (json_int_t)health.limit_mw, "instances",
			 instances_json(state, index), "processes", processes_json(state, index));
	if (json_object_update(json, more)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return json;
}

json_t *show_json(const struct world_state *state, const char *dir)
{
	json_t *gpus = json_array();

	for (unsigned i = 0; i < state->n_gpus; i++)
		if (json_array_append_new(gpus, gpu_json(state, i))) {
			json_decref(gpus);
			return NULL;
		}
	return json_pack("{s:s, s:s, s:f, s:o}", "dir", dir, "driver", state->driver, "latency",
			 state->latency, "gpus", gpus);
}
