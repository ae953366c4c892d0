#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "sim/cmds.h"
#include "sim/plan-world.h"
#include "sim/tool-load.h"
#include "sim/tool-world.h"

#define NS_PER_S   1e9
#define LONGEST_NS 4e18 /* a century: with the clock in front it fits its type */

struct replay_wish {
	struct cmd_wish common;
	double speed;
};

static const struct replay_wish defaults = {.speed = 1};

static const struct cmd_opt replay_opts[] = {
	{"speed", OPT_FACTOR, offsetof(struct replay_wish, speed), .arg = "FACTOR",
	 .help = "so many times as fast (default 1)"},
};

struct replay {
	const char *dir;
	const struct world_plan *plan;
	struct plan_ids ids;
	double speed;
	int64_t start_ns;
	pid_t children[PLAN_MAX_PROCESSES]; /* 0: ended, or not started */
	int exit_status;		    /* of the first that went wrong */
};

/* ---- where the instances of the file are in the world ---- */

static int check_boards(const struct world_plan *plan, const struct world_state *state,
			struct err *err)
{
	if (plan->n_gpus > state->n_gpus)
		return fail(err, ERR_INVALID, "the file has %zu GPUs, the world has %u",
			    plan->n_gpus, state->n_gpus);
	for (unsigned i = 0; i < plan->n_gpus; i++)
		if (world_board(&state->gpus[i]) != plan->gpus[i].board)
			return fail(err, ERR_INVALID,
				    "GPU %u is a %s in the file, a %s in the world", i,
				    plan->gpus[i].board->id, world_board(&state->gpus[i])->id);
	return 0;
}

/* Build the file's layout once more, aside: the rules give the same ids again. */
static int find_ids(struct world_plan *plan, const struct world_state *now, struct plan_ids *ret,
		    struct err *err)
{
	cleanup(free) struct world_state *aside = calloc(1, sizeof(*aside));
	struct world_spec spec;
	int r = check_boards(plan, now, err);

	if (r)
		return r;
	if (!aside)
		return fail(err, ERR_NOMEM, "no memory for a second world");
	for (unsigned i = 0; i < plan->n_gpus; i++)
		plan->gpus[i].flip = now->gpus[i].flip;
	plan->fixed_order = now->fixed_order;
	plan_spec(plan, &spec);
	r = world_state_init(aside, &spec, err);
	return r ? r : plan_build(plan, aside, ret, err);
}

static struct tool_device device_of(const struct replay *replay, const struct plan_process *process)
{
	struct tool_device device = {process->gpu, WORLD_NONE, WORLD_NONE};

	if (process->has_instance) {
		device.gi = replay->ids.gi[process->gpu][process->instance];
		device.ci = replay->ids.ci[process->gpu][process->instance][process->compute];
	}
	return device;
}

/* Seconds of the file, as long as they last here. */
static int64_t lasting_ns(const struct replay *replay, int64_t seconds)
{
	return (int64_t)fmin((double)seconds * NS_PER_S / replay->speed, LONGEST_NS);
}

/* ---- one process ---- */

static void say(const struct plan_process *process)
{
	char memory[32], time[32];

	size_format(memory, sizeof(memory), process->memory_bytes);
	duration_format(time, sizeof(time), process->for_s);
	printf("%5llds  pid %d %s on GPU %u: %s, %.0f%% busy, %s\n", (long long)process->at_s,
	       (int)getpid(), process->name, process->gpu, memory, process->busy * 100, time);
	fflush(stdout);
}

/* A child's whole life; its exit status. */
static int live(const struct replay *replay, const struct plan_process *process)
{
	cleanup(world_close) struct world *world = NULL;
	struct load load = {device_of(replay, process), process->memory_bytes, process->busy};
	struct err err = ERR_INIT;
	int status = 0, signal;
	int64_t end_ns = clock_monotonic_ns() + lasting_ns(replay, process->for_s);

	prctl(PR_SET_NAME, process->name);
	if (tool_world_open(replay->dir, NULL, &world, &err) ||
	    load_begin(&load, world, process->name, &status, &err)) {
		fail_in(&err, "%s at %llds: ", process->name, (long long)process->at_s);
		cmd_complain(&err);
		return status ? status : err_exit_status(err.code);
	}
	say(process);
	signal = load_wait_until(end_ns);
	load_end(world);
	load_die_of(signal);
	return 0;
}

