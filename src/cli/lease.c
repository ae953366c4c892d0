#include "cli/lease.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/ask.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "cli/view.h"

#define POLL_S	 50 /* the daemon allows 60 */
#define PAUSE_MS 200
#define N_TRIES	 60 /* seconds without a daemon, which may be restarting */
#define TRY_MS	 1000
#define LOOK_MS	 100

int64_t lease_id(const json_t *lease)
{
	return json_integer_value(json_object_get(lease, "id"));
}

static const char *state_of(const json_t *lease)
{
	const char *state = json_string_value(json_object_get(lease, "state"));

	return state ? state : "";
}

static bool is_state(const json_t *lease, const char *state)
{
	return !strcmp(state_of(lease), state);
}

bool lease_waits(const json_t *lease)
{
	return is_state(lease, "requested");
}

int lease_device(const json_t *lease, const char **ret, struct err *err)
{
	const char *uuid = json_string_value(view_at(lease, "instance.uuid"));

	if (!uuid || !*uuid ||
	    uuid[strspn(uuid, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			      "abcdefghijklmnopqrstuvwxyz0123456789-/")])
		return fail(err, ERR_UNAVAILABLE, "lease %" PRId64 ": carved names no device",
			    lease_id(lease));
	*ret = uuid;
	return 0;
}

void lease_read_bundle(const json_t *lease, struct lease_bundle *ret)
{
	const json_t *cpus = view_at(lease, "bundle.cpus");
	const json_t *memory = view_at(lease, "bundle.memory_bytes");

	*ret = (struct lease_bundle){"", ""};
	if (json_is_number(cpus))
		snprintf(ret->cpus, sizeof(ret->cpus), "%g", json_number_value(cpus));
	if (json_is_integer(memory))
		snprintf(ret->memory, sizeof(ret->memory), "%" JSON_INTEGER_FORMAT,
			 json_integer_value(memory));
}

/* ---- one sentence ---- */

static void add_value(const json_t *lease, const char *before, const char *at,
		      enum column_type type, const char *after, struct text *ret)
{
	view_add(lease, before, at, type, after, clock_now_s(), ret);
}

static void add_place(const json_t *lease, struct text *ret)
{
	add_value(lease, " on GPU ", "instance.gpu_index", COLUMN_NUMBER, "", ret);
	add_value(lease, " (", "instance.profile", COLUMN_TEXT, "", ret);
	add_value(lease, " at ", "instance.start", COLUMN_NUMBER, ")", ret);
}

static void describe_requested(const json_t *lease, struct text *ret)
{
	text_add(ret, " waits for approval");
	add_value(lease, " (", "rule", COLUMN_TEXT, ")", ret);
	add_value(lease, ", until ", "approval.expires_s", COLUMN_WHEN, "", ret);
}

static void describe_queued(const json_t *lease, struct text *ret)
{
	add_value(lease, " waits, place ", "position", COLUMN_NUMBER, " in the queue", ret);
	add_value(lease, ", probably for ", "estimate_s", COLUMN_LEFT, "", ret);
}

static void describe_granting(const json_t *lease, struct text *ret)
{
	add_place(lease, ret);
	text_add(ret, ", being made");
}

static void describe_active(const json_t *lease, struct text *ret)
{
	add_place(lease, ret);
	add_value(lease, ", until ", "ends_s", COLUMN_WHEN, "", ret);
	add_value(lease, " (", "ends_s", COLUMN_LEFT, ")", ret);
}

static void describe_ending(const json_t *lease, struct text *ret)
{
	add_place(lease, ret);
	text_add(ret, " is over; the instance is free when nothing runs on it");
}

static void describe_ended(const json_t *lease, struct text *ret)
{
	text_add(ret, " is over");
	add_value(lease, ": ", "why_ended", COLUMN_TEXT, "", ret);
}

static const struct {
	const char *state;
	void (*describe)(const json_t *lease, struct text *ret);
} states[] = {
	{"requested", describe_requested}, {"queued", describe_queued},
	{"granting", describe_granting},   {"active", describe_active},
	{"ending", describe_ending},	   {"ended", describe_ended},
};

void lease_describe(const json_t *lease, struct text *ret)
{
	text_addf(ret, "lease %" PRId64 ": ", lease_id(lease));
	add_value(lease, "", "class", COLUMN_TEXT, "", ret);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++)
		if (!strcmp(states[i].state, state_of(lease)))
			states[i].describe(lease, ret);
}

int lease_print(const struct cli_wish *wish, const json_t *lease, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	if (wish->json)
		return ask_print_json(lease, err);
	lease_describe(lease, &text);
	printf("%s\n", text_str(&text));
	return 0;
}

/* ---- requests ---- */

static int add_field(json_t *fields, const char *name, size_t len, const char *value,
		     struct err *err)
{
	char key[64];

