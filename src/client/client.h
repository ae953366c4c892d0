/*
 * client.h - how everyone else speaks to the daemon
 *
 * HTTP/1.1 with JSON over a Unix socket, one connection that is kept and made
 * anew when the daemon has closed it. Blocking. The daemon knows who calls
 * from the socket, never from what is sent. The interface is in carve-api(7).
 *
 * The answer is not trusted either: at most CLIENT_MAX_ANSWER bytes, within
 * the time of client_set_patience(), and JSON without duplicate keys. Texts in
 * it are whatever others wrote; make them printable before they are shown.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"

#define CLIENT_SOCKET	  "/run/carve/carved.sock"
#define CLIENT_MAX_ANSWER (16u << 20)
#define CLIENT_PATIENCE_S 30

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

/* How long one call may take in all. */
void client_set_patience(struct client *client, unsigned seconds);

/*
 * Calls are given up (UNAVAILABLE) as soon as fd can be read: a signalfd, say.
 * Nothing is read from it. -1: none. Whether the daemon did what was asked is
 * then not known.
 */
void client_set_stop(struct client *client, int fd);

/*
 * One request.
 *
 *   method  "GET", "POST", "DELETE"
 *   path    "/v1/leases?all=1"; texts in it are escaped with client_escape()
 *   body    JSON, borrowed; NULL: none
 *   ret     out: the answer, an object, owned by the caller
 *   ret_status  out: HTTP status; may be NULL
 *   err     what the daemon answered ({"error": {...}}), UNAVAILABLE when the
 *           connection broke or the answer makes no sense, TIMEOUT
 */
int client_call(struct client *client, const char *method, const char *path, const json_t *body,
		json_t **ret, int *ret_status, struct err *err);

/* Percent-encode for a query. Returns buf, "" when it does not fit. */
char *client_escape(char *buf, size_t size, const char *s);