static int start(struct replay *replay, size_t i, struct err *err)
{
	const struct plan_process *process = &replay->plan->processes[i];
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return fail(err, ERR_IO, "cannot start '%s': %s", process->name, strerror(errno));
	if (pid == 0) {
		/* Without us nobody would end them. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		_exit(getppid() == parent ? live(replay, process) : 0);
	}
	replay->children[i] = pid;
	return 0;
}

/* ---- all of them ---- */

static void collect(struct replay *replay)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (size_t i = 0; i < replay->plan->n_processes; i++)
			if (replay->children[i] == pid)
				replay->children[i] = 0;
		if (WIFEXITED(status) && !replay->exit_status)
			replay->exit_status = WEXITSTATUS(status);
	}
}

/* The next in time that has not been started; n_processes when all have. */
static size_t next_process(const struct replay *replay, const bool *started)
{
	const struct world_plan *plan = replay->plan;
	size_t next = plan->n_processes;

	for (size_t i = 0; i < plan->n_processes; i++)
		if (!started[i] && (next == plan->n_processes ||
				    plan->processes[i].at_s < plan->processes[next].at_s))
			next = i;
	return next;
}

static bool any_lives(const struct replay *replay)
{
	for (size_t i = 0; i < replay->plan->n_processes; i++)
		if (replay->children[i])
			return true;
	return false;
}

static void end_all(struct replay *replay)
{
	for (size_t i = 0; i < replay->plan->n_processes; i++)
		if (replay->children[i])
			kill(replay->children[i], SIGTERM);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int play(struct replay *replay, int *ret_signal, struct err *err)
{
	const struct world_plan *plan = replay->plan;
	bool started[PLAN_MAX_PROCESSES] = {false};

	for (size_t i; (i = next_process(replay, started)) < plan->n_processes;) {
		int64_t after_ns = lasting_ns(replay, plan->processes[i].at_s);
		int r = 0;

		*ret_signal = load_wait_until(replay->start_ns + after_ns);
		collect(replay);
		if (!*ret_signal)
			r = start(replay, i, err);
		if (r || *ret_signal)
			return r;
		started[i] = true;
	}
	while (any_lives(replay) && !(*ret_signal = load_wait_for_child()))
		collect(replay);
	return 0;
}

static int replay_run(struct cmd_call *call, struct err *err)
{
	const struct replay_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	cleanup(free) struct world_plan *plan = plan_new();
	cleanup(free) struct world_state *state = NULL;
	struct replay replay = {.plan = plan, .speed = wish->speed};
	struct place place;
	int signal = 0, r;

	if (!plan)
		return fail(err, ERR_NOMEM, "no memory for a plan");
	if (wish->speed <= 0)
		return fail(err, ERR_INVALID, "--speed must be more than 0");
	r = plan_load(plan, call->args[0], err);
	r = r ? r : tool_world_open(wish->common.dir, &place, &world, err);
	r = r ? r : tool_world_copy(world, &state, err);
	r = r ? r : find_ids(plan, state, &replay.ids, err);
	if (r)
		return r;
	replay.dir = place.dir;
	replay.start_ns = clock_monotonic_ns();
	load_block_signals();
	r = play(&replay, &signal, err);
	end_all(&replay);
	call->exit_status = replay.exit_status;
	load_die_of(signal);
	return r;
}

const struct cmd cmd_replay = {
	.name = "replay",
	.synopsis = "[--speed FACTOR] FILE",
	.summary = "Play the processes of a world file, each at its time",
	CMD_OPTS(replay_opts),
	.defaults = &defaults,
	.wish_size = sizeof(struct replay_wish),
	.min_args = 1,
	.max_args = 1,
	.run = replay_run,
};
