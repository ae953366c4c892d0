#include "reconcile/steward-part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The queue as the policy orders it: pointers to leases, freed by the caller. */
static struct steward_lease **queue_order(const struct steward *steward, size_t *ret_n)
{
	cleanup(free) struct policy_holding *holdings = NULL;
	cleanup(free) struct policy_waiter *waiters = NULL;
	cleanup(free) struct steward_lease **waiting = NULL;
	cleanup(free) size_t *order = NULL;
	struct steward_lease **ret;
	size_t n = 0, n_holdings;

	*ret_n = 0;
	holdings = steward_holdings(steward, &n_holdings);
	waiters = calloc(steward->n_leases + 1, sizeof(*waiters));
	waiting = calloc(steward->n_leases + 1, sizeof(struct steward_lease *));
	order = calloc(steward->n_leases + 1, sizeof(*order));
	ret = calloc(steward->n_leases + 1, sizeof(struct steward_lease *));
	if (!holdings || !waiters || !waiting || !order || !ret) {
		free(ret);
		return NULL;
	}
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];

		if (lease->row.state != LEASE_QUEUED)
			continue;
		waiting[n] = lease;
		waiters[n++] = (struct policy_waiter){
			.lease = lease->row.id, .uid = lease->row.uid, .team = lease->row.team};
	}
	policy_queue_order(steward->policy, holdings, n_holdings, waiters, n, order);
	for (size_t i = 0; i < n; i++)
		ret[i] = waiting[order[i]];
	*ret_n = n;
	return ret;
}

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

static const struct policy_class *class_of(const struct steward *steward,
					   const struct steward_lease *lease)
{
	struct err ignored = ERR_INIT;

	return policy_class_find(steward->policy, lease->row.class_name, &ignored);
}

/* Who has waited too long, and would be let in if there were room. */
static const struct steward_lease *longest_waiting(const struct steward *steward, int64_t now_s)
{
	cleanup(free) struct policy_holding *holdings = NULL;
	struct err ignored = ERR_INIT;
	struct policy_terms terms;
	size_t n;

	holdings = steward_holdings(steward, &n);
	for (size_t i = 0; holdings && i < steward->n_leases; i++) {
		const struct steward_lease *lease = steward->leases[i];

		if (lease->row.state == LEASE_QUEUED &&
		    lease->row.requested_s + STEWARD_HOLD_S <= now_s &&
		    !steward_admit_again(steward, lease, holdings, n, &terms, &ignored))
			return lease;
	}
	return NULL;
}

bool steward_hold(const struct steward *steward, int64_t now_s, int64_t except,
		  struct choose_hold *ret)
{
	const struct steward_lease *oldest = longest_waiting(steward, now_s);
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	const struct policy_class *class_;
	struct outlook outlook;
	size_t n;

	class_ = oldest && oldest->row.id != except ? class_of(steward, oldest) : NULL;
	if (!class_)
		return false;
	n = steward_view(steward, now_s, gpus);
	choose_outlook(gpus, n, class_, POLICY_UNLIMITED, now_s, &outlook);
	if (!outlook.has_when)
		return false;
	*ret = outlook.hold;
	return true;
}

/* Refused also to one who holds nothing: another policy than when it was asked. */
static bool is_hopeless(const struct steward *steward, const struct steward_lease *lease,
			struct err *err)
{
	struct policy_terms ignored;

	return steward_admit_again(steward, lease, NULL, 0, &ignored, err) &&
	       (err->code == ERR_NOT_FOUND || err->code == ERR_REFUSED || err->code == ERR_INVALID);
}

/* true when it got a place. */
static bool serve(struct steward *steward, struct steward_lease *lease, int64_t now_s)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	cleanup(free) struct policy_holding *holdings = NULL;
	struct choose_hold hold = {0};
	struct policy_terms terms;
	struct err err = ERR_INIT;
	struct choice choice;
	size_t n;

	holdings = steward_holdings(steward, &n);
	if (!holdings)
		return false;
	if (steward_admit_again(steward, lease, holdings, n, &terms, &err)) {
		if (is_hopeless(steward, lease, &err))
			steward_end_lease_as(steward, lease,
					     &(struct ending){EVENT_ENDING, "carved", err.rule},
					     now_s, "%s", err.text);
		return false;
	}
	if (steward_needs_approval(steward, lease, &terms, now_s))
		return false;
	n = steward_view(steward, now_s, gpus);
	steward_hold(steward, now_s, lease->row.id, &hold);
	if (!steward_place(steward, gpus, n, &terms, &hold, &choice))
		return false;
	return steward_grant(steward, lease, &choice, terms.rule, now_s, &err) == 0;
}

/* ---- places and estimates ---- */

/* As if the one who gets this place had it for all his time. */
static void occupy(struct choose_gpu *gpus, const struct outlook *outlook,
		   const struct policy_class *class_, int64_t until_s)
{
	struct choose_gpu *gpu = &gpus[outlook->hold.gpu];
	const struct profile *profiles[POLICY_MAX_PROFILES];
	unsigned start = (unsigned)__builtin_ctz(outlook->hold.window | 1u << 16);
	size_t n_profiles = policy_class_profiles(class_, gpu->board, profiles), kept = 0;

	for (size_t i = 0; i < gpu->n; i++)
		if (!(profile_window(gpu->at[i].profile, gpu->at[i].start) & outlook->hold.window))
			gpu->at[kept++] = gpu->at[i];
	gpu->n = kept;
	for (size_t p = 0; p < n_profiles && gpu->n == kept && kept < LAYOUT_MAX; p++)
		if (profile_window(profiles[p], start) == outlook->hold.window)
			gpu->at[gpu->n++] = (struct choose_instance){
				.id = INT64_MIN + (int64_t)kept, /* none of ours */
				.profile = profiles[p],
				.start = start,
				.use = CHOOSE_HELD,
				.has_ends = true,
				.ends_s = until_s,
			};
}

static void estimate(const struct steward *steward, struct steward_lease *lease,
		     struct choose_gpu *gpus, size_t n, int64_t now_s)
{
	const struct policy_class *class_ = class_of(steward, lease);
	struct outlook outlook = {0};

	lease->has_estimate = false;
	if (class_)
		choose_outlook(gpus, n, class_, POLICY_UNLIMITED, now_s, &outlook);
	if (!outlook.has_when)
		return;
	lease->has_estimate = true;
	lease->estimate_s = outlook.when_s;
	occupy(gpus, &outlook, class_, outlook.when_s + lease->row.time_s);
}

static void number_queue(struct steward *steward, int64_t now_s)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	cleanup(free) struct steward_lease **order = NULL;
	size_t n_gpus, n;

	order = queue_order(steward, &n);
	if (!n)
		return;
	n_gpus = steward_view(steward, now_s, gpus);
	for (size_t i = 0; i < n; i++) {
		unsigned before = order[i]->position;

		order[i]->position = (unsigned)i + 1;
		estimate(steward, order[i], gpus, n_gpus, now_s);
		if (order[i]->position != before)
			steward->hooks.changed(steward->hooks.arg, order[i]->row.id);
	}
}

void steward_serve_queue(struct steward *steward, int64_t now_s)
{
	cleanup(free) struct steward_lease **order = NULL;
	size_t n;

	if (!steward->surveyed || steward->unwritable)
		return;
	order = queue_order(steward, &n);
	for (size_t i = 0; i < n && !steward->unwritable; i++)
		if (order[i]->row.state == LEASE_QUEUED)
			serve(steward, order[i], now_s);
	number_queue(steward, now_s);
}
