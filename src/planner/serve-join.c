#include <stdlib.h>

#include "base/array.h"
#include "planner/serve-part.h"

#define STATES_MAX 200000 /* of services joined so far */

/* Services joined: what they need together, and how it came about. */
struct state {
	uint32_t needs[F_MAX];
	uint32_t tight[F_MAX]; /* needs, but 0 of a facet that cannot run out any more */
	uint32_t before, way;
};

struct states {
	struct state *at;
	size_t n, cap;
};

/* What the services from one on need of a facet at least, and at most, by their ways. */
static void bound_rest(const struct problem *problem, size_t from, uint32_t *ret_least,
		       uint32_t *ret_most)
{
	for (unsigned f = 0; f < problem->n_facets; f++) {
		ret_least[f] = ret_most[f] = 0;
		for (size_t s = from; s < problem->n; s++) {
			uint32_t least = UINT32_MAX, most = 0;

			for (size_t i = 0; i < problem->ways[s].n; i++) {
				uint32_t needs = problem->ways[s].at[i].needs[f];

				least = needs < least ? needs : least;
				most = needs > most ? needs : most;
			}
			ret_least[f] += least;
			ret_most[f] += most;
		}
	}
}

struct join {
	struct problem *problem;
	uint64_t n_gpus;
	uint32_t least[F_MAX], most[F_MAX]; /* of the services to come */
	double rest;			    /* their cost, at least */
};

/* Can the state still become an answer? */
static bool settle(const struct join *join, struct state *state)
{
	double cost = join->rest;

	for (unsigned f = 0; f < join->problem->n_facets; f++) {
		const struct size_facet *facet = &join->problem->facets[f];
		uint64_t have = join->n_gpus * facet->most;

		cost += join->problem->weights[f] * state->needs[f] / facet->most;
		if (state->needs[f] + (uint64_t)join->least[f] > have)
			return false;
		state->tight[f] =
			state->needs[f] + (uint64_t)join->most[f] > have ? state->needs[f] : 0;
	}
	return cost <= (double)join->n_gpus + EPS;
}

static int compare_states(const void *a, const void *b)
{
	const struct state *x = a, *y = b;

	for (unsigned f = 0; f < F_MAX; f++)
		if (x->tight[f] != y->tight[f])
			return x->tight[f] < y->tight[f] ? -1 : 1;
	return 0;
}

/* Only states that no other makes needless; what does so comes before it. */
static void keep_best(const struct join *join, struct states *states)
{
	unsigned n_facets = join->problem->n_facets;
	size_t n = 0;

	if (states->n > 1)
		qsort(states->at, states->n, sizeof(*states->at), compare_states);
	for (size_t i = 0; i < states->n; i++) {
		bool needless = false;

		join->problem->n_steps += n;
		if (join->problem->n_steps > STEPS_MAX) {
			join->problem->cut = true;
			break;
		}
		for (size_t j = n; j-- > 0 && !needless;)
			needless = serve_needs_no_more(states->at[j].tight, states->at[i].tight,
						       n_facets);
		if (!needless)
			states->at[n++] = states->at[i];
	}
	states->n = n;
}

/* Every state before with every way of the service. Returns 0, or -1 without memory. */
static int join_service(struct join *join, const struct states *before, const struct ways *ways,
			struct states *ret)
{
	join->problem->n_steps += before->n * ways->n;
	for (size_t i = 0; i < before->n; i++)
		for (size_t w = 0; w < ways->n; w++) {
			struct state state = {.before = (uint32_t)i, .way = (uint32_t)w};

			for (unsigned f = 0; f < join->problem->n_facets; f++)
				state.needs[f] = before->at[i].needs[f] + ways->at[w].needs[f];
			if (!settle(join, &state))
				continue;
			if (ret->n == STATES_MAX) {
				keep_best(join, ret);
				if (ret->n > STATES_MAX / 2) {
					join->problem->cut = true;
					ret->n = STATES_MAX / 2;
				}
			}
			if (array_reserve(&ret->at, &ret->cap, ret->n, sizeof(state)))
				return -1;
			ret->at[ret->n++] = state;
		}
	keep_best(join, ret);
	return 0;
}

static void read_answer(const struct problem *problem, const struct states *levels,
			struct serve_answer *ret)
{
	uint32_t at = 0;

	for (size_t s = problem->n; s-- > 0;) {
		const struct state *state = &levels[s + 1].at[at];

		for (size_t p = 0; p < N_MAX; p++) {
			uint32_t count = problem->ways[s].at[state->way].counts[p];

			ret->instances[s][p] = count;
			ret->wanted[p] += count;
		}
		at = state->before;
	}
}

/* 1 when some ways fit on so many GPUs together, 0 when none do, -1 without memory. */
static int join_levels(struct problem *problem, uint64_t n_gpus, struct states *levels,
		       struct serve_answer *ret)
{
	struct join join = {.problem = problem, .n_gpus = n_gpus};

	if (array_reserve(&levels[0].at, &levels[0].cap, 0, sizeof(*levels[0].at)))
		return -1;
	levels[0].at[0] = (struct state){.before = 0};
	levels[0].n = 1;
	for (size_t s = 0; s < problem->n; s++)
		join.rest += problem->ways[s].least;
	for (size_t s = 0; s < problem->n; s++) {
		join.rest -= problem->ways[s].least;
		bound_rest(problem, s + 1, join.least, join.most);
		if (join_service(&join, &levels[s], &problem->ways[s], &levels[s + 1]))
			return -1;
	}
	if (!levels[problem->n].n)
		return 0;
	read_answer(problem, levels, ret);
	return 1;
}

int serve_join(struct problem *problem, uint64_t n_gpus, struct serve_answer *ret)
{
	struct states levels[SERVE_MAX_SERVICES + 1] = {0};
	int r = join_levels(problem, n_gpus, levels, ret);

	for (size_t s = 0; s <= problem->n; s++)
		free(levels[s].at);
	return r;
}
