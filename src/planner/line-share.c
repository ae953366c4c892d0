/* Guaranteed shares: who may use what is idle, and who gives it back. */
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "planner/line-part.h"

static uint32_t guarantee_of(const struct line *line, size_t team)
{
	return team < policy_n_teams(line->policy) ? policy_team_at(line->policy, team)->guarantee
						   : 0;
}

bool line_is_guaranteed(const struct line *line, const struct line_waiter *waiter)
{
	return waiter->least &&
	       line->teams[waiter->team].slices + waiter->least <= guarantee_of(line, waiter->team);
}

bool line_covers(const struct line *line, size_t team, const struct policy_class *class_)
{
	const struct line_waiter waiter = {.team = team, .least = line_least_slices(line, class_)};

	return line_is_guaranteed(line, &waiter);
}

/* ---- room ---- */

/* What a team keeps idle for itself: what it has not lent and does not lend. */
static uint32_t reserved_by(const struct line *line, size_t team)
{
	const struct policy_team *rules = policy_team_at(line->policy, team);
	uint32_t held = line->teams[team].slices;
	uint32_t idle = rules->guarantee > held ? rules->guarantee - held : 0;

	return idle > rules->borrow ? idle - rules->borrow : 0;
}

/* Nobody's, and about to be removed: another may be promised its place already. */
static bool is_going(const struct line *line, const struct choose_instance *at)
{
	return !at->lease && at->has_ends && at->ends_s <= line->now_s;
}

static uint32_t free_slices(const struct line *line)
{
	int64_t free_ = 0;

	for (size_t g = 0; g < line->n_gpus; g++) {
		const struct choose_gpu *gpu = &line->gpus[g];

		free_ += gpu->usable ? gpu->board->compute_slices : 0;
		for (size_t i = 0; gpu->usable && i < gpu->n; i++)
			if (gpu->at[i].use == CHOOSE_HELD && !is_going(line, &gpu->at[i]))
				free_ -= gpu->at[i].profile->compute_slices;
	}
	return free_ > 0 ? (uint32_t)free_ : 0;
}

uint32_t line_room(const struct line *line, size_t team)
{
	uint32_t own, reserved = 0, free_;

	if (!line->has_guarantee)
		return POLICY_UNLIMITED;
	own = guarantee_of(line, team) > line->teams[team].slices
		      ? guarantee_of(line, team) - line->teams[team].slices
		      : 0;
	for (size_t i = 0; i < policy_n_teams(line->policy); i++)
		reserved += i == team ? 0 : reserved_by(line, i);
	free_ = free_slices(line);
	free_ = free_ > reserved ? free_ - reserved : 0;
	return free_ > own ? free_ : own;
}

/* ---- reclaiming ---- */

static int by_team_and_age(const void *a, const void *b)
{
	const struct line_holder *const *x = a, *const *y = b;

	if ((*x)->team != (*y)->team)
		return (*x)->team < (*y)->team ? -1 : 1;
	return (*x)->lease < (*y)->lease ? -1 : (*x)->lease > (*y)->lease;
}

/* Of each team the newest leases, as far as its guarantee does not cover them. */
static void mark_borrowed(struct line *line)
{
	cleanup(free) struct line_holder **holders =
		calloc(line->n_holders + 1, sizeof(struct line_holder *));
	uint32_t sum = 0;

	for (size_t i = 0; holders && i < line->n_holders; i++)
		holders[i] = &line->holders[i];
	if (holders)
		qsort(holders, line->n_holders, sizeof(struct line_holder *), by_team_and_age);
	for (size_t i = 0; holders && i < line->n_holders; i++) {
		sum = i && holders[i - 1]->team == holders[i]->team ? sum : 0;
		sum += holders[i]->slices;
		holders[i]->borrowed = sum > guarantee_of(line, holders[i]->team);
	}
}

