#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/sizes.h"
#include "sim/cmds.h"
#include "sim/load-model.h"
#include "sim/tool-load.h"
#include "sim/tool-world.h"

#define NS_PER_S 1000000000

struct load_wish {
	struct cmd_wish common;
	bool has_busy, has_grow, has_rate, has_batch, has_burst, quiet;
	uint64_t memory_bytes, grow_bytes;
	double busy, rate;
	int64_t for_s, late_s, batch, burst;
	const char *model, *figures;
};

static const struct load_wish defaults = {.busy = 1, .batch = 1, .burst = 1};

static const struct cmd_opt load_opts[] = {
	{"memory", OPT_SIZE, offsetof(struct load_wish, memory_bytes), .arg = "SIZE",
	 .help = "device memory it allocates", .required = true},
	{"busy", OPT_SHARE, offsetof(struct load_wish, busy), offsetof(struct load_wish, has_busy),
	 .arg = "SHARE", .help = "share of the device's time (default 100%)"},
	{"for", OPT_DURATION, offsetof(struct load_wish, for_s), .arg = "TIME",
	 .help = "how long it stays", .required = true},
	{"late", OPT_DURATION, offsetof(struct load_wish, late_s), .arg = "TIME",
	 .help = "wait so long before the device is opened"},
	{"grow", OPT_SIZE, offsetof(struct load_wish, grow_bytes),
	 offsetof(struct load_wish, has_grow), .arg = "SIZE",
	 .help = "allocate so much more every second"},
	{"quiet", OPT_FLAG, offsetof(struct load_wish, quiet), .help = "print nothing on success"},
	{"model", OPT_TEXT, offsetof(struct load_wish, model), .arg = "NAME",
	 .help = "serve inference requests at the speed measured for this model"},
	{"rate", OPT_FACTOR, offsetof(struct load_wish, rate), offsetof(struct load_wish, has_rate),
	 .arg = "N", .help = "requests a second, at random times"},
	{"batch", OPT_NUMBER, offsetof(struct load_wish, batch),
	 offsetof(struct load_wish, has_batch), 1, 1024, "N",
	 "serve up to so many at once (default 1)"},
	{"burst", OPT_NUMBER, offsetof(struct load_wish, burst),
	 offsetof(struct load_wish, has_burst), 1, 100000, "N",
	 "requests arrive in groups of so many (default 1)"},
	{"gpu-model", OPT_TEXT, offsetof(struct load_wish, figures), .arg = "BOARD",
	 .help = "take the figures measured on this board"},
};

static int check_wish(const struct load_wish *wish, struct err *err)
{
	if (wish->model && (wish->has_busy || wish->has_grow))
		return fail(err, ERR_INVALID,
			    "--model decides how busy it is: no --busy, no --grow");
	if (wish->model && (!wish->has_rate || wish->rate <= 0))
		return fail(err, ERR_INVALID,
			    "--model needs --rate, more than 0 requests a second");
	if (!wish->model && (wish->has_rate || wish->has_batch || wish->has_burst || wish->figures))
		return fail(err, ERR_INVALID,
			    "--rate, --batch, --burst and --gpu-model belong to --model");
	return 0;
}

/* The device, which this process may open; its name in messages. */
static int find_device(struct world *world, struct tool_device *ret, char *name, size_t size,
		       struct err *err)
{
	const struct world_state *state = world_read(world);
	struct world_gpu gpu;
	int r = tool_device_find(state, getenv("CUDA_VISIBLE_DEVICES"), ret, err);

	if (!r) {
		gpu = state->gpus[ret->gpu];
		tool_device_name(&gpu, ret, name, size);
	}
	world_done(world);
	return r ? r : tool_device_open(&gpu, ret, err);
}

static void say_start(const struct load_wish *wish, const char *name)
{
	char memory[32], time[32];

	if (wish->quiet)
		return;
	size_format(memory, sizeof(memory), wish->memory_bytes);
	duration_format(time, sizeof(time), wish->for_s);
	if (wish->model)
		printf("%s: %s, %s at %g requests a second, %s\n", name, memory, wish->model,
		       wish->rate, time);
	else
		printf("%s: %s, %.0f%% busy, %s\n", name, memory, wish->busy * 100, time);
	fflush(stdout);
}

/* Stay until the end, a signal or a refusal. */
static int occupy(const struct load_wish *wish, struct world *world, struct load *load,
		  int *ret_signal, int *ret_exit, struct err *err)
{
	int64_t now_ns = clock_monotonic_ns(), end_ns = now_ns + wish->for_s * NS_PER_S;
	int64_t next_ns = wish->grow_bytes ? now_ns + NS_PER_S : end_ns;
	int r = 0;

	for (; next_ns < end_ns; next_ns += NS_PER_S) {
		*ret_signal = load_wait_until(next_ns);
		if (*ret_signal)
			return 0;
		if (wish->grow_bytes > UINT64_MAX - load->memory_bytes)
			return fail(err, ERR_NO_ROOM, "--grow: too much memory");
		load->memory_bytes += wish->grow_bytes;
		r = load_change(load, world, ret_exit, err);
		if (r)
			return r;
	}
	*ret_signal = load_wait_until(end_ns);
	return 0;
}

static int run_on_device(const struct load_wish *wish, struct world *world, struct load *load,
			 const char *name, int *ret_signal, int *ret_exit, struct err *err)
{
	struct model_wish model = {wish->model, wish->figures, wish->rate, wish->batch,
				   wish->burst, wish->for_s,   wish->quiet};
	struct service service = {0};
	int r = wish->model ? load_model_find(&model, world, &load->device, &service, err) : 0;

	r = r ? r : load_begin(load, world, NULL, ret_exit, err);
	if (r)
		return r;
	say_start(wish, name);
	r = wish->model ? load_model_serve(&model, &service, world, load, ret_signal, err)
			: occupy(wish, world, load, ret_signal, ret_exit, err);
	load_end(world);
	return r;
}

static int load_run(struct cmd_call *call, struct err *err)
{
	const struct load_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	struct load load = {.memory_bytes = wish->memory_bytes,
			    .busy = wish->model ? 0 : wish->busy};
	int signal = 0, r = check_wish(wish, err);
	char name[96];

	if (r)
		return r;
	load_block_signals();
	load_die_of(load_wait_until(clock_monotonic_ns() + wish->late_s * NS_PER_S));
	r = tool_world_open(wish->common.dir, NULL, &world, err);
	if (r)
		return r;
	if (find_device(world, &load.device, name, sizeof(name), err)) {
		call->exit_status = LOAD_EXIT_DEVICE;
		return -(int)err->code;
	}
	r = run_on_device(wish, world, &load, name, &signal, &call->exit_status, err);
	load_die_of(signal);
	return r;
}

const struct cmd cmd_load = {
	.name = "load",
	.synopsis = "--memory SIZE --for TIME [options]",
	.summary = "Occupy a device as a CUDA program would",
	CMD_OPTS(load_opts),
	.defaults = &defaults,
	.wish_size = sizeof(struct load_wish),
	.run = load_run,
};
