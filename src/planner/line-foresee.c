#include <string.h>

#include "planner/line-part.h"

#define MAX_TURNS 1000 /* steps from one turn of a period to the next when no lease ends any more */

/* Is as much of the class in stock as the policy wants kept? */
static bool is_wanted_warm(const struct line *line, const struct policy_class *class_,
			   const struct board *board)
{
	const struct profile *profiles[POLICY_MAX_PROFILES];
	size_t n = class_ && class_->warm ? policy_class_profiles(class_, board, profiles) : 0;
	unsigned n_free = 0;

	for (size_t g = 0; n && g < line->n_gpus; g++)
		for (size_t i = 0; i < line->gpus[g].n; i++)
			for (size_t p = 0; p < n; p++)
				n_free += line->gpus[g].at[i].use == CHOOSE_FREE &&
					  !strcmp(line->gpus[g].at[i].profile->name,
						  profiles[p]->name);
	return n && n_free < class_->warm;
}

static void leave_place(struct line *line, const struct line_holder *holder)
{
	for (size_t g = 0; g < line->n_gpus; g++)
		for (size_t i = 0; i < line->gpus[g].n; i++) {
			struct choose_gpu *gpu = &line->gpus[g];

			if (gpu->at[i].lease != holder->lease)
				continue;
			gpu->at[i].lease = 0;
			gpu->at[i].ends_s = line->now_s;
			if (is_wanted_warm(line, holder->class_, gpu->board))
				gpu->at[i].use = CHOOSE_FREE;
			return;
		}
}

/* What was being taken away is gone. */
static void clear_leftovers(struct line *line)
{
	for (size_t g = 0; g < line->n_gpus; g++)
		for (size_t i = line->gpus[g].n; i-- > 0;) {
			const struct choose_instance *at = &line->gpus[g].at[i];

			if (at->use == CHOOSE_HELD && !at->lease && at->has_ends &&
			    at->ends_s <= line->now_s)
				line->gpus[g].at[i] = line->gpus[g].at[--line->gpus[g].n];
		}
}

/* What has ended counts against the quotas of the present periods, and in the queue. */
static void use_up(const struct line *line, struct line_sum *sum, const struct line_holder *holder)
{
	for (unsigned per = 0; per < POLICY_PERIODS; per++) {
		int64_t begin_s = line->periods[per].begin_s;
		int64_t from_s = holder->begins_s > begin_s ? holder->begins_s : begin_s;

		if (line->now_s > from_s)
			sum->ended_s[per] += holder->slices * (line->now_s - from_s);
	}
	sum->past += policy_past_of(line->policy, holder->slices, line->now_s - holder->begins_s);
}

static void fade_past(struct line *line)
{
	int64_t passed_s = line->now_s - line->past_s;

	if (!policy_half_life_s(line->policy) || !passed_s)
		return;
	for (size_t i = 0; i <= policy_n_teams(line->policy); i++)
		line->teams[i].past = policy_past_fade(line->policy, line->teams[i].past, passed_s);
	for (size_t i = 0; i < line->n_users; i++)
		line->users[i].past = policy_past_fade(line->policy, line->users[i].past, passed_s);
	line->past_s = line->now_s;
}

static void turn_period(struct line *line, unsigned per)
{
	policy_period_around(per, line->now_s, &line->periods[per].begin_s,
			     &line->periods[per].end_s);
	for (size_t i = 0; i <= policy_n_teams(line->policy); i++)
		line->teams[i].ended_s[per] = 0;
	for (size_t i = 0; i < line->n_users; i++)
		line->users[i].ended_s[per] = 0;
}

/* The clock was set to another moment. */
static void turn_periods(struct line *line)
{
	for (unsigned per = 0; per < POLICY_PERIODS; per++) {
		struct line_period *period = &line->periods[per];

		if (!period->end_s)
			policy_period_around(per, line->now_s, &period->begin_s, &period->end_s);
		if (line->now_s >= period->end_s)
			turn_period(line, per);
	}
}

static void end_leases(struct line *line)
{
	size_t kept = 0;

	for (size_t i = 0; i < line->n_holders; i++) {
		struct line_holder *holder = &line->holders[i];

		if (!holder->has_ends || holder->ends_s > line->now_s) {
			line->holders[kept++] = *holder;
			continue;
		}
		line_count(line, holder, false);
		use_up(line, &line->teams[holder->team], holder);
		use_up(line, &line->users[holder->user], holder);
		leave_place(line, holder);
	}
	line->n_holders = kept;
}

/* When a waiter climbs next, or a place is kept for him from then on. */
static int64_t next_climb(const struct line *line, const struct line_waiter *waiter)
{
	int64_t age_s = policy_age_s(line->policy);
	int64_t waited_s = line->now_s > waiter->since_s ? line->now_s - waiter->since_s : 0;
	int64_t climbs_s = waiter->since_s + (waited_s / age_s + 1) * age_s;

	return waited_s < LINE_HOLD_S && waiter->since_s + LINE_HOLD_S < climbs_s
		       ? waiter->since_s + LINE_HOLD_S
		       : climbs_s;
}

static int64_t next_end(const struct line *line)
{
	int64_t next_s = INT64_MAX;

	for (size_t i = 0; i < line->n_holders; i++) {
		const struct line_holder *holder = &line->holders[i];

		if (holder->has_ends && holder->ends_s > line->now_s && holder->ends_s < next_s)
			next_s = holder->ends_s;
	}
	return next_s;
}

/* The next moment at which more may be served; INT64_MAX: none is known. */
static int64_t next_moment(struct line *line)
{
	int64_t next_s = next_end(line);

	line->n_turns = next_s == INT64_MAX ? line->n_turns + 1 : 0;
	for (unsigned per = 0; line->has_hours && per < POLICY_PERIODS; per++)
		if (line->n_turns < MAX_TURNS && line->periods[per].end_s < next_s)
			next_s = line->periods[per].end_s;
	/* A place that is kept may be kept for somebody else then. */
	for (size_t i = 0; line->has_room && next_s != INT64_MAX && i < line->n_waiters; i++) {
		const struct line_waiter *waiter = &line->waiters[i];
		int64_t climbs_s = waiter->served ? INT64_MAX : next_climb(line, waiter);

		if (climbs_s < next_s)
			next_s = climbs_s;
	}
	return next_s;
}

static void withdraw(struct line *line)
{
	int64_t lease;

	while (line_withdraw(line, &lease))
		;
}

static void reclaim(struct line *line)
{
	int64_t leases[LAYOUT_MAX];
	size_t n, waiter;

	withdraw(line);
	while ((n = line_reclaim(line, &waiter, leases)))
		for (size_t i = 0; i < n; i++)
			line_end_early(line, leases[i], line->waiters[waiter].lease,
				       line->now_s + policy_notice_s(line->policy));
}

static void serve(struct line *line)
{
	struct choice choice;
	size_t waiter;

	reclaim(line); /* before the place is given to somebody else */
	while (line_next(line, &waiter, &choice))
		line_grant(line, waiter, &choice);
}

bool line_foresee(struct line *line, unsigned max_steps)
{
	for (; max_steps; max_steps--) {
		int64_t next_s;

		fade_past(line);
		turn_periods(line);
		if (line->has_hours) /* time alone may let somebody in */
			serve(line);
		end_leases(line);
		serve(line); /* quotas are free a moment before the places are */
		clear_leftovers(line);
		serve(line);
		withdraw(line);
		next_s = next_moment(line);
		if (line->n_served == line->n_waiters || next_s == INT64_MAX)
			return true;
		line->now_s = next_s;
	}
	return false;
}
