#include "cli/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/stands-for.h"
#include "cli/when.h"
#include "client/client.h"
#include "planner/demand.h"

#define PAGE 1000 /* rows of one answer, as carve-api(7) bounds them */

void history_done(struct history *history)
{
	free(history->leases);
	policy_free(history->policy);
	*history = (struct history){0};
}

/* ---- from the daemon's answers ---- */

static bool get_time(const json_t *lease, const char *key, int64_t *ret)
{
	const json_t *value = json_object_get(lease, key);

	if (json_is_integer(value))
		*ret = json_integer_value(value);
	return json_is_integer(value);
}

/* The index of a class, a new one when it is not known yet; HISTORY_MAX_CLASSES: no room. */
static size_t class_index(struct history *history, const char *name)
{
	struct err ignored = ERR_INIT;
	size_t i = 0;

	while (i < history->n_classes && strcmp(history->classes[i].name, name) != 0)
		i++;
	if (i < history->n_classes || i == HISTORY_MAX_CLASSES)
		return i;
	text_printable(history->classes[i].name, sizeof(history->classes[i].name), name);
	history->classes[i].known = policy_class_find(history->policy, name, &ignored);
	history->n_classes++;
	return i;
}

static int64_t duration_of(const json_t *lease, const struct history_lease *row)
{
	int64_t granted_s, until_s, time_s = 1;

	get_time(lease, "time_s", &time_s);
	if (get_time(lease, "granted_s", &granted_s) &&
	    (get_time(lease, "ended_s", &until_s) || get_time(lease, "ends_s", &until_s)))
		time_s = (until_s > row->until_s ? until_s : row->until_s) - granted_s;
	return time_s > 0 ? time_s : 1;
}

static int add_lease(struct history *history, const json_t *lease, struct err *err)
{
	const char *class_ = json_string_value(json_object_get(lease, "class"));
	/* What was asked for in this second counts for this second. */
	struct history_lease row = {.until_s = history->now_s + 1};

	if (!class_ || !get_time(lease, "requested_s", &row.requested_s) || row.requested_s < 0)
		return fail(err, ERR_UNAVAILABLE, "carved tells of a lease without class or time");
	if (row.requested_s > history->now_s)
		return 0; /* while this was asked, or before the clock was set back */
	if (get_time(lease, "ended_s", &row.until_s) && row.until_s > history->now_s)
		row.until_s = history->now_s;
	row.class_ = class_index(history, class_);
	if (row.class_ == HISTORY_MAX_CLASSES || history->n == HISTORY_MAX)
		return fail(err, ERR_TOO_LARGE, "more than %d classes or %d leases",
			    HISTORY_MAX_CLASSES, HISTORY_MAX);
	row.duration_s = duration_of(lease, &row);
	if (array_reserve(&history->leases, &history->cap, history->n, sizeof(row)))
		return fail(err, ERR_NOMEM, "no memory for a history");
	history->leases[history->n++] = row;
	history->classes[row.class_].n_leases++;
	return 0;
}

/* The newest leases before a number; that of the oldest of them. */
static int add_page(struct history *history, struct client *client, int64_t since_s,
		    int64_t *before, bool *ret_more, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	const json_t *leases, *lease;
	cleanup(text_done) struct text path = TEXT_INIT;
	size_t i;
	int r;

	text_addf(&path, "/v1/leases?all=1&since_s=%" PRId64, since_s);
	if (*before != INT64_MAX)
		text_addf(&path, "&before=%" PRId64, *before);
	r = client_call(client, "GET", text_str(&path), NULL, &answer, NULL, err);
	if (r)
		return r;
	leases = json_object_get(answer, "leases");
	*ret_more = json_array_size(leases) >= PAGE;
	json_array_foreach(leases, i, lease) {
		int64_t id = json_integer_value(json_object_get(lease, "id"));

		if (id <= 0 || id >= *before)
			continue; /* not asked for: it would be counted twice */
		r = add_lease(history, lease, err);
		if (r)
			return r;
	}
	*ret_more = *ret_more &&
		    json_integer_value(json_object_get(json_array_get(leases, 0), "id")) < *before;
	*before = json_integer_value(json_object_get(json_array_get(leases, 0), "id"));
	return 0;
}

/* "/etc/carve/policy.yaml": the file that is in force. */
static int load_policy(struct history *history, struct client *client, const char *path,
		       struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	int r = 0;

	if (!path) {
		r = client_call(client, "GET", "/v1/status", NULL, &answer, NULL, err);
		path = json_string_value(
			json_object_get(json_object_get(answer, "policy"), "path"));
		if (!r && !path)
			r = fail(err, ERR_UNAVAILABLE, "carved does not tell where its policy is");
	}
	if (r)
		return r;
	r = policy_load(path, &history->policy, err);
	return r ? fail_hint(err, "--policy FILE names another copy of it") : 0;
}