	if (!len || len >= sizeof(key))
		return fail(err, ERR_INVALID, "'%.80s' is not NAME=VALUE", name);
	snprintf(key, sizeof(key), "%.*s", (int)len, name);
	if (json_object_get(fields, key))
		return fail(err, ERR_INVALID, "field '%s' is given twice", key);
	if (json_object_set_new(fields, key, json_string(value)))
		return fail(err, ERR_INVALID, "fields must be UTF-8");
	return 0;
}

static int add_fields(const struct lease_wish *wish, json_t *body, struct err *err)
{
	cleanup(json_decref) json_t *fields = json_object();
	int r = 0;

	for (size_t i = 0; !r && wish->fields && i < wish->fields->n; i++) {
		const char *typed = wish->fields->at[i];
		size_t len = strcspn(typed, "=");

		if (typed[len])
			r = add_field(fields, typed, len, typed + len + 1, err);
		else
			r = fail(err, ERR_INVALID, "--field: '%.80s' is not NAME=VALUE", typed);
	}
	if (!r && wish->project)
		r = add_field(fields, "project", strlen("project"), wish->project, err);
	if (!r && json_object_size(fields) && json_object_set(body, "fields", fields))
		r = fail(err, ERR_NOMEM, "no memory for a request");
	return r;
}

static int post(struct client *client, const struct lease_wish *wish, json_t **ret, struct err *err)
{
	cleanup(json_decref) json_t *body = json_pack(
		"{s:s*, s:s*, s:b, s:s}", "class", wish->class_name, "reason", wish->reason, "wait",
		wish->wait, "hold", wish->hold_caller ? "caller" : "none");

	int r;

	if (!body ||
	    (wish->has_time && json_object_set_new(body, "time_s", json_integer(wish->time_s))))
		return fail(err, ERR_INVALID, "class and reason must be UTF-8");
	if (wish->count)
		json_object_set_new(body, "count", json_integer(wish->count));
	if (wish->gpus)
		json_object_set_new(body, "gpus", json_integer(wish->gpus));
	r = add_fields(wish, body, err);
	if (r)
		return r;
	return client_call(client, "POST", "/v1/leases", body, ret, NULL, err);
}

int lease_read(struct client *client, int64_t id, json_t **ret, struct err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/leases/%" PRId64, id);
	return client_call(client, "GET", path, NULL, ret, NULL, err);
}

int lease_give_back(struct client *client, int64_t id, int exit_status, const char *reason,
		    json_t **ret, struct err *err)
{
	cleanup(json_decref) json_t *body = json_pack("{s:s*}", "reason", reason);
	char path[64];

	if (!body)
		return fail(err, ERR_INVALID, "a reason must be UTF-8");
	if (exit_status >= 0)
		json_object_set_new(body, "exit_status", json_integer(exit_status));
	snprintf(path, sizeof(path), "/v1/leases/%" PRId64, id);
	return client_call(client, "DELETE", path, json_object_size(body) ? body : NULL, ret, NULL,
			   err);
}

/* The daemon may be restarting, or still be looking at the device nodes: it is asked again. */
int lease_attach(struct client *client, int64_t id, pid_t pid, uint64_t pid_start, int stop_fd,
		 json_t **ret, struct err *err)
{
	cleanup(json_decref) json_t *body =
		pid ? json_pack("{s:I, s:I}", "pid", (json_int_t)pid, "pid_start",
				(json_int_t)pid_start)
		    : json_pack("{s:b}", "if_possible", true);
	char path[64];

	if (!body)
		return fail(err, ERR_NOMEM, "no memory for a request");
	snprintf(path, sizeof(path), "/v1/leases/%" PRId64 "/attach", id);
	for (int waited_ms = 0;; waited_ms += LOOK_MS) {
		int r = client_call(client, "POST", path, body, ret, NULL, err);

		if (r != -ERR_UNAVAILABLE || waited_ms >= N_TRIES * TRY_MS ||
		    signals_wait(stop_fd, LOOK_MS))
			return r;
	}
}

int lease_describe_device(struct client *client, int64_t id, json_t **ret, const char **ret_name,
			  struct err *err)
{
	char path[64];
	const char *name;
	int r;

	snprintf(path, sizeof(path), "/v1/leases/%" PRId64 "/cdi", id);
	r = client_call(client, "POST", path, NULL, ret, NULL, err);
	if (r)
		return r;
	name = json_string_value(view_at(*ret, "isolation.cdi"));
	/* It goes into lines for a shell. */
	if (!name || !*name || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-/=")])
		return fail(err, ERR_UNAVAILABLE, "lease %" PRId64 ": carved names no CDI device",
			    id);
	*ret_name = name;
	return 0;
}

/* ---- waiting ---- */

static void tell(struct progress *progress, const json_t *lease)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	/* In a log, that an instance takes its seconds to be made is no news. */
	if (!progress->rewrite && !is_state(lease, "queued") && !is_state(lease, "requested"))
		return;
	lease_describe(lease, &text);
	progress_say(progress, text_str(&text));
}

