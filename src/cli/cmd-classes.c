#include <stdio.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/view.h"

struct classes_wish {
	struct cli_wish common;
};

static const struct cmd_opt classes_opts[] = {CLI_TABLE};

static const struct column class_columns[] = {
	{"name", "CLASS", COLUMN_TEXT, "what to ask for"},
	{"memory_bytes", "MEMORY", COLUMN_SIZE, "memory of an instance, at least"},
	{"free", "FREE", COLUMN_NUMBER, "how many could be granted now, quotas aside"},
	{"ready", "READY", COLUMN_NUMBER, "how many of these exist already", .extra = true},
	{"held", "HELD", COLUMN_NUMBER, "how many are held"},
	{"queued", "QUEUED", COLUMN_NUMBER, "how many requests wait"},
	{"next", "NEXT", COLUMN_LEFT, "time until the next frees, if none is free",
	 .at = "next_free_s"},
	{"next_free_lease", "NEXT-LEASE", COLUMN_NUMBER, "the lease that frees it", .extra = true},
	{"time_s", "DEFAULT", COLUMN_SPAN, "how long a lease lasts unless told otherwise"},
	{"max_time_s", "LONGEST", COLUMN_SPAN, "how long it lasts at most"},
	{"may", "MAY", COLUMN_FLAG, "whether the rules allow it to you"},
	{"restricted", "RESTRICTED", COLUMN_FLAG, "only for those on its list", .extra = true},
	{"description", "DESCRIPTION", COLUMN_TEXT, "what it is good for", .extra = true},
	{"profiles", "PROFILES", COLUMN_LIST, "profiles that serve it, best first"},
};

/* Why what may not be had may not be had. */
static void print_reasons(const json_t *classes)
{
	const json_t *row;
	size_t i;

	json_array_foreach(classes, i, row) {
		cleanup(text_done) struct text text = TEXT_INIT;
		const json_t *why = json_object_get(row, "why_not");

		if (!json_is_string(why))
			continue;
		view_value(COLUMN_TEXT, json_object_get(row, "name"), 0, &text);
		text_add(&text, ": ");
		view_value(COLUMN_TEXT, why, 0, &text);
		printf("%s\n", text_str(&text));
	}
}

static int classes_run(struct cmd_call *call, struct err *err)
{
	const struct classes_wish *wish = call->wish;
	cleanup(json_decref) json_t *answer = NULL;
	int r = ask(&wish->common, "GET", "/v1/classes", NULL, &answer, err);

	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	r = view_print(&wish->common, class_columns, ARRAY_SIZE(class_columns),
		       json_object_get(answer, "classes"), err);
	if (!r && !wish->common.columns && !wish->common.no_heading)
		print_reasons(json_object_get(answer, "classes"));
	return r;
}

static void classes_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", class_columns, ARRAY_SIZE(class_columns));
}

const struct cmd cmd_classes = {
	.name = "classes",
	.synopsis = "",
	.summary = "What can be asked for",
	CMD_OPTS(classes_opts),
	.wish_size = sizeof(struct classes_wish),
	.more_help = classes_help,
	.run = classes_run,
};
