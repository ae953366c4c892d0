/*
 * choose_place(), choose_count() and choose_outlook() on random worlds against a
 * slow reference that shares no code with them: it paints units, lists every
 * possible answer and takes the best.
 */
#include "../unit/tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "planner/choose.h"

#define WORLDS	 4000
#define MAX_GPUS 3

static const char *const board_names[] = {"a100-sxm4-80gb", "a30-24gb", "h200-sxm-141gb",
					  "rtx-pro-6000-blackwell-server"};

/* ---- chance ---- */

static uint64_t seed = 20261124;

static unsigned draw(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

/* ---- the reference's own idea of one GPU ---- */

struct row {
	const struct board *board;
	bool taken[16];
	unsigned compute, n, n_me, n_me_all, n_no_me;
};

static bool row_fits(const struct row *row, const struct profile *profile, unsigned start)
{
	if (start > 15 || !(profile->starts >> start & 1))
		return false;
	for (unsigned u = start; u < start + profile->size; u++)
		if (u >= row->board->units || row->taken[u])
			return false;
	if (row->compute + profile->compute_slices > row->board->compute_slices)
		return false;
	if (row->n_me_all)
		return profile->flags & PROFILE_NO_ME;
	if (profile->flags & PROFILE_ME_ALL)
		return row->n_no_me == row->n;
	return !(profile->flags & PROFILE_ME) || !row->n_me;
}

static void row_put(struct row *row, const struct profile *profile, unsigned start)
{
	for (unsigned u = start; u < start + profile->size; u++)
		row->taken[u] = true;
	row->compute += profile->compute_slices;
	row->n++;
	row->n_me += !!(profile->flags & PROFILE_ME);
	row->n_me_all += !!(profile->flags & PROFILE_ME_ALL);
	row->n_no_me += !!(profile->flags & PROFILE_NO_ME);
}

/* Size times free windows, over plain profiles and those with double memory. */
static unsigned row_choices(const struct row *row, bool broken)
{
	unsigned sum = 0;

	for (size_t p = 0; p < row->board->n_profiles; p++) {
		const struct profile *profile = &row->board->profiles[p];

		if (profile->flags & ~(PROFILE_DOUBLE | PROFILE_P2P))
			continue;
		for (unsigned start = 0; start < row->board->units; start++) {
			bool whole = profile->starts >> start & 1;

			for (unsigned u = start; whole && u < start + profile->size; u++)
				whole = !row->taken[u];
			sum += whole ? (broken ? 1 : profile->size) : 0;
		}
	}
	return sum;
}

static unsigned row_free(const struct row *row)
{
	unsigned n = 0;

	for (unsigned u = 0; u < row->board->units; u++)
		n += !row->taken[u];
	return n;
}

/* Size times windows lost, over the profiles that the number of free units still allows. */
static int row_fragmentation(const struct row *row)
{
	unsigned n_free = row_free(row);
	int sum = 0;

	for (size_t p = 0; p < row->board->n_profiles; p++) {
		const struct profile *profile = &row->board->profiles[p];

		if (profile->flags & ~(PROFILE_DOUBLE | PROFILE_P2P) || profile->size > n_free)
			continue;
		for (unsigned start = 0; start < row->board->units; start++) {
			bool lost = false;

			if (!(profile->starts >> start & 1))
				continue;
			for (unsigned u = start; u < start + profile->size; u++)
				lost |= row->taken[u];
			sum += lost ? profile->size : 0;
		}
	}
	return sum;
}

/* What is there without the removed ones; keep: bits of gpu->at. */
static struct row row_of(const struct choose_gpu *gpu, uint32_t keep, uint16_t blocked)
{
	struct row row = {.board = gpu->board};

	for (size_t i = 0; i < gpu->n; i++)
		if (keep >> i & 1)
			row_put(&row, gpu->at[i].profile, gpu->at[i].start);
	for (unsigned u = 0; u < 16; u++)
		row.taken[u] |= blocked >> u & 1;
	return row;
}

/* ---- random worlds ---- */

struct world {
	struct choose_gpu gpus[MAX_GPUS];
	size_t n;
	struct policy *policy;
	const struct policy_class *class_;
	uint32_t max_slices;
	struct choose_hold hold;
	unsigned rule; /* index into rule_names */
};

enum { CAP, MFI, BEST_FIT, FIRST_FIT };
static const char *const rule_names[] = {"cap", "mfi", "best-fit", "first-fit"};

static void fill(struct choose_gpu *gpu, size_t index)
{
	struct row row = {.board = gpu->board};

	for (unsigned tries = draw(20); tries; tries--) {
		const struct profile *profile =
			&gpu->board->profiles[draw((unsigned)gpu->board->n_profiles)];
		unsigned start = draw(gpu->board->units);
		struct choose_instance *instance = &gpu->at[gpu->n];

		if (!row_fits(&row, profile, start))
			continue;
		row_put(&row, profile, start);
		*instance = (struct choose_instance){
			.id = (int64_t)(100 * index + gpu->n),
			.profile = profile,
			.start = start,
			.use = draw(2) ? CHOOSE_HELD : CHOOSE_FREE,
			.laid = draw(6) == 0,
		};
		if (instance->use == CHOOSE_HELD && draw(4)) {
			instance->has_ends = true;
			instance->ends_s = 900 + draw(12) * 50;
			instance->lease = instance->id + 1;
		}
		gpu->n++;
	}
}

static struct policy *random_policy(unsigned most_profiles, const char *rule)
{
	cleanup(text_done) struct text yaml = TEXT_INIT;
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	text_addf(&yaml, "version: 1\nteams: {everyone: {}}\nplacement: {rule: %s}\n", rule);
	text_add(&yaml, "classes:\n  c:\n    boards:\n");
	for (size_t b = 0; b < ARRAY_SIZE(board_names); b++) {
		const struct board *board = board_by_id(board_names[b]);

		text_addf(&yaml, "      %s: [", board->id);
		for (unsigned n = 1 + draw(most_profiles); n; n--)
			text_addf(&yaml, "%s%s",
				  board->profiles[draw((unsigned)board->n_profiles)].name,
				  n > 1 ? ", " : "]\n");
	}
	if (policy_parse(text_str(&yaml), yaml.len, "p", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

static struct world world_new(unsigned most_profiles)
{
	struct world world = {.n = 1 + draw(MAX_GPUS),
			      .max_slices = draw(4) ? UINT32_MAX : draw(8)};

	for (size_t g = 0; g < world.n; g++) {
		const char *name = board_names[draw(ARRAY_SIZE(board_names))];

		world.gpus[g] = (struct choose_gpu){.usable = draw(10), .board = board_by_id(name)};
		fill(&world.gpus[g], g);
	}
	world.hold = (struct choose_hold){
		.active = !draw(3),
		.gpu = draw(MAX_GPUS),
		.window = (uint16_t)(draw(2) ? 0xf0 : 0x03 << 2 * draw(4)),
	};
	if (world.hold.gpu < world.n)
		world.hold.window &= (uint16_t)((1u << world.gpus[world.hold.gpu].board->units) - 1);
	world.rule = draw(ARRAY_SIZE(rule_names));
	world.policy = random_policy(most_profiles, rule_names[world.rule]);
	world.class_ = policy_class_at(world.policy, 0);
	return world;
}

/* ---- the reference ---- */

/* Smaller is better, from left to right. */
struct rating {
	bool found;
	unsigned rank, is_new, n_remove;
	int score;
	size_t gpu;
	unsigned order; /* of the start, where nothing is removed */
};

static bool is_better(const struct rating *a, const struct rating *b)
{
	if (!b->found)
		return true;
	if (a->rank != b->rank)
		return a->rank < b->rank;
	if (a->is_new != b->is_new)
		return a->is_new < b->is_new;
	if (a->n_remove != b->n_remove)
		return a->n_remove < b->n_remove;
	if (a->score != b->score)
		return a->score < b->score;
	if (a->gpu != b->gpu)
		return a->gpu < b->gpu;
	return a->order < b->order;
}

/* What is laid is in the way like what is held, also when it is free. */
static bool may_go(const struct choose_instance *instance)
{
	return instance->use == CHOOSE_FREE && !instance->laid;
}

static uint32_t bits_of(const struct choose_gpu *gpu, enum choose_use use)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < gpu->n; i++)
		bits |= may_go(&gpu->at[i]) == (use == CHOOSE_FREE) ? 1u << i : 0;
	return bits;
}

static uint16_t blocked_on(const struct world *world, size_t g)
{
	return world->hold.active && world->hold.gpu == g ? world->hold.window : 0;
}

static int score_by(const struct world *world, struct row row, const struct profile *profile,
		    unsigned start, bool broken)
{
	int choices = (int)row_choices(&row, broken), fragments = row_fragmentation(&row);
	int emptiness = (int)row_free(&row);

	row_put(&row, profile, start);
	switch (world->rule) {
	case MFI:
		return row_fragmentation(&row) - fragments;
	case BEST_FIT:
		return emptiness;
	case FIRST_FIT:
		return 0;
	default:
		return choices - (int)row_choices(&row, broken);
	}
}

/* The driver's order on boards of 8 units, as observed; there is no observation of others. */
static unsigned order_by(const struct world *world, const struct choose_gpu *gpu,
			 const struct profile *profile, unsigned start)
{
	static const char *const orders[] = {[1] = "6450123", [2] = "6402", [4] = "40", [8] = "0"};
	const char *order = profile->size == 2 && profile->compute_slices == 2
				    ? "402"
				    : orders[profile->size % 9];

	if (world->rule != BEST_FIT)
		return start;
	if (gpu->board->units != 8)
		return 0;
	return (unsigned)(strchr(order, (int)('0' + start)) - order);
}

static void rate_gpu(const struct world *world, size_t g, const struct profile *profile,
		     unsigned rank, bool broken, struct rating *best)
{
	const struct choose_gpu *gpu = &world->gpus[g];
	uint32_t held = bits_of(gpu, CHOOSE_HELD), idle = bits_of(gpu, CHOOSE_FREE);
	uint16_t blocked = blocked_on(world, g);

	for (size_t i = 0; i < gpu->n; i++) {
		struct rating rating = {true, rank, 0, 0, 0, g, 0};
		uint16_t window = (uint16_t)(((1u << profile->size) - 1) << gpu->at[i].start);

		if (gpu->at[i].use != CHOOSE_FREE || gpu->at[i].profile != profile ||
		    window & blocked)
			continue;
		rating.score = score_by(world, row_of(gpu, held, 0), profile, gpu->at[i].start,
					broken);
		rating.order = order_by(world, gpu, profile, gpu->at[i].start);
		if (is_better(&rating, best))
			*best = rating;
	}
	for (uint32_t keep = idle;; keep = (keep - 1) & idle) {
		struct row row = row_of(gpu, held | keep, blocked);

		for (unsigned start = 0; start < gpu->board->units; start++) {
			struct rating rating = {
				true, rank, 1, (unsigned)__builtin_popcount(idle & ~keep), 0, g, 0};

			if (!row_fits(&row, profile, start))
				continue;
			rating.score = score_by(world, row, profile, start, broken);
			if (!rating.n_remove)
				rating.order = order_by(world, gpu, profile, start);
			if (is_better(&rating, best))
				*best = rating;
		}
		if (!keep)
			break;
	}
}

static struct rating rate(const struct world *world, bool broken)
{
	struct rating best = {0};

	for (size_t g = 0; g < world->n; g++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n = policy_class_profiles(world->class_, world->gpus[g].board, profiles);

		for (unsigned rank = 0; rank < n && world->gpus[g].usable; rank++)
			if (profiles[rank]->compute_slices <= world->max_slices)
				rate_gpu(world, g, profiles[rank], rank, broken, &best);
	}
	return best;
}

/* ---- is an answer lawful? ---- */

static void fail_world(const struct world *world, const char *what)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	for (size_t g = 0; g < world->n; g++) {
		text_addf(&text, "\nGPU %zu %s %s:", g, world->gpus[g].board->id,
			  world->gpus[g].usable ? "" : "not usable");
		for (size_t i = 0; i < world->gpus[g].n; i++)
			text_addf(&text, " %s@%u%s", world->gpus[g].at[i].profile->name,
				  world->gpus[g].at[i].start,
				  world->gpus[g].at[i].use == CHOOSE_HELD ? "" : " (free)");
	}
	fail_msg("%s%s", what, text_str(&text));
}

static struct rating check_lawful(const struct world *world, const struct choice *choice)
{
	const struct choose_gpu *gpu = &world->gpus[choice->gpu];
	const struct profile *profiles[POLICY_MAX_PROFILES];
	size_t n = policy_class_profiles(world->class_, gpu->board, profiles);
	uint32_t held = bits_of(gpu, CHOOSE_HELD), keep = held | bits_of(gpu, CHOOSE_FREE);
	struct rating rating = {.found = true,
				.is_new = !choice->exists,
				.n_remove = (unsigned)choice->n_remove,
				.gpu = choice->gpu};
	struct row row, without; /* the latter: without what is taken */

	while (rating.rank < n && profiles[rating.rank] != choice->profile)
		rating.rank++;
	if (choice->gpu >= world->n || !gpu->usable || rating.rank == n ||
	    choice->profile->compute_slices > world->max_slices)
		fail_world(world, "a profile or GPU that is not for this class");
	for (size_t i = 0; i < gpu->n; i++) {
		bool removed = choice->exists && gpu->at[i].id == choice->id;

		for (size_t k = 0; k < choice->n_remove; k++)
			removed |= choice->remove[k] == gpu->at[i].id;
		if (removed && !(choice->exists ? gpu->at[i].use == CHOOSE_FREE : may_go(&gpu->at[i])))
			fail_world(world, "what is held or laid was touched");
		keep &= removed ? ~(1u << i) : ~0u;
	}
	row = row_of(gpu, choice->exists ? held : keep,
		     choice->exists ? 0 : blocked_on(world, choice->gpu));
	without = row_of(gpu, choice->exists ? held & keep : keep, 0);
	if (!row_fits(choice->exists ? &without : &row, choice->profile, choice->start))
		fail_world(world, "a place where it does not fit");
	rating.score = score_by(world, row, choice->profile, choice->start, false);
	if (!rating.n_remove)
		rating.order = order_by(world, gpu, choice->profile, choice->start);
	return rating;
}

/* ---- the properties ---- */

/* How often choose_place and the reference rate their answers differently. */
static unsigned count_differences(bool broken)
{
	unsigned differences = 0;

	for (unsigned i = 0; i < WORLDS; i++) {
		struct world world = world_new(4);
		cleanup(policy_free) struct policy *policy = world.policy;
		struct rating want = rate(&world, broken), got = {0};
		struct choice choice = {0};

		if (choose_place(world.gpus, world.n, world.class_, world.max_slices, &world.hold,
				 &choice))
			got = check_lawful(&world, &choice);
		if (got.found != want.found ||
		    (got.found && (is_better(&got, &want) || is_better(&want, &got))))
			differences++;
	}
	return differences;
}

static void the_choice_is_the_best_there_is(void **state)
{
	(void)state;
	assert_int_equal(count_differences(false), 0);
}

static void a_broken_reference_is_noticed(void **state)
{
	(void)state;
	assert_true(count_differences(true) > 0);
}

static void possible_means_it_fits_an_empty_world(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WORLDS; i++) {
		struct world world = world_new(3);
		cleanup(policy_free) struct policy *policy = world.policy;
		bool possible =
			choose_is_possible(world.gpus, world.n, world.class_, world.max_slices);

		for (size_t g = 0; g < world.n; g++)
			world.gpus[g].n = 0;
		world.hold.active = false;
		if (possible != rate(&world, false).found)
			fail_world(&world, "possible, or not");
	}
}

