#include "cli/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"

/* Clocks are set now and then: look at the time at least so often. */
#define LOOK_MS 10000

struct child {
	pid_t pid;
	const struct child_limit *limit;
	int64_t next_s; /* when SIGTERM, then SIGKILL is due */
	enum { CHILD_IN_TIME, CHILD_TERMINATED, CHILD_KILLED } act;
};

/* In the child. Only comes back to tell errno. */
static void become(char **argv, const struct child_variable *variables,
		   const struct signals *signals, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(128 + SIGTERM); /* it died before we asked for the signal */
	for (; variables->name; variables++)
		if (setenv(variables->name, variables->value, 1))
			return;
	sigprocmask(SIG_SETMASK, &signals->before, NULL);
	execvp(argv[0], argv);
}

static int exec_fail(const char *name, int error, struct err *err)
{
	return fail(err, error == ENOENT ? ERR_NOT_FOUND : ERR_DENIED, "cannot run '%.200s': %s",
		    name, strerror(error));
}

/* A pipe that execvp() closes tells success by its end, else errno comes through it. */
static int spawn(char **argv, const struct child_variable *variables, const struct signals *signals,
		 pid_t *ret, struct err *err)
{
	cleanup(close) int from = -1;
	pid_t parent = getpid(), pid;
	int ends[2], error = 0;

	if (pipe2(ends, O_CLOEXEC))
		return fail(err, ERR_IO, "cannot make a pipe: %s", strerror(errno));
	from = ends[0];
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		become(argv, variables, signals, parent);
		error = errno;
		if (write(ends[1], &error, sizeof(error)) < 0)
			_exit(126);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0)
		return fail(err, ERR_NOMEM, "cannot make a process: %s", strerror(errno));
	if (read(from, &error, sizeof(error)) == sizeof(error)) {
		waitpid(pid, NULL, 0);
		return exec_fail(argv[0], error, err);
	}
	*ret = pid;
	return 0;
}

static void pass_on(const struct child *child, int signal_number)
{
	if (signal_number == SIGTERM || signal_number == SIGHUP || signal_number == SIGUSR1 ||
	    signal_number == SIGUSR2)
		kill(child->pid, signal_number);
}

/* A stopped child would not notice. */
static void terminate(const struct child *child)
{
	kill(child->pid, SIGTERM);
	kill(child->pid, SIGCONT);
}

static void act_on_time(struct child *child)
{
	int64_t now_s = clock_now_s();

	if (!child->limit->has_end || child->act == CHILD_KILLED || now_s < child->next_s)
		return;
	if (child->act == CHILD_IN_TIME && child->limit->look) {
		child->next_s = child->limit->look(child->limit->arg, now_s);
		if (child->next_s > now_s)
			return;
	}
	if (child->act == CHILD_IN_TIME) {
		fprintf(stderr,
			"carve: the lease is over: SIGTERM now, SIGKILL in %" PRId64 " seconds\n",
			child->limit->grace_s);
		terminate(child);
		child->act = CHILD_TERMINATED;
		child->next_s = now_s + child->limit->grace_s;
		return;
	}
	fprintf(stderr, "carve: the command did not end: SIGKILL\n");
	kill(child->pid, SIGKILL);
	child->act = CHILD_KILLED;
}

static int patience_ms(const struct child *child)
{
	int64_t left_s = child->next_s - clock_now_s();

	if (!child->limit->has_end || child->act == CHILD_KILLED)
		return -1;
	if (left_s >= LOOK_MS / 1000)
		return LOOK_MS;
	return left_s > 0 ? (int)left_s * 1000 : 0;
}

static int wait_for_end(struct child *child, const struct signals *signals, int *ret_status,
			struct err *err)
{
	struct pollfd poller = {.fd = signals->all_fd, .events = POLLIN};

	for (;;) {
		pid_t ended = waitpid(child->pid, ret_status, WNOHANG);
		int signal_number;

		if (ended == child->pid)
			return 0;
		if (ended < 0)
			return fail(err, ERR_INTERNAL, "lost sight of the command: %s",
				    strerror(errno));
		poll(&poller, 1, patience_ms(child));
		while ((signal_number = signals_next(signals->all_fd)))
			pass_on(child, signal_number);
		act_on_time(child);
	}
}

int child_run(char **argv, const struct child_variable *variables, const struct signals *signals,
	      const struct child_limit *limit, int *ret_status, struct err *err)
{
	struct child child = {.limit = limit, .next_s = limit->end_s};
	int r = spawn(argv, variables, signals, &child.pid, err);

	return r ? r : wait_for_end(&child, signals, ret_status, err);
}
