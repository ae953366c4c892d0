#include "planner/line-part.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

/* ---- life ---- */

void line_init(struct line *line, const struct policy *policy, int64_t now_s)
{
	*line = (struct line){.policy = policy, .now_s = now_s};
}

void line_done(struct line *line)
{
	free(line->holders);
	free(line->waiters);
	free(line->teams);
	free(line->users);
	free(line->order);
	free(line->spells);
	*line = (struct line){0};
}

int line_add_holder(struct line *line, const struct line_holder *holder)
{
	if (array_reserve(&line->holders, &line->cap_holders, line->n_holders,
			  sizeof(*line->holders)))
		return -1;
	line->holders[line->n_holders++] = *holder;
	return 0;
}

int line_add_waiter(struct line *line, const struct line_waiter *waiter)
{
	if (array_reserve(&line->waiters, &line->cap_waiters, line->n_waiters,
			  sizeof(*line->waiters)))
		return -1;
	line->waiters[line->n_waiters++] = *waiter;
	return 0;
}

static int compare_sums(const void *a, const void *b)
{
	const struct line_sum *x = a, *y = b;

	return x->uid < y->uid ? -1 : x->uid > y->uid;
}

/* Everybody who holds or waits, once. */
static void list_users(struct line *line)
{
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < line->n_holders; i++)
		line->users[n++].uid = line->holders[i].uid;
	for (size_t i = 0; i < line->n_waiters; i++)
		line->users[n++].uid = line->waiters[i].uid;
	qsort(line->users, n, sizeof(*line->users), compare_sums);
	for (size_t i = 0; i < n; i++)
		if (!kept || line->users[kept - 1].uid != line->users[i].uid)
			line->users[kept++] = line->users[i];
	line->n_users = kept;
}

static size_t user_of(const struct line *line, uid_t uid)
{
	const struct line_sum key = {.uid = uid};
	const struct line_sum *user =
		bsearch(&key, line->users, line->n_users, sizeof(key), compare_sums);

	return (size_t)(user - line->users);
}

void line_count(struct line *line, const struct line_holder *holder, bool begins)
{
	struct line_sum *sums[] = {&line->teams[holder->team], &line->users[holder->user]};

	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		sums[i]->instances += begins ? 1 : -1u;
		sums[i]->slices += begins ? holder->slices : -holder->slices;
	}
}

uint32_t line_least_slices(const struct line *line, const struct policy_class *class_)
{
	uint32_t least = 0;

	for (size_t g = 0; class_ && g < line->n_gpus; g++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n = line->gpus[g].usable
				   ? policy_class_profiles(class_, line->gpus[g].board, profiles)
				   : 0;

		for (size_t i = 0; i < n; i++)
			if (!least || profiles[i]->compute_slices < least)
				least = profiles[i]->compute_slices;
	}
	return least;
}

static size_t class_index(const struct line *line, const struct policy_class *class_)
{
	return (size_t)(class_ - policy_class_at(line->policy, 0));
}

int line_begin(struct line *line)
{
	uint32_t least[POLICY_MAX_CLASSES];

	line->teams = calloc(policy_n_teams(line->policy) + 1, sizeof(*line->teams));
	line->users = calloc(line->n_holders + line->n_waiters + 1, sizeof(*line->users));
	line->order = calloc(line->n_waiters + 1, sizeof(*line->order));
	/* One more for each who will hold, so that to grant needs no memory. */
	while (line->cap_holders < line->n_holders + line->n_waiters)
		if (array_reserve(&line->holders, &line->cap_holders, line->cap_holders,
				  sizeof(*line->holders)))
			return -1;
	line->spells = calloc(line->cap_holders + 1, sizeof(*line->spells));
	if (!line->teams || !line->users || !line->order || !line->spells)
		return -1;
	line->past_s = line->now_s;
	for (size_t i = 0; i < policy_n_teams(line->policy); i++) {
		const struct policy_team *team = policy_team_at(line->policy, i);

		line->has_hours |= team->hours.has || team->hours_per_user.has;
		line->has_guarantee |= team->guarantee;
	}
	list_users(line);
	for (size_t i = 0; i < policy_n_classes(line->policy); i++)
		least[i] = line_least_slices(line, policy_class_at(line->policy, i));
	for (size_t i = 0; i < line->n_holders; i++) {
		line->holders[i].user = user_of(line, line->holders[i].uid);
		line_count(line, &line->holders[i], true);
	}
	for (size_t i = 0; i < line->n_waiters; i++) {
		struct line_waiter *waiter = &line->waiters[i];

		waiter->served = waiter->passed = waiter->has_when = false;
		waiter->user = user_of(line, waiter->uid);
		waiter->least = waiter->class_ ? least[class_index(line, waiter->class_)] : 0;
	}
	return 0;
}

