#include "reconcile/steward-part.h"
#include "reconcile/steward-reserve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

/* Somebody who asks in a loop must not fill the ledger with his refusals. */
static bool may_note_refusal(uid_t uid, int64_t now_s)
{
	enum { PER_MINUTE = 30, PEOPLE = 64 };
	static struct {
		uid_t uid;
		int64_t minute;
		unsigned n;
	} people[PEOPLE];
	size_t at = uid % PEOPLE;

	if (people[at].uid != uid || people[at].minute != now_s / 60) {
		people[at].uid = uid;
		people[at].minute = now_s / 60;
		people[at].n = 0;
	}
	return ++people[at].n <= PER_MINUTE;
}

int steward_refuse(struct steward *steward, const struct ledger_lease *row, int64_t now_s,
		   const struct err *err)
{
	if (!may_note_refusal(row->uid, now_s))
		return -(int)err->code;
	steward_note(steward, EVENT_REFUSED, &(struct about){.lease = row, .rule = err->rule},
		     now_s, "%s", err->text);
	steward_settle(steward);
	return -(int)err->code;
}

/* "small: 2 free" for every class that he could have instead. */
static void what_fits(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
		      const struct policy_terms *terms, const struct policy_person *person,
		      const char *reason, struct text *ret)
{
	for (size_t i = 0; i < policy_n_classes(steward->policy); i++) {
		const struct policy_class *class_ = policy_class_at(steward->policy, i);
		const struct board *here[BACKEND_MAX_GPUS];
		struct policy_wish wish = {
			.class_name = class_->name, .reason = reason, .checked = true};
		struct policy_terms other;
		struct err no = ERR_INIT;
		unsigned count;

		if (class_ == terms->class_)
			continue;
		if (policy_admit(steward->policy, person, &wish, here,
				 steward_boards(steward, here), NULL, 0, &other, &no))
			continue;
		count = choose_count(gpus, n, class_, terms->slices_left);
		if (count)
			text_addf(ret, "%s%u of class %s %s free", ret->len ? ", " : "", count,
				  class_->name, count == 1 ? "is" : "are");
	}
}

static void when_free(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
		      const struct policy_terms *terms, int64_t now_s, struct text *ret)
{
	const struct steward_lease *lease;
	struct outlook outlook;
	char time[32];

	choose_outlook(gpus, n, terms->class_, terms->slices_left, now_s, &outlook);
	if (!outlook.has_when)
		return;
	lease = outlook.lease ? steward_lease_at(steward, outlook.lease) : NULL;
	text_addf(ret, "%sthe next %s frees at %s", ret->len ? "; " : "", terms->class_->name,
		  clock_format(time, sizeof(time), outlook.when_s) + strlen("2026-01-01 "));
	if (lease)
		text_addf(ret, " when lease %" PRId64 " of %s ends", lease->row.id,
			  lease->row.user);
}

static int no_room(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
		   const struct policy_terms *terms, const struct policy_person *person,
		   const char *reason, int64_t now_s, struct err *err)
{
	cleanup(text_done) struct text hint = TEXT_INIT;

	if (!choose_is_possible(gpus, n, terms->class_, terms->slices_left))
		return fail(err, ERR_IMPOSSIBLE,
			    "no GPU here that is in use for MIG could hold one of class %s",
			    terms->class_->name);
	what_fits(steward, gpus, n, terms, person, reason, &hint);
	when_free(steward, gpus, n, terms, now_s, &hint);
	if (hint.len)
		text_add(&hint, "; ");
	if (steward_propose(steward, terms->class_, terms->slices_left, 0, now_s, &hint))
		text_add(&hint, "; ");
	text_add(&hint, "--wait queues");
	fail(err, ERR_NO_ROOM, "none of class %s is free now", terms->class_->name);
	return fail_hint(err, "%s", text_str(&hint));
}

