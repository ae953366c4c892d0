#include "daemon/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/proc.h"

#define MAX_CONNECTIONS	       512
#define MAX_CONNECTIONS_A_USER 64 /* that are answered; as many again hear so, more are closed */
#define IDLE_S		       60
#define CONNECTION_BYTES       16384 /* headers and what is in flight */
#define BACKLOG		       64

/* Who is at the other end; lives as long as the connection. */
struct peer {
	bool known, has_pid;
	uid_t uid;
	pid_t pid;
	uint64_t pid_start;
	struct http *http;
	struct peer *next;
};

/* One request; lives until it is answered. */
struct exchange {
	struct MHD_Connection *connection;
	char *body;
	size_t len, cap;
	bool too_large, no_memory, begun;
	struct api_wait wait;
	bool suspended, wake;
	int64_t lease, until_s;
	struct http *http;
	struct exchange *next; /* of those that are suspended */
};

struct http {
	struct MHD_Daemon *daemon;
	struct api *api;
	struct users *users;
	struct peer *peers;
	struct exchange *waiting;
};

/* ---- answers ---- */

static enum MHD_Result send_json(struct MHD_Connection *connection, int status, json_t *take_json)
{
	char *text = take_json ? json_dumps(take_json, JSON_COMPACT) : NULL;
	struct MHD_Response *response;
	enum MHD_Result result;

	json_decref(take_json);
	if (!text)
		return MHD_NO; /* closes the connection: there is no memory to say more */
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", "application/json");
	result = MHD_queue_response(connection, (unsigned)status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_error(struct MHD_Connection *connection, const struct err *err)
{
	return send_json(connection, err_http_status(err->code), api_error(err));
}

/* ---- who ---- */

static void ask_peer(struct peer *peer, int fd)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);
	struct sockaddr_storage name;
	socklen_t name_len = sizeof(name);

	/* On other families SO_PEERCRED succeeds and means nothing. */
	if (getsockname(fd, (struct sockaddr *)&name, &name_len) || name.ss_family != AF_UNIX)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) || cred.uid == (uid_t)-1)
		return;
	peer->known = true;
	peer->uid = cred.uid;
	peer->pid = cred.pid;
	peer->has_pid = cred.pid > 0 && proc_start_time(cred.pid, &peer->pid_start);
}

static void forget_peer(struct peer *peer)
{
	struct peer **at = &peer->http->peers;

	while (*at && *at != peer)
		at = &(*at)->next;
	if (*at)
		*at = peer->next;
	free(peer);
}

static unsigned connections_of(const struct http *http, uid_t uid)
{
	unsigned n = 0;

	for (const struct peer *peer = http->peers; peer; peer = peer->next)
		n += peer->known && peer->uid == uid;
	return n;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct http *http = arg;
	struct peer *peer;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*socket_context)
			forget_peer(*socket_context);
		*socket_context = NULL;
		return;
	}
	peer = calloc(1, sizeof(*peer));
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (!peer || !info) {
		free(peer);
		return;
	}
	ask_peer(peer, info->connect_fd);
	peer->http = http;
	peer->next = http->peers;
	http->peers = peer;
	*socket_context = peer;
	/* Who sends no whole request is never told that he has too many: the library closes these. */
	if (peer->known && peer->uid != 0 &&
	    connections_of(http, peer->uid) > 2 * MAX_CONNECTIONS_A_USER)
		shutdown(info->connect_fd, SHUT_RDWR);
}

static struct peer *peer_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

/* ---- requests ---- */

static enum MHD_Result add_param(void *arg, enum MHD_ValueKind kind, const char *key,
				 const char *value)
{
	struct api_request *request = arg;

	(void)kind;
	/* One more than there is room for is one nobody asked for; parsing refuses it. */
	if (request->n_params < API_MAX_PARAMS)
		request->params[request->n_params++] = (struct api_param){key, value};
	return MHD_YES;
}

static void take_body(struct exchange *exchange, const char *bytes, size_t len)
{
	char *more;

	if (exchange->len + len > API_MAX_BODY) {
		exchange->too_large = true;
		return;
	}
	if (exchange->len + len > exchange->cap) {
		exchange->cap = exchange->len + len < 1024 ? 1024 : API_MAX_BODY;
		more = realloc(exchange->body, exchange->cap);
		if (!more) {
			exchange->no_memory = true;
			return;
		}
		exchange->body = more;
	}
	memcpy(exchange->body + exchange->len, bytes, len);
	exchange->len += len;
}

static void suspend(struct exchange *exchange, const struct api_answer *answer)
{
	struct http *http = exchange->http;

	exchange->lease = answer->lease;
	exchange->until_s = answer->until_s;
	exchange->suspended = true;
	exchange->wake = false;
	exchange->next = http->waiting;
	http->waiting = exchange;
	MHD_suspend_connection(exchange->connection);
}

