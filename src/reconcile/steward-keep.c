/* Places and what is reserved: who may have one, until when, and why not. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "planner/reserve.h"
#include "reconcile/steward-part.h"
#include "reconcile/steward-reserve.h"

#define SLACK_S 60 /* a shorter lease is offered so much before the next begins */

/* ---- what is kept ---- */

/* Leases of its class that its team has, and that run at that time. */
static unsigned taken_at(const struct steward *steward,
			 const struct policy_reservation *reservation, int64_t time_s,
			 int64_t except)
{
	unsigned n = 0;

	for (size_t i = 0; i < steward->n_leases; i++) {
		const struct ledger_lease *row = &steward->leases[i]->row;
		int64_t ends_s = row->has_ends ? row->ends_s : row->requested_s + row->time_s;

		n += (row->state == LEASE_GRANTING || row->state == LEASE_ACTIVE) &&
		     row->id != except && ends_s > time_s && !strcmp(row->team, reservation->team) &&
		     !strcmp(row->class_name, reservation->class_name);
	}
	return n;
}

/* Every time that a reservation is on between now and then. */
struct keeping {
	const struct steward *steward;
	int64_t now_s, until_s;
	int64_t except; /* a lease that counts for none */
	size_t n;
	struct reserve_need needs[RESERVE_MAX];
	size_t of[RESERVE_MAX]; /* which reservation */
};

static void insert_need(struct keeping *keeping, const struct reserve_need *need, size_t of)
{
	size_t at = keeping->n++;

	for (; at && keeping->needs[at - 1].begins_s > need->begins_s; at--) {
		keeping->needs[at] = keeping->needs[at - 1];
		keeping->of[at] = keeping->of[at - 1];
	}
	keeping->needs[at] = *need;
	keeping->of[at] = of;
}

static void add_needs(struct keeping *keeping, size_t of)
{
	struct steward_reservation reservation;
	struct err ignored = ERR_INIT;
	int64_t after_s = keeping->now_s;
	struct reserve_need need;

	steward_reservation_at(keeping->steward, of, &reservation);
	need.class_ = policy_class_find(keeping->steward->policy, reservation.when.class_name,
					&ignored);
	if (!need.class_) /* has left the file */
		return;
	while (keeping->n < RESERVE_MAX &&
	       policy_reservation_next(&reservation.when, after_s, &need.begins_s, &need.ends_s) &&
	       need.begins_s < keeping->until_s) {
		int64_t at_s =
			need.begins_s > keeping->now_s ? need.begins_s : keeping->now_s;
		unsigned taken = taken_at(keeping->steward, &reservation.when, at_s, keeping->except);

		need.count = taken < reservation.when.instances ? reservation.when.instances - taken
								: 0;
		insert_need(keeping, &need, of);
		after_s = need.ends_s;
	}
}

static void find_needs(struct keeping *keeping)
{
	for (size_t i = 0; i < steward_n_reservations(keeping->steward); i++)
		add_needs(keeping, i);
}

/* Is it for whoever asks? */
static bool is_own(const struct keeping *keeping, size_t need, const struct policy_terms *terms)
{
	struct steward_reservation reservation;

	steward_reservation_at(keeping->steward, keeping->of[need], &reservation);
	return !strcmp(reservation.when.team, terms->team->name) &&
	       !strcmp(reservation.when.class_name, terms->class_->name);
}

/* The GPUs without the places of those needs that begin before; own: NULL counts all. */
static void block(const struct keeping *keeping, const struct policy_terms *own, int64_t before_s,
		  const struct choose_gpu *gpus, size_t n, struct choose_gpu *ret)
{
	struct reserve_need needs[RESERVE_MAX];
	size_t n_needs = 0;

	for (size_t i = 0; i < keeping->n; i++)
		if (keeping->needs[i].begins_s < before_s && !(own && is_own(keeping, i, own)))
			needs[n_needs++] = keeping->needs[i];
	memcpy(ret, gpus, n * sizeof(*gpus));
	reserve_block(ret, n, needs, n_needs, keeping->now_s, NULL);
}

/* ---- a place ---- */

static bool place(const struct keeping *keeping, const struct policy_terms *own, int64_t before_s,
		  const struct choose_gpu *gpus, size_t n, const struct policy_terms *terms,
		  const struct choose_hold *hold, struct choice *ret)
{
	struct choose_gpu kept[CHOOSE_MAX_GPUS];

	block(keeping, own, before_s, gpus, n, kept);
	return steward_place(keeping->steward, kept, n, terms, hold, ret);
}