static struct line_holder *holder_of(const struct line *line, int64_t lease)
{
	for (size_t i = 0; lease && i < line->n_holders; i++)
		if (line->holders[i].lease == lease)
			return &line->holders[i];
	return NULL;
}

/* What it costs to clear a place; less is better, in this order. */
struct sacrifice {
	int priority; /* the highest among them */
	uint32_t slices;
	int64_t oldest; /* lease; the newer the better */
	size_t n;
	int64_t leases[LAYOUT_MAX];
};

static bool is_less(const struct sacrifice *a, const struct sacrifice *b)
{
	if (a->priority != b->priority)
		return a->priority < b->priority;
	if (a->slices != b->slices)
		return a->slices < b->slices;
	return a->oldest > b->oldest;
}

static int priority_of(const struct line *line, const struct line_holder *holder)
{
	const struct policy_waiter who = {
		.team = holder->team,
		.since_s = line->now_s,
		.priority = holder->class_ ? holder->class_->priority : 0,
	};

	return policy_rank(line->policy, &who, line->now_s);
}

/* false: it may not be taken. */
static bool take(const struct line *line, const struct choose_instance *at, int64_t by_s,
		 struct sacrifice *sacrifice)
{
	const struct line_holder *holder = holder_of(line, at->lease);
	int priority;

	if (at->use == CHOOSE_FREE || (at->has_ends && at->ends_s <= by_s))
		return true;
	if (!holder || !holder->borrowed || !holder->has_ends)
		return false;
	priority = priority_of(line, holder);
	sacrifice->priority = priority > sacrifice->priority ? priority : sacrifice->priority;
	sacrifice->slices += holder->slices;
	sacrifice->oldest = holder->lease < sacrifice->oldest ? holder->lease : sacrifice->oldest;
	sacrifice->leases[sacrifice->n++] = holder->lease;
	return true;
}

/* Would the profile fit there if what lies on that window were gone? */
static bool try_window(const struct line *line, const struct choose_gpu *gpu,
		       const struct profile *profile, unsigned start, int64_t by_s,
		       struct sacrifice *ret)
{
	uint16_t window = profile_window(profile, start);
	struct layout layout;

	*ret = (struct sacrifice){.oldest = INT64_MAX};
	layout_init(&layout, gpu->board);
	for (size_t i = 0; i < gpu->n; i++) {
		const struct choose_instance *at = &gpu->at[i];
		uint16_t own = profile_window(at->profile, at->start);

		if (own & window) {
			if (!take(line, at, by_s, ret))
				return false;
		} else if (at->use == CHOOSE_HELD && !(at->has_ends && at->ends_s <= by_s) &&
			   !layout_take(&layout, at->profile, at->start)) {
			layout.mask |= own;
		}
	}
	return layout_take(&layout, profile, start);
}

static bool find_sacrifice(const struct line *line, const struct choose_gpu *gpus,
			   const struct line_waiter *waiter, int64_t by_s, struct sacrifice *ret)
{
	bool found = false;

	for (size_t g = 0; g < line->n_gpus; g++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n = gpus[g].usable
				   ? policy_class_profiles(waiter->class_, gpus[g].board, profiles)
				   : 0;

		for (size_t p = 0; p < n; p++)
			for (unsigned start = 0; start < gpus[g].board->units; start++) {
				struct sacrifice sacrifice;

				if (!(profiles[p]->starts >> start & 1) ||
				    profiles[p]->compute_slices > waiter->least ||
				    !try_window(line, &gpus[g], profiles[p], start, by_s,
						&sacrifice) ||
				    (found && !is_less(&sacrifice, ret)))
					continue;
				*ret = sacrifice;
				found = true;
			}
	}
	return found && ret->n;
}

