#include "cli/layout-apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "cli/ask.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/view.h"
#include "cli/when.h"
#include "client/client.h"

#define POLL_S	 50 /* the daemon allows 60 */
#define PAUSE_MS 200
#define N_TRIES	 60 /* seconds without a daemon, which may be restarting */
#define TRY_MS	 1000

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static int64_t number_at(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* ---- a change in words ---- */

static bool has_ended(const json_t *change)
{
	return !json_is_null(json_object_get(change, "ended_s"));
}

static int64_t steps_ended(const json_t *change)
{
	const json_t *step;
	int64_t n = 0;
	size_t i;

	json_array_foreach(json_object_get(change, "steps"), i, step)
		n += !json_is_null(json_object_get(step, "ended_s"));
	return n;
}

/* "step 3 of 9: create 2g.20gb at 4 on GPU 0" */
static void add_doing(const json_t *change, struct text *ret)
{
	const json_t *steps = json_object_get(change, "steps"), *step;
	size_t i;

	json_array_foreach(steps, i, step) {
		if (strcmp(text_at(step, "state"), "doing") != 0)
			continue;
		text_addf(ret, ", step %zu of %zu: ", i + 1, json_array_size(steps));
		view_add(step, "", "do", COLUMN_TEXT, "", 0, ret);
		view_add(step, " ", "profile", COLUMN_TEXT, "", 0, ret);
		view_add(step, " at ", "start", COLUMN_NUMBER, "", 0, ret);
		view_add(step, " on GPU ", "gpu", COLUMN_NUMBER, "", 0, ret);
		return;
	}
}

static void describe(const json_t *change, struct text *ret)
{
	text_addf(ret, "change %" PRId64, number_at(change, "id"));
	if (!strcmp(text_at(change, "state"), "needs-reset"))
		text_add(ret, " needs a reset");
	else
		view_add(change, " is ", "state", COLUMN_TEXT, "", 0, ret);
	add_doing(change, ret);
	view_add(change, ": ", "why", COLUMN_TEXT, "", 0, ret);
}

static void tell(struct progress *progress, bool quiet, const json_t *change)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	/* In a log, steps that are done within seconds are no news; what it waits for is. */
	if (quiet || (!progress->rewrite && json_is_null(json_object_get(change, "why"))))
		return;
	describe(change, &text);
	progress_say(progress, text_str(&text));
}

/* ---- waiting for its end ---- */

static int poll_change(struct client *client, const json_t *change, json_t **ret, struct err *err)
{
	char path[160], state[32];

	snprintf(path, sizeof(path),
		 "/v1/changes/%" PRId64 "?wait_s=%d&state=%s&after=%" PRId64,
		 number_at(change, "id"), POLL_S,
		 client_escape(state, sizeof(state), text_at(change, "state")),
		 steps_ended(change));
	return client_call(client, "GET", path, NULL, ret, NULL, err);
}

/* A daemon that is being restarted takes the change up again: it is asked for a minute. */
static int next_news(struct client *client, int stop_fd, json_t **change, struct err *err)
{
	for (int tries = 0;; tries++) {
		json_t *news = NULL;
		int r = poll_change(client, *change, &news, err);

		if (!r) {
			bool same = json_equal(news, *change);

			json_decref(*change);
			*change = news;
			if (same)
				signals_wait(stop_fd, PAUSE_MS);
			return 0;
		}
		if ((r != -ERR_UNAVAILABLE && r != -ERR_TIMEOUT) || tries == N_TRIES ||
		    signals_wait(stop_fd, TRY_MS))
			return r;
	}
}

/* Nothing more to be had from waiting: it has a time of its own, or needs somebody's hands. */
static bool is_at_rest(const json_t *change, bool wait)
{
	if (has_ended(change))
		return true;
	if (wait)
		return false;
	return !strcmp(text_at(change, "state"), "needs-reset") ||
	       (!strcmp(text_at(change, "state"), "waiting") &&
		number_at(change, "not_before_s") > clock_now_s());
}

_Noreturn static void leave(const json_t *change, int signal_number)
{
	fprintf(stderr, "carve: change %" PRId64 " goes on; carve layout cancel %" PRId64 " stops it\n",
		number_at(change, "id"), number_at(change, "id"));
	signals_die(signal_number);
}

static int wait_for_end(struct client *client, const struct signals *signals,
			const struct apply_wish *wish, bool quiet, json_t **change,
			struct err *err)
{
	struct progress progress = {.rewrite = terminal_moves(STDERR_FILENO)};
	int r = 0;

	while (!r && !is_at_rest(*change, wish->wait)) {
		int number;

		tell(&progress, quiet, *change);
		r = next_news(client, signals->stop_fd, change, err);
		number = signals_next(signals->stop_fd);
		if (number) {
			progress_end(&progress);
			leave(*change, number);
		}
	}
	progress_end(&progress);
	return r;
}

/* ---- what became of it ---- */