/* A place of one's own reservation lasts as long as that. */
static bool place_of_own(const struct keeping *keeping, const struct choose_gpu *gpus, size_t n,
			 const struct policy_terms *terms, const struct choose_hold *hold,
			 struct choice *ret, struct steward_keep *ret_keep)
{
	size_t i = 0;

	while (i < keeping->n && !is_own(keeping, i, terms))
		i++;
	if (i == keeping->n ||
	    !place(keeping, terms, keeping->needs[i].ends_s, gpus, n, terms, hold, ret))
		return false;
	ret_keep->limited = true;
	ret_keep->until_s = keeping->needs[i].ends_s;
	steward_reservation_at(keeping->steward, keeping->of[i], &ret_keep->by);
	return true;
}

/* Which one stands in the way, and what would fit before it. */
static void explain(const struct keeping *keeping, const struct choose_gpu *gpus, size_t n,
		    const struct policy_terms *terms, const struct choose_hold *hold,
		    struct steward_keep *ret)
{
	struct choice ignored;

	ret->blocked = true;
	for (size_t i = keeping->n; i-- > 0;) {
		const struct reserve_need *need = &keeping->needs[i];

		steward_reservation_at(keeping->steward, keeping->of[i], &ret->by);
		ret->begins_s = need->begins_s;
		ret->ends_s = need->ends_s;
		if (need->begins_s - SLACK_S < keeping->now_s + SLACK_S)
			continue;
		if (!place(keeping, NULL, need->begins_s, gpus, n, terms, hold, &ignored))
			continue;
		ret->fits_s = (need->begins_s - keeping->now_s - SLACK_S) / 60 * 60;
		return;
	}
}

bool steward_place_kept(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
			const struct policy_terms *terms, const struct choose_hold *hold,
			int64_t now_s, struct choice *ret, struct steward_keep *ret_keep)
{
	struct keeping keeping = {
		.steward = steward, .now_s = now_s, .until_s = now_s + terms->time_s};

	*ret_keep = (struct steward_keep){.limited = false};
	if (!steward_place(steward, gpus, n, terms, hold, ret))
		return false;
	find_needs(&keeping);
	if (!keeping.n)
		return true;
	if (place(&keeping, NULL, INT64_MAX, gpus, n, terms, hold, ret) ||
	    place_of_own(&keeping, gpus, n, terms, hold, ret, ret_keep))
		return true;
	explain(&keeping, gpus, n, terms, hold, ret_keep);
	return false;
}

bool steward_place_again(const struct steward *steward, const struct ledger_lease *row,
			 const struct policy_class *class_, int64_t now_s, struct choice *ret)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	size_t n = steward_view(steward, now_s, gpus);
	const struct choose_hold hold = {0};
	struct policy_team team = {.share = 1}; /* it may have left the file */
	struct policy_terms terms = {.class_ = class_,
				     .team = &team,
				     .time_s = row->time_s,
				     .slices_left = POLICY_UNLIMITED};
	struct steward_keep ignored;

	snprintf(team.name, sizeof(team.name), "%s", row->team);
	return steward_place_kept(steward, gpus, n, &terms, &hold, now_s, ret, &ignored);
}

int steward_keep_limit(const struct steward_keep *keep, const struct policy_terms *terms,
		       bool asked_time, int64_t now_s, int64_t *time_s, struct err *err)
{
	char left[32], until[32];

	if (!keep->limited || keep->until_s - now_s >= terms->time_s)
		return 0;
	if (!asked_time) {
		*time_s = keep->until_s - now_s;
		return 0;
	}
	fail(err, ERR_REFUSED,
	     "only places of reservation '%s' are free, and they are given back at %s",
	     keep->by.when.name, clock_format(until, sizeof(until), keep->until_s));
	fail_hint(err, "ask for %s or less",
		  duration_format(left, sizeof(left), (keep->until_s - now_s) / 60 * 60));
	return fail_rule(err, "%s", keep->by.rule);
}

