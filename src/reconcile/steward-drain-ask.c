/* Beginning a drain, and taking it back. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text.h"
#include "policy/policy-changes.h"
#include "reconcile/steward-drain.h"
#include "reconcile/steward-part.h"

/* ---- what is meant ---- */

static int find_gpu(const struct steward *steward, const char *name, size_t *ret, struct err *err)
{
	char index[16], shown[48];

	for (size_t i = 0; i < steward->n_gpus; i++) {
		const struct backend_gpu *info = &steward->gpus[i].info;

		snprintf(index, sizeof(index), "%u", info->index);
		if (strcmp(name, index) != 0 && strcasecmp(name, info->uuid) != 0)
			continue;
		if (!info->uuid[0])
			return fail(err, ERR_UNAVAILABLE, "GPU %u does not tell who it is",
				    info->index);
		*ret = i;
		return 0;
	}
	text_printable(shown, sizeof(shown), name);
	fail(err, ERR_NOT_FOUND, "there is no GPU '%s'", shown);
	return fail_hint(err, "'carve gpus' lists them, by index and UUID");
}

/* "3g" means the shape of "3g.40gb". */
static bool is_meant(const char *typed, const char *profile)
{
	size_t len = strlen(typed);

	return !strncmp(typed, profile, len) && (!profile[len] || profile[len] == '.');
}

static void set_units(struct ledger_drain *row, const char *profile, unsigned start, unsigned size)
{
	row->has_place = true;
	row->start = start;
	row->size = size;
	snprintf(row->profile, sizeof(row->profile), "%s", profile);
}

void steward_drain_set_place(struct ledger_drain *ret, const struct ledger_instance *instance)
{
	snprintf(ret->gpu, sizeof(ret->gpu), "%s", instance->gpu);
	set_units(ret, instance->profile, instance->start, instance->size);
}

/* Ours, or else one that carve did not make. */
static bool find_place(const struct steward *steward, size_t gpu, unsigned start,
		       struct ledger_drain *row)
{
	const struct observed_gpu *seen = steward->gpus[gpu].seen;
	const struct board *board = steward->gpus[gpu].info.board;

	for (size_t i = 0; i < steward->n_instances; i++) {
		const struct steward_instance *instance = steward->instances[i];

		if (instance->gpu != gpu || instance->row.start != start ||
		    instance->row.state == INSTANCE_GONE)
			continue;
		set_units(row, instance->row.profile, start, instance->row.size);
		return true;
	}
	for (size_t i = 0; seen && i < seen->n_instances; i++) {
		const struct profile *profile =
			board ? board_profile_by_id(board, seen->instances[i].profile_id) : NULL;

		if (seen->instances[i].start != start)
			continue;
		set_units(row, profile ? profile->name : "instance", start,
			  seen->instances[i].size);
		return true;
	}
	return false;
}

static int read_place(const struct steward *steward, const struct steward_drain_wish *wish,
		      struct ledger_drain *row, struct err *err)
{
	char what[160], shown[40];
	size_t gpu = 0;
	int r = find_gpu(steward, wish->gpu, &gpu, err);

	if (r)
		return r;
	snprintf(row->gpu, sizeof(row->gpu), "%s", steward->gpus[gpu].info.uuid);
	if (!wish->has_start)
		return 0;
	if (!find_place(steward, gpu, wish->start, row)) {
		fail(err, ERR_NOT_FOUND, "no instance on GPU %u begins at %u",
		     steward->gpus[gpu].info.index, wish->start);
		return fail_hint(err, "'carve gpus --instances' tells where they begin");
	}
	if (!wish->profile || is_meant(wish->profile, row->profile))
		return 0;
	text_printable(shown, sizeof(shown), wish->profile);
	return fail(err, ERR_NOT_FOUND, "%s is no %s",
		    steward_drain_what(steward, row, what, sizeof(what)), shown);
}

