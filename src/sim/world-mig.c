#include "sim/world-part.h"

#include <string.h>

#include "base/array.h"

const struct board *world_board(const struct world_gpu *gpu)
{
	return &boards[gpu->board];
}

const char *world_vbios(const struct world_gpu *gpu)
{
	static const char *const versions[][2] = {
		{"Ampere", "92.00.00.00.01"},
		{"Hopper", "96.00.00.00.01"},
		{"Blackwell", "97.00.00.00.01"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (!strcmp(versions[i][0], world_board(gpu)->architecture))
			return versions[i][1];
	return NULL;
}

bool world_gpu_has_mig(const struct world_gpu *gpu)
{
	return world_board(gpu)->n_profiles > 0;
}

nvmlReturn_t world_gpu_usable(const struct world_state *state, unsigned gpu)
{
	if (gpu >= state->n_gpus)
		return NVML_ERROR_INVALID_ARGUMENT;
	return state->gpus[gpu].lost ? NVML_ERROR_GPU_IS_LOST : NVML_SUCCESS;
}

bool world_gpu_in_use(const struct world_state *state, unsigned gpu)
{
	for (uint32_t i = 0; i < state->n_processes; i++) {
		if (state->processes[i].gpu == gpu)
			return true;
	}
	return world_is_held(state, gpu, WORLD_NONE);
}

bool world_gpu_clear(struct world_gpu *gpu)
{
	bool any = false;

	for (size_t g = 0; g < WORLD_MAX_GIS; g++) {
		any = any || gpu->gis[g].exists;
		gpu->gis[g].exists = false;
		for (size_t c = 0; c < WORLD_MAX_CIS; c++)
			gpu->gis[g].cis[c].exists = false;
	}
	return any;
}

static bool has_instances(const struct world_gpu *gpu)
{
	for (size_t g = 0; g < WORLD_MAX_GIS; g++) {
		if (gpu->gis[g].exists)
			return true;
	}
	return false;
}

static void restart(struct world_gpu *gpu)
{
	memset(&gpu->volatile_ecc, 0, sizeof(gpu->volatile_ecc));
	gpu->rows_pending = false; /* remapping happens while the memory is set up */
	gpu->driver_busy_until_ns = 0;
}

/*
 * What changes the mode: on Ampere a reset, which the driver does itself when
 * it can; later boards need none. In a virtual machine it can never.
 */
nvmlReturn_t world_set_mig(struct world_state *state, unsigned gpu, bool on,
			   nvmlReturn_t *ret_activation)
{
	nvmlReturn_t code = world_gpu_usable(state, gpu);
	struct world_gpu *at;

	if (code)
		return code;
	at = &state->gpus[gpu];
	if (!world_gpu_has_mig(at))
		return NVML_ERROR_NOT_SUPPORTED;
	at->mig_pending = on;
	*ret_activation = NVML_SUCCESS;
	if (at->mig == on)
		return NVML_SUCCESS;
	if (at->passthrough) {
		*ret_activation = NVML_ERROR_RESET_REQUIRED;
	} else if (world_gpu_in_use(state, gpu) || has_instances(at)) {
		*ret_activation = NVML_ERROR_IN_USE;
	} else {
		at->mig = on;
		if (!world_board(at)->resetless_mig)
			restart(at);
		world_event(state, gpu, NVML_EVENT_MIG_CONFIG, 0, WORLD_NONE, WORLD_NONE);
	}
	return NVML_SUCCESS;
}

nvmlReturn_t world_reset(struct world_state *state, unsigned gpu)
{
	nvmlReturn_t code = world_gpu_usable(state, gpu);
	struct world_gpu *at;
	bool changed;

	if (code)
		return code;
	if (world_gpu_in_use(state, gpu))
		return NVML_ERROR_IN_USE;
	at = &state->gpus[gpu];
	changed = world_gpu_clear(at);
	if (at->mig != at->mig_pending && !at->passthrough) {
		at->mig = at->mig_pending;
		changed = true;
	}
	restart(at);
	if (changed)
		world_event(state, gpu, NVML_EVENT_MIG_CONFIG, 0, WORLD_NONE, WORLD_NONE);
	return NVML_SUCCESS;
}

static void reboot_gpu(struct world_state *state, struct world_gpu *gpu)
{
	world_gpu_clear(gpu);
	/* Ampere keeps the mode on the board; later ones as long as the driver is loaded. */
	if (world_board(gpu)->resetless_mig && !gpu->passthrough)
		gpu->mig_pending = false;
	gpu->mig = gpu->mig_pending;
	gpu->lost = false;
	gpu->persistence = false;
	gpu->compute_mode = NVML_COMPUTE_DEFAULT;
	gpu->generation = world_next_generation(state);
	restart(gpu);
	world_settle_cold(gpu);
}

void world_reboot(struct world_state *state)
{
	state->n_processes = 0;
	for (unsigned i = 0; i < state->n_gpus; i++)
		reboot_gpu(state, &state->gpus[i]);
	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		if (state->faults[i].kind == WORLD_FAULT_LOST ||
		    state->faults[i].kind == WORLD_FAULT_BUSY)
			state->faults[i].id = 0;
	}
	state->boots++;
	state->booted_ns = world_clock_ns();
}
