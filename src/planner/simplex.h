/*
 * simplex.h - linear programs by the dual simplex method
 *
 *	minimise  sum cost_j x_j
 *	subject to  low_i <= sum a_ij x_j <= high_i,  low_j <= x_j <= high_j
 *
 * where every cost is 0 or more and every x begins at a low bound of 0. Then
 * the start is dual feasible and stays so when a row is added or a bound
 * changes, so that programs are solved again from where they stood: after a
 * branch (ilp.h), or with rows that are added only when something breaks them.
 *
 * One dense table of doubles: for a few hundred rows and a few thousand columns.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct simplex_entry {
	uint32_t column;
	double value;
};

/*
 * Columns are variables 0..n-1; variable n + i is the activity of row i, its
 * sum. The table gives each basic variable as a sum of the others: b = T x.
 */
struct simplex {
	size_t n, m;
	double *low, *high, *value; /* by variable */

	/* private */
	size_t cap_rows, n_entries, cap_entries;
	struct simplex_entry *entries; /* of all rows, one after the other */
	size_t *row_ends;	       /* where in entries a row ends */
	double *costs;
	double *scale;	 /* of each row: its largest entry is 1 in the table */
	double *table;	 /* m x n */
	double *reduced; /* of each of the others: what a unit more of it costs */
	unsigned *basic; /* the variable of each line of the table */
	unsigned *other; /* the variable of each column of the table */
	size_t *where;	 /* by variable: its line, or SIMPLEX_OTHER + its column */
	size_t n_pivots; /* since the table was made */
	uint64_t n_pivots_all;
};

#define SIMPLEX_OTHER ((size_t)1 << 32)

/* Costs and most are copied. Returns 0, or -1 when memory ran out. */
int simplex_init(struct simplex *simplex, size_t n, const double *costs, const double *most);
void simplex_done(struct simplex *simplex);

/* One more row; each column at most once. Returns 0, or -1 when memory ran out. */
int simplex_add_row(struct simplex *simplex, const struct simplex_entry *entries, size_t n,
		    double low, double high);

/* New bounds of a column. */
void simplex_bound(struct simplex *simplex, size_t column, double low, double high);

enum simplex_end { SIMPLEX_SOLVED, SIMPLEX_NONE, SIMPLEX_GIVEN_UP, SIMPLEX_NOMEM };

/* From where it stands to the optimum, with at most so many pivots since the beginning. */
enum simplex_end simplex_solve(struct simplex *simplex, uint64_t max_pivots);

/* Make the table again from the rows, with the same basis: rounding starts anew. */
int simplex_rebuild(struct simplex *simplex);

double simplex_cost(const struct simplex *simplex);
