/*
 * show.h - a world as JSON and as text
 */
#pragma once

#include <jansson.h>

#include "sim/world.h"

/* NULL when memory ran out. The keys are in carve-sim(1) and stay. */
json_t *show_json(const struct world_state *state, const char *dir);

/* To standard output, 80 columns wide. */
void show_text(const struct world_state *state, const char *dir);
