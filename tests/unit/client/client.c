/*
 * The client against a server in a thread that answers what a row says, word
 * for word, and then hangs up, stalls or goes on.
 */
#include "../tap.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/text.h"
#include "client/client.h"

#define HEAD "HTTP/1.1 200 OK\r\n"

enum after { HANG_UP, STALL, SLOWLY, SERVE_ON };

struct server {
	char folder[32], path[64];
	int fd, n_accepted;
	const char *answer;
	size_t len, repeat; /* answer, then repeat times its last byte */
	enum after after;
	char request[4096]; /* the last one */
	pthread_t thread;
};

static void send_slowly(int fd, const char *s)
{
	for (; *s && send(fd, s, 1, MSG_NOSIGNAL) == 1; s++)
		usleep(50000);
}

static void answer(struct server *server, int fd)
{
	if (server->after == SLOWLY) {
		send_slowly(fd, server->answer);
		return;
	}
	send(fd, server->answer, server->len, MSG_NOSIGNAL);
	for (size_t i = 0; i < server->repeat; i += 4096) {
		char block[4096];

		memset(block, server->answer[server->len - 1], sizeof(block));
		if (send(fd, block, sizeof(block), MSG_NOSIGNAL) < 0)
			return;
	}
}

/* One connection: requests are small and come in one piece. */
static void serve(struct server *server, int fd)
{
	do {
		ssize_t n = recv(fd, server->request, sizeof(server->request) - 1, 0);

		if (n <= 0)
			return;
		server->request[n] = '\0';
		answer(server, fd);
	} while (server->after == SERVE_ON);
	if (server->after == STALL)
		recv(fd, server->request, 1, 0); /* until the client gives up */
}

static void *serve_all(void *arg)
{
	struct server *server = arg;
	int fd;

	while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
		server->n_accepted++;
		serve(server, fd);
		close(fd);
	}
	return NULL;
}

static void server_start(struct server *server, const char *text, enum after after)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	*server = (struct server){.answer = text, .len = strlen(text), .after = after};
	strcpy(server->folder, "/tmp/carve-test-XXXXXX");
	assert_non_null(mkdtemp(server->folder));
	snprintf(server->path, sizeof(server->path), "%s/socket", server->folder);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->path);
	server->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(0, bind(server->fd, (struct sockaddr *)&address, sizeof(address)));
	assert_int_equal(0, listen(server->fd, 4));
}

static void server_run(struct server *server)
{
	assert_int_equal(0, pthread_create(&server->thread, NULL, serve_all, server));
}

static void server_stop(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	close(server->fd);
	unlink(server->path);
	rmdir(server->folder);
}

/* One GET. Returns what client_call() does. */
static int get(struct server *server, unsigned patience_s, int stop_fd, struct err *err)
{
	struct client *client = NULL;
	json_t *json = NULL;
	int r;

	server_run(server);
	assert_int_equal(0, client_open(server->path, &client, err));
	client_set_patience(client, patience_s);
	client_set_stop(client, stop_fd);
	r = client_call(client, "GET", "/v1/x", NULL, &json, NULL, err);
	json_decref(json);
	client_close(client);
	server_stop(server);
	return r;
}

static void answers_are_read(void **state)
{
	static const char *const answers[] = {
		HEAD "Content-Length: 7\r\n\r\n{\"a\":1}",
		HEAD "content-length:7\n\n{\"a\":1}",
		HEAD "Content-Length: 7\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
		HEAD "Transfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\n4;x=y\r\n\":1}\r\n0\r\n\r\n",
		HEAD "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\nTrailer: x\r\n\r\n",
		"HTTP/1.1 202\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct server server;
		struct err err = ERR_INIT;

		server_start(&server, answers[i], HANG_UP);
		if (get(&server, 5, -1, &err))
			fail_msg("%s: %s", answers[i], err.text);
	}
}

