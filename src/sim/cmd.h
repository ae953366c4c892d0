#pragma once

#include "base/cmd.h"

/* What every wish of carve-sim begins with. */
struct cmd_wish {
	const char *dir;
};
