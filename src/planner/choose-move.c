/* Room for one more by moving leases that nothing uses. */
#include <string.h>

#include "planner/choose-part.h"

#define REFUGES 64 /* profiles looked up; more are tried without */

struct way {
	struct choose_question question; /* what is wanted */
	unsigned max_moves;
	struct choose_gpu after[CHOOSE_MAX_GPUS]; /* the picture while the moves are planned */
	struct refuge {
		const struct profile *profile;
		bool any; /* is there room for one more of it, as things are? */
	} refuges[REFUGES];
	size_t n_refuges;
};

/* A window for the profile, and the movable and free instances in it, as bits. */
struct window {
	size_t gpu;
	const struct profile *profile;
	unsigned start;
	uint32_t movable, free_;
	unsigned n_moves, units, n_remove;
};

static bool overlaps(const struct choose_instance *instance, uint16_t window)
{
	return profile_window(instance->profile, instance->start) & window;
}

static bool is_movable(const struct choose_instance *instance)
{
	return instance->use == CHOOSE_HELD && instance->movable;
}

/* false: something in the window stays, or more would have to move than may. */
static bool look_into(const struct way *way, struct window *window)
{
	const struct choose_gpu *gpu = &way->question.gpus[window->gpu];
	uint16_t units = profile_window(window->profile, window->start);
	struct layout layout;

	if (units & choose_blocked(&way->question, window->gpu))
		return false;
	for (size_t i = 0; i < gpu->n; i++) {
		if (!overlaps(&gpu->at[i], units))
			continue;
		if (gpu->at[i].use == CHOOSE_FREE && !gpu->at[i].laid) {
			window->free_ |= 1u << i;
			window->n_remove++;
		} else if (is_movable(&gpu->at[i])) {
			window->movable |= 1u << i;
			window->n_moves++;
			window->units += gpu->at[i].profile->size;
		} else {
			return false;
		}
	}
	choose_lay_out(gpu, window->movable | window->free_, 0, &layout);
	return window->n_moves && window->n_moves <= way->max_moves &&
	       layout_fits(&layout, window->profile, window->start);
}

/* Fewest moves, then the least units moved, the fewest free instances removed, GPU, start. */
static bool is_better(const struct window *a, const struct window *b)
{
	if (a->n_moves != b->n_moves)
		return a->n_moves < b->n_moves;
	if (a->units != b->units)
		return a->units < b->units;
	if (a->n_remove != b->n_remove)
		return a->n_remove < b->n_remove;
	return a->gpu != b->gpu ? a->gpu < b->gpu : a->start < b->start;
}

/* The GPUs that one of this profile of this board may move to. */
static void list_targets(const struct choose_question *question, const struct profile *profile,
			 const struct board *board, const struct profile **ret)
{
	for (size_t g = 0; g < question->n; g++)
		ret[g] = question->gpus[g].usable && !question->gpus[g].closed &&
					 question->gpus[g].board == board
				 ? profile
				 : NULL;
}

/* Mostly there is none, on a full server, and then it is not asked again for every window. */
static bool has_refuge(struct way *way, const struct profile *profile, const struct board *board)
{
	const struct profile *profiles[CHOOSE_MAX_GPUS];
	struct choice ignored;
	bool any;

	for (size_t i = 0; i < way->n_refuges; i++)
		if (way->refuges[i].profile == profile)
			return way->refuges[i].any;
	if (way->n_refuges == REFUGES)
		return true;
	list_targets(&way->question, profile, board, profiles);
	any = choose_among(&way->question, profiles, &ignored);
	way->refuges[way->n_refuges++] = (struct refuge){profile, any};
	return any;
}

/*
 * Where one that is in the way goes: the same profile on a GPU of the same board. The
 * old instance is still there while the new one is made, so its units do not count
 * as free, and neither do those of the window.
 */
static bool move_away(struct way *way, const struct window *window, bool elsewhere,
		      const struct choose_instance *instance, struct choice *ret)
{
	struct choose_question question = way->question;
	const struct board *board = question.gpus[window->gpu].board;
	const struct profile *profiles[CHOOSE_MAX_GPUS];
	struct choose_move *move = &ret->moves[ret->n_moves];
	struct choice to;

	question.gpus = way->after;
	question.window = (struct choose_hold){
		true, window->gpu, profile_window(window->profile, window->start)};
	list_targets(&question, instance->profile, board, profiles);
	if (elsewhere)
		profiles[window->gpu] = NULL;
	if (!choose_among(&question, profiles, &to))
		return false;
	choose_carry_out(way->after, &to);
	*move = (struct choose_move){.from = instance->id,
				     .gpu = to.gpu,
				     .profile = to.profile,
				     .start = to.start,
				     .exists = to.exists,
				     .to = to.id};
	memcpy(ret->remove + ret->n_remove, to.remove, to.n_remove * sizeof(to.remove[0]));
	ret->n_remove += to.n_remove;
	ret->n_moves++;
	return true;
}

