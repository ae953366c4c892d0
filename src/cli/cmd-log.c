#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/view.h"
#include "cli/when.h"

#define LIMIT_MAX 1000

struct log_wish {
	struct cli_wish common;
	const char *user, *gpu, *since;
	bool has_lease, has_limit;
	int64_t lease, limit;
};

static const struct cmd_opt log_opts[] = {
	{"user", OPT_TEXT, offsetof(struct log_wish, user), .arg = "NAME",
	 .help = "about this user"},
	{"gpu", OPT_TEXT, offsetof(struct log_wish, gpu), .arg = "GPU",
	 .help = "on this GPU: index or UUID"},
	{"lease", OPT_NUMBER, offsetof(struct log_wish, lease),
	 offsetof(struct log_wish, has_lease), 1, INT64_MAX, "ID", "about this lease"},
	{"since", OPT_TEXT, offsetof(struct log_wish, since), .arg = "WHEN",
	 .help = "not older: 2h, 2025-11-24, '2025-11-24 16:40'"},
	{"limit", OPT_NUMBER, offsetof(struct log_wish, limit),
	 offsetof(struct log_wish, has_limit), 1, LIMIT_MAX, "N", "the newest so many"},
	CLI_TABLE,
};

static const struct column event_columns[] = {
	{"time_s", "TIME", COLUMN_WHEN, "when"},
	{"kind", "KIND", COLUMN_TEXT, "what: carve-events(7)"},
	{"user", "USER", COLUMN_TEXT, "about whom"},
	{"class", "CLASS", COLUMN_TEXT, "the class, if one"},
	{"lease", "LEASE", COLUMN_NUMBER, "the lease, if one"},
	{"gpu", "GPU", COLUMN_NUMBER, "index of the GPU, if one", .at = "gpu_index"},
	{"text", "TEXT", COLUMN_TEXT, "one sentence"},
	{"rule", "RULE", COLUMN_TEXT, "the rule that decided", .extra = true},
	{"team", "TEAM", COLUMN_TEXT, "the user's team", .extra = true},
	{"by", "BY", COLUMN_TEXT, "who did it", .extra = true},
	{"gpu_uuid", "GPU-UUID", COLUMN_TEXT, "UUID of the GPU", .extra = true},
	{"profile", "PROFILE", COLUMN_TEXT, "profile of the instance", .extra = true},
	{"start", "AT", COLUMN_NUMBER, "its first placement unit", .extra = true},
	{"uuid", "UUID", COLUMN_TEXT, "UUID of its MIG device", .extra = true},
	{"id", "EVENT", COLUMN_NUMBER, "number of the event", .extra = true},
};

static void ask_add_number(struct text *path, const char *key, bool has_number, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	ask_add(path, key, has_number ? text : NULL);
}

static int log_path(const struct log_wish *wish, struct text *path, struct err *err)
{
	int64_t since_s = 0;
	int r = wish->since ? when_parse(wish->since, clock_now_s(), &since_s, err) : 0;

	if (r)
		return fail_in(err, "--since: ");
	text_add(path, "/v1/events");
	ask_add(path, "user", wish->user);
	ask_add(path, "gpu", wish->gpu);
	ask_add_number(path, "lease", wish->has_lease, wish->lease);
	ask_add_number(path, "since_s", wish->since, since_s);
	ask_add_number(path, "limit", wish->has_limit, wish->limit);
	return text_failed(path) ? fail(err, ERR_NOMEM, "no memory for a request") : 0;
}

static int log_run(struct cmd_call *call, struct err *err)
{
	const struct log_wish *wish = call->wish;
	cleanup(json_decref) json_t *answer = NULL;
	cleanup(text_done) struct text path = TEXT_INIT;
	int r = log_path(wish, &path, err);

	r = r ? r : ask(&wish->common, "GET", text_str(&path), NULL, &answer, err);
	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	return view_print(&wish->common, event_columns, ARRAY_SIZE(event_columns),
			  json_object_get(answer, "events"), err);
}

static void log_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", event_columns, ARRAY_SIZE(event_columns));
}

const struct cmd cmd_log = {
	.name = "log",
	.synopsis = "[--user NAME] [--gpu GPU] [--lease ID] [--since WHEN] [--limit N]",
	.summary = "What happened, and why",
	CMD_OPTS(log_opts),
	.wish_size = sizeof(struct log_wish),
	.more_help = log_help,
	.run = log_run,
};
