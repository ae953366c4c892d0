/* Changes of the layout, and layouts with a name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "daemon/api-json.h"
#include "daemon/api-part.h"
#include "reconcile/steward-rules.h"

DEFINE_CLEANUP(json_decref, json_t *);

static json_t *index_of(const struct steward *steward, const char *uuid)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (!strcmp(steward->gpus[i].info.uuid, uuid))
			return json_integer(steward->gpus[i].info.index);
	return json_null();
}

/* ---- a change ---- */

struct listing {
	const struct steward *steward;
	json_t *list;
	struct err *err;
	int result;
	bool whole; /* with its GPUs and steps */
};

static void list_gpu(const struct ledger_change_gpu *row, void *arg)
{
	struct listing *listing = arg;

	json_array_append_new(listing->list,
			      json_pack("{s:o, s:s, s:s, s:o, s:o}", "index",
					index_of(listing->steward, row->gpu), "uuid", row->gpu,
					"wish", row->wish, "was", api_text(row->was), "goal",
					api_text(row->goal)));
}

static void list_step(const struct ledger_change_step *row, void *arg)
{
	struct listing *listing = arg;

	json_array_append_new(
		listing->list,
		json_pack("{s:i, s:o, s:s, s:b, s:o, s:o, s:s, s:o, s:o, s:o}", "step", (int)row->n,
			  "gpu", index_of(listing->steward, row->gpu), "do",
			  step_kind_name(row->kind), "back", row->back, "profile",
			  api_text(row->profile), "start", api_number(row->has_place, row->start),
			  "state", step_state_name(row->state), "began_s",
			  api_number(row->has_began, row->began_s), "ended_s",
			  api_number(row->has_ended, row->ended_s), "why", api_text(row->why)));
}

static void list_change(const struct ledger_change *row, void *arg)
{
	struct listing *listing = arg;
	struct listing gpus = {listing->steward, json_array(), listing->err, 0, false};
	struct listing steps = {listing->steward, json_array(), listing->err, 0, false};
	struct ledger *ledger = listing->steward->ledger;
	int r = ledger_change_gpus(ledger, row->id, list_gpu, &gpus, listing->err);

	if (!r && listing->whole)
		r = ledger_change_steps(ledger, row->id, list_step, &steps, listing->err);
	if (r)
		listing->result = r;
	json_array_append_new(
		listing->list,
		json_pack("{s:I, s:s, s:s, s:I, s:s, s:o, s:b, s:b, s:b, s:b, s:o, s:o, s:o, s:I, "
			  "s:o, s:o, s:o, s:o, s:o}",
			  "id", (json_int_t)row->id, "state", change_state_name(row->state), "user",
			  row->user, "uid", (json_int_t)row->uid, "wish", row->wish, "reason",
			  api_text(row->reason), "wait", row->wait, "adopt", row->adopt,
			  "now", row->at_once, "drain", row->drains, "until_s",
			  api_number(row->has_until, row->until_s), "returns",
			  api_number(row->has_returns, row->returns), "not_before_s", api_number(row->has_not_before, row->not_before_s),
			  "asked_s", (json_int_t)row->asked_s, "began_s",
			  api_number(row->has_began, row->began_s), "ended_s",
			  api_number(row->has_ended, row->ended_s), "why", api_text(row->why), "gpus",
			  gpus.list, "steps", steps.list));
}

/* A change with its steps; NULL: none, or err. */
static json_t *read_change(const struct steward *steward, int64_t id, struct err *err)
{
	cleanup(json_decref) json_t *list = json_array();
	struct listing listing = {steward, list, err, 0, true};

	if (ledger_changes(steward->ledger, id, false, 0, list_change, &listing, err) ||
	    listing.result)
		return NULL;
	if (!json_array_size(list)) {
		fail(err, ERR_NOT_FOUND, "there is no change %lld", (long long)id);
		return NULL;
	}
	return json_incref(json_array_get(list, 0));
}

static int reply_change(struct api_asking *asking, int status, int64_t id)
{
	json_t *json = read_change(asking->api->steward, id, asking->err);

	return json ? api_reply(asking, status, json) : -(int)asking->err->code;
}

