/*
 * drain.h - what a drain is of, as people type it
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

/*
 * "0", "gpu0", "GPU-5c89...": a whole GPU; "0/4", "gpu0/3g@4", "GPU-5c89.../3g.40gb@4": the
 * instance that begins at that unit; "lease12": the instance of that lease.
 *   ret  out: {gpu, start, profile} or {lease}, as POST /v1/drains takes it; owned by the caller
 *   err  INVALID with a hint
 */
int drain_target(const char *typed, json_t **ret, struct err *err);
