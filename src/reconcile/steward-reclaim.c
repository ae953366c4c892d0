/*
 * steward-reclaim.c - a team that asks for its guaranteed share gets it within the notice
 *
 * Who holds what is another's is told, and his lease ends when the notice is over: a
 * new end of the lease, and a row that says for whom and when it would have ended. When
 * nobody waits for a guaranteed share any more, the lease has its old end again.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "reconcile/steward-reclaim.h"

struct change {
	struct steward_lease *lease;
	struct ledger_reclaim reclaim;
	int64_t ends_s, now_s;
};

static int change_write(struct steward *steward, void *arg, struct err *err)
{
	const struct change *change = arg;
	const struct ledger_reclaim *reclaim = &change->reclaim;
	const struct steward_instance *instance = steward_instance_of(steward, change->lease);
	struct ledger_lease row = change->lease->row;
	char rule[64], when[32];
	struct about about = {
		.lease = &row,
		.instance = instance ? &instance->row : NULL,
		.by = "carved",
		.rule = rule,
	};
	int r = ledger_reclaim_put(steward->ledger, reclaim, err);

	row.ends_s = change->ends_s;
	r = r ? r : ledger_lease_update(steward->ledger, &row, err);
	if (r)
		return r;
	snprintf(rule, sizeof(rule), "teams.%s.guarantee", reclaim->team);
	clock_format(when, sizeof(when), change->ends_s);
	if (reclaim->has_withdrawn)
		steward_note(steward, EVENT_RECLAIM_NOTICE, &about, change->now_s,
			     "ends at %s again: team %s has its share", when, reclaim->team);
	else
		steward_note(steward, EVENT_RECLAIM_NOTICE, &about, change->now_s,
			     "ends early, at %s: team %s asks for its guaranteed share (request "
			     "%" PRId64 ")",
			     when, reclaim->team, reclaim->for_lease);
	return 0;
}

/* false: it could not be written. */
static bool carry_out(struct steward *steward, struct change *change)
{
	struct err err = ERR_INIT;

	if (steward_transact(steward, change_write, change, &err))
		return false;
	change->lease->row.ends_s = change->ends_s;
	change->lease->reclaim = change->reclaim;
	if (change->reclaim.has_withdrawn)
		change->lease->reclaim = (struct ledger_reclaim){0};
	steward_saved(steward);
	steward->hooks.changed(steward->hooks.arg, change->lease->row.id);
	return true;
}

static bool take_back(struct steward *steward, struct line *line, int64_t id, size_t waiter,
		      int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, id);
	const struct line_waiter *for_ = &line->waiters[waiter];
	struct change change = {.lease = lease, .now_s = now_s};

	if (!lease || lease->row.state != LEASE_ACTIVE)
		return false;
	change.ends_s = now_s + policy_notice_s(steward->policy);
	change.reclaim = (struct ledger_reclaim){
		.lease = id,
		.for_lease = for_->lease,
		.noticed_s = now_s,
		.ends_s = change.ends_s,
		.was_ends_s = lease->row.ends_s,
	};
	snprintf(change.reclaim.team, sizeof(change.reclaim.team), "%s",
		 policy_team_at(steward->policy, for_->team)->name);
	if (!carry_out(steward, &change))
		return false;
	line_end_early(line, id, for_->lease, change.ends_s);
	return true;
}

static bool withdraw(struct steward *steward, int64_t id, int64_t now_s)
{
	struct steward_lease *lease = steward_lease_find(steward, id);
	struct change change = {.lease = lease, .now_s = now_s};

	if (!lease || lease->row.state != LEASE_ACTIVE || !lease->reclaim.lease)
		return true;
	change.reclaim = lease->reclaim;
	change.reclaim.has_withdrawn = true;
	change.reclaim.withdrawn_s = now_s;
	change.ends_s = lease->reclaim.was_ends_s;
	return carry_out(steward, &change);
}

void steward_reclaim(struct steward *steward, struct line *line, int64_t now_s)
{
	int64_t leases[LAYOUT_MAX], lease;
	size_t n, waiter;

	while (!steward->unwritable && line_withdraw(line, &lease))
		if (!withdraw(steward, lease, now_s))
			return;
	while (!steward->unwritable && (n = line_reclaim(line, &waiter, leases)))
		for (size_t i = 0; i < n; i++)
			if (!take_back(steward, line, leases[i], waiter, now_s))
				return;
}

static void take_up(const struct ledger_reclaim *reclaim, void *arg)
{
	struct steward_lease *lease = steward_lease_find(arg, reclaim->lease);

	if (lease)
		lease->reclaim = *reclaim;
}

int steward_reclaim_load(struct steward *steward, struct err *err)
{
	return ledger_reclaims(steward->ledger, take_up, steward, err);
}

bool steward_is_reclaimed(const struct steward_lease *lease, int64_t now_s)
{
	return lease->reclaim.lease && lease->reclaim.ends_s <= now_s;
}

int steward_check_reclaimed(const struct steward_lease *lease, struct err *err)
{
	char when[32];

	if (!lease->reclaim.lease)
		return 0;
	fail(err, ERR_REFUSED,
	     "lease %" PRId64 " ends early, at %s: team %s asks for its guaranteed "
	     "share",
	     lease->row.id, clock_format(when, sizeof(when), lease->row.ends_s),
	     lease->reclaim.team);
	fail_hint(err, "ask for a new lease; it waits for room");
	return fail_rule(err, "teams.%s.guarantee", lease->reclaim.team);
}