/* ---- looking ---- */

int api_get_changes(struct api_asking *asking)
{
	json_t *list = json_array();
	struct listing listing = {asking->api->steward, list, asking->err, 0, false};
	int r = ledger_changes(asking->api->steward->ledger, -1, !asking->wish->all,
			       (size_t)asking->wish->limit, list_change, &listing, asking->err);

	r = r ? r : listing.result;
	if (r) {
		json_decref(list);
		return r;
	}
	return api_reply(asking, 200, json_pack("{s:o}", "changes", list));
}

static int64_t count_ended(const struct steward_change *change)
{
	int64_t n = 0;

	for (size_t i = 0; i < change->n_steps; i++)
		n += change->steps[i].row.has_ended;
	return n;
}

/* Is it as the caller knows it, and has he not waited long enough? */
static bool is_still(struct api_asking *asking, const struct steward_change *change)
{
	const struct api_wish *wish = asking->wish;
	struct api_wait *wait = asking->wait;

	if (!wait->began) {
		wait->began = true;
		wait->until_s = asking->now_s + wish->wait_s;
	}
	return !strcmp(change_state_name(change->row.state), wish->state) &&
	       (wish->after < 0 || count_ended(change) == wish->after) &&
	       asking->now_s < wait->until_s;
}

int api_get_change(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	const struct steward_change *change =
		steward_change_find(asking->api->steward, wish->id);

	if (wish->wait_s > 0 && wish->state && change && is_still(asking, change)) {
		asking->ret->wait = true;
		asking->ret->lease = steward_change_key(wish->id);
		asking->ret->until_s = asking->wait->until_s;
		return 0;
	}
	return reply_change(asking, 200, wish->id);
}

/* ---- changing ---- */

#define MOST_WORDS (2 * WISH_MAX_GPUS)

/* "gpu0=3g,2g gpu1=7g" */
static int read_words(const struct steward *steward, const char *text, struct wish *ret,
		      struct err *err)
{
	cleanup(free) char *copy = strdup(text);
	char *words[MOST_WORDS], *rest = copy;
	struct wish_server server;
	size_t n = 0;

	if (!copy)
		return fail(err, ERR_NOMEM, "no memory for a wish");
	for (char *word; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		if (n == MOST_WORDS)
			return fail(err, ERR_TOO_LARGE, "'layout' has more than %d words",
				    MOST_WORDS);
		words[n++] = word;
	}
	steward_change_server(steward, &server);
	return wish_from_words(words, n, &server, ret, err);
}

static void take_layout(const struct ledger_layout *row, void *arg)
{
	*(struct ledger_layout *)arg = *row;
}

static int saved_words(const struct steward *steward, const char *name, struct ledger_layout *ret,
		       struct err *err)
{
	int r;

	ret->name[0] = '\0';
	r = ledger_layouts(steward->ledger, name, take_layout, ret, err);
	if (r || ret->name[0])
		return r;
	fail(err, ERR_NOT_FOUND, "no layout '%.40s' was saved", name);
	return fail_hint(err, "carve layout saved lists those that were");
}

int api_post_layout(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	struct steward *steward = asking->api->steward;
	struct ledger_layout saved = {0};
	struct wish wanted;
	const struct steward_change_ask ask = {
		.wish = &wanted,
		.reason = wish->reason,
		.wait = wish->wait,
		.adopt = wish->adopt,
		.any_order = wish->any_order,
		.at_once = wish->at_once,
		.when_open = wish->when_open,
		.drain = wish->drain,
		.has_until = wish->has_until,
		.until_s = wish->until_s,
	};
	json_t *change;
	int64_t id;
	int r = 0;

	if (wish->saved)
		r = saved_words(steward, wish->saved, &saved, asking->err);
	r = r ? r : read_words(steward, wish->saved ? saved.words : wish->layout, &wanted,
			       asking->err);
	r = r ? r : steward_change_start(steward, asking->request->person, &ask, asking->now_s,
					 &id, asking->err);
	if (r)
		return r;
	steward_rules_tick(steward, asking->now_s); /* who is to leave is told at once */
	change = id ? read_change(steward, id, asking->err) : json_null();
	if (!change)
		return -(int)asking->err->code;
	return api_reply(asking, id ? 202 : 200,
			 json_pack("{s:b, s:o}", "so", id == 0, "change", change));
}

