#include "sim/world-part.h"

#define MAX_STARTS 16 /* bits of a profile's starts */

/*
 * Where an instance goes on an 8-unit board when the choice is by a fixed
 * order: the first free start of its row. The rows are those of 17 public
 * captures. Other shapes and boards go from the lowest start upwards.
 */
static const struct {
	uint8_t units, slices, size;
	int8_t starts[8]; /* -1 ends */
} orders[] = {
	{8, 1, 1, {6, 4, 5, 0, 1, 2, 3, -1}},
	{8, 1, 2, {6, 4, 0, 2, -1}},
	{8, 2, 2, {4, 0, 2, -1}},
	{8, 3, 4, {4, 0, -1}},
};

const struct profile *world_gi_profile(const struct world_gpu *gpu, const struct world_gi *gi)
{
	return &world_board(gpu)->profiles[gi->profile];
}

unsigned world_physical_start(const struct world_gpu *gpu, unsigned start)
{
	unsigned units = world_board(gpu)->units;

	return gpu->flip ? (start + units / 2) % units : start;
}

/* The whole is 0, the halves 1 and 2, the quarters 3 to 6: each size begins at its count less 1. */
unsigned world_gi_id(const struct world_gpu *gpu, unsigned start, unsigned size)
{
	unsigned first = world_board(gpu)->units / size - 1;

	return first + world_physical_start(gpu, start) / size;
}

static uint32_t units_of(unsigned start, unsigned size)
{
	return ((1u << size) - 1) << start;
}

/* What is taken of a GPU. */
struct taken {
	uint32_t units; /* bits */
	unsigned slices;
	unsigned same; /* instances of the profile asked about */
	bool media_ok; /* the profile's media engines are not in conflict */
};

/*
 * Media engines beyond an instance's own share are there once: one "+me" on a
 * GPU. "+me.all" takes those of everybody, so all others must be "-me".
 */
static bool media_agree(unsigned a, unsigned b)
{
	const unsigned extra = PROFILE_ME | PROFILE_ME_ALL;

	if (((a & PROFILE_ME_ALL) && !(b & PROFILE_NO_ME)) ||
	    ((b & PROFILE_ME_ALL) && !(a & PROFILE_NO_ME)))
		return false;
	return !(a & extra) || !(b & extra);
}

static struct taken take_stock(const struct world_gpu *gpu, const struct profile *wanted)
{
	struct taken taken = {.media_ok = true};

	for (size_t g = 0; g < WORLD_MAX_GIS; g++) {
		const struct world_gi *gi = &gpu->gis[g];
		const struct profile *profile;

		if (!gi->exists)
			continue;
		profile = world_gi_profile(gpu, gi);
		taken.units |= units_of(gi->start, gi->size);
		taken.slices += profile->compute_slices;
		taken.same += profile == wanted;
		taken.media_ok = taken.media_ok && media_agree(profile->flags, wanted->flags);
	}
	return taken;
}

/* Is there room but for the units? */
static bool may_add(const struct world_gpu *gpu, const struct profile *profile,
		    const struct taken *taken)
{
	return taken->media_ok && taken->same < profile->max_instances &&
	       taken->slices + profile->compute_slices <= world_board(gpu)->compute_slices;
}

static bool is_free(const struct profile *profile, unsigned start, uint32_t taken_units)
{
	return (profile->starts >> start & 1) && !(taken_units & units_of(start, profile->size));
}

/* How many (base profile, start) pairs are free. */
static unsigned choices(const struct board *board, uint32_t taken_units)
{
	const unsigned variants =
		PROFILE_ME | PROFILE_ME_ALL | PROFILE_NO_ME | PROFILE_GFX | PROFILE_DOUBLE;
	unsigned n = 0;

	for (size_t p = 0; p < board->n_profiles; p++) {
		if (board->profiles[p].flags & variants)
			continue;
		for (unsigned start = 0; start < MAX_STARTS; start++)
			n += is_free(&board->profiles[p], start, taken_units);
	}
	return n;
}

/* The start after which most choices are left, the lowest of several. */
static int place_by_rule(const struct board *board, const struct profile *profile,
			 uint32_t taken_units)
{
	int best = WORLD_ANYWHERE;
	unsigned most = 0;

	for (unsigned start = 0; start < MAX_STARTS; start++) {
		unsigned left;

		if (!is_free(profile, start, taken_units))
			continue;
		left = choices(board, taken_units | units_of(start, profile->size));
		if (best == WORLD_ANYWHERE || left > most) {
			best = (int)start;
			most = left;
		}
	}
	return best;
}

