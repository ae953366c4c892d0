/*
 * change_make() against a slow reference. The reference knows the states of a
 * GPU as keys of layout-reference.h and walks from one to another by single
 * creates and destroys: the cheapest way to each state is found by Dijkstra's
 * method, over all ways there are, also those that make something only to remove
 * it. A plan must cost what the cheapest way costs, and take it step by step.
 *
 * "all" as the first argument looks at every pair of the 723 layouts.
 */
#include "../unit/tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "layout-reference.h"
#include "planner/change.h"

#define FAR_AWAY UINT64_MAX

/* Broken on purpose, to see that the test notices. */
enum broken {
	BROKEN_NOTHING,
	BROKEN_CHOICES,
	BROKEN_STARTS,
	BROKEN_TIME,
	BROKEN_PINS,
	BROKEN_COUNT
};

static bool every_pair;
static uint64_t seed;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* ---- all states of a board, and the ways between them ---- */

struct states {
	struct reference reference;
	uint32_t *keys; /* ascending */
	size_t n;
	unsigned n_pairs;
	uint64_t *multiset; /* of each state: a count in 4 bits for each profile */
};

static void states_done(struct states *states)
{
	free(states->keys);
	free(states->multiset);
}

static uint64_t multiset_of(const struct states *states, uint32_t key)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < states->n_pairs; i++)
		if (key >> i & 1)
			sum += 1ull << 4 * profile_index(states->reference.board,
							 states->reference.pairs[i].profile);
	return sum;
}

static void states_init(struct states *states, const char *board, enum family family)
{
	reference_init(&states->reference, board_by_id(board), family, MISTAKE_NONE);
	states->n_pairs = states->reference.n;
	states->n = reference_enumerate(&states->reference, &states->keys);
	states->multiset = calloc(states->n, sizeof(*states->multiset));
	assert_non_null(states->multiset);
	for (size_t i = 0; i < states->n; i++)
		states->multiset[i] = multiset_of(states, states->keys[i]);
}

