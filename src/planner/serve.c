#include "planner/serve.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "planner/serve-part.h"

#define GPUS_MAX 100000

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

bool serve_needs_no_more(const uint32_t *a, const uint32_t *b, unsigned n_facets)
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
		if (serve_needs_no_more(ways->at[i].needs, way.needs, problem->n_facets))
			return;
	for (size_t i = 0; i < ways->n; i++)
		if (!serve_needs_no_more(way.needs, ways->at[i].needs, problem->n_facets))
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

/* With those ways that cost at most so much more than the service's cheapest. */
static int try_ways(struct problem *problem, uint64_t n_gpus, double more, struct serve_answer *ret)
{
	for (size_t s = 0; s < problem->n; s++)
		find_ways(problem, s, more);
	return serve_join(problem, n_gpus, ret);
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
		if (!r && serve_round(problem, &answer))
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
