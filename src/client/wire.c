#include "client/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* connect() waits only while the listener's backlog is full. */
#define CONNECT_WAIT_S 10

static int connect_fail(const char *path, int error, struct err *err)
{
	switch (error) {
	case ENOENT:
		fail(err, ERR_UNAVAILABLE, "carved does not run here: there is no socket '%s'",
		     path);
		break;
	case ECONNREFUSED:
		fail(err, ERR_UNAVAILABLE, "carved does not run: nobody listens on '%s'", path);
		break;
	case EACCES:
	case EPERM:
		return fail(err, ERR_DENIED, "'%s': you may not connect to it", path);
	case EAGAIN:
		return fail(err, ERR_UNAVAILABLE, "carved does not accept: '%s' is full", path);
	default:
		return fail(err, ERR_IO, "cannot connect to '%s': %s", path, strerror(error));
	}
	return fail_hint(err, "start it (systemctl start carved), or name another socket with "
			      "--socket or CARVE_SOCKET");
}

int wire_open(struct wire *wire, const char *path, struct err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval wait = {.tv_sec = CONNECT_WAIT_S};
	cleanup(close) int fd = -1;

	if (!path[0] || strlen(path) >= sizeof(address.sun_path))
		return fail(err, ERR_INVALID, "socket '%.200s': its path must have 1 to %zu bytes",
			    path, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(err, ERR_IO, "cannot make a socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)))
		return connect_fail(path, errno, err);
	wire->fd = steal_fd(&fd);
	wire->at = wire->len = 0;
	return 0;
}

void wire_close(struct wire *wire)
{
	if (wire->fd >= 0)
		close(wire->fd);
	wire->fd = -1;
	wire->at = wire->len = 0;
}

bool wire_is_idle(const struct wire *wire)
{
	struct pollfd poller = {.fd = wire->fd, .events = POLLIN};

	return wire->fd >= 0 && wire->at == wire->len && poll(&poller, 1, 0) == 0;
}

/* Milliseconds to the deadline, rounded up, so that poll() never spins. */
static int patience_ms(const struct wire *wire)
{
	int64_t left_ns = wire->deadline_ns - clock_monotonic_ns();

	return left_ns > 0 ? (int)(left_ns / 1000000) + 1 : 0;
}

static int wait_for(const struct wire *wire, short events, struct err *err)
{
	struct pollfd pollers[] = {
		{.fd = wire->fd, .events = events},
		{.fd = wire->stop_fd, .events = POLLIN},
	};
	int n;

	do {
		n = poll(pollers, 2, patience_ms(wire));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return fail(err, ERR_IO, "cannot wait for carved: %s", strerror(errno));
	if (n == 0)
		return fail(err, ERR_TIMEOUT, "carved does not answer in time");
	if (pollers[1].revents)
		return fail(err, ERR_UNAVAILABLE, "interrupted while carved was asked");
	return 0;
}

int wire_send(struct wire *wire, const char *bytes, size_t len, struct err *err)
{
	while (len) {
		ssize_t n = send(wire->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return fail(err, ERR_UNAVAILABLE, "cannot send to carved: %s",
				    strerror(errno));
		r = wait_for(wire, POLLOUT, err);
		if (r)
			return r;
	}
	return 0;
}

/* Read some more into the empty buffer. */
static int fill(struct wire *wire, struct err *err)
{
	for (;;) {
		ssize_t n = recv(wire->fd, wire->buf, sizeof(wire->buf), MSG_DONTWAIT);
		int r;

		if (n > 0) {
			wire->at = 0;
			wire->len = (size_t)n;
			return 0;
		}
		if (n == 0 || errno == ECONNRESET)
			return fail(err, ERR_UNAVAILABLE, "carved hung up before it had answered");
		if (errno != EAGAIN && errno != EINTR)
			return fail(err, ERR_UNAVAILABLE, "cannot read from carved: %s",
				    strerror(errno));
		r = wait_for(wire, POLLIN, err);
		if (r)
			return r;
	}
}

int wire_read_line(struct wire *wire, char *line, size_t size, struct err *err)
{
	size_t n = 0;

	for (;;) {
		int r = wire->at < wire->len ? 0 : fill(wire, err);
		char c;

		if (r)
			return r;
		c = wire->buf[wire->at++];
		if (c == '\n')
			break;
		if (!c || n + 1 == size)
			return fail(err, ERR_UNAVAILABLE, "carved's answer makes no sense: %s",
				    c ? "one of its lines is too long"
				      : "a NUL where there is text");
		line[n++] = c;
	}
	if (n && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	return 0;
}

int wire_read(struct wire *wire, size_t len, struct text *text, struct err *err)
{
	while (len) {
		int r = wire->at < wire->len ? 0 : fill(wire, err);
		size_t n = wire->len - wire->at;

		if (r)
			return r;
		if (n > len)
			n = len;
		text_add_bytes(text, wire->buf + wire->at, n);
		wire->at += n;
		len -= n;
		if (text_failed(text))
			return fail(err, ERR_NOMEM, "no memory for carved's answer");
	}
	return 0;
}
