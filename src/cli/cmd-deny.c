#include "cli/answer.h"

static int deny_run(struct cmd_call *call, struct err *err)
{
	return answer_run(call, "deny", err);
}

const struct cmd cmd_deny = {
	.name = "deny",
	.synopsis = "ID --reason TEXT",
	.summary = "Deny a request",
	.opts = answer_opts,
	.n_opts = ANSWER_N_OPTS,
	.wish_size = sizeof(struct answer_wish),
	.min_args = 1,
	.max_args = 1,
	.run = deny_run,
};
