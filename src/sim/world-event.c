#include "sim/world-part.h"

/* XIDs, NVIDIA's "XID Errors" */
#define XID_DOUBLE_BIT_ECC    48
#define XID_ROW_REMAPPED      63
#define XID_ROW_REMAP_FAILURE 64

#define MAX_REMAPPED_ROWS 512 /* A100 and later (NVIDIA's "GPU Memory Error Management") */

static struct world_event *raise(struct world_state *state, unsigned gpu, uint64_t type)
{
	uint64_t number = ++state->events_raised;
	struct world_event *event = &state->events[number % WORLD_MAX_EVENTS];

	*event = (struct world_event){.number = number,
				      .type = type,
				      .gi = WORLD_NONE,
				      .ci = WORLD_NONE,
				      .gpu = (uint8_t)gpu};
	return event;
}

void world_event(struct world_state *state, unsigned gpu, uint64_t type, uint64_t data, uint32_t gi,
		 uint32_t ci)
{
	struct world_event *event = raise(state, gpu, type);

	event->data = data;
	event->gi = gi;
	event->ci = ci;
}

void world_system_event(struct world_state *state, unsigned gpu, uint64_t type)
{
	raise(state, gpu, type)->system = true;
}

const struct world_event *world_event_at(const struct world_state *state, uint64_t number)
{
	const struct world_event *event = &state->events[number % WORLD_MAX_EVENTS];

	return number && event->number == number ? event : NULL;
}

static void remap_row(struct world_state *state, unsigned gpu)
{
	struct world_gpu *at = &state->gpus[gpu];
	bool full = at->rows_corrected + at->rows_uncorrected >= MAX_REMAPPED_ROWS;

	if (full) {
		at->rows_failed = true;
	} else {
		at->rows_uncorrected++;
		at->rows_pending = true;
	}
	world_event(state, gpu, NVML_EVENT_XID, full ? XID_ROW_REMAP_FAILURE : XID_ROW_REMAPPED,
		    WORLD_NONE, WORLD_NONE);
}

void world_ecc(struct world_state *state, unsigned gpu, uint64_t corrected, uint64_t uncorrected)
{
	struct world_gpu *at = &state->gpus[gpu];

	at->volatile_ecc.dram[NVML_ECC_CORRECTED] += corrected;
	at->aggregate_ecc.dram[NVML_ECC_CORRECTED] += corrected;
	at->volatile_ecc.dram[NVML_ECC_UNCORRECTED] += uncorrected;
	at->aggregate_ecc.dram[NVML_ECC_UNCORRECTED] += uncorrected;
	if (corrected)
		world_event(state, gpu, NVML_EVENT_SINGLE_BIT_ECC, 0, WORLD_NONE, WORLD_NONE);
	if (!uncorrected)
		return;
	world_event(state, gpu, NVML_EVENT_DOUBLE_BIT_ECC, 0, WORLD_NONE, WORLD_NONE);
	world_event(state, gpu, NVML_EVENT_XID, XID_DOUBLE_BIT_ECC, WORLD_NONE, WORLD_NONE);
	remap_row(state, gpu);
}