/* Once they have gone: what was moved within the GPU can still forbid the variants of a profile. */
static bool fits_at_last(const struct way *way, const struct window *window)
{
	const struct choose_gpu *before = &way->question.gpus[window->gpu];
	const struct choose_gpu *after = &way->after[window->gpu];
	struct layout layout;
	uint32_t without = 0;

	for (size_t i = 0; i < before->n; i++)
		for (size_t k = 0; window->movable >> i & 1 && k < after->n; k++)
			if (after->at[k].id == before->at[i].id)
				without |= 1u << k;
	choose_lay_out(after, without, 0, &layout);
	return layout_fits(&layout, window->profile, window->start);
}

/* What is in the way as a list, larger ones first. */
static size_t list_movable(const struct choose_gpu *gpu, uint32_t movable,
			   const struct choose_instance **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < gpu->n; i++) {
		size_t at = n;

		if (!(movable >> i & 1))
			continue;
		for (; at && ret[at - 1]->profile->size < gpu->at[i].profile->size; at--)
			ret[at] = ret[at - 1];
		ret[at] = &gpu->at[i];
		n++;
	}
	return n;
}

/* The picture without the free instances of the window; those to be moved are still there. */
static void begin(struct way *way, const struct window *window, struct choice *ret)
{
	const struct choose_gpu *gpu = &way->question.gpus[window->gpu];
	struct choose_gpu *after = &way->after[window->gpu];

	*ret = (struct choice){
		.gpu = window->gpu, .profile = window->profile, .start = window->start};
	memcpy(way->after, way->question.gpus, way->question.n * sizeof(way->after[0]));
	after->n = 0;
	for (size_t i = 0; i < gpu->n; i++) {
		if (window->free_ >> i & 1)
			ret->remove[ret->n_remove++] = gpu->at[i].id;
		else
			after->at[after->n++] = gpu->at[i];
	}
}

/* elsewhere: to other GPUs only. */
static bool try_window(struct way *way, const struct window *window, bool elsewhere,
		       struct choice *ret)
{
	const struct choose_gpu *gpu = &way->question.gpus[window->gpu];
	const struct choose_instance *list[LAYOUT_MAX];
	size_t n = list_movable(gpu, window->movable, list);

	for (size_t i = 0; i < n; i++)
		if (!has_refuge(way, list[i]->profile, gpu->board))
			return false;
	begin(way, window, ret);
	for (size_t i = 0; i < n; i++)
		if (!move_away(way, window, elsewhere, list[i], ret))
			return false;
	return fits_at_last(way, window);
}

static size_t list_windows(const struct way *way, size_t rank, bool *ret_more, struct window *ret)
{
	size_t n = 0;

	for (size_t g = 0; g < way->question.n; g++) {
		const struct profile *profile = choose_wanted(&way->question, g, rank, ret_more);

		for (unsigned left = profile ? profile->starts : 0; left; left &= left - 1) {
			struct window window = {.gpu = g,
						.profile = profile,
						.start = (unsigned)__builtin_ctz(left)};
			size_t at = n;

			if (!look_into(way, &window))
				continue;
			for (; at && is_better(&window, &ret[at - 1]); at--)
				ret[at] = ret[at - 1];
			ret[at] = window;
			n++;
		}
	}
	return n;
}

bool choose_by_moving(const struct choose_gpu *gpus, size_t n, const struct policy_class *class_,
		      uint32_t max_slices, const struct choose_hold *hold, unsigned max_moves,
		      struct choice *ret)
{
	struct way way = {.question = choose_ask(gpus, n, class_, max_slices, hold),
			  .max_moves = max_moves};
	struct window windows[CHOOSE_MAX_GPUS * LAYOUT_MAX];
	struct choice choice;
	bool more = true;

	for (size_t rank = 0; more && max_moves; rank++) {
		size_t n_windows;

		more = false;
		n_windows = list_windows(&way, rank, &more, windows);
		for (size_t i = 0; i < n_windows; i++) {
			if (!try_window(&way, &windows[i], false, &choice) &&
			    !try_window(&way, &windows[i], true, &choice))
				continue;
			*ret = choice;
			return true;
		}
	}
	return false;
}
