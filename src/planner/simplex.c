#include "planner/simplex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

#define EPS_BOUND  1e-7	 /* how far outside its bounds a value may be */
#define EPS_PIVOT  1e-9	 /* what is no pivot */
#define EPS_TIE	   1e-11 /* ratios that are equal */
#define REBUILD_AT 3000	 /* pivots after which the table is made again */

/* ---- room ---- */

void simplex_done(struct simplex *simplex)
{
	free(simplex->low);
	free(simplex->high);
	free(simplex->value);
	free(simplex->entries);
	free(simplex->row_ends);
	free(simplex->costs);
	free(simplex->scale);
	free(simplex->table);
	free(simplex->reduced);
	free(simplex->basic);
	free(simplex->other);
	free(simplex->where);
	*simplex = (struct simplex){.n = 0};
}

/* An array grown to n items; items is the address of a typed pointer. */
static int grow(void *items, size_t n, size_t item_size)
{
	void *now, *more;

	memcpy(&now, items, sizeof(now));
	more = reallocarray(now, n, item_size);
	if (!more)
		return -1;
	memcpy(items, &more, sizeof(more));
	return 0;
}

static int grow_rows(struct simplex *simplex, size_t rows)
{
	size_t variables = simplex->n + rows;

	if (grow(&simplex->low, variables, sizeof(*simplex->low)) ||
	    grow(&simplex->high, variables, sizeof(*simplex->high)) ||
	    grow(&simplex->value, variables, sizeof(*simplex->value)) ||
	    grow(&simplex->where, variables, sizeof(*simplex->where)) ||
	    grow(&simplex->basic, rows, sizeof(*simplex->basic)) ||
	    grow(&simplex->scale, rows, sizeof(*simplex->scale)) ||
	    grow(&simplex->row_ends, rows, sizeof(*simplex->row_ends)) ||
	    grow(&simplex->table, rows, (simplex->n + 1) * sizeof(*simplex->table)))
		return -1;
	simplex->cap_rows = rows;
	return 0;
}

int simplex_init(struct simplex *simplex, size_t n, const double *costs, const double *most)
{
	*simplex = (struct simplex){.n = n};
	if (grow(&simplex->costs, n + 1, sizeof(*costs)) ||
	    grow(&simplex->reduced, n + 1, sizeof(*simplex->reduced)) ||
	    grow(&simplex->other, n + 1, sizeof(*simplex->other)) || grow_rows(simplex, 8)) {
		simplex_done(simplex);
		return -1;
	}
	for (size_t j = 0; j < n; j++) {
		simplex->costs[j] = simplex->reduced[j] = costs[j];
		simplex->low[j] = simplex->value[j] = 0;
		simplex->high[j] = most[j];
		simplex->other[j] = (unsigned)j;
		simplex->where[j] = SIMPLEX_OTHER + j;
	}
	return 0;
}

/* ---- the table ---- */

static double *line(const struct simplex *simplex, size_t i)
{
	return simplex->table + i * simplex->n;
}

static bool is_basic(const struct simplex *simplex, size_t variable)
{
	return simplex->where[variable] < SIMPLEX_OTHER;
}

/* The basic variable of line r and the other of column q change places. */
static void pivot(struct simplex *simplex, size_t r, size_t q)
{
	double *pivot_line = line(simplex, r), inverse = 1 / pivot_line[q], share;
	unsigned leaves = simplex->basic[r];

	for (size_t j = 0; j < simplex->n; j++)
		pivot_line[j] *= -inverse;
	pivot_line[q] = inverse;
	for (size_t i = 0; i < simplex->m; i++) {
		double *other_line = line(simplex, i);

		share = other_line[q];
		if (i == r || share == 0)
			continue;
		other_line[q] = 0;
		for (size_t j = 0; j < simplex->n; j++)
			other_line[j] += share * pivot_line[j];
	}
	share = simplex->reduced[q];
	simplex->reduced[q] = 0;
	for (size_t j = 0; j < simplex->n && share != 0; j++)
		simplex->reduced[j] += share * pivot_line[j];
	simplex->where[leaves] = SIMPLEX_OTHER + q;
	simplex->where[simplex->other[q]] = r;
	simplex->basic[r] = simplex->other[q];
	simplex->other[q] = leaves;
	simplex->n_pivots++;
	simplex->n_pivots_all++;
}

