/*
 * client.h - how everyone else speaks to the daemon
 *
 * HTTP/1.1 with JSON over a Unix socket, one connection that is kept. Blocking.
 * The daemon knows who calls from the socket, never from what is sent. The
 * interface is in carve-api(7).
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

#define CLIENT_SOCKET "/run/carve/carved.sock"

struct client;

/*
 *   path  the socket; NULL: $CARVE_SOCKET, else CLIENT_SOCKET
 *   err   UNAVAILABLE: nobody listens there (with what to do); DENIED
 */
int client_open(const char *path, struct client **ret, struct err *err);
void client_close(struct client *client);

static inline void cleanup_client_close(struct client **client)
{
	client_close(*client);
}

/*
 * One request.
 *
 *   method  "GET", "POST", "DELETE"
 *   path    "/v1/leases?all=1"; texts in it are escaped with client_escape()
 *   body    JSON, borrowed; NULL: none
 *   ret     out: the answer, owned by the caller
 *   ret_status  out: HTTP status; may be NULL
 *   err     what the daemon answered ({"error": {...}}), or UNAVAILABLE when the
 *           connection broke or the answer makes no sense
 */
int client_call(struct client *client, const char *method, const char *path, const json_t *body,
		json_t **ret, int *ret_status, struct err *err);

/* Percent-encode for a query. Returns buf, "" when it does not fit. */
char *client_escape(char *buf, size_t size, const char *s);
