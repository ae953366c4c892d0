/*
 * wire.h - bytes to and from a socket, with an end to patience
 *
 * One connection, read through a buffer. Every wait ends at the deadline, or
 * when the stop descriptor becomes readable; how much is read is the caller's
 * bound. No SIGPIPE is raised.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"

struct wire {
	int fd;		     /* -1: not connected */
	int stop_fd;	     /* -1: none; readable: give up */
	int64_t deadline_ns; /* monotonic */
	size_t at, len;	     /* what was read and not yet used: buf[at..len) */
	char buf[16384];
};

/*
 * Connect to a Unix socket; the wire must not be connected.
 *   err  INVALID the path is too long; UNAVAILABLE nobody listens; DENIED; IO
 */
int wire_open(struct wire *wire, const char *path, struct err *err);
void wire_close(struct wire *wire);

/* Nothing was sent to us unasked and the other side is still there. */
bool wire_is_idle(const struct wire *wire);

/*
 * Send all. That the other side no longer reads is no error here: it may have
 * answered before it stopped.
 *   err  TIMEOUT, UNAVAILABLE
 */
int wire_send(struct wire *wire, const char *bytes, size_t len, struct err *err);

/*
 * One line without its end, at most size - 1 bytes; NUL bytes are refused.
 *   err  TIMEOUT, UNAVAILABLE: it ended early, was too long or had a NUL
 */
int wire_read_line(struct wire *wire, char *line, size_t size, struct err *err);

/* Add exactly so many bytes to text. err: TIMEOUT, UNAVAILABLE, NOMEM */
int wire_read(struct wire *wire, size_t len, struct text *text, struct err *err);
