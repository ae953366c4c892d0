/*
 * catalogue.h - the boards carve was built with, as JSON
 *
 * Memory is in bytes. What the catalogue does not know is null; figures that
 * exist for the simulator only are not told.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "facts/board.h"

/* NULL when memory runs out, as all jansson's makers. */
json_t *catalogue_board(const struct board *board);
json_t *catalogue_profile(const struct board *board, const struct profile *profile);

/* The board with that id. err: NOT_FOUND, with those that may have been meant. */
int catalogue_find(const char *typed, const struct board **ret, struct err *err);
