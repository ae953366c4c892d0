#include "sim/tool-load.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "sim/tool-world.h"

#define NS_PER_S 1000000000

static void deadly_signals(sigset_t *ret)
{
	static const int deadly[] = {SIGTERM, SIGINT, SIGHUP};

	sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(deadly); i++)
		sigaddset(ret, deadly[i]);
}

void load_block_signals(void)
{
	sigset_t set;

	deadly_signals(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

int load_wait_until(int64_t deadline_ns)
{
	sigset_t set;

	deadly_signals(&set);
	for (;;) {
		int64_t left_ns = deadline_ns - clock_monotonic_ns();
		struct timespec left = {.tv_sec = left_ns / NS_PER_S,
					.tv_nsec = left_ns % NS_PER_S};
		int got;

		if (left_ns < 0)
			left = (struct timespec){0};
		got = sigtimedwait(&set, NULL, &left);
		if (got > 0)
			return got;
		if (errno == EAGAIN && left_ns <= 0)
			return 0;
	}
}

int load_wait_for_child(void)
{
	sigset_t set;
	int got;

	deadly_signals(&set);
	sigaddset(&set, SIGCHLD);
	got = sigwaitinfo(&set, NULL);
	return got == SIGCHLD || got < 0 ? 0 : got;
}

void load_die_of(int signal)
{
	sigset_t set;

	if (!signal)
		return;
	fflush(stdout);
	sigemptyset(&set);
	sigaddset(&set, signal);
	sigaction(signal, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
	raise(signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* ---- what the world says ---- */

static int out_of_memory(const struct load *load, struct world *world, struct err *err)
{
	const struct world_state *state = world_read(world);
	const char *what = load->device.gi == WORLD_NONE ? "GPU" : "instance";
	struct world_memory memory;
	uint64_t left_bytes, own_bytes = 0, others_bytes = 0;
	char asked[32], left[32], others[32];

	world_memory(state, load->device.gpu, load->device.gi, &memory);
	for (uint32_t i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];

		if (process->gpu != load->device.gpu || process->gi != load->device.gi)
			continue;
		*(process->pid == (uint32_t)getpid() ? &own_bytes : &others_bytes) +=
			process->memory_bytes;
	}
	world_done(world);
	left_bytes = memory.total_bytes - memory.reserved_bytes - memory.used_bytes + own_bytes;
	size_format(asked, sizeof(asked), load->memory_bytes);
	size_format(left, sizeof(left), left_bytes);
	if (!others_bytes)
		return fail(err, ERR_NO_ROOM, "out of memory: asked %s, the %s has %s", asked, what,
			    left);
	return fail(err, ERR_NO_ROOM, "out of memory: asked %s, the %s has %s left; others use %s",
		    asked, what, left, size_format(others, sizeof(others), others_bytes));
}

static struct world_process entry_of(const struct load *load, const char *name)
{
	struct world_process process = {
		.pid = (uint32_t)getpid(),
		.gpu = (uint8_t)load->device.gpu,
		.gi = load->device.gi,
		.ci = load->device.ci,
		.memory_bytes = load->memory_bytes,
		.busy = load->busy,
	};

	if (name)
		snprintf(process.name, sizeof(process.name), "%s", name);
	else
		prctl(PR_GET_NAME, process.name);
	return process;
}

static int change(const struct load *load, struct world *world,
		  nvmlReturn_t (*act)(struct world_state *, const struct world_process *),
		  const char *name, int *ret_exit, struct err *err)
{
	const struct world_process process = entry_of(load, name);
	struct world_state *state = world_change(world);
	nvmlReturn_t code;

	world_reap(state); /* what the dead held is free */
	code = act(state, &process);
	if (code == NVML_SUCCESS) {
		world_commit(world);
		return 0;
	}
	world_abandon(world);
	*ret_exit = code == NVML_ERROR_MEMORY ? LOAD_EXIT_MEMORY : LOAD_EXIT_DEVICE;
	if (code == NVML_ERROR_MEMORY)
		return out_of_memory(load, world, err);
	return tool_code(code, err, "GPU %u cannot be used", load->device.gpu);
}

int load_begin(const struct load *load, struct world *world, const char *name, int *ret_exit,
	       struct err *err)
{
	return change(load, world, world_process_add, name, ret_exit, err);
}

int load_change(const struct load *load, struct world *world, int *ret_exit, struct err *err)
{
	return change(load, world, world_process_set, NULL, ret_exit, err);
}

void load_end(struct world *world)
{
	if (world_is_gone(world))
		return;
	world_process_remove(world_change(world), (uint32_t)getpid());
	world_commit(world);
}
