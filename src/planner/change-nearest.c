/* What can be had when a wish cannot, and why a change is not cheaper. */
#include "planner/change-part.h"

#include <string.h>

#include "base/array.h"

/* ---- the nearest layout ---- */

struct nearest {
	const struct change_gpu *gpu;
	const struct wish_gpu *wish;
	bool usual[UINT8_MAX + 1]; /* profiles to suggest: base ones, and those wished or pinned */
	unsigned forced;	   /* pinned instances that nobody wished for */
	unsigned compute, units;   /* of what is wished and what is forced */
	bool found;
	unsigned far[4]; /* less is nearer */
	struct change_cost cost;
	struct layout best;
};

static bool is_usual(const struct nearest *nearest, const struct layout *layout)
{
	for (unsigned i = 0; i < layout->n; i++)
		if (!nearest->usual[layout->at[i].profile])
			return false;
	for (size_t i = 0; i < nearest->gpu->n; i++) {
		const struct change_instance *instance = &nearest->gpu->at[i];

		if (instance->use == CHANGE_PINNED &&
		    !layout_has(layout, instance->profile, instance->start))
			return false;
	}
	return true;
}

/* How many wished instances the layout has; exact: those with a start, there. */
static unsigned count_matches(const struct wish_gpu *wish, const struct layout *layout, bool exact)
{
	bool used[LAYOUT_MAX] = {false};
	unsigned n = 0;

	/* Those with a start choose first: the others can take any of the rest. */
	for (int loose = 0; loose < 2; loose++)
		for (size_t i = 0; i < wish->n; i++) {
			const struct wish_item *item = &wish->at[i];
			unsigned k = 0;

			if ((exact && item->has_start) == loose)
				continue;
			while (k < layout->n &&
			       (used[k] ||
				&layout->board->profiles[layout->at[k].profile] != item->profile ||
				(exact && item->has_start && layout->at[k].start != item->start)))
				k++;
			if (k == layout->n)
				continue;
			used[k] = true;
			n++;
		}
	return n;
}

static struct change_cost cost_to(const struct change_gpu *gpu, const struct layout *layout)
{
	struct wish_gpu exact = {.given = true, .mig = true, .n = layout->n};
	struct change change;

	for (unsigned i = 0; i < layout->n; i++)
		exact.at[i] = (struct wish_item){
			&layout->board->profiles[layout->at[i].profile],
			.has_start = true,
			.start = layout->at[i].start,
		};
	change_search(gpu, &exact, false, &change);
	return change.cost;
}

static unsigned distance(unsigned a, unsigned b)
{
	return a > b ? a - b : b - a;
}

static bool consider(const struct layout *layout, void *arg)
{
	struct nearest *nearest = arg;
	unsigned wished = (unsigned)nearest->wish->n, n = layout->n;
	unsigned same = count_matches(nearest->wish, layout, true);
	unsigned more = n > nearest->forced ? n - nearest->forced : 0;
	unsigned units = (unsigned)__builtin_popcount(layout->mask);
	const unsigned far[] = {
		/* One left out and one put in its place is one change. */
		(wished > more ? wished : more) - same,
		wished - count_matches(nearest->wish, layout, false),
		distance(nearest->compute, layout->compute),
		distance(nearest->units, units),
	};
	int order = 0;
	struct change_cost cost;

	if (!is_usual(nearest, layout))
		return true;
	for (size_t i = 0; !order && nearest->found && i < ARRAY_SIZE(far); i++)
		order = (far[i] > nearest->far[i]) - (far[i] < nearest->far[i]);
	if (order > 0)
		return true;
	cost = cost_to(nearest->gpu, layout);
	if (nearest->found && !order && !change_is_cheaper(&cost, &nearest->cost))
		return true;
	nearest->found = true;
	memcpy(nearest->far, far, sizeof(far));
	nearest->cost = cost;
	nearest->best = *layout;
	return true;
}

static void add_size(struct nearest *nearest, const struct profile *profile)
{
	nearest->usual[profile_index(nearest->gpu->board, profile)] = true;
	nearest->compute += profile->compute_slices;
	nearest->units += profile->size;
}

bool change_nearest(const struct change_gpu *gpu, const struct wish_gpu *wish, struct layout *ret)
{
	struct nearest nearest = {.gpu = gpu, .wish = wish};
	unsigned wished[UINT8_MAX + 1] = {0};

	for (size_t i = 0; i < gpu->board->n_profiles; i++)
		nearest.usual[i] = family_has(FAMILY_BASE, &gpu->board->profiles[i]);
	for (size_t i = 0; i < wish->n; i++) {
		wished[profile_index(gpu->board, wish->at[i].profile)]++;
		add_size(&nearest, wish->at[i].profile);
	}
	for (size_t i = 0; i < gpu->n; i++) {
		unsigned p = profile_index(gpu->board, gpu->at[i].profile);

		if (gpu->at[i].use != CHANGE_PINNED)
			continue;
		if (wished[p]) {
			wished[p]--;
			continue;
		}
		nearest.forced++;
		add_size(&nearest, gpu->at[i].profile);
	}
	layout_each(gpu->board, FAMILY_ALL, consider, &nearest);
	if (nearest.found)
		*ret = nearest.best;
	return nearest.found;
}

/* ---- why ---- */

/* How many there are more than wanted, of every profile together. */
static unsigned surplus(const struct change_gpu *gpu, const struct layout *goal)
{
	int more[UINT8_MAX + 1] = {0};
	unsigned sum = 0;

	for (size_t i = 0; i < gpu->n; i++)
		more[profile_index(gpu->board, gpu->at[i].profile)]++;
	for (unsigned i = 0; i < goal->n; i++)
		more[goal->at[i].profile]--;
	for (size_t i = 0; i < gpu->board->n_profiles; i++)
		sum += more[i] > 0 ? (unsigned)more[i] : 0;
	return sum;
}

void change_why(const struct change_gpu *gpu, const struct wish_gpu *wish,
		const struct change *change, struct text *ret)
{
	unsigned more = surplus(gpu, &change->goal);
	const struct change_cost *cost = &change->cost;
	bool exact = wish->n > 0;

	for (size_t i = 0; i < wish->n; i++)
		exact &= wish->at[i].has_start;
	if (!change->n)
		text_add(ret, "it is so already");
	else if (!cost->destroyed)
		text_add(ret, "nothing goes; what is missing is created");
	else if (more == 1 && cost->destroyed == 1)
		text_add(ret, "only the one that is more than wanted goes");
	else if (cost->destroyed == more)
		text_addf(ret, "only the %u that are more than wanted go", more);
	else if (exact)
		text_addf(ret, "%u lie%s where something else is wanted, or elsewhere than wanted",
			  cost->destroyed, cost->destroyed == 1 ? "s" : "");
	else if (change->n_placements == 1)
		text_add(ret, "there is only one placement of the wish");
	else
		text_addf(ret,
			  "none of the %zu placements of the wish takes less from what is there",
			  change->n_placements);
}
