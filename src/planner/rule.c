#include "planner/rule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"

static const struct {
	const char *name, *meaning;
} words[RULE_COUNT] = {
#define X(name, typed, meaning) {typed, meaning},
	RULE_TABLE(X)
#undef X
};

const char *rule_name(enum rule rule)
{
	return words[rule].name;
}

const char *rule_meaning(enum rule rule)
{
	return words[rule].meaning;
}

/* ---- what a mask is worth ---- */

static struct layout masked(const struct board *board, unsigned mask)
{
	return (struct layout){.board = board, .mask = (uint16_t)mask};
}

static unsigned choices(const struct board *board, unsigned mask)
{
	struct layout layout = masked(board, mask);

	return layout_choices(&layout);
}

unsigned rule_fragmentation(const struct board *board, uint16_t mask)
{
	struct layout layout = masked(board, mask);
	unsigned n_free = board->units - (unsigned)__builtin_popcount(mask), sum = 0;

	for (size_t i = 0; i < board->n_profiles; i++) {
		const struct profile *profile = &board->profiles[i];

		if (!family_has(FAMILY_DOUBLE, profile) || profile->size > n_free)
			continue;
		sum += profile->size *
		       (unsigned)(__builtin_popcount(profile->starts) -
				  __builtin_popcount(layout_starts(&layout, profile)));
	}
	return sum;
}

/* ---- orders of starts ---- */

struct order {
	unsigned n;
	uint8_t at[LAYOUT_MAX];
};

static void order_ascending(const struct board *board, const struct profile *profile,
			    struct order *ret)
{
	(void)board;
	ret->n = 0;
	for (unsigned start = 0; start < LAYOUT_MAX; start++)
		if (profile->starts >> start & 1u)
			ret->at[ret->n++] = (uint8_t)start;
}

/* How many (base profile, start) pairs are free. */
static unsigned count_starts(const struct board *board, unsigned mask)
{
	struct layout layout = masked(board, mask);
	unsigned n = 0;

	for (size_t i = 0; i < board->n_profiles; i++)
		if (family_has(FAMILY_BASE, &board->profiles[i]))
			n += (unsigned)__builtin_popcount(
				layout_starts(&layout, &board->profiles[i]));
	return n;
}

/*
 * The order in which the driver fills an empty GPU when no start is given, as
 * observed on 8-slot boards (1g 6 4 5 0 1 2 3): each time the start that leaves
 * the most pairs, the lowest when they tie.
 */
static void order_of_driver(const struct board *board, const struct profile *profile,
			    struct order *ret)
{
	unsigned mask = 0, left = profile->starts;

	ret->n = 0;
	while (left) {
		unsigned best = 0;
		int most = -1;

		for (unsigned start = 0; start < LAYOUT_MAX; start++) {
			int n;

			if (!(left >> start & 1u))
				continue;
			n = (int)count_starts(board, mask | profile_window(profile, start));
			if (n > most) {
				most = n;
				best = start;
			}
		}
		ret->at[ret->n++] = (uint8_t)best;
		mask |= profile_window(profile, best);
		left &= ~(1u << best);
	}
}

/* ---- scores ---- */

static int score_none(const struct board *board, unsigned mask, unsigned window)
{
	(void)board, (void)mask, (void)window;
	return 0;
}

static int score_emptiness(const struct board *board, unsigned mask, unsigned window)
{
	(void)window;
	return board->units - __builtin_popcount(mask);
}

static int score_fullness(const struct board *board, unsigned mask, unsigned window)
{
	(void)board, (void)window;
	return __builtin_popcount(mask);
}

static int score_fragmentation(const struct board *board, unsigned mask, unsigned window)
{
	return (int)rule_fragmentation(board, (uint16_t)(mask | window)) -
	       (int)rule_fragmentation(board, (uint16_t)mask);
}

static int score_choices(const struct board *board, unsigned mask, unsigned window)
{
	return (int)choices(board, mask) - (int)choices(board, mask | window);
}

static const struct {
	int (*score)(const struct board *board, unsigned mask, unsigned window);
	void (*order)(const struct board *board, const struct profile *profile, struct order *ret);
} rules_by_name[RULE_COUNT] = {
	[RULE_FF] = {score_none, order_ascending},
	[RULE_RR] = {score_none, order_ascending},
	[RULE_BF] = {score_emptiness, order_of_driver},
	[RULE_WF] = {score_fullness, order_of_driver},
	[RULE_MFI] = {score_fragmentation, order_ascending},
	[RULE_CAP] = {score_choices, order_ascending},
};

