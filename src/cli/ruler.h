/*
 * ruler.h - a GPU of carve-api(7) drawn as a ruler of its units
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/text.h"

/*
 * "[1g ann ][1g  -  ][2g bob      ]..." within `width` columns.
 *   false  it cannot be drawn: MIG is off, the board is unknown, or what was
 *          observed contradicts the catalogue; ret then says which
 */
bool ruler_draw(const json_t *gpu, unsigned width, struct text *ret);

/* How many more of each profile fit now, each alone: "7x1g 3x2g"; nothing when not known. */
void ruler_fits(const json_t *gpu, struct text *ret);
