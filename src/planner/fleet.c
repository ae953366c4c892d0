#include "planner/fleet.h"

#include <assert.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct bucket {
	struct index_set gpus;
	uint32_t lowest; /* of them, or INDEX_NONE */
};

struct gpu {
	struct layout layout;
	uint16_t state;
	uint32_t spots[LAYOUT_MAX]; /* by start */
};

struct fleet {
	const struct rules *rules;
	uint32_t n_gpus;
	uint32_t next; /* where RULE_RR goes on */
	uint32_t running[RULE_MAX_PROFILES];
	uint64_t occurs[RULE_MAX_STATES / 64]; /* bit s: bucket s is not empty */
	struct bucket buckets[RULE_MAX_STATES];
	struct gpu gpus[];
};

/* ---- buckets ---- */

static void bucket_add(struct fleet *fleet, unsigned state, uint32_t gpu)
{
	struct bucket *bucket = &fleet->buckets[state];

	index_set_add(&bucket->gpus, gpu);
	if (gpu < bucket->lowest)
		bucket->lowest = gpu;
	fleet->occurs[state / 64] |= UINT64_C(1) << state % 64;
}

static void bucket_remove(struct fleet *fleet, unsigned state, uint32_t gpu)
{
	struct bucket *bucket = &fleet->buckets[state];

	index_set_remove(&bucket->gpus, gpu);
	if (gpu == bucket->lowest)
		bucket->lowest = index_set_next(&bucket->gpus, gpu);
	if (!bucket->gpus.n)
		fleet->occurs[state / 64] &= ~(UINT64_C(1) << state % 64);
}

/* ---- the fleet ---- */

/* All start empty: a bucket's memory is not touched until its first GPU comes. */
static int make_buckets(struct fleet *fleet)
{
	for (unsigned s = 0; s < fleet->rules->n_states; s++) {
		fleet->buckets[s].lowest = INDEX_NONE;
		if (index_set_init(&fleet->buckets[s].gpus, fleet->n_gpus))
			return -1;
	}
	return 0;
}

struct fleet *fleet_new(const struct rules *rules, uint32_t n_gpus)
{
	cleanup(fleet_free) struct fleet *fleet = NULL;

	assert(n_gpus && n_gpus <= FLEET_MAX_GPUS);
	fleet = calloc(1, sizeof(*fleet) + n_gpus * sizeof(fleet->gpus[0]));
	if (!fleet)
		return NULL;
	fleet->rules = rules;
	fleet->n_gpus = n_gpus;
	if (make_buckets(fleet))
		return NULL;
	for (uint32_t i = 0; i < n_gpus; i++) {
		layout_init(&fleet->gpus[i].layout, rules->board);
		bucket_add(fleet, 0, i);
	}
	return steal(fleet);
}

void fleet_free(struct fleet *fleet)
{
	if (!fleet)
		return;
	for (unsigned s = 0; s < RULE_MAX_STATES; s++)
		index_set_done(&fleet->buckets[s].gpus);
	free(fleet);
}

uint32_t fleet_n_gpus(const struct fleet *fleet)
{
	return fleet->n_gpus;
}

uint32_t fleet_n_used(const struct fleet *fleet)
{
	return fleet->n_gpus - fleet->buckets[0].gpus.n;
}

const struct layout *fleet_layout(const struct fleet *fleet, uint32_t gpu)
{
	return &fleet->gpus[gpu].layout;
}

const uint32_t *fleet_running(const struct fleet *fleet)
{
	return fleet->running;
}

uint32_t fleet_spot(const struct fleet *fleet, uint32_t gpu, unsigned start)
{
	return fleet->gpus[gpu].spots[start];
}

/* ---- decisions ---- */

struct best {
	int score;
	uint32_t gpu;
	uint8_t start;
};

/* Of the states that occur: the best score, then the lowest GPU that is not below from. */
static struct best find_from(const struct fleet *fleet, enum rule rule, unsigned profile,
			     uint32_t from)
{
	struct best best = {.score = RULE_NO_FIT, .gpu = INDEX_NONE};

	for (unsigned word = 0; word * 64 < fleet->rules->n_states; word++)
		for (uint64_t left = fleet->occurs[word]; left; left &= left - 1) {
			unsigned state = word * 64 + (unsigned)__builtin_ctzll(left);
			const struct bucket *bucket = &fleet->buckets[state];
			struct rule_step step = rules_step(fleet->rules, rule, profile, state);
			uint32_t gpu = bucket->lowest;

			if (step.score > best.score || step.score == RULE_NO_FIT)
				continue;
			if (gpu < from)
				gpu = index_set_next(&bucket->gpus, from);
			if (gpu == INDEX_NONE || (step.score == best.score && gpu > best.gpu))
				continue;
			best = (struct best){step.score, gpu, step.start};
		}
	return best;
}

bool fleet_find(struct fleet *fleet, enum rule rule, unsigned profile, struct fleet_place *ret)
{
	uint32_t from = rule == RULE_RR ? fleet->next : 0;
	struct best best = find_from(fleet, rule, profile, from);

	if (from && best.gpu == INDEX_NONE)
		best = find_from(fleet, rule, profile, 0);
	if (best.gpu == INDEX_NONE)
		return false;
	if (rule == RULE_RR)
		fleet->next = (best.gpu + 1) % fleet->n_gpus;
	*ret = (struct fleet_place){
		.gpu = best.gpu, .profile = (uint8_t)profile, .start = best.start};
	return true;
}

/* ---- changes ---- */

static void move_to(struct fleet *fleet, uint32_t gpu, unsigned state)
{
	bucket_remove(fleet, fleet->gpus[gpu].state, gpu);
	bucket_add(fleet, state, gpu);
	fleet->gpus[gpu].state = (uint16_t)state;
}

void fleet_take(struct fleet *fleet, const struct fleet_place *place, uint32_t spot)
{
	struct gpu *gpu = &fleet->gpus[place->gpu];
	const struct profile *profile = &fleet->rules->board->profiles[place->profile];

	if (!layout_take(&gpu->layout, profile, place->start))
		assert(!"it fits");
	gpu->spots[place->start] = spot;
	fleet->running[place->profile]++;
	move_to(fleet, place->gpu, rules_state(fleet->rules, &gpu->layout));
}

void fleet_give(struct fleet *fleet, const struct fleet_place *place)
{
	struct gpu *gpu = &fleet->gpus[place->gpu];
	const struct profile *profile = &fleet->rules->board->profiles[place->profile];

	if (!layout_give(&gpu->layout, profile, place->start))
		assert(!"it is there");
	fleet->running[place->profile]--;
	move_to(fleet, place->gpu, rules_state(fleet->rules, &gpu->layout));
}
