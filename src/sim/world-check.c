#include "sim/world-part.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/*
 * The state may be the content of a file that somebody scribbled on: numbers
 * are checked before they are used as indices, and truth values before they
 * are used at all.
 */

#define TRUTH(value) (*(const unsigned char *)&(value) <= 1)
#define WORD(text)   is_word((text), sizeof(text))

/* Terminated within its array, and printable. */
static bool is_word(const char *text, size_t size)
{
	const char *end = memchr(text, '\0', size);

	for (; end && text < end; text++) {
		if (!isprint((unsigned char)*text))
			return false;
	}
	return end;
}

static bool is_share(double x)
{
	return x >= 0 && x <= 1;
}

/* ---- compute instances ---- */

struct ci_sum {
	unsigned slices; /* bits */
	unsigned of_profile[WORLD_MAX_CIS];
};

static const char *ci_flaw(const struct world_state *state, const struct profile *whole,
			   const struct world_ci *ci, struct ci_sum *sum)
{
	const struct ci_profile *profile;
	unsigned bits;

	if (ci->profile >= whole->n_cis || ci->profile >= WORLD_MAX_CIS)
		return "it has no such profile";
	profile = &whole->cis[ci->profile];
	if (ci->slices != profile->slices)
		return "its size is not that of its profile";
	if (ci->start >= WORLD_MAX_CIS || !(profile->starts >> ci->start & 1))
		return "its profile cannot start there";
	bits = ((1u << ci->slices) - 1) << ci->start;
	if (bits >> whole->compute_slices)
		return "it ends outside its GPU instance";
	if (sum->slices & bits)
		return "it overlaps another";
	sum->slices |= bits;
	if (++sum->of_profile[ci->profile] > profile->max_instances)
		return "there are too many of its profile";
	if (!ci->generation || ci->generation > state->generations)
		return "its generation was never given";
	return NULL;
}

static int check_cis(const struct world_state *state, unsigned gpu, unsigned gi, struct err *err)
{
	const struct world_gi *at = &state->gpus[gpu].gis[gi];
	const struct profile *whole = at->exists ? world_gi_profile(&state->gpus[gpu], at) : NULL;
	struct ci_sum sum = {0};

	for (unsigned c = 0; c < WORLD_MAX_CIS; c++) {
		const struct world_ci *ci = &at->cis[c];
		const char *flaw = NULL;

		if (!TRUTH(ci->exists))
			flaw = "it neither exists nor not";
		else if (ci->exists)
			flaw = whole ? ci_flaw(state, whole, ci, &sum) : "its GPU instance is gone";
		if (flaw)
			return fail(err, ERR_INVALID,
				    "GPU %u: compute instance %u of GPU instance %u: %s", gpu, c,
				    gi, flaw);
	}
	return 0;
}

/* ---- GPU instances ---- */

struct gi_sum {
	uint32_t units; /* bits */
	unsigned slices, n, media, all_media, no_media;
	unsigned of_profile[UINT8_MAX];
};

static void count_media(const struct profile *profile, struct gi_sum *sum)
{
	sum->n++;
	sum->media += !!(profile->flags & (PROFILE_ME | PROFILE_ME_ALL));
	sum->all_media += !!(profile->flags & PROFILE_ME_ALL);
	sum->no_media += !!(profile->flags & PROFILE_NO_ME);
}

static const char *gi_flaw(const struct world_state *state, const struct world_gpu *gpu,
			   const struct world_gi *gi, unsigned id, struct gi_sum *sum)
{
	const struct board *board = world_board(gpu);
	const struct profile *profile;
	uint32_t bits;

	if (gi->profile >= board->n_profiles)
		return "it has no such profile";
	profile = &board->profiles[gi->profile];
	if (gi->size != profile->size)
		return "its size is not that of its profile";
	if (gi->start >= board->units || !(profile->starts >> gi->start & 1))
		return "its profile cannot start there";
	if (world_gi_id(gpu, gi->start, gi->size) != id)
		return "its id is not that of its place";
	bits = ((1u << gi->size) - 1) << gi->start;
	if (bits >> board->units)
		return "it ends outside the GPU";
	if (sum->units & bits)
		return "it overlaps another";
	sum->units |= bits;
	sum->slices += profile->compute_slices;
	if (sum->slices > board->compute_slices)
		return "the GPU has not so many compute slices";
	if (++sum->of_profile[gi->profile] > profile->max_instances)
		return "there are too many of its profile";
	if (!gi->generation || gi->generation > state->generations)
		return "its generation was never given";
	count_media(profile, sum);
	return NULL;
}