/* ---- moving others ---- */

static bool overlaps(const struct choose_instance *instance, const struct profile *profile,
		     unsigned start)
{
	return instance->start < start + profile->size &&
	       start < instance->start + instance->profile->size;
}

/* Fewest moves, units moved, free ones removed in the window, then GPU and start. */
struct way {
	bool found;
	unsigned rank, n_moves, units, n_remove;
	size_t gpu;
	unsigned start;
};

static bool way_is_better(const struct way *a, const struct way *b)
{
	const unsigned long long x[] = {a->rank, a->n_moves, a->units, a->n_remove, a->gpu, a->start};
	const unsigned long long y[] = {b->rank, b->n_moves, b->units, b->n_remove, b->gpu, b->start};

	for (size_t i = 0; b->found && i < ARRAY_SIZE(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i];
	return !b->found;
}

/* Is there anywhere for one more of this profile beside all that is held and the window? */
static bool has_refuge(const struct world *world, const struct profile *profile, size_t window_gpu,
		       struct row final, const struct profile *window, unsigned window_start)
{
	const struct board *board = world->gpus[window_gpu].board;

	for (size_t g = 0; g < world->n; g++) {
		const struct choose_gpu *gpu = &world->gpus[g];
		struct row row;

		if (!gpu->usable || gpu->board != board)
			continue;
		for (size_t i = 0; i < gpu->n; i++) {
			const struct choose_instance *at = &gpu->at[i];
			unsigned units = ((1u << profile->size) - 1) << at->start;

			if (at->use == CHOOSE_FREE && at->laid && at->profile == profile &&
			    !(units & blocked_on(world, g)) && row_fits(&final, window, window_start))
				return true;
		}
		row = row_of(gpu, bits_of(gpu, CHOOSE_HELD), blocked_on(world, g));
		for (unsigned u = window_start; g == window_gpu && u < window_start + window->size;
		     u++)
			row.taken[u] = true;
		for (unsigned start = 0; start < board->units; start++) {
			struct row last = final;

			if (!row_fits(&row, profile, start))
				continue;
			if (g == window_gpu)
				row_put(&last, profile, start);
			if (row_fits(&last, window, window_start))
				return true;
		}
	}
	return false;
}

/* With one move: every window, the one that is in the way, every place it could have. */
static struct way best_way(const struct world *world)
{
	struct way best = {0};

	for (size_t g = 0; g < world->n; g++) {
		const struct choose_gpu *gpu = &world->gpus[g];
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n = policy_class_profiles(world->class_, gpu->board, profiles);

		for (unsigned rank = 0; rank < n && gpu->usable; rank++)
			for (unsigned start = 0; start < gpu->board->units; start++) {
				struct way way = {true, rank, 0, 0, 0, g, start};
				const struct choose_instance *moved = NULL;
				struct row row;
				uint32_t stay = 0;

				if (profiles[rank]->compute_slices > world->max_slices)
					continue;
				for (size_t i = 0; i < gpu->n; i++) {
					const struct choose_instance *at = &gpu->at[i];

					if (!overlaps(at, profiles[rank], start)) {
						stay |= 1u << i;
					} else if (may_go(at)) {
						way.n_remove++;
					} else {
						way.n_moves += at->movable ? 1 : 100;
						way.units += at->profile->size;
						moved = at;
					}
				}
				row = row_of(gpu, stay, blocked_on(world, g));
				if (way.n_moves == 1 && row_fits(&row, profiles[rank], start) &&
				    has_refuge(world, moved->profile, g,
					       row_of(gpu, stay & bits_of(gpu, CHOOSE_HELD), 0),
					       profiles[rank], start) &&
				    way_is_better(&way, &best))
					best = way;
			}
	}
	return best;
}

/* Do it step by step: each new one while all old ones are there, then the old ones go. */
static void carry_out(const struct world *world, const struct choice *choice, unsigned max_moves)
{
	struct row rows[MAX_GPUS];
	uint32_t keep[MAX_GPUS], moved[MAX_GPUS] = {0};

	if (!choice->n_moves || choice->n_moves > max_moves || choice->exists)
		fail_world(world, "not so many moves");
	for (size_t g = 0; g < world->n; g++) {
		keep[g] = 0;
		for (size_t i = 0; i < world->gpus[g].n; i++) {
			const struct choose_instance *at = &world->gpus[g].at[i];
			bool gone = false;

			for (size_t k = 0; k < choice->n_remove; k++)
				gone |= choice->remove[k] == at->id;
			for (size_t k = 0; k < choice->n_moves; k++) {
				const struct choose_move *move = &choice->moves[k];

				if (move->from == at->id) {
					moved[g] |= 1u << i;
					if (!at->movable || at->use != CHOOSE_HELD ||
					    move->profile != at->profile)
						fail_world(world, "moved, but not movable");
				}
				if (move->exists && move->to == at->id && at->use != CHOOSE_FREE)
					fail_world(world, "moved to what is not free");
			}
			if (gone && !may_go(at))
				fail_world(world, "removed, but held or laid");
			keep[g] |= gone ? 0 : 1u << i;
		}
		rows[g] = row_of(&world->gpus[g], keep[g], 0);
	}
	for (size_t k = 0; k < choice->n_moves; k++) {
		const struct choose_move *move = &choice->moves[k];

		if (!move->exists && !row_fits(&rows[move->gpu], move->profile, move->start))
			fail_world(world, "moved to where it does not fit");
		if (!move->exists)
			row_put(&rows[move->gpu], move->profile, move->start);
	}
	rows[choice->gpu] = row_of(&world->gpus[choice->gpu],
				   keep[choice->gpu] & ~moved[choice->gpu],
				   blocked_on(world, choice->gpu));
	for (size_t k = 0; k < choice->n_moves; k++)
		if (choice->moves[k].gpu == choice->gpu && !choice->moves[k].exists)
			row_put(&rows[choice->gpu], choice->moves[k].profile, choice->moves[k].start);
	if (!row_fits(&rows[choice->gpu], choice->profile, choice->start))
		fail_world(world, "in the end it does not fit");
}

static void mark_movable(struct world *world)
{
	for (size_t g = 0; g < world->n; g++)
		for (size_t i = 0; i < world->gpus[g].n; i++)
			world->gpus[g].at[i].movable =
				draw(4) > 0 && !world->gpus[g].at[i].laid;
}

static struct way way_of(const struct world *world, const struct choice *choice)
{
	const struct choose_gpu *gpu = &world->gpus[choice->gpu];
	const struct profile *profiles[POLICY_MAX_PROFILES];
	struct way way = {true, 0, (unsigned)choice->n_moves, 0, 0, choice->gpu, choice->start};

	policy_class_profiles(world->class_, gpu->board, profiles);
	while (profiles[way.rank] != choice->profile)
		way.rank++;
	for (size_t i = 0; i < gpu->n; i++) {
		if (!overlaps(&gpu->at[i], choice->profile, choice->start))
			continue;
		way.n_remove += gpu->at[i].use == CHOOSE_FREE;
		way.units += gpu->at[i].use == CHOOSE_HELD ? gpu->at[i].profile->size : 0;
	}
	return way;
}

static void moves_are_lawful_and_few(void **state)
{
	unsigned found[4] = {0};

	(void)state;
	for (unsigned i = 0; i < 4 * WORLDS; i++) {
		struct world world = world_new(2);
		cleanup(policy_free) struct policy *policy = world.policy;
		struct choice choice;
		struct way want;
		bool any[4];

		mark_movable(&world);
		if (choose_place(world.gpus, world.n, world.class_, world.max_slices, &world.hold,
				 &choice))
			continue;
		for (unsigned k = 0; k <= 3; k++) {
			any[k] = choose_by_moving(world.gpus, world.n, world.class_,
						  world.max_slices, &world.hold, k, &choice);
			found[k] += any[k];
			if (any[k])
				carry_out(&world, &choice, k);
		}
		want = best_way(&world);
		if (any[1] != want.found)
			fail_world(&world, "a way with one move was overlooked, or made up");
		if (want.found) {
			struct way got;

			choose_by_moving(world.gpus, world.n, world.class_, world.max_slices,
					 &world.hold, 1, &choice);
			got = way_of(&world, &choice);
			if (way_is_better(&got, &want) || way_is_better(&want, &got))
				fail_world(&world, "not the least way");
		}
		if (any[0] || (any[1] && !any[2]) || (any[2] && !any[3]))
			fail_world(&world, "more moves allowed, and less found");
	}
	print_message("# found with 1, 2, 3 moves: %u %u %u\n", found[1], found[2], found[3]);
	assert_true(found[1] > 100 && found[2] > found[1] && found[3] >= found[2]);
}

/* The most of one profile that can be put beside what is held, by trying every set of starts. */
static unsigned most_of(const struct choose_gpu *gpu, const struct profile *profile)
{
	unsigned most = 0, laid = 0;

	for (size_t i = 0; i < gpu->n; i++)
		laid += gpu->at[i].laid && gpu->at[i].use == CHOOSE_FREE &&
			gpu->at[i].profile == profile;
	for (uint32_t starts = profile->starts;; starts = (starts - 1) & profile->starts) {
		struct row row = row_of(gpu, bits_of(gpu, CHOOSE_HELD), 0);
		unsigned n = 0;

		for (unsigned start = 0; start < 16; start++) {
			if (!(starts >> start & 1) || !row_fits(&row, profile, start))
				continue;
			row_put(&row, profile, start);
			n++;
		}
		most = n > most ? n : most;
		if (!starts)
			return most + laid;
	}
}

static void counting_one_profile_finds_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < WORLDS; i++) {
		struct world world = world_new(1);
		cleanup(policy_free) struct policy *policy = world.policy;
		unsigned most = 0;

		for (size_t g = 0; g < world.n; g++) {
			const struct profile *profiles[POLICY_MAX_PROFILES];

			policy_class_profiles(world.class_, world.gpus[g].board, profiles);
			if (world.gpus[g].usable && profiles[0]->compute_slices <= world.max_slices)
				most += most_of(&world.gpus[g], profiles[0]);
		}
		if (choose_count(world.gpus, world.n, world.class_, world.max_slices) != most)
			fail_world(&world, "not as many as fit");
	}
}

