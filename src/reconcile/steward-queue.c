#include "reconcile/steward-reclaim.h"
#include "reconcile/steward-use.h"
#include "reconcile/steward-reserve.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"

/* The outlook of a queue of ordinary length is worked out at once ... */
#define ORDINARY      100
#define STEPS_AT_ONCE 64
/* ... that of a longer one in steps between other things, and not with every change. */
#define STEPS_BETWEEN 2
#define REST_S	      10
#define AGAIN_S	      60 /* also when nothing has changed: who waits climbs */

/* ---- the line ---- */

/* What the policy in force says of a lease is looked up once. */
static void know_policy(const struct steward *steward, struct steward_lease *lease)
{
	struct err ignored = ERR_INIT;

	if (lease->policy_load == steward->policy_load)
		return;
	lease->policy_load = steward->policy_load;
	lease->class_ = policy_class_find(steward->policy, lease->row.class_name, &ignored);
	lease->team = policy_team_index(steward->policy, lease->row.team);
	lease->service =
		lease->team < policy_n_teams(steward->policy) &&
		policy_is_service(policy_team_at(steward->policy, lease->team), lease->row.user);
}

static int add_to_line(const struct steward *steward, struct steward_lease *lease, int64_t now_s,
		       struct line *line)
{
	const struct ledger_lease *row = &lease->row;
	const struct steward_instance *instance;

	if (row->state < LEASE_QUEUED || row->state == LEASE_ENDED)
		return 0;
	know_policy(steward, lease);
	if (row->state == LEASE_QUEUED)
		return line_add_waiter(line, &(struct line_waiter){
						     .lease = row->id,
						     .team = lease->team,
						     .uid = row->uid,
						     .class_ = lease->class_,
						     .since_s = row->requested_s,
						     .time_s = row->time_s,
						     .service = lease->service,
					     });
	instance = row->has_instance ? steward_instance_at(steward, row->instance) : NULL;
	return line_add_holder(line, &(struct line_holder){
					     .lease = row->id,
					     .team = lease->team,
					     .uid = row->uid,
					     .class_ = lease->class_,
					     .slices = instance ? instance->row.slices : 0,
					     .begins_s = row->has_granted ? row->granted_s : now_s,
					     .has_ends = steward_ends(steward, lease),
					     .ends_s = steward_lease_ends_s(row, now_s),
					     .reclaimed_for = lease->reclaim.for_lease,
					     .was_ends_s = lease->reclaim.was_ends_s,
				     });
}

static void take_use(const struct steward *steward, const char *team, uid_t uid, int64_t now_s,
		     struct line_sum *sum)
{
	struct steward_used used;

	steward_use_of(steward, team, uid, now_s, &used);
	memcpy(sum->ended_s, used.ended_s, sizeof(sum->ended_s));
	sum->past = used.past;
}

static void fill_in_use(const struct steward *steward, int64_t now_s, struct line *line)
{
	if (!line->has_hours && !policy_half_life_s(steward->policy))
		return;
	for (size_t i = 0; i < policy_n_teams(steward->policy); i++)
		take_use(steward, policy_team_at(steward->policy, i)->name, 0, now_s,
			 &line->teams[i]);
	for (size_t i = 0; i < line->n_users; i++)
		take_use(steward, NULL, line->users[i].uid, now_s, &line->users[i]);
}

int steward_line(const struct steward *steward, int64_t now_s, struct line *ret)
{
	int r = 0;

	line_init(ret, steward->policy, now_s);
	ret->n_gpus = steward_view(steward, now_s, ret->gpus);
	for (size_t i = 0; !r && i < steward->n_leases; i++)
		r = add_to_line(steward, steward->leases[i], now_s, ret);
	r = r ? r : line_begin(ret);
	if (r)
		line_done(ret);
	else
		fill_in_use(steward, now_s, ret);
	return r;
}

/* ---- serving ---- */

/* Ask again, as if it were asked now by one who has these. */
int steward_admit_again(const struct steward *steward, const struct steward_lease *lease,
			const struct policy_holding *holdings, size_t n, struct policy_terms *ret,
			struct err *err)
{
	const struct policy_person *person =
		steward->hooks.person(steward->hooks.arg, lease->row.uid);
	const struct policy_wish wish = {
		.class_name = lease->row.class_name,
		.reason = lease->row.reason,
		.checked = true,
		.has_time = true,
		.time_s = lease->row.time_s,
	};
	const struct board *here[BACKEND_MAX_GPUS];
	size_t n_here = steward_boards(steward, here);

	if (!person)
		return fail(err, ERR_UNAVAILABLE, "user %u is not known", lease->row.uid);
	return policy_admit(steward->policy, person, &wish, here, n_here, holdings, n, ret, err);
}

static void turn_away(struct steward *steward, struct steward_lease *lease, const struct err *why,
		      int64_t now_s)
{
	steward_end_lease_as(steward, lease, &(struct ending){EVENT_ENDING, "carved", why->rule},
			     now_s, "%s", why->text);
}

