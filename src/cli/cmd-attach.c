#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/proc.h"
#include "base/sizes.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/lease.h"
#include "cli/tree.h"

struct attach_wish {
	struct cli_wish common;
	bool tree;
};

static const struct cmd_opt attach_opts[] = {
	{"tree", OPT_FLAG, offsetof(struct attach_wish, tree),
	 .help = "and all that it started and that still runs"},
	CLI_JSON,
};

static int attach_one(struct client *client, int64_t lease, pid_t pid, json_t **ret,
		      struct err *err)
{
	uint64_t start;

	if (!proc_start_time(pid, &start))
		return fail(err, ERR_STALE, "there is no process %d", (int)pid);
	json_decref(*ret);
	*ret = NULL;
	return lease_attach(client, lease, pid, start, -1, ret, err);
}

/* Children that are born meanwhile are in the group already, or are found by the next look. */
static int attach_tree(struct client *client, int64_t lease, pid_t root, json_t **ret,
		       struct err *err)
{
	cleanup(tree_done) struct tree tree = {0};
	size_t done = 0;

	while (!tree_look(&tree, root, err) && done < tree.n)
		for (; done < tree.n; done++) {
			int r = attach_one(client, lease, tree.pids[done], ret, err);

			if (r && r != -ERR_STALE)
				return r;
		}
	return tree.n == done ? 0 : -(int)err->code;
}

static int attach_run(struct cmd_call *call, struct err *err)
{
	const struct attach_wish *wish = call->wish;
	cleanup(client_close) struct client *client = NULL;
	cleanup(json_decref) json_t *lease = NULL;
	int64_t id, pid;
	int r = ask_lease_id(call->args[0], &id, err);

	r = r ? r : number_parse(call->args[1], "a process", 1, INT32_MAX, &pid, err);
	r = r ? r : client_open(wish->common.socket, &client, err);
	r = r ? r : attach_one(client, id, (pid_t)pid, &lease, err);
	if (!r && wish->tree)
		r = attach_tree(client, id, (pid_t)pid, &lease, err);
	return r ? r : lease_print(&wish->common, lease, err);
}

const struct cmd cmd_attach = {
	.name = "attach",
	.synopsis = "LEASE PID [--tree]",
	.summary = "Put a running process into a lease's control group",
	CMD_OPTS(attach_opts),
	.wish_size = sizeof(struct attach_wish),
	.min_args = 2,
	.max_args = 2,
	.run = attach_run,
};