/* The first time in steps of the clock at which what is still held leaves room. */
static bool first_room(const struct world *world, int64_t now_s, int64_t *ret_when_s)
{
	struct world later = *world;

	later.hold.active = false;
	for (int64_t t = now_s; t <= 2000; t += 50) {
		for (size_t g = 0; g < world->n; g++) {
			struct choose_gpu *gpu = &later.gpus[g];

			gpu->n = 0;
			for (size_t i = 0; i < world->gpus[g].n; i++) {
				struct choose_instance instance = world->gpus[g].at[i];

				if (instance.use == CHOOSE_HELD && instance.has_ends &&
				    instance.ends_s <= t)
					instance.use = CHOOSE_FREE;
				if (!may_go(&instance))
					gpu->at[gpu->n++] = instance;
			}
		}
		*ret_when_s = t;
		if (rate(&later, false).found)
			return true;
	}
	return false;
}

static bool is_named(const struct world *world, const struct outlook *outlook, int64_t now_s)
{
	const struct choose_gpu *gpu = &world->gpus[outlook->hold.gpu];

	for (size_t i = 0; i < gpu->n; i++)
		if (gpu->at[i].use == CHOOSE_HELD && gpu->at[i].lease == outlook->lease)
			return gpu->at[i].ends_s == outlook->when_s || outlook->when_s == now_s;
	return outlook->lease == 0 && outlook->when_s == now_s;
}