/* ---- what he may take ---- */

static uint32_t left_of(uint32_t quota, uint32_t held)
{
	return quota == POLICY_UNLIMITED ? POLICY_UNLIMITED : quota > held ? quota - held : 0;
}

/* One that ends early may have its old end again. */
static int64_t promised_end(const struct line_holder *holder)
{
	return holder->reclaimed_for ? holder->was_ends_s : holder->ends_s;
}

/* Of his team or himself: what slice-hours leave for his time. */
static uint32_t hours_left(const struct line *line, const struct line_waiter *waiter,
			   const struct policy_hours *hours, bool of_team)
{
	const struct line_sum *sum =
		of_team ? &line->teams[waiter->team] : &line->users[waiter->user];
	struct policy_use use = {.spells = line->spells};

	if (!hours->has)
		return POLICY_UNLIMITED;
	memcpy(use.ended_s, sum->ended_s, sizeof(use.ended_s));
	for (size_t i = 0; i < line->n_holders; i++) {
		const struct line_holder *holder = &line->holders[i];
		bool is_over = !holder->has_ends || holder->ends_s < line->now_s;

		if (of_team ? holder->team == waiter->team : holder->user == waiter->user)
			line->spells[use.n++] = (struct policy_spell){
				.slices = holder->slices,
				.from_s = holder->begins_s,
				.to_s = is_over ? line->now_s : promised_end(holder),
			};
	}
	return policy_hours_slices(hours, &use, line->now_s, waiter->time_s, NULL);
}

