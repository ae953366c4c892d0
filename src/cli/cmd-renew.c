#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/lease.h"

struct renew_wish {
	struct cli_wish common;
	int64_t time_s;
};

static const struct cmd_opt renew_opts[] = {
	{"time", OPT_DURATION, offsetof(struct renew_wish, time_s), .arg = "TIME",
	 .help = "how long from now, like 4h", .required = true},
	CLI_JSON,
};

static int renew_run(struct cmd_call *call, struct err *err)
{
	const struct renew_wish *wish = call->wish;
	cleanup(json_decref) json_t *body = json_pack("{s:I}", "time_s", wish->time_s);
	cleanup(json_decref) json_t *lease = NULL;
	char path[64];
	int64_t id;
	int r = ask_lease_id(call->args[0], &id, err);

	if (r)
		return r;
	snprintf(path, sizeof(path), "/v1/leases/%" PRId64 "/renew", id);
	r = ask(&wish->common, "POST", path, body, &lease, err);
	return r ? r : lease_print(&wish->common, lease, err);
}

const struct cmd cmd_renew = {
	.name = "renew",
	.synopsis = "ID --time TIME",
	.summary = "Keep a lease longer",
	CMD_OPTS(renew_opts),
	.wish_size = sizeof(struct renew_wish),
	.min_args = 1,
	.max_args = 1,
	.run = renew_run,
};