static int compare_keys(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* states->n when the board does not allow it */
static size_t find(const struct states *states, uint32_t key)
{
	const uint32_t *at = bsearch(&key, states->keys, states->n, sizeof(key), compare_keys);

	return at ? (size_t)(at - states->keys) : states->n;
}

/* A100 as published, A30 as published, the others as H100. Create, destroy. */
static unsigned pace(const struct board *board, const struct profile *profile, bool create)
{
	static const unsigned a30[5][2] = {{0}, {110, 100}, {120, 100}, {0}, {130, 100}};
	static const unsigned a100[8][2] = {{0},	{160, 200}, {170, 200}, {200, 210},
					    {210, 210}, {0},	    {0},	{240, 220}};
	static const unsigned h100[8][2] = {{0},	{160, 210}, {210, 230}, {330, 250},
					    {380, 260}, {0},	    {0},	{420, 260}};
	unsigned slices = profile->compute_slices;

	if (!strncmp(board->id, "a30", 3))
		return a30[slices][!create];
	return (strncmp(board->id, "a100", 4) ? h100 : a100)[slices][!create];
}

/* Destroys, then creates, then time, as one number. */
static uint64_t step_cost(const struct states *states, unsigned pair, bool create)
{
	const struct reference *reference = &states->reference;

	return (1ull << (create ? 32 : 48)) +
	       pace(reference->board, reference->pairs[pair].profile, create);
}

/* The cheapest way from one state to each other. */
static void walk(const struct states *states, size_t from, uint64_t *dist)
{
	cleanup(free) bool *done = calloc(states->n, sizeof(*done));

	assert_non_null(done);
	memset(dist, 0xff, states->n * sizeof(*dist));
	dist[from] = 0;
	for (;;) {
		size_t at = states->n;

		for (size_t i = 0; i < states->n; i++)
			if (!done[i] && dist[i] != FAR_AWAY &&
			    (at == states->n || dist[i] < dist[at]))
				at = i;
		if (at == states->n)
			return;
		done[at] = true;
		for (unsigned pair = 0; pair < states->n_pairs; pair++) {
			size_t next = find(states, states->keys[at] ^ 1u << pair);
			bool create = !(states->keys[at] >> pair & 1);

			if (next < states->n &&
			    dist[at] + step_cost(states, pair, create) < dist[next])
				dist[next] = dist[at] + step_cost(states, pair, create);
		}
	}
}

/* ---- the last two rules, for states that cost the same ---- */

static unsigned choices(const struct states *states, uint32_t key)
{
	const struct board *board = states->reference.board;
	bool taken[16] = {false};
	unsigned sum = 0;

	for (unsigned i = 0; i < states->n_pairs; i++)
		for (unsigned u = 0; key >> i & 1 && u < states->reference.pairs[i].profile->size;
		     u++)
			taken[states->reference.pairs[i].start + u] = true;
	for (size_t p = 0; p < board->n_profiles; p++)
		for (unsigned start = 0; start < board->units; start++) {
			const struct profile *profile = &board->profiles[p];
			bool room = profile->starts >> start & 1 &&
				    !(profile->flags & ~(PROFILE_DOUBLE | PROFILE_P2P));

			for (unsigned u = start; room && u < start + profile->size; u++)
				room = u < board->units && !taken[u];
			sum += room ? profile->size : 0;
		}
	return sum;
}

/* -1 when a's starts are lower: profiles of more units first, then as the board lists them. */
static int compare_starts(const struct states *states, uint32_t a, uint32_t b)
{
	const struct reference *reference = &states->reference;

	for (unsigned size = 16; size > 0; size--)
		for (unsigned i = 0; i < states->n_pairs; i++)
			if (reference->pairs[i].profile->size == size && ((a ^ b) >> i & 1))
				return a >> i & 1 ? -1 : 1;
	return 0;
}

/* Is b, which costs the same, a better place to end? */
static bool is_better(const struct states *states, uint32_t b, uint32_t a, enum broken broken)
{
	unsigned left_a = choices(states, a), left_b = choices(states, b);
	int order = compare_starts(states, b, a);

	if (left_a != left_b)
		return (left_b > left_a) != (broken == BROKEN_CHOICES);
	return (order < 0) != (broken == BROKEN_STARTS);
}

/* ---- plans ---- */

static void gpu_of(const struct states *states, uint32_t key, struct change_gpu *ret)
{
	*ret = (struct change_gpu){.board = states->reference.board};
	for (unsigned i = 0; i < states->n_pairs; i++)
		if (key >> i & 1)
			ret->at[ret->n++] = (struct change_instance){
				.profile = states->reference.pairs[i].profile,
				.start = states->reference.pairs[i].start,
			};
}

/* exact: bits of the key that are wished for with their start */
static void wish_of(const struct states *states, uint32_t key, uint32_t exact, struct wish_gpu *ret)
{
	*ret = (struct wish_gpu){.given = true, .mig = true};
	for (unsigned i = 0; i < states->n_pairs; i++)
		if (key >> i & 1)
			ret->at[ret->n++] = (struct wish_item){
				.profile = states->reference.pairs[i].profile,
				.has_start = exact >> i & 1,
				.start = exact >> i & 1 ? (uint8_t)states->reference.pairs[i].start
							: 0,
			};
}

static bool executes(struct states *states, uint32_t from, const struct change *change)
{
	struct reference *reference = &states->reference;

	reference_set(reference, from);
	for (size_t i = 0; i < change->n; i++) {
		const struct change_step *step = &change->steps[i];

		if (step->create) {
			if (!reference_take(reference, step->profile, step->start))
				return false;
			continue;
		}
		/* As early as possible: nothing that is created later would fit now. */
		for (size_t k = i + 1; k < change->n; k++) {
			const struct change_step *later = &change->steps[k];

			if (later->create &&
			    reference_take(reference, later->profile, later->start))
				return false;
		}
		if (!reference_give(reference, step->profile, step->start))
			return false;
	}
	return reference_key(reference) == reference_key_of(reference, &change->goal);
}

static uint64_t total_of(const struct change *change)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < change->n; i++)
		sum += (1ull << (change->steps[i].create ? 32 : 48)) + change->steps[i].ms;
	return sum;
}