static uint32_t least_of(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

uint32_t line_quota(const struct line *line, const struct line_waiter *waiter)
{
	const struct line_sum *team, *user = &line->users[waiter->user];
	const struct policy_team *rules;
	uint32_t left;

	if (waiter->team >= policy_n_teams(line->policy) || !waiter->least)
		return 0;
	team = &line->teams[waiter->team];
	rules = policy_team_at(line->policy, waiter->team);
	if (!left_of(rules->quota.instances, team->instances) ||
	    (!waiter->service && !left_of(rules->per_user.instances, user->instances)))
		return 0;
	left = left_of(rules->quota.slices, team->slices);
	if (!waiter->service)
		left = least_of(left, left_of(rules->per_user.slices, user->slices));
	if (left >= waiter->least)
		left = least_of(left, hours_left(line, waiter, &rules->hours, true));
	if (left >= waiter->least && !waiter->service)
		left = least_of(left, hours_left(line, waiter, &rules->hours_per_user, false));
	return left < waiter->least ? 0 : left;
}

/* ---- the order ---- */

/* What those who hold count for in the queue besides what they hold now. */
static void let_past_count(struct line *line, double *ret_teams, double *ret_users)
{
	for (size_t i = 0; i <= policy_n_teams(line->policy); i++)
		ret_teams[i] = line->teams[i].past;
	for (size_t i = 0; i < line->n_users; i++)
		ret_users[i] = line->users[i].past;
	for (size_t i = 0; i < line->n_holders; i++) {
		const struct line_holder *holder = &line->holders[i];
		double past = policy_past_of(line->policy, holder->slices,
					     line->now_s - holder->begins_s);

		ret_teams[holder->team] += past;
		ret_users[holder->user] += past;
	}
}

static size_t list_waiters(const struct line *line, const double *past, struct policy_waiter *ret,
			   size_t *ret_index)
{
	size_t n = 0;

	for (size_t i = 0; i < line->n_waiters; i++) {
		const struct line_waiter *waiter = &line->waiters[i];

		if (waiter->served)
			continue;
		ret_index[n] = i;
		ret[n++] = (struct policy_waiter){
			.lease = waiter->lease,
			.team = waiter->team,
			.uid = waiter->uid,
			.load = line->users[waiter->user].slices + past[waiter->user],
			.since_s = waiter->since_s,
			.priority = waiter->class_ ? waiter->class_->priority : 0,
			.slices = waiter->least,
		};
	}
	return n;
}

static void make_order(struct line *line)
{
	cleanup(free) struct policy_waiter *waiters = calloc(line->n_waiters + 1, sizeof(*waiters));
	cleanup(free) size_t *index = calloc(line->n_waiters + 1, sizeof(*index));
	cleanup(free) double *users = calloc(line->n_users + 1, sizeof(*users));
	struct policy_load loads[POLICY_MAX_TEAMS + 1] = {0};
	double teams[POLICY_MAX_TEAMS + 1] = {0};

	line->ordered = true;
	line->n_order = 0;
	if (!waiters || !index || !users)
		return;
	if (policy_half_life_s(line->policy))
		let_past_count(line, teams, users);
	for (size_t i = 0; i <= policy_n_teams(line->policy); i++)
		loads[i] = (struct policy_load){line->teams[i].slices, teams[i]};
	line->n_order = list_waiters(line, users, waiters, index);
	policy_queue_order(line->policy, loads, waiters, line->n_order, line->now_s, line->order);
	for (size_t i = 0; i < line->n_order; i++)
		line->order[i] = index[line->order[i]];
}

const size_t *line_order(struct line *line, size_t *ret_n)
{
	make_order(line);
	*ret_n = line->n_order;
	return line->order;
}

/* ---- the place that is kept ---- */

static int rank_of(const struct line *line, const struct line_waiter *waiter)
{
	const struct policy_waiter who = {
		.team = waiter->team,
		.since_s = waiter->since_s,
		.priority = waiter->class_->priority,
	};

	return policy_rank(line->policy, &who, line->now_s);
}

/* Of those who have waited too long, or ask for what is guaranteed, and would be let in. */
static bool find_holder(const struct line *line, size_t *ret)
{
	bool found = false, best_guaranteed = false;
	int best = 0;

	for (size_t i = 0; i < line->n_waiters; i++) {
		const struct line_waiter *waiter = &line->waiters[i];
		bool guaranteed;
		int rank;

		if (waiter->served || waiter->passed || !waiter->class_)
			continue;
		guaranteed = line_is_guaranteed(line, waiter);
		if (!guaranteed && waiter->since_s + LINE_HOLD_S > line->now_s)
			continue;
		rank = rank_of(line, waiter);
		if (found && (guaranteed != best_guaranteed ? best_guaranteed : rank <= best))
			continue;
		if (!line_quota(line, waiter))
			continue;
		found = true;
		best = rank;
		best_guaranteed = guaranteed;
		*ret = i;
	}
	return found;
}

static void know_hold(struct line *line)
{
	const struct line_waiter *waiter;
	struct outlook outlook;

	if (line->hold_known)
		return;
	line->hold_known = true;
	line->hold = (struct choose_hold){0};
	line->has_holder = find_holder(line, &line->holder);
	if (!line->has_holder)
		return;
	waiter = &line->waiters[line->holder];
	choose_outlook(line->gpus, line->n_gpus, waiter->class_, line_quota(line, waiter),
		       line->now_s, &outlook);
	/* What others do not lend may be free for ever, and is no place to wait for. */
	if (outlook.has_when &&
	    (outlook.lease || outlook.when_s > line->now_s || line_is_guaranteed(line, waiter) ||
	     line_room(line, waiter->team) >= waiter->least))
		line->hold = outlook.hold;
}

bool line_hold(struct line *line, size_t *ret_waiter, struct choose_hold *ret)
{
	know_hold(line);
	if (!line->has_holder || !line->hold.active)
		return false;
	*ret_waiter = line->holder;
	*ret = line->hold;
	return true;
}

/* ---- one pass ---- */

static void begin_pass(struct line *line)
{
	line->in_pass = true;
	line->ordered = line->granted = line->hold_known = false;
	line->at = 0;
	memset(line->full, 0, sizeof(line->full));
}

/* Is it known that so many slices of the class are not there? */
static bool is_full(const struct line *line, const struct policy_class *class_, uint32_t slices)
{
	size_t i = class_index(line, class_);

	return line->full[i] && slices <= line->full_slices[i];
}

static bool keeps_place(const struct line *line, size_t index)
{
	return line->has_holder && line->holder == index;
}

static bool has_place(const struct line *line, const struct policy_class *class_, uint32_t slices,
		      const struct choose_hold *hold, struct choice *ret)
{
	const struct policy_placement *placement = policy_placement(line->policy);

	return choose_place(line->gpus, line->n_gpus, class_, slices, hold, ret) ||
	       (placement->moves_done && choose_by_moving(line->gpus, line->n_gpus, class_, slices,
							  hold, placement->max_moves, ret));
}

static bool find_place(struct line *line, size_t index, uint32_t slices, struct choice *ret)
{
	const struct policy_class *class_ = line->waiters[index].class_;
	size_t i = class_index(line, class_);
	bool keeps = keeps_place(line, index);

	if (!keeps && is_full(line, class_, slices))
		return false;
	if (has_place(line, class_, slices, keeps ? NULL : &line->hold, ret))
		return true;
	line->full[i] = true;
	line->full_slices[i] = slices;
	return false;
}

/* Mostly no class has room at all; then nobody needs to be put in order. */
static void look_for_room(struct line *line)
{
	bool asked[POLICY_MAX_CLASSES] = {0};

	line->has_room = false;
	for (size_t i = 0; i < line->n_waiters; i++) {
		const struct line_waiter *waiter = &line->waiters[i];
		struct choice ignored;
		size_t class_;

		if (waiter->served || waiter->passed || !waiter->class_ || !waiter->least)
			continue;
		class_ = class_index(line, waiter->class_);
		if (asked[class_])
			continue;
		asked[class_] = true;
		/* The hold left aside: it keeps a place for one of these. */
		if (has_place(line, waiter->class_, POLICY_UNLIMITED, NULL, &ignored)) {
			line->has_room = true;
			continue;
		}
		line->full[class_] = true;
		line->full_slices[class_] = POLICY_UNLIMITED;
	}
}

static bool next_in_pass(struct line *line, size_t *ret_waiter, struct choice *ret)
{
	know_hold(line);
	for (; line->at < line->n_order; line->at++) {
		size_t index = line->order[line->at];
		const struct line_waiter *waiter = &line->waiters[index];
		uint32_t slices;

		if (waiter->served || waiter->passed || !waiter->class_ ||
		    (is_full(line, waiter->class_, POLICY_UNLIMITED) && !keeps_place(line, index)))
			continue;
		slices = least_of(line_quota(line, waiter), line_room(line, waiter->team));
		if (slices >= waiter->least && slices && find_place(line, index, slices, ret)) {
			*ret_waiter = index;
			return true;
		}
	}
	return false;
}

bool line_next(struct line *line, size_t *ret_waiter, struct choice *ret)
{
	for (;;) {
		if (!line->in_pass)
			begin_pass(line);
		if (!line->ordered) {
			look_for_room(line);
			if (!line->has_room)
				break;
			make_order(line);
		}
		if (next_in_pass(line, ret_waiter, ret))
			return true;
		if (!line->granted)
			break;
		/* Who was turned away because of a place kept for another may be lucky now. */
		line->granted = line->ordered = line->hold_known = false;
		line->at = 0;
		memset(line->full, 0, sizeof(line->full));
	}
	line->in_pass = false;
	return false;
}

static void remove_instance(struct choose_gpu *gpu, int64_t id)
{
	for (size_t i = 0; i < gpu->n; i++)
		if (gpu->at[i].id == id) {
			gpu->at[i] = gpu->at[--gpu->n];
			return;
		}
}

static void put(struct choose_gpu *gpu, const struct choose_instance *instance)
{
	if (gpu->n == LAYOUT_MAX) /* the rules of the board do not allow it; a picture may */
		gpu->usable = false;
	else
		gpu->at[gpu->n++] = *instance;
}

/* As if it were done at once. */
static void move(struct line *line, const struct choose_move *move)
{
	for (size_t g = 0; g < line->n_gpus; g++)
		for (size_t i = 0; i < line->gpus[g].n; i++) {
			struct choose_instance moved = line->gpus[g].at[i];

			if (moved.id != move->from)
				continue;
			remove_instance(&line->gpus[g], move->from);
			if (move->exists)
				remove_instance(&line->gpus[move->gpu], move->to);
			moved.start = move->start;
			put(&line->gpus[move->gpu], &moved);
			return;
		}
}

void line_grant(struct line *line, size_t index, const struct choice *choice)
{
	struct line_waiter *waiter = &line->waiters[index];
	struct choose_gpu *gpu = &line->gpus[choice->gpu];
	struct line_holder holder = {
		.lease = waiter->lease,
		.team = waiter->team,
		.uid = waiter->uid,
		.class_ = waiter->class_,
		.slices = choice->profile->compute_slices,
		.begins_s = line->now_s,
		.has_ends = true,
		.ends_s = line->now_s + waiter->time_s,
		.user = waiter->user,
	};

	for (size_t g = 0; g < line->n_gpus; g++)
		for (size_t i = 0; i < choice->n_remove; i++)
			remove_instance(&line->gpus[g], choice->remove[i]);
	for (size_t i = 0; i < choice->n_moves; i++)
		move(line, &choice->moves[i]);
	if (choice->exists)
		remove_instance(gpu, choice->id);
	put(gpu, &(struct choose_instance){
			 .id = INT64_MIN + waiter->lease, /* none of ours, and each but once */
			 .profile = choice->profile,
			 .start = choice->start,
			 .use = CHOOSE_HELD,
			 .has_ends = true,
			 .ends_s = holder.ends_s,
			 .lease = waiter->lease,
		 });
	line->holders[line->n_holders++] = holder;
	line_count(line, &holder, true);
	waiter->has_when = true;
	waiter->when_s = line->now_s;
	line->granted = true;
	line_drop(line, index);
}

void line_pass_over(struct line *line, size_t waiter)
{
	line->waiters[waiter].passed = true;
	line->hold_known = line->hold_known && line->holder != waiter;
}

void line_drop(struct line *line, size_t waiter)
{
	line->n_served += !line->waiters[waiter].served;
	line->waiters[waiter].served = true;
	/* What is kept may be another's now: what was full for that reason need not be. */
	line->hold_known = false;
	memset(line->full, 0, sizeof(line->full));
}
