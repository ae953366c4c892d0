#include "planner/serve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "planner/simplex.h"

#define N_MAX	   SIZE_MAX_PROFILES
#define F_MAX	   SIZE_MAX_FACETS
#define EPS	   1e-9
#define WAYS_MAX   4096	   /* of one service; more are not looked at, and nothing is proven */
#define STATES_MAX 200000  /* of services joined so far */
#define STEPS_MAX  4000000 /* of all searching */
#define PIVOTS_MAX 20000
#define GPUS_MAX   100000

struct way {
	uint32_t counts[N_MAX];
	uint32_t needs[F_MAX];
};

struct ways {
	size_t n;
	double least; /* GPUs, by the prices, of the cheapest way */
	struct way at[WAYS_MAX];
};

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

struct problem {
	const struct board *board;
	const struct serve_service *services;
	size_t n;
	struct size_facet facets[F_MAX];
	unsigned n_facets;
	double weights[F_MAX]; /* of the facets: 1 together */
	double prices[N_MAX];  /* of an instance, in GPUs */
	struct ways *ways;     /* by service */
	uint64_t n_steps;
	bool cut; /* something was left out */
};

/* ---- prices ---- */

static void set_prices(struct problem *problem, const double *weights)
{
	for (size_t p = 0; p < N_MAX; p++) {
		problem->prices[p] = 0;
		for (unsigned f = 0; f < problem->n_facets; f++)
			problem->prices[p] +=
				weights[f] * problem->facets[f].needs[p] / problem->facets[f].most;
	}
}

/* GPUs a request a second costs at least, times 1000; the profile where it does. */
static double least_price(const struct problem *problem, const struct serve_service *service,
			  size_t *ret_profile)
{
	double least = INFINITY;

	for (size_t p = 0; p < N_MAX; p++) {
		double price = service->each_milli[p]
				       ? problem->prices[p] / (double)service->each_milli[p]
				       : INFINITY;

		if (price < least) {
			least = price;
			*ret_profile = p;
		}
	}
	return least;
}

/* What all services cost by the weights when instances may be divided. */
static double relaxed_cost(struct problem *problem, const double *weights)
{
	double sum = 0;
	size_t profile;

	set_prices(problem, weights);
	for (size_t s = 0; s < problem->n; s++)
		if (problem->services[s].rate_milli)
			sum += (double)problem->services[s].rate_milli *
			       least_price(problem, &problem->services[s], &profile);
	return sum;
}

/*
 * Weights under which the services cost most: any are valid, the best bound
 * most. The cost is concave in them; steps from facet to facet, ever smaller,
 * come near enough.
 */
static double find_prices(struct problem *problem)
{
	double *weights = problem->weights, best;

	for (unsigned f = 0; f < problem->n_facets; f++)
		weights[f] = 1.0 / problem->n_facets;
	best = relaxed_cost(problem, weights);
	for (double step = 0.25; step > 1e-5;) {
		double before = best;

		for (unsigned from = 0; from < problem->n_facets; from++)
			for (unsigned to = 0; to < problem->n_facets; to++) {
				double by = fmin(step, weights[from]), cost;

				if (from == to || by <= 0)
					continue;
				weights[from] -= by;
				weights[to] += by;
				cost = relaxed_cost(problem, weights);
				if (cost > best) {
					best = cost;
					continue;
				}
				weights[from] += by;
				weights[to] -= by;
			}
		if (best <= before)
			step /= 2;
	}
	set_prices(problem, weights);
	return best;
}

/* ---- ways ---- */

struct search {
	struct problem *problem;
	const struct serve_service *service;
	size_t order[N_MAX], n; /* profiles that serve, the best price for its rate last */
	double least;		/* that price */
	double budget;
	struct ways *ways;
	bool all; /* else only the cheapest is looked for, its cost in budget */
	uint32_t counts[N_MAX];
};