static unsigned count(const json_t *change, const char *what)
{
	const json_t *step;
	unsigned n = 0;
	size_t i;

	json_array_foreach(json_object_get(change, "steps"), i, step)
		n += !strcmp(text_at(step, "do"), what) && !strcmp(text_at(step, "state"), "done");
	return n;
}

static void print_done(const json_t *change)
{
	const json_t *gpu;
	size_t i;

	json_array_foreach(json_object_get(change, "gpus"), i, gpu) {
		cleanup(text_done) struct text line = TEXT_INIT;

		if (json_equal(json_object_get(gpu, "was"), json_object_get(gpu, "goal")))
			continue;
		view_add(gpu, "GPU ", "index", COLUMN_NUMBER, "", 0, &line);
		view_add(gpu, ": ", "was", COLUMN_TEXT, "", 0, &line);
		view_add(gpu, " -> ", "goal", COLUMN_TEXT, "", 0, &line);
		printf("%s\n", text_str(&line));
	}
	printf("change %" PRId64 " is done: %u destroyed, %u created\n", number_at(change, "id"),
	       count(change, "destroy"), count(change, "create"));
}

static const struct {
	const char *state;
	enum err_code code;
} ends[] = {
	{"undone", ERR_ROLLED_BACK},
	{"dirty", ERR_DIRTY},
	{"cancelled", ERR_STALE},
	{"needs-reset", ERR_BUSY},
};

static int tell_end(const struct cli_wish *common, const json_t *answer, struct err *err)
{
	const json_t *change = json_object_get(answer, "change");
	cleanup(text_done) struct text text = TEXT_INIT;

	describe(change, &text);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		if (strcmp(text_at(change, "state"), ends[i].state) != 0)
			continue;
		fail(err, ends[i].code, "%s", text_str(&text));
		return ends[i].code == ERR_BUSY
			       ? fail_hint(err,
					   "it goes on by itself then; carve layout cancel %" PRId64
					   " gives it up",
					   number_at(change, "id"))
			       : -(int)err->code;
	}
	if (common->json)
		return ask_print_json(answer, err);
	if (has_ended(change))
		print_done(change);
	else
		printf("%s\n", text_str(&text));
	return 0;
}

static int post(struct client *client, const struct apply_wish *wish, json_t **ret, struct err *err)
{
	cleanup(json_decref) json_t *body = json_pack(
		"{s:s*, s:s*, s:s*, s:b, s:b}", "layout", wish->layout, "saved", wish->saved,
		"reason", wish->reason, "wait", wish->wait, "adopt", wish->adopt);
	const struct {
		const char *key;
		bool given;
	} flags[] = {
		{"now", wish->now}, {"when_open", wish->when_open}, {"drain", wish->drain}};

	if (!body)
		return fail(err, ERR_INVALID, "a layout and its reason must be UTF-8");
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (flags[i].given)
			json_object_set_new(body, flags[i].key, json_true());
	if (wish->until_s)
		json_object_set_new(body, "until_s", json_integer(wish->until_s));
	return client_call(client, "POST", "/v1/layout", body, ret, NULL, err);
}

int layout_apply(const struct cli_wish *common, const struct apply_wish *wish, bool *ret_already,
		 struct err *err)
{
	cleanup(client_close) struct client *client = NULL;
	cleanup(signals_close) struct signals signals = SIGNALS_NONE;
	cleanup(json_decref) json_t *answer = NULL;
	json_t *change;
	int r = client_open(common->socket, &client, err);

	if (!r)
		r = post(client, wish, &answer, err);
	if (r)
		return r;
	client_set_patience(client, POLL_S + CLIENT_PATIENCE_S);
	*ret_already = json_is_true(json_object_get(answer, "so"));
	if (*ret_already)
		return common->json ? ask_print_json(answer, err) : 0;
	r = signals_open(&signals, err);
	if (r)
		return r;
	client_set_stop(client, signals.stop_fd);
	change = json_incref(json_object_get(answer, "change"));
	r = wait_for_end(client, &signals, wish, common->json, &change, err);
	json_object_set_new(answer, "change", change);
	return r ? r : tell_end(common, answer, err);
}

/* ---- changes ---- */

static const struct column change_columns[] = {
	{"id", "ID", COLUMN_NUMBER, "its number"},
	{"state", "STATE", COLUMN_TEXT,
	 "waiting, running, needs-reset, undoing, done, cancelled, undone or dirty"},
	{"user", "USER", COLUMN_TEXT, "who asked for it"},
	{"asked_s", "ASKED", COLUMN_WHEN, "when"},
	{"wish", "WISH", COLUMN_TEXT, "what is wished"},
	{"why", "WHY", COLUMN_TEXT, "what it waits for, or why it ended so"},
	{"reason", "REASON", COLUMN_TEXT, "what for", .extra = true},
	{"not_before_s", "BEGINS", COLUMN_WHEN, "not before then", .extra = true},
	{"until_s", "UNTIL", COLUMN_WHEN, "then the layout before it comes back", .extra = true},
	{"returns", "RETURNS", COLUMN_NUMBER, "it brings back the layout before that change",
	 .extra = true},
	{"began_s", "BEGAN", COLUMN_WHEN, "when it began", .extra = true},
	{"ended_s", "ENDED", COLUMN_WHEN, "when it ended", .extra = true},
};

