#include <string.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/view.h"

struct leases_wish {
	struct cli_wish common;
	bool all, waiting_approval;
	const char *user, *class_name;
};

static const struct cmd_opt leases_opts[] = {
	{"all", OPT_FLAG, offsetof(struct leases_wish, all), .help = "also those that are over"},
	{"waiting-approval", OPT_FLAG, offsetof(struct leases_wish, waiting_approval),
	 .help = "only requests that somebody must approve"},
	{"user", OPT_TEXT, offsetof(struct leases_wish, user), .arg = "NAME",
	 .help = "only this user's"},
	{"class", OPT_TEXT, offsetof(struct leases_wish, class_name), .arg = "NAME",
	 .help = "only of this class"},
	CLI_TABLE,
};

static const struct column lease_columns[] = {
	{"id", "LEASE", COLUMN_NUMBER, "its number"},
	{"state", "STATE", COLUMN_TEXT,
	 "requested, queued, granting, active, expiring, ending or ended", .at = "shown"},
	{"user", "USER", COLUMN_TEXT, "whose it is"},
	{"team", "TEAM", COLUMN_TEXT, "the team it counts for"},
	{"class", "CLASS", COLUMN_TEXT, "what was asked for"},
	{"gpu", "GPU", COLUMN_NUMBER, "index of the GPU", .at = "instance.gpu_index"},
	{"profile", "PROFILE", COLUMN_TEXT, "profile of the instance", .at = "instance.profile"},
	{"left", "LEFT", COLUMN_LEFT, "time until it ends", .at = "until_s"},
	{"reason", "REASON", COLUMN_TEXT, "what for"},
	{"position", "PLACE", COLUMN_NUMBER, "place in the queue", .extra = true},
	{"estimate", "IN", COLUMN_LEFT, "time until there is probably room", .at = "estimate_s",
	 .extra = true},
	{"requested_s", "REQUESTED", COLUMN_WHEN, "when it was asked for", .extra = true},
	{"granted_s", "GRANTED", COLUMN_WHEN, "when it was granted", .extra = true},
	{"ends_s", "ENDS", COLUMN_WHEN, "when it ends", .extra = true},
	{"ended_s", "ENDED", COLUMN_WHEN, "when it ended", .extra = true},
	{"time_s", "TIME", COLUMN_SPAN, "how long it was granted for", .extra = true},
	{"why_ended", "WHY", COLUMN_TEXT, "why it ended", .extra = true},
	{"exit_status", "EXIT", COLUMN_NUMBER, "of the command of carve run", .extra = true},
	{"rule", "RULE", COLUMN_TEXT, "the rule that allowed it", .extra = true},
	{"pid", "PID", COLUMN_NUMBER, "the process it lives with", .extra = true},
	{"start", "AT", COLUMN_NUMBER, "first unit of the instance", .at = "instance.start",
	 .extra = true},
	{"slices", "SLICES", COLUMN_NUMBER, "compute slices of the instance",
	 .at = "instance.slices", .extra = true},
	{"memory", "MEMORY", COLUMN_SIZE, "memory of the instance", .at = "instance.memory_bytes",
	 .extra = true},
	{"fields", "FIELDS", COLUMN_TEXT, "free fields, name=value", .at = "fields_text",
	 .extra = true},
	{"approval", "APPROVAL", COLUMN_TEXT, "waiting, approved, denied or unanswered",
	 .at = "approval.state", .extra = true},
	{"approver", "APPROVER", COLUMN_TEXT, "who answered the request", .at = "approval.by",
	 .extra = true},
	{"renewals", "RENEWALS", COLUMN_NUMBER, "how often it was renewed", .extra = true},
	{"cpus", "CPUS", COLUMN_REAL, "CPUs that go with it", .at = "bundle.cpus", .extra = true},
	{"host_memory", "HOST-MEMORY", COLUMN_SIZE, "host memory that goes with it",
	 .at = "bundle.memory_bytes", .extra = true},
	{"uuid", "UUID", COLUMN_TEXT, "UUID of its MIG device", .at = "instance.uuid",
	 .extra = true},
};

static void add_fields_text(json_t *lease)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(lease, "fields"), key, value)
		text_addf(&text, "%s%s=%s", text.len ? " " : "", key,
			  json_is_string(value) ? json_string_value(value) : "");
	if (text.len)
		json_object_set_new(lease, "fields_text", json_string(text_str(&text)));
}

/* What has ended has no time left, although ends_s may still be to come. */
static void add_until(json_t *leases)
{
	json_t *lease;
	size_t i;

	json_array_foreach(leases, i, lease) {
		const char *state = json_string_value(json_object_get(lease, "state"));

		json_object_set_new(
			lease, "shown",
			json_is_true(json_object_get(lease, "expiring"))
				? json_string("expiring")
				: json_incref(json_object_get(lease, "state")));
		add_fields_text(lease);

		if (state && strcmp(state, "ended"))
			json_object_set(lease, "until_s", json_object_get(lease, "ends_s"));
	}
}

static int leases_run(struct cmd_call *call, struct err *err)
{
	const struct leases_wish *wish = call->wish;
	cleanup(json_decref) json_t *answer = NULL;
	cleanup(text_done) struct text path = TEXT_INIT;
	int r;

	text_add(&path, "/v1/leases");
	ask_add(&path, "all", wish->all ? "1" : NULL);
	ask_add(&path, "waiting_approval", wish->waiting_approval ? "1" : NULL);
	ask_add(&path, "user", wish->user);
	ask_add(&path, "class", wish->class_name);
	if (text_failed(&path))
		return fail(err, ERR_NOMEM, "no memory for a request");
	r = ask(&wish->common, "GET", text_str(&path), NULL, &answer, err);
	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	add_until(json_object_get(answer, "leases"));
	return view_print(&wish->common, lease_columns, ARRAY_SIZE(lease_columns),
			  json_object_get(answer, "leases"), err);
}

static void leases_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", lease_columns, ARRAY_SIZE(lease_columns));
}

const struct cmd cmd_leases = {
	.name = "leases",
	.synopsis = "[--all] [--waiting-approval] [--user NAME] [--class NAME]",
	.summary = "Who holds what, and who waits",
	CMD_OPTS(leases_opts),
	.wish_size = sizeof(struct leases_wish),
	.more_help = leases_help,
	.run = leases_run,
};
