#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/sizes.h"
#include "cli/ask.h"
#include "cli/cli.h"

struct unreserve_wish {
	struct cli_wish common;
};

static const struct cmd_opt unreserve_opts[] = {CLI_JSON};

static int unreserve_run(struct cmd_call *call, struct err *err)
{
	const struct unreserve_wish *wish = call->wish;
	cleanup(json_decref) json_t *answer = NULL;
	char path[64];
	int64_t id;
	int r = number_parse(call->args[0], "reservation", 1, INT64_MAX, &id, err);

	if (r)
		return fail_hint(err, "its number is in the first column of: carve reservations");
	snprintf(path, sizeof(path), "/v1/reservations/%" PRId64, id);
	r = ask(&wish->common, "DELETE", path, NULL, &answer, err);
	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	printf("reservation %" PRId64 " is taken back\n", id);
	return 0;
}

const struct cmd cmd_unreserve = {
	.name = "unreserve",
	.synopsis = "ID",
	.summary = "Take a reservation back",
	CMD_OPTS(unreserve_opts),
	.wish_size = sizeof(struct unreserve_wish),
	.min_args = 1,
	.max_args = 1,
	.run = unreserve_run,
};
