/* Requests that somebody must approve before they may wait for room. */
#include "reconcile/steward-part.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "base/text.h"
#include "policy/policy-grant.h"

/* ---- asking ---- */

static void want_approval(struct ledger_lease *row, const struct policy_terms *terms)
{
	row->state = LEASE_REQUESTED;
	row->approval = APPROVAL_WAITING;
	snprintf(row->rule, sizeof(row->rule), "%s", terms->approval);
}

struct asking {
	struct ledger_lease *row;
	int64_t now_s;
};

static void note_needed(struct steward *steward, const struct ledger_lease *row, int64_t now_s)
{
	steward_note(steward, EVENT_APPROVAL, &(struct about){.lease = row, .rule = row->rule},
		     now_s, "waits for approval: %s", row->reason);
}

static int asking_write(struct steward *steward, void *arg, struct err *err)
{
	const struct asking *asking = arg;
	int r = ledger_lease_add(steward->ledger, asking->row, err);

	if (r)
		return r;
	steward_note(steward, EVENT_REQUESTED, &(struct about){.lease = asking->row},
		     asking->now_s, "%s", asking->row->reason);
	note_needed(steward, asking->row, asking->now_s);
	return 0;
}

int steward_ask_approval(struct steward *steward, struct steward_lease *lease,
			 const struct policy_terms *terms, bool wait, int64_t now_s,
			 struct err *err)
{
	struct asking asking = {&lease->row, now_s};
	int r;

	if (lease->row.pid_holds && !wait) {
		fail(err, ERR_REFUSED, "class '%s' is given after an approval",
		     lease->row.class_name);
		fail_hint(err, "--wait waits for it; carve lease asks without waiting");
		return fail_rule(err, "%s", terms->approval);
	}
	r = steward_may_queue(steward, lease->row.uid, err);
	if (r)
		return r;
	want_approval(&lease->row, terms);
	r = steward_transact(steward, asking_write, &asking, err);
	if (r)
		return r;
	if (lease->row.has_pid)
		steward->hooks.watch(steward->hooks.arg, lease->row.id, (pid_t)lease->row.pid,
				     lease->row.pid_start);
	steward_saved(steward);
	return 0;
}

bool steward_needs_approval(struct steward *steward, struct steward_lease *lease,
			    const struct policy_terms *terms, int64_t now_s)
{
	if (!terms->approval[0] || lease->row.approval == APPROVAL_GIVEN)
		return false;
	want_approval(&lease->row, terms);
	lease->position = 0;
	lease->has_estimate = false;
	lease->dirty = true;
	note_needed(steward, &lease->row, now_s);
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
	return true;
}

/* ---- answering ---- */

static void queue_up(struct steward *steward, struct steward_lease *lease)
{
	lease->row.state = LEASE_QUEUED;
	lease->row.rule[0] = '\0';
	lease->dirty = true;
	steward->hooks.changed(steward->hooks.arg, lease->row.id);
}

static void answer(struct steward *steward, struct steward_lease *lease, const char *by,
		   bool approve, const char *reason, int64_t now_s)
{
	struct ledger_lease *row = &lease->row;
	char rule[sizeof(row->rule)];

	memcpy(rule, row->rule, sizeof(rule));
	row->approval = approve ? APPROVAL_GIVEN : APPROVAL_DENIED;
	row->has_answered = true;
	row->answered_s = now_s;
	snprintf(row->approver, sizeof(row->approver), "%s", by);
	text_printable(row->approval_reason, sizeof(row->approval_reason), reason);
	if (!approve) {
		steward_end_lease_as(steward, lease, &(struct ending){EVENT_DENIED, by, rule},
				     now_s, "denied by %s: %s", by, row->approval_reason);
		return;
	}
	steward_note(steward, EVENT_APPROVED, &(struct about){.lease = row, .by = by, .rule = rule},
		     now_s, "%s", row->approval_reason);
	steward_note(steward, EVENT_QUEUED, &(struct about){.lease = row}, now_s,
		     "approved, waits for room");
	queue_up(steward, lease);
}

static struct steward_lease *waiting_lease(struct steward *steward, int64_t id, struct err *err)
{
	struct steward_lease *lease = steward_lease_find(steward, id);

	if (!lease) {
		fail(err, ERR_NOT_FOUND, "there is no request %" PRId64 " that waits", id);
		fail_hint(err, "see: carve leases --waiting-approval");
		return NULL;
	}
	if (lease->row.state == LEASE_REQUESTED)
		return lease;
	fail(err, ERR_STALE, "lease %" PRId64 " does not wait for approval: it is %s", id,
	     lease_state_name(lease->row.state));
	return NULL;
}

int steward_answer(struct steward *steward, const struct policy_person *person, int64_t id,
		   bool approve, const char *reason, int64_t now_s, struct err *err)
{
	struct steward_lease *lease = waiting_lease(steward, id, err);
	int r;

	if (!lease)
		return -(int)err->code;
	r = policy_may_answer(steward->policy, person, lease->row.uid, lease->row.class_name, err);
	if (r)
		return r;
	if (!reason || !reason[strspn(reason, " \t\r\n")]) {
		fail(err, ERR_INVALID, "an answer needs a reason");
		return fail_hint(err, "it is kept in the ledger, and %s sees it", lease->row.user);
	}
	if (steward->unwritable && steward_flush(steward, err))
		return -(int)err->code;
	answer(steward, lease, person->name, approve, reason, now_s);
	r = steward_flush(steward, err);
	if (!r)
		steward_serve_queue(steward, now_s);
	return r;
}

/* ---- what becomes of the others ---- */

static void end_unanswered(struct steward *steward, struct steward_lease *lease, int64_t expire_s,
			   int64_t now_s)
{
	char time[32], rule[64];

	snprintf(rule, sizeof(rule), "classes.%s.approval.expire", lease->row.class_name);
	lease->row.approval = APPROVAL_MISSED;
	steward_end_lease_as(steward, lease, &(struct ending){EVENT_DENIED, "carved", rule}, now_s,
			     "nobody answered within %s",
			     duration_format(time, sizeof(time), expire_s));
}

static void check_request(struct steward *steward, struct steward_lease *lease, int64_t now_s)
{
	int64_t expire_s = policy_approval_expire_s(steward->policy, lease->row.class_name);
	struct policy_terms terms;
	struct err err = ERR_INIT;
	int r;

	if (lease->row.requested_s + expire_s <= now_s) {
		end_unanswered(steward, lease, expire_s, now_s);
		return;
	}
	r = steward_admit_again(steward, lease, NULL, 0, &terms, &err);
	if (r && (err.code == ERR_NOT_FOUND || err.code == ERR_REFUSED || err.code == ERR_INVALID))
		steward_end_lease_as(steward, lease,
				     &(struct ending){EVENT_ENDING, "carved", err.rule}, now_s,
				     "%s", err.text);
	else if (!r && !terms.approval[0]) {
		lease->row.approval = APPROVAL_NONE;
		queue_up(steward, lease);
	}
}

void steward_check_requests(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; steward->surveyed && i < steward->n_leases; i++)
		if (steward->leases[i]->row.state == LEASE_REQUESTED)
			check_request(steward, steward->leases[i], now_s);
}
