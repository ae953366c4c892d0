#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/view.h"

struct usage_wish {
	struct cli_wish common;
	const char *by, *since, *until, *format;
};

static const struct usage_wish defaults = {.by = "team", .since = "30d"};

static const struct cmd_opt usage_opts[] = {
	{"by", OPT_TEXT, offsetof(struct usage_wish, by), .arg = "KEY",
	 .help = "team (default), user, class, profile, project or gpu"},
	{"since", OPT_TEXT, offsetof(struct usage_wish, since), .arg = "WHEN",
	 .help = "from then on: 7d, 2025-11-24 (default: 30d)"},
	{"until", OPT_TEXT, offsetof(struct usage_wish, until), .arg = "WHEN",
	 .help = "until then (default: now)"},
	{"format", OPT_TEXT, offsetof(struct usage_wish, format), .arg = "FORMAT",
	 .help = "table (default), csv or json"},
	CLI_TABLE,
};

static const struct column columns[] = {
	{"key", "KEY", COLUMN_TEXT, "what --by says"},
	{"leases", "LEASES", COLUMN_NUMBER, "that were held in this time"},
	{"hours", "HOURS", COLUMN_REAL, "for how long, added up"},
	{"slice_hours", "SLICE-HOURS", COLUMN_REAL, "hours times compute slices"},
	{"gpu_hours", "GPU-HOURS", COLUMN_REAL, "hours times the part of a GPU it is"},
	{"used_gpu_hours", "USED", COLUMN_REAL, "of these in use; not measured yet"},
	{"cost", "COST", COLUMN_MONEY, "what the policy's price makes of it"},
};

/* Hours beside the seconds that the daemon told. */
static void add_hours(json_t *row)
{
	static const char *const names[][2] = {{"held_s", "hours"},
					       {"slice_s", "slice_hours"},
					       {"gpu_s", "gpu_hours"},
					       {"used_gpu_s", "used_gpu_hours"}};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const json_t *seconds = json_object_get(row, names[i][0]);

		if (json_is_number(seconds))
			json_object_set_new(row, names[i][1],
					    json_real(json_number_value(seconds) / 3600));
	}
}

static double weight(const json_t *row)
{
	return json_number_value(json_object_get(row, "gpu_s"));
}

/* Who held most comes first. */
static json_t *sorted(const json_t *rows)
{
	json_t *ret = json_array(), *row;
	size_t i;

	json_array_foreach((json_t *)rows, i, row) {
		size_t at = json_array_size(ret);

		while (at && weight(json_array_get(ret, at - 1)) < weight(row))
			at--;
		add_hours(row);
		json_array_insert(ret, at, row);
	}
	return ret;
}

/* "TEAM" for "team". */
static void head_of(const json_t *answer, char *ret, size_t size)
{
	const char *by = json_string_value(json_object_get(answer, "by"));

	snprintf(ret, size, "%s", by ? by : "key");
	for (; *ret; ret++)
		*ret = (char)toupper((unsigned char)*ret);
}

static int print_table(const struct usage_wish *wish, const json_t *answer, json_t *rows,
		       struct err *err)
{
	json_t *total = json_object_get(answer, "total");
	const char *currency = json_string_value(json_object_get(answer, "currency"));
	cleanup(text_done) struct text safe = TEXT_INIT;
	struct column shown[ARRAY_SIZE(columns)];
	char head[16];
	int r;

	head_of(answer, head, sizeof(head));
	memcpy(shown, columns, sizeof(shown));
	shown[0].head = head;
	add_hours(total);
	json_object_set_new(total, "key", json_string("total"));
	json_array_append(rows, total);
	r = view_print(&wish->common, shown, ARRAY_SIZE(shown), rows, err);
	if (r || !currency)
		return r;
	text_add_printable(&safe, currency);
	printf("cost in %s, %.2f for an hour of a whole GPU\n", text_str(&safe),
	       json_number_value(json_object_get(answer, "per_gpu_hour")));
	return 0;
}

static int usage_path(const struct usage_wish *wish, struct text *path, struct err *err)
{
	int r;

	text_add(path, "/v1/usage");
	ask_add(path, "by", wish->by);
	r = ask_add_moment(path, "since_s", wish->since, "--since", err);
	r = r ? r : ask_add_moment(path, "until_s", wish->until, "--until", err);
	return !r && text_failed(path) ? fail(err, ERR_NOMEM, "no memory for a request") : r;
}

static int usage_run(struct cmd_call *call, struct err *err)
{
	const struct usage_wish *wish = call->wish;
	cleanup(json_decref) json_t *answer = NULL;
	cleanup(json_decref) json_t *rows = NULL;
	cleanup(text_done) struct text path = TEXT_INIT;
	enum view_format format;
	int r = view_format(&wish->common, wish->format, &format, err);

	r = r ? r : usage_path(wish, &path, err);
	r = r ? r : ask(&wish->common, "GET", text_str(&path), NULL, &answer, err);
	if (r)
		return r;
	if (format == FORMAT_JSON)
		return ask_print_json(answer, err);
	rows = sorted(json_object_get(answer, "rows"));
	if (format == FORMAT_CSV)
		return view_csv(&wish->common, columns, ARRAY_SIZE(columns),
				!wish->common.no_heading, rows, err);
	return print_table(wish, answer, rows, err);
}

static void usage_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", columns, ARRAY_SIZE(columns));
}

const struct cmd cmd_usage = {
	.name = "usage",
	.synopsis = "[--by KEY] [--since WHEN] [--until WHEN] [--format FORMAT]",
	.summary = "How much was held, by whom, and what it would cost",
	CMD_OPTS(usage_opts),
	.defaults = &defaults,
	.wish_size = sizeof(struct usage_wish),
	.more_help = usage_help,
	.run = usage_run,
};
