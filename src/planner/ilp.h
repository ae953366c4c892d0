/*
 * ilp.h - small integer programs, solved exactly
 *
 *	minimise  sum cost_j x_j
 *	subject to  low_i <= sum a_ij x_j <= high_i,  0 <= x_j <= most_j,  x integer
 *
 * where every cost is a whole number, 0 or more. The relaxation is solved by
 * the dual simplex method (simplex.h), and after each branch from where it stood:
 * a bound changes, the basis stays. The search goes down the side the relaxation
 * leans to.
 *
 * It is meant for a few hundred rows and a few thousand columns. A solution is checked in whole numbers
 * before it is believed; that none is cheaper is as certain as doubles are.
 * Bounds and coefficients are below 2^31.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ILP_INFINITE INT64_MAX

struct ilp;

struct ilp_result {
	bool found;	/* some solution, in values */
	bool proven;	/* nothing is cheaper; without found: there is no solution */
	int64_t cost;	/* when found */
	int64_t bound;	/* no solution costs less; INT64_MAX when there is none */
	double relaxed; /* cost of the relaxation; 0 when that was not solved */
	uint64_t nodes;
	int64_t *values; /* one a column; belongs to the ilp */
};

/* NULL when memory runs out. */
struct ilp *ilp_new(void);
void ilp_free(struct ilp *ilp);

static inline void cleanup_ilp_free(struct ilp **ilp)
{
	ilp_free(*ilp);
}

/* A row, or column; returns its index. Running out of memory is sticky, told by ilp_solve(). */
unsigned ilp_row(struct ilp *ilp, int64_t low, int64_t high);
unsigned ilp_column(struct ilp *ilp, int64_t cost, int64_t most);

/* Set a_ij; once for each (row, column). */
void ilp_entry(struct ilp *ilp, unsigned row, unsigned column, int64_t value);

/*
 * Solve it, giving up proving after max_nodes nodes. May be called once.
 *   err  NOMEM
 */
int ilp_solve(struct ilp *ilp, uint64_t max_nodes, struct ilp_result *ret, struct err *err);
