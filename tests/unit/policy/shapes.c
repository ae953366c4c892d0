/* What the classes make of a board: too many shapes, and shapes that strand slices. */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "geometry/layout.h"
#include "policy/policy-shapes.h"

static struct policy *policy_of(const char *profiles)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	char yaml[300];

	snprintf(yaml, sizeof(yaml), "version: 1\nclasses: {c: {profiles: [%s]}}\nteams: {everyone: {}}\n",
		 profiles);
	if (policy_parse(yaml, strlen(yaml), "p", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

static void shapes_are_noted(void **state)
{
#define STRANDS(board, shape, most, of)                                                            \
	board ": beside a " shape " at most " most " of the " of " compute slices are ever used: " \
	      "no class fits into the rest\n"
	static const struct {
		const char *board, *profiles, *notes;
	} cases[] = {
		{"a100-sxm4-80gb", "1g", ""},
		{"a100-sxm4-80gb", "full", ""},
		{"a100-sxm4-80gb", "1g, 3g, full", ""}, /* 3g at 4, four 1g before it */
		{"a100-sxm4-80gb", "3g, full", STRANDS("a100-sxm4-80gb", "3g.40gb", "6", "7")},
		{"a100-sxm4-80gb", "4g, 3g", ""},
		{"a100-sxm4-80gb", "2g", STRANDS("a100-sxm4-80gb", "2g.20gb", "6", "7")},
		{"a100-sxm4-80gb", "1g.20gb", STRANDS("a100-sxm4-80gb", "1g.20gb", "4", "7")},
		{"a30-24gb", "2g, 1g", ""},
		{"a100-sxm4-80gb", "1g, 2g, 3g, 4g, full",
		 "a100-sxm4-80gb: its classes cut it into 5 different shapes (1g.10gb, 2g.20gb, "
		 "3g.40gb, 4g.40gb, 7g.80gb); more than 4 are hard to share: what is free is "
		 "seldom what is asked for\n"},
		{"h100-sxm5-80gb", "1g.6gb", ""}, /* serves nothing there */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct board *board = board_by_id(cases[i].board), *here[] = {board, board};
		cleanup(policy_free) struct policy *policy = policy_of(cases[i].profiles);
		cleanup(text_done) struct text text = TEXT_INIT;

		policy_notes_boards(policy, here, 2, &text);
		if (strcmp(text_str(&text), cases[i].notes) != 0)
			fail_msg("%s on %s:\n%s\nnot:\n%s", cases[i].profiles, cases[i].board,
				 text_str(&text), cases[i].notes);
	}
}

/* The slow way: every layout there is, of which only those count that are made of these. */
struct reference {
	const struct board *board;
	const struct profile *const *shapes;
	size_t n;
	unsigned most[POLICY_MAX_PROFILES];
};

static bool look(const struct layout *layout, void *arg)
{
	struct reference *reference = arg;
	bool has[POLICY_MAX_PROFILES] = {false};

	for (size_t i = 0; i < layout->n; i++) {
		size_t k = 0;

		while (k < reference->n && profile_index(reference->board, reference->shapes[k]) !=
						   layout->at[i].profile)
			k++;
		if (k == reference->n)
			return true;
		has[k] = true;
	}
	for (size_t k = 0; k < reference->n; k++)
		if (has[k] && layout->compute > reference->most[k])
			reference->most[k] = layout->compute;
	return true;
}

static void it_is_what_every_layout_says(void **state)
{
	static const char *const lists[] = {"1g", "2g, 3g", "3g, 4g, 1g.20gb", "2g, 1g+me, full",
					    "1g, 2g, 3g, 4g, full", "3g"};
	static const char *const names[] = {"a100-sxm4-80gb", "a30-24gb", "h200-sxm-141gb"};

	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(names); b++)
		for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
			cleanup(policy_free) struct policy *policy = policy_of(lists[i]);
			const struct board *board = board_by_id(names[b]);
			const struct profile *shapes[POLICY_MAX_PROFILES];
			size_t n = policy_shapes(policy, board, shapes);
			struct reference reference = {board, shapes, n, {0}};

			layout_each(board, FAMILY_ALL, look, &reference);
			for (size_t k = 0; k < n; k++)
				if (policy_shape_fills(board, shapes, n, shapes[k]) !=
				    reference.most[k])
					fail_msg("%s, %s of %s", names[b], shapes[k]->name,
						 lists[i]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shapes_are_noted),
		cmocka_unit_test(it_is_what_every_layout_says),
	};

	return tap_run(tests);
}
