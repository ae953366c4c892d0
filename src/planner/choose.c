#include "planner/choose.h"

#include <assert.h>

/* ---- one GPU as a layout ---- */

/*
 * What the table thinks impossible may be there all the same (a live GPU
 * outranks it); its units are then blocked without counting as an instance.
 */
static void put(struct layout *layout, const struct choose_instance *instance)
{
	if (!layout_take(layout, instance->profile, instance->start))
		layout->mask |= profile_window(instance->profile, instance->start);
}

/* All that is held, and those free instances whose bit in keep is set. */
static void lay_out(const struct choose_gpu *gpu, uint32_t keep, uint16_t blocked,
		    struct layout *ret)
{
	layout_init(ret, gpu->board);
	for (size_t i = 0; i < gpu->n; i++)
		if (gpu->at[i].use == CHOOSE_HELD || keep & 1u << i)
			put(ret, &gpu->at[i]);
	ret->mask |= blocked;
}

static uint32_t free_bits(const struct choose_gpu *gpu)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < gpu->n; i++)
		if (gpu->at[i].use == CHOOSE_FREE)
			bits |= 1u << i;
	return bits;
}

/* ---- the question ---- */

struct question {
	const struct choose_gpu *gpus;
	size_t n;
	const struct policy_class *class_;
	uint32_t max_slices;
	const struct choose_hold *hold;
};

/* The best so far: fewest choices lost; the first seen when they tie. */
struct best {
	bool found;
	unsigned loss;
	struct choice choice;
};

static void offer(struct best *best, unsigned loss, const struct choice *choice)
{
	if (best->found && best->loss <= loss)
		return;
	*best = (struct best){.found = true, .loss = loss, .choice = *choice};
}

static uint16_t blocked_on(const struct question *question, size_t gpu)
{
	const struct choose_hold *hold = question->hold;

	return hold && hold->active && hold->gpu == gpu ? hold->window : 0;
}

/* The rank-th profile of the class on a GPU, NULL when there is none or it is too large. */
static const struct profile *wanted(const struct question *question, size_t gpu, size_t rank,
				    bool *ret_more)
{
	const struct profile *profiles[POLICY_MAX_PROFILES];
	size_t n;

	if (!question->gpus[gpu].usable)
		return NULL;
	n = policy_class_profiles(question->class_, question->gpus[gpu].board, profiles);
	*ret_more |= rank < n;
	return rank < n && profiles[rank]->compute_slices <= question->max_slices ? profiles[rank]
										  : NULL;
}

/* ---- a free instance that exists ---- */

/* The choices that taking it loses, were other free instances not there. */
static unsigned loss_of(const struct choose_gpu *gpu, const struct choose_instance *instance)
{
	struct layout layout;
	unsigned before;

	lay_out(gpu, 0, 0, &layout);
	before = layout_choices(&layout);
	put(&layout, instance);
	return before - layout_choices(&layout);
}

static void offer_existing(const struct question *question, size_t g, const struct profile *profile,
			   struct best *best)
{
	const struct choose_gpu *gpu = &question->gpus[g];
	uint16_t blocked = blocked_on(question, g);

	for (size_t i = 0; i < gpu->n; i++) {
		const struct choose_instance *instance = &gpu->at[i];
		struct choice choice = {
			.gpu = g,
			.profile = profile,
			.start = instance->start,
			.exists = true,
			.id = instance->id,
		};

		if (instance->use == CHOOSE_FREE && instance->profile == profile &&
		    !(profile_window(profile, instance->start) & blocked))
			offer(best, loss_of(gpu, instance), &choice);
	}
}

/* ---- a new one, after removing k free instances ---- */

/* The next larger number with as many bits set. */
static uint32_t next_same_count(uint32_t bits)
{
	uint32_t low = bits & -bits, carry = bits + low;

	return carry | ((bits ^ carry) / low >> 2);
}

/* The free instances of a GPU, in the order of its list. */
static size_t list_free(const struct choose_gpu *gpu, size_t ret[LAYOUT_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < gpu->n; i++)
		if (gpu->at[i].use == CHOOSE_FREE)
			ret[n++] = i;
	return n;
}