static int place_of_lease(const struct steward *steward, int64_t id, struct ledger_drain *row,
			  struct err *err)
{
	const struct steward_lease *lease = steward_lease_at(steward, id);
	const struct steward_instance *instance;

	if (!lease)
		return fail(err, ERR_NOT_FOUND, "there is no lease %" PRId64 " that has not ended",
			    id);
	instance = lease->row.has_instance ? steward_instance_at(steward, lease->row.instance)
					   : NULL;
	if (!instance)
		return fail(err, ERR_STALE, "lease %" PRId64 " is %s and has no instance", id,
			    lease_state_name(lease->row.state));
	steward_drain_set_place(row, &instance->row);
	return 0;
}

static void read_deadline(const struct steward *steward, const struct steward_drain_wish *wish,
			  int64_t now_s, struct ledger_drain *row)
{
	const struct policy_changes *changes = policy_changes(steward->policy);

	row->has_deadline = wish->deadline == DRAIN_UNTIL ||
			    (wish->deadline == DRAIN_BY_POLICY && changes->has_deadline);
	if (!row->has_deadline)
		return;
	row->deadline_s =
		wish->deadline == DRAIN_UNTIL ? wish->deadline_s : now_s + changes->deadline_s;
	if (row->deadline_s < now_s)
		row->deadline_s = now_s;
	/* Who is told now need not be told again at once. */
	row->has_warned = row->deadline_s - changes->notice_s <= now_s;
	row->warned_s = row->has_warned ? now_s : 0;
}

/* ---- beginning ---- */

static struct steward_drain *same_place(const struct steward *steward,
					const struct ledger_drain *row)
{
	for (size_t i = 0; i < steward->n_drains; i++) {
		struct ledger_drain *there = &steward->drains[i].row;

		if (!strcmp(there->gpu, row->gpu) && there->has_place == row->has_place &&
		    there->start == row->start && there->size == row->size)
			return &steward->drains[i];
	}
	return NULL;
}

struct begin {
	struct ledger_drain *row;
	int64_t now_s;
};

static int begin_write(struct steward *steward, void *arg, struct err *err)
{
	const struct begin *begin = arg;
	struct ledger_drain *row = begin->row;
	struct ledger_instance place;
	char what[160], time[32] = "", until[64] = "";
	int r = row->id ? ledger_drain_update(steward->ledger, row, err)
			: ledger_drain_add(steward->ledger, row, err);

	if (r)
		return r;
	if (row->has_deadline)
		snprintf(until, sizeof(until), "; leases end at %s",
			 clock_format(time, sizeof(time), row->deadline_s));
	steward_drain_place(row, &place);
	steward_note(steward, EVENT_DRAIN, &(struct about){.instance = &place, .by = row->user},
		     begin->now_s, "%s: nothing new is placed there%s%s%.200s",
		     steward_drain_what(steward, row, what, sizeof(what)), until,
		     row->reason[0] ? ": " : "", row->reason);
	steward_drain_notices(steward, row, begin->now_s);
	return 0;
}

static int write_drain(struct steward *steward, struct ledger_drain *row, int64_t now_s,
		       struct err *err)
{
	struct begin begin = {row, now_s};
	struct steward_drain *there;
	int r;

	if (array_reserve(&steward->drains, &steward->cap_drains, steward->n_drains,
			  sizeof(*steward->drains)))
		return fail(err, ERR_NOMEM, "no memory for a drain");
	there = same_place(steward, row);
	r = steward_transact(steward, begin_write, &begin, err);
	if (r)
		return r;
	if (!there)
		there = &steward->drains[steward->n_drains++];
	*there = (struct steward_drain){.row = *row};
	steward_saved(steward);
	return 0;
}

static int begin(struct steward *steward, struct ledger_drain *row, int64_t now_s, struct err *err)
{
	int r = write_drain(steward, row, now_s, err);

	if (r)
		return r;
	steward_drains_tick(steward, now_s);
	steward_serve_queue(steward, now_s); /* what it was told is not true any more */
	steward_settle(steward);
	return 0;
}

