/*
 * json.h - answers for programs
 */
#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Print and free, in ASCII: no text in it can do harm on a terminal. NULL (an
 * answer that could not be built) is NOMEM.
 */
int json_print(json_t *take_json, struct err *err);

/* null for 0, which stands for "not known". */
json_t *json_known(uint64_t value);
