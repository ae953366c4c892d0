#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/lease.h"
#include "cli/view.h"

struct cdi_wish {
	struct cli_wish common;
};

static const struct cmd_opt cdi_opts[] = {CLI_JSON};

static int cdi_run(struct cmd_call *call, struct err *err)
{
	const struct cdi_wish *wish = call->wish;
	cleanup(client_close) struct client *client = NULL;
	cleanup(json_decref) json_t *lease = NULL;
	const char *name;
	int64_t id;
	int r = ask_lease_id(call->args[0], &id, err);

	r = r ? r : client_open(wish->common.socket, &client, err);
	r = r ? r : lease_describe_device(client, id, &lease, &name, err);
	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(lease, err);
	printf("%s\n", name);
	return 0;
}

const struct cmd cmd_cdi = {
	.name = "cdi",
	.synopsis = "LEASE",
	.summary = "Describe a lease's device for podman and docker",
	CMD_OPTS(cdi_opts),
	.wish_size = sizeof(struct cdi_wish),
	.min_args = 1,
	.max_args = 1,
	.run = cdi_run,
};