static void hostile_answers_are_refused(void **state)
{
	static const struct {
		const char *answer, *says;
		size_t repeat;
	} cases[] = {
		{"", "hung up"},
		{HEAD, "hung up"},
		{"HTTP/1.1 2", "hung up"},
		{"SSH-2.0-x\r\n", "it is not HTTP/1.1"},
		{"HTTP/1.0 200 OK\r\n\r\n", "it is not HTTP/1.1"},
		{"HTTP/1.1 2000 OK\r\n\r\n", "it is not HTTP/1.1"},
		{"HTTP/1.1 999 OK\r\n\r\n", "it has no HTTP status"},
		{"HTTP/1.1 100 Continue\r\n\r\n", "it is only preliminary"},
		{HEAD "\r\n{}", "it has no length"},
		{HEAD "Content-Length: -1\r\n\r\n", "its length is no number"},
		{HEAD "Content-Length: 2x\r\n\r\n{}", "its length is no number"},
		{HEAD "Content-Length: 99999999999999999999\r\n\r\n", "its length is no number"},
		{HEAD "Content-Length: 9223372036854775807\r\n\r\n{}", "longer than 16 MiB"},
		{HEAD "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", "two lengths"},
		{HEAD "Content-Length: 16777217\r\n\r\n{}", "longer than 16 MiB"},
		{HEAD "Content-Length: 16777216\r\n\r\n{}", "hung up"},
		{HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
		 "length and chunks"},
		{HEAD "Transfer-Encoding: gzip\r\n\r\n", "is not 'chunked'"},
		{HEAD "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "size of a chunk"},
		{HEAD "Transfer-Encoding: chunked\r\n\r\n-2\r\n{}", "size of a chunk"},
		{HEAD "Transfer-Encoding: chunked\r\n\r\n123456789\r\n", "size of a chunk"},
		{HEAD "Transfer-Encoding: chunked\r\n\r\nffffffff\r\n{}", "longer than 16 MiB"},
		{HEAD "Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n", "a chunk does not end"},
		{HEAD "no field\r\n\r\n", "no field"},
		{HEAD " folded: x\r\n\r\n", "no field"},
		{HEAD "X: y", "one of its lines is too long", 1 << 20},
		{HEAD "X:y\n\n\n", "it has no length"},
		{HEAD "Content-Length: 2\r\n\r\n[]", "not a JSON object"},
		{HEAD "Content-Length: 3\r\n\r\n{]}", "not a JSON object"},
		{HEAD "Content-Length: 4\r\n\r\n{} x", "not a JSON object"},
		{HEAD "Content-Length: 13\r\n\r\n{\"a\":1,\"a\":2}", "not a JSON object"},
		{HEAD "Content-Length: 9\r\n\r\n{\"a\":\"\xff\"}", "not a JSON object"},
		{HEAD "Content-Length: 0\r\n\r\n", "not a JSON object"},
		{"HTTP/1.1 500 X\r\nContent-Length: 2\r\n\r\n{}", "status 500 without a reason"},
		{"HTTP/1.1 500 X\r\nContent-Length: 11\r\n\r\n{\"error\":7}", "without a reason"},
		{"HTTP/1.1 302 X\r\nContent-Length: 2\r\n\r\n{}", "status 302 without a reason"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server server;
		struct err err = ERR_INIT;

		server_start(&server, cases[i].answer, HANG_UP);
		server.repeat = cases[i].repeat;
		if (get(&server, 5, -1, &err) != -ERR_UNAVAILABLE ||
		    !strstr(err.text, cases[i].says))
			fail_msg("case %zu: expected '%s', got %s '%s'", i, cases[i].says,
				 err_name(err.code), err.text);
	}
}

static void heads_without_end_are_refused(void **state)
{
	struct server server;
	struct text many = TEXT_INIT;
	struct err err = ERR_INIT;

	(void)state;
	text_add(&many, HEAD);
	for (int i = 0; i < 10000; i++)
		text_add(&many, "X: y\r\n");
	server_start(&server, text_str(&many), HANG_UP);
	assert_int_equal(get(&server, 5, -1, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "too many fields"));
	text_done(&many);
}

static void a_nul_in_the_head_is_refused(void **state)
{
	struct server server;
	struct err err = ERR_INIT;

	(void)state;
	server_start(&server, HEAD "X: ", HANG_UP);
	server.len++; /* with the NUL */
	assert_int_equal(get(&server, 5, -1, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "a NUL"));
}

static void patience_ends(void **state)
{
	static const struct {
		const char *answer;
		enum after after;
	} cases[] = {
		{"", STALL},
		{HEAD "Content-Length: 7\r\n\r\n{", STALL},
		{HEAD "Content-Length: 40\r\n\r\n{                                 }", SLOWLY},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t begin_ns = clock_monotonic_ns(), took_ms;
		struct server server;
		struct err err = ERR_INIT;

		server_start(&server, cases[i].answer, cases[i].after);
		assert_int_equal(get(&server, 1, -1, &err), -ERR_TIMEOUT);
		took_ms = (clock_monotonic_ns() - begin_ns) / 1000000;
		assert_in_range(took_ms, 900, 5000);
	}
}

static void a_stop_ends_it_at_once(void **state)
{
	int stop_fd = eventfd(1, EFD_CLOEXEC);
	int64_t begin_ns = clock_monotonic_ns();
	struct server server;
	struct err err = ERR_INIT;

	(void)state;
	server_start(&server, "", STALL);
	assert_int_equal(get(&server, 20, stop_fd, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "interrupted"));
	assert_true(clock_monotonic_ns() - begin_ns < INT64_C(10) * 1000000000);
	close(stop_fd);
}

static void an_error_arrives_whole(void **state)
{
	const char *body =
		"{\"error\":{\"code\":\"no-room\",\"text\":\"no small is free\",\"hint\":"
		"\"wait\",\"rule\":\"classes.small\",\"retry\":true}}";
	char text[512];
	struct server server;
	struct err err = ERR_INIT;

	(void)state;
	snprintf(text, sizeof(text), "HTTP/1.1 409 Conflict\r\nContent-Length: %zu\r\n\r\n%s",
		 strlen(body), body);
	server_start(&server, text, HANG_UP);
	assert_int_equal(get(&server, 5, -1, &err), -ERR_NO_ROOM);
	assert_string_equal(err.text, "no small is free");
	assert_string_equal(err.hint, "wait");
	assert_string_equal(err.rule, "classes.small");
}

static void an_unknown_or_null_error_is_internal(void **state)
{
	static const char *const codes[] = {"\"ok\"", "\"martian\"", "null"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		char body[128], text[256];
		struct server server;
		struct err err = ERR_INIT;

		snprintf(body, sizeof(body),
			 "{\"error\":{\"code\":%s,\"text\":\"x\",\"hint\":null}}", codes[i]);
		snprintf(text, sizeof(text), "HTTP/1.1 500 X\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(body), body);
		server_start(&server, text, HANG_UP);
		assert_int_equal(get(&server, 5, -1, &err), -ERR_INTERNAL);
		assert_string_equal(err.hint, "");
	}
}

/* Twice on one client: one connection when the server keeps it, two when it hangs up. */
static void connections_are_kept_or_made_anew(void **state)
{
	static const struct {
		const char *answer;
		enum after after;
		int accepted;
	} cases[] = {
		{HEAD "Content-Length: 2\r\n\r\n{}", SERVE_ON, 1},
		{HEAD "Content-Length: 2\r\n\r\n{}", HANG_UP, 2},
		{HEAD "Connection: close\r\nContent-Length: 2\r\n\r\n{}", SERVE_ON, 2},
		{HEAD "Content-Length: 2\r\n\r\n{}junk", SERVE_ON, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct server server;
		struct client *client = NULL;
		struct err err = ERR_INIT;

		server_start(&server, cases[i].answer, cases[i].after);
		server_run(&server);
		assert_int_equal(0, client_open(server.path, &client, &err));
		for (int call = 0; call < 2; call++) {
			json_t *json = NULL;

			if (client_call(client, "GET", "/", NULL, &json, NULL, &err))
				fail_msg("case %zu: %s", i, err.text);
			json_decref(json);
			usleep(20000); /* the server hangs up behind its answer */
		}
		client_close(client);
		server_stop(&server);
		assert_int_equal(server.n_accepted, cases[i].accepted);
	}
}

static void a_request_is_exact(void **state)
{
	json_t *body = json_pack("{s:s, s:b}", "class", "small", "wait", 1), *json = NULL;
	struct server server;
	struct client *client = NULL;
	struct err err = ERR_INIT;
	int status = 0;

	(void)state;
	server_start(&server, "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}", HANG_UP);
	server_run(&server);
	assert_int_equal(0, client_open(server.path, &client, &err));
	assert_int_equal(0, client_call(client, "POST", "/v1/leases", body, &json, &status, &err));
	assert_int_equal(status, 201);
	client_close(client);
	server_stop(&server);
	assert_string_equal(server.request,
			    "POST /v1/leases HTTP/1.1\r\nHost: localhost\r\n"
			    "User-Agent: carve/" CARVE_VERSION "\r\nAccept: application/json\r\n"
			    "Content-Type: application/json\r\nContent-Length: 29\r\n\r\n"
			    "{\"class\":\"small\",\"wait\":true}");
	json_decref(body);
	json_decref(json);
}

static void nobody_there_is_explained(void **state)
{
	char folder[] = "/tmp/carve-test-XXXXXX", path[64], long_path[200];
	struct client *client = NULL;
	struct err err = ERR_INIT;
	FILE *file;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	assert_int_equal(client_open(path, &client, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "there is no socket"));
	assert_non_null(strstr(err.hint, "systemctl start carved"));
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(client_open(path, &client, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "nobody listens"));
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(client_open(long_path, &client, &err), -ERR_INVALID);
	assert_null(client);
	unlink(path);
	rmdir(folder);
}

static void texts_are_escaped(void **state)
{
	char buf[32], small[4];

	(void)state;
	assert_string_equal(client_escape(buf, sizeof(buf), "a-Z_0.~"), "a-Z_0.~");
	assert_string_equal(client_escape(buf, sizeof(buf), "a b&c=\r\n"), "a%20b%26c%3D%0D%0A");
	assert_string_equal(client_escape(buf, sizeof(buf), "\xc3\xa4"), "%C3%A4");
	assert_string_equal(client_escape(small, sizeof(small), "abc"), "abc");
	assert_string_equal(client_escape(small, sizeof(small), "abcd"), "");
	assert_string_equal(client_escape(small, sizeof(small), "ab&"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
		cmocka_unit_test(hostile_answers_are_refused),
		cmocka_unit_test(heads_without_end_are_refused),
		cmocka_unit_test(a_nul_in_the_head_is_refused),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(a_stop_ends_it_at_once),
		cmocka_unit_test(an_error_arrives_whole),
		cmocka_unit_test(an_unknown_or_null_error_is_internal),
		cmocka_unit_test(connections_are_kept_or_made_anew),
		cmocka_unit_test(a_request_is_exact),
		cmocka_unit_test(nobody_there_is_explained),
		cmocka_unit_test(texts_are_escaped),
	};

	return tap_run(tests);
}
