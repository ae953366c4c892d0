/*
 * Write down what a backend is asked and answers: one line of JSON a call, in
 * the order in which the calls ended. The first line says what the file is.
 *
 * The calls matter more than the recording: when a line cannot be written the
 * recording ends there, and the answers go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend/call-json.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

struct record {
	struct backend_between between;
	struct backend *inner;
	pthread_mutex_t lock; /* of the file */
	FILE *file;	      /* NULL: the recording has ended */
};

/* A sentence cut at its end may be cut inside a character, which JSON does not take. */
static json_t *error_json(const struct err *err)
{
	char text[sizeof(err->text)], hint[sizeof(err->hint)];

	text_printable(text, sizeof(text), err->text);
	text_printable(hint, sizeof(hint), err->hint);
	return json_pack("{s:s, s:s, s:s}", "code", err_name(err->code), "text", text, "hint",
			 hint);
}

/* NULL: no memory. */
static json_t *line_json(const struct backend_call *call, int r, const struct err *err)
{
	return json_pack("{s:s, s:o, s:o}", "call", backend_op_name(call->op), "ask",
			 call_ask_json(call), r ? "error" : "answer",
			 r ? error_json(err) : call_answer_json(call));
}

/* Takes the reference. */
static void write_line(struct record *record, json_t *line)
{
	pthread_mutex_lock(&record->lock);
	if (record->file && (!line || json_dumpf(line, record->file, JSON_COMPACT) ||
			     fputc('\n', record->file) == EOF || fflush(record->file))) {
		fclose(record->file);
		record->file = NULL;
	}
	pthread_mutex_unlock(&record->lock);
	json_decref(line);
}

static int handle(struct backend_between *between, struct backend_call *call, struct err *err)
{
	struct record *record = (struct record *)between; /* its first member */
	int r = backend_call_run(record->inner, call, err);

	write_line(record, line_json(call, r, err));
	return r;
}

static void free_record(struct backend_between *between)
{
	struct record *record = (struct record *)between;

	backend_close(record->inner);
	if (record->file)
		fclose(record->file);
	pthread_mutex_destroy(&record->lock);
	free(record);
}

static FILE *create(const char *path, struct err *err)
{
	cleanup(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (!file) {
		fail(err, file_err_code(errno), "cannot write '%s': %s", path, strerror(errno));
		return NULL;
	}
	(void)steal_fd(&fd); /* now the stream's */
	return file;
}

int backend_record_open(struct backend *take_inner, const char *path, struct backend **ret,
			struct err *err)
{
	struct record *record = calloc(1, sizeof(*record));

	if (record)
		record->file = create(path, err);
	else
		fail(err, ERR_NOMEM, "no memory for a recording");
	if (!record || !record->file) {
		free(record);
		backend_close(take_inner);
		return -(int)err->code;
	}
	record->between = (struct backend_between){{&backend_between_ops}, handle, free_record};
	record->inner = take_inner;
	pthread_mutex_init(&record->lock, NULL);
	write_line(record,
		   json_pack("{s:i, s:s}", "recording", CALL_JSON_VERSION, "carve", CARVE_VERSION));
	*ret = &record->between.backend;
	return 0;
}