/* Refused also to one who holds nothing: another policy than when it was asked. */
static bool is_hopeless(const struct steward *steward, const struct steward_lease *lease,
			struct policy_terms *ret, struct err *err)
{
	return steward_admit_again(steward, lease, NULL, 0, ret, err) &&
	       (err->code == ERR_NOT_FOUND || err->code == ERR_REFUSED || err->code == ERR_INVALID);
}

/* It may have this place now; false: something else than room speaks against it. */
static bool may_have(struct steward *steward, struct steward_lease *lease, uint32_t slices,
		     int64_t now_s, struct policy_terms *ret)
{
	cleanup(free) struct policy_holding *holdings = NULL;
	struct err err = ERR_INIT;
	size_t n;

	holdings = steward_holdings(steward, &n);
	if (holdings && !steward_admit_again(steward, lease, holdings, n, ret, &err))
		return slices <= ret->slices_left &&
		       !steward_bound_hours(steward, lease->row.uid, lease->row.user, now_s, ret,
					    &err) &&
		       slices <= ret->slices_left;
	if (holdings && is_hopeless(steward, lease, ret, &err))
		turn_away(steward, lease, &err, now_s);
	return false;
}

/* Whoever a place is kept for must still be one who may have it. */
static void check_hold(struct steward *steward, struct line *line, int64_t now_s)
{
	struct choose_hold hold;
	size_t at;

	while (line_hold(line, &at, &hold)) {
		struct steward_lease *lease = steward_lease_find(steward, line->waiters[at].lease);
		struct policy_terms terms;

		if (lease && may_have(steward, lease, 0, now_s, &terms))
			return;
		line_pass_over(line, at);
	}
}

/* Reservations may want another place, or a shorter time; false: they leave none. */
static bool place_kept(struct steward *steward, struct line *line, size_t at,
		       const struct policy_terms *terms, struct choice *choice, int64_t *ret_time_s)
{
	struct choose_hold hold = {0};
	struct steward_keep keep;
	size_t holder;

	*ret_time_s = terms->time_s;
	if (!steward_n_reservations(steward))
		return true;
	if (line_hold(line, &holder, &hold) && holder == at)
		hold.active = false;
	if (!steward_place_kept(steward, line->gpus, line->n_gpus, terms, &hold, line->now_s,
				choice, &keep))
		return false;
	if (keep.limited && keep.until_s - line->now_s < *ret_time_s)
		*ret_time_s = keep.until_s - line->now_s;
	return true;
}

static int grant_for(struct steward *steward, struct steward_lease *lease,
		     const struct choice *choice, int64_t time_s, const struct policy_terms *terms,
		     int64_t now_s)
{
	int64_t before = lease->row.time_s;
	struct err err = ERR_INIT;

	lease->row.time_s = time_s;
	if (!steward_grant(steward, lease, choice, terms->rule, now_s, &err))
		return 0;
	lease->row.time_s = before;
	return -(int)err.code;
}

static void serve(struct steward *steward, struct line *line, int64_t now_s)
{
	struct choice choice;
	size_t at;

	while (!steward->unwritable && line_next(line, &at, &choice)) {
		struct steward_lease *lease = steward_lease_find(steward, line->waiters[at].lease);
		struct policy_terms terms;
		int64_t time_s;

		if (!lease || lease->row.state != LEASE_QUEUED)
			line_drop(line, at);
		else if (!may_have(steward, lease, choice.profile->compute_slices, now_s, &terms))
			line_pass_over(line, at);
		else if (steward_needs_approval(steward, lease, &terms, now_s))
			line_drop(line, at);
		else if (!place_kept(steward, line, at, &terms, &choice, &time_s))
			line_pass_over(line, at);
		else if (grant_for(steward, lease, &choice, time_s, &terms, now_s))
			return;
		else
			line_grant(line, at, &choice);
	}
}

bool steward_hold(struct steward *steward, struct line *line, int64_t now_s,
		  struct choose_hold *ret)
{
	size_t ignored;

	check_hold(steward, line, now_s);
	return line_hold(line, &ignored, ret);
}

bool steward_hold_for(const struct steward *steward, int64_t now_s, int64_t lease,
		      struct choose_hold *ret)
{
	cleanup(line_done) struct line line = {0};
	size_t at;

	return !steward_line(steward, now_s, &line) && line_hold(&line, &at, ret) &&
	       line.waiters[at].lease != lease;
}

/* ---- places and estimates ---- */

static void number_queue(struct steward *steward, struct line *line)
{
	size_t n;
	const size_t *order = line_order(line, &n);

	for (size_t i = 0; i < n; i++) {
		int64_t id = line->waiters[order[i]].lease;
		struct steward_lease *lease = steward_lease_find(steward, id);

		if (!lease || lease->position == i + 1)
			continue;
		lease->position = (unsigned)i + 1;
		steward->hooks.changed(steward->hooks.arg, id);
	}
}

