#include "cli/ask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/sizes.h"
#include "cli/when.h"
#include "client/client.h"

int ask(const struct cli_wish *wish, const char *method, const char *path, const json_t *body,
	json_t **ret, struct err *err)
{
	cleanup(client_close) struct client *client = NULL;
	int r = client_open(wish->socket, &client, err);

	return r ? r : client_call(client, method, path, body, ret, NULL, err);
}

void ask_add(struct text *path, const char *key, const char *value)
{
	cleanup(free) char *escaped = NULL;
	size_t size;

	if (!value)
		return;
	size = strlen(value) * 3 + 1;
	escaped = malloc(size);
	if (!escaped) {
		path->failed = true;
		return;
	}
	text_addf(path, "%c%s=%s", strchr(text_str(path), '?') ? '&' : '?', key,
		  client_escape(escaped, size, value));
}

int ask_add_moment(struct text *path, const char *key, const char *typed, const char *option,
		   struct err *err)
{
	char number[24];
	int64_t when_s;

	if (!typed)
		return 0;
	if (when_parse(typed, clock_now_s(), &when_s, err))
		return fail_in(err, "%s: ", option);
	snprintf(number, sizeof(number), "%" PRId64, when_s < 0 ? 0 : when_s);
	ask_add(path, key, number);
	return 0;
}

int ask_lease_id(const char *typed, int64_t *ret, struct err *err)
{
	int r = number_parse(typed, "lease", 1, INT64_MAX, ret, err);

	return r ? fail_hint(err, "its number is in the first column of: carve leases") : 0;
}

int ask_print_json(const json_t *answer, struct err *err)
{
	return json_print(json_incref((json_t *)answer), err);
}
