#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/lease.h"
#include "cli/signals.h"

struct lease_cmd_wish {
	struct cli_wish common;
	const char *reason;
	bool has_time, wait;
	int64_t time_s;
};

static const struct cmd_opt lease_opts[] = {
	{"reason", OPT_TEXT, offsetof(struct lease_cmd_wish, reason), .arg = "TEXT",
	 .help = "what for"},
	{"time", OPT_DURATION, offsetof(struct lease_cmd_wish, time_s),
	 offsetof(struct lease_cmd_wish, has_time), .arg = "TIME",
	 .help = "how long, like 4h (default: that of the class)"},
	{"wait", OPT_FLAG, offsetof(struct lease_cmd_wish, wait),
	 .help = "wait in the queue when there is no room"},
	CLI_JSON,
};

/* A shell can read all of it: but for the export, comments. */
static int print_for_shell(const json_t *lease, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	const char *uuid;
	int r = lease_device(lease, &uuid, err);

	if (r)
		return r;
	lease_describe(lease, &text);
	printf("# %s\n", text_str(&text));
	printf("export CUDA_VISIBLE_DEVICES=%s\n", uuid);
	printf("# give it back: carve release %" PRId64 "\n", lease_id(lease));
	return 0;
}

static int lease_run(struct cmd_call *call, struct err *err)
{
	const struct lease_cmd_wish *wish = call->wish;
	const struct lease_wish asked = {call->args[0], wish->reason, wish->has_time,
					 wish->time_s,	wish->wait,   false};
	cleanup(client_close) struct client *client = NULL;
	cleanup(signals_close) struct signals signals = SIGNALS_NONE;
	cleanup(json_decref) json_t *lease = NULL;
	int r = client_open(wish->common.socket, &client, err);

	r = r ? r : signals_open(&signals, err);
	r = r ? r : lease_obtain(client, &asked, &signals, &lease, err);
	if (r)
		return r;
	return wish->common.json ? ask_print_json(lease, err) : print_for_shell(lease, err);
}

const struct cmd cmd_lease = {
	.name = "lease",
	.synopsis = "CLASS --reason TEXT [--time TIME] [--wait]",
	.summary = "Ask for an instance",
	CMD_OPTS(lease_opts),
	.wish_size = sizeof(struct lease_cmd_wish),
	.min_args = 1,
	.max_args = 1,
	.run = lease_run,
};
