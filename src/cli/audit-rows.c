#include "cli/audit-rows.h"

#include <inttypes.h>

#include "cli/ask.h"

#define PAGE 1000

/* Leases or refusals: a page of them, and where in it we are. */
struct stream {
	const char *kind;
	json_t *answer;
	size_t at;
	int64_t after;
	bool ended;
};

static int next_page(const struct audit_wish *wish, struct stream *stream, struct err *err)
{
	cleanup(text_done) struct text path = TEXT_INIT;
	char after[24];
	int r;

	snprintf(after, sizeof(after), "%" PRId64, stream->after);
	text_add(&path, "/v1/audit");
	ask_add(&path, "kind", stream->kind);
	ask_add(&path, "user", wish->user);
	ask_add(&path, "class", wish->class_name);
	ask_add(&path, "after", after);
	r = ask_add_moment(&path, "since_s", wish->since, "--since", err);
	r = r ? r : ask_add_moment(&path, "until_s", wish->until, "--until", err);
	if (!r && text_failed(&path))
		r = fail(err, ERR_NOMEM, "no memory for a request");
	json_decref(stream->answer);
	stream->answer = NULL;
	return r ? r : ask(&wish->common, "GET", text_str(&path), NULL, &stream->answer, err);
}

static json_t *rows_of(const struct stream *stream)
{
	return json_object_get(stream->answer, "rows");
}

/* The next row, or NULL: there are no more, or err tells what went wrong. */
static json_t *peek(const struct audit_wish *wish, struct stream *stream, struct err *err)
{
	size_t n = json_array_size(rows_of(stream));

	if (stream->at < n)
		return json_array_get(rows_of(stream), stream->at);
	if (stream->ended || next_page(wish, stream, err))
		return NULL;
	stream->at = 0;
	n = json_array_size(rows_of(stream));
	stream->ended = n < PAGE;
	if (n)
		stream->after = json_integer_value(
			json_object_get(json_array_get(rows_of(stream), n - 1), "id"));
	return json_array_get(rows_of(stream), 0);
}

static int64_t when(const json_t *row)
{
	return json_integer_value(json_object_get(row, "requested_s"));
}

/* Up to a page of the two, the older first. */
static int merge(const struct audit_wish *wish, struct stream *streams, json_t *rows,
		 struct err *err)
{
	while (json_array_size(rows) < PAGE) {
		json_t *lease = peek(wish, &streams[0], err);
		json_t *refusal = err->code ? NULL : peek(wish, &streams[1], err);
		unsigned which = !lease || (refusal && when(refusal) < when(lease));

		if (err->code || (!lease && !refusal))
			break;
		json_array_append(rows, which ? refusal : lease);
		streams[which].at++;
	}
	return -(int)err->code;
}

int audit_rows(const struct audit_wish *wish,
	       int (*fn)(const json_t *rows, void *arg, struct err *err), void *arg,
	       struct err *err)
{
	struct stream streams[2] = {{.kind = "lease"}, {.kind = "refusal"}};
	cleanup(json_decref) json_t *rows = json_array();
	int r;

	if (!rows)
		return fail(err, ERR_NOMEM, "no memory for rows");
	do {
		json_array_clear(rows);
		r = merge(wish, streams, rows, err);
		r = r ? r : fn(rows, arg, err);
	} while (!r && json_array_size(rows) == PAGE);
	json_decref(streams[0].answer);
	json_decref(streams[1].answer);
	return r;
}
