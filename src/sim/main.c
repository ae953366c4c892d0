#include "base/array.h"
#include "sim/cmds.h"

static const struct cmd *const cmds[] = {
#define X(name) &cmd_##name,
	CMDS(X)
#undef X
	&cmd_keep_view,
};

int main(int argc, char **argv)
{
	return cmd_program_main(cmds, ARRAY_SIZE(cmds), argc, argv);
}
