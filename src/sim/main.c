#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "sim/cmds.h"

static const struct cmd *const cmds[] = {
#define X(name) &cmd_##name,
	CMDS(X)
#undef X
};

static int help_main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	const struct cmd *cmd;

	if (argc < 2) {
		cmd_list(cmds, ARRAY_SIZE(cmds));
		return 0;
	}
	cmd = cmd_find(cmds, ARRAY_SIZE(cmds), argv[1], &err);
	if (!cmd)
		return cmd_complain(&err);
	cmd_help(cmd);
	return 0;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return !strcmp(word, a) || !strcmp(word, b) || !strcmp(word, c);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	const struct cmd *cmd;

	if (argc < 2) {
		cmd_list(cmds, ARRAY_SIZE(cmds));
		return err_exit_status(ERR_INVALID);
	}
	if (is_one_of(argv[1], "help", "--help", "-h"))
		return help_main(argc - 1, argv + 1);
	if (is_one_of(argv[1], "version", "--version", "-V")) {
		printf("carve-sim %s\n", CARVE_VERSION);
		return 0;
	}
	if (!strcmp(argv[1], cmd_keep_view.name))
		return cmd_main(&cmd_keep_view, argc - 1, argv + 1);
	cmd = cmd_find(cmds, ARRAY_SIZE(cmds), argv[1], &err);
	return cmd ? cmd_main(cmd, argc - 1, argv + 1) : cmd_complain(&err);
}
