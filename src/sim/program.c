#include "sim/cmd.h"

static const struct cmd_opt opts[] = {
	{"dir", OPT_TEXT, offsetof(struct cmd_wish, dir), .arg = "DIR",
	 .help = "folder of the world (default: $CARVE_SIM)"},
};

const struct cmd_program cmd_program = {
	.name = "carve-sim",
	.summary = "a GPU server in a box: simulated NVIDIA boards for unmodified programs",
	CMD_OPTS(opts),
};
