#include "planner/choose-part.h"

#include <assert.h>

#include "base/array.h"
#include "policy/policy-placement.h"

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

/* May it be taken away to make room? */
static bool may_go(const struct choose_instance *instance)
{
	return instance->use == CHOOSE_FREE && !instance->laid;
}

void choose_lay_out(const struct choose_gpu *gpu, uint32_t without, uint16_t blocked,
		    struct layout *ret)
{
	layout_init(ret, gpu->board);
	for (size_t i = 0; i < gpu->n; i++)
		if (!(without >> i & 1))
			put(ret, &gpu->at[i]);
	ret->mask |= blocked;
}

static uint32_t free_bits(const struct choose_gpu *gpu)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < gpu->n; i++)
		if (may_go(&gpu->at[i]))
			bits |= 1u << i;
	return bits;
}

/* ---- the question ---- */

struct choose_question choose_ask(const struct choose_gpu *gpus, size_t n,
				  const struct policy_class *class_, uint32_t max_slices,
				  const struct choose_hold *hold)
{
	static const enum rule rules[PLACEMENT_RULE_COUNT] = {
		[PLACEMENT_CAP] = RULE_CAP,
		[PLACEMENT_MFI] = RULE_MFI,
		[PLACEMENT_BEST_FIT] = RULE_BF,
		[PLACEMENT_FIRST_FIT] = RULE_FF,
	};

	return (struct choose_question){.gpus = gpus,
					.n = n,
					.class_ = class_,
					.max_slices = max_slices,
					.hold = hold,
					.rule = rules[class_->placement->rule]};
}

/* The best so far: the lowest score; the first seen when they tie. */
struct best {
	bool found;
	int score;
	struct choice choice;
};

static void offer(struct best *best, int score, const struct choice *choice)
{
	if (best->found && best->score <= score)
		return;
	*best = (struct best){.found = true, .score = score, .choice = *choice};
}

uint16_t choose_blocked(const struct choose_question *question, size_t gpu)
{
	const struct choose_hold *hold = question->hold;
	uint16_t blocked = hold && hold->active && hold->gpu == gpu ? hold->window : 0;

	blocked |= question->gpus[gpu].blocked;
	if (question->window.active && question->window.gpu == gpu)
		blocked |= question->window.window;
	return blocked;
}

const struct profile *choose_wanted(const struct choose_question *question, size_t gpu, size_t rank,
				    bool *ret_more)
{
	const struct profile *profiles[POLICY_MAX_PROFILES];
	size_t n;

	if (!question->gpus[gpu].usable || (question->gpus[gpu].closed && !question->ever))
		return NULL;
	n = policy_class_profiles(question->class_, question->gpus[gpu].board, profiles);
	*ret_more |= rank < n;
	return rank < n && profiles[rank]->compute_slices <= question->max_slices ? profiles[rank]
										  : NULL;
}

/* ---- a free instance that exists ---- */

/* The free instance of that profile that starts there. */
static const struct choose_instance *free_at(const struct choose_gpu *gpu,
					     const struct profile *profile, unsigned start)
{
	for (size_t i = 0; i < gpu->n; i++)
		if (gpu->at[i].use == CHOOSE_FREE && gpu->at[i].profile == profile &&
		    gpu->at[i].start == start)
			return &gpu->at[i];
	return NULL;
}

/* Rated as if no other free instance were there. */
static void offer_existing(const struct choose_question *question, size_t g,
			   const struct profile *profile, struct best *best)
{
	const struct choose_gpu *gpu = &question->gpus[g];
	struct choice choice = {.gpu = g, .profile = profile, .exists = true};
	uint16_t blocked = choose_blocked(question, g), starts = 0;
	struct layout layout;
	int score;

	for (unsigned start = 0; start < LAYOUT_MAX; start++)
		if (free_at(gpu, profile, start) && !(profile_window(profile, start) & blocked))
			starts |= (uint16_t)(1u << start);
	if (!starts)
		return;
	choose_lay_out(gpu, free_bits(gpu), 0, &layout);
	choice.start = rule_pick(question->rule, &layout, profile, starts, &score);
	choice.id = free_at(gpu, profile, choice.start)->id;
	offer(best, score, &choice);
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
		if (may_go(&gpu->at[i]))
			ret[n++] = i;
	return n;
}

