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
