#include "planner/relocate.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "geometry/size.h"

bool relocate_may_fit(const struct fleet *fleet, const struct board *board, unsigned profile)
{
	uint32_t wanted[RULE_MAX_PROFILES];
	uint64_t n_gpus;

	memcpy(wanted, fleet_running(fleet), sizeof(wanted));
	wanted[profile]++;
	return !size_minimum(board, wanted, &n_gpus, NULL) || n_gpus <= fleet_n_gpus(fleet);
}

/* A window, and what is in its way. Compared as (n, units, gpu, start). */
struct candidate {
	uint8_t n, units;
	uint32_t gpu;
	uint8_t start;
};

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	if (x->units != y->units)
		return x->units < y->units ? -1 : 1;
	if (x->gpu != y->gpu)
		return x->gpu < y->gpu ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static bool in_the_way(const struct layout *layout, const struct place *place, uint16_t window)
{
	return profile_window(&layout->board->profiles[place->profile], place->start) & window;
}

static struct candidate look_at(const struct layout *layout, uint32_t gpu,
				const struct profile *profile, unsigned start)
{
	struct candidate candidate = {.gpu = gpu, .start = (uint8_t)start};
	uint16_t window = profile_window(profile, start);

	for (unsigned i = 0; i < layout->n; i++) {
		if (!in_the_way(layout, &layout->at[i], window))
			continue;
		candidate.n++;
		candidate.units = (uint8_t)(candidate.units +
					    layout->board->profiles[layout->at[i].profile].size);
	}
	return candidate;
}

static size_t find_candidates(const struct fleet *fleet, const struct profile *profile,
			      unsigned max_moves, struct candidate *ret)
{
	size_t n = 0;

	for (uint32_t gpu = 0; gpu < fleet_n_gpus(fleet); gpu++)
		for (unsigned left = profile->starts; left; left &= left - 1) {
			struct candidate candidate = look_at(fleet_layout(fleet, gpu), gpu, profile,
							     (unsigned)__builtin_ctz(left));

			if (candidate.n >= 1 && candidate.n <= max_moves)
				ret[n++] = candidate;
		}
	qsort(ret, n, sizeof(*ret), compare_candidates);
	return n;
}

/* What is in the way, larger ones first, taken out of the fleet. */
static void take_out(struct fleet *fleet, const struct candidate *candidate, uint16_t window,
		     struct relocation *ret)
{
	struct layout layout = *fleet_layout(fleet, candidate->gpu);
	const struct profile *profiles = layout.board->profiles;

	ret->n_moves = 0;
	for (unsigned i = 0; i < layout.n; i++) {
		const struct place *place = &layout.at[i];
		unsigned at = ret->n_moves;

		if (!in_the_way(&layout, place, window))
			continue;
		for (; at && profiles[ret->moves[at - 1].from.profile].size <
				     profiles[place->profile].size;
		     at--)
			ret->moves[at] = ret->moves[at - 1];
		ret->moves[at] =
			(struct move){.spot = fleet_spot(fleet, candidate->gpu, place->start),
				      .from = {candidate->gpu, place->profile, place->start}};
		ret->n_moves++;
	}
	for (unsigned i = 0; i < ret->n_moves; i++)
		fleet_give(fleet, &ret->moves[i].from);
}

/* Place the first n of those taken out; all or none. */
static bool put_elsewhere(struct fleet *fleet, struct relocation *relocation)
{
	for (unsigned i = 0; i < relocation->n_moves; i++) {
		struct move *move = &relocation->moves[i];

		if (!fleet_find(fleet, RULE_CAP, move->from.profile, &move->to)) {
			while (i--)
				fleet_give(fleet, &relocation->moves[i].to);
			return false;
		}
		fleet_take(fleet, &move->to, move->spot);
	}
	return true;
}

