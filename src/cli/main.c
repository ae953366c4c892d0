#include <locale.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
	/* Widths of characters only: numbers and words are the same everywhere. */
	setlocale(LC_CTYPE, "");
	return cmd_program_main(cli_cmds, n_cli_cmds, argc, argv);
}
