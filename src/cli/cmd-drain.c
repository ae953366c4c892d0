#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/drain.h"
#include "cli/view.h"
#include "cli/when.h"

struct drain_wish {
	struct cli_wish common;
	const char *deadline, *reason;
	bool dry_run;
};

static const struct cmd_opt drain_opts[] = {
	{"deadline", OPT_TEXT, offsetof(struct drain_wish, deadline), .arg = "TIME",
	 .help = "when leases there end: 4h, 'fri 18:00', now, none"},
	{"reason", OPT_TEXT, offsetof(struct drain_wish, reason), .arg = "TEXT",
	 .help = "why; holders are told, and it is kept in the ledger"},
	{"dry-run", OPT_FLAG, offsetof(struct drain_wish, dry_run),
	 .help = "tell who would be concerned, and do nothing"},
	CLI_TABLE,
};

static const struct column drain_columns[] = {
	{"gpu", "GPU", COLUMN_NUMBER, "index of the GPU", .at = "gpu_index"},
	{"profile", "PROFILE", COLUMN_TEXT, "the instance's profile; - for the whole GPU"},
	{"start", "AT", COLUMN_NUMBER, "its first placement unit"},
	{"state", "STATE", COLUMN_TEXT, "draining, or drained: nothing is held there any more"},
	{"leave", "LEAVE", COLUMN_LEFT, "time until leases there end", .at = "deadline_s"},
	{"leases", "LEASES", COLUMN_LENGTH, "how many are there still"},
	{"processes", "PROCS", COLUMN_LENGTH, "how many processes run there"},
	{"user", "BY", COLUMN_TEXT, "who wants it"},
	{"reason", "REASON", COLUMN_TEXT, "why"},
	{"since_s", "SINCE", COLUMN_WHEN, "when it began", .extra = true},
	{"drained_s", "DRAINED", COLUMN_WHEN, "since when nothing is held there", .extra = true},
	{"deadline_s", "DEADLINE", COLUMN_WHEN, "when leases there end", .extra = true},
	{"id", "ID", COLUMN_NUMBER, "its number", .extra = true},
	{"uuid", "UUID", COLUMN_TEXT, "UUID of the GPU", .at = "gpu_uuid", .extra = true},
};

/* ---- one drain in words ---- */

/* "lease 11 of ann, until 2026-11-24 19:12" */
static void print_lease(const json_t *drain, const json_t *lease, int64_t now_s)
{
	const json_t *deadline = json_object_get(drain, "deadline_s");
	const json_t *ends = json_object_get(lease, "ends_s");
	const char *state = json_string_value(json_object_get(lease, "state"));
	cleanup(text_done) struct text line = TEXT_INIT;

	view_add(lease, "  lease ", "id", COLUMN_NUMBER, "", now_s, &line);
	view_add(lease, " of ", "user", COLUMN_TEXT, "", now_s, &line);
	if (state && !strcmp(state, "ending"))
		text_add(&line, " is over, but something still runs there");
	else if (json_is_true(json_object_get(lease, "protected")))
		view_add(lease, " is protected and waited for, until ", "ends_s", COLUMN_WHEN, "",
			 now_s, &line);
	else if (json_is_integer(deadline) &&
		 (!json_is_integer(ends) ||
		  json_integer_value(deadline) < json_integer_value(ends)))
		view_add(drain, " ends at ", "deadline_s", COLUMN_WHEN, "", now_s, &line);
	else
		view_add(lease, " ends by itself at ", "ends_s", COLUMN_WHEN, "", now_s, &line);
	printf("%s\n", text_str(&line));
}

static void print_process(const json_t *process)
{
	cleanup(text_done) struct text line = TEXT_INIT;

	view_add(process, "  process ", "pid", COLUMN_NUMBER, "", 0, &line);
	view_add(process, ", ", "name", COLUMN_TEXT, "", 0, &line);
	view_add(process, " of ", "user", COLUMN_TEXT, "", 0, &line);
	printf("%s\n", text_str(&line));
}

static void print_drain(const json_t *drain, bool dry_run)
{
	cleanup(text_done) struct text head = TEXT_INIT;
	const json_t *leases = json_object_get(drain, "leases"), *row;
	const json_t *processes = json_object_get(drain, "processes");
	int64_t now_s = clock_now_s();
	size_t i;

	view_add(drain, "", "profile", COLUMN_TEXT, "", now_s, &head);
	view_add(drain, " at ", "start", COLUMN_NUMBER, " on ", now_s, &head);
	view_add(drain, "GPU ", "gpu_index", COLUMN_NUMBER, "", now_s, &head);
	printf("%s %s drained: nothing new is placed there%s\n", text_str(&head),
	       dry_run ? "would be" : "is", json_array_size(leases) ? "" : ", nothing is held there");
	json_array_foreach(leases, i, row)
		print_lease(drain, row, now_s);
	json_array_foreach(processes, i, row)
		print_process(row);
	if (json_is_null(processes))
		printf("  which processes run there cannot be seen\n");
}

/* ---- asking ---- */

static int set_deadline(const struct drain_wish *wish, json_t *body, struct err *err)
{
	int64_t deadline_s;
	int r;

	if (!wish->deadline)
		return 0;
	if (!strcmp(wish->deadline, "none")) {
		json_object_set_new(body, "no_deadline", json_true());
		return 0;
	}
	r = when_parse_ahead(wish->deadline, clock_now_s(), &deadline_s, err);
	if (r)
		return fail_in(err, "--deadline: ");
	json_object_set_new(body, "deadline_s", json_integer(deadline_s));
	return 0;
}

static int begin(const struct drain_wish *wish, const char *typed, struct err *err)
{
	cleanup(json_decref) json_t *body = NULL;
	cleanup(json_decref) json_t *drain = NULL;
	int r = drain_target(typed, &body, err);

	r = r ? r : set_deadline(wish, body, err);
	if (r)
		return r;
	if (wish->reason)
		json_object_set_new(body, "reason", json_string(wish->reason));
	if (wish->dry_run)
		json_object_set_new(body, "dry_run", json_true());
	r = ask(&wish->common, "POST", "/v1/drains", body, &drain, err);
	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(drain, err);
	print_drain(drain, wish->dry_run);
	return 0;
}

static int list(const struct drain_wish *wish, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	const json_t *drains;
	int r = ask(&wish->common, "GET", "/v1/drains", NULL, &answer, err);

	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	drains = json_object_get(answer, "drains");
	if (json_is_array(drains) && !json_array_size(drains)) {
		printf("nothing is drained\n");
		return 0;
	}
	return view_print(&wish->common, drain_columns, ARRAY_SIZE(drain_columns), drains, err);
}

static int drain_run(struct cmd_call *call, struct err *err)
{
	const struct drain_wish *wish = call->wish;

	if (call->n_args)
		return begin(wish, call->args[0], err);
	if (wish->deadline || wish->reason || wish->dry_run) {
		fail(err, ERR_INVALID, "drain needs a GPU or an instance");
		return fail_hint(err, "write it like gpu0, gpu0/3g@4 or lease12; alone it lists "
				      "what is drained");
	}
	return list(wish, err);
}

static void drain_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", drain_columns, ARRAY_SIZE(drain_columns));
}

const struct cmd cmd_drain = {
	.name = "drain",
	.synopsis = "[GPU | GPU/INSTANCE | leaseID] [--deadline TIME] [--reason TEXT]",
	.summary = "Have a GPU or an instance left: nothing new, holders are told",
	CMD_OPTS(drain_opts),
	.wish_size = sizeof(struct drain_wish),
	.max_args = 1,
	.more_help = drain_help,
	.run = drain_run,
};