static void order_profiles(struct search *search)
{
	const double *prices = search->problem->prices;
	const uint64_t *each = search->service->each_milli;

	for (size_t p = 0; p < N_MAX; p++) {
		size_t i = search->n;

		if (!each[p])
			continue;
		for (; i && prices[search->order[i - 1]] * (double)each[p] <
				    prices[p] * (double)each[search->order[i - 1]];
		     i--)
			search->order[i] = search->order[i - 1];
		search->order[i] = p;
		search->n++;
	}
}

static bool needs_no_more(const uint32_t *a, const uint32_t *b, unsigned n_facets)
{
	for (unsigned f = 0; f < n_facets; f++)
		if (a[f] > b[f])
			return false;
	return true;
}

static void add_way(struct search *search)
{
	struct problem *problem = search->problem;
	struct ways *ways = search->ways;
	struct way way;
	size_t n = 0;

	memcpy(way.counts, search->counts, sizeof(way.counts));
	for (unsigned f = 0; f < problem->n_facets; f++) {
		way.needs[f] = 0;
		for (size_t p = 0; p < N_MAX; p++)
			way.needs[f] += problem->facets[f].needs[p] * way.counts[p];
	}
	problem->n_steps += 2 * ways->n;
	for (size_t i = 0; i < ways->n; i++)
		if (needs_no_more(ways->at[i].needs, way.needs, problem->n_facets))
			return;
	for (size_t i = 0; i < ways->n; i++)
		if (!needs_no_more(way.needs, ways->at[i].needs, problem->n_facets))
			ways->at[n++] = ways->at[i];
	if (n < WAYS_MAX)
		ways->at[n++] = way;
	else
		problem->cut = true;
	ways->n = n;
}

static void found_way(struct search *search, double cost)
{
	if (search->all)
		add_way(search);
	else
		search->budget = fmin(search->budget, cost);
}

/* Choose how many of the i-th profile, then of those after it, for what is left of the rate. */
static void choose_counts(struct search *search, size_t i, uint64_t left_milli, double cost)
{
	size_t profile = search->order[i];
	uint64_t each = search->service->each_milli[profile];
	double price = search->problem->prices[profile];
	uint64_t enough = left_milli / each + (left_milli % each != 0);

	for (uint64_t n = i + 1 == search->n ? enough : 0; n <= enough; n++) {
		uint64_t left = n < enough ? left_milli - n * each : 0;
		double now = cost + (double)n * price;

		if (++search->problem->n_steps > STEPS_MAX) {
			search->problem->cut = true;
			break;
		}
		if (now + (double)left * search->least > search->budget + EPS)
			break;
		search->counts[profile] = (uint32_t)n;
		if (left)
			choose_counts(search, i + 1, left, now);
		else
			found_way(search, now);
	}
	search->counts[profile] = 0;
}

static void search_from(struct search *search)
{
	size_t profile;

	order_profiles(search);
	search->least = least_price(search->problem, search->service, &profile);
	if (search->service->rate_milli)
		choose_counts(search, 0, search->service->rate_milli, 0);
	else
		found_way(search, 0);
}

/* The cheapest way to serve, and its cost. */
static void find_cheapest(struct problem *problem, size_t s)
{
	struct search search = {.problem = problem,
				.service = &problem->services[s],
				.budget = INFINITY,
				.ways = &problem->ways[s]};

	search_from(&search);
	problem->ways[s].least = search.budget;
}

/* All ways that cost at most so much more. */
static void find_ways(struct problem *problem, size_t s, double more)
{
	struct search search = {.problem = problem,
				.service = &problem->services[s],
				.budget = problem->ways[s].least + more,
				.ways = &problem->ways[s],
				.all = true};

	problem->ways[s].n = 0;
	search_from(&search);
}