static struct rule_step best_step(enum rule rule, const struct layout *layout,
				  const struct profile *profile, const struct order *order,
				  unsigned starts)
{
	struct rule_step best = {.score = RULE_NO_FIT};

	for (unsigned i = 0; i < order->n; i++) {
		unsigned start = order->at[i];
		int score;

		if (!(starts >> start & 1u))
			continue;
		score = rules_by_name[rule].score(layout->board, layout->mask,
						  profile_window(profile, start));
		if (score < best.score)
			best = (struct rule_step){.score = (int16_t)score, .start = (uint8_t)start};
	}
	return best;
}

unsigned rule_pick(enum rule rule, const struct layout *layout, const struct profile *profile,
		   uint16_t starts, int *ret_score)
{
	struct rule_step step;
	struct order order;

	rules_by_name[rule].order(layout->board, profile, &order);
	step = best_step(rule, layout, profile, &order, starts);
	*ret_score = step.score;
	return step.start;
}

/* ---- states ---- */

/*
 * What the instances have of the media engines, as far as it decides what may
 * come beside them (layout.h): nothing at all, something, the one "+me", all.
 */
enum media { MEDIA_NONE, MEDIA_PLAIN, MEDIA_ME, MEDIA_ALL, MEDIA_COUNT };

static enum media media_of(const struct layout *layout)
{
	enum media media = MEDIA_NONE;

	for (unsigned i = 0; i < layout->n; i++) {
		unsigned flags = layout->board->profiles[layout->at[i].profile].flags;
		enum media theirs = flags & PROFILE_ME_ALL  ? MEDIA_ALL
				    : flags & PROFILE_ME    ? MEDIA_ME
				    : flags & PROFILE_NO_ME ? MEDIA_NONE
							    : MEDIA_PLAIN;

		media = theirs > media ? theirs : media;
	}
	return media;
}

static size_t key_of(const struct layout *layout)
{
	return (size_t)layout->mask * MEDIA_COUNT + media_of(layout);
}

unsigned rules_state(const struct rules *rules, const struct layout *layout)
{
	unsigned state = rules->state_of[key_of(layout)];

	assert(state != RULE_NO_STATE);
	return state;
}

/* One layout stands for all of a state: what fits beside it is the same for each. */
struct states {
	struct rules *rules;
	struct layout example[RULE_MAX_STATES];
};

static void add_state(struct states *states, const struct layout *layout)
{
	struct rules *rules = states->rules;
	uint16_t *state = &rules->state_of[key_of(layout)];

	if (*state != RULE_NO_STATE)
		return;
	assert(rules->n_states < RULE_MAX_STATES);
	rules->masks[rules->n_states] = layout->mask;
	states->example[rules->n_states] = *layout;
	*state = (uint16_t)rules->n_states++;
}

static void find_states(struct states *states)
{
	const struct board *board = states->rules->board;
	struct layout layout;

	layout_init(&layout, board);
	add_state(states, &layout);
	for (unsigned s = 0; s < states->rules->n_states; s++)
		for (size_t i = 0; i < board->n_profiles; i++)
			for (unsigned start = 0; start < board->units; start++) {
				layout = states->example[s];
				if (layout_take(&layout, &board->profiles[i], start))
					add_state(states, &layout);
			}
}

static void fill_steps(struct states *states)
{
	struct rules *rules = states->rules;
	struct rule_step *step = rules->steps;

	for (enum rule rule = 0; rule < RULE_COUNT; rule++)
		for (size_t i = 0; i < RULE_MAX_PROFILES; i++, step += RULE_MAX_STATES) {
			const struct profile *profile = &rules->board->profiles[i];
			struct order order;

			if (i >= rules->board->n_profiles)
				continue;
			rules_by_name[rule].order(rules->board, profile, &order);
			for (unsigned s = 0; s < rules->n_states; s++)
				step[s] = best_step(rule, &states->example[s], profile, &order,
						    layout_starts(&states->example[s], profile));
		}
}

struct rules *rules_new(const struct board *board)
{
	cleanup(rules_free) struct rules *rules = calloc(1, sizeof(*rules));
	cleanup(free) struct states *states = calloc(1, sizeof(*states));
	size_t n_keys = ((size_t)1 << board->units) * MEDIA_COUNT;

	assert(board->n_profiles <= RULE_MAX_PROFILES);
	if (!rules || !states)
		return NULL;
	rules->board = board;
	rules->state_of = malloc(n_keys * sizeof(*rules->state_of));
	rules->steps = calloc((size_t)RULE_COUNT * RULE_MAX_PROFILES * RULE_MAX_STATES,
			      sizeof(*rules->steps));
	if (!rules->state_of || !rules->steps)
		return NULL;
	for (size_t i = 0; i < n_keys; i++)
		rules->state_of[i] = RULE_NO_STATE;
	states->rules = rules;
	find_states(states);
	fill_steps(states);
	return steal(rules);
}

void rules_free(struct rules *rules)
{
	if (!rules)
		return;
	free(rules->state_of);
	free(rules->steps);
	free(rules);
}
