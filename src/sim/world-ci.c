#include "sim/world-part.h"

#include <stdio.h>

const struct ci_profile *world_ci_profile(const struct world_gpu *gpu, const struct world_gi *gi,
					  const struct world_ci *ci)
{
	return &world_gi_profile(gpu, gi)->cis[ci->profile];
}

/* What is taken of a GPU instance. */
struct taken {
	unsigned slices; /* bits */
	unsigned all, same;
};

static unsigned bits(unsigned start, unsigned slices)
{
	return ((1u << slices) - 1) << start;
}

static struct taken take_stock(const struct world_gpu *gpu, const struct world_gi *gi,
			       const struct ci_profile *wanted)
{
	struct taken taken = {0};

	for (size_t c = 0; c < WORLD_MAX_CIS; c++) {
		const struct world_ci *ci = &gi->cis[c];

		if (!ci->exists)
			continue;
		taken.slices |= bits(ci->start, ci->slices);
		taken.all++;
		taken.same += world_ci_profile(gpu, gi, ci) == wanted;
	}
	return taken;
}

static bool fits(const struct ci_profile *profile, unsigned start, const struct taken *taken)
{
	return (profile->starts >> start & 1) && !(taken->slices & bits(start, profile->slices)) &&
	       taken->all < WORLD_MAX_CIS && taken->same < profile->max_instances;
}

/* No order is known for compute instances; the first that is free. */
static int first_start(const struct ci_profile *profile, const struct taken *taken)
{
	for (unsigned start = 0; start < WORLD_MAX_CIS; start++) {
		if (fits(profile, start, taken))
			return (int)start;
	}
	return WORLD_ANYWHERE;
}

unsigned world_ci_remaining(const struct world_gpu *gpu, const struct world_gi *gi,
			    const struct ci_profile *profile)
{
	struct taken taken = take_stock(gpu, gi, profile);
	unsigned n = 0;

	for (unsigned start = 0; start < WORLD_MAX_CIS; start++) {
		if (!fits(profile, start, &taken))
			continue;
		taken.slices |= bits(start, profile->slices);
		taken.all++;
		taken.same++;
		n++;
	}
	return n;
}

static nvmlReturn_t find_gi(struct world_state *state, unsigned gpu, unsigned gi,
			    struct world_gi **ret)
{
	nvmlReturn_t code = world_gpu_usable(state, gpu);

	if (code)
		return code;
	if (!state->gpus[gpu].mig)
		return NVML_ERROR_NOT_SUPPORTED;
	if (gi >= WORLD_MAX_GIS || !state->gpus[gpu].gis[gi].exists)
		return NVML_ERROR_NOT_FOUND;
	*ret = &state->gpus[gpu].gis[gi];
	return NVML_SUCCESS;
}

static unsigned lowest_free(const struct world_gi *gi)
{
	unsigned id = 0;

	while (gi->cis[id].exists)
		id++;
	return id;
}

nvmlReturn_t world_ci_create(struct world_state *state, unsigned gpu, unsigned gi,
			     unsigned ci_profile_id, int start, unsigned *ret_ci)
{
	const struct ci_profile *profile;
	const struct profile *whole;
	struct taken taken;
	struct world_gi *at;
	struct world_ci *ci;
	nvmlReturn_t code = find_gi(state, gpu, gi, &at);

	if (code)
		return code;
	whole = world_gi_profile(&state->gpus[gpu], at);
	profile = profile_ci_by_id(whole, ci_profile_id);
	if (!profile || start < WORLD_ANYWHERE || start >= WORLD_MAX_CIS ||
	    (start >= 0 && !(profile->starts >> start & 1)))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (world_is_held(state, gpu, gi))
		return NVML_ERROR_IN_USE;
	taken = take_stock(&state->gpus[gpu], at, profile);
	if (start == WORLD_ANYWHERE)
		start = first_start(profile, &taken);
	if (start == WORLD_ANYWHERE || !fits(profile, (unsigned)start, &taken))
		return NVML_ERROR_INSUFFICIENT_RESOURCES;

	*ret_ci = lowest_free(at);
	ci = &at->cis[*ret_ci];
	ci->exists = true;
	ci->profile = (uint8_t)(profile - whole->cis);
	ci->start = (uint8_t)start;
	ci->slices = profile->slices;
	ci->generation = world_next_generation(state);
	world_event(state, gpu, NVML_EVENT_MIG_CONFIG, 0, WORLD_NONE, WORLD_NONE);
	return NVML_SUCCESS;
}

static bool has_process(const struct world_state *state, unsigned gpu, unsigned gi, unsigned ci)
{
	for (uint32_t i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];

		if (process->gpu == gpu && process->gi == gi && process->ci == ci)
			return true;
	}
	return false;
}

nvmlReturn_t world_ci_destroy(struct world_state *state, unsigned gpu, unsigned gi, unsigned ci)
{
	struct world_gi *at;
	nvmlReturn_t code = find_gi(state, gpu, gi, &at);

	if (code)
		return code == NVML_ERROR_NOT_SUPPORTED ? NVML_ERROR_NOT_FOUND : code;
	if (ci >= WORLD_MAX_CIS || !at->cis[ci].exists)
		return NVML_ERROR_NOT_FOUND;
	if (has_process(state, gpu, gi, ci) || world_is_held(state, gpu, gi))
		return NVML_ERROR_IN_USE;
	at->cis[ci].exists = false;
	/* The driver lets go of the last one only after a while (FAR_MIG_scheduler README). */
	if (!take_stock(&state->gpus[gpu], at, NULL).all)
		at->linger_until_ns = world_clock_ns() + (int64_t)state->linger_ms * 1000000;
	world_event(state, gpu, NVML_EVENT_MIG_CONFIG, 0, WORLD_NONE, WORLD_NONE);
	return NVML_SUCCESS;
}

bool world_mig_device(const struct world_gpu *gpu, unsigned index, unsigned *ret_gi,
		      unsigned *ret_ci)
{
	for (unsigned g = 0; g < WORLD_MAX_GIS; g++) {
		for (unsigned c = 0; gpu->gis[g].exists && c < WORLD_MAX_CIS; c++) {
			if (!gpu->gis[g].cis[c].exists || index--)
				continue;
			*ret_gi = g;
			*ret_ci = c;
			return true;
		}
	}
	return false;
}

unsigned world_mig_index(const struct world_gpu *gpu, unsigned gi, unsigned ci)
{
	unsigned index = 0;

	for (unsigned g = 0; g <= gi && g < WORLD_MAX_GIS; g++) {
		for (unsigned c = 0; gpu->gis[g].exists && c < (g < gi ? WORLD_MAX_CIS : ci); c++)
			index += gpu->gis[g].cis[c].exists;
	}
	return index;
}

void world_mig_name(const struct world_gpu *gpu, unsigned gi, unsigned ci, char *buf, size_t size)
{
	const struct world_gi *at = &gpu->gis[gi];

	snprintf(buf, size, "%s MIG %s", gpu->name, world_ci_profile(gpu, at, &at->cis[ci])->name);
}
