#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool terminal_moves(int fd)
{
	const char *terminal = getenv("TERM");

	return isatty(fd) && terminal && strcmp(terminal, "dumb");
}

bool terminal_colours(int fd)
{
	const char *no_colour = getenv("NO_COLOR");

	return terminal_moves(fd) && !(no_colour && no_colour[0]);
}
