#include "daemon/watch.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/proc.h"

struct watched {
	int64_t lease;
	pid_t pid;
	uint64_t pid_start;
	int fd; /* -1: it has ended, or the system has no file for it */
};

struct watch {
	int epoll, bell; /* the bell is for those without a file */
	struct watched *list;
	size_t n, cap;
};

int watch_new(struct watch **ret, struct err *err)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	struct epoll_event event = {.events = EPOLLIN};

	if (!watch)
		return fail(err, ERR_NOMEM, "no memory");
	watch->epoll = epoll_create1(EPOLL_CLOEXEC);
	watch->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch->epoll < 0 || watch->bell < 0 ||
	    epoll_ctl(watch->epoll, EPOLL_CTL_ADD, watch->bell, &event)) {
		watch_free(watch);
		return fail(err, ERR_IO, "epoll: %s", strerror(errno));
	}
	*ret = watch;
	return 0;
}

void watch_free(struct watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->n; i++)
		if (watch->list[i].fd >= 0)
			close(watch->list[i].fd);
	if (watch->epoll >= 0)
		close(watch->epoll);
	if (watch->bell >= 0)
		close(watch->bell);
	free(watch->list);
	free(watch);
}

int watch_fd(const struct watch *watch)
{
	return watch->epoll;
}

static bool is_same(pid_t pid, uint64_t pid_start)
{
	uint64_t start;

	return proc_start_time(pid, &start) && start == pid_start;
}

/* The pid is checked after it was opened, so it cannot change hands. */
static int open_process(pid_t pid, uint64_t pid_start)
{
	cleanup(close) int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd >= 0 && is_same(pid, pid_start) ? steal_fd(&fd) : -1;
}

void watch_remove(struct watch *watch, int64_t lease)
{
	for (size_t i = 0; i < watch->n; i++) {
		if (watch->list[i].lease != lease)
			continue;
		if (watch->list[i].fd >= 0)
			close(watch->list[i].fd); /* leaves the epoll with it */
		watch->list[i] = watch->list[--watch->n];
		return;
	}
}

void watch_add(struct watch *watch, int64_t lease, pid_t pid, uint64_t pid_start)
{
	struct epoll_event event = {.events = EPOLLIN};
	uint64_t one = 1;
	int fd;

	watch_remove(watch, lease);
	if (array_reserve(&watch->list, &watch->cap, watch->n, sizeof(*watch->list)))
		return;
	fd = open_process(pid, pid_start);
	if (fd >= 0 && epoll_ctl(watch->epoll, EPOLL_CTL_ADD, fd, &event)) {
		close(fd);
		fd = -1;
	}
	watch->list[watch->n++] = (struct watched){lease, pid, pid_start, fd};
	if (fd < 0)
		(void)!write(watch->bell, &one, sizeof(one));
}

static bool has_ended(const struct watched *watched)
{
	struct pollfd poll_fd = {.fd = watched->fd, .events = POLLIN};

	return watched->fd < 0 ? !is_same(watched->pid, watched->pid_start)
			       : poll(&poll_fd, 1, 0) == 1;
}

bool watch_next(struct watch *watch, int64_t *ret_lease)
{
	uint64_t n;

	(void)!read(watch->bell, &n, sizeof(n));
	for (size_t i = 0; i < watch->n; i++) {
		if (!has_ended(&watch->list[i]))
			continue;
		*ret_lease = watch->list[i].lease;
		watch_remove(watch, *ret_lease);
		return true;
	}
	return false;
}