/* The lease once more, when its state or place has changed or after a while. */
static int poll_lease(struct client *client, const json_t *lease, json_t **ret, struct err *err)
{
	char path[96], state[32];

	snprintf(path, sizeof(path), "/v1/leases/%" PRId64 "?wait_s=%d&state=%s", lease_id(lease),
		 POLL_S, client_escape(state, sizeof(state), state_of(lease)));
	return client_call(client, "GET", path, NULL, ret, NULL, err);
}

/*
 * Replace *lease by its next news. A daemon that is being restarted keeps the
 * queue: it is asked again for a minute.
 */
static int next_news(struct client *client, int stop_fd, json_t **lease, struct err *err)
{
	for (int tries = 0;; tries++) {
		json_t *news = NULL;
		int r = poll_lease(client, *lease, &news, err);

		if (!r) {
			bool same = is_state(news, state_of(*lease));

			json_decref(*lease);
			*lease = news;
			/* Should the daemon not wait, we do. */
			if (same)
				signals_wait(stop_fd, PAUSE_MS);
			return 0;
		}
		if ((r != -ERR_UNAVAILABLE && r != -ERR_TIMEOUT) || tries == N_TRIES ||
		    signals_wait(stop_fd, TRY_MS))
			return r;
	}
}

/* Without --wait nobody waits for an approval; the request stays. */
static bool may_wait(const json_t *lease, bool wait)
{
	return is_state(lease, "queued") || (wait && is_state(lease, "requested"));
}

static int wait_until_active(struct client *client, int stop_fd, bool wait, json_t **lease,
			     struct err *err)
{
	struct progress progress = {.rewrite = terminal_moves(STDERR_FILENO)};
	int r = 0;

	while (!r && (may_wait(*lease, wait) || is_state(*lease, "granting")) &&
	       !signals_wait(stop_fd, 0)) {
		tell(&progress, *lease);
		r = next_news(client, stop_fd, lease, err);
	}
	progress_end(&progress);
	return r;
}

static int must_be_active(const json_t *lease, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	if (is_state(lease, "active") || is_state(lease, "requested"))
		return 0;
	lease_describe(lease, &text);
	return fail(err, ERR_STALE, "%s", text_str(&text));
}

/* Should giving back fail, the daemon sees that the process is gone. */
static void give_up(struct client *client, const json_t *lease, const char *why)
{
	cleanup(json_decref) json_t *over = NULL;
	struct err ignored = ERR_INIT;

	lease_give_back(client, lease_id(lease), -1, why, &over, &ignored);
}

static _Noreturn void leave(struct client *client, const json_t *lease, int signal_number)
{
	give_up(client, lease, "interrupted");
	signals_die(signal_number);
}

int lease_obtain(struct client *client, const struct lease_wish *wish,
		 const struct signals *signals, json_t **ret, struct err *err)
{
	cleanup(json_decref) json_t *lease = NULL;
	int stop, r;

	/*
	 * The request itself is not interrupted: were its answer lost, the lease
	 * would be held by nobody who knows its number.
	 */
	r = post(client, wish, &lease, err);
	if (r)
		return r;
	client_set_stop(client, signals->stop_fd);
	client_set_patience(client, POLL_S + CLIENT_PATIENCE_S);
	r = wait_until_active(client, signals->stop_fd, wish->wait, &lease, err);
	client_set_stop(client, -1);
	client_set_patience(client, CLIENT_PATIENCE_S);
	stop = signals_next(signals->stop_fd);
	if (stop)
		leave(client, lease, stop);
	r = r ? r : must_be_active(lease, err);
	if (!r)
		*ret = steal(lease);
	return r;
}

/* All of a list are active, or all are given back. */
static int wait_for_all(struct client *client, const struct signals *signals, json_t *list,
			struct err *err)
{
	json_t *lease;
	size_t i;
	int r = 0;

	json_array_foreach(list, i, lease) {
		cleanup(json_decref) json_t *news = json_incref(lease);

		r = r ? r : wait_until_active(client, signals->stop_fd, false, &news, err);
		r = r ? r : must_be_active(news, err);
		json_array_set(list, i, news);
	}
	if (!r && !signals_wait(signals->stop_fd, 0))
		return 0;
	json_array_foreach(list, i, lease)
		give_up(client, lease, r ? "another of the same request is over" : "interrupted");
	return r;
}

int lease_obtain_all(struct client *client, const struct lease_wish *wish,
		     const struct signals *signals, json_t **ret, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	int stop, r = post(client, wish, &answer, err);

	if (r)
		return r;
	client_set_stop(client, signals->stop_fd);
	client_set_patience(client, POLL_S + CLIENT_PATIENCE_S);
	r = wait_for_all(client, signals, json_object_get(answer, "leases"), err);
	client_set_stop(client, -1);
	client_set_patience(client, CLIENT_PATIENCE_S);
	stop = signals_next(signals->stop_fd);
	if (stop)
		signals_die(stop);
	if (!r)
		*ret = steal(answer);
	return r;
}
