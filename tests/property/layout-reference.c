#include "layout-reference.h"

#include <stdlib.h>
#include <string.h>

/* By NVML's constants, not by flags: 0-6 plain, 9 double memory, 7 and 8 "+me". */
static bool in_family(enum family family, unsigned constant)
{
	switch (family) {
	case FAMILY_BASE:
		return constant <= 6;
	case FAMILY_DOUBLE:
		return constant <= 6 || constant == 9;
	case FAMILY_DOUBLE_ME:
		return constant <= 9;
	default:
		return true;
	}
}

void reference_init(struct reference *reference, const struct board *board, enum family family,
		    enum mistake mistake)
{
	*reference = (struct reference){.board = board, .mistake = mistake};
	for (size_t p = 0; p < board->n_profiles; p++) {
		const struct profile *profile = &board->profiles[p];

		for (unsigned start = 0; start < board->units; start++) {
			if (!in_family(family, profile->constant) ||
			    !(profile->starts >> start & 1))
				continue;
			if (reference->n == PAIRS_MAX)
				abort();
			reference->pairs[reference->n].profile = profile;
			reference->pairs[reference->n++].start = start;
		}
	}
}

/* ---- is what is there allowed? ---- */

/* Draws one more; false when it lies on another or beyond the end. */
static bool draw(const struct reference *reference, const struct profile *profile, unsigned start,
		 char *units)
{
	unsigned end = start + profile->size;

	if (reference->mistake == MISTAKE_SHORT_WINDOW && profile->size > 1)
		end--;
	for (unsigned u = start; u < end; u++) {
		if (u >= reference->board->units || units[u] == 'x')
			return false;
		units[u] = 'x';
	}
	return true;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static bool media_allowed(const struct reference *reference)
{
	unsigned n = 0, me = 0, all = 0, none = 0;

	for (unsigned i = 0; i < reference->n; i++) {
		const char *name = reference->pairs[i].profile->name;

		if (!reference->pairs[i].there)
			continue;
		n++;
		me += ends_with(name, "+me");
		all += ends_with(name, "+me.all");
		none += ends_with(name, "-me");
	}
	if (me > 1 && reference->mistake != MISTAKE_MANY_ME)
		return false;
	if (all && reference->mistake != MISTAKE_MIXED_ME_ALL)
		return all == 1 && none == n - 1;
	return true;
}

static bool allowed(const struct reference *reference)
{
	unsigned compute = 0;
	char units[16] = "";

	for (unsigned i = 0; i < reference->n; i++) {
		if (!reference->pairs[i].there)
			continue;
		compute += reference->pairs[i].profile->compute_slices;
		if (!draw(reference, reference->pairs[i].profile, reference->pairs[i].start, units))
			return false;
	}
	return compute <= reference->board->compute_slices && media_allowed(reference);
}

static bool could_add(struct reference *reference, unsigned i)
{
	bool could;

	if (reference->pairs[i].there)
		return false;
	reference->pairs[i].there = true;
	could = allowed(reference);
	reference->pairs[i].there = false;
	return could;
}

/* ---- changes ---- */

static unsigned index_of(const struct reference *reference, const struct profile *profile,
			 unsigned start)
{
	unsigned i = 0;

	while (i < reference->n &&
	       (reference->pairs[i].profile != profile || reference->pairs[i].start != start))
		i++;
	return i;
}

bool reference_take(struct reference *reference, const struct profile *profile, unsigned start)
{
	unsigned i = index_of(reference, profile, start);

	if (i == reference->n || !could_add(reference, i))
		return false;
	reference->pairs[i].there = true;
	return true;
}

bool reference_give(struct reference *reference, const struct profile *profile, unsigned start)
{
	unsigned i = index_of(reference, profile, start);

	if (i == reference->n || !reference->pairs[i].there)
		return false;
	reference->pairs[i].there = reference->mistake == MISTAKE_GIVE_NOTHING;
	return true;
}

/* ---- keys ---- */

uint32_t reference_key(const struct reference *reference)
{
	uint32_t key = 0;

	for (unsigned i = 0; i < reference->n; i++)
		if (reference->pairs[i].there)
			key |= (uint32_t)1 << i;
	return key;
}

uint32_t reference_key_of(const struct reference *reference, const struct layout *layout)
{
	uint32_t key = 0;

	for (unsigned i = 0; i < layout->n; i++)
		key |= (uint32_t)1
		       << index_of(reference, &layout->board->profiles[layout->at[i].profile],
				   layout->at[i].start);
	return key;
}

void reference_set(struct reference *reference, uint32_t key)
{
	for (unsigned i = 0; i < reference->n; i++)
		reference->pairs[i].there = key >> i & 1;
}

struct keys {
	uint32_t *at;
	size_t n, cap;
};

/* Each pair from the last to the first: without it, then with it. */
static void enumerate(struct reference *reference, unsigned undecided, struct keys *keys)
{
	if (!undecided) {
		if (keys->n == keys->cap) {
			keys->cap = keys->cap ? keys->cap * 2 : 1024;
			keys->at = reallocarray(keys->at, keys->cap, sizeof(*keys->at));
			if (!keys->at)
				abort();
		}
		keys->at[keys->n++] = reference_key(reference);
		return;
	}
	undecided--;
	enumerate(reference, undecided, keys);
	if (could_add(reference, undecided)) {
		reference->pairs[undecided].there = true;
		enumerate(reference, undecided, keys);
		reference->pairs[undecided].there = false;
	}
}

size_t reference_enumerate(struct reference *reference, uint32_t **ret)
{
	struct keys keys = {.at = NULL};

	reference_set(reference, 0);
	enumerate(reference, reference->n, &keys);
	*ret = keys.at;
	return keys.n;
}

bool reference_is_maximal(struct reference *reference)
{
	for (unsigned i = 0; i < reference->n; i++)
		if (could_add(reference, i))
			return false;
	return true;
}

/* ---- questions ---- */

static unsigned starts_of(struct reference *reference, const struct profile *profile)
{
	unsigned starts = 0;

	for (unsigned i = 0; i < reference->n; i++)
		if (reference->pairs[i].profile == profile && could_add(reference, i))
			starts |= 1u << reference->pairs[i].start;
	return starts;
}

/* The most of one profile that can be added together, by trying all sets. */
static unsigned most_more(struct reference *reference, const struct profile *profile, unsigned from)
{
	unsigned most = 0;

	for (unsigned i = from; i < reference->n; i++) {
		unsigned with;

		if (reference->pairs[i].profile != profile || !could_add(reference, i))
			continue;
		reference->pairs[i].there = true;
		with = 1 + most_more(reference, profile, i + 1);
		reference->pairs[i].there = false;
		most = with > most ? with : most;
	}
	return most;
}

/* Phi: windows that are free in the drawing, of plain and double-memory profiles. */
static unsigned choices(const struct reference *reference)
{
	char units[16] = "";
	unsigned sum = 0;

	for (unsigned i = 0; i < reference->n; i++)
		if (reference->pairs[i].there)
			draw(reference, reference->pairs[i].profile, reference->pairs[i].start,
			     units);
	for (unsigned i = 0; i < reference->n; i++) {
		const struct profile *profile = reference->pairs[i].profile;
		char copy[16];

		memcpy(copy, units, sizeof(copy));
		if (in_family(FAMILY_DOUBLE, profile->constant) &&
		    draw(reference, profile, reference->pairs[i].start, copy))
			sum += reference->mistake == MISTAKE_UNWEIGHTED ? 1 : profile->size;
	}
	return sum;
}

/* false when there is no place */
static bool best_of(struct reference *reference, const struct profile *profile, unsigned *ret_start,
		    unsigned *ret_loss)
{
	unsigned before = choices(reference);
	bool found = false;

	for (unsigned i = 0; i < reference->n; i++) {
		bool ties = reference->mistake == MISTAKE_HIGHEST_TIE;
		unsigned loss;

		if (reference->pairs[i].profile != profile || !could_add(reference, i))
			continue;
		reference->pairs[i].there = true;
		loss = before - choices(reference);
		reference->pairs[i].there = false;
		if (found && (ties ? loss > *ret_loss : loss >= *ret_loss))
			continue;
		*ret_start = reference->pairs[i].start;
		*ret_loss = loss;
		found = true;
	}
	return found;
}

/* ---- against a layout ---- */

static const char *disagrees_about(struct reference *reference, const struct layout *layout,
				   const struct profile *profile)
{
	unsigned starts = starts_of(reference, profile);
	unsigned start = 99, loss = 99, their_start = 99, their_loss = 99;

	if (layout_starts(layout, profile) != starts)
		return "layout_starts";
	for (unsigned s = 0; s < 20; s++)
		if (layout_fits(layout, profile, s) != (starts >> s & 1))
			return "layout_fits";
	if (layout_remaining(layout, profile) != most_more(reference, profile, 0))
		return "layout_remaining";
	if (layout_find(layout, profile, &start, &loss) !=
		    best_of(reference, profile, &their_start, &their_loss) ||
	    start != their_start || loss != their_loss)
		return "layout_find";
	return NULL;
}

/* What a layout keeps about itself, counted anew. */
static const char *world_check(const struct reference *reference, const struct layout *layout)
{
	unsigned compute = 0, end = 0, mask = 0;

	for (unsigned i = 0; i < layout->n; i++) {
		const struct profile *profile = &layout->board->profiles[layout->at[i].profile];

		if (layout->at[i].start < end)
			return "the order of places";
		end = layout->at[i].start;
		for (unsigned u = 0; u < profile->size; u++)
			mask |= 1u << end++;
		compute += profile->compute_slices;
	}
	if (mask != layout->mask || end > layout->board->units)
		return "the mask";
	if (compute != layout->compute)
		return "compute";
	return reference_key_of(reference, layout) == reference_key(reference) ? NULL
									       : "the places";
}

const char *reference_disagrees(struct reference *reference, const struct layout *layout)
{
	const char *about = world_check(reference, layout);

	if (!about && layout_choices(layout) != choices(reference))
		about = "layout_choices";
	for (size_t p = 0; !about && p < layout->board->n_profiles; p++)
		about = disagrees_about(reference, layout, &layout->board->profiles[p]);
	return about;
}
