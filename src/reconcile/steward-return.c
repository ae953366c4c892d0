/* A layout that was there for a time is followed by the one before it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "reconcile/steward-change-part.h"
#include "reconcile/steward-rules.h"

#define AGAIN_S 30 /* when it could not be written down how it goes back */

/* ---- which are to be followed ---- */

static bool find(const struct steward *steward, int64_t id, size_t *ret)
{
	for (size_t i = 0; i < steward->n_returns; i++)
		if (steward->returns[i].id == id) {
			*ret = i;
			return true;
		}
	return false;
}

void steward_change_was_done(struct steward *steward, const struct ledger_change *row)
{
	/* Without memory the next start finds it. */
	if (!row->has_until || array_reserve(&steward->returns, &steward->cap_returns,
					     steward->n_returns, sizeof(*steward->returns)))
		return;
	steward->returns[steward->n_returns++] = (struct steward_return){.id = row->id};
}

static void load(const struct ledger_change *row, void *arg)
{
	struct steward *steward = arg;
	size_t at;

	if (row->state == CHANGE_DONE)
		steward_change_was_done(steward, row);
	/* Who follows is written after what he follows. */
	if (row->has_returns && find(steward, row->returns, &at))
		steward->returns[at] = steward->returns[--steward->n_returns];
}

int steward_returns_load(struct steward *steward, struct err *err)
{
	return ledger_changes(steward->ledger, -1, false, 0, load, steward, err);
}

/* ---- following ---- */

struct before {
	const struct steward *steward;
	struct ledger_change row;
	struct wish wish;
	struct err *err;
	int result;
};

static void read_row(const struct ledger_change *row, void *arg)
{
	((struct before *)arg)->row = *row;
}

static void read_part(const struct ledger_change_gpu *row, void *arg)
{
	struct before *before = arg;

	for (size_t i = 0; i < before->steward->n_gpus; i++) {
		const struct backend_gpu *info = &before->steward->gpus[i].info;

		if (strcmp(info->uuid, row->gpu) != 0 || !info->board)
			continue;
		if (change_read_words(info->board, row->was, &before->wish.gpus[i], before->err))
			before->result = -(int)before->err->code;
		return;
	}
	before->result = fail(before->err, ERR_UNAVAILABLE, "GPU %s is not in this server now",
			      row->gpu);
}

static int follow(struct steward *steward, int64_t id, int64_t now_s, struct err *err)
{
	cleanup(free) struct before *before = calloc(1, sizeof(*before));
	char reason[LEDGER_REASON];
	int64_t ignored;
	int r;

	if (!before)
		return fail(err, ERR_NOMEM, "no memory for a change");
	before->steward = steward;
	before->err = err;
	r = ledger_changes(steward->ledger, id, false, 0, read_row, before, err);
	r = r ? r : ledger_change_gpus(steward->ledger, id, read_part, before, err);
	r = r ? r : before->result;
	if (r)
		return r;
	snprintf(reason, sizeof(reason), "change %" PRId64 " was until then%s%.400s", id,
		 before->row.reason[0] ? ": " : "", before->row.reason);
	return steward_change_start(steward, NULL,
				    &(struct steward_change_ask){
					    .wish = &before->wish,
					    .reason = reason,
					    .drain = true,
					    .at_once = before->row.at_once,
					    .has_not_before = true,
					    .not_before_s = before->row.until_s,
					    .returns = id,
				    },
				    now_s, &ignored, err);
}

static void note_failure(struct steward *steward, struct steward_return *back,
			 const struct err *err, int64_t now_s)
{
	if (!back->again_s)
		steward_note(steward, EVENT_FAILED, &(struct about){.by = "carved"}, now_s,
			     "what was before change %" PRId64 " cannot come back yet: %s",
			     back->id, err->text);
	back->again_s = now_s + AGAIN_S;
}

void steward_returns_follow(struct steward *steward, int64_t now_s)
{
	for (size_t i = 0; i < steward->n_returns;) {
		struct steward_return back = steward->returns[i];
		struct err err = ERR_INIT;

		if (back.again_s > now_s) {
			i++;
		} else if (follow(steward, back.id, now_s, &err)) {
			note_failure(steward, &steward->returns[i], &err, now_s);
			i++;
		} else {
			steward->returns[i] = steward->returns[--steward->n_returns];
		}
	}
}
