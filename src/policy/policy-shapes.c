#include "policy/policy-shapes.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "geometry/layout.h"
#include "policy/policy-part.h"

size_t policy_shapes(const struct policy *policy, const struct board *board,
		     const struct profile *ret[POLICY_MAX_PROFILES])
{
	bool given[POLICY_MAX_PROFILES] = {false};
	size_t n = 0;

	for (size_t i = 0; i < policy->n_classes; i++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n_profiles = policy_class_profiles(&policy->classes[i], board, profiles);

		for (size_t k = 0; k < n_profiles; k++)
			given[profile_index(board, profiles[k])] = true;
	}
	for (size_t i = 0; i < board->n_profiles; i++)
		if (given[i])
			ret[n++] = &board->profiles[i];
	return n;
}

struct filling {
	const struct board *board;
	const struct profile *const *shapes;
	size_t n;
	const struct profile *with;
	struct layout layout;
	unsigned most;
};

/* Every layout of these shapes from that unit on; has: the wanted one lies there already. */
static void fill(struct filling *filling, unsigned from, bool has)
{
	if (has && filling->layout.compute > filling->most)
		filling->most = filling->layout.compute;
	for (unsigned start = from; start < filling->board->units; start++)
		for (size_t i = 0; i < filling->n && filling->most < filling->board->compute_slices;
		     i++) {
			const struct profile *shape = filling->shapes[i];

			if (!layout_take(&filling->layout, shape, start))
				continue;
			fill(filling, start + shape->size, has || shape == filling->with);
			layout_give(&filling->layout, shape, start);
		}
}

unsigned policy_shape_fills(const struct board *board, const struct profile *const *shapes,
			    size_t n, const struct profile *with)
{
	struct filling filling = {.board = board, .shapes = shapes, .n = n, .with = with};

	layout_init(&filling.layout, board);
	fill(&filling, 0, false);
	return filling.most;
}

static void note_many(const struct board *board, const struct profile *const *shapes, size_t n,
		      struct text *ret)
{
	text_addf(ret, "%s: its classes cut it into %zu different shapes (", board->id, n);
	for (size_t i = 0; i < n; i++)
		text_addf(ret, "%s%s", i ? ", " : "", shapes[i]->name);
	text_addf(ret, "); more than %d are hard to share: what is free is seldom what is asked "
		       "for\n",
		  POLICY_MANY_SHAPES);
}

static void note_stranded(const struct board *board, const struct profile *const *shapes, size_t n,
			  struct text *ret)
{
	for (size_t i = 0; i < n; i++) {
		unsigned most = policy_shape_fills(board, shapes, n, shapes[i]);

		if (most < board->compute_slices)
			text_addf(ret,
				  "%s: beside a %s at most %u of the %u compute slices are ever used: "
				  "no class fits into the rest\n",
				  board->id, shapes[i]->name, most, board->compute_slices);
	}
}

void policy_notes_boards(const struct policy *policy, const struct board *const *boards_here,
			 size_t n_boards_here, struct text *ret)
{
	for (size_t i = 0; i < n_boards_here; i++) {
		const struct profile *shapes[POLICY_MAX_PROFILES];
		size_t n = policy_shapes(policy, boards_here[i], shapes), first = 0;

		while (boards_here[first] != boards_here[i])
			first++;
		if (first < i)
			continue;
		if (n > POLICY_MANY_SHAPES)
			note_many(boards_here[i], shapes, n, ret);
		note_stranded(boards_here[i], shapes, n, ret);
	}
}
