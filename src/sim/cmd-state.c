/* The commands that are one step on the state: reboot, reset, check, latency. */
#include <stdio.h>

#include "sim/cmds.h"
#include "sim/holders.h"
#include "sim/tool-world.h"

struct force_wish {
	struct cmd_wish common;
	bool force;
};

static const struct cmd_opt force_opts[] = {
	{"force", OPT_FLAG, offsetof(struct force_wish, force),
	 .help = "kill the processes that hold GPUs"},
};

/* ---- reboot ---- */

static int reboot_run(struct cmd_call *call, struct err *err)
{
	const struct force_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	int r = tool_world_open(wish->common.dir, NULL, &world, err);

	r = r ? r : holders_clear(world, HOLDERS_EVERY_GPU, wish->force, "the server", err);
	if (r)
		return r;
	world_reboot(world_change(world));
	world_commit(world);
	return 0;
}

const struct cmd cmd_reboot = {
	.name = "reboot",
	.synopsis = "[--force]",
	.summary = "Reboot the server",
	CMD_OPTS(force_opts),
	.wish_size = sizeof(struct force_wish),
	.run = reboot_run,
};

/* ---- reset ---- */

static int find_gpu(struct world *world, const char *word, unsigned *ret, struct err *err)
{
	int r = tool_gpu(world_read(world), word, ret, err);

	world_done(world);
	return r;
}

static int reset_gpu(struct world *world, unsigned gpu, struct err *err)
{
	struct world_state *state;
	nvmlReturn_t code;

	world_work(world, gpu, WORLD_WORK_RESET, 0);
	state = world_change(world);
	world_reap(state);
	code = world_reset(state, gpu);
	if (code != NVML_SUCCESS) {
		world_abandon(world);
		return tool_code(code, err, "GPU %u cannot be reset", gpu);
	}
	world_commit(world);
	return 0;
}

static int reset_run(struct cmd_call *call, struct err *err)
{
	const struct force_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	char what[16];
	unsigned gpu;
	int r = tool_world_open(wish->common.dir, NULL, &world, err);

	r = r ? r : find_gpu(world, call->args[0], &gpu, err);
	if (r)
		return r;
	snprintf(what, sizeof(what), "GPU %u", gpu);
	r = holders_clear(world, (int)gpu, wish->force, what, err);
	return r ? r : reset_gpu(world, gpu, err);
}

const struct cmd cmd_reset = {
	.name = "reset",
	.synopsis = "[--force] GPU",
	.summary = "Reset a GPU: pending MIG mode takes effect, instances are gone",
	CMD_OPTS(force_opts),
	.wish_size = sizeof(struct force_wish),
	.min_args = 1,
	.max_args = 1,
	.run = reset_run,
};

/* ---- check ---- */

static void count_instances(const struct world_state *state, unsigned *ret_gis, unsigned *ret_cis)
{
	*ret_gis = *ret_cis = 0;
	for (unsigned gpu = 0; gpu < state->n_gpus; gpu++)
		for (unsigned gi = 0; gi < WORLD_MAX_GIS; gi++) {
			*ret_gis += state->gpus[gpu].gis[gi].exists;
			for (unsigned ci = 0; ci < WORLD_MAX_CIS; ci++)
				*ret_cis += state->gpus[gpu].gis[gi].cis[ci].exists;
		}
}

static int check_run(struct cmd_call *call, struct err *err)
{
	const struct cmd_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	const struct world_state *state;
	unsigned gis, cis;
	int r = tool_world_open(wish->dir, NULL, &world, err);

	if (r)
		return r;
	state = world_read(world);
	r = world_check(state, err);
	count_instances(state, &gis, &cis);
	if (!r)
		printf("every invariant holds: %u GPUs, %u GPU instances, %u compute instances, "
		       "%u processes\n",
		       state->n_gpus, gis, cis, state->n_processes);
	world_done(world);
	return r;
}

const struct cmd cmd_check = {
	.name = "check",
	.synopsis = "",
	.summary = "Verify every invariant of the state file",
	.wish_size = sizeof(struct cmd_wish),
	.run = check_run,
};

/* ---- latency ---- */

static int latency_run(struct cmd_call *call, struct err *err)
{
	const struct cmd_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	double factor;
	int r = cmd_factor(call->args[0], &factor, err);

	r = r ? r : tool_world_open(wish->dir, NULL, &world, err);
	if (r)
		return r;
	world_change(world)->latency = factor;
	world_commit(world);
	return 0;
}

const struct cmd cmd_latency = {
	.name = "latency",
	.synopsis = "FACTOR",
	.summary = "Change the world's delays: 0 none, 1 as measured",
	.wish_size = sizeof(struct cmd_wish),
	.min_args = 1,
	.max_args = 1,
	.run = latency_run,
};
