#include <math.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "planner/serve-part.h"
#include "planner/simplex.h"

#define PIVOTS_MAX 20000

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

int serve_round(const struct problem *problem, struct serve_answer *ret)
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
