#include "planner/ilp.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "planner/simplex.h"

#define EPS_WHOLE  1e-6	  /* how far from whole is whole */
#define PIVOTS_MAX 200000 /* of one solution: then it is given up, so that it ends */

struct entry {
	unsigned row, column;
	int64_t value;
};

struct range {
	int64_t low, high;
};

struct ilp {
	bool failed; /* memory ran out while it was described */
	size_t n, cap_columns, m, cap_rows, n_entries, cap_entries;
	int64_t *costs;
	struct range *columns, *rows;
	struct entry *entries;

	struct simplex simplex;
	uint64_t max_nodes;
	struct ilp_result result;
};

/* ---- description ---- */

struct ilp *ilp_new(void)
{
	return calloc(1, sizeof(struct ilp));
}

void ilp_free(struct ilp *ilp)
{
	if (!ilp)
		return;
	free(ilp->costs);
	free(ilp->columns);
	free(ilp->rows);
	free(ilp->entries);
	simplex_done(&ilp->simplex);
	free(ilp->result.values);
	free(ilp);
}

unsigned ilp_row(struct ilp *ilp, int64_t low, int64_t high)
{
	if (array_reserve(&ilp->rows, &ilp->cap_rows, ilp->m, sizeof(*ilp->rows))) {
		ilp->failed = true;
		return 0;
	}
	ilp->rows[ilp->m] = (struct range){low, high};
	return (unsigned)ilp->m++;
}

unsigned ilp_column(struct ilp *ilp, int64_t cost, int64_t most)
{
	size_t cap = ilp->cap_columns;

	assert(cost >= 0 && most >= 0);
	if (array_reserve(&ilp->columns, &cap, ilp->n, sizeof(*ilp->columns)) ||
	    array_reserve(&ilp->costs, &ilp->cap_columns, ilp->n, sizeof(*ilp->costs))) {
		ilp->failed = true;
		return 0;
	}
	ilp->columns[ilp->n] = (struct range){0, most};
	ilp->costs[ilp->n] = cost;
	return (unsigned)ilp->n++;
}

void ilp_entry(struct ilp *ilp, unsigned row, unsigned column, int64_t value)
{
	if (!value)
		return;
	if (array_reserve(&ilp->entries, &ilp->cap_entries, ilp->n_entries,
			  sizeof(*ilp->entries))) {
		ilp->failed = true;
		return;
	}
	ilp->entries[ilp->n_entries++] = (struct entry){row, column, value};
}

/* ---- the search ---- */

/* 1 solved, 0 there is no solution or it was given up, -1 no memory. */
static int relax(struct ilp *ilp)
{
	switch (simplex_solve(&ilp->simplex, PIVOTS_MAX)) {
	case SIMPLEX_SOLVED:
		return 1;
	case SIMPLEX_NOMEM:
		return -1;
	case SIMPLEX_GIVEN_UP:
		ilp->result.proven = false;
		return 0;
	case SIMPLEX_NONE:
		break;
	}
	return 0;
}

/* The column farthest from a whole number; n when all are whole. */
static size_t most_broken(const struct ilp *ilp)
{
	double most = EPS_WHOLE;
	size_t best = ilp->n;

	for (size_t j = 0; j < ilp->n; j++) {
		double off = fabs(ilp->simplex.value[j] - round(ilp->simplex.value[j]));

		if (off > most) {
			most = off;
			best = j;
		}
	}
	return best;
}

/* Rounded, do the values keep every row? In whole numbers. */
static bool keeps_rows(const struct ilp *ilp, const int64_t *values, int64_t *sums)
{
	for (size_t i = 0; i < ilp->m; i++)
		sums[i] = 0;
	for (size_t e = 0; e < ilp->n_entries; e++) {
		const struct entry *entry = &ilp->entries[e];

		sums[entry->row] += entry->value * values[entry->column];
	}
	for (size_t i = 0; i < ilp->m; i++)
		if (sums[i] < ilp->rows[i].low ||
		    (ilp->rows[i].high != ILP_INFINITE && sums[i] > ilp->rows[i].high))
			return false;
	return true;
}

/* 1 when the values are a solution, now the best; 0 when rounding spoiled them; -1 no memory. */
static int accept(struct ilp *ilp)
{
	cleanup(free) int64_t *values = calloc(ilp->n + 1, sizeof(*values));
	cleanup(free) int64_t *sums = calloc(ilp->m + 1, sizeof(*sums));
	int64_t cost = 0;

	if (!values || !sums)
		return -1;
	for (size_t j = 0; j < ilp->n; j++) {
		values[j] = llround(ilp->simplex.value[j]);
		cost += ilp->costs[j] * values[j];
	}
	if (!keeps_rows(ilp, values, sums))
		return 0;
	if (ilp->result.found && cost >= ilp->result.cost)
		return 1;
	free(ilp->result.values);
	ilp->result.values = steal(values);
	ilp->result.found = true;
	ilp->result.cost = cost;
	return 1;
}

