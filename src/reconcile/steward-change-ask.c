/* Asking for a change, and giving one up. */
#include "reconcile/steward-change-part.h"
#include "reconcile/steward-rules.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

/* ---- asking for one ---- */

static void exchange(const struct steward *steward, struct wish *wish)
{
	struct change_gpu gpus[WISH_MAX_GPUS] = {0};
	struct wish_gpu before[WISH_MAX_GPUS];
	size_t of[WISH_MAX_GPUS];
	struct err ignored = ERR_INIT;

	memcpy(before, wish->gpus, sizeof(before));
	for (size_t i = 0; i < steward->n_gpus; i++) {
		struct change_ground ground;

		/* A GPU that cannot be changed is left to the plan, which says why. */
		if (change_look(steward, i, GROUND_ASKED, NULL, &ground, &ignored))
			before[i].given = false;
		else
			gpus[i] = ground.gpu;
	}
	for (size_t i = 0; i < steward->n_gpus; i++)
		for (size_t k = 0; k < gpus[i].n; k++)
			gpus[i].at[k].who = NULL;
	if (change_assign(gpus, before, steward->n_gpus, of, &ignored))
		return; /* the plan says which wish is impossible, where it was wished */
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (before[i].given)
			wish->gpus[i] = before[of[i]];
}

static void fill_in(struct ledger_change *row, const struct steward *steward,
		    const struct policy_person *person, const struct steward_change_ask *ask,
		    const struct wish *wish, int64_t now_s)
{
	cleanup(text_done) struct text words = TEXT_INIT;
	struct wish_server server;

	*row = (struct ledger_change){
		.uid = person ? person->uid : 0,
		.state = CHANGE_WAITING,
		.wait = ask->wait || ask->drain,
		.at_once = ask->at_once,
		.drains = ask->drain,
		.has_until = ask->has_until,
		.until_s = ask->until_s,
		.has_returns = ask->returns > 0,
		.returns = ask->returns,
		.adopt = ask->adopt,
		.has_not_before = ask->has_not_before,
		.not_before_s = ask->not_before_s,
		.asked_s = now_s,
	};
	steward_change_server(steward, &server);
	wish_write(WISH_WORDS, &server, wish, NULL, &words);
	while (words.len && words.s[words.len - 1] == '\n')
		words.s[--words.len] = '\0';
	for (size_t i = 0; i < words.len; i++)
		if (words.s[i] == '\n')
			words.s[i] = ' ';
	snprintf(row->wish, sizeof(row->wish), "%s", text_str(&words));
	snprintf(row->user, sizeof(row->user), "%s", person ? person->name : "carved");
	text_printable(row->reason, sizeof(row->reason), ask->reason ? ask->reason : "");
}

static struct steward_change *make(const struct steward *steward,
				   const struct policy_person *person,
				   const struct steward_change_ask *ask, int64_t now_s)
{
	struct steward_change *change = change_new(steward->n_gpus);
	struct wish wish = *ask->wish;

	if (!change)
		return NULL;
	if (ask->any_order)
		exchange(steward, &wish);
	fill_in(&change->row, steward, person, ask, &wish, now_s);
	for (size_t i = 0; i < steward->n_gpus; i++) {
		struct steward_change_part *part = &change->parts[change->n_parts];

		if (!wish.gpus[i].given)
			continue;
		memcpy(part->row.gpu, steward->gpus[i].info.uuid, sizeof(part->row.gpu));
		change_set_words(part->row.wish, sizeof(part->row.wish), &wish.gpus[i]);
		part->wish = wish.gpus[i];
		part->known = true;
		change->n_parts++;
	}
	return change;
}

static int write_new(struct steward *steward, void *arg, struct err *err)
{
	struct steward_change *change = arg;
	int r = ledger_change_add(steward->ledger, &change->row, err);

	for (size_t i = 0; !r && i < change->n_parts; i++) {
		change->parts[i].row.change = change->row.id;
		r = ledger_change_gpu_add(steward->ledger, &change->parts[i].row, err);
	}
	if (!r)
		steward_change_tell_override(steward, change);
	return r;
}