static bool window_ends_by(const struct world *world, const struct outlook *outlook)
{
	const struct choose_gpu *gpu = &world->gpus[outlook->hold.gpu];

	for (size_t i = 0; i < gpu->n; i++) {
		const struct choose_instance *instance = &gpu->at[i];
		unsigned window = ((1u << instance->profile->size) - 1) << instance->start;

		if (instance->use == CHOOSE_HELD && window & outlook->hold.window &&
		    (!instance->has_ends || instance->ends_s > outlook->when_s))
			return false;
	}
	return true;
}

static void the_outlook_is_true(void **state)
{
	int64_t now_s = 1000;

	(void)state;
	for (unsigned i = 0; i < WORLDS; i++) {
		struct world world = world_new(3);
		cleanup(policy_free) struct policy *policy = world.policy;
		struct outlook outlook;
		int64_t when_s = 0;
		bool ever = first_room(&world, now_s, &when_s);

		choose_outlook(world.gpus, world.n, world.class_, world.max_slices, now_s,
			       &outlook);
		if (outlook.has_when != ever || (ever && outlook.when_s != when_s))
			fail_world(&world, "not when there will be room");
		if (ever && (!outlook.hold.active || !is_named(&world, &outlook, now_s) ||
			     !window_ends_by(&world, &outlook)))
			fail_world(&world, "not the place or the lease");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_choice_is_the_best_there_is),
		cmocka_unit_test(a_broken_reference_is_noticed),
		cmocka_unit_test(possible_means_it_fits_an_empty_world),
		cmocka_unit_test(moves_are_lawful_and_few),
		cmocka_unit_test(counting_one_profile_finds_all),
		cmocka_unit_test(the_outlook_is_true),
	};

	return tap_run(tests);
}
