#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/view.h"
#include "cli/when.h"

struct reserve_wish {
	struct cli_wish common;
	const char *team, *from, *to, *until, *name, *reason;
	int64_t instances;
	bool weekly;
};

static const struct cmd_opt reserve_opts[] = {
	{"team", OPT_TEXT, offsetof(struct reserve_wish, team), .arg = "TEAM",
	 .help = "whom the places are for", .required = true},
	{"instances", OPT_NUMBER, offsetof(struct reserve_wish, instances), .min = 1, .max = 100000,
	 .arg = "N", .help = "how many places", .required = true},
	{"from", OPT_TEXT, offsetof(struct reserve_wish, from), .arg = "WHEN",
	 .help = "like '2026-12-01 10:00'", .required = true},
	{"to", OPT_TEXT, offsetof(struct reserve_wish, to), .arg = "WHEN",
	 .help = "the same, or a time of the same day, like 12:00", .required = true},
	{"weekly", OPT_FLAG, offsetof(struct reserve_wish, weekly),
	 .help = "every week on that day, at those times of the local clock"},
	{"until", OPT_TEXT, offsetof(struct reserve_wish, until), .arg = "WHEN",
	 .help = "with --weekly: none begins after"},
	{"name", OPT_TEXT, offsetof(struct reserve_wish, name), .arg = "NAME",
	 .help = "what people call it (default: the team)"},
	{"reason", OPT_TEXT, offsetof(struct reserve_wish, reason), .arg = "TEXT",
	 .help = "what for"},
	CLI_JSON,
};

static int parse_when(const char *option, const char *typed, int64_t *ret_s, struct err *err)
{
	int r = when_parse(typed, clock_now_s(), ret_s, err);

	if (!r && strchr(typed, '-'))
		return 0;
	fail(err, ERR_INVALID, "%s '%.40s' is not a day with a time", option, typed);
	return fail_hint(err, "write it like '2026-12-01 10:00'");
}

/* "12:00" is on the day of --from. */
static int parse_to(const struct reserve_wish *wish, int64_t *ret_s, struct err *err)
{
	char day[80];

	if (strchr(wish->to, '-') || strlen(wish->from) < strlen("2026-12-01") ||
	    strlen(wish->to) > 8)
		return parse_when("--to", wish->to, ret_s, err);
	snprintf(day, sizeof(day), "%.10s %s", wish->from, wish->to);
	return parse_when("--to", day, ret_s, err);
}

static int reserve_run(struct cmd_call *call, struct err *err)
{
	const struct reserve_wish *wish = call->wish;
	cleanup(json_decref) json_t *body = NULL, *answer = NULL;
	int64_t from_s, to_s, until_s = 0;
	int r = parse_when("--from", wish->from, &from_s, err);

	r = r ? r : parse_to(wish, &to_s, err);
	r = r || !wish->until ? r : parse_when("--until", wish->until, &until_s, err);
	if (r)
		return r;
	body = json_pack("{s:s, s:s, s:I, s:I, s:I, s:b, s:s*, s:s*}", "class", call->args[0], "team",
			 wish->team, "instances", (json_int_t)wish->instances, "begins_s",
			 (json_int_t)from_s, "ends_s", (json_int_t)to_s, "weekly", wish->weekly,
			 "name", wish->name, "reason", wish->reason);
	if (!body)
		return fail(err, ERR_INVALID, "names and reason must be UTF-8");
	if (wish->until)
		json_object_set_new(body, "until_s", json_integer(until_s));
	r = ask(&wish->common, "POST", "/v1/reservations", body, &answer, err);
	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	printf("reservation %" PRId64 " is made\n",
	       (int64_t)json_integer_value(json_object_get(answer, "id")));
	if (json_integer_value(json_object_get(answer, "missing")) > 0)
		printf("%" PRId64 " of its places are held by others beyond its beginning\n",
		       (int64_t)json_integer_value(json_object_get(answer, "missing")));
	return 0;
}

const struct cmd cmd_reserve = {
	.name = "reserve",
	.synopsis = "CLASS --team TEAM --instances N --from WHEN --to WHEN [--weekly [--until WHEN]]",
	.summary = "Keep places for a team",
	CMD_OPTS(reserve_opts),
	.wish_size = sizeof(struct reserve_wish),
	.min_args = 1,
	.max_args = 1,
	.run = reserve_run,
};
