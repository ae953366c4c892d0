#include "cli/signals.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/array.h"

static const int stops[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP};
static const int others[] = {SIGUSR1, SIGUSR2, SIGCHLD};

static void add_all(sigset_t *set, const int *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sigaddset(set, numbers[i]);
}

int signals_open(struct signals *ret, struct err *err)
{
	struct signals signals = SIGNALS_NONE;
	sigset_t stop, all;

	sigemptyset(&stop);
	add_all(&stop, stops, ARRAY_SIZE(stops));
	all = stop;
	add_all(&all, others, ARRAY_SIZE(others));
	/* Whoever started us may ignore it: then a child's end would go unnoticed. */
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &all, &signals.before);
	signals.stop_fd = signalfd(-1, &stop, SFD_CLOEXEC | SFD_NONBLOCK);
	signals.all_fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (signals.stop_fd < 0 || signals.all_fd < 0) {
		signals_close(&signals);
		return fail(err, ERR_IO, "cannot watch signals: %s", strerror(errno));
	}
	*ret = signals;
	return 0;
}

void signals_close(struct signals *signals)
{
	if (signals->stop_fd >= 0)
		close(signals->stop_fd);
	if (signals->all_fd >= 0)
		close(signals->all_fd);
	signals->stop_fd = signals->all_fd = -1;
}

int signals_next(int fd)
{
	struct signalfd_siginfo info;

	return read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

bool signals_wait(int fd, int milliseconds)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};

	return poll(&poller, 1, milliseconds) > 0;
}

_Noreturn void signals_die(int signal_number)
{
	const struct rlimit none = {0, 0};
	sigset_t set;

	fflush(NULL);
	setrlimit(RLIMIT_CORE, &none);
	signal(signal_number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	raise(signal_number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + signal_number); /* one that does not end a process */
}