/* Would it have to wait, for what, and may it? */
static int may_start(const struct steward *steward, const struct steward_change *change,
		     const struct change_plans *plans, int64_t now_s, struct err *err)
{
	const struct steward_change *other = change_earlier(steward, change, now_s);

	if (change->row.wait || change->row.has_not_before ||
	    change_waits_for_window(steward, change, now_s))
		return 0;
	if (other) {
		fail(err, ERR_BUSY, "change %" PRId64 " of %s, %.200s, is under way", other->row.id,
		     other->row.user, other->row.wish);
		return fail_hint(err, "--wait waits for it; carve layout cancel %" PRId64 " stops it",
				 other->row.id);
	}
	if (!plans->blockers.len)
		return 0;
	fail(err, ERR_BUSY, "%s", text_str(&plans->blockers));
	return fail_hint(err, "--wait waits until nobody is in the way");
}

/* An earlier change led to it, and nothing else came since. */
static bool is_wanted(const struct steward *steward, const struct steward_change *change)
{
	for (size_t i = 0; i < change->n_parts; i++) {
		const struct steward_change_part *part = &change->parts[i];
		const struct ledger_wanted *wanted = &steward->gpus[part->gpu].wanted;

		if (!wanted->gpu[0] || wanted->mig != part->goal.mig)
			return false;
		for (size_t k = 0; k < steward->n_instances; k++)
			if (steward->instances[k]->gpu == part->gpu &&
			    !steward->instances[k]->row.laid)
				return false;
	}
	return true;
}

int steward_change_start(struct steward *steward, const struct policy_person *person,
			 const struct steward_change_ask *ask, int64_t now_s, int64_t *ret_id,
			 struct err *err)
{
	cleanup(change_free) struct steward_change *change = NULL;
	cleanup(change_plans_free) struct change_plans *plans = NULL;
	int64_t id;
	bool so;
	int r;

	if (!steward->surveyed)
		return fail(err, ERR_UNAVAILABLE, "the GPUs have not been looked at yet");
	if (steward_may_act(steward, err) || (steward->unwritable && steward_flush(steward, err)))
		return -(int)err->code;
	change = make(steward, person, ask, now_s);
	if (!change)
		return fail(err, ERR_NOMEM, "no memory for a change");
	if (!change->n_parts)
		return fail(err, ERR_INVALID, "nothing is wished of any GPU");
	r = steward_change_allowed(steward, change, ask, now_s, err);
	if (r)
		return r;
	r = change_plan_all(steward, change, &plans, err);
	if (r)
		return r;
	so = !plans->n_steps && plans->settled && !change->row.has_not_before;
	if (so && is_wanted(steward, change)) {
		*ret_id = 0;
		return 0;
	}
	r = may_start(steward, change, plans, now_s, err);
	if (!r)
		r = steward_transact(steward, write_new, change, err);
	if (r)
		return r;
	id = change->row.id;
	r = change_keep(steward, steal(change), err);
	if (r)
		return r; /* written, not known: the next start takes it up */
	steward_saved(steward);
	steward_changes_advance(steward, now_s);
	*ret_id = so && !change_find(steward, id) ? 0 : id;
	return 0;
}

int steward_change_cancel(struct steward *steward, const struct policy_person *person, int64_t id,
			  int64_t now_s, struct err *err)
{
	struct steward_change *change = change_find(steward, id);
	char why[LEDGER_TEXT];

	if (!change)
		return fail(err, ERR_NOT_FOUND, "no change %" PRId64 " is under way", id);
	if (change->row.state == CHANGE_UNDOING)
		return fail(err, ERR_STALE, "change %" PRId64 " is on its way back already", id);
	snprintf(why, sizeof(why), "cancelled by %s", person ? person->name : "carved");
	if (change->row.state == CHANGE_WAITING)
		change_give_up(steward, change, why, now_s);
	else
		change_turn_back(steward, change, why, now_s);
	steward_changes_advance(steward, now_s);
	return steward->unwritable ? steward_flush(steward, err) : 0;
}