static int search(struct ilp *ilp);

static int search_between(struct ilp *ilp, size_t column, double low, double high)
{
	double was_low = ilp->simplex.low[column], was_high = ilp->simplex.high[column];
	int r;

	if (low > high)
		return 0;
	simplex_bound(&ilp->simplex, column, low, high);
	r = search(ilp);
	simplex_bound(&ilp->simplex, column, was_low, was_high);
	return r;
}

static int branch(struct ilp *ilp, size_t column)
{
	double low = ilp->simplex.low[column], high = ilp->simplex.high[column],
	       value = ilp->simplex.value[column];
	double below = floor(value);
	bool down = value - below < 0.5;
	int r;

	r = down ? search_between(ilp, column, low, below)
		 : search_between(ilp, column, below + 1, high);
	if (r)
		return r;
	return down ? search_between(ilp, column, below + 1, high)
		    : search_between(ilp, column, low, below);
}

/* Nothing below this node is cheaper than what is found. */
static bool is_hopeless(const struct ilp *ilp, double relaxed)
{
	return ilp->result.found && ceil(relaxed - EPS_WHOLE) >= (double)ilp->result.cost;
}

/* 0, or -1 without memory. */
static int search(struct ilp *ilp)
{
	size_t column;
	int r;

	if (ilp->result.nodes >= ilp->max_nodes) {
		ilp->result.proven = false;
		return 0;
	}
	r = relax(ilp);
	if (!ilp->result.nodes++ && r > 0)
		ilp->result.relaxed = simplex_cost(&ilp->simplex);
	if (r <= 0 || is_hopeless(ilp, simplex_cost(&ilp->simplex)))
		return r < 0 ? -1 : 0;
	column = most_broken(ilp);
	if (column < ilp->n)
		return branch(ilp, column);
	r = accept(ilp);
	if (r)
		return r < 0 ? -1 : 0;
	/* Rounding has gathered: once more from a fresh table, or leave it unproven. */
	if (simplex_rebuild(&ilp->simplex) || relax(ilp) < 0)
		return -1;
	column = most_broken(ilp);
	if (column < ilp->n)
		return branch(ilp, column);
	r = accept(ilp);
	if (!r)
		ilp->result.proven = false;
	return r < 0 ? -1 : 0;
}

/* ---- solving ---- */

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->row < y->row ? -1 : x->row > y->row;
}

static double bound(int64_t value)
{
	return value == ILP_INFINITE ? INFINITY : (double)value;
}

static int add_rows(struct ilp *ilp, struct simplex_entry *room)
{
	size_t e = 0;

	if (ilp->n_entries)
		qsort(ilp->entries, ilp->n_entries, sizeof(*ilp->entries), compare_entries);
	for (size_t i = 0; i < ilp->m; i++) {
		size_t n = 0;

		for (; e < ilp->n_entries && ilp->entries[e].row == i; e++)
			room[n++] = (struct simplex_entry){ilp->entries[e].column,
							   (double)ilp->entries[e].value};
		if (simplex_add_row(&ilp->simplex, room, n, bound(ilp->rows[i].low),
				    bound(ilp->rows[i].high)))
			return -1;
	}
	return 0;
}

static int start(struct ilp *ilp)
{
	cleanup(free) double *costs = calloc(ilp->n + 1, sizeof(*costs));
	cleanup(free) double *most = calloc(ilp->n + 1, sizeof(*most));
	cleanup(free) struct simplex_entry *room = calloc(ilp->n + 1, sizeof(*room));

	if (ilp->failed || !costs || !most || !room)
		return -1;
	for (size_t j = 0; j < ilp->n; j++) {
		costs[j] = (double)ilp->costs[j];
		most[j] = (double)ilp->columns[j].high;
	}
	return simplex_init(&ilp->simplex, ilp->n, costs, most) || add_rows(ilp, room) ? -1 : 0;
}

int ilp_solve(struct ilp *ilp, uint64_t max_nodes, struct ilp_result *ret, struct err *err)
{
	ilp->max_nodes = max_nodes;
	ilp->result.proven = true;
	if (start(ilp) || search(ilp))
		return fail(err, ERR_NOMEM, "no memory for a program of %zu x %zu", ilp->m, ilp->n);
	if (ilp->result.proven)
		ilp->result.bound = ilp->result.found ? ilp->result.cost : ILP_INFINITE;
	else
		ilp->result.bound = (int64_t)ceil(ilp->result.relaxed - EPS_WHOLE);
	*ret = ilp->result;
	return 0;
}
