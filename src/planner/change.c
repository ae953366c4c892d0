#include "planner/change-part.h"

#include "base/array.h"
#include "base/cleanup.h"
#include "facts/pace.h"

/* ---- the search over placements ---- */

struct search {
	const struct change_gpu *gpu;
	const struct board *board;
	uint8_t begins[LAYOUT_MAX]; /* 1 + the instance that begins at a unit */
	uint32_t pinned;	    /* bits of gpu->at */
	struct place fixed[LAYOUT_MAX];
	size_t n_fixed;
	uint8_t loose[LAYOUT_MAX]; /* profiles that may lie anywhere, the largest first */
	size_t n_loose;
	struct place placed[LAYOUT_MAX]; /* fixed, then loose */
	bool found;
	struct place best[LAYOUT_MAX];
	struct change *ret;
};

bool change_now(const struct change_gpu *gpu, struct layout *ret)
{
	layout_init(ret, gpu->board);
	for (size_t i = 0; i < gpu->n; i++)
		if (!layout_take(ret, gpu->at[i].profile, gpu->at[i].start))
			return false;
	return true;
}

bool change_is_cheaper(const struct change_cost *a, const struct change_cost *b)
{
	const uint64_t x[] = {a->wait_s, a->busy, a->destroyed, a->created, a->ms, b->choices};
	const uint64_t y[] = {b->wait_s, b->busy, b->destroyed, b->created, b->ms, a->choices};

	for (size_t i = 0; i < ARRAY_SIZE(x); i++)
		if (x[i] != y[i])
			return x[i] < y[i];
	return false;
}

/* Which instances stay when all that is placed is there. */
static uint32_t kept_of(const struct search *search, size_t n)
{
	uint32_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		const struct place *place = &search->placed[i];
		unsigned at = search->begins[place->start];

		if (at &&
		    search->gpu->at[at - 1].profile == &search->board->profiles[place->profile])
			kept |= 1u << (at - 1);
	}
	return kept;
}

/* Everything but the choices. */
static struct change_cost cost_of(const struct search *search, size_t n, uint32_t kept)
{
	const struct change_gpu *gpu = search->gpu;
	struct change_cost cost = {.created = (unsigned)n};

	for (size_t i = 0; i < n; i++)
		cost.ms += profile_pace(search->board,
					&search->board->profiles[search->placed[i].profile])
				   .create_ms;
	for (size_t i = 0; i < gpu->n; i++) {
		struct pace pace = profile_pace(search->board, gpu->at[i].profile);

		if (change_has(kept, i)) {
			cost.created--;
			cost.ms -= pace.create_ms;
			continue;
		}
		cost.destroyed++;
		cost.ms += pace.destroy_ms;
		if (gpu->at[i].use == CHANGE_BUSY) {
			cost.busy++;
			cost.wait_s += (uint64_t)gpu->at[i].wait_s;
		}
	}
	return cost;
}

static void look_at(struct search *search, unsigned mask)
{
	size_t n = search->n_fixed + search->n_loose;
	uint32_t kept = kept_of(search, n);
	const struct layout after = {.board = search->board, .mask = (uint16_t)mask};
	struct change_cost cost;

	if (search->pinned & ~kept)
		return;
	search->ret->n_placements++;
	cost = cost_of(search, n, kept);
	cost.choices = layout_choices(&after);
	/* Lower starts are seen first, so that they win a tie. */
	if (search->found && !change_is_cheaper(&cost, &search->ret->cost))
		return;
	search->found = true;
	search->ret->cost = cost;
	search->ret->kept = kept;
	memcpy(search->best, search->placed, sizeof(search->best));
}

/* Equal profiles are placed in ascending order: each set of places is seen once. */
static void place_from(struct search *search, size_t i, unsigned mask)
{
	const struct profile *profile;
	struct place *place = &search->placed[search->n_fixed + i];
	unsigned start = 0;

	if (i == search->n_loose)
		return look_at(search, mask);
	profile = &search->board->profiles[search->loose[i]];
	if (i > 0 && search->loose[i - 1] == search->loose[i])
		start = place[-1].start + 1u;
	for (; start < search->board->units; start++) {
		unsigned window = profile_window(profile, start);

		if (!(profile->starts >> start & 1) || mask & window)
			continue;
		*place = (struct place){search->loose[i], (uint8_t)start};
		place_from(search, i + 1, mask | window);
	}
}

/* ---- what is where it must be ---- */

static uint8_t index_of(const struct search *search, const struct profile *profile)
{
	return (uint8_t)profile_index(search->board, profile);
}

static bool is_fixed(const struct search *search, uint8_t profile, unsigned start)
{
	for (size_t i = 0; i < search->n_fixed; i++)
		if (search->fixed[i].profile == profile && search->fixed[i].start == start)
			return true;
	return false;
}

static void add_loose(struct search *search, uint8_t profile)
{
	const struct profile *profiles = search->board->profiles;
	size_t i = search->n_loose++;

	for (; i > 0; i--) {
		uint8_t before = search->loose[i - 1];

		if (profiles[before].size > profiles[profile].size ||
		    (profiles[before].size == profiles[profile].size && before <= profile))
			break;
		search->loose[i] = before;
	}
	search->loose[i] = profile;
}

