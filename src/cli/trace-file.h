/*
 * trace-file.h - requests over time, from a file
 *
 * CSV (csv.h) with columns time, profile and duration. Times are durations since any
 * beginning and may not go back; for profiles see stands-for.h.
 */
#pragma once

#include "base/err.h"
#include "facts/board.h"
#include "planner/churn.h"
#include "policy/policy.h"

#define TRACE_FILE_MAX_BYTES (64u << 20)

/*
 *   policy  NULL: profiles only
 *   err     INVALID, NOT_FOUND "FILE:LINE: ..." with "did you mean"; IO, TOO_LARGE, NOMEM
 */
int trace_file_load(const char *path, const struct board *board, const struct policy *policy,
		    struct trace *ret, struct err *err);
