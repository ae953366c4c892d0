#include "client/client.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "base/text.h"
#include "client/wire.h"

#define MAX_LINE   8192
#define MAX_FIELDS 64
#define MAX_CHUNKS 65536

struct client {
	struct wire wire;
	char *path;
	unsigned patience_s;
};

/* What the head of an answer says about its body. */
struct head {
	int status;
	bool has_length, chunked, close;
	size_t length;
};

DEFINE_CLEANUP(json_decref, json_t *);

int client_open(const char *path, struct client **ret, struct err *err)
{
	cleanup(client_close) struct client *client = calloc(1, sizeof(*client));
	int r;

	if (!path)
		path = getenv("CARVE_SOCKET");
	if (!path || !path[0])
		path = CLIENT_SOCKET;
	if (!client)
		return fail(err, ERR_NOMEM, "no memory for a connection");
	client->wire.fd = client->wire.stop_fd = -1;
	client->patience_s = CLIENT_PATIENCE_S;
	client->path = strdup(path);
	if (!client->path)
		return fail(err, ERR_NOMEM, "no memory for a connection");
	r = wire_open(&client->wire, path, err);
	if (r)
		return r;
	*ret = steal(client);
	return 0;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	wire_close(&client->wire);
	free(client->path);
	free(client);
}

void client_set_patience(struct client *client, unsigned seconds)
{
	client->patience_s = seconds;
}

void client_set_stop(struct client *client, int fd)
{
	client->wire.stop_fd = fd;
}

static int nonsense(struct err *err, const char *what)
{
	return fail(err, ERR_UNAVAILABLE, "carved's answer makes no sense: %s", what);
}

/* ---- the request ---- */

static int send_request(struct client *client, const char *method, const char *path,
			const json_t *body, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	cleanup(free) char *json = body ? json_dumps(body, JSON_COMPACT) : NULL;

	if (body && !json)
		return fail(err, ERR_NOMEM, "no memory for a request");
	text_addf(&text,
		  "%s %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: carve/" CARVE_VERSION
		  "\r\nAccept: application/json\r\n",
		  method, path);
	if (json)
		text_addf(&text, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
			  strlen(json));
	text_add(&text, "\r\n");
	if (json)
		text_add(&text, json);
	if (text_failed(&text))
		return fail(err, ERR_NOMEM, "no memory for a request");
	return wire_send(&client->wire, text_str(&text), text.len, err);
}

/* ---- the head of the answer ---- */

static int read_status(struct wire *wire, int *ret, struct err *err)
{
	char line[MAX_LINE];
	int r = wire_read_line(wire, line, sizeof(line), err);

	if (r)
		return r;
	if (strncmp(line, "HTTP/1.1 ", 9) || strspn(line + 9, "0123456789") != 3 ||
	    (line[12] && line[12] != ' '))
		return nonsense(err, "it is not HTTP/1.1");
	*ret = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
	return *ret >= 100 && *ret < 600 ? 0 : nonsense(err, "it has no HTTP status");
}

static int read_length(const char *value, struct head *head, struct err *err)
{
	int64_t length;

	if (!isdigit((unsigned char)value[0]) ||
	    number_parse(value, "Content-Length", 0, INT64_MAX, &length, err))
		return nonsense(err, "its length is no number");
	if (head->has_length && head->length != (size_t)length)
		return nonsense(err, "it has two lengths");
	head->has_length = true;
	head->length = (size_t)length;
	return 0;
}

static int read_field(char *line, struct head *head, struct err *err)
{
	char *value = strchr(line, ':');
	size_t len;

	if (!value || value == line || isspace((unsigned char)line[0]))
		return nonsense(err, "a line of its head is no field");
	*value++ = '\0';
	value += strspn(value, " \t");
	len = strlen(value);
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		value[--len] = '\0';
	if (!strcasecmp(line, "Content-Length"))
		return read_length(value, head, err);
	if (!strcasecmp(line, "Connection"))
		head->close = head->close || !strcasecmp(value, "close");
	if (strcasecmp(line, "Transfer-Encoding"))
		return 0;
	head->chunked = !strcasecmp(value, "chunked");
	return head->chunked ? 0 : nonsense(err, "its transfer encoding is not 'chunked'");
}

/* Field lines up to the empty one; head NULL: they are not looked at. */
static int read_fields(struct wire *wire, struct head *head, struct err *err)
{
	char line[MAX_LINE];

	for (int i = 0; i < MAX_FIELDS; i++) {
		int r = wire_read_line(wire, line, sizeof(line), err);

		if (!r && line[0] && head)
			r = read_field(line, head, err);
		if (r || !line[0])
			return r;
	}
	return nonsense(err, "its head has too many fields");
}

static int read_head(struct wire *wire, struct head *ret, struct err *err)
{
	struct head head = {0};
	int r = read_status(wire, &head.status, err);

	r = r ? r : read_fields(wire, &head, err);
	if (r)
		return r;
	if (head.status < 200)
		return nonsense(err, "it is only preliminary");
	if (head.chunked == head.has_length)
		return nonsense(err,
				head.chunked ? "it has a length and chunks" : "it has no length");
	*ret = head;
	return 0;
}

