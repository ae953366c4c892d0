/*
 * terminal.h - what may be written to a terminal besides text
 */
#pragma once

#include <stdbool.h>

/* A terminal that can move its cursor: lines may be rewritten. */
bool terminal_moves(int fd);

/* The same, and its user has not said NO_COLOR. */
bool terminal_colours(int fd);
