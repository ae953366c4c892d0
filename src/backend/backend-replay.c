/*
 * Answer from a recording. Each GPU has its own queue of calls, so have the
 * calls about no GPU in particular and waiting for events: threads may
 * interleave otherwise than when it was recorded. The file is checked when it
 * is opened, so that no answer is refused later.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backend/call-json.h"
#include "base/cleanup.h"
#include "base/file.h"

#define REPLAY_MAX_BYTES  (64u << 20)
#define REPLAY_MAX_QUEUES (BACKEND_MAX_GPUS + 2)
#define SHOWN		  160 /* bytes of a call in a message */

struct entry {
	struct entry *next; /* of its queue */
	size_t line;
	enum backend_op op;
	json_t *json;
	const json_t *ask, *answer, *error; /* of json */
};

struct queue {
	char key[BACKEND_UUID];
	struct entry *first, *last;
};

struct replay {
	struct backend_between between;
	char *path;
	pthread_mutex_t lock; /* of what follows */
	struct queue queues[REPLAY_MAX_QUEUES];
	size_t n_queues;
};

static const char *key_of(enum backend_op op, const struct backend_ask *ask)
{
	return op == BACKEND_OP_wait_event ? "wait_event" : ask->gpu;
}

static struct queue *find_queue(struct replay *replay, const char *key)
{
	for (size_t i = 0; i < replay->n_queues; i++)
		if (!strcmp(replay->queues[i].key, key))
			return &replay->queues[i];
	return NULL;
}

/* ---- answering ---- */

static void free_entry(struct entry *entry)
{
	json_decref(entry->json);
	free(entry);
}

DEFINE_CLEANUP(free_entry, struct entry *);

/* "gi_create {"gpu":...}" */
static void show(char *buf, size_t size, enum backend_op op, const json_t *ask)
{
	char *text = json_dumps(ask, JSON_COMPACT);

	snprintf(buf, size, "%s %s", backend_op_name(op), text ? text : "?");
	free(text);
}

/* The next entry of the call's queue, taken out of it, if it is this call. */
static struct entry *take(struct replay *replay, const struct backend_call *call, const json_t *ask,
			  struct err *err)
{
	struct queue *queue = find_queue(replay, key_of(call->op, &call->ask));
	struct entry *entry = queue ? queue->first : NULL;
	char asked[SHOWN], expected[SHOWN];

	show(asked, sizeof(asked), call->op, ask);
	if (!entry) {
		fail(err, ERR_STALE, "'%s' is at its end; asked was %s", replay->path, asked);
		return NULL;
	}
	if (entry->op != call->op || !json_equal(entry->ask, ask)) {
		show(expected, sizeof(expected), entry->op, entry->ask);
		fail(err, ERR_STALE, "'%s', line %zu: expected was %s, asked was %s", replay->path,
		     entry->line, expected, asked);
		return NULL;
	}
	queue->first = entry->next;
	return entry;
}

/* The error that was recorded. */
static int read_error(const json_t *json, struct err *ret, struct err *err)
{
	const char *code, *text, *hint;

	if (json_unpack((json_t *)json, "{s:s, s:s, s:s !}", "code", &code, "text", &text, "hint",
			&hint))
		return fail(err, ERR_INVALID, "an error has code, text and hint");
	if (!strcmp(code, err_name(ERR_NONE)) || strcmp(err_name(err_by_name(code)), code) != 0)
		return fail(err, ERR_INVALID, "there is no error '%.40s'", code);
	fail(ret, err_by_name(code), "%s", text);
	fail_hint(ret, "%s", hint);
	return 0;
}

static int answer_again(const struct entry *entry, struct backend_call *call, struct err *err)
{
	int r;

	if (entry->error) {
		r = read_error(entry->error, err, err);
		return r ? r : -(int)err->code;
	}
	r = call_answer_read(call, entry->answer, err);
	if (r)
		free(call->answer.processes);
	return r;
}

static int handle(struct backend_between *between, struct backend_call *call, struct err *err)
{
	struct replay *replay = (struct replay *)between; /* its first member */
	cleanup(free_entry) struct entry *entry = NULL;
	json_t *ask = call_ask_json(call);

	if (!ask)
		return fail(err, ERR_NOMEM, "no memory for a call");
	pthread_mutex_lock(&replay->lock);
	entry = take(replay, call, ask, err);
	pthread_mutex_unlock(&replay->lock);
	json_decref(ask);
	if (!entry)
		return -(int)err->code;
	return answer_again(entry, call, err);
}

/* ---- opening ---- */

static void close_replay(struct replay *replay)
{
	for (size_t i = 0; i < replay->n_queues; i++) {
		while (replay->queues[i].first) {
			struct entry *entry = replay->queues[i].first;

			replay->queues[i].first = entry->next;
			free_entry(entry);
		}
	}
	pthread_mutex_destroy(&replay->lock);
	free(replay->path);
	free(replay);
}

