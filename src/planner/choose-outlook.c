/* When there will be room. */
#include <stdlib.h>

#include "planner/choose.h"

/* The held instances of a GPU that will end, the first to end first. */
static int compare_ends(const void *a, const void *b)
{
	const struct choose_instance *const *x = a, *const *y = b;

	if ((*x)->ends_s != (*y)->ends_s)
		return (*x)->ends_s < (*y)->ends_s ? -1 : 1;
	return (*x)->lease < (*y)->lease ? -1 : (*x)->lease > (*y)->lease;
}

static size_t list_ending(const struct choose_gpu *gpu,
			  const struct choose_instance *ret[LAYOUT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < gpu->n; i++)
		if (gpu->at[i].use == CHOOSE_HELD && gpu->at[i].has_ends)
			ret[n++] = &gpu->at[i];
	qsort(ret, n, sizeof(ret[0]), compare_ends);
	return n;
}

static bool has_ended(const struct choose_instance *instance,
		      const struct choose_instance *const *ended, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ended[i] == instance)
			return true;
	return false;
}

/* What is held on a GPU when the first n of the list have ended. */
static void lay_out_after(const struct choose_gpu *gpu, const struct choose_instance *const *ended,
			  size_t n, struct layout *ret)
{
	layout_init(ret, gpu->board);
	for (size_t i = 0; i < gpu->n; i++) {
		const struct choose_instance *instance = &gpu->at[i];

		if (!instance->laid &&
		    (instance->use == CHOOSE_FREE || has_ended(instance, ended, n)))
			continue;
		if (!layout_take(ret, instance->profile, instance->start))
			ret->mask |= profile_window(instance->profile, instance->start);
	}
	ret->mask |= gpu->blocked;
}

/* One of a layout that is free, or will be: the next lease has it as it is. */
static bool is_waited_for(const struct choose_gpu *gpu, const struct choose_instance *instance,
			  const struct profile *profile)
{
	return instance->laid && instance->profile == profile &&
	       !(profile_window(profile, instance->start) & gpu->blocked) &&
	       (instance->use == CHOOSE_FREE || instance->has_ends);
}

struct prospect {
	struct outlook outlook;
	size_t rank;   /* how far down the class's list */
	unsigned loss; /* of choices, when it comes */
};

static bool is_better(const struct prospect *a, const struct prospect *b)
{
	if (!b->outlook.has_when || a->outlook.when_s != b->outlook.when_s)
		return !b->outlook.has_when || a->outlook.when_s < b->outlook.when_s;
	return a->rank != b->rank ? a->rank < b->rank : a->loss < b->loss;
}

/* The first of a layout's own instances of that profile; false: none will be free. */
static bool look_at_laid(const struct choose_gpu *gpu, size_t g, const struct profile *profile,
			 int64_t now_s, struct prospect *ret)
{
	bool found = false;

	for (size_t i = 0; i < gpu->n; i++) {
		const struct choose_instance *at = &gpu->at[i];
		int64_t when_s = at->use == CHOOSE_FREE || at->ends_s < now_s ? now_s : at->ends_s;

		if (!is_waited_for(gpu, at, profile) || (found && ret->outlook.when_s <= when_s))
			continue;
		found = true;
		ret->loss = 0;
		ret->outlook = (struct outlook){
			.has_when = true,
			.when_s = when_s,
			.lease = at->use == CHOOSE_FREE ? 0 : at->lease,
			.hold = {true, g, profile_window(profile, at->start)},
		};
	}
	return found;
}

/* The first moment at which a profile fits on a GPU; false: never. */
static bool look(const struct choose_gpu *gpu, size_t g, const struct profile *profile,
		 int64_t now_s, struct prospect *ret)
{
	const struct choose_instance *ending[LAYOUT_MAX];
	size_t n = list_ending(gpu, ending);

	for (size_t gone = 0; gone <= n; gone++) {
		const struct choose_instance *last = gone ? ending[gone - 1] : NULL;
		struct layout layout;
		unsigned start;

		lay_out_after(gpu, ending, gone, &layout);
		if (!layout_find(&layout, profile, &start, &ret->loss))
			continue;
		ret->outlook = (struct outlook){
			.has_when = true,
			.when_s = last && last->ends_s > now_s ? last->ends_s : now_s,
			.lease = last ? last->lease : 0,
			.hold = {true, g, profile_window(profile, start)},
		};
		return true;
	}
	return false;
}

void choose_outlook(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		    uint32_t max_slices, int64_t now_s, struct outlook *ret)
{
	struct prospect best = {0};

	for (size_t g = 0; g < n; g++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n_profiles = 0;

		if (gpus[g].usable && !gpus[g].closed)
			n_profiles = policy_class_profiles(class_, gpus[g].board, profiles);
		for (size_t rank = 0; rank < n_profiles; rank++) {
			struct prospect laid = {.rank = rank}, other = {.rank = rank};

			if (profiles[rank]->compute_slices > max_slices)
				continue;
			if (look_at_laid(&gpus[g], g, profiles[rank], now_s, &laid) &&
			    is_better(&laid, &best))
				best = laid;
			if (look(&gpus[g], g, profiles[rank], now_s, &other) &&
			    is_better(&other, &best))
				best = other;
		}
	}
	*ret = best.outlook;
}
