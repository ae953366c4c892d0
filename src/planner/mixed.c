#include "planner/mixed.h"

#include "base/cleanup.h"
#include "planner/ilp.h"

#define NODES_MAX 200000

struct columns {
	unsigned gpus[MIXED_MAX_BOARDS];
	unsigned kinds[MIXED_MAX_KINDS][MIXED_MAX_BOARDS]; /* where there is a profile */
};

static bool serves(const struct mixed_demand *demand, size_t kind, size_t board)
{
	return demand->kinds[kind].profile[board] != MIXED_NO_PROFILE;
}

static void add_columns(struct ilp *ilp, const struct mixed_demand *demand, struct columns *columns)
{
	int64_t n = 0;

	for (size_t k = 0; k < demand->n_kinds; k++)
		n += demand->kinds[k].n;
	for (size_t b = 0; b < demand->n_boards; b++)
		columns->gpus[b] = ilp_column(ilp, 1, demand->most[b] < n ? demand->most[b] : n);
	for (size_t k = 0; k < demand->n_kinds; k++)
		for (size_t b = 0; b < demand->n_boards; b++)
			if (serves(demand, k, b))
				columns->kinds[k][b] = ilp_column(ilp, 0, demand->kinds[k].n);
}

/* All of each kind goes somewhere. */
static void add_demand_rows(struct ilp *ilp, const struct mixed_demand *demand,
			    const struct columns *columns)
{
	for (size_t k = 0; k < demand->n_kinds; k++) {
		unsigned row = ilp_row(ilp, demand->kinds[k].n, demand->kinds[k].n);

		for (size_t b = 0; b < demand->n_boards; b++)
			if (serves(demand, k, b))
				ilp_entry(ilp, row, columns->kinds[k][b], 1);
	}
}

/* Of each facet a board's GPUs have as much as what goes there needs. */
static int add_facet_rows(struct ilp *ilp, const struct mixed_demand *demand,
			  const struct columns *columns, struct err *err)
{
	struct size_facet facets[SIZE_MAX_FACETS];

	for (size_t b = 0; b < demand->n_boards; b++) {
		unsigned n = size_facets(demand->boards[b], facets);

		if (!n)
			return fail(err, ERR_UNSUPPORTED,
				    "%s: its least number of GPUs has no formula",
				    demand->boards[b]->id);
		for (unsigned f = 0; f < n; f++) {
			unsigned row = ilp_row(ilp, 0, ILP_INFINITE);

			ilp_entry(ilp, row, columns->gpus[b], facets[f].most);
			for (size_t k = 0; k < demand->n_kinds; k++)
				if (serves(demand, k, b))
					ilp_entry(ilp, row, columns->kinds[k][b],
						  -(int64_t)facets[f]
							   .needs[demand->kinds[k].profile[b]]);
		}
	}
	return 0;
}

static int check_profiles(const struct mixed_demand *demand, struct err *err)
{
	for (size_t b = 0; b < demand->n_boards; b++)
		for (size_t k = 0; k < demand->n_kinds; k++) {
			const struct board *board = demand->boards[b];
			const struct profile *profile =
				&board->profiles[demand->kinds[k].profile[b]];

			if (serves(demand, k, b) && !size_covers(board, profile))
				return fail(err, ERR_UNSUPPORTED, "%s: no formula holds for %s",
					    board->id, profile->name);
		}
	return 0;
}

static void read_answer(const struct mixed_demand *demand, const struct columns *columns,
			const struct ilp_result *result, struct mixed_answer *ret)
{
	*ret = (struct mixed_answer){
		.proven = result->proven, .n_gpus = result->cost, .bound = result->bound};
	for (size_t b = 0; b < demand->n_boards; b++) {
		ret->gpus[b] = (uint32_t)result->values[columns->gpus[b]];
		for (size_t k = 0; k < demand->n_kinds; k++)
			if (serves(demand, k, b))
				ret->wanted[b][demand->kinds[k].profile[b]] +=
					(uint32_t)result->values[columns->kinds[k][b]];
	}
}

int mixed_solve(const struct mixed_demand *demand, struct mixed_answer *ret, struct err *err)
{
	cleanup(ilp_free) struct ilp *ilp = ilp_new();
	struct ilp_result result;
	struct columns columns;
	int r = ilp ? check_profiles(demand, err) : fail(err, ERR_NOMEM, "no memory for a program");

	if (r)
		return r;
	add_columns(ilp, demand, &columns);
	add_demand_rows(ilp, demand, &columns);
	r = add_facet_rows(ilp, demand, &columns, err);
	if (!r)
		r = ilp_solve(ilp, NODES_MAX, &result, err);
	if (r)
		return r;
	if (!result.found)
		return fail(err, ERR_IMPOSSIBLE,
			    result.proven ? "there are not GPUs enough"
					  : "no way was found to hold it on these GPUs");
	read_answer(demand, &columns, &result, ret);
	return 0;
}
