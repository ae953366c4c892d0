/*
 * audit-rows.h - the rows of /v1/audit, page by page, leases and refusals in the order of time
 */
#pragma once

#include <jansson.h>

#include "cli/cli.h"

struct audit_wish {
	struct cli_wish common;
	const char *since, *until, *user, *class_name, *format, *file;
	struct cmd_list heads;
};

/*
 * Call fn with some rows at a time (an array), in the order in which they were asked for; at least
 * once. err: that of the daemon, what fn fails with.
 */
int audit_rows(const struct audit_wish *wish, int (*fn)(const json_t *rows, void *arg, struct err *err),
	       void *arg, struct err *err);
