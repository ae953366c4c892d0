/*
 * child.h - a command that is run on a lease, and the time it has
 *
 * The child is in our process group, so that the terminal's SIGINT, SIGQUIT
 * and stops reach it directly; SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2 are passed
 * on. It gets SIGTERM when we die.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "cli/signals.h"

struct child_variable {
	const char *name, *value;
};

struct child_limit {
	bool has_end;
	int64_t end_s;	 /* Unix clock: then comes SIGTERM */
	int64_t grace_s; /* and so much later SIGKILL */
	/*
	 * Asked when the end has come: a later end (it was prolonged), or now_s or
	 * earlier when it is over. NULL: the end is final.
	 */
	int64_t (*look)(void *arg, int64_t now_s);
	void *arg;
};

/*
 * Run argv[0] (found in PATH) and wait for its end.
 *
 *   variables   set in its environment; the last has name NULL
 *   ret_status  out: as waitpid() tells it
 *   err         NOT_FOUND, DENIED: it could not be executed; IO, NOMEM
 */
int child_run(char **argv, const struct child_variable *variables, const struct signals *signals,
	      const struct child_limit *limit, int *ret_status, struct err *err);
