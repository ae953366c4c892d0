#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/view.h"

struct reservations_wish {
	struct cli_wish common;
};

static const struct cmd_opt reservations_opts[] = {CLI_TABLE};

static const struct column columns[] = {
	{"id", "ID", COLUMN_NUMBER, "its number; none: of the policy file"},
	{"name", "NAME", COLUMN_TEXT, "its name"},
	{"team", "TEAM", COLUMN_TEXT, "whom the places are for"},
	{"class", "CLASS", COLUMN_TEXT, "of which class"},
	{"instances", "PLACES", COLUMN_NUMBER, "how many"},
	{"when", "WHEN", COLUMN_TEXT, "once or weekly, local time"},
	{"begins_s", "NEXT", COLUMN_WHEN, "when it begins next, or began if it is on"},
	{"ends_s", "ENDS", COLUMN_WHEN, "when that ends", .extra = true},
	{"taken", "TAKEN", COLUMN_NUMBER, "places that the team has taken for then"},
	{"missing", "MISSING", COLUMN_NUMBER, "places that there will not be: others hold them"},
	{"by", "BY", COLUMN_TEXT, "who made it", .extra = true},
	{"reason", "REASON", COLUMN_TEXT, "what for", .extra = true},
};

static int reservations_run(struct cmd_call *call, struct err *err)
{
	const struct reservations_wish *wish = call->wish;
	cleanup(json_decref) json_t *answer = NULL;
	int r = ask(&wish->common, "GET", "/v1/reservations", NULL, &answer, err);

	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	return view_print(&wish->common, columns, ARRAY_SIZE(columns),
			  json_object_get(answer, "reservations"), err);
}

static void reservations_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", columns, ARRAY_SIZE(columns));
}

const struct cmd cmd_reservations = {
	.name = "reservations",
	.synopsis = "",
	.summary = "Places that are kept for a team",
	CMD_OPTS(reservations_opts),
	.wish_size = sizeof(struct reservations_wish),
	.more_help = reservations_help,
	.run = reservations_run,
};