int layout_changes(const struct cli_wish *common, bool all, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	int r = ask(common, "GET", all ? "/v1/changes?all=1" : "/v1/changes", NULL, &answer, err);

	if (r)
		return r;
	if (common->json)
		return ask_print_json(answer, err);
	return view_print(common, change_columns, ARRAY_SIZE(change_columns),
			  json_object_get(answer, "changes"), err);
}

void layout_changes_help(void)
{
	view_help("columns of changes:", change_columns, ARRAY_SIZE(change_columns));
}

int layout_cancel(const struct cli_wish *common, const char *typed, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	cleanup(text_done) struct text text = TEXT_INIT;
	char path[64];
	int64_t id;
	int r = number_parse(typed, "change", 1, INT64_MAX, &id, err);

	if (r)
		return fail_hint(err, "its number is in the first column of: carve layout changes");
	snprintf(path, sizeof(path), "/v1/changes/%" PRId64, id);
	r = ask(common, "DELETE", path, NULL, &answer, err);
	if (r)
		return r;
	if (common->json)
		return ask_print_json(answer, err);
	describe(answer, &text);
	printf("%s\n", text_str(&text));
	return 0;
}

int layout_extend(const struct cli_wish *common, const char *typed, const char *time,
		  struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	cleanup(json_decref) json_t *body = NULL;
	cleanup(text_done) struct text text = TEXT_INIT;
	char path[64];
	int64_t id, when_s;
	int r = number_parse(typed, "change", 1, INT64_MAX, &id, err);

	if (r)
		return fail_hint(err, "its number is in the first column of: carve layout changes");
	r = when_parse_ahead(time, clock_now_s(), &when_s, err);
	if (r)
		return r;
	body = json_pack("{s:I}", "not_before_s", (json_int_t)when_s);
	snprintf(path, sizeof(path), "/v1/changes/%" PRId64, id);
	r = ask(common, "POST", path, body, &answer, err);
	if (r)
		return r;
	if (common->json)
		return ask_print_json(answer, err);
	view_add(answer, "change ", "id", COLUMN_NUMBER, "", 0, &text);
	view_add(answer, " begins at ", "not_before_s", COLUMN_WHEN, "", 0, &text);
	printf("%s\n", text_str(&text));
	return 0;
}

/* ---- layouts with a name ---- */

static const struct column saved_columns[] = {
	{"name", "NAME", COLUMN_TEXT, "its name"},
	{"user", "USER", COLUMN_TEXT, "who saved it"},
	{"saved_s", "SAVED", COLUMN_WHEN, "when"},
	{"layout", "LAYOUT", COLUMN_TEXT, "its words"},
};

static int call_saved(const struct cli_wish *common, const char *method, const char *name,
		      json_t **ret, struct err *err)
{
	char path[320], escaped[256];

	if (strlen(name) * 3 >= sizeof(escaped))
		return fail(err, ERR_INVALID, "'%.40s...' is too long for a name", name);
	snprintf(path, sizeof(path), "/v1/layouts/%s", client_escape(escaped, sizeof(escaped), name));
	return ask(common, method, path, NULL, ret, err);
}

int layout_save(const struct cli_wish *common, const char *name, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	int r = call_saved(common, "POST", name, &answer, err);

	return r || !common->json ? r : ask_print_json(answer, err);
}

int layout_forget(const struct cli_wish *common, const char *name, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	int r = call_saved(common, "DELETE", name, &answer, err);

	return r || !common->json ? r : ask_print_json(answer, err);
}

int layout_saved(const struct cli_wish *common, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	int r = ask(common, "GET", "/v1/layouts", NULL, &answer, err);

	if (r)
		return r;
	if (common->json)
		return ask_print_json(answer, err);
	return view_print(common, saved_columns, ARRAY_SIZE(saved_columns),
			  json_object_get(answer, "layouts"), err);
}

int layout_saved_words(const struct cli_wish *common, const char *name, char **ret, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	const json_t *layout;
	size_t i;
	int r = ask(common, "GET", "/v1/layouts", NULL, &answer, err);

	if (r)
		return r;
	json_array_foreach(json_object_get(answer, "layouts"), i, layout)
		if (!strcmp(text_at(layout, "name"), name)) {
			*ret = strdup(text_at(layout, "layout"));
			return *ret ? 0 : fail(err, ERR_NOMEM, "no memory for a layout");
		}
	fail(err, ERR_NOT_FOUND, "no layout '%.40s' was saved", name);
	return fail_hint(err, "carve layout saved lists those that were");
}