/* ---- joining ---- */

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
			needless =
				needs_no_more(states->at[j].tight, states->at[i].tight, n_facets);
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
static int join_all(struct problem *problem, uint64_t n_gpus, struct states *levels,
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

/* With those ways that cost at most so much more than the service's cheapest. */
static int try_ways(struct problem *problem, uint64_t n_gpus, double more, struct serve_answer *ret)
{
	struct states levels[SERVE_MAX_SERVICES + 1] = {0};
	int r;

	for (size_t s = 0; s < problem->n; s++)
		find_ways(problem, s, more);
	r = join_all(problem, n_gpus, levels, ret);
	for (size_t s = 0; s <= problem->n; s++)
		free(levels[s].at);
	return r;
}

/*
 * A service may cost more than its cheapest way by what all the cheapest ways
 * leave over, no more. Where the GPUs do, a small part of it does as a rule.
 */
static int try_gpus(struct problem *problem, uint64_t n_gpus, struct serve_answer *ret)
{
	static const double parts[] = {1.0 / 32, 1.0 / 8, 1.0 / 2, 1};
	double left_over = (double)n_gpus;
	int r = 0;

	for (size_t s = 0; s < problem->n; s++)
		left_over -= problem->ways[s].least;
	if (left_over < -EPS)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && !r; i++)
		r = try_ways(problem, n_gpus, left_over * parts[i], ret);
	return r;
}

/* ---- solving ---- */

/* One column for the GPUs, then one for each service and profile. */
static size_t column_of(size_t s, size_t p)
{
	return 1 + s * N_MAX + p;
}

static int add_relaxed_rows(const struct problem *problem, struct simplex *simplex,
			    struct simplex_entry *row)
{
	for (unsigned f = 0; f < problem->n_facets; f++) {
		size_t n = 0;

		row[n++] = (struct simplex_entry){0, problem->facets[f].most};
		for (size_t s = 0; s < problem->n; s++)
			for (size_t p = 0; p < N_MAX; p++)
				if (problem->services[s].each_milli[p])
					row[n++] = (struct simplex_entry){
						(uint32_t)column_of(s, p),
						-(double)problem->facets[f].needs[p]};
		if (simplex_add_row(simplex, row, n, 0, INFINITY))
			return -1;
	}
	for (size_t s = 0; s < problem->n; s++) {
		const struct serve_service *service = &problem->services[s];
		size_t n = 0;

		for (size_t p = 0; p < N_MAX; p++)
			if (service->each_milli[p])
				row[n++] = (struct simplex_entry){(uint32_t)column_of(s, p),
								  (double)service->each_milli[p]};
		if (simplex_add_row(simplex, row, n, (double)service->rate_milli, INFINITY))
			return -1;
	}
	return 0;
}

/* What is left of the rate after whole instances, by the profile that costs least for it. */
static void serve_rest(const struct problem *problem, size_t s, uint32_t *counts)
{
	const struct serve_service *service = &problem->services[s];
	double least = INFINITY;
	uint64_t served = 0, rest, n = 0;
	size_t best = 0;

	for (size_t p = 0; p < N_MAX; p++)
		served += counts[p] * service->each_milli[p];
	rest = service->rate_milli > served ? service->rate_milli - served : 0;
	for (size_t p = 0; p < N_MAX && rest; p++) {
		uint64_t each = service->each_milli[p];
		uint64_t enough = each ? rest / each + (rest % each != 0) : 0;

		if (!each || (double)enough * problem->prices[p] >= least)
			continue;
		least = (double)enough * problem->prices[p];
		best = p;
		n = enough;
	}
	counts[best] += (uint32_t)n;
}

/*
 * When there is too much to try: whole instances of the best division, and the
 * rest of each service by itself. A few GPUs more than the least, at most.
 * Returns 0, or -1 without memory.
 */