/* picked: bit j is the j-th free instance, which goes. */
static void offer_new(const struct question *question, size_t g, const struct profile *profile,
		      const size_t *free_, uint32_t picked, struct best *best)
{
	const struct choose_gpu *gpu = &question->gpus[g];
	struct choice choice = {.gpu = g, .profile = profile};
	uint32_t keep = free_bits(gpu);
	struct layout layout;
	unsigned loss;

	for (size_t j = 0; picked >> j; j++) {
		if (!(picked >> j & 1))
			continue;
		keep &= ~(1u << free_[j]);
		choice.remove[choice.n_remove++] = gpu->at[free_[j]].id;
	}
	lay_out(gpu, keep, blocked_on(question, g), &layout);
	if (layout_find(&layout, profile, &choice.start, &loss))
		offer(best, loss, &choice);
}

/* Could removing free instances help at all? Mostly not, and then this is all it costs. */
static bool fits_without_free(const struct question *question, size_t g,
			      const struct profile *profile)
{
	struct layout layout;
	unsigned start;

	lay_out(&question->gpus[g], 0, blocked_on(question, g), &layout);
	return layout_find(&layout, profile, &start, NULL);
}

static void offer_removing(const struct question *question, size_t g, const struct profile *profile,
			   size_t k, struct best *best)
{
	size_t free_[LAYOUT_MAX], n = list_free(&question->gpus[g], free_);

	if (k > n || !fits_without_free(question, g, profile))
		return;
	if (!k) {
		offer_new(question, g, profile, free_, 0, best);
		return;
	}
	for (uint32_t picked = (1u << k) - 1; picked < 1u << n; picked = next_same_count(picked))
		offer_new(question, g, profile, free_, picked, best);
}

/* ---- the rule ---- */

static bool choose_by_rank(const struct question *question, size_t rank, bool *ret_more,
			   struct best *best)
{
	const struct profile *profiles[CHOOSE_MAX_GPUS];

	for (size_t g = 0; g < question->n; g++) {
		profiles[g] = wanted(question, g, rank, ret_more);
		if (profiles[g])
			offer_existing(question, g, profiles[g], best);
	}
	for (size_t k = 0; k <= LAYOUT_MAX && !best->found; k++)
		for (size_t g = 0; g < question->n; g++)
			if (profiles[g])
				offer_removing(question, g, profiles[g], k, best);
	return best->found;
}

bool choose_place(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		  uint32_t max_slices, const struct choose_hold *hold, struct choice *ret)
{
	struct question question = {gpus, n, class_, max_slices, hold};
	struct best best = {0};
	bool more = true;

	assert(n <= CHOOSE_MAX_GPUS);
	for (size_t rank = 0; more; rank++) {
		more = false;
		if (choose_by_rank(&question, rank, &more, &best)) {
			*ret = best.choice;
			return true;
		}
	}
	return false;
}

bool choose_is_possible(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
			uint32_t max_slices)
{
	struct question question = {gpus, n, class_, max_slices, NULL};
	bool more = true;

	for (size_t rank = 0; more; rank++) {
		more = false;
		for (size_t g = 0; g < n; g++)
			if (wanted(&question, g, rank, &more))
				return true;
	}
	return false;
}

/* ---- how many ---- */

static void remove_instance(struct choose_gpu *gpu, int64_t id)
{
	for (size_t i = 0; i < gpu->n; i++) {
		if (gpu->at[i].id != id || gpu->at[i].use != CHOOSE_FREE)
			continue;
		gpu->at[i] = gpu->at[--gpu->n];
		return;
	}
}

static void carry_out(struct choose_gpu *gpu, const struct choice *choice)
{
	for (size_t i = 0; i < choice->n_remove; i++)
		remove_instance(gpu, choice->remove[i]);
	if (choice->exists)
		remove_instance(gpu, choice->id);
	assert(gpu->n < LAYOUT_MAX);
	gpu->at[gpu->n++] = (struct choose_instance){
		.profile = choice->profile,
		.start = choice->start,
		.use = CHOOSE_HELD,
	};
}

unsigned choose_count(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		      uint32_t max_slices)
{
	struct choose_gpu copy[CHOOSE_MAX_GPUS];
	struct choice choice;
	unsigned count = 0;

	assert(n <= CHOOSE_MAX_GPUS);
	for (size_t g = 0; g < n; g++)
		copy[g] = gpus[g];
	while (choose_place(copy, n, class_, max_slices, NULL, &choice)) {
		carry_out(&copy[choice.gpu], &choice);
		count++;
	}
	return count;
}
