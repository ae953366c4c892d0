#include "cli/answer.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/lease.h"

const struct cmd_opt answer_opts[ANSWER_N_OPTS] = {
	{"reason", OPT_TEXT, offsetof(struct answer_wish, reason), .arg = "TEXT",
	 .help = "why; kept in the ledger and shown to who asked", .required = true},
	CLI_JSON,
};

int answer_run(struct cmd_call *call, const char *verb, struct err *err)
{
	const struct answer_wish *wish = call->wish;
	cleanup(json_decref) json_t *body = json_pack("{s:s}", "reason", wish->reason);
	cleanup(json_decref) json_t *lease = NULL;
	char path[64];
	int64_t id;
	int r = ask_lease_id(call->args[0], &id, err);

	if (r)
		return r;
	if (!body)
		return fail(err, ERR_INVALID, "a reason must be UTF-8");
	snprintf(path, sizeof(path), "/v1/leases/%" PRId64 "/%s", id, verb);
	r = ask(&wish->common, "POST", path, body, &lease, err);
	return r ? r : lease_print(&wish->common, lease, err);
}
