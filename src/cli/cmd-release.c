#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/lease.h"

struct release_wish {
	struct cli_wish common;
	const char *reason;
};

static const struct cmd_opt release_opts[] = {
	{"reason", OPT_TEXT, offsetof(struct release_wish, reason), .arg = "TEXT",
	 .help = "why; kept in the ledger"},
	CLI_JSON,
};

static int release_run(struct cmd_call *call, struct err *err)
{
	const struct release_wish *wish = call->wish;
	cleanup(client_close) struct client *client = NULL;
	cleanup(json_decref) json_t *lease = NULL;
	int64_t id;
	int r = ask_lease_id(call->args[0], &id, err);

	r = r ? r : client_open(wish->common.socket, &client, err);
	r = r ? r : lease_give_back(client, id, -1, wish->reason, &lease, err);
	return r ? r : lease_print(&wish->common, lease, err);
}

const struct cmd cmd_release = {
	.name = "release",
	.synopsis = "ID [--reason TEXT]",
	.summary = "Give a lease back, or leave the queue",
	CMD_OPTS(release_opts),
	.wish_size = sizeof(struct release_wish),
	.min_args = 1,
	.max_args = 1,
	.run = release_run,
};