static void compute_basic(struct simplex *simplex, size_t i)
{
	const double *coefficients = line(simplex, i);
	double sum = 0;

	for (size_t j = 0; j < simplex->n; j++)
		sum += coefficients[j] * simplex->value[simplex->other[j]];
	simplex->value[simplex->basic[i]] = sum;
}

/* A row as a line of the table: columns that are basic are sums themselves. */
static void write_line(struct simplex *simplex, size_t row)
{
	double *target = line(simplex, row);

	for (size_t j = 0; j < simplex->n; j++)
		target[j] = 0;
	for (size_t e = row ? simplex->row_ends[row - 1] : 0; e < simplex->row_ends[row]; e++) {
		const struct simplex_entry *entry = &simplex->entries[e];
		double value = entry->value / simplex->scale[row];
		size_t at = simplex->where[entry->column];

		if (at >= SIMPLEX_OTHER) {
			target[at - SIMPLEX_OTHER] += value;
			continue;
		}
		for (size_t j = 0; j < simplex->n; j++)
			target[j] += value * line(simplex, at)[j];
	}
}

int simplex_add_row(struct simplex *simplex, const struct simplex_entry *entries, size_t n,
		    double low, double high)
{
	size_t row = simplex->m, variable = simplex->n + row;
	double scale = 0;

	if (row == simplex->cap_rows && grow_rows(simplex, 2 * row))
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (array_reserve(&simplex->entries, &simplex->cap_entries, simplex->n_entries,
				  sizeof(*entries)))
			return -1;
		simplex->entries[simplex->n_entries++] = entries[i];
		scale = fmax(scale, fabs(entries[i].value));
	}
	scale = scale > 0 ? scale : 1;
	simplex->row_ends[row] = simplex->n_entries;
	simplex->scale[row] = scale;
	simplex->low[variable] = low / scale;
	simplex->high[variable] = high / scale;
	simplex->where[variable] = row;
	simplex->basic[row] = (unsigned)variable;
	write_line(simplex, row);
	simplex->m++;
	compute_basic(simplex, row);
	return 0;
}

/* ---- anew ---- */

/* As described: the activities are basic. */
static void start_again(struct simplex *simplex)
{
	for (size_t j = 0; j < simplex->n; j++) {
		simplex->reduced[j] = simplex->costs[j];
		simplex->other[j] = (unsigned)j;
		simplex->where[j] = SIMPLEX_OTHER + j;
	}
	for (size_t i = 0; i < simplex->m; i++) {
		simplex->basic[i] = (unsigned)(simplex->n + i);
		simplex->where[simplex->n + i] = i;
		write_line(simplex, i);
	}
}

/* Bring a column into the basis, for an activity that is to leave it. */
static void enter_again(struct simplex *simplex, size_t column, const bool *stays)
{
	size_t best = simplex->m, q = simplex->where[column] - SIMPLEX_OTHER;

	for (size_t i = 0; i < simplex->m; i++)
		if (simplex->basic[i] >= simplex->n && !stays[simplex->basic[i]] &&
		    (best == simplex->m ||
		     fabs(line(simplex, i)[q]) > fabs(line(simplex, best)[q])))
			best = i;
	if (best < simplex->m && fabs(line(simplex, best)[q]) > EPS_PIVOT)
		pivot(simplex, best, q);
}

/* Should rounding have let it enter no more: what is not basic lies on a bound. */
static void put_on_bound(struct simplex *simplex, unsigned variable)
{
	double low = simplex->low[variable], high = simplex->high[variable];

	if (simplex->value[variable] != low && simplex->value[variable] != high)
		simplex->value[variable] = isfinite(low) ? low : high;
}

