#include "planner/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

#define N_MAX SIZE_MAX_PROFILES

/* What one GPU can hold: a number of each profile. */
struct column {
	uint8_t counts[N_MAX];
};

struct packer {
	const struct board *board;
	struct size_facet facets[SIZE_MAX_FACETS];
	unsigned n_facets;
	struct column *columns;
	size_t n_columns, cap_columns;
	bool failed;
	int64_t left[N_MAX]; /* of the demand */
};

/* The closed form, of what is left after n columns. */
static uint64_t gpus_after(const struct packer *packer, const struct column *column, int64_t n)
{
	int64_t left[N_MAX];
	uint64_t most = 0;

	for (size_t i = 0; i < N_MAX; i++) {
		left[i] = packer->left[i] - n * column->counts[i];
		left[i] = left[i] > 0 ? left[i] : 0;
	}
	for (unsigned f = 0; f < packer->n_facets; f++) {
		uint64_t gpus = size_facet_gpus(&packer->facets[f], left);

		most = gpus > most ? gpus : most;
	}
	return most;
}

/* ---- columns ---- */

static bool column_fits(const struct packer *packer, const struct column *column)
{
	for (unsigned f = 0; f < packer->n_facets; f++) {
		const struct size_facet *facet = &packer->facets[f];
		unsigned sum = 0;

		for (size_t i = 0; i < N_MAX; i++)
			sum += (unsigned)facet->needs[i] * column->counts[i];
		if (sum > facet->most)
			return false;
	}
	return true;
}

static bool column_is_full(const struct packer *packer, const struct column *column)
{
	for (size_t i = 0; i < N_MAX; i++) {
		struct column more = *column;

		more.counts[i]++;
		if (packer->left[i] && column_fits(packer, &more))
			return false;
	}
	return true;
}

/* All full columns of the profiles that are wanted, the most of the first ones first. */
static void add_columns(struct packer *packer, struct column *column, size_t at)
{
	if (at == N_MAX) {
		if (!column_is_full(packer, column))
			return;
		if (array_reserve(&packer->columns, &packer->cap_columns, packer->n_columns,
				  sizeof(*column)))
			packer->failed = true;
		else
			packer->columns[packer->n_columns++] = *column;
		return;
	}
	while (packer->left[at] && column_fits(packer, column))
		column->counts[at]++;
	if (packer->left[at])
		column->counts[at]--;
	for (;; column->counts[at]--) {
		add_columns(packer, column, at + 1);
		if (!column->counts[at])
			return;
	}
}

/* ---- layouts ---- */

/* Large ones first, each as far right as the rest lets it: the left is where large ones start. */
static bool lay_out(struct layout *layout, struct column *column)
{
	const struct profile *profiles = layout->board->profiles, *largest = NULL;

	for (size_t i = 0; i < layout->board->n_profiles; i++)
		if (column->counts[i] && (!largest || profiles[i].size > largest->size))
			largest = &profiles[i];
	if (!largest)
		return true;
	for (unsigned starts = layout_starts(layout, largest); starts;) {
		unsigned start = 31 - (unsigned)__builtin_clz(starts);

		starts &= ~(1u << start);
		layout_take(layout, largest, start);
		column->counts[profile_index(layout->board, largest)]--;
		if (lay_out(layout, column))
			return true;
		column->counts[profile_index(layout->board, largest)]++;
		layout_give(layout, largest, start);
	}
	return false;
}

static int add_group(struct pack *pack, const struct board *board, struct column column, uint64_t n)
{
	struct pack_group group = {.n = n};

	layout_init(&group.layout, board);
	if (!lay_out(&group.layout, &column))
		assert(!"what the form lets on one GPU has a layout");
	if (pack->n && layout_equal(&pack->groups[pack->n - 1].layout, &group.layout)) {
		pack->groups[pack->n - 1].n += n;
		return 0;
	}
	if (array_reserve(&pack->groups, &pack->cap, pack->n, sizeof(group)))
		return -1;
	pack->groups[pack->n++] = group;
	return 0;
}

