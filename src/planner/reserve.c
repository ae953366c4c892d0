#include "planner/reserve.h"

#include <assert.h>
#include <string.h>

#include "planner/choose-part.h"

struct taken {
	uint16_t windows[CHOOSE_MAX_GPUS];
};

static bool overlap(const struct reserve_need *a, const struct reserve_need *b)
{
	return a->begins_s < b->ends_s && b->begins_s < a->ends_s;
}

/* A GPU as it will be then. */
static void at_time(struct choose_gpu *gpu, int64_t time_s)
{
	size_t kept = 0;

	for (size_t i = 0; i < gpu->n; i++)
		if (gpu->at[i].use == CHOOSE_FREE || !gpu->at[i].has_ends ||
		    gpu->at[i].ends_s > time_s)
			gpu->at[kept++] = gpu->at[i];
	gpu->n = kept;
}

/* How many of the need's places there are not. */
static unsigned place_need(struct choose_gpu *gpus, size_t n, const struct reserve_need *need,
			   struct taken *ret)
{
	for (unsigned i = 0; i < need->count; i++) {
		struct choice choice;

		if (!choose_place(gpus, n, need->class_, POLICY_UNLIMITED, NULL, &choice))
			return need->count - i;
		choose_carry_out(gpus, &choice);
		ret->windows[choice.gpu] |= profile_window(choice.profile, choice.start);
	}
	return 0;
}

void reserve_block(struct choose_gpu *gpus, size_t n, const struct reserve_need *needs,
		   size_t n_needs, int64_t now_s, unsigned *ret_short)
{
	struct taken taken[RESERVE_MAX] = {0};

	assert(n <= CHOOSE_MAX_GPUS && n_needs <= RESERVE_MAX);
	for (size_t i = 0; i < n_needs; i++) {
		struct choose_gpu then[CHOOSE_MAX_GPUS];
		unsigned missing;

		memcpy(then, gpus, n * sizeof(*gpus));
		for (size_t g = 0; g < n; g++) {
			at_time(&then[g], needs[i].begins_s > now_s ? needs[i].begins_s : now_s);
			for (size_t k = 0; k < i; k++)
				if (overlap(&needs[k], &needs[i]))
					then[g].blocked |= taken[k].windows[g];
		}
		missing = place_need(then, n, &needs[i], &taken[i]);
		if (ret_short)
			ret_short[i] = missing;
	}
	for (size_t i = 0; i < n_needs; i++)
		for (size_t g = 0; g < n; g++)
			gpus[g].blocked |= taken[i].windows[g];
}