int simplex_rebuild(struct simplex *simplex)
{
	cleanup(free) bool *stays = calloc(simplex->n + simplex->m + 1, sizeof(*stays));

	if (!stays)
		return -1;
	for (size_t v = 0; v < simplex->n + simplex->m; v++)
		stays[v] = is_basic(simplex, v);
	start_again(simplex);
	for (size_t j = 0; j < simplex->n; j++)
		if (stays[j])
			enter_again(simplex, j, stays);
	for (size_t q = 0; q < simplex->n; q++)
		put_on_bound(simplex, simplex->other[q]);
	for (size_t i = 0; i < simplex->m; i++)
		compute_basic(simplex, i);
	simplex->n_pivots = 0;
	return 0;
}

/* ---- solving ---- */

static void move_other(struct simplex *simplex, size_t q, double value)
{
	double by = value - simplex->value[simplex->other[q]];

	if (by == 0)
		return;
	simplex->value[simplex->other[q]] = value;
	for (size_t i = 0; i < simplex->m; i++)
		simplex->value[simplex->basic[i]] += by * line(simplex, i)[q];
}

void simplex_bound(struct simplex *simplex, size_t column, double low, double high)
{
	size_t q = simplex->where[column] - SIMPLEX_OTHER;

	simplex->low[column] = low;
	simplex->high[column] = high;
	/* What is not basic lies on the bound where it costs least. */
	if (!is_basic(simplex, column))
		move_other(simplex, q, simplex->reduced[q] < 0 ? high : low);
}

/* The line farthest outside its bounds; m when all are inside. */
static size_t worst_line(const struct simplex *simplex)
{
	size_t worst = simplex->m;
	double most = 0;

	for (size_t i = 0; i < simplex->m; i++) {
		unsigned v = simplex->basic[i];
		double value = simplex->value[v];
		double off = fmax(simplex->low[v] - value, value - simplex->high[v]);

		/* Large values are known less exactly. */
		if (off > most && off > EPS_BOUND + 1e-12 * fabs(value)) {
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
static size_t entering(const struct simplex *simplex, size_t r, bool up)
{
	const double *coefficients = line(simplex, r);
	double least = INFINITY;
	size_t best = simplex->n;

	for (size_t j = 0; j < simplex->n; j++) {
		unsigned v = simplex->other[j];
		double a = up ? coefficients[j] : -coefficients[j], ratio;
		bool at_low = simplex->value[v] == simplex->low[v];

		if (fabs(a) < EPS_PIVOT || simplex->low[v] == simplex->high[v] || at_low != (a > 0))
			continue;
		ratio = fabs(simplex->reduced[j] / a);
		if (ratio < least - EPS_TIE || (ratio < least + EPS_TIE && best < simplex->n &&
						fabs(a) > fabs(coefficients[best]))) {
			least = fmin(ratio, least);
			best = j;
		}
	}
	return best;
}

/* The line goes to the bound it is outside of. Returns -1 when nothing lets it. */
static int mend_line(struct simplex *simplex, size_t r)
{
	unsigned leaves = simplex->basic[r];
	bool up = simplex->value[leaves] < simplex->low[leaves];
	double to = up ? simplex->low[leaves] : simplex->high[leaves];
	size_t q = entering(simplex, r, up);

	if (q == simplex->n)
		return -1;
	move_other(simplex, q,
		   simplex->value[simplex->other[q]] +
			   (to - simplex->value[leaves]) / line(simplex, r)[q]);
	simplex->value[leaves] = to;
	pivot(simplex, r, q);
	return 0;
}

enum simplex_end simplex_solve(struct simplex *simplex, uint64_t max_pivots)
{
	size_t r;

	while ((r = worst_line(simplex)) < simplex->m) {
		if (simplex->n_pivots_all >= max_pivots)
			return SIMPLEX_GIVEN_UP;
		if (mend_line(simplex, r))
			return SIMPLEX_NONE;
		if (simplex->n_pivots >= REBUILD_AT && simplex_rebuild(simplex))
			return SIMPLEX_NOMEM;
	}
	return SIMPLEX_SOLVED;
}

double simplex_cost(const struct simplex *simplex)
{
	double cost = 0;

	for (size_t j = 0; j < simplex->n; j++)
		cost += simplex->costs[j] * simplex->value[j];
	return cost;
}