/* ---- packing ---- */

/* What of the column is still wanted, and on how many GPUs. */
static uint64_t trim(const struct packer *packer, struct column *column, uint64_t n)
{
	for (size_t i = 0; i < N_MAX; i++) {
		if (packer->left[i] < column->counts[i])
			column->counts[i] = (uint8_t)packer->left[i];
		if (column->counts[i] && (uint64_t)packer->left[i] / column->counts[i] < n)
			n = (uint64_t)packer->left[i] / column->counts[i];
	}
	return n;
}

static int take_columns(struct packer *packer, const struct column *column, uint64_t n,
			struct pack *pack)
{
	while (n) {
		struct column used = *column;
		uint64_t now = trim(packer, &used, n);

		if (add_group(pack, packer->board, used, now))
			return -1;
		for (size_t i = 0; i < N_MAX; i++)
			packer->left[i] -= (int64_t)now * used.counts[i];
		n -= now;
	}
	return 0;
}

/* How many of the column may be taken now: 0, or a power of two. */
static uint64_t how_many(const struct packer *packer, const struct column *column, uint64_t budget)
{
	bool useful = false;
	uint64_t n = 1;

	for (size_t i = 0; i < N_MAX; i++)
		useful = useful || (column->counts[i] && packer->left[i]);
	if (!useful || gpus_after(packer, column, 1) > budget - 1)
		return 0;
	while (2 * n <= budget && gpus_after(packer, column, (int64_t)(2 * n)) <= budget - 2 * n)
		n *= 2;
	return n;
}

static int pack_all(struct packer *packer, uint64_t budget, struct pack *pack)
{
	while (budget) {
		uint64_t n = 0;
		size_t c = 0;

		while (c < packer->n_columns &&
		       !(n = how_many(packer, &packer->columns[c], budget)))
			c++;
		assert(n); /* the decomposition property */
		if (take_columns(packer, &packer->columns[c], n, pack))
			return -1;
		budget -= n;
	}
	return 0;
}

/* The facet that asks for most GPUs; the first of them. */
static void find_bound(const struct packer *packer, struct pack *pack)
{
	for (unsigned f = 0; f < packer->n_facets; f++) {
		const struct size_facet *facet = &packer->facets[f];
		uint64_t gpus = size_facet_gpus(facet, packer->left);

		if (gpus <= pack->n_gpus)
			continue;
		pack->n_gpus = gpus;
		pack->bound = (struct pack_bound){
			facet->facet, size_facet_needed(facet, packer->left), facet->most};
	}
}

static int start(struct packer *packer, const uint32_t *wanted, struct err *err)
{
	const struct board *board = packer->board;

	packer->n_facets = size_facets(board, packer->facets);
	if (!packer->n_facets)
		return fail(err, ERR_UNSUPPORTED, "%s: its least number of GPUs has no formula",
			    board->id);
	for (size_t i = 0; i < board->n_profiles; i++) {
		if (wanted[i] && !size_covers(board, &board->profiles[i]))
			return fail(err, ERR_UNSUPPORTED, "%s: no formula holds for %s", board->id,
				    board->profiles[i].name);
		packer->left[i] = wanted[i];
	}
	return 0;
}

void pack_done(struct pack *pack)
{
	free(pack->groups);
	*pack = (struct pack){.n = 0};
}

int pack_demand(const struct board *board, const uint32_t *wanted, struct pack *ret,
		struct err *err)
{
	cleanup(pack_done) struct pack pack = {.n = 0};
	struct packer packer = {.board = board};
	struct column empty = {.counts = {0}};
	int r = start(&packer, wanted, err);

	if (r)
		return r;
	find_bound(&packer, &pack);
	add_columns(&packer, &empty, 0);
	r = packer.failed ? -1 : pack_all(&packer, pack.n_gpus, &pack);
	free(packer.columns);
	if (r)
		return fail(err, ERR_NOMEM, "no memory for layouts");
	*ret = pack;
	pack = (struct pack){.n = 0};
	return 0;
}
