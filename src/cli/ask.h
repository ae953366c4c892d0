/*
 * ask.h - one question to the daemon, for commands that ask only once
 */
#pragma once

#include <jansson.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/text.h"
#include "cli/cli.h"

DEFINE_CLEANUP(json_decref, json_t *);

/* Connect as wish->socket says, call (client_call) and hang up. */
int ask(const struct cli_wish *wish, const char *method, const char *path, const json_t *body,
	json_t **ret, struct err *err);

/* Add "?key=value" or "&key=value", escaped; nothing when value is NULL. */
void ask_add(struct text *path, const char *key, const char *value);

/*
 * The same with a moment as typed (when.h), in seconds; nothing when typed is NULL.
 *   err  INVALID, "--since: " (the option) in front
 */
int ask_add_moment(struct text *path, const char *key, const char *typed, const char *option,
		   struct err *err);

/* "12" as typed; err: INVALID, with where to find it. */
int ask_lease_id(const char *typed, int64_t *ret, struct err *err);

/* Print the answer as it came. */
int ask_print_json(const json_t *answer, struct err *err);