static enum MHD_Result dispatch(struct http *http, struct exchange *exchange, const char *url,
				const char *method)
{
	const struct peer *peer = peer_of(exchange->connection);
	struct api_request request = {
		.method = method, .path = url, .body = exchange->body, .body_len = exchange->len};
	struct api_answer answer;
	struct err err = ERR_INIT;

	if (exchange->too_large)
		fail(&err, ERR_TOO_LARGE, "the body is longer than %d bytes", API_MAX_BODY);
	else if (exchange->no_memory)
		fail(&err, ERR_NOMEM, "no memory for the body");
	else if (!peer || !peer->known)
		fail(&err, ERR_DENIED, "the system does not tell who calls");
	else if (peer->uid != 0 && connections_of(http, peer->uid) > MAX_CONNECTIONS_A_USER)
		fail(&err, ERR_UNAVAILABLE, "%d connections of one user are the most",
		     MAX_CONNECTIONS_A_USER);
	else if (!(request.person = users_get(http->users, peer->uid)))
		fail(&err, ERR_UNAVAILABLE,
		     "the system's user database does not tell who user %u is; try again",
		     peer->uid);
	if (err.code)
		return send_error(exchange->connection, &err);
	request.has_pid = peer->has_pid;
	request.pid = peer->pid;
	request.pid_start = peer->pid_start;
	MHD_get_connection_values(exchange->connection, MHD_GET_ARGUMENT_KIND, add_param, &request);
	api_answer(http->api, &request, &exchange->wait, clock_now_s(), &answer);
	if (answer.wait) {
		suspend(exchange, &answer);
		return MHD_YES;
	}
	return send_json(exchange->connection, answer.status, answer.json);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **request_context)
{
	struct http *http = arg;
	struct exchange *exchange = *request_context;

	(void)version;
	if (!exchange) { /* the headers; the body follows */
		exchange = calloc(1, sizeof(*exchange));
		if (!exchange)
			return MHD_NO;
		exchange->http = http;
		exchange->connection = connection;
		*request_context = exchange;
		return MHD_YES;
	}
	if (*upload_size) {
		take_body(exchange, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return dispatch(http, exchange, url, method);
}

static void unlist(struct exchange *exchange)
{
	struct exchange **at = &exchange->http->waiting;

	while (*at && *at != exchange)
		at = &(*at)->next;
	if (*at)
		*at = exchange->next;
	exchange->suspended = false;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **request_context,
			 enum MHD_RequestTerminationCode code)
{
	struct exchange *exchange = *request_context;

	(void)arg;
	(void)connection;
	(void)code;
	if (!exchange)
		return;
	if (exchange->suspended)
		unlist(exchange);
	free(exchange->body);
	free(exchange);
	*request_context = NULL;
}

/* ---- waiting ---- */

void http_lease_changed(struct http *http, int64_t lease)
{
	for (struct exchange *at = http->waiting; at; at = at->next)
		at->wake |= at->lease == lease;
}

static void resume_woken(struct http *http)
{
	struct exchange *at = http->waiting, *next;

	for (; at; at = next) {
		next = at->next;
		if (!at->wake)
			continue;
		unlist(at);
		MHD_resume_connection(at->connection);
	}
}

int64_t http_tick(struct http *http, int64_t now_s)
{
	int64_t next_s = INT64_MAX;

	for (struct exchange *at = http->waiting; at; at = at->next) {
		at->wake |= at->until_s <= now_s;
		if (!at->wake && at->until_s < next_s)
			next_s = at->until_s;
	}
	return next_s;
}

/* ---- life ---- */

static void on_log(void *arg, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_log(void *arg, const char *format, va_list args)
{
	char line[256];

	(void)arg;
	vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_debug("http: %s", line);
}

int http_new(int listener, struct api *api, struct users *users, struct http **ret, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http) {
		close(listener);
		return fail(err, ERR_NOMEM, "no memory");
	}
	http->api = api;
	http->users = users;
	http->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
		on_request, http, MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
		MHD_OPTION_LISTEN_SOCKET, listener, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, NULL, MHD_OPTION_END);
	if (!http->daemon) {
		close(listener);
		free(http);
		return fail(err, ERR_IO, "the HTTP server does not start");
	}
	*ret = http;
	return 0;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	for (struct exchange *at = http->waiting; at; at = at->next)
		at->wake = true;
	resume_woken(http); /* the library wants none suspended when it stops */
	MHD_stop_daemon(http->daemon);
	free(http);
}

/* Only what a daemon left behind is taken away, never another file or where a link leads. */
static bool is_socket(const char *path)
{
	struct stat st;

	return !lstat(path, &st) && S_ISSOCK(st.st_mode);
}

static int bind_socket(int fd, const struct sockaddr_un *address, struct err *err)
{
	const char *path = address->sun_path;
	cleanup(close) int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	mode_t before;
	int r;

	if (!connect(probe, (const struct sockaddr *)address, sizeof(*address)))
		return fail(err, ERR_BUSY, "'%s' is in use by another daemon", path);
	if (errno == ECONNREFUSED && is_socket(path))
		unlink(path);
	/*
	 * Everybody may ask; the policy decides what he gets. The file is born so: changed
	 * afterwards, it would turn away whoever calls between the two.
	 */
	before = umask(0111);
	r = bind(fd, (const struct sockaddr *)address, sizeof(*address));
	umask(before);
	if (r && errno == EADDRINUSE)
		return fail(err, ERR_INVALID, "'%s' is there already and is not a socket of ours",
			    path);
	if (r || listen(fd, BACKLOG))
		return fail(err, errno == EACCES ? ERR_DENIED : ERR_IO, "cannot listen on '%s': %s",
			    path, strerror(errno));
	return 0;
}

int http_listen(const char *path, int *ret, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	cleanup(close) int fd = -1;
	cleanup(free) char *folder = strdup(path);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	int r = 0;

	if (strlen(path) >= sizeof(address.sun_path))
		return fail(err, ERR_INVALID, "the socket path is longer than %zu bytes",
			    sizeof(address.sun_path) - 1);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (slash && slash != folder) {
		*slash = '\0';
		r = file_mkdirs(folder, 0755, err);
	}
	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return fail(err, ERR_IO, "socket: %s", strerror(errno));
	r = bind_socket(fd, &address, err);
	if (!r)
		*ret = steal_fd(&fd);
	return r;
}

int http_fd(const struct http *http)
{
	return MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

void http_run(struct http *http)
{
	resume_woken(http);
	MHD_run(http->daemon);
}

int http_timeout_ms(const struct http *http)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(http->daemon, &ms) != MHD_YES)
		return -1;
	return ms > 60000 ? 60000 : (int)ms;
}