static void mix(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * UINT64_C(0x100000001b3);
	*hash ^= *hash >> 29;
}

/* Everything an outlook depends on but the time. */
static uint64_t fingerprint(const struct steward *steward, const struct line *line)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) + steward->policy_load;

	for (size_t i = 0; i < line->n_waiters; i++)
		mix(&hash, (uint64_t)line->waiters[i].lease);
	for (size_t i = 0; i < line->n_holders; i++) {
		mix(&hash, (uint64_t)line->holders[i].lease);
		mix(&hash, line->holders[i].has_ends ? (uint64_t)line->holders[i].ends_s : 0);
	}
	for (size_t g = 0; g < line->n_gpus; g++) {
		mix(&hash, line->gpus[g].usable);
		mix(&hash, line->gpus[g].closed);
		mix(&hash, line->gpus[g].blocked);
		for (size_t i = 0; i < line->gpus[g].n; i++) {
			const struct choose_instance *at = &line->gpus[g].at[i];

			mix(&hash, at->start);
			mix(&hash, at->profile->id);
			mix(&hash, (uint64_t)at->lease);
			mix(&hash, at->use);
		}
	}
	return hash;
}

void steward_forget_future(struct steward *steward)
{
	if (steward->future)
		line_done(steward->future);
	free(steward->future);
	steward->future = NULL;
}

static void tell_estimates(struct steward *steward)
{
	const struct line *line = steward->future;

	for (size_t i = 0; i < line->n_waiters; i++) {
		const struct line_waiter *waiter = &line->waiters[i];
		struct steward_lease *lease = steward_lease_find(steward, waiter->lease);

		if (!lease || lease->row.state != LEASE_QUEUED)
			continue;
		lease->has_estimate = waiter->has_when;
		lease->estimate_s = waiter->when_s;
	}
	steward_forget_future(steward);
}

/* Is it time for another outlook? One at a time: a newer one begins when this one is told. */
static bool wants_outlook(const struct steward *steward, const struct line *line, uint64_t print)
{
	int64_t passed_s = line->now_s - steward->future_s;

	if (steward->future)
		return false;
	if (passed_s < 0 || passed_s >= AGAIN_S)
		return true;
	return print != steward->future_print &&
	       (line->n_waiters <= ORDINARY || passed_s >= REST_S);
}

/* Takes the line. */
static void begin_outlook(struct steward *steward, struct line *line)
{
	uint64_t print = fingerprint(steward, line);
	bool ordinary = line->n_waiters <= ORDINARY;

	if (!wants_outlook(steward, line, print))
		return;
	steward->future_print = print;
	steward->future_s = line->now_s;
	steward->future = malloc(sizeof(*steward->future));
	if (!steward->future)
		return;
	*steward->future = *line;
	*line = (struct line){0};
	for (size_t i = 0; i < steward->future->n_waiters; i++)
		if (steward->future->waiters[i].passed) /* nobody knows when he will not be */
			steward->future->waiters[i].class_ = NULL;
	if (ordinary && line_foresee(steward->future, STEPS_AT_ONCE))
		tell_estimates(steward);
}

bool steward_foresee(struct steward *steward)
{
	if (!steward->future || !line_foresee(steward->future, STEPS_BETWEEN))
		return steward->future;
	tell_estimates(steward);
	return false;
}

/* Somebody waits, or was given notice for one who does no more. */
static bool is_anybody_waiting(const struct steward *steward)
{
	for (size_t i = 0; i < steward->n_leases; i++)
		if (steward->leases[i]->row.state == LEASE_QUEUED ||
		    steward->leases[i]->reclaim.lease)
			return true;
	return false;
}

/* After another policy: who can never be served by it, or must be approved, leaves the queue. */
static void recheck(struct steward *steward, int64_t now_s)
{
	steward->checked_load = steward->policy_load;
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];
		struct policy_terms terms = {0};
		struct err err = ERR_INIT;

		if (lease->row.state != LEASE_QUEUED)
			continue;
		if (is_hopeless(steward, lease, &terms, &err))
			turn_away(steward, lease, &err, now_s);
		else if (!err.code)
			steward_needs_approval(steward, lease, &terms, now_s);
	}
}

void steward_serve_queue(struct steward *steward, int64_t now_s)
{
	cleanup(line_done) struct line line = {0};

	if (!steward->surveyed || steward->unwritable || !is_anybody_waiting(steward))
		return;
	if (steward->checked_load != steward->policy_load)
		recheck(steward, now_s);
	if (steward_line(steward, now_s, &line))
		return;
	check_hold(steward, &line, now_s);
	if (line.has_guarantee) /* before the place is given to somebody else */
		steward_reclaim(steward, &line, now_s);
	serve(steward, &line, now_s);
	number_queue(steward, &line);
	begin_outlook(steward, &line);
}