/* ---- the body of the answer ---- */

static int room_for(size_t have, size_t more, struct err *err)
{
	if (more <= CLIENT_MAX_ANSWER - have)
		return 0;
	return fail(err, ERR_UNAVAILABLE, "carved's answer is longer than %u MiB",
		    CLIENT_MAX_ANSWER >> 20);
}

static int read_chunk_size(struct wire *wire, size_t *ret, struct err *err)
{
	char line[MAX_LINE];
	int r = wire_read_line(wire, line, sizeof(line), err);
	size_t digits = r ? 0 : strspn(line, "0123456789abcdefABCDEF");

	if (r)
		return r;
	if (!digits || digits > 8 || (line[digits] && !strchr("; \t", line[digits])))
		return nonsense(err, "the size of a chunk is no number");
	*ret = strtoul(line, NULL, 16);
	return 0;
}

static int read_chunks(struct wire *wire, struct text *body, struct err *err)
{
	for (int i = 0; i < MAX_CHUNKS; i++) {
		char end[64];
		size_t size;
		int r = read_chunk_size(wire, &size, err);

		if (!r && !size)
			return read_fields(wire, NULL, err);
		r = r ? r : room_for(body->len, size, err);
		r = r ? r : wire_read(wire, size, body, err);
		r = r ? r : wire_read_line(wire, end, sizeof(end), err);
		if (r)
			return r;
		if (end[0])
			return nonsense(err, "a chunk does not end where it should");
	}
	return nonsense(err, "it has too many chunks");
}

static int read_body(struct wire *wire, const struct head *head, struct text *body, struct err *err)
{
	int r;

	if (head->chunked)
		return read_chunks(wire, body, err);
	r = room_for(0, head->length, err);
	return r ? r : wire_read(wire, head->length, body, err);
}

static int parse_body(const struct text *body, json_t **ret, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(text_str(body), body->len, JSON_REJECT_DUPLICATES, &error);

	if (!json_is_object(json)) {
		json_decref(json);
		return nonsense(err, "it is not a JSON object");
	}
	*ret = json;
	return 0;
}

/* ---- a call ---- */

static void copy_text(char *buf, size_t size, const json_t *json)
{
	snprintf(buf, size, "%s", json_is_string(json) ? json_string_value(json) : "");
}

/* {"error": {code, text, hint, rule}} becomes err. */
static int answered_error(int status, const json_t *answer, struct err *err)
{
	const json_t *error = json_object_get(answer, "error");
	const char *name = json_string_value(json_object_get(error, "code"));
	enum err_code code = name ? err_by_name(name) : ERR_INTERNAL;
	const char *text = json_string_value(json_object_get(error, "text"));

	if (!text)
		return fail(err, ERR_UNAVAILABLE, "carved answered HTTP status %d without a reason",
			    status);
	fail(err, code == ERR_NONE ? ERR_INTERNAL : code, "%s", text);
	copy_text(err->hint, sizeof(err->hint), json_object_get(error, "hint"));
	copy_text(err->rule, sizeof(err->rule), json_object_get(error, "rule"));
	return -(int)err->code;
}

/* One request and its answer on an open connection. */
static int exchange(struct client *client, const char *method, const char *path, const json_t *body,
		    struct head *head, json_t **ret, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	int r = send_request(client, method, path, body, err);

	r = r ? r : read_head(&client->wire, head, err);
	r = r ? r : read_body(&client->wire, head, &text, err);
	return r ? r : parse_body(&text, ret, err);
}

int client_call(struct client *client, const char *method, const char *path, const json_t *body,
		json_t **ret, int *ret_status, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	struct head head = {0};
	int r = 0;

	if (path[strcspn(path, " \t\r\n")])
		return fail(err, ERR_INTERNAL, "a path with blanks: '%.100s'", path);
	client->wire.deadline_ns = clock_monotonic_ns() + (int64_t)client->patience_s * 1000000000;
	if (!wire_is_idle(&client->wire)) {
		wire_close(&client->wire);
		r = wire_open(&client->wire, client->path, err);
	}
	r = r ? r : exchange(client, method, path, body, &head, &answer, err);
	/* After half an answer the next bytes would not be an answer's first. */
	if (r || head.close)
		wire_close(&client->wire);
	if (r)
		return r;
	if (head.status >= 300)
		return answered_error(head.status, answer, err);
	if (ret_status)
		*ret_status = head.status;
	*ret = steal(answer);
	return 0;
}

char *client_escape(char *buf, size_t size, const char *s)
{
	size_t n = 0;

	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool plain = c < 0x80 && (isalnum(c) || strchr("-._~", c));

		if (n + (plain ? 1 : 3) >= size) {
			n = 0;
			break;
		}
		n += (size_t)snprintf(buf + n, size - n, plain ? "%c" : "%%%02X", c);
	}
	buf[n] = '\0';
	return buf;
}
