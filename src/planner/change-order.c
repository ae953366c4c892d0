/* The steps of a change in an order that can be executed. */
#include "planner/change-part.h"

#include <assert.h>

#include "facts/pace.h"

struct order {
	const struct change_gpu *gpu;
	struct change *change;
	struct layout layout;		  /* as it is after the steps so far */
	uint32_t doomed;		  /* instances still to destroy */
	struct place pending[LAYOUT_MAX]; /* still to create */
	size_t n_pending;
};

static void destroy(struct order *order, size_t i)
{
	const struct change_instance *instance = &order->gpu->at[i];

	layout_give(&order->layout, instance->profile, instance->start);
	order->doomed &= ~(1u << i);
	order->change->steps[order->change->n++] = (struct change_step){
		.profile = instance->profile,
		.start = (uint8_t)instance->start,
		.instance = (uint8_t)i,
		.ms = profile_pace(order->layout.board, instance->profile).destroy_ms,
	};
}

/* Create what fits already. */
static void create_all(struct order *order)
{
	const struct board *board = order->layout.board;
	size_t n = 0;

	for (size_t i = 0; i < order->n_pending; i++) {
		struct place place = order->pending[i];
		const struct profile *profile = &board->profiles[place.profile];

		if (!layout_take(&order->layout, profile, place.start)) {
			order->pending[n++] = place;
			continue;
		}
		order->change->steps[order->change->n++] = (struct change_step){
			.create = true,
			.profile = profile,
			.start = place.start,
			.ms = profile_pace(board, profile).create_ms,
		};
	}
	order->n_pending = n;
}

static bool fits_without(const struct order *order, const struct place *place, uint32_t gone)
{
	struct layout layout = order->layout;

	for (size_t i = 0; i < order->gpu->n; i++)
		if (change_has(gone, i))
			layout_give(&layout, order->gpu->at[i].profile, order->gpu->at[i].start);
	return layout_fits(&layout, &layout.board->profiles[place->profile], place->start);
}

/* The doomed instances in its window; should a rule still forbid it, no more than it needs. */
static uint32_t in_the_way(const struct order *order, const struct place *place)
{
	const struct change_gpu *gpu = order->gpu;
	unsigned window = profile_window(&gpu->board->profiles[place->profile], place->start);
	uint32_t gone = 0;

	for (size_t i = 0; i < gpu->n; i++)
		if (change_has(order->doomed, i) &&
		    profile_window(gpu->at[i].profile, gpu->at[i].start) & window)
			gone |= 1u << i;
	if (fits_without(order, place, gone))
		return gone;
	gone = order->doomed;
	for (size_t i = 0; i < gpu->n; i++)
		if (fits_without(order, place, gone & ~(1u << i)))
			gone &= ~(1u << i);
	return gone;
}

/* Who must wait for somebody is not served first. */
static uint64_t cost_of(const struct order *order, uint32_t gone)
{
	uint64_t cost = 0;

	for (size_t i = 0; i < order->gpu->n; i++) {
		const struct change_instance *instance = &order->gpu->at[i];

		if (!change_has(gone, i))
			continue;
		cost += profile_pace(order->gpu->board, instance->profile).destroy_ms;
		if (instance->use == CHANGE_BUSY)
			cost += (1ull << 32) + (uint64_t)instance->wait_s;
	}
	return cost;
}

/* Make room for the one that needs the least. */
static void make_room(struct order *order)
{
	uint64_t least = UINT64_MAX;
	uint32_t best = 0;

	for (size_t i = 0; i < order->n_pending; i++) {
		uint32_t gone = in_the_way(order, &order->pending[i]);
		uint64_t cost = cost_of(order, gone);

		if (cost < least) {
			least = cost;
			best = gone;
		}
	}
	assert(best); /* what stays and what is wanted go together */
	for (size_t i = 0; i < order->gpu->n; i++)
		if (change_has(best, i))
			destroy(order, i);
}

void change_order(const struct change_gpu *gpu, struct change *change)
{
	struct order order = {.gpu = gpu, .change = change};
	const struct layout *goal = &change->goal;

	change_now(gpu, &order.layout);
	order.doomed = ((1u << gpu->n) - 1u) & ~change->kept;
	for (unsigned i = 0; i < goal->n; i++)
		if (!layout_has(&order.layout, &goal->board->profiles[goal->at[i].profile],
				goal->at[i].start))
			order.pending[order.n_pending++] = goal->at[i];
	for (;;) {
		create_all(&order);
		if (!order.n_pending)
			break;
		make_room(&order);
	}
	for (size_t i = 0; i < gpu->n; i++)
		if (change_has(order.doomed, i))
			destroy(&order, i);
	for (size_t i = 0; i < change->n; i++)
		change->measured &= profile_pace(gpu->board, change->steps[i].profile).measured;
}
