/*
 * cmds.h - every command of carve-sim, in the order of help
 */
#pragma once

#include "facts/board.h"
#include "sim/cmd.h"

#define CMDS(X)                                                                                    \
	X(up)                                                                                      \
	X(down) X(show) X(boards) X(run) X(shell) X(env) X(load) X(replay) X(reboot) X(reset)      \
		X(check) X(latency) X(fault)

#define X(name) extern const struct cmd cmd_##name;
CMDS(X)
#undef X

extern const struct cmd cmd_keep_view; /* not for people: jail.h */

/* Enough is known to simulate it. */
bool board_is_complete(const struct board *board);
