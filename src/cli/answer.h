/*
 * answer.h - approving and denying differ in one word
 */
#pragma once

#include "cli/cli.h"

struct answer_wish {
	struct cli_wish common;
	const char *reason;
};

extern const struct cmd_opt answer_opts[];
#define ANSWER_N_OPTS 2

/* POST /v1/leases/ID/VERB with the reason. */
int answer_run(struct cmd_call *call, const char *verb, struct err *err);
