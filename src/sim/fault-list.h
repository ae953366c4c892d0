/*
 * fault-list.h - what is armed, as a table or as JSON
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "sim/world.h"

int fault_list_print(const struct world_state *state, bool json, struct err *err);