int steward_may_queue(const struct steward *steward, uid_t uid, struct err *err)
{
	unsigned all = 0, own = 0;

	for (size_t i = 0; i < steward->n_leases; i++)
		if (steward->leases[i]->row.state == LEASE_QUEUED ||
		    steward->leases[i]->row.state == LEASE_REQUESTED) {
			all++;
			own += steward->leases[i]->row.uid == uid;
		}
	if (own >= policy_queue_max_per_user(steward->policy)) {
		fail(err, ERR_REFUSED, "%u requests of yours wait already", own);
		return fail_rule(err, "queue.max_per_user");
	}
	if (all >= policy_queue_max(steward->policy)) {
		fail(err, ERR_REFUSED, "%u requests wait already", all);
		return fail_rule(err, "queue.max");
	}
	return 0;
}

struct waiting {
	struct ledger_lease *row;
	int64_t now_s;
	const struct text *moves; /* that would make room */
};

static int waiting_write(struct steward *steward, void *arg, struct err *err)
{
	const struct waiting *waiting = arg;
	const struct about about = {.lease = waiting->row};
	int r = ledger_lease_add(steward->ledger, waiting->row, err);

	if (r)
		return r;
	steward_note(steward, EVENT_REQUESTED, &about, waiting->now_s, "%s", waiting->row->reason);
	steward_note(steward, EVENT_QUEUED, &about, waiting->now_s, "no room now%s%s",
		     waiting->moves->len ? "; " : "", text_str(waiting->moves));
	return 0;
}

static int enqueue(struct steward *steward, struct steward_lease *lease, int64_t now_s,
		   struct err *err)
{
	cleanup(text_done) struct text moves = TEXT_INIT;
	struct waiting waiting = {&lease->row, now_s, &moves};
	int r = steward_may_queue(steward, lease->row.uid, err);

	if (r)
		return r;
	lease->row.state = LEASE_QUEUED;
	steward_propose_for(steward, &lease->row, now_s, &moves);
	r = steward_transact(steward, waiting_write, &waiting, err);
	if (r)
		return r;
	if (lease->row.has_pid)
		steward->hooks.watch(steward->hooks.arg, lease->row.id, (pid_t)lease->row.pid,
				     lease->row.pid_start);
	steward_saved(steward);
	return 0;
}

/* May anything be promised now? */
int steward_ready(struct steward *steward, struct err *err)
{
	if (!steward->surveyed)
		return steward->survey_trouble.code
			       ? fail(err, ERR_UNAVAILABLE, "the GPUs cannot be looked at: %s",
				      steward->survey_trouble.text)
			       : fail(err, ERR_UNAVAILABLE,
				      "the GPUs are being looked at for the first time");
	if (steward->n_leases >= STEWARD_MAX_LEASES)
		return fail(err, ERR_NO_ROOM, "%zu leases and requests are the most",
			    steward->n_leases);
	if (steward_may_act(steward, err))
		return -(int)err->code;
	return steward->unwritable ? steward_flush(steward, err) : 0;
}

/* The usual reason why nothing here can serve a class. */
static void hint_at_mig(const struct steward *steward, struct err *err)
{
	for (size_t i = 0; err->code == ERR_IMPOSSIBLE && i < steward->n_gpus; i++) {
		const struct steward_gpu *gpu = &steward->gpus[i];

		if (gpu->there && gpu->managed && gpu->info.mig_capable && !gpu->info.mig) {
			fail_hint(
				err,
				"MIG is off on GPU %u; root may enable it: nvidia-smi -i %u -mig 1",
				gpu->info.index, gpu->info.index);
			return;
		}
	}
}

static void fill_in(struct ledger_lease *row, const struct policy_person *person,
		    const struct steward_wish *wish, int64_t now_s)
{
	*row = (struct ledger_lease){
		.uid = person->uid,
		.requested_s = now_s,
		.has_pid = wish->has_pid && (wish->hold || wish->wait),
		.pid = wish->pid,
		.pid_start = wish->pid_start,
		.pid_holds = wish->hold,
	};
	snprintf(row->user, sizeof(row->user), "%s", person->name);
	snprintf(row->class_name, sizeof(row->class_name), "%s", wish->wish.class_name);
	text_printable(row->reason, sizeof(row->reason), wish->wish.reason);
}