static bool try_window(struct fleet *fleet, const struct board *board, unsigned profile,
		       const struct candidate *candidate, uint32_t spot, struct relocation *ret)
{
	const struct profile *wanted = &board->profiles[profile];
	bool fits;

	ret->place = (struct fleet_place){candidate->gpu, (uint8_t)profile, candidate->start};
	take_out(fleet, candidate, profile_window(wanted, candidate->start), ret);
	fits = layout_fits(fleet_layout(fleet, candidate->gpu), wanted, candidate->start);
	if (fits) {
		fleet_take(fleet, &ret->place, spot);
		if (put_elsewhere(fleet, ret))
			return true;
		fleet_give(fleet, &ret->place);
	}
	for (unsigned i = 0; i < ret->n_moves; i++)
		fleet_take(fleet, &ret->moves[i].from, ret->moves[i].spot);
	return false;
}

/* ---- which of those that work ---- */

/* The choices left on the GPUs that a relocation touches; each once. */
static int choices_on(const struct fleet *fleet, const struct relocation *relocation)
{
	int choices = 0;

	for (unsigned i = 0; i <= relocation->n_moves; i++) {
		uint32_t gpu = i ? relocation->moves[i - 1].to.gpu : relocation->place.gpu;
		bool seen = i && gpu == relocation->place.gpu;

		for (unsigned k = 1; k < i; k++)
			seen = seen || gpu == relocation->moves[k - 1].to.gpu;
		if (!seen)
			choices += (int)layout_choices(fleet_layout(fleet, gpu));
	}
	return choices;
}

static void undo(struct fleet *fleet, const struct relocation *relocation)
{
	for (unsigned i = relocation->n_moves; i--;)
		fleet_give(fleet, &relocation->moves[i].to);
	fleet_give(fleet, &relocation->place);
	for (unsigned i = 0; i < relocation->n_moves; i++)
		fleet_take(fleet, &relocation->moves[i].from, relocation->moves[i].spot);
}

/* What one that was just done is worth; it is undone. */
static int rate(struct fleet *fleet, const struct board *board, const struct candidate *candidate,
		const struct relocation *relocation)
{
	int unit = board->units / board->memory_slices, after = choices_on(fleet, relocation);

	undo(fleet, relocation);
	return 2 * (after - choices_on(fleet, relocation)) - 9 * unit * candidate->n -
	       candidate->units;
}

/* Index of the best, n when none works. */
static size_t find_best(struct fleet *fleet, const struct board *board, unsigned profile,
			const struct candidate *candidates, size_t n, uint32_t spot)
{
	size_t best = n;
	int most = 0;

	for (size_t i = 0; i < n && i < RELOCATE_TRIES; i++) {
		struct relocation relocation;
		int worth;

		if (!try_window(fleet, board, profile, &candidates[i], spot, &relocation))
			continue;
		worth = rate(fleet, board, &candidates[i], &relocation);
		if (best == n || worth > most) {
			best = i;
			most = worth;
		}
	}
	return best;
}

int relocate(struct fleet *fleet, const struct board *board, unsigned profile, unsigned max_moves,
	     uint32_t spot, struct relocation *ret)
{
	const struct profile *wanted = &board->profiles[profile];
	cleanup(free) struct candidate *candidates = NULL;
	struct relocation relocation;
	size_t n, first = 0;

	if (!relocate_may_fit(fleet, board, profile))
		return 0;
	candidates = reallocarray(NULL, fleet_n_gpus(fleet),
				  (size_t)__builtin_popcount(wanted->starts) * sizeof(*candidates));
	if (!candidates)
		return -1;
	n = find_candidates(fleet, wanted, max_moves, candidates);
	if (max_moves > 1)
		first = find_best(fleet, board, profile, candidates, n, spot);
	for (size_t i = first; i < n; i++) {
		if (!try_window(fleet, board, profile, &candidates[i], spot, &relocation))
			continue;
		*ret = relocation;
		return 1;
	}
	return 0;
}
