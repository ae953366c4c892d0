#include "cli/answer.h"

static int approve_run(struct cmd_call *call, struct err *err)
{
	return answer_run(call, "approve", err);
}

const struct cmd cmd_approve = {
	.name = "approve",
	.synopsis = "ID --reason TEXT",
	.summary = "Approve a request",
	.opts = answer_opts,
	.n_opts = ANSWER_N_OPTS,
	.wish_size = sizeof(struct answer_wish),
	.min_args = 1,
	.max_args = 1,
	.run = approve_run,
};