int steward_keep_fail(const struct steward_keep *keep, const struct policy_terms *terms,
		      int64_t now_s, struct err *err)
{
	char time[32], fits[32], when[32];

	fail(err, ERR_NO_ROOM, "none of class %s is free for %s: reservation '%s' of team %s %s %s",
	     terms->class_->name, duration_format(time, sizeof(time), terms->time_s),
	     keep->by.when.name, keep->by.when.team, keep->begins_s > now_s ? "begins at" : "is until",
	     clock_format(when, sizeof(when),
			  keep->begins_s > now_s ? keep->begins_s : keep->ends_s));
	if (keep->fits_s)
		fail_hint(err, "%s fits; --wait queues",
			  duration_format(fits, sizeof(fits), keep->fits_s));
	else
		fail_hint(err, "--wait queues");
	return fail_rule(err, "%s", keep->by.rule);
}

/* ---- going on ---- */

/* Its own instance is shown as ending now: it may be one of the places that are kept. */
static size_t view_without(const struct steward *steward, const struct steward_lease *lease,
			   int64_t now_s, struct choose_gpu *ret)
{
	size_t n = steward_view(steward, now_s, ret);

	for (size_t g = 0; g < n; g++)
		for (size_t i = 0; i < ret[g].n; i++)
			if (ret[g].at[i].lease == lease->row.id)
				ret[g].at[i].ends_s = now_s;
	return n;
}

static unsigned missing(const struct keeping *keeping, const struct choose_gpu *gpus, size_t n,
			size_t of)
{
	struct choose_gpu kept[CHOOSE_MAX_GPUS];
	unsigned short_of[RESERVE_MAX];

	memcpy(kept, gpus, n * sizeof(*gpus));
	reserve_block(kept, n, keeping->needs, keeping->n, keeping->now_s, short_of);
	return short_of[of];
}

int steward_keep_longer(const struct steward *steward, const struct steward_lease *lease,
			int64_t until_s, int64_t now_s, struct err *err)
{
	struct choose_gpu with[CHOOSE_MAX_GPUS], without[CHOOSE_MAX_GPUS];
	struct keeping keeping = {.steward = steward,
				  .now_s = now_s,
				  .until_s = until_s,
				  .except = lease->row.id};
	struct steward_reservation by;
	char begins[32];
	size_t n;

	find_needs(&keeping);
	if (!keeping.n)
		return 0;
	n = view_without(steward, lease, now_s, without);
	memcpy(with, without, n * sizeof(*with));
	for (size_t g = 0; g < n; g++)
		for (size_t i = 0; i < with[g].n; i++)
			if (with[g].at[i].lease == lease->row.id)
				with[g].at[i].ends_s = until_s;
	for (size_t i = 0; i < keeping.n; i++) {
		steward_reservation_at(steward, keeping.of[i], &by);
		if (!strcmp(by.when.team, lease->row.team) &&
		    !strcmp(by.when.class_name, lease->row.class_name))
			continue; /* it is one of its places */
		if (missing(&keeping, with, n, i) <= missing(&keeping, without, n, i))
			continue;
		fail(err, ERR_REFUSED, "reservation '%s' of team %s needs the place from %s on",
		     by.when.name, by.when.team,
		     clock_format(begins, sizeof(begins), keeping.needs[i].begins_s));
		fail_hint(err, "until then it may go on");
		return fail_rule(err, "%s", by.rule);
	}
	return 0;
}

/* ---- to look at ---- */

bool steward_reserved(const struct steward *steward, const struct steward_reservation *reservation,
		      int64_t now_s, struct steward_reserved *ret)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	struct keeping keeping = {.steward = steward, .now_s = now_s};
	size_t n;

	if (!policy_reservation_next(&reservation->when, now_s, &ret->begins_s, &ret->ends_s))
		return false;
	ret->taken = taken_at(steward, &reservation->when,
			      ret->begins_s > now_s ? ret->begins_s : now_s, 0);
	ret->missing = 0;
	keeping.until_s = ret->begins_s > now_s ? ret->begins_s + 1 : now_s + 1;
	find_needs(&keeping);
	n = steward_view(steward, now_s, gpus);
	for (size_t i = 0; i < keeping.n; i++) {
		struct steward_reservation other;

		steward_reservation_at(steward, keeping.of[i], &other);
		if (!strcmp(other.rule, reservation->rule) &&
		    keeping.needs[i].begins_s == ret->begins_s)
			ret->missing = missing(&keeping, gpus, n, i);
	}
	return true;
}
