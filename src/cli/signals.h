/*
 * signals.h - signals as something to read
 *
 * While a command waits for the daemon or for a child, signals are blocked and
 * read from descriptors, so that none arrives at the wrong moment.
 */
#pragma once

#include <signal.h>

#include "base/err.h"

struct signals {
	sigset_t before; /* the mask a child gets back */
	int stop_fd;	 /* SIGINT, SIGQUIT, SIGTERM, SIGHUP */
	int all_fd;	 /* these and SIGUSR1, SIGUSR2, SIGCHLD */
};

#define SIGNALS_NONE ((struct signals){.stop_fd = -1, .all_fd = -1})

/* Block them; they stay blocked until the process ends. err: IO */
int signals_open(struct signals *ret, struct err *err);
void signals_close(struct signals *signals);

static inline void cleanup_signals_close(struct signals *signals)
{
	signals_close(signals);
}

/* The next signal waiting at one of the descriptors, 0 when there is none. */
int signals_next(int fd);

/* Wait at most so long. true: a signal is waiting there. */
bool signals_wait(int fd, int milliseconds);

/* Die of a signal as if it had never been blocked, without a core of our own. */
_Noreturn void signals_die(int signal_number);