static int place_by_order(const struct board *board, const struct profile *profile,
			  uint32_t taken_units)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		if (orders[i].units != board->units || orders[i].size != profile->size ||
		    orders[i].slices != profile->compute_slices)
			continue;
		for (const int8_t *start = orders[i].starts; *start >= 0; start++) {
			if (is_free(profile, (unsigned)*start, taken_units))
				return *start;
		}
		return WORLD_ANYWHERE;
	}
	for (unsigned start = 0; start < MAX_STARTS; start++) {
		if (is_free(profile, start, taken_units))
			return (int)start;
	}
	return WORLD_ANYWHERE;
}

int world_gi_place(const struct world_state *state, const struct world_gpu *gpu,
		   const struct profile *profile)
{
	struct taken taken = take_stock(gpu, profile);
	const struct board *board = world_board(gpu);

	if (!may_add(gpu, profile, &taken))
		return WORLD_ANYWHERE;
	return state->fixed_order ? place_by_order(board, profile, taken.units)
				  : place_by_rule(board, profile, taken.units);
}

/* A profile starts at multiples of its size, so that no start stands in the way of two others. */
unsigned world_gi_remaining(const struct world_gpu *gpu, const struct profile *profile)
{
	struct taken taken = take_stock(gpu, profile);
	unsigned n = 0;

	if (!gpu->mig)
		return 0;
	for (unsigned start = 0; start < MAX_STARTS; start++) {
		if (!may_add(gpu, profile, &taken) || !is_free(profile, start, taken.units))
			continue;
		taken.units |= units_of(start, profile->size);
		taken.slices += profile->compute_slices;
		taken.same++;
		n++;
	}
	return n;
}

/* SUCCESS and the start, which may be given. */
static nvmlReturn_t find_start(const struct world_state *state, const struct world_gpu *gpu,
			       const struct profile *profile, int *start)
{
	struct taken taken = take_stock(gpu, profile);

	if (*start == WORLD_ANYWHERE)
		*start = world_gi_place(state, gpu, profile);
	else if (!may_add(gpu, profile, &taken) || !is_free(profile, (unsigned)*start, taken.units))
		*start = WORLD_ANYWHERE;
	return *start == WORLD_ANYWHERE ? NVML_ERROR_INSUFFICIENT_RESOURCES : NVML_SUCCESS;
}

static bool start_is_possible(const struct profile *profile, int start)
{
	return start == WORLD_ANYWHERE ||
	       (start >= 0 && start < MAX_STARTS && (profile->starts >> start & 1));
}

nvmlReturn_t world_gi_create(struct world_state *state, unsigned gpu, unsigned profile_id,
			     int start, unsigned *ret_gi)
{
	nvmlReturn_t code = world_gpu_usable(state, gpu);
	const struct profile *profile;
	struct world_gpu *at;
	struct world_gi *gi;
	unsigned id;

	if (code)
		return code;
	at = &state->gpus[gpu];
	if (!at->mig)
		return NVML_ERROR_NOT_SUPPORTED;
	profile = board_profile_by_id(world_board(at), profile_id);
	if (!profile || !start_is_possible(profile, start))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (world_gpu_is_held(state, gpu))
		return NVML_ERROR_IN_USE;
	code = find_start(state, at, profile, &start);
	if (code)
		return code;

	id = world_gi_id(at, (unsigned)start, profile->size);
	gi = &at->gis[id];
	gi->exists = true;
	gi->profile = (uint8_t)profile_index(world_board(at), profile);
	gi->start = (uint8_t)start;
	gi->size = profile->size;
	gi->generation = world_next_generation(state);
	gi->linger_until_ns = 0;
	world_event(state, gpu, NVML_EVENT_MIG_CONFIG, 0, WORLD_NONE, WORLD_NONE);
	*ret_gi = id;
	return NVML_SUCCESS;
}

nvmlReturn_t world_gi_destroy(struct world_state *state, unsigned gpu, unsigned gi)
{
	nvmlReturn_t code = world_gpu_usable(state, gpu);
	struct world_gi *at;

	if (code)
		return code;
	if (gi >= WORLD_MAX_GIS || !state->gpus[gpu].gis[gi].exists)
		return NVML_ERROR_NOT_FOUND;
	at = &state->gpus[gpu].gis[gi];
	for (size_t c = 0; c < WORLD_MAX_CIS; c++) {
		if (at->cis[c].exists)
			return NVML_ERROR_IN_USE;
	}
	if (world_clock_ns() < at->linger_until_ns || world_is_held(state, gpu, gi))
		return NVML_ERROR_IN_USE;
	at->exists = false;
	world_event(state, gpu, NVML_EVENT_MIG_CONFIG, 0, WORLD_NONE, WORLD_NONE);
	return NVML_SUCCESS;
}
