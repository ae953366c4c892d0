/*
 * call-json.h - calls of a backend and their answers as JSON
 *
 * Which fields each operation asks and answers. A recording that somebody
 * edited is either right or refused (form.h).
 */
#pragma once

#include <jansson.h>

#include "backend/backend-call.h"

#define CALL_JSON_VERSION 1 /* of recordings */

/* {"gpu": "GPU-...", "start": 4, ...}; NULL without memory. The caller's reference. */
json_t *call_ask_json(const struct backend_call *call);
json_t *call_answer_json(const struct backend_call *call);

/* What was asked is read only to be checked. */
int call_ask_read(enum backend_op op, const json_t *json, struct backend_ask *ret, struct err *err);

/* Fill in the answer for call->op; processes are the caller's, also on failure. */
int call_answer_read(struct backend_call *call, const json_t *json, struct err *err);

/* BACKEND_OP_COUNT when there is none of that name. */
enum backend_op backend_op_by_name(const char *name);
