/*
 * when.h - a moment in the past, as people write it
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/*
 * "2h" ago, "2025-11-24" or "2025-11-24 16:40", local.
 *   err  INVALID with a hint
 */
int when_parse(const char *typed, int64_t now_s, int64_t *ret_s, struct err *err);