/* What is wrong with the plan, or NULL. */
static const char *complaint(struct states *states, uint32_t from, uint32_t want, uint32_t exact,
			     uint32_t goal, uint64_t cost)
{
	struct change_gpu gpu;
	struct wish_gpu wish;
	struct change change;
	struct err err = ERR_INIT;
	uint32_t got;

	gpu_of(states, from, &gpu);
	wish_of(states, want, exact, &wish);
	if (change_make(&gpu, &wish, &change, &err))
		return "refused";
	got = reference_key_of(&states->reference, &change.goal);
	if (total_of(&change) != cost)
		return "it costs something else";
	if (change.cost.destroyed + change.cost.created != change.n)
		return "it miscounts its steps";
	if (got != goal)
		return "it ends elsewhere";
	return executes(states, from, &change) ? NULL : "its order cannot be executed";
}

static size_t report(struct states *states, const char *what, uint32_t from, uint32_t want)
{
	const struct reference *reference = &states->reference;

	printf("# %s: %s\n#   there:", reference->board->id, what);
	for (unsigned i = 0; i < states->n_pairs; i++)
		if (from >> i & 1)
			printf(" %s@%u", reference->pairs[i].profile->name,
			       reference->pairs[i].start);
	printf("\n#   wanted:");
	for (unsigned i = 0; i < states->n_pairs; i++)
		if (want >> i & 1)
			printf(" %s@%u", reference->pairs[i].profile->name,
			       reference->pairs[i].start);
	printf("\n");
	return 1;
}

/* The cheapest state with that multiset. */
static size_t best_of(const struct states *states, const uint64_t *dist, uint64_t multiset,
		      enum broken broken)
{
	uint64_t mask = broken == BROKEN_TIME ? ~0xffffffffull : ~0ull;
	size_t best = states->n;

	for (size_t i = 0; i < states->n; i++) {
		if (states->multiset[i] != multiset)
			continue;
		if (best == states->n || (dist[i] & mask) < (dist[best] & mask) ||
		    ((dist[i] & mask) == (dist[best] & mask) &&
		     is_better(states, states->keys[i], states->keys[best], broken)))
			best = i;
	}
	return best;
}

/* From one state: every multiset once, and exact wishes. Returns the complaints. */
static size_t check_from(struct states *states, size_t from, size_t n_exact, enum broken broken)
{
	cleanup(free) uint64_t *dist = calloc(states->n, sizeof(*dist));
	uint32_t there = states->keys[from];
	size_t n = 0;

	assert_non_null(dist);
	walk(states, from, dist);
	for (size_t i = 0; i < states->n && n < 3; i++) {
		size_t best, first = 0;
		const char *what;

		while (states->multiset[first] != states->multiset[i])
			first++;
		if (first < i)
			continue;
		best = best_of(states, dist, states->multiset[i], broken);
		what = complaint(states, there, states->keys[i], 0, states->keys[best], dist[best]);
		n += what && !broken ? report(states, what, there, states->keys[i]) : !!what;
	}
	for (size_t k = 0; k < n_exact && n < 3; k++) {
		size_t to = n_exact == states->n ? k : draw((unsigned)states->n);
		uint32_t want = states->keys[to];
		const char *what = complaint(states, there, want, want, want, dist[to]);

		n += what && !broken ? report(states, what, there, want) : !!what;
	}
	return n;
}

static size_t check_all(const char *board, enum family family, size_t n_states, size_t n_exact,
			enum broken broken)
{
	struct states states = {.n = 0};
	size_t n = 0;

	states_init(&states, board, family);
	if (n_states)
		assert_int_equal(states.n, n_states);
	for (size_t from = 0; from < states.n && n < 3; from++)
		n += check_from(&states, from, n_exact && n_exact < states.n ? n_exact : states.n,
				broken);
	states_done(&states);
	return n;
}

static void test_298(void **state)
{
	(void)state;
	assert_int_equal(check_all("a100-sxm4-80gb", FAMILY_BASE, 298, 0, BROKEN_NOTHING), 0);
}

static void test_723(void **state)
{
	(void)state;
	/* 723 x 78 multisets and 723 x 28 = 20,244 exact layouts, or all. */
	assert_int_equal(check_all("h100-sxm5-80gb", FAMILY_DOUBLE, 723, every_pair ? 0 : 28,
				   BROKEN_NOTHING),
			 0);
}

static void test_others(void **state)
{
	(void)state;
	assert_int_equal(check_all("a30-24gb", FAMILY_ALL, 0, 0, BROKEN_NOTHING), 0);
	if (every_pair)
		assert_int_equal(check_all("rtx-pro-6000-blackwell-server", FAMILY_ALL, 0, 10,
					   BROKEN_NOTHING),
				 0);
}