static int check_gis(const struct world_state *state, unsigned gpu, struct err *err)
{
	const struct world_gpu *at = &state->gpus[gpu];
	struct gi_sum sum = {0};

	for (unsigned g = 0; g < WORLD_MAX_GIS; g++) {
		const struct world_gi *gi = &at->gis[g];
		const char *flaw = NULL;
		int r;

		if (!TRUTH(gi->exists))
			flaw = "it neither exists nor not";
		else if (gi->exists)
			flaw = at->mig ? gi_flaw(state, at, gi, g, &sum) : "MIG mode is off";
		if (flaw)
			return fail(err, ERR_INVALID, "GPU %u: GPU instance %u: %s", gpu, g, flaw);
		r = check_cis(state, gpu, g, err);
		if (r < 0)
			return r;
	}
	if (sum.media > 1 || (sum.all_media && sum.no_media != sum.n - 1))
		return fail(err, ERR_INVALID, "GPU %u: its media engines are given twice", gpu);
	return 0;
}

/* ---- GPUs ---- */

static bool truths_of_gpu(const struct world_gpu *gpu)
{
	return TRUTH(gpu->flip) && TRUTH(gpu->passthrough) && TRUTH(gpu->lost) && TRUTH(gpu->mig) &&
	       TRUTH(gpu->mig_pending) && TRUTH(gpu->persistence) && TRUTH(gpu->rows_pending) &&
	       TRUTH(gpu->rows_failed);
}

static uint64_t address(const struct world_gpu *gpu)
{
	return (uint64_t)gpu->domain << 16 | (uint64_t)gpu->bus << 8 | gpu->device;
}

/* Only what concerns this GPU and those before it. */
static const char *gpu_flaw(const struct world_state *state, unsigned gpu)
{
	const struct world_gpu *at = &state->gpus[gpu];

	if (at->board >= n_boards)
		return "it is of no known board";
	if (!truths_of_gpu(at))
		return "something is neither true nor false";
	if (!WORD(at->name) || !WORD(at->uuid) || !WORD(at->serial) || !at->uuid[0])
		return "a text is damaged";
	if ((at->mig || at->mig_pending) && !world_gpu_has_mig(at))
		return "it is in MIG mode and cannot be";
	if (!at->generation || at->generation > state->generations)
		return "its generation was never given";
	if (at->minor > 31 || at->numa < -1)
		return "its numbers are out of range";
	if (!isfinite(at->settled_c) || !isfinite(at->energy_mj))
		return "its temperature or energy is no number";
	if (gpu && address(at - 1) >= address(at))
		return "it is not in the order of PCI addresses";
	for (unsigned i = 0; i < gpu; i++) {
		if (!strcmp(at->uuid, state->gpus[i].uuid) || at->minor == state->gpus[i].minor ||
		    !strcmp(at->serial, state->gpus[i].serial))
			return "it has the UUID, serial number or minor number of another";
	}
	return NULL;
}

/* ---- processes ---- */

static const char *process_flaw(const struct world_state *state,
				const struct world_process *process)
{
	bool whole = process->gi == WORLD_NONE && process->ci == WORLD_NONE;
	const struct world_gpu *gpu;

	if (process->gpu >= state->n_gpus)
		return "there is no such GPU";
	gpu = &state->gpus[process->gpu];
	if (!TRUTH(process->graphics) || !WORD(process->name) || !is_share(process->busy))
		return "its record is damaged";
	if (whole)
		return gpu->mig ? "it has a whole GPU that is in MIG mode" : NULL;
	if (process->gi >= WORLD_MAX_GIS || process->ci >= WORLD_MAX_CIS ||
	    !gpu->gis[process->gi].exists || !gpu->gis[process->gi].cis[process->ci].exists)
		return "there is no such instance";
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct world_process *x = *(const struct world_process *const *)a;
	const struct world_process *y = *(const struct world_process *const *)b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->gpu != y->gpu)
		return x->gpu < y->gpu ? -1 : 1;
	if (x->gi != y->gi)
		return x->gi < y->gi ? -1 : 1;
	if (x->ci != y->ci)
		return x->ci < y->ci ? -1 : 1;
	return x->graphics - y->graphics;
}

static int check_twins(const struct world_state *state, struct err *err)
{
	const struct world_process *sorted[WORLD_MAX_PROCESSES];

	for (uint32_t i = 0; i < state->n_processes; i++)
		sorted[i] = &state->processes[i];
	qsort(sorted, state->n_processes, sizeof(sorted[0]), compare);
	for (uint32_t i = 1; i < state->n_processes; i++) {
		if (!compare(&sorted[i - 1], &sorted[i]))
			return fail(err, ERR_INVALID, "pid %u is there twice", sorted[i]->pid);
	}
	return 0;
}