/* One of the loose ones gets the place of a pinned instance. */
static bool fix_loose(struct search *search, uint8_t profile, unsigned start)
{
	for (size_t i = 0; i < search->n_loose; i++) {
		if (search->loose[i] != profile)
			continue;
		for (search->n_loose--; i < search->n_loose; i++)
			search->loose[i] = search->loose[i + 1];
		search->fixed[search->n_fixed++] = (struct place){profile, (uint8_t)start};
		return true;
	}
	return false;
}

static bool fix_pinned(struct search *search)
{
	const struct change_gpu *gpu = search->gpu;

	for (size_t i = 0; i < gpu->n; i++) {
		const struct change_instance *instance = &gpu->at[i];
		uint8_t profile = index_of(search, instance->profile);

		if (change_has(search->pinned, i) && !is_fixed(search, profile, instance->start) &&
		    !fix_loose(search, profile, instance->start))
			return false;
	}
	return true;
}

/* The units that what is fixed covers; false when it cannot be so. */
static bool fixed_mask(struct search *search, unsigned *ret)
{
	unsigned mask = 0;

	for (size_t i = 0; i < search->n_fixed; i++) {
		const struct place *place = &search->fixed[i];
		const struct profile *profile = &search->board->profiles[place->profile];
		unsigned window = profile_window(profile, place->start);

		if (!(profile->starts >> place->start & 1) || mask & window)
			return false;
		mask |= window;
		search->placed[i] = *place;
	}
	*ret = mask;
	return true;
}

/* The rules beyond the windows do not depend on where: one placement answers for all. */
static bool make_goal(const struct search *search, struct change *ret)
{
	layout_init(&ret->goal, search->board);
	ret->measured = true;
	for (size_t i = 0; i < search->n_fixed + search->n_loose; i++) {
		const struct profile *profile = &search->board->profiles[search->best[i].profile];

		if (!layout_take(&ret->goal, profile, search->best[i].start))
			return false;
		ret->measured &= profile_pace(search->board, profile).measured;
	}
	return true;
}

bool change_search(const struct change_gpu *gpu, const struct wish_gpu *wish, bool respect_pins,
		   struct change *ret)
{
	struct search search = {.gpu = gpu, .board = gpu->board, .ret = ret};
	unsigned mask;

	*ret = (struct change){.n = 0};
	for (size_t i = 0; i < gpu->n; i++) {
		search.begins[gpu->at[i].start] = (uint8_t)(i + 1);
		if (respect_pins && gpu->at[i].use == CHANGE_PINNED)
			search.pinned |= 1u << i;
	}
	for (size_t i = 0; i < wish->n; i++) {
		uint8_t profile = index_of(&search, wish->at[i].profile);

		if (wish->at[i].has_start)
			search.fixed[search.n_fixed++] = (struct place){profile, wish->at[i].start};
		else
			add_loose(&search, profile);
	}
	if (!fix_pinned(&search) || !fixed_mask(&search, &mask))
		return false;
	place_from(&search, 0, mask);
	return search.found && make_goal(&search, ret);
}

/* ---- refusals ---- */

static void add_wish(const struct wish_gpu *wish, struct text *ret)
{
	for (size_t i = 0; i < wish->n; i++) {
		char shape[32];

		text_addf(ret, "%s%s", i ? " " : "",
			  profile_shape(wish->at[i].profile, shape, sizeof(shape)));
		if (wish->at[i].has_start)
			text_addf(ret, "@%u", wish->at[i].start);
	}
	if (!wish->n)
		text_add(ret, "empty");
}

/* "1g@0 (a stranger's), 1g@1 (lease 9 of cleo)" */
static void add_pinned(const struct change_gpu *gpu, struct text *ret)
{
	for (size_t i = 0; i < gpu->n; i++) {
		const struct change_instance *instance = &gpu->at[i];
		char shape[32];

		if (instance->use != CHANGE_PINNED)
			continue;
		text_addf(ret, "%s%s@%u", ret->len ? ", " : "",
			  profile_shape(instance->profile, shape, sizeof(shape)), instance->start);
		if (instance->who)
			text_addf(ret, " (%s)", instance->who);
	}
}

static int refuse(const struct change_gpu *gpu, const struct wish_gpu *wish, struct err *err)
{
	cleanup(text_done) struct text wanted = TEXT_INIT;
	cleanup(text_done) struct text pinned = TEXT_INIT;
	cleanup(text_done) struct text near = TEXT_INIT;
	struct change ignored;
	struct layout nearest;

	add_wish(wish, &wanted);
	if (!change_search(gpu, wish, false, &ignored)) {
		fail(err, ERR_IMPOSSIBLE, "%.150s does not fit on one %s", text_str(&wanted),
		     gpu->board->id);
	} else {
		add_pinned(gpu, &pinned);
		fail(err, ERR_BUSY, "%.150s does not fit beside what must stay: %.250s",
		     text_str(&wanted), text_str(&pinned));
	}
	if (!change_nearest(gpu, wish, &nearest))
		return -(int)err->code;
	layout_format(&nearest, &near);
	return fail_hint(err, "the nearest that can be had: %s", text_str(&near));
}

int change_make(const struct change_gpu *gpu, const struct wish_gpu *wish, struct change *ret,
		struct err *err)
{
	struct layout now;
	struct change change;

	if (!change_now(gpu, &now))
		return fail(err, ERR_INVALID, "the instances that are there contradict each other");
	if (!change_search(gpu, wish, true, &change))
		return refuse(gpu, wish, err);
	change_order(gpu, &change);
	*ret = change;
	return 0;
}
