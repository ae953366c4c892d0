#include "geometry/size.h"

#include "base/array.h"

const char *facet_meaning(enum facet facet)
{
	static const char *const meanings[] = {
#define X(name, meaning) meaning,
		FACET_TABLE(X)
#undef X
	};

	return (size_t)facet < ARRAY_SIZE(meanings) ? meanings[facet] : "?";
}

/* ---- the two forms ---- */

#define CLASSES_MAX 7
#define FACETS_MAX  7

/* Profiles that behave alike; starts in memory slices. */
struct class
{
	uint8_t compute, memory, starts;
	unsigned flags; /* of PROFILE_DOUBLE, PROFILE_ME, PROFILE_ME_ALL */
};

struct form {
	uint8_t compute, memory; /* slices of the board */
	unsigned n_classes, n_facets;
	struct class classes[CLASSES_MAX]; /* the first takes a whole GPU */
	struct {
		enum facet facet;
		uint8_t most; /* of it on one GPU */
		uint8_t needs[CLASSES_MAX];
	} facets[FACETS_MAX];
};

/*
 * That these sums are exact was shown on the polytope they bound: its integer
 * points are what fits on one GPU, its corners are integer, and every integer
 * point of its k-fold is a sum of k such points.
 */
static const struct form forms[] = {
	{
		.compute = 7,
		.memory = 8,
		.n_classes = 7,
		.n_facets = 7,
		.classes = {{7, 8, 0x01, 0},
			    {1, 1, 0x7f, 0},
			    {1, 2, 0x55, PROFILE_DOUBLE},
			    {2, 2, 0x15, 0},
			    {3, 4, 0x11, 0},
			    {4, 4, 0x01, 0},
			    {1, 1, 0x7f, PROFILE_ME}},
		/*                        7g 1g 1g' 2g 3g 4g +me */
		.facets = {{FACET_COMPUTE, 7, {0, 1, 1, 2, 3, 4, 1}},
			   {FACET_MEMORY, 8, {0, 1, 2, 2, 4, 4, 1}},
			   {FACET_ALIGNMENT, 3, {0, 0, 0, 1, 1, 2, 0}},
			   {FACET_ONE_4G, 1, {0, 0, 0, 0, 0, 1, 0}},
			   {FACET_ONE_ME, 1, {0, 0, 0, 0, 0, 0, 1}},
			   {FACET_HALVES, 2, {0, 0, 0, 0, 1, 1, 1}},
			   {FACET_PAIRS, 4, {0, 0, 1, 1, 2, 2, 1}}},
	},
	{
		.compute = 4,
		.memory = 4,
		.n_classes = 5,
		.n_facets = 3,
		.classes = {{4, 4, 0x01, 0},
			    {1, 1, 0x0f, 0},
			    {2, 2, 0x05, 0},
			    {1, 1, 0x0f, PROFILE_ME},
			    {2, 2, 0x05, PROFILE_ME}},
		/*                        4g 1g 2g 1g+me 2g+me */
		.facets = {{FACET_COMPUTE, 4, {0, 1, 2, 1, 2}},
			   {FACET_ONE_ME, 1, {0, 0, 0, 1, 1}},
			   {FACET_HALVES, 2, {0, 0, 1, 1, 1}}},
	},
};

static const struct form *form_of(const struct board *board)
{
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++)
		if (forms[i].compute == board->compute_slices &&
		    forms[i].memory == board->memory_slices &&
		    board->units % board->memory_slices == 0)
			return &forms[i];
	return NULL;
}

/* The profile's starts in memory slices: on 12-unit boards every third unit. */
static unsigned slice_starts(const struct board *board, const struct profile *profile)
{
	unsigned units = board->units / board->memory_slices, starts = 0;

	for (unsigned slice = 0; slice < board->memory_slices; slice++)
		starts |= (profile->starts >> slice * units & 1u) << slice;
	return starts;
}

/* Index of the profile's class, or n_classes when it has none. */
static unsigned class_of(const struct form *form, const struct board *board,
			 const struct profile *profile)
{
	unsigned flags = profile->flags & (PROFILE_DOUBLE | PROFILE_ME | PROFILE_ME_ALL), i = 0;

	for (; i < form->n_classes; i++) {
		const struct class *class = &form->classes[i];

		if (class->compute == profile->compute_slices && class->flags == flags &&
		    class->memory == profile->memory_slices &&
		    class->starts == slice_starts(board, profile))
			break;
	}
	return i;
}

static bool count_classes(const struct form *form, const struct board *board,
			  const uint32_t *wanted, uint64_t *counts)
{
	for (size_t i = 0; i < board->n_profiles; i++) {
		unsigned class = class_of(form, board, &board->profiles[i]);

		if (!wanted[i])
			continue;
		if (class == form->n_classes)
			return false;
		counts[class] += wanted[i];
	}
	return true;
}

bool size_minimum(const struct board *board, const uint32_t *wanted, uint64_t *ret_gpus,
		  enum facet *ret_facet)
{
	const struct form *form = form_of(board);
	uint64_t counts[CLASSES_MAX] = {0}, most = 0;
	enum facet decides = FACET_WHOLE;

	if (!form || !count_classes(form, board, wanted, counts))
		return false;
	for (unsigned f = 0; f < form->n_facets; f++) {
		uint64_t sum = 0, gpus;

		for (unsigned c = 0; c < form->n_classes; c++)
			sum += form->facets[f].needs[c] * counts[c];
		gpus = (sum + form->facets[f].most - 1u) / form->facets[f].most;
		if (gpus > most) {
			most = gpus;
			decides = form->facets[f].facet;
		}
	}
	*ret_gpus = counts[0] + most;
	if (ret_facet)
		*ret_facet = decides;
	return true;
}

unsigned size_facets(const struct board *board, struct size_facet *ret)
{
	const struct form *form = form_of(board);

	for (unsigned f = 0; form && f < form->n_facets; f++) {
		ret[f] = (struct size_facet){.facet = form->facets[f].facet,
					     .most = form->facets[f].most};
		for (size_t i = 0; i < board->n_profiles && i < SIZE_MAX_PROFILES; i++) {
			unsigned class = class_of(form, board, &board->profiles[i]);

			if (class < form->n_classes)
				ret[f].needs[i] =
					class ? form->facets[f].needs[class] : ret[f].most;
		}
	}
	return form ? form->n_facets : 0;
}

bool size_covers(const struct board *board, const struct profile *profile)
{
	const struct form *form = form_of(board);

	return form && class_of(form, board, profile) < form->n_classes;
}

uint64_t size_facet_needed(const struct size_facet *facet, const int64_t *wanted)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < SIZE_MAX_PROFILES; i++)
		sum += (uint64_t)facet->needs[i] * (uint64_t)wanted[i];
	return sum;
}

uint64_t size_facet_gpus(const struct size_facet *facet, const int64_t *wanted)
{
	uint64_t needed = size_facet_needed(facet, wanted);

	return needed / facet->most + (needed % facet->most != 0);
}