/* ---- pinned and busy ones, exact and loose together ---- */

struct price {
	uint64_t wait_s, busy, destroyed, created, ms;
};

static struct price price_of(const struct states *states, const struct change_gpu *gpu,
			     uint32_t from, uint32_t to)
{
	const struct reference *reference = &states->reference;
	struct price price = {0};
	size_t k = 0;

	for (unsigned i = 0; i < states->n_pairs; i++) {
		const struct profile *profile = reference->pairs[i].profile;
		const struct change_instance *instance = &gpu->at[k];

		k += from >> i & 1;
		if (!(from >> i & 1) && to >> i & 1) {
			price.created++;
			price.ms += pace(reference->board, profile, true);
		} else if (from >> i & 1 && !(to >> i & 1)) {
			price.destroyed++;
			price.ms += pace(reference->board, profile, false);
			price.busy += instance->use == CHANGE_BUSY;
			price.wait_s +=
				instance->use == CHANGE_BUSY ? (uint64_t)instance->wait_s : 0;
		}
	}
	return price;
}

static int compare_prices(const struct price *a, const struct price *b)
{
	const uint64_t x[] = {a->wait_s, a->busy, a->destroyed, a->created, a->ms};
	const uint64_t y[] = {b->wait_s, b->busy, b->destroyed, b->created, b->ms};

	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i] ? -1 : 1;
	return 0;
}

/* Random uses; which are pinned, as bits of the key. */
static uint32_t give_uses(const struct states *states, uint32_t from, struct change_gpu *gpu)
{
	uint32_t pinned = 0;
	size_t k = 0;

	for (unsigned i = 0; i < states->n_pairs; i++) {
		unsigned chance = draw(6);

		if (!(from >> i & 1))
			continue;
		if (chance == 0)
			pinned |= 1u << i;
		gpu->at[k].use = chance == 0  ? CHANGE_PINNED
				 : chance < 3 ? CHANGE_BUSY
					      : CHANGE_IDLE;
		gpu->at[k++].wait_s = chance < 3 ? draw(3) * 60 : 0;
	}
	return pinned;
}

static const char *complaint_mixed(struct states *states, enum broken broken, uint32_t *ret_from,
				   uint32_t *ret_want)
{
	uint32_t from = states->keys[draw((unsigned)states->n)], pinned;
	uint32_t want = states->keys[draw((unsigned)states->n)];
	uint32_t exact = draw(3) ? 0 : want & (uint32_t)seed & (uint32_t)(seed >> 32);
	size_t best = states->n;
	struct price least = {0};
	struct change_gpu gpu;
	struct wish_gpu wish;
	struct change change;
	struct err err = ERR_INIT;
	int r;

	*ret_from = from;
	*ret_want = want;
	gpu_of(states, from, &gpu);
	pinned = give_uses(states, from, &gpu);
	wish_of(states, want, exact, &wish);
	for (size_t i = 0; i < states->n; i++) {
		uint32_t to = states->keys[i];
		struct price price;
		int order;

		if (states->multiset[i] != multiset_of(states, want) || exact & ~to ||
		    (pinned & ~to && broken != BROKEN_PINS))
			continue;
		price = price_of(states, &gpu, from, to);
		order = best == states->n ? -1 : compare_prices(&price, &least);
		if (order > 0 || (!order && !is_better(states, to, states->keys[best], broken)))
			continue;
		best = i;
		least = price;
	}
	r = change_make(&gpu, &wish, &change, &err);
	if (best == states->n)
		return r == -ERR_BUSY && strstr(err.hint, "nearest")
			       ? NULL
			       : "it should be refused as busy";
	if (r)
		return "refused";
	if (reference_key_of(&states->reference, &change.goal) != states->keys[best])
		return "it ends elsewhere";
	return executes(states, from, &change) ? NULL : "its order cannot be executed";
}

static size_t check_mixed(const char *board, enum family family, size_t rounds, enum broken broken)
{
	struct states states = {.n = 0};
	size_t n = 0;

	states_init(&states, board, family);
	for (size_t i = 0; i < rounds && n < 3; i++) {
		uint32_t from, want;
		const char *what = complaint_mixed(&states, broken, &from, &want);

		n += what && !broken ? report(&states, what, from, want) : !!what;
	}
	states_done(&states);
	return n;
}

