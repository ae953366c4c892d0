#include "sim/holders.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

#define NAMED_AT_MOST 4
#define DIES_IN_MS    5000

struct holders {
	size_t n;
	struct world_process *list; /* one entry a process and device */
};

static void cleanup_holders(struct holders *holders)
{
	free(holders->list);
}

static int holders_find(struct world *world, int gpu, struct holders *ret, struct err *err)
{
	const struct world_state *state;

	ret->list = calloc(WORLD_MAX_PROCESSES, sizeof(*ret->list));
	if (!ret->list)
		return fail(err, ERR_NOMEM, "no memory for a list of processes");
	state = world_read(world);
	for (uint32_t i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];

		if ((gpu == HOLDERS_EVERY_GPU || process->gpu == gpu) &&
		    world_process_lives(process))
			ret->list[ret->n++] = *process;
	}
	world_done(world);
	return 0;
}

int holders_refuse(struct world *world, int gpu, const char *what, struct err *err)
{
	cleanup(text_done) struct text names = TEXT_INIT;
	cleanup(holders) struct holders holders = {0};
	int r = holders_find(world, gpu, &holders, err);

	if (r || !holders.n)
		return r;
	for (size_t i = 0; i < holders.n && i < NAMED_AT_MOST; i++)
		text_addf(&names, "%spid %u (%s) on GPU %u", i ? ", " : "", holders.list[i].pid,
			  holders.list[i].name, holders.list[i].gpu);
	if (holders.n > NAMED_AT_MOST)
		text_addf(&names, " and %zu more", holders.n - NAMED_AT_MOST);
	fail(err, ERR_BUSY, "%s is in use: %s", what, text_str(&names));
	return fail_hint(err, "--force kills %s", holders.n == 1 ? "it" : "them");
}

static int kill_one(const struct world_process *process, struct err *err)
{
	cleanup(close) int fd = (int)syscall(SYS_pidfd_open, (pid_t)process->pid, 0);
	struct pollfd end = {.fd = fd, .events = POLLIN};

	if (fd < 0 || !world_process_lives(process))
		return 0;
	if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0))
		return errno == ESRCH ? 0
				      : fail(err, errno == EPERM ? ERR_DENIED : ERR_IO,
					     "cannot kill pid %u (%s): %s", process->pid,
					     process->name, strerror(errno));
	if (poll(&end, 1, DIES_IN_MS) < 1)
		return fail(err, ERR_TIMEOUT, "pid %u (%s) does not die", process->pid,
			    process->name);
	return 0;
}

int holders_kill(struct world *world, int gpu, struct err *err)
{
	cleanup(holders) struct holders holders = {0};
	int r = holders_find(world, gpu, &holders, err);

	for (size_t i = 0; !r && i < holders.n; i++)
		r = kill_one(&holders.list[i], err);
	if (r)
		return r;
	world_reap(world_change(world));
	world_commit(world);
	return 0;
}

int holders_clear(struct world *world, int gpu, bool force, const char *what, struct err *err)
{
	return force ? holders_kill(world, gpu, err) : holders_refuse(world, gpu, what, err);
}