int api_delete_change(struct api_asking *asking)
{
	int r = steward_change_cancel(asking->api->steward, asking->request->person,
				      asking->wish->id, asking->now_s, asking->err);

	return r ? r : reply_change(asking, 200, asking->wish->id);
}

int api_post_change(struct api_asking *asking)
{
	int r = steward_change_move(asking->api->steward, asking->request->person,
				    asking->wish->id, asking->wish->not_before_s, asking->now_s,
				    asking->err);

	return r ? r : reply_change(asking, 200, asking->wish->id);
}

/* ---- layouts with a name ---- */

static json_t *layout_json(const struct ledger_layout *row)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "name", row->name, "layout", row->words, "user",
			 row->user, "saved_s", (json_int_t)row->saved_s);
}

static void list_layout(const struct ledger_layout *row, void *arg)
{
	json_array_append_new(arg, layout_json(row));
}

int api_get_layouts(struct api_asking *asking)
{
	json_t *list = json_array();
	int r = ledger_layouts(asking->api->steward->ledger, NULL, list_layout, list, asking->err);

	if (r) {
		json_decref(list);
		return r;
	}
	return api_reply(asking, 200, json_pack("{s:o}", "layouts", list));
}

static int check_name(const char *name, struct err *err)
{
	if (strlen(name) < LEDGER_NAME && strspn(name, "abcdefghijklmnopqrstuvwxyz"
						       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
						       "0123456789._-") == strlen(name))
		return 0;
	return fail(err, ERR_INVALID,
		    "the name of a layout has at most %d letters, digits and . _ -",
		    LEDGER_NAME - 1);
}

/* What is there now, of every GPU that can be told; GPUs by UUID, since indices change. */
static int write_present(const struct steward *steward, struct ledger_layout *ret, struct err *err)
{
	cleanup(text_done) struct text words = TEXT_INIT;

	for (size_t i = 0; i < steward->n_gpus; i++) {
		struct wish_gpu present;

		if (!steward->gpus[i].managed || !steward_change_present(steward, i, &present))
			continue;
		text_addf(&words, "%s%s=", words.len ? " " : "", steward->gpus[i].info.uuid);
		wish_write_gpu(&present, &words);
	}
	if (text_failed(&words))
		return fail(err, ERR_NOMEM, "no memory for a layout");
	if (!words.len)
		return fail(err, ERR_NOT_FOUND, "no GPU here can MIG");
	if (words.len >= sizeof(ret->words))
		return fail(err, ERR_TOO_LARGE, "the layout is longer than %zu bytes",
			    sizeof(ret->words) - 1);
	snprintf(ret->words, sizeof(ret->words), "%s", text_str(&words));
	return 0;
}

int api_post_saved(struct api_asking *asking)
{
	struct steward *steward = asking->api->steward;
	struct ledger_layout row = {.saved_s = asking->now_s};
	int r = check_name(asking->wish->name, asking->err);

	if (!r && !steward->surveyed)
		r = fail(asking->err, ERR_UNAVAILABLE, "the GPUs have not been looked at yet");
	if (!r)
		r = write_present(steward, &row, asking->err);
	if (r)
		return r;
	memcpy(row.name, asking->wish->name, strlen(asking->wish->name) + 1);
	snprintf(row.user, sizeof(row.user), "%s", asking->request->person->name);
	r = steward_layout_save(steward, &row, asking->err);
	return r ? r : api_reply(asking, 200, layout_json(&row));
}

int api_delete_saved(struct api_asking *asking)
{
	struct steward *steward = asking->api->steward;
	struct ledger_layout row = {0};
	int r = saved_words(steward, asking->wish->name, &row, asking->err);

	if (!r)
		r = steward_layout_forget(steward, row.name, asking->err);
	return r ? r : api_reply(asking, 200, layout_json(&row));
}
