/*
 * policy-diff.h - carve policy diff: what another policy would change
 */
#pragma once

#include "cli/cli.h"

/* old: NULL, the one in force. err: those of the files, of the daemon, TOO_LARGE */
int policy_diff_print(const struct cli_wish *wish, const char *old, const char *new_,
		      struct err *err);
