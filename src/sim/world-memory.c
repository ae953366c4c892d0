#include "sim/world-part.h"

/*
 * What an idle GPU instance uses: 12, 25 and 37 MiB of a 1g, 2g and 3g on
 * recent drivers (public nvidia-smi captures), which is 12.5 a compute slice,
 * rounded down. Of a whole GPU 4 MiB (plausible, not measured).
 */
#define IDLE_GI_HALF_MIB 25u
#define IDLE_GPU_MIB	 4

static uint64_t mib(uint64_t n)
{
	return n << 20;
}

/* The biggest profile's memory in MiB. */
static uint32_t biggest_mib(const struct board *board)
{
	uint32_t most = 0;

	for (size_t p = 0; p < board->n_profiles; p++) {
		if (profile_sim_memory_mib(&board->profiles[p]) > most)
			most = profile_sim_memory_mib(&board->profiles[p]);
	}
	return most;
}

static uint64_t processes_bytes(const struct world_state *state, unsigned gpu, uint32_t gi)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];

		if (process->gpu == gpu && (gi == WORLD_NONE || process->gi == gi))
			sum += process->memory_bytes;
	}
	return sum;
}

static uint64_t idle_bytes(const struct world_gpu *gpu, const struct world_gi *gi)
{
	return mib(IDLE_GI_HALF_MIB * world_gi_profile(gpu, gi)->compute_slices / 2);
}

static void gi_memory(const struct world_state *state, unsigned gpu, uint32_t gi,
		      struct world_memory *ret)
{
	const struct world_gpu *at = &state->gpus[gpu];

	ret->total_bytes = mib(profile_sim_memory_mib(world_gi_profile(at, &at->gis[gi])));
	ret->used_bytes = idle_bytes(at, &at->gis[gi]) + processes_bytes(state, gpu, gi);
}

/* The driver keeps what even the biggest instance does not get. */
static void gpu_memory(const struct world_state *state, unsigned gpu, struct world_memory *ret)
{
	const struct world_gpu *at = &state->gpus[gpu];
	const struct board *board = world_board(at);
	uint32_t most = biggest_mib(board);

	ret->total_bytes = mib(board->has_memory ? board->memory_mib : most);
	if (most && mib(most) < ret->total_bytes)
		ret->reserved_bytes = ret->total_bytes - mib(most);
	ret->used_bytes = processes_bytes(state, gpu, WORLD_NONE);
	if (!at->mig)
		ret->used_bytes += mib(IDLE_GPU_MIB);
	for (size_t g = 0; g < WORLD_MAX_GIS; g++) {
		if (at->gis[g].exists)
			ret->used_bytes += idle_bytes(at, &at->gis[g]);
	}
}

void world_memory(const struct world_state *state, unsigned gpu, uint32_t gi,
		  struct world_memory *ret)
{
	*ret = (struct world_memory){0};
	if (gi == WORLD_NONE)
		gpu_memory(state, gpu, ret);
	else
		gi_memory(state, gpu, gi, ret);
	/* Figures that are derived may not add up; then the GPU is full, not more than that. */
	if (ret->used_bytes > ret->total_bytes - ret->reserved_bytes)
		ret->used_bytes = ret->total_bytes - ret->reserved_bytes;
}