struct gpu_bytes {
	uint64_t all, gis[WORLD_MAX_GIS];
};

/* Nobody was given memory that is not there. */
static int check_memory(const struct world_state *state, struct err *err)
{
	struct gpu_bytes sums[WORLD_MAX_GPUS] = {0};

	for (uint32_t i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];
		struct gpu_bytes *sum = &sums[process->gpu];
		struct world_memory memory;
		uint64_t *bytes = process->gi == WORLD_NONE ? &sum->all : &sum->gis[process->gi];

		world_memory(state, process->gpu, process->gi, &memory);
		if (__builtin_add_overflow(*bytes, process->memory_bytes, bytes) ||
		    *bytes > memory.total_bytes - memory.reserved_bytes)
			return fail(err, ERR_INVALID,
				    "GPU %u: its processes use more memory than there is",
				    process->gpu);
	}
	return 0;
}

static int check_processes(const struct world_state *state, struct err *err)
{
	int r;

	if (state->n_processes > WORLD_MAX_PROCESSES)
		return fail(err, ERR_INVALID, "it has %u processes", state->n_processes);
	for (uint32_t i = 0; i < state->n_processes; i++) {
		const char *flaw = process_flaw(state, &state->processes[i]);

		if (flaw)
			return fail(err, ERR_INVALID, "pid %u: %s", state->processes[i].pid, flaw);
	}
	r = check_twins(state, err);
	return r ? r : check_memory(state, err);
}

/* ---- events and faults ---- */

static bool event_is_sound(const struct world_state *state, size_t slot)
{
	const struct world_event *event = &state->events[slot];

	if (!event->number)
		return state->events_raised < (slot ? slot : WORLD_MAX_EVENTS);
	return event->number % WORLD_MAX_EVENTS == slot && event->number <= state->events_raised &&
	       state->events_raised - event->number < WORLD_MAX_EVENTS && TRUTH(event->system) &&
	       event->type && event->gpu < state->n_gpus;
}

static bool fault_is_sound(const struct world_state *state, const struct world_fault *fault)
{
	return fault->kind <= WORLD_FAULT_SLOW && fault->id <= state->next_fault &&
	       TRUTH(fault->has_gpu) && TRUTH(fault->has_gi) && TRUTH(fault->after) &&
	       TRUTH(fault->kill) && TRUTH(fault->wrong) && WORD(fault->call) &&
	       (!fault->has_gpu || fault->gpu < state->n_gpus) && is_share(fault->chance) &&
	       isfinite(fault->factor) && fault->struck <= fault->seen;
}

static int check_faults(const struct world_state *state, struct err *err)
{
	bool lost[WORLD_MAX_GPUS] = {0};

	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		const struct world_fault *fault = &state->faults[i];

		if (!fault->id)
			continue;
		if (!fault_is_sound(state, fault))
			return fail(err, ERR_INVALID, "fault %u is damaged", fault->id);
		if (fault->kind == WORLD_FAULT_LOST)
			lost[fault->gpu] = true;
		for (size_t k = 0; k < i; k++) {
			if (state->faults[k].id == fault->id)
				return fail(err, ERR_INVALID, "fault %u is there twice", fault->id);
		}
	}
	for (unsigned g = 0; g < state->n_gpus; g++) {
		if (state->gpus[g].lost != lost[g])
			return fail(err, ERR_INVALID,
				    "GPU %u: it is lost without a fault, or has one "
				    "and is not lost",
				    g);
	}
	return 0;
}

static int check_world(const struct world_state *state, struct err *err)
{
	if (!state->n_gpus || state->n_gpus > WORLD_MAX_GPUS)
		return fail(err, ERR_INVALID, "it has %u GPUs", state->n_gpus);
	if (!WORD(state->driver) || !state->driver[0] || !TRUTH(state->fixed_order) ||
	    !isfinite(state->latency) || state->latency < 0)
		return fail(err, ERR_INVALID, "its settings are damaged");
	return 0;
}

int world_check(const struct world_state *state, struct err *err)
{
	int r = check_world(state, err);

	for (unsigned g = 0; !r && g < state->n_gpus; g++) {
		const char *flaw = gpu_flaw(state, g);

		r = flaw ? fail(err, ERR_INVALID, "GPU %u: %s", g, flaw) : 0;
		r = r ? r : check_gis(state, g, err);
	}
	r = r ? r : check_processes(state, err);
	for (size_t i = 0; !r && i < WORLD_MAX_EVENTS; i++) {
		if (!event_is_sound(state, i))
			r = fail(err, ERR_INVALID, "the event in place %zu is damaged", i);
	}
	return r ? r : check_faults(state, err);
}
