#include "geometry/layout.h"

#include <assert.h>

#include "base/array.h"

static unsigned lowest(unsigned bits)
{
	return (unsigned)__builtin_ctz(bits);
}

static const struct profile *profile_of(const struct layout *layout, const struct place *place)
{
	return &layout->board->profiles[place->profile];
}

/* ---- windows ---- */

/*
 * Starts whose whole window is free: units that are free together with the
 * next size - 1, found by folding the free units onto themselves.
 */
static unsigned free_starts(unsigned mask, const struct profile *profile)
{
	unsigned runs = ~mask & 0xffffu, length = 1;

	for (; length * 2 <= profile->size; length *= 2)
		runs &= runs >> length;
	runs &= runs >> (profile->size - length);
	return runs & profile->starts;
}

/* ---- rules beyond the windows ---- */

/* Media engines: "+me" once; "+me.all" once, and everything else is "-me". */
static bool media_allows(const struct layout *layout, const struct profile *profile)
{
	unsigned flags = 0, flags_of_all = PROFILE_NO_ME;

	for (unsigned i = 0; i < layout->n; i++) {
		unsigned theirs = profile_of(layout, &layout->at[i])->flags;

		flags |= theirs;
		flags_of_all &= theirs;
	}
	if (flags & PROFILE_ME_ALL)
		return profile->flags & PROFILE_NO_ME;
	if (profile->flags & PROFILE_ME_ALL)
		return flags_of_all & PROFILE_NO_ME;
	return !(profile->flags & flags & PROFILE_ME);
}

/* How many more the rules would let in if every window were free. */
static unsigned rules_allow(const struct layout *layout, const struct profile *profile)
{
	unsigned left = (unsigned)layout->board->compute_slices - layout->compute;
	unsigned most = left / profile->compute_slices;

	if (!media_allows(layout, profile))
		return 0;
	return most > 1 && profile->flags & (PROFILE_ME | PROFILE_ME_ALL) ? 1 : most;
}

/* ---- questions ---- */

void layout_init(struct layout *layout, const struct board *board)
{
	*layout = (struct layout){.board = board};
}

uint16_t layout_starts(const struct layout *layout, const struct profile *profile)
{
	unsigned starts = free_starts(layout->mask, profile);

	return starts && rules_allow(layout, profile) ? (uint16_t)starts : 0;
}

bool layout_fits(const struct layout *layout, const struct profile *profile, unsigned start)
{
	unsigned starts = layout_starts(layout, profile);

	return start < 16 && starts >> start & 1u;
}

unsigned layout_remaining(const struct layout *layout, const struct profile *profile)
{
	unsigned n = (unsigned)__builtin_popcount(free_starts(layout->mask, profile));
	unsigned most = rules_allow(layout, profile);

	return n < most ? n : most;
}

/* Index of exactly that instance, or layout->n. */
static unsigned find_place(const struct layout *layout, const struct profile *profile,
			   unsigned start)
{
	unsigned i = 0;

	while (i < layout->n &&
	       (layout->at[i].start != start || profile_of(layout, &layout->at[i]) != profile))
		i++;
	return i;
}

bool layout_has(const struct layout *layout, const struct profile *profile, unsigned start)
{
	return find_place(layout, profile, start) < layout->n;
}

bool layout_equal(const struct layout *a, const struct layout *b)
{
	if (a->board != b->board || a->mask != b->mask || a->n != b->n)
		return false;
	for (unsigned i = 0; i < a->n; i++)
		if (a->at[i].profile != b->at[i].profile || a->at[i].start != b->at[i].start)
			return false;
	return true;
}

/* ---- changes ---- */

static void put(struct layout *layout, const struct profile *profile, unsigned start)
{
	unsigned i = layout->n++;

	for (; i > 0 && layout->at[i - 1].start > start; i--)
		layout->at[i] = layout->at[i - 1];
	layout->at[i] = (struct place){.profile = (uint8_t)profile_index(layout->board, profile),
				       .start = (uint8_t)start};
	layout->mask |= profile_window(profile, start);
	layout->compute = (uint8_t)(layout->compute + profile->compute_slices);
}