int steward_drain_begin(struct steward *steward, const struct policy_person *person,
			const struct steward_drain_wish *wish, int64_t now_s,
			struct ledger_drain *ret, struct err *err)
{
	struct ledger_drain row = {.uid = person->uid, .since_s = now_s};
	struct steward_drain *there;
	int r;

	if (!steward->surveyed)
		return fail(err, ERR_UNAVAILABLE, "the GPUs were not looked at yet");
	r = wish->dry_run ? 0 : steward_may_act(steward, err);
	if (r)
		return r;
	r = wish->lease ? place_of_lease(steward, wish->lease, &row, err)
			: read_place(steward, wish, &row, err);
	if (r)
		return r;
	snprintf(row.user, sizeof(row.user), "%s", person->name);
	text_printable(row.reason, sizeof(row.reason), wish->reason);
	read_deadline(steward, wish, now_s, &row);
	there = same_place(steward, &row);
	if (there) {
		row.id = wish->dry_run ? 0 : there->row.id;
		row.since_s = there->row.since_s;
		row.has_drained = there->row.has_drained;
		row.drained_s = there->row.drained_s;
	}
	if (!wish->dry_run)
		r = begin(steward, &row, now_s, err);
	if (r)
		return r;
	there = wish->dry_run ? NULL : same_place(steward, &row);
	*ret = there ? there->row : row;
	return 0;
}

void steward_drain_add(struct steward *steward, const struct ledger_drain *row, int64_t now_s)
{
	struct ledger_drain copy = *row;
	struct err ignored = ERR_INIT;

	if (!same_place(steward, row))
		write_drain(steward, &copy, now_s, &ignored); /* else with the next tick */
}

/* ---- taking it back ---- */

struct end {
	struct ledger_drain row;
	const char *by;
};

static int end_write(struct steward *steward, void *arg, struct err *err)
{
	const struct end *end = arg;
	struct ledger_instance place;
	char what[160];
	int r = ledger_drain_update(steward->ledger, &end->row, err);

	if (r)
		return r;
	steward_drain_place(&end->row, &place);
	steward_note(steward, EVENT_UNDRAINED, &(struct about){.instance = &place, .by = end->by},
		     end->row.ended_s, "%s may be used again",
		     steward_drain_what(steward, &end->row, what, sizeof(what)));
	return 0;
}

static void forget(struct steward *steward, int64_t id)
{
	size_t kept = 0;

	for (size_t i = 0; i < steward->n_drains; i++)
		if (steward->drains[i].row.id != id)
			steward->drains[kept++] = steward->drains[i];
	steward->n_drains = kept;
}

static int end(struct steward *steward, struct end *end, int64_t now_s, struct err *err)
{
	int r;

	end->row.has_ended = true;
	end->row.ended_s = now_s;
	r = steward_transact(steward, end_write, end, err);
	if (r)
		return r;
	forget(steward, end->row.id);
	steward_saved(steward);
	return 0;
}

bool steward_drains_forget_change(struct steward *steward, int64_t change, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_drains;) {
		struct end of = {steward->drains[i].row, "carved"};
		struct err ignored = ERR_INIT;

		if (!of.row.has_change || of.row.change != change)
			i++;
		else if (end(steward, &of, now_s, &ignored))
			return false;
	}
	return true;
}

int steward_drain_end(struct steward *steward, const struct policy_person *person, int64_t id,
		      int64_t now_s, struct ledger_drain *ret, struct err *err)
{
	struct end of = {.by = person->name};
	bool found = false;
	int r;

	for (size_t i = 0; i < steward->n_drains; i++)
		if (steward->drains[i].row.id == id) {
			of.row = steward->drains[i].row;
			found = true;
		}
	if (!found)
		return fail(err, ERR_NOT_FOUND, "there is no drain %" PRId64, id);
	r = end(steward, &of, now_s, err);
	if (r)
		return r;
	steward_serve_queue(steward, now_s);
	steward_settle(steward);
	*ret = of.row;
	return 0;
}
