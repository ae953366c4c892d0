/*
 * fault-words.h - the words for faults: NVML's codes and calls by name
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/*
 * An nvmlReturn_t other than success: "in-use", "NVML_ERROR_IN_USE" or "19".
 *   err  INVALID, with "did you mean"
 */
int fault_code_parse(const char *s, int *ret, struct err *err);

/* "in-use", in buf; NULL for success and a number without a name. */
const char *fault_code_name(int code, char *buf, size_t size);

/*
 * Is that the name of a call? "nvmlDeviceGetCount_v2", or "*" for all.
 *   err  INVALID, with "did you mean"
 */
int fault_call_check(const char *name, struct err *err);
