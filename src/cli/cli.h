/*
 * cli.h - what the commands of carve share: their table, their options
 *
 * One command is one file cmd-NAME.c. Commands do not format: they hand rows,
 * as the daemon's JSON, and a table of columns to view.h.
 */
#pragma once

#include "base/cmd.h"

/* In the order of help. */
/* clang-format off */
#define CLI_CMDS(X)                                   \
	X(status) X(gpus) X(classes)                  \
	X(check)                                      \
	X(lease) X(run) X(leases) X(renew) X(release) \
	X(approve) X(deny)                            \
	X(reservations) X(reserve) X(unreserve)       \
	X(log) X(audit) X(usage)                      \
	X(attach) X(cdi)                              \
	X(boards) X(profiles) X(policy)               \
	X(layout) X(plan) X(drain) X(undrain) X(size) X(simulate) \
	X(completion)
/* clang-format on */

#define X(name) extern const struct cmd cmd_##name;
CLI_CMDS(X)
#undef X

extern const struct cmd *const cli_cmds[];
extern const size_t n_cli_cmds;

/* What every wish of carve begins with. */
struct cli_wish {
	const char *socket; /* NULL: the usual one */
	bool json;
	const char *columns; /* names; NULL: the usual ones */
	bool no_heading;
};

/* Options for commands whose wish begins with `struct cli_wish common`. */
#define CLI_JSON                                                                                   \
	{                                                                                          \
		"json", OPT_FLAG, offsetof(struct cli_wish, json),                                 \
			.help = "print JSON, the same on a terminal and off it"                    \
	}
#define CLI_TABLE                                                                                  \
	CLI_JSON,                                                                                  \
		{"columns", OPT_TEXT, offsetof(struct cli_wish, columns), .arg = "NAME,...",       \
		 .help = "these columns in this order"},                                           \
	{                                                                                          \
		"no-heading", OPT_FLAG, offsetof(struct cli_wish, no_heading),                     \
			.help = "leave the line of headings out"                                   \
	}
