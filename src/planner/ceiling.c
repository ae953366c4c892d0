#include "planner/ceiling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "geometry/size.h"
#include "planner/simplex.h"

#define PIVOTS_MAX     40000
#define ROWS_PER_FACET 24   /* added at a time */
#define EPS	       1e-6 /* of the fleet: what is broken no more */

/*
 * The variables are the refused shares of the requests, so that refusing nothing
 * is the start and rows say what must be refused.
 */
struct problem {
	const struct board *board;
	const struct trace *trace;
	uint32_t n_gpus;
	struct size_facet facets[SIZE_MAX_FACETS];
	unsigned n_facets;
	uint32_t *last; /* by request: the last arrival at which it still runs */
	double *excess; /* by arrival: what runs of a facet beyond what there is */
	struct simplex_entry *row;
	struct simplex simplex;
};

static unsigned needs(const struct problem *problem, unsigned f, size_t request)
{
	return problem->facets[f].needs[problem->trace->requests[request].profile];
}

static double capacity(const struct problem *problem, unsigned f)
{
	return (double)problem->facets[f].most * problem->n_gpus;
}

/* A request runs from its arrival on, and not at its end any more. */
static void find_last(struct problem *problem)
{
	const struct trace *trace = problem->trace;

	for (size_t i = 0; i < trace->n; i++) {
		int64_t end = trace->requests[i].at + trace->requests[i].duration;
		size_t low = i, high = trace->n;

		while (high - low > 1) {
			size_t middle = low + (high - low) / 2;

			if (trace->requests[middle].at < end)
				low = middle;
			else
				high = middle;
		}
		problem->last[i] = (uint32_t)low;
	}
}

static void find_excess(struct problem *problem, unsigned f)
{
	size_t n = problem->trace->n;

	memset(problem->excess, 0, (n + 1) * sizeof(*problem->excess));
	for (size_t i = 0; i < n; i++) {
		double uses = needs(problem, f, i) * (1 - problem->simplex.value[i]);

		problem->excess[i] += uses;
		problem->excess[problem->last[i] + 1] -= uses;
	}
	for (size_t k = 1; k < n; k++)
		problem->excess[k] += problem->excess[k - 1];
	for (size_t k = 0; k < n; k++)
		problem->excess[k] -= capacity(problem, f);
}

/* Of those that run at arrival k enough must be refused. Returns 0, or -1 without memory. */
static int add_row(struct problem *problem, unsigned f, size_t k)
{
	double sum = 0;
	size_t n = 0;

	for (size_t i = 0; i <= k; i++) {
		if (problem->last[i] < k || !needs(problem, f, i))
			continue;
		problem->row[n++] = (struct simplex_entry){(uint32_t)i, needs(problem, f, i)};
		sum += needs(problem, f, i);
	}
	return simplex_add_row(&problem->simplex, problem->row, n, sum - capacity(problem, f),
			       INFINITY);
}

static size_t worst_arrival(const struct problem *problem)
{
	size_t worst = 0;

	for (size_t k = 1; k < problem->trace->n; k++)
		if (problem->excess[k] > problem->excess[worst])
			worst = k;
	return worst;
}

/* The rows broken most, not next to each other. Returns how many; -1 without memory. */
static int add_broken_rows(struct problem *problem, unsigned f)
{
	size_t n = problem->trace->n, apart = n / (2 * ROWS_PER_FACET) + 1;
	int added = 0;

	find_excess(problem, f);
	for (; added < ROWS_PER_FACET; added++) {
		size_t k = worst_arrival(problem);

		if (problem->excess[k] <= EPS * capacity(problem, f))
			break;
		if (add_row(problem, f, k))
			return -1;
		for (size_t i = k > apart ? k - apart : 0; i < n && i <= k + apart; i++)
			problem->excess[i] = 0;
	}
	return added;
}

/* Rows are added until none is broken. Returns 0, or -1 without memory. */
static int solve(struct problem *problem)
{
	int added;

	do {
		enum simplex_end end;

		added = 0;
		for (unsigned f = 0; f < problem->n_facets; f++) {
			int n = add_broken_rows(problem, f);

			if (n < 0)
				return -1;
			added += n;
		}
		end = simplex_solve(&problem->simplex, PIVOTS_MAX);
		if (end != SIMPLEX_SOLVED)
			return end == SIMPLEX_NOMEM ? -1 : 0;
	} while (added);
	return 0;
}

static int run(struct problem *problem, bool by_slots, struct ceiling *ret)
{
	size_t n = problem->trace->n;
	cleanup(free) double *weights = calloc(n + 1, sizeof(*weights));
	cleanup(free) double *most = calloc(n + 1, sizeof(*most));
	double total = 0;

	if (!weights || !most)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct request *request = &problem->trace->requests[i];

		most[i] = 1;
		weights[i] =
			by_slots ? problem->board->profiles[request->profile].memory_slices : 1;
		total += weights[i];
	}
	if (simplex_init(&problem->simplex, n, weights, most) || solve(problem))
		return -1;
	*ret = (struct ceiling){.accepted = total - simplex_cost(&problem->simplex),
				.rows = problem->simplex.m,
				.pivots = problem->simplex.n_pivots_all};
	return 0;
}

static int check(const struct problem *problem, struct err *err)
{
	const struct trace *trace = problem->trace;

	if (trace->n > CEILING_MAX_REQUESTS)
		return fail(err, ERR_TOO_LARGE, "the bound is for at most %d requests, not %zu",
			    CEILING_MAX_REQUESTS, trace->n);
	for (size_t i = 0; i < trace->n; i++)
		if (!size_covers(problem->board,
				 &problem->board->profiles[trace->requests[i].profile]))
			return fail(err, ERR_UNSUPPORTED, "%s: no formula holds for %s",
				    problem->board->id,
				    problem->board->profiles[trace->requests[i].profile].name);
	return 0;
}

int ceiling_find(const struct board *board, const struct trace *trace, uint32_t n_gpus,
		 bool by_slots, struct ceiling *ret, struct err *err)
{
	cleanup(free) uint32_t *last = calloc(trace->n + 1, sizeof(*last));
	cleanup(free) double *excess = calloc(trace->n + 1, sizeof(*excess));
	cleanup(free) struct simplex_entry *row = calloc(trace->n + 1, sizeof(*row));
	struct problem problem = {.board = board,
				  .trace = trace,
				  .n_gpus = n_gpus,
				  .last = last,
				  .excess = excess,
				  .row = row};
	int r;

	problem.n_facets = size_facets(board, problem.facets);
	r = check(&problem, err);
	if (r)
		return r;
	if (last && excess && row)
		find_last(&problem);
	r = last && excess && row ? run(&problem, by_slots, ret) : -1;
	simplex_done(&problem.simplex);
	return r ? fail(err, ERR_NOMEM, "no memory for the bound") : 0;
}