bool layout_take(struct layout *layout, const struct profile *profile, unsigned start)
{
	if (!layout_fits(layout, profile, start))
		return false;
	put(layout, profile, start);
	return true;
}

bool layout_give(struct layout *layout, const struct profile *profile, unsigned start)
{
	unsigned i = find_place(layout, profile, start);

	if (i == layout->n)
		return false;
	for (layout->n--; i < layout->n; i++)
		layout->at[i] = layout->at[i + 1];
	layout->mask &= (uint16_t)~profile_window(profile, start);
	layout->compute = (uint8_t)(layout->compute - profile->compute_slices);
	return true;
}

/* ---- the CAP rule ---- */

bool family_has(enum family family, const struct profile *profile)
{
	static const unsigned variants[] = {
		[FAMILY_BASE] = 0,
		[FAMILY_DOUBLE] = PROFILE_DOUBLE,
		[FAMILY_DOUBLE_ME] = PROFILE_DOUBLE | PROFILE_ME,
		[FAMILY_ALL] = ~0u,
	};

	assert((size_t)family < ARRAY_SIZE(variants));
	return !(profile->flags & ~(variants[family] | PROFILE_P2P));
}

static unsigned choices(const struct board *board, unsigned mask)
{
	unsigned sum = 0;

	for (size_t i = 0; i < board->n_profiles; i++) {
		const struct profile *profile = &board->profiles[i];
		unsigned starts;

		if (!family_has(FAMILY_DOUBLE, profile))
			continue;
		starts = free_starts(mask, profile);
		sum += profile->size * (unsigned)__builtin_popcount(starts);
	}
	return sum;
}

unsigned layout_choices(const struct layout *layout)
{
	return choices(layout->board, layout->mask);
}

bool layout_find(const struct layout *layout, const struct profile *profile, unsigned *ret_start,
		 unsigned *ret_loss)
{
	unsigned starts = layout_starts(layout, profile), most = 0, best = 0;
	unsigned mask = layout->mask;

	if (!starts)
		return false;
	best = lowest(starts);
	for (; starts; starts &= starts - 1) {
		unsigned start = lowest(starts);
		unsigned left = choices(layout->board, mask | profile_window(profile, start));

		if (left > most) {
			most = left;
			best = start;
		}
	}
	*ret_start = best;
	if (ret_loss)
		*ret_loss = choices(layout->board, mask) - most;
	return true;
}

/* ---- all layouts ---- */

bool layout_is_maximal(const struct layout *layout, enum family family)
{
	const struct board *board = layout->board;

	for (size_t i = 0; i < board->n_profiles; i++)
		if (family_has(family, &board->profiles[i]) &&
		    layout_starts(layout, &board->profiles[i]))
			return false;
	return true;
}

struct walk {
	struct layout layout;
	enum family family;
	bool (*fn)(const struct layout *layout, void *arg);
	void *arg;
	size_t n;
};

/* Show the layout, then everything that adds to it at this unit or beyond. */
static bool walk_from(struct walk *walk, unsigned unit)
{
	const struct board *board = walk->layout.board;

	walk->n++;
	if (!walk->fn(&walk->layout, walk->arg))
		return false;
	for (; unit < board->units; unit++)
		for (size_t i = 0; i < board->n_profiles; i++) {
			const struct profile *profile = &board->profiles[i];
			bool more;

			if (!family_has(walk->family, profile) ||
			    !layout_take(&walk->layout, profile, unit))
				continue;
			more = walk_from(walk, unit + profile->size);
			layout_give(&walk->layout, profile, unit);
			if (!more)
				return false;
		}
	return true;
}

size_t layout_each(const struct board *board, enum family family,
		   bool (*fn)(const struct layout *layout, void *arg), void *arg)
{
	struct walk walk = {.family = family, .fn = fn, .arg = arg};

	layout_init(&walk.layout, board);
	walk_from(&walk, 0);
	return walk.n;
}
