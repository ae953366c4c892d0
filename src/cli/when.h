/*
 * when.h - a moment in the past or to come, as people write it
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/*
 * "2h" ago, "2025-11-24" or "2025-11-24 16:40", local.
 *   err  INVALID with a hint
 */
int when_parse(const char *typed, int64_t now_s, int64_t *ret_s, struct err *err);

/*
 * "now", "4h" or "+4h" from now, "18:00", "fri", "fri 18:00": the next such time after now;
 * "2025-11-28", "2025-11-28 18:00"; local.
 *   err  INVALID with a hint, also when it lies in the past
 */
int when_parse_ahead(const char *typed, int64_t now_s, int64_t *ret_s, struct err *err);