DEFINE_CLEANUP(close_replay, struct replay *);

static void free_replay(struct backend_between *between)
{
	close_replay((struct replay *)between);
}

/* Can the entry be answered? Reads it once for that. */
static int check_entry(const struct entry *entry, struct backend_ask *ret_ask, struct err *err)
{
	cleanup(free) struct backend_call *call = calloc(1, sizeof(*call));
	struct err recorded;
	int r;

	if (!call)
		return fail(err, ERR_NOMEM, "no memory for a call");
	call->op = entry->op;
	if (entry->op == BACKEND_OP_COUNT)
		return fail(err, ERR_INVALID, "there is no such call");
	if (!entry->answer == !entry->error || json_object_size(entry->json) != 3)
		return fail(err, ERR_INVALID, "it takes call, ask, and answer or error");
	if (call_ask_read(entry->op, entry->ask, ret_ask, err))
		return -(int)err->code;
	r = entry->answer ? call_answer_read(call, entry->answer, err)
			  : read_error(entry->error, &recorded, err);
	free(call->answer.processes);
	return r;
}

static int enqueue(struct replay *replay, const char *key, struct entry *take_entry,
		   struct err *err)
{
	struct queue *queue = find_queue(replay, key);

	if (!queue && replay->n_queues == REPLAY_MAX_QUEUES) {
		free_entry(take_entry);
		return fail(err, ERR_INVALID, "more than %u GPUs", BACKEND_MAX_GPUS);
	}
	if (!queue) {
		queue = &replay->queues[replay->n_queues++];
		snprintf(queue->key, sizeof(queue->key), "%s", key);
	}
	if (queue->first)
		queue->last->next = take_entry;
	else
		queue->first = take_entry;
	queue->last = take_entry;
	return 0;
}

/* Takes the reference. */
static int add_line(struct replay *replay, json_t *json, size_t line, struct err *err)
{
	cleanup(free_entry) struct entry *entry = calloc(1, sizeof(*entry));
	struct backend_ask ask;
	const char *key;

	if (!entry) {
		json_decref(json);
		return fail(err, ERR_NOMEM, "no memory for a recording");
	}
	*entry = (struct entry){
		.line = line,
		.op = backend_op_by_name(json_string_value(json_object_get(json, "call"))),
		.json = json,
		.ask = json_object_get(json, "ask"),
		.answer = json_object_get(json, "answer"),
		.error = json_object_get(json, "error"),
	};
	if (check_entry(entry, &ask, err))
		return -(int)err->code;
	key = key_of(entry->op, &ask);
	return enqueue(replay, key, steal(entry), err);
}

static int check_head(json_t *take_json, struct err *err)
{
	int version = 0;
	int bad = json_unpack(take_json, "{s:i}", "recording", &version);

	json_decref(take_json);
	if (bad)
		return fail(err, ERR_INVALID, "it is no recording of a backend");
	if (version != CALL_JSON_VERSION)
		return fail(err, ERR_INVALID, "a recording of version %d, this carve knows %d",
			    version, CALL_JSON_VERSION);
	return 0;
}

static int read_line(struct replay *replay, const char *bytes, size_t len, size_t line,
		     struct err *err)
{
	json_error_t why;
	json_t *json = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &why);

	if (!json)
		return fail(err, ERR_INVALID, "column %d: %s", why.column, why.text);
	return line == 1 ? check_head(json, err) : add_line(replay, json, line, err);
}

static int read_lines(struct replay *replay, const char *bytes, size_t len, struct err *err)
{
	const char *end = bytes + len;
	size_t line = 0;

	while (bytes < end || !line) {
		const char *stop = memchr(bytes, '\n', (size_t)(end - bytes));

		stop = stop ? stop : end;
		if (read_line(replay, bytes, (size_t)(stop - bytes), ++line, err))
			return fail_in(err, "'%s', line %zu: ", replay->path, line);
		bytes = stop < end ? stop + 1 : end;
	}
	return 0;
}

int backend_replay_open(const char *path, struct backend **ret, struct err *err)
{
	cleanup(close_replay) struct replay *replay = calloc(1, sizeof(*replay));
	cleanup(free) char *bytes = NULL;
	size_t len;

	if (!replay)
		return fail(err, ERR_NOMEM, "no memory for a recording");
	replay->between = (struct backend_between){{&backend_between_ops}, handle, free_replay};
	pthread_mutex_init(&replay->lock, NULL);
	replay->path = strdup(path);
	if (!replay->path)
		return fail(err, ERR_NOMEM, "no memory for a recording");
	if (file_read(path, REPLAY_MAX_BYTES, &bytes, &len, err) ||
	    read_lines(replay, bytes, len, err))
		return -(int)err->code;
	*ret = &steal(replay)->between.backend;
	return 0;
}