/* Somebody has that place then: it is not for the next one. */
static void reserve(struct choose_gpu *gpus, const struct policy_class *class_,
		    const struct outlook *outlook)
{
	struct choose_gpu *gpu = &gpus[outlook->hold.gpu];
	const struct profile *profiles[POLICY_MAX_PROFILES];
	unsigned start = (unsigned)__builtin_ctz(outlook->hold.window | 1u << 16);
	size_t n = policy_class_profiles(class_, gpu->board, profiles), kept = 0;

	for (size_t i = 0; i < gpu->n; i++)
		if (!(profile_window(gpu->at[i].profile, gpu->at[i].start) & outlook->hold.window))
			gpu->at[kept++] = gpu->at[i];
	gpu->n = kept;
	for (size_t p = 0; p < n && gpu->n == kept && kept < LAYOUT_MAX; p++)
		if (profile_window(profiles[p], start) == outlook->hold.window)
			gpu->at[gpu->n++] = (struct choose_instance){
				.profile = profiles[p], .start = start, .use = CHOOSE_HELD};
}

size_t line_reclaim(struct line *line, size_t *ret_waiter, int64_t ret_leases[LAYOUT_MAX])
{
	int64_t by_s = line->now_s + policy_notice_s(line->policy);
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	uint32_t promised[POLICY_MAX_TEAMS + 1] = {0}; /* to those before in the order */
	const size_t *order;
	size_t n = 0;

	if (!line->has_guarantee)
		return 0;
	order = line_order(line, &n);
	memcpy(gpus, line->gpus, sizeof(gpus));
	mark_borrowed(line);
	for (size_t i = 0; i < n; i++) {
		const struct line_waiter *waiter = &line->waiters[order[i]];
		struct sacrifice sacrifice;
		struct outlook outlook;

		if (waiter->passed || !waiter->class_ || !waiter->least ||
		    line->teams[waiter->team].slices + promised[waiter->team] + waiter->least >
			    guarantee_of(line, waiter->team) ||
		    !line_quota(line, waiter))
			continue;
		promised[waiter->team] += waiter->least;
		choose_outlook(gpus, line->n_gpus, waiter->class_, waiter->least, line->now_s,
			       &outlook);
		if (outlook.has_when && outlook.when_s <= by_s) {
			reserve(gpus, waiter->class_, &outlook);
			continue;
		}
		if (!find_sacrifice(line, gpus, waiter, by_s, &sacrifice))
			continue;
		memcpy(ret_leases, sacrifice.leases, sizeof(sacrifice.leases));
		*ret_waiter = order[i];
		return sacrifice.n;
	}
	return 0;
}

void line_end_early(struct line *line, int64_t lease, int64_t for_lease, int64_t ends_s)
{
	struct line_holder *holder = holder_of(line, lease);

	if (!holder)
		return;
	if (for_lease)
		holder->was_ends_s = holder->ends_s;
	holder->reclaimed_for = for_lease;
	holder->ends_s = ends_s;
	for (size_t g = 0; g < line->n_gpus; g++)
		for (size_t i = 0; i < line->gpus[g].n; i++)
			if (line->gpus[g].at[i].lease == lease)
				line->gpus[g].at[i].ends_s = ends_s;
	line->hold_known = false;
}

/*
 * As long as anybody waits for what his team is guaranteed: who was served first may have had the
 * place that was cleared for another.
 */
static bool is_still_wanted(const struct line *line)
{
	for (size_t i = 0; i < line->n_waiters; i++)
		if (!line->waiters[i].served && line->waiters[i].class_ &&
		    line_is_guaranteed(line, &line->waiters[i]))
			return true;
	return false;
}

bool line_withdraw(struct line *line, int64_t *ret_lease)
{
	for (size_t i = 0; i < line->n_holders; i++) {
		struct line_holder *holder = &line->holders[i];

		if (!holder->reclaimed_for || holder->ends_s <= line->now_s ||
		    is_still_wanted(line))
			continue;
		*ret_lease = holder->lease;
		line_end_early(line, holder->lease, 0, holder->was_ends_s);
		return true;
	}
	return false;
}
