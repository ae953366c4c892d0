#include "sim/world-part.h"

#include <math.h>
#include <string.h>

#define XID_OFF_THE_BUS 79 /* NVIDIA's "XID Errors" */

bool world_fault_active(const struct world_fault *fault, int64_t now_ns)
{
	return fault->id && (fault->kind == WORLD_FAULT_LOST || now_ns < fault->until_ns);
}

static bool is_valid(const struct world_state *state, const struct world_fault *fault)
{
	bool needs_gpu = fault->kind == WORLD_FAULT_LOST || fault->kind == WORLD_FAULT_BUSY;

	if (fault->kind > WORLD_FAULT_SLOW || (needs_gpu && !fault->has_gpu) ||
	    (fault->has_gi && (!fault->has_gpu || fault->gi >= WORLD_MAX_GIS)))
		return false;
	if (fault->has_gpu && fault->gpu >= state->n_gpus)
		return false;
	if (fault->kind == WORLD_FAULT_CALL && !memchr(fault->call, 0, sizeof(fault->call)))
		return false;
	if (fault->kind == WORLD_FAULT_SLOW && !(fault->factor >= 0 && isfinite(fault->factor)))
		return false;
	return fault->chance >= 0 && fault->chance <= 1;
}

static struct world_fault *free_slot(struct world_state *state)
{
	int64_t now_ns = world_clock_ns();

	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		if (!world_fault_active(&state->faults[i], now_ns))
			return &state->faults[i];
	}
	return NULL;
}

nvmlReturn_t world_fault_add(struct world_state *state, const struct world_fault *fault,
			     uint32_t *ret_id)
{
	struct world_fault *at = free_slot(state);

	if (!is_valid(state, fault))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!at)
		return NVML_ERROR_INSUFFICIENT_RESOURCES;
	*at = *fault;
	at->id = ++state->next_fault;
	at->chance = fault->chance > 0 ? fault->chance : 1;
	at->until_ns = fault->until_ns ? fault->until_ns : WORLD_FOREVER;
	at->seen = at->struck = 0;
	if (fault->kind == WORLD_FAULT_LOST && !state->gpus[fault->gpu].lost) {
		state->gpus[fault->gpu].lost = true;
		world_event(state, fault->gpu, NVML_EVENT_XID, XID_OFF_THE_BUS, WORLD_NONE,
			    WORLD_NONE);
	}
	if (ret_id)
		*ret_id = at->id;
	return NVML_SUCCESS;
}

static void find_lost(struct world_state *state)
{
	for (unsigned g = 0; g < state->n_gpus; g++)
		state->gpus[g].lost = false;
	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		if (state->faults[i].id && state->faults[i].kind == WORLD_FAULT_LOST)
			state->gpus[state->faults[i].gpu].lost = true;
	}
}

bool world_fault_clear(struct world_state *state, uint32_t id)
{
	bool any = false;

	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		if (!state->faults[i].id || (id && state->faults[i].id != id))
			continue;
		state->faults[i].id = 0;
		any = true;
	}
	find_lost(state);
	return any;
}

static bool concerns(const struct world_fault *fault, const char *call, uint32_t gpu)
{
	if (fault->has_gpu && fault->gpu != gpu)
		return false;
	return !strcmp(fault->call, "*") || !strcmp(fault->call, call);
}

/* A number in [0, 1) */
static double throw_dice(struct world_state *state)
{
	return (double)(world_draw(&state->dice) >> 11) * 0x1p-53;
}

const struct world_fault *world_fault_strike(struct world_state *state, const char *call,
					     uint32_t gpu)
{
	int64_t now_ns = world_clock_ns();

	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		struct world_fault *fault = &state->faults[i];

		if (fault->kind != WORLD_FAULT_CALL || !world_fault_active(fault, now_ns) ||
		    !concerns(fault, call, gpu))
			continue;
		if (++fault->seen <= fault->skip || (fault->times && fault->struck >= fault->times))
			continue;
		if (fault->chance < 1 && throw_dice(state) >= fault->chance)
			continue;
		fault->struck++;
		return fault;
	}
	return NULL;
}

/* Holders of the GPU as a whole, or with `parts` those of an instance (WORLD_NONE: of any) too. */
static bool has_holder(const struct world_state *state, unsigned gpu, bool parts, uint32_t gi)
{
	int64_t now_ns = world_clock_ns();

	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		const struct world_fault *fault = &state->faults[i];

		if (fault->kind != WORLD_FAULT_BUSY || !world_fault_active(fault, now_ns) ||
		    fault->gpu != gpu)
			continue;
		if (!fault->has_gi || (parts && (gi == WORLD_NONE || fault->gi == gi)))
			return true;
	}
	return false;
}

bool world_is_held(const struct world_state *state, unsigned gpu, uint32_t gi)
{
	return has_holder(state, gpu, true, gi);
}

bool world_gpu_is_held(const struct world_state *state, unsigned gpu)
{
	return has_holder(state, gpu, false, WORLD_NONE);
}
