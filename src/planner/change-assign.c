/*
 * Which of several equal GPUs gets which wish: the assignment of least total
 * cost, by the Hungarian method (shortest augmenting paths with potentials).
 * A cost is one number with a field for each part of struct change_cost, wide
 * enough that CHANGE_MAX_GPUS of them add up without touching each other.
 */
#include "planner/change-part.h"

#include <assert.h>
#include <string.h>

#define FAR_AWAY ((__int128)1 << 114) /* 32 weights of 108 bits are less */
#define NOWHERE	 (FAR_AWAY << 12)     /* beyond any sum of potentials */
#define MAX_WAIT (1ull << 36)

static __int128 field(__int128 high, unsigned bits, uint64_t value)
{
	assert(value < 1ull << bits);
	return (high << bits) + (__int128)value;
}

/* 36 bits of seconds and 72 of the rest; the last field keeps equals where they are. */
static __int128 weight(const struct change_cost *cost, bool same)
{
	uint64_t wait_s = cost->wait_s < MAX_WAIT ? cost->wait_s : MAX_WAIT - 1;
	__int128 sum = (__int128)wait_s;

	sum = field(sum, 10, cost->busy);
	sum = field(sum, 10, cost->destroyed);
	sum = field(sum, 10, cost->created);
	sum = field(sum, 20, cost->ms);
	sum = field(sum, 16, 1000 - cost->choices);
	return field(sum, 6, same ? 0 : 1);
}

struct table {
	size_t n;
	__int128 cost[CHANGE_MAX_GPUS + 1][CHANGE_MAX_GPUS + 1]; /* from 1 */
	__int128 of_gpu[CHANGE_MAX_GPUS + 1], of_wish[CHANGE_MAX_GPUS + 1];
	size_t gpu_of[CHANGE_MAX_GPUS + 1]; /* wish to GPU; 0: none */
};

/* The tree of shortest paths from one GPU grows until it meets a wish that is nobody's. */
static void augment(struct table *table, size_t gpu)
{
	__int128 dist[CHANGE_MAX_GPUS + 1];
	size_t before[CHANGE_MAX_GPUS + 1] = {0}, at = 0;
	bool done[CHANGE_MAX_GPUS + 1] = {false};

	for (size_t j = 0; j <= table->n; j++)
		dist[j] = NOWHERE;
	table->gpu_of[0] = gpu;
	do {
		size_t next = 0, from = table->gpu_of[at];
		__int128 least = NOWHERE;

		done[at] = true;
		for (size_t j = 1; j <= table->n; j++) {
			__int128 reach =
				table->cost[from][j] - table->of_gpu[from] - table->of_wish[j];

			if (done[j])
				continue;
			if (reach < dist[j]) {
				dist[j] = reach;
				before[j] = at;
			}
			if (dist[j] < least) {
				least = dist[j];
				next = j;
			}
		}
		for (size_t j = 0; j <= table->n; j++) {
			if (done[j]) {
				table->of_gpu[table->gpu_of[j]] += least;
				table->of_wish[j] -= least;
			} else {
				dist[j] -= least;
			}
		}
		at = next;
	} while (table->gpu_of[at]);
	for (; at; at = before[at])
		table->gpu_of[at] = table->gpu_of[before[at]];
}

static __int128 cost_of(const struct change_gpu *gpus, const struct wish_gpu *wishes, size_t i,
			size_t j)
{
	struct change change;
	struct layout now;

	if (!wishes[i].given || !wishes[j].given)
		return i == j ? 0 : FAR_AWAY;
	if (gpus[i].board != gpus[j].board || wishes[i].mig != wishes[j].mig ||
	    !change_now(&gpus[i], &now) || !change_search(&gpus[i], &wishes[j], true, &change))
		return FAR_AWAY;
	return weight(&change.cost, i == j);
}

int change_assign(const struct change_gpu *gpus, const struct wish_gpu *wishes, size_t n,
		  size_t *ret_wish, struct err *err)
{
	struct table table = {.n = n};
	struct change ignored;

	assert(n <= CHANGE_MAX_GPUS);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			table.cost[i + 1][j + 1] = cost_of(gpus, wishes, i, j);
	for (size_t i = 1; i <= n; i++)
		augment(&table, i);
	for (size_t j = 1; j <= n; j++)
		if (table.cost[table.gpu_of[j]][j] == FAR_AWAY) {
			size_t i = table.gpu_of[j] - 1;
			int r = change_make(&gpus[i], &wishes[j - 1], &ignored, err);

			return r ? r : fail(err, ERR_IMPOSSIBLE, "no GPU can take it");
		}
	for (size_t j = 1; j <= n; j++)
		ret_wish[table.gpu_of[j] - 1] = j - 1;
	return 0;
}
