#include "reconcile/steward-reserve.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "reconcile/steward-part.h"

#define MAX_RESERVATIONS 256 /* of admins */

/* ---- the list ---- */

size_t steward_n_reservations(const struct steward *steward)
{
	return policy_n_reservations(steward->policy) + steward->n_reservations;
}

static void when_of(const struct ledger_reservation *row, struct policy_reservation *ret)
{
	*ret = (struct policy_reservation){.instances = row->instances,
					   .begins_s = row->begins_s,
					   .ends_s = row->ends_s};
	snprintf(ret->name, sizeof(ret->name), "%s", row->name);
	snprintf(ret->team, sizeof(ret->team), "%s", row->team);
	snprintf(ret->class_name, sizeof(ret->class_name), "%s", row->class_name);
	if (row->days)
		policy_reservation_weekly(ret, row->begins_s, row->ends_s,
					  row->has_until ? row->until_s : 0);
}

void steward_reservation_at(const struct steward *steward, size_t i,
			    struct steward_reservation *ret)
{
	size_t n = policy_n_reservations(steward->policy);
	const struct ledger_reservation *row;

	if (i < n) {
		*ret = (struct steward_reservation){
			.when = *policy_reservation_at(steward->policy, i), .maker = "", .reason = ""};
		snprintf(ret->rule, sizeof(ret->rule), "reservations.%s", ret->when.name);
		return;
	}
	row = &steward->reservations[i - n];
	*ret = (struct steward_reservation){
		.id = row->id, .maker = row->maker, .reason = row->reason};
	when_of(row, &ret->when);
	snprintf(ret->rule, sizeof(ret->rule), "reservation.%" PRId64, row->id);
}

static void load(const struct ledger_reservation *row, void *arg)
{
	struct steward *steward = arg;

	if (array_reserve(&steward->reservations, &steward->cap_reservations,
			  steward->n_reservations, sizeof(*steward->reservations)))
		return;
	steward->reservations[steward->n_reservations++] = *row;
}

int steward_load_reservations(struct steward *steward, struct err *err)
{
	return ledger_reservations(steward->ledger, load, steward, err);
}

/* ---- making and taking back ---- */

static int check_wish(const struct steward *steward, const struct ledger_reservation *row,
		      int64_t now_s, struct err *err)
{
	struct policy_reservation when;
	int64_t begins_s, ends_s;
	int r;

	if (row->ends_s <= row->begins_s)
		return fail(err, ERR_INVALID, "the reservation ends before it begins");
	if (row->days && row->ends_s - row->begins_s > 86400)
		return fail(err, ERR_INVALID, "a weekly reservation is for at most a day");
	when_of(row, &when);
	r = policy_reservation_check(steward->policy, &when, err);
	if (r)
		return r;
	if (!policy_reservation_next(&when, now_s, &begins_s, &ends_s))
		return fail(err, ERR_INVALID, "the reservation is over already");
	if (steward->n_reservations < MAX_RESERVATIONS)
		return 0;
	fail(err, ERR_REFUSED, "%d reservations are the most", MAX_RESERVATIONS);
	return fail_hint(err, "carve reservations lists them; those of the policy count apart");
}

struct change {
	struct ledger_reservation *row;
	const char *by;
	int64_t now_s;
};

static void note(struct steward *steward, enum event_kind kind, const struct change *change)
{
	cleanup(text_done) struct text when = TEXT_INIT;
	struct policy_reservation reservation;
	char rule[64];

	when_of(change->row, &reservation);
	policy_reservation_format(&reservation, &when);
	snprintf(rule, sizeof(rule), "reservation.%" PRId64, change->row->id);
	steward_note(steward, kind, &(struct about){.by = change->by, .rule = rule}, change->now_s,
		     "%u of class %s for team %s, %s%s%s", change->row->instances,
		     change->row->class_name, change->row->team, text_str(&when),
		     change->row->reason[0] ? ": " : "", change->row->reason);
}

static int reserve_write(struct steward *steward, void *arg, struct err *err)
{
	struct change *change = arg;
	int r = ledger_reservation_add(steward->ledger, change->row, err);

	if (!r)
		note(steward, EVENT_RESERVED, change);
	return r;
}

static int unreserve_write(struct steward *steward, void *arg, struct err *err)
{
	struct change *change = arg;
	int r = ledger_reservation_update(steward->ledger, change->row, err);

	if (!r)
		note(steward, EVENT_UNRESERVED, change);
	return r;
}

int steward_reserve(struct steward *steward, const struct policy_person *person,
		    const struct ledger_reservation *wish, int64_t now_s, int64_t *ret_id,
		    struct err *err)
{
	struct ledger_reservation row = *wish;
	struct change change = {&row, person->name, now_s};
	struct err ignored = ERR_INIT;
	int r = check_wish(steward, wish, now_s, err);

	if (r)
		return r;
	row.made_s = now_s;
	snprintf(row.maker, sizeof(row.maker), "%s", person->name);
	snprintf(row.class_name, sizeof(row.class_name), "%s",
		 policy_class_find(steward->policy, wish->class_name, &ignored)->name);
	if (array_reserve(&steward->reservations, &steward->cap_reservations,
			  steward->n_reservations, sizeof(*steward->reservations)))
		return fail(err, ERR_NOMEM, "no memory for a reservation");
	r = steward_transact(steward, reserve_write, &change, err);
	if (r)
		return r;
	steward->reservations[steward->n_reservations++] = row;
	steward_saved(steward);
	*ret_id = row.id;
	return 0;
}

int steward_unreserve(struct steward *steward, const struct policy_person *person, int64_t id,
		      int64_t now_s, struct err *err)
{
	size_t i = 0;
	struct ledger_reservation row;
	struct change change = {&row, person->name, now_s};
	int r;

	while (i < steward->n_reservations && steward->reservations[i].id != id)
		i++;
	if (i == steward->n_reservations) {
		fail(err, ERR_NOT_FOUND, "there is no reservation %" PRId64, id);
		return fail_hint(err, "carve reservations lists them; those without a number stand in "
				      "the policy file");
	}
	row = steward->reservations[i];
	row.has_gone = true;
	row.gone_s = now_s;
	r = steward_transact(steward, unreserve_write, &change, err);
	if (r)
		return r;
	steward->n_reservations--;
	memmove(&steward->reservations[i], &steward->reservations[i + 1],
		(steward->n_reservations - i) * sizeof(row));
	steward_saved(steward);
	steward_serve_queue(steward, now_s);
	return 0;
}