static int settle_for_rounding(const struct problem *problem, struct serve_answer *ret)
{
	size_t n = 1 + problem->n * N_MAX;
	cleanup(free) double *costs = calloc(n, sizeof(*costs));
	cleanup(free) double *most = calloc(n, sizeof(*most));
	cleanup(free) struct simplex_entry *row = calloc(n, sizeof(*row));
	struct simplex simplex = {.n = 0};
	int r = costs && most && row ? 0 : -1;

	if (!r) {
		costs[0] = 1;
		for (size_t j = 0; j < n; j++)
			most[j] = INFINITY;
		r = simplex_init(&simplex, n, costs, most);
	}
	if (!r)
		r = add_relaxed_rows(problem, &simplex, row);
	if (!r)
		r = simplex_solve(&simplex, PIVOTS_MAX) == SIMPLEX_NOMEM ? -1 : 0;
	for (size_t s = 0; s < problem->n && !r; s++) {
		for (size_t p = 0; p < N_MAX; p++)
			if (problem->services[s].each_milli[p])
				ret->instances[s][p] = (uint32_t)fmax(
					0, floor(simplex.value[column_of(s, p)] + EPS));
		serve_rest(problem, s, ret->instances[s]);
		for (size_t p = 0; p < N_MAX; p++)
			ret->wanted[p] += ret->instances[s][p];
	}
	simplex_done(&simplex);
	if (!r)
		size_minimum(problem->board, ret->wanted, &ret->n_gpus, NULL);
	return r;
}

static int check_services(const struct problem *problem, struct err *err)
{
	for (size_t s = 0; s < problem->n; s++) {
		const struct serve_service *service = &problem->services[s];
		bool any = !service->rate_milli;

		if (service->rate_milli >= UINT64_C(1) << 40)
			return fail(err, ERR_TOO_LARGE, "service %zu: a rate beyond all measure",
				    s + 1);
		for (size_t p = 0; p < problem->board->n_profiles; p++) {
			const struct profile *profile = &problem->board->profiles[p];

			any = any || service->each_milli[p];
			if (service->each_milli[p] && !size_covers(problem->board, profile))
				return fail(err, ERR_UNSUPPORTED, "%s: no formula holds for %s",
					    problem->board->id, profile->name);
		}
		if (!any)
			return fail(err, ERR_IMPOSSIBLE, "service %zu: no profile can serve it",
				    s + 1);
	}
	return 0;
}

static int find_least(struct problem *problem, double relaxed, struct serve_answer *ret,
		      struct err *err)
{
	double sum = 0;

	if (relaxed > GPUS_MAX)
		return fail(err, ERR_TOO_LARGE, "more than %d GPUs", GPUS_MAX);
	for (size_t s = 0; s < problem->n; s++) {
		find_cheapest(problem, s);
		sum += problem->ways[s].least;
	}
	if (problem->cut)
		return fail(err, ERR_TOO_LARGE, "too many ways to serve");
	for (uint64_t n_gpus = (uint64_t)ceil(sum - EPS);; n_gpus++) {
		struct serve_answer answer = {
			.n_gpus = n_gpus, .relaxed = relaxed, .proven = !problem->cut};
		int r = try_gpus(problem, n_gpus, &answer);

		if (r < 0)
			return fail(err, ERR_NOMEM, "no memory for the ways to serve");
		if (!r && problem->n_steps <= STEPS_MAX)
			continue;
		if (!r && settle_for_rounding(problem, &answer))
			return fail(err, ERR_NOMEM, "no memory for the ways to serve");
		if (!r)
			answer.proven = (double)answer.n_gpus < relaxed + 1 - EPS;
		*ret = answer;
		return 0;
	}
}

int serve_solve(const struct board *board, const struct serve_service *services, size_t n,
		struct serve_answer *ret, struct err *err)
{
	struct problem problem = {.board = board, .services = services, .n = n};
	cleanup(free) struct ways *ways = calloc(n + 1, sizeof(*ways));
	int r;

	if (n > SERVE_MAX_SERVICES)
		return fail(err, ERR_TOO_LARGE, "more than %d services", SERVE_MAX_SERVICES);
	problem.n_facets = size_facets(board, problem.facets);
	if (!problem.n_facets)
		return fail(err, ERR_UNSUPPORTED, "%s: its least number of GPUs has no formula",
			    board->id);
	r = check_services(&problem, err);
	if (r)
		return r;
	if (!ways)
		return fail(err, ERR_NOMEM, "no memory for the ways to serve");
	problem.ways = ways;
	return find_least(&problem, find_prices(&problem), ret, err);
}