static void test_mixed(void **state)
{
	const size_t rounds = every_pair ? 20000 : 2000;

	(void)state;
	assert_int_equal(check_mixed("a100-sxm4-80gb", FAMILY_DOUBLE_ME, rounds, 0), 0);
	assert_int_equal(check_mixed("h200-sxm-141gb", FAMILY_DOUBLE, rounds, 0), 0);
	assert_int_equal(check_mixed("a30-24gb", FAMILY_ALL, rounds, 0), 0);
	assert_int_equal(check_mixed("rtx-pro-6000-blackwell-server", FAMILY_ALL, rounds, 0), 0);
}

static void test_notices(void **state)
{
	(void)state;
	assert_true(check_all("a100-sxm4-80gb", FAMILY_BASE, 298, 1, BROKEN_CHOICES));
	assert_true(check_all("a100-sxm4-80gb", FAMILY_BASE, 298, 1, BROKEN_STARTS));
	assert_true(check_all("h100-sxm5-80gb", FAMILY_DOUBLE, 723, 1, BROKEN_TIME));
	assert_true(check_mixed("a100-sxm4-80gb", FAMILY_DOUBLE_ME, 2000, BROKEN_PINS));
}

/* ---- several GPUs ---- */

static uint64_t assigned_cost(const struct change_gpu *gpus, const struct wish_gpu *wishes,
			      const size_t *of, size_t n, bool *ret_possible)
{
	uint64_t sum = 0;

	*ret_possible = true;
	for (size_t i = 0; i < n; i++) {
		struct change change;
		struct err err = ERR_INIT;

		if (change_make(&gpus[i], &wishes[of[i]], &change, &err)) {
			*ret_possible = false;
			return 0;
		}
		sum += total_of(&change) + (change.cost.wait_s << 56);
	}
	return sum;
}

/* The least over all orders, by trying them all. */
static void try_orders(const struct change_gpu *gpus, const struct wish_gpu *wishes, size_t *of,
		       size_t at, size_t n, uint64_t *least)
{
	bool possible;
	uint64_t cost;

	if (at == n) {
		cost = assigned_cost(gpus, wishes, of, n, &possible);
		*least = possible && cost < *least ? cost : *least;
		return;
	}
	for (size_t k = at; k < n; k++) {
		size_t kept = of[at];

		of[at] = of[k];
		of[k] = kept;
		try_orders(gpus, wishes, of, at + 1, n, least);
		of[k] = of[at];
		of[at] = kept;
	}
}

static void test_assign(void **state)
{
	struct states states = {.n = 0};
	size_t refused = 0;

	(void)state;
	states_init(&states, "a100-sxm4-80gb", FAMILY_DOUBLE);
	for (unsigned round = 0; round < 200; round++) {
		struct change_gpu gpus[4];
		struct wish_gpu wishes[4];
		size_t order[4] = {0, 1, 2, 3}, got[4];
		uint64_t least = UINT64_MAX;
		struct err err = ERR_INIT;
		bool possible;

		for (size_t i = 0; i < 4; i++) {
			gpu_of(&states, states.keys[draw((unsigned)states.n)], &gpus[i]);
			wish_of(&states, states.keys[draw((unsigned)states.n)], 0, &wishes[i]);
			if (gpus[i].n && !draw(3))
				gpus[i].at[draw((unsigned)gpus[i].n)].use = CHANGE_PINNED;
		}
		try_orders(gpus, wishes, order, 0, 4, &least);
		if (change_assign(gpus, wishes, 4, got, &err)) {
			assert_true(least == UINT64_MAX && err.code == ERR_BUSY);
			refused++;
			continue;
		}
		assert_true(assigned_cost(gpus, wishes, got, 4, &possible) == least);
	}
	assert_in_range(refused, 1, 199);
	states_done(&states);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_298),    cmocka_unit_test(test_723),
		cmocka_unit_test(test_others), cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_assign), cmocka_unit_test(test_notices),
	};

	every_pair = argc > 1 && !strcmp(argv[1], "all");
	seed = 20261124;
	return tap_run(tests);
}