static int compare_leases(const void *a, const void *b)
{
	const struct history_lease *x = a, *y = b;

	if (x->requested_s != y->requested_s)
		return x->requested_s < y->requested_s ? -1 : 1;
	return x->class_ < y->class_ ? -1 : x->class_ > y->class_;
}

int history_load(const struct cli_wish *wish, const char *since, const char *policy,
		 struct history *ret, struct err *err)
{
	cleanup(client_close) struct client *client = NULL;
	int64_t since_s, before = INT64_MAX;
	bool more = true;
	int r;

	*ret = (struct history){.now_s = clock_now_s()};
	r = when_parse(since, ret->now_s, &since_s, err);
	if (!r && (since_s < 0 || since_s > ret->now_s))
		r = fail(err, ERR_INVALID, "'%.40s' is not in the past", since);
	if (r)
		return fail_in(err, "--history: ");
	r = client_open(wish->socket, &client, err);
	if (!r)
		r = load_policy(ret, client, policy, err);
	while (!r && more)
		r = add_page(ret, client, since_s, &before, &more, err);
	if (!r && !ret->n)
		r = fail(err, ERR_NOT_FOUND, "--history: there were no leases since %.40s", since);
	if (r)
		return r;
	qsort(ret->leases, ret->n, sizeof(ret->leases[0]), compare_leases);
	ret->from_s = ret->leases[0].requested_s;
	ret->from_s = ret->from_s < since_s ? since_s : ret->from_s;
	return 0;
}

/* ---- what follows from it ---- */

int history_need(const struct history *history, double share, struct need *ret, uint32_t *ret_peaks,
		 struct err *err)
{
	cleanup(free) struct demand_stay *stays = calloc(history->n + 1, sizeof(*stays));
	struct demand_level levels[HISTORY_MAX_CLASSES];
	int r = -1;

	for (size_t i = 0; stays && i < history->n; i++)
		stays[i] = (struct demand_stay){.from_s = history->leases[i].requested_s,
						.until_s = history->leases[i].until_s,
						.kind = history->leases[i].class_};
	if (stays)
		r = demand_levels(stays, history->n, history->from_s, history->now_s + 1, share,
				  levels, history->n_classes);
	if (r)
		return fail(err, ERR_NOMEM, "no memory for a history");
	ret->n = 0;
	/* In the order of the policy. */
	for (size_t c = 0; c < policy_n_classes(history->policy); c++) {
		const char *name = policy_class_at(history->policy, c)->name;
		size_t i = 0;

		while (i < history->n_classes && strcmp(history->classes[i].name, name) != 0)
			i++;
		if (i == history->n_classes || ret->n == NEED_MAX)
			continue;
		snprintf(ret->at[ret->n].name, sizeof(ret->at[0].name), "%s", name);
		ret_peaks[ret->n] = levels[i].peak;
		ret->at[ret->n++].count = levels[i].wanted;
	}
	return 0;
}

int history_trace(const struct history *history, const struct board *board, struct trace *ret,
		  struct err *err)
{
	struct trace trace = {.n = 0};
	int r = 0;

	for (size_t i = 0; !r && i < history->n; i++) {
		const struct history_lease *lease = &history->leases[i];
		struct request request = {.at = lease->requested_s - history->leases[0].requested_s,
					  .duration = lease->duration_s};
		const struct profile *profile;

		if (!history->classes[lease->class_].known)
			continue;
		r = stands_for(history->classes[lease->class_].name, board, history->policy,
			       &profile, err);
		if (r)
			break;
		request.profile = (uint8_t)profile_index(board, profile);
		if (trace_add(&trace, &request))
			r = fail(err, ERR_NOMEM, "no memory for a trace");
	}
	if (!r && !trace.n)
		r = fail(err, ERR_NOT_FOUND, "--history: no lease of a class that the policy has");
	if (r)
		trace_done(&trace);
	else
		*ret = trace;
	return r;
}

json_t *history_json(const struct history *history)
{
	json_t *unknown = json_array();

	for (size_t i = 0; i < history->n_classes; i++)
		if (!history->classes[i].known)
			json_array_append_new(unknown,
					      json_pack("{s:s, s:I}", "class",
							history->classes[i].name, "leases",
							(json_int_t)history->classes[i].n_leases));
	return json_pack("{s:I, s:I, s:I, s:o}", "from_s", (json_int_t)history->from_s, "until_s",
			 (json_int_t)history->now_s, "leases", (json_int_t)history->n, "unknown",
			 unknown);
}

void history_print_unknown(const struct history *history)
{
	for (size_t i = 0; i < history->n_classes; i++)
		if (!history->classes[i].known)
			fprintf(stderr,
				"carve: class '%s' has left the policy: its %" PRIu64
				" lease%s not counted\n",
				history->classes[i].name, history->classes[i].n_leases,
				history->classes[i].n_leases == 1 ? " is" : "s are");
}