/* What may be taken now, and what is kept for others: not from a team that asks for its share. */
static void bound_by_shares(struct steward *steward, struct line *line, struct policy_terms *terms,
			    int64_t now_s, struct choose_hold *ret)
{
	size_t team = (size_t)(terms->team - policy_team_at(steward->policy, 0)), holder;
	uint32_t room = line_room(line, team);
	bool held = steward_hold(steward, line, now_s, ret) && line_hold(line, &holder, ret);

	if (held && line_covers(line, team, terms->class_) &&
	    !line_covers(line, line->waiters[holder].team, line->waiters[holder].class_))
		*ret = (struct choose_hold){0};
	if (room < terms->slices_left)
		terms->slices_left = room;
}

static int place_or_queue(struct steward *steward, struct steward_lease *lease,
			  const struct policy_person *person, const struct policy_terms *terms,
			  bool wait, bool asked_time, int64_t now_s, struct err *err)
{
	cleanup(line_done) struct line line = {0};
	struct policy_terms now = *terms;
	struct steward_keep keep;
	struct choose_hold hold = {0};
	struct choice choice;
	int r;

	if (steward_line(steward, now_s, &line))
		return fail(err, ERR_NOMEM, "no memory for %zu leases", steward->n_leases);
	bound_by_shares(steward, &line, &now, now_s, &hold);
	if (steward_place_kept(steward, line.gpus, line.n_gpus, &now, &hold, now_s, &choice,
			       &keep)) {
		r = steward_keep_limit(&keep, terms, asked_time, now_s, &lease->row.time_s, err);
		return r ? r
			 : steward_grant(steward, lease, &choice,
					 keep.limited ? keep.by.rule : terms->rule, now_s, err);
	}
	if (wait && choose_is_possible(line.gpus, line.n_gpus, terms->class_, terms->slices_left))
		return enqueue(steward, lease, now_s, err);
	if (keep.blocked)
		return steward_keep_fail(&keep, terms, now_s, err);
	return no_room(steward, line.gpus, line.n_gpus, terms, person, lease->row.reason, now_s,
		       err);
}

int steward_request(struct steward *steward, const struct policy_person *person,
		    const struct steward_wish *wish, int64_t now_s,
		    const struct steward_lease **ret, struct err *err)
{
	cleanup(free) struct steward_lease *lease = calloc(1, sizeof(*lease));
	const struct policy_team *team = policy_team_of(steward->policy, person);
	struct policy_terms terms;
	int64_t id;
	int r;

	if (!lease)
		return fail(err, ERR_NOMEM, "no memory for a lease");
	r = steward_ready(steward, err);
	if (r)
		return r;
	fill_in(&lease->row, person, wish, now_s);
	snprintf(lease->row.team, sizeof(lease->row.team), "%s", team ? team->name : "");
	r = steward_admit(steward, person, &wish->wish, now_s, &terms, err);
	if (r) {
		hint_at_mig(steward, err);
		return steward_refuse(steward, &lease->row, now_s, err);
	}
	snprintf(lease->row.class_name, sizeof(lease->row.class_name), "%s", terms.class_->name);
	lease->row.time_s = terms.time_s;
	r = steward_write_fields(&wish->wish, lease->row.fields, sizeof(lease->row.fields), err);
	if (r)
		return r;
	if (!terms.approval[0])
		r = place_or_queue(steward, lease, person, &terms, wish->wait, wish->wish.has_time,
				   now_s, err);
	else
		r = steward_ask_approval(steward, lease, &terms, wish->wait, now_s, err);
	if (r)
		return err->code == ERR_NO_ROOM || err->code == ERR_REFUSED ||
				       err->code == ERR_IMPOSSIBLE
			       ? steward_refuse(steward, &lease->row, now_s, err)
			       : r;
	id = lease->row.id;
	r = steward_add_lease(steward, steal(lease), err);
	if (r)
		return r;
	steward_serve_queue(steward, now_s); /* gives it its place in the queue */
	steward_isolate_submit(steward);
	*ret = steward_lease_find(steward, id);
	return 0;
}
