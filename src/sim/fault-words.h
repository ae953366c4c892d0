/*
 * fault-words.h - the words for faults: NVML's codes by name
 */
#pragma once

#include "base/err.h"

/*
 * An nvmlReturn_t other than success: "in-use", "NVML_ERROR_IN_USE" or "19".
 *   err  INVALID, with "did you mean"
 */
int fault_code_parse(const char *s, int *ret, struct err *err);

/* "in-use"; NULL for a number without a name. */
const char *fault_code_name(int code);
