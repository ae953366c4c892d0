#include "cli/cli.h"

static const struct cmd_opt opts[] = {
	{"socket", OPT_TEXT, offsetof(struct cli_wish, socket), .arg = "PATH",
	 .help = "socket of carved (default: $CARVE_SOCKET)"},
};

const struct cmd_program cmd_program = {
	.name = "carve",
	.summary = "MIG instances of this server's NVIDIA GPUs, by policy",
	.page_each = true,
	CMD_OPTS(opts),
};

const struct cmd *const cli_cmds[] = {
#define X(name) &cmd_##name,
	CLI_CMDS(X)
#undef X
};

const size_t n_cli_cmds = ARRAY_SIZE(cli_cmds);