/* picked: bit j is the j-th free instance, which goes. */
static void offer_new(const struct choose_question *question, size_t g, const struct profile *profile,
		      const size_t *free_, uint32_t picked, struct best *best)
{
	const struct choose_gpu *gpu = &question->gpus[g];
	struct choice choice = {.gpu = g, .profile = profile};
	struct layout layout;
	uint32_t without = 0;
	uint16_t starts;
	int score;

	for (size_t j = 0; picked >> j; j++) {
		if (!(picked >> j & 1))
			continue;
		without |= 1u << free_[j];
		choice.remove[choice.n_remove++] = gpu->at[free_[j]].id;
	}
	choose_lay_out(gpu, without, choose_blocked(question, g), &layout);
	starts = layout_starts(&layout, profile);
	if (!starts)
		return;
	choice.start = rule_pick(question->rule, &layout, profile, starts, &score);
	offer(best, score, &choice);
}

/* Could removing free instances help at all? Mostly not, and then this is all it costs. */
static bool fits_without_free(const struct choose_question *question, size_t g,
			      const struct profile *profile)
{
	const struct choose_gpu *gpu = &question->gpus[g];
	struct layout layout;

	choose_lay_out(gpu, free_bits(gpu), choose_blocked(question, g), &layout);
	return layout_starts(&layout, profile);
}

static void offer_removing(const struct choose_question *question, size_t g,
			   const struct profile *profile, size_t k, struct best *best)
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

bool choose_among(const struct choose_question *question, const struct profile *const *profiles,
		  struct choice *ret)
{
	struct best best = {0};

	for (size_t g = 0; g < question->n; g++)
		if (profiles[g])
			offer_existing(question, g, profiles[g], &best);
	for (size_t k = 0; k <= LAYOUT_MAX && !best.found; k++)
		for (size_t g = 0; g < question->n; g++)
			if (profiles[g])
				offer_removing(question, g, profiles[g], k, &best);
	if (best.found)
		*ret = best.choice;
	return best.found;
}

bool choose_place(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		  uint32_t max_slices, const struct choose_hold *hold, struct choice *ret)
{
	struct choose_question question = choose_ask(gpus, n, class_, max_slices, hold);
	const struct profile *profiles[CHOOSE_MAX_GPUS];
	bool more = true;

	assert(n <= CHOOSE_MAX_GPUS);
	for (size_t rank = 0; more; rank++) {
		more = false;
		for (size_t g = 0; g < n; g++)
			profiles[g] = choose_wanted(&question, g, rank, &more);
		if (choose_among(&question, profiles, ret))
			return true;
	}
	return false;
}

bool choose_is_possible(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
			uint32_t max_slices)
{
	struct choose_question question = choose_ask(gpus, n, class_, max_slices, NULL);
	bool more = true;

	question.ever = true;
	for (size_t rank = 0; more; rank++) {
		more = false;
		for (size_t g = 0; g < n; g++)
			if (choose_wanted(&question, g, rank, &more))
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

void choose_carry_out(struct choose_gpu *gpus, const struct choice *choice)
{
	struct choose_gpu *gpu = &gpus[choice->gpu];

	for (size_t i = 0; i < choice->n_remove; i++)
		remove_instance(gpu, choice->remove[i]);
	if (choice->exists)
		remove_instance(gpu, choice->id);
	assert(gpu->n < LAYOUT_MAX);
	gpu->at[gpu->n] = (struct choose_instance){
		.id = INT64_MIN + (int64_t)gpu->n, /* none of the caller's */
		.profile = choice->profile,
		.start = choice->start,
		.use = CHOOSE_HELD,
	};
	gpu->n++;
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
		choose_carry_out(copy, &choice);
		count++;
	}
	return count;
}
