#include "planner/ilp.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"

#define EPS_BOUND  1e-7	  /* how far outside its bounds a value may be */
#define EPS_PIVOT  1e-9	  /* what is no pivot */
#define EPS_WHOLE  1e-6	  /* how far from whole is whole */
#define REBUILD_AT 3000	  /* pivots after which the table is made again */
#define PIVOTS_MAX 200000 /* of one solution: then it is given up, so that it ends */

struct entry {
	unsigned row, column;
	int64_t value;
};

struct range {
	int64_t low, high;
};

/*
 * Columns are variables 0..n-1; variable n + i is the activity of row i, the
 * sum. The table gives each basic variable as a sum of the others: b = T x.
 */
struct ilp {
	bool failed; /* memory ran out while it was described */
	size_t n, cap_columns, m, cap_rows, n_entries, cap_entries;
	int64_t *costs;
	struct range *columns, *rows;
	struct entry *entries;

	double *table;		       /* m x n */
	double *reduced;	       /* of each of the others: what a unit more of it costs */
	double *scale;		       /* of each row: its largest entry is 1 in the table */
	double *low, *high;	       /* by variable */
	double *value;		       /* by variable */
	unsigned *basic;	       /* the variable of each line of the table */
	unsigned *other;	       /* the variable of each column of the table */
	size_t *where;		       /* its line (m of them) or m + its column, by variable */
	size_t n_pivots, n_pivots_all; /* since the table was made, and ever */

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
	free(ilp->table);
	free(ilp->reduced);
	free(ilp->scale);
	free(ilp->low);
	free(ilp->high);
	free(ilp->value);
	free(ilp->basic);
	free(ilp->other);
	free(ilp->where);
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

/* ---- the table ---- */

static double *line(const struct ilp *ilp, size_t i)
{
	return ilp->table + i * ilp->n;
}

/* The basic variable of line r and the other of column q change places. */
static void pivot(struct ilp *ilp, size_t r, size_t q)
{
	double *pivot_line = line(ilp, r), inverse = 1 / pivot_line[q], share;
	unsigned leaves;

	for (size_t j = 0; j < ilp->n; j++)
		pivot_line[j] *= -inverse;
	pivot_line[q] = inverse;
	for (size_t i = 0; i < ilp->m; i++) {
		double *other_line = line(ilp, i);

		share = other_line[q];
		if (i == r || share == 0)
			continue;
		other_line[q] = 0;
		for (size_t j = 0; j < ilp->n; j++)
			other_line[j] += share * pivot_line[j];
	}
	share = ilp->reduced[q];
	ilp->reduced[q] = 0;
	for (size_t j = 0; j < ilp->n && share != 0; j++)
		ilp->reduced[j] += share * pivot_line[j];
	leaves = ilp->basic[r];
	ilp->where[leaves] = ilp->m + q;
	ilp->where[ilp->other[q]] = r;
	ilp->basic[r] = ilp->other[q];
	ilp->other[q] = leaves;
	ilp->n_pivots++;
	ilp->n_pivots_all++;
}

static void compute_basic(struct ilp *ilp)
{
	for (size_t i = 0; i < ilp->m; i++) {
		const double *coefficients = line(ilp, i);
		double sum = 0;

		for (size_t j = 0; j < ilp->n; j++)
			sum += coefficients[j] * ilp->value[ilp->other[j]];
		ilp->value[ilp->basic[i]] = sum;
	}
}

/* As described: the activities are basic. */
static void start_table(struct ilp *ilp)
{
	for (size_t i = 0; i < ilp->m * ilp->n; i++)
		ilp->table[i] = 0;
	for (size_t e = 0; e < ilp->n_entries; e++)
		line(ilp, ilp->entries[e].row)[ilp->entries[e].column] =
			(double)ilp->entries[e].value / ilp->scale[ilp->entries[e].row];
	for (size_t j = 0; j < ilp->n; j++) {
		ilp->reduced[j] = (double)ilp->costs[j];
		ilp->other[j] = (unsigned)j;
		ilp->where[j] = ilp->m + j;
	}
	for (size_t i = 0; i < ilp->m; i++) {
		ilp->basic[i] = (unsigned)(ilp->n + i);
		ilp->where[ilp->n + i] = i;
	}
	ilp->n_pivots = 0;
}

/* Bring a column into the basis, for an activity that is to leave it. */
static void enter_again(struct ilp *ilp, size_t column, const bool *is_basic)
{
	size_t best = ilp->m, q = ilp->where[column] - ilp->m;

	for (size_t i = 0; i < ilp->m; i++)
		if (ilp->basic[i] >= ilp->n && !is_basic[ilp->basic[i]] &&
		    (best == ilp->m || fabs(line(ilp, i)[q]) > fabs(line(ilp, best)[q])))
			best = i;
	if (best < ilp->m && fabs(line(ilp, best)[q]) > EPS_PIVOT)
		pivot(ilp, best, q);
}

/* Should rounding have let it enter no more: what is not basic lies on a bound. */
static void put_on_bound(struct ilp *ilp, unsigned variable)
{
	double low = ilp->low[variable], high = ilp->high[variable];

	if (ilp->value[variable] != low && ilp->value[variable] != high)
		ilp->value[variable] = isfinite(low) ? low : high;
}

/* Make the table again from the description, with the same basis: rounding starts anew. */
static int rebuild(struct ilp *ilp)
{
	cleanup(free) bool *is_basic = calloc(ilp->n + ilp->m + 1, sizeof(*is_basic));

	if (!is_basic)
		return -1;
	for (size_t v = 0; v < ilp->n + ilp->m; v++)
		is_basic[v] = ilp->where[v] < ilp->m;
	start_table(ilp);
	for (size_t j = 0; j < ilp->n; j++)
		if (is_basic[j])
			enter_again(ilp, j, is_basic);
	ilp->n_pivots = 0;
	for (size_t q = 0; q < ilp->n; q++)
		put_on_bound(ilp, ilp->other[q]);
	compute_basic(ilp);
	return 0;
}

static void move_other(struct ilp *ilp, size_t q, double value)
{
	double by = value - ilp->value[ilp->other[q]];

	if (by == 0)
		return;
	ilp->value[ilp->other[q]] = value;
	for (size_t i = 0; i < ilp->m; i++)
		ilp->value[ilp->basic[i]] += by * line(ilp, i)[q];
}

/* New bounds; one that is not basic lies on the bound where it costs least. */
static void set_bounds(struct ilp *ilp, size_t variable, double low, double high)
{
	size_t q = ilp->where[variable] - ilp->m;

	ilp->low[variable] = low;
	ilp->high[variable] = high;
	if (ilp->where[variable] >= ilp->m)
		move_other(ilp, q, ilp->reduced[q] < 0 ? high : low);
}

/* ---- the relaxation ---- */

/* The line farthest outside its bounds; m when all are inside. */
static size_t worst_line(const struct ilp *ilp)
{
	size_t worst = ilp->m;
	double most = 0;

	for (size_t i = 0; i < ilp->m; i++) {
		unsigned v = ilp->basic[i];
		double off = fmax(ilp->low[v] - ilp->value[v], ilp->value[v] - ilp->high[v]);

		/* Large values are known less exactly. */
		if (off > most && off > EPS_BOUND + 1e-12 * fabs(ilp->value[v])) {
			most = off;
			worst = i;
		}
	}
	return worst;
}

/*
 * The column that may change so that line r goes up (or down) at the least
 * cost a unit, the largest coefficient when they tie; n when there is none.
 */
static size_t entering(const struct ilp *ilp, size_t r, bool up)
{
	const double *coefficients = line(ilp, r);
	double least = INFINITY;
	size_t best = ilp->n;

	for (size_t j = 0; j < ilp->n; j++) {
		unsigned v = ilp->other[j];
		double a = up ? coefficients[j] : -coefficients[j], ratio;
		bool at_low = ilp->value[v] == ilp->low[v];

		if (fabs(a) < EPS_PIVOT || ilp->low[v] == ilp->high[v] || at_low != (a > 0))
			continue;
		ratio = fabs(ilp->reduced[j] / a);
		if (ratio < least - 1e-11 || (ratio < least + 1e-11 && best < ilp->n &&
					      fabs(a) > fabs(coefficients[best]))) {
			least = fmin(ratio, least);
			best = j;
		}
	}
	return best;
}

/* The line goes to the bound it is outside of. Returns -1 when nothing lets it. */
static int mend_line(struct ilp *ilp, size_t r)
{
	unsigned leaves = ilp->basic[r];
	bool up = ilp->value[leaves] < ilp->low[leaves];
	double to = up ? ilp->low[leaves] : ilp->high[leaves];
	size_t q = entering(ilp, r, up);

	if (q == ilp->n)
		return -1;
	move_other(ilp, q, ilp->value[ilp->other[q]] + (to - ilp->value[leaves]) / line(ilp, r)[q]);
	ilp->value[leaves] = to;
	pivot(ilp, r, q);
	return 0;
}

/* 1 solved, 0 there is no solution or it was given up, -1 no memory. */
static int relax(struct ilp *ilp)
{
	size_t r;

	while ((r = worst_line(ilp)) < ilp->m) {
		if (ilp->n_pivots_all >= PIVOTS_MAX) {
			ilp->result.proven = false;
			return 0;
		}
		if (mend_line(ilp, r))
			return 0;
		if (ilp->n_pivots >= REBUILD_AT && rebuild(ilp))
			return -1;
	}
	return 1;
}

static double relaxed_cost(const struct ilp *ilp)
{
	double cost = 0;

	for (size_t j = 0; j < ilp->n; j++)
		cost += (double)ilp->costs[j] * ilp->value[j];
	return cost;
}

/* ---- the search ---- */

/* The column farthest from a whole number; n when all are whole. */
static size_t most_broken(const struct ilp *ilp)
{
	double most = EPS_WHOLE;
	size_t best = ilp->n;

	for (size_t j = 0; j < ilp->n; j++) {
		double off = fabs(ilp->value[j] - round(ilp->value[j]));

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
		values[j] = llround(ilp->value[j]);
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
	double was_low = ilp->low[column], was_high = ilp->high[column];
	int r;

	if (low > high)
		return 0;
	set_bounds(ilp, column, low, high);
	r = search(ilp);
	set_bounds(ilp, column, was_low, was_high);
	return r;
}

static int branch(struct ilp *ilp, size_t column)
{
	double low = ilp->low[column], high = ilp->high[column], value = ilp->value[column];
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
		ilp->result.relaxed = relaxed_cost(ilp);
	if (r <= 0 || is_hopeless(ilp, relaxed_cost(ilp)))
		return r < 0 ? -1 : 0;
	column = most_broken(ilp);
	if (column < ilp->n)
		return branch(ilp, column);
	r = accept(ilp);
	if (r)
		return r < 0 ? -1 : 0;
	/* Rounding has gathered: once more from a fresh table, or leave it unproven. */
	if (rebuild(ilp) || relax(ilp) < 0)
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

static int make_room(struct ilp *ilp)
{
	size_t n = ilp->n + ilp->m + 1;

	ilp->table = calloc(ilp->m * ilp->n + 1, sizeof(*ilp->table));
	ilp->reduced = calloc(ilp->n + 1, sizeof(*ilp->reduced));
	ilp->scale = calloc(ilp->m + 1, sizeof(*ilp->scale));
	ilp->low = calloc(n, sizeof(*ilp->low));
	ilp->high = calloc(n, sizeof(*ilp->high));
	ilp->value = calloc(n, sizeof(*ilp->value));
	ilp->basic = calloc(ilp->m + 1, sizeof(*ilp->basic));
	ilp->other = calloc(ilp->n + 1, sizeof(*ilp->other));
	ilp->where = calloc(n, sizeof(*ilp->where));
	return ilp->table && ilp->reduced && ilp->scale && ilp->low && ilp->high && ilp->value &&
			       ilp->basic && ilp->other && ilp->where
		       ? 0
		       : -1;
}

static void find_scales(struct ilp *ilp)
{
	for (size_t i = 0; i < ilp->m; i++)
		ilp->scale[i] = 1;
	for (size_t e = 0; e < ilp->n_entries; e++)
		ilp->scale[ilp->entries[e].row] =
			fmax(ilp->scale[ilp->entries[e].row], fabs((double)ilp->entries[e].value));
}

static void start_bounds(struct ilp *ilp)
{
	for (size_t v = 0; v < ilp->n + ilp->m; v++) {
		const struct range *range = v < ilp->n ? &ilp->columns[v] : &ilp->rows[v - ilp->n];
		double scale = v < ilp->n ? 1 : ilp->scale[v - ilp->n];

		ilp->low[v] = range->low == -ILP_INFINITE ? -INFINITY : (double)range->low / scale;
		ilp->high[v] = range->high == ILP_INFINITE ? INFINITY : (double)range->high / scale;
	}
}

int ilp_solve(struct ilp *ilp, uint64_t max_nodes, struct ilp_result *ret, struct err *err)
{
	if (ilp->failed || make_room(ilp))
		return fail(err, ERR_NOMEM, "no memory for a program of %zu x %zu", ilp->m, ilp->n);
	find_scales(ilp);
	start_bounds(ilp);
	start_table(ilp);
	ilp->max_nodes = max_nodes;
	ilp->result.proven = true;
	if (search(ilp))
		return fail(err, ERR_NOMEM, "no memory for a program of %zu x %zu", ilp->m, ilp->n);
	if (ilp->result.proven)
		ilp->result.bound = ilp->result.found ? ilp->result.cost : ILP_INFINITE;
	else
		ilp->result.bound = (int64_t)ceil(ilp->result.relaxed - EPS_WHOLE);
	*ret = ilp->result;
	return 0;
}
