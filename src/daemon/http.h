/*
 * http.h - the socket, and who is on it
 *
 * HTTP by libmicrohttpd, driven by the daemon's own loop: no thread of its
 * own. Who calls is asked of the socket (SO_PEERCRED) once for each connection. A
 * user cannot take all connections for himself.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "daemon/api.h"
#include "daemon/users.h"

struct http;

/*
 *   listener  a listening Unix socket; owned from now on, also on failure
 *   api, users  borrowed
 */
int http_new(int listener, struct api *api, struct users *users, struct http **ret,
	     struct err *err);
void http_free(struct http *http);

/*
 * A listening Unix socket that everybody may connect to, in a folder made if
 * missing. A socket file that nobody listens on is replaced.
 *   err  BUSY: somebody listens there; IO, DENIED, INVALID (too long a path)
 */
int http_listen(const char *path, int *ret, struct err *err);

/* Readable when http_run() has something to do. */
int http_fd(const struct http *http);
void http_run(struct http *http);

/* Milliseconds until http_run() is due anyhow; -1: not. */
int http_timeout_ms(const struct http *http);

/* Requests that wait for this lease are looked at again with the next http_run(). */
void http_lease_changed(struct http *http, int64_t lease);

/* Requests that have waited long enough, too. Returns when the next will have. */
int64_t http_tick(struct http *http, int64_t now_s);
