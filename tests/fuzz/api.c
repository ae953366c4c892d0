/*
 * Any bytes as a request: "METHOD /path?key=value&key" on the first line, the
 * body after it. A mistake has a code that blames the caller and printable
 * words; what is accepted is within the limits of carve-api(7).
 */
#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/api.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void add_params(struct api_request *request, char *query)
{
	for (char *key; (key = strsep(&query, "&")) && request->n_params < API_MAX_PARAMS;) {
		char *value = strchr(key, '=');

		if (value)
			*value++ = '\0';
		request->params[request->n_params++] = (struct api_param){key, value};
	}
}

/* line is changed and must outlive the request. */
static void split(char *line, struct api_request *ret)
{
	char *query, *path = strchr(line, ' ');

	if (path)
		*path++ = '\0';
	query = path ? strchr(path, '?') : NULL;
	if (query)
		*query++ = '\0';
	ret->method = line;
	ret->path = path ? path : "";
	add_params(ret, query);
}

static void check_printable(const char *s)
{
	char printable[1024];

	text_printable(printable, sizeof(printable), s);
	assert(!strcmp(s, printable));
}

static void check_error(const struct err *err)
{
	json_t *json = api_error(err);

	assert(err->code == ERR_INVALID || err->code == ERR_TOO_LARGE ||
	       err->code == ERR_NOT_FOUND || err->code == ERR_UNSUPPORTED);
	assert(err->text[0]);
	check_printable(err->text);
	check_printable(err->hint);
	assert(json);
	json_decref(json);
}

static void check_text(const char *text, size_t most)
{
	assert(!text || (strlen(text) <= most && text_is_utf8(text, strlen(text))));
}

static void check_wish(const struct api_wish *wish)
{
	assert(wish->route < ROUTE_COUNT);
	if (wish->route == ROUTE_LEASE || wish->route == ROUTE_RELEASE || wish->route == ROUTE_RENEW)
		assert(wish->id > 0);
	if (wish->route == ROUTE_REQUEST)
		assert(wish->class_name && wish->class_name[0]);
	if (wish->route == ROUTE_RENEW)
		assert(wish->has_time);
	if (wish->route == ROUTE_DRAIN)
		assert(!wish->gpu == (wish->lease > 0));
	assert(wish->start >= 0 && wish->start <= 255 && wish->deadline_s >= 0);
	check_text(wish->profile, 32);
	assert(wish->limit >= 1 && wish->limit <= API_MAX_ROWS);
	assert(wish->wait_s >= 0 && wish->wait_s <= 60);
	assert(!wish->has_time || (wish->time_s >= 1 && wish->time_s <= 366 * 86400));
	assert(!wish->has_exit || (wish->exit_status >= 0 && wish->exit_status <= 255));
	assert(wish->lease == -1 || wish->lease >= 1);
	assert(wish->since_s >= -1 && wish->after >= -1);
	check_text(wish->class_name, 64);
	check_text(wish->user, 64);
	check_text(wish->gpu, 96);
	check_text(wish->state, 16);
	check_text(wish->hold, 16);
	check_text(wish->reason, API_MAX_BODY);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const uint8_t *end = size ? memchr(bytes, '\n', size) : NULL;
	size_t head = end ? (size_t)(end - bytes) : size;
	cleanup(free) char *line = strndup((const char *)bytes, head);
	cleanup(api_wish_done) struct api_wish wish = {0};
	struct api_request request = {.body = end ? (const char *)end + 1 : NULL,
				      .body_len = end ? size - head - 1 : 0};
	struct err err = ERR_INIT;

	assert(line);
	split(line, &request);
	if (api_parse(&request, &wish, &err))
		check_error(&err);
	else
		check_wish(&wish);
	return 0;
}
