#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "sim/cmds.h"
#include "sim/place.h"
#include "sim/plan-world.h"
#include "sim/tool-world.h"

struct up_wish {
	struct cmd_wish common;
	const char *gpus, *world, *driver;
	bool mig, flip, fixed_order, has_latency, has_seed, has_linger;
	double latency;
	int64_t seed, linger_ms;
};

static const struct cmd_opt up_opts[] = {
	{"gpus", OPT_TEXT, offsetof(struct up_wish, gpus), .arg = "LIST",
	 .help = "boards: a100-sxm4-80gb:2,h100-sxm5-80gb (see carve-sim boards)"},
	{"world", OPT_TEXT, offsetof(struct up_wish, world), .arg = "FILE",
	 .help = "read boards, layout and faults from a world file"},
	{"mig", OPT_FLAG, offsetof(struct up_wish, mig), .help = "MIG mode is on already"},
	{"latency", OPT_FACTOR, offsetof(struct up_wish, latency),
	 offsetof(struct up_wish, has_latency), .arg = "FACTOR",
	 .help = "delays of the driver: 0 none, 1 (default) as measured"},
	{"linger", OPT_NUMBER, offsetof(struct up_wish, linger_ms),
	 offsetof(struct up_wish, has_linger), 0, PLAN_MAX_LINGER_MS, "MS",
	 "an instance stays in use so long after its last compute instance (default 0)"},
	{"seed", OPT_NUMBER, offsetof(struct up_wish, seed), offsetof(struct up_wish, has_seed), 0,
	 INT64_MAX, "N", "decides UUIDs and all else drawn by lot (default 1)"},
	{"driver", OPT_TEXT, offsetof(struct up_wish, driver), .arg = "VERSION",
	 .help = "what the driver says it is (default " WORLD_DRIVER ")"},
	{"flip", OPT_FLAG, offsetof(struct up_wish, flip),
	 .help = "boards number instances with their halves exchanged"},
	{"fixed-order", OPT_FLAG, offsetof(struct up_wish, fixed_order),
	 .help = "instances are placed by the captured order, not by the rule"},
};

/* ---- what is wanted ---- */

static int override(const struct up_wish *wish, struct world_plan *plan, struct err *err)
{
	if (wish->driver && !plan_is_driver_version(wish->driver))
		return fail(err, ERR_INVALID,
			    "--driver: '%.40s' is not a driver version such as " WORLD_DRIVER,
			    wish->driver);
	if (wish->driver)
		snprintf(plan->driver, sizeof(plan->driver), "%s", wish->driver);
	plan->has_seed |= wish->has_seed;
	plan->seed = wish->has_seed ? wish->seed : plan->seed;
	plan->has_latency |= wish->has_latency;
	plan->latency = wish->has_latency ? wish->latency : plan->latency;
	plan->linger_ms = wish->has_linger ? wish->linger_ms : plan->linger_ms;
	plan->fixed_order |= wish->fixed_order;
	for (size_t i = 0; i < plan->n_gpus; i++) {
		plan->gpus[i].mig |= wish->mig && plan->gpus[i].board->n_profiles > 0;
		plan->gpus[i].flip |= wish->flip;
	}
	return 0;
}

static int check_boards(const struct world_plan *plan, struct err *err)
{
	if (!plan->n_gpus)
		return fail(err, ERR_INVALID, "a world needs a GPU");
	for (size_t i = 0; i < plan->n_gpus; i++)
		if (!board_is_complete(plan->gpus[i].board))
			return fail(err, ERR_UNSUPPORTED, "too little is known to simulate a %s",
				    plan->gpus[i].board->id);
	return 0;
}

static int make_plan(const struct up_wish *wish, struct world_plan *plan, struct err *err)
{
	int r = 0;

	if (!wish->gpus && !wish->world) {
		fail(err, ERR_INVALID, "up needs --gpus LIST or --world FILE");
		return fail_hint(err, "carve-sim boards lists the boards");
	}
	if (wish->world)
		r = plan_load(plan, wish->world, err);
	if (!r && wish->gpus && plan_add_boards(plan, wish->gpus, err))
		r = fail_in(err, "--gpus: ");
	r = r ? r : override(wish, plan, err);
	return r ? r : check_boards(plan, err);
}

/* ---- making it ---- */

static int furnish(const struct world_plan *plan, const char *dir, struct err *err)
{
	cleanup(world_close) struct world *world = NULL;
	struct world_state *state;
	uint32_t id;
	int r = world_open(dir, &world, err);

	if (r)
		return r;
	state = world_change(world);
	r = plan_build(plan, state, NULL, err);
	for (size_t i = 0; !r && i < plan->n_faults; i++)
		r = plan_fault_arm(&plan->faults[i], state, &id, err);
	if (!r) {
		world_commit(world);
		return 0;
	}
	world_abandon(world);
	(void)world_remove(world, &(struct err){0});
	return r;
}

static int make_world(const struct world_plan *plan, const struct place *place, struct err *err)
{
	struct world_spec spec;
	int r;

	plan_spec(plan, &spec);
	r = place_make(place, spec.driver, err);
	r = r ? r : world_create(place->dir, &spec, err);
	if (r == -ERR_STALE)
		return fail_hint(err, "carve-sim down ends it, --dir names another folder");
	r = r ? r : furnish(plan, place->dir, err);
	if (r)
		place_remove(place);
	return r;
}

/* "2 a100-sxm4-80gb, 1 h100-sxm5-80gb" */
static void list_boards(const struct world_plan *plan, struct text *ret)
{
	for (size_t i = 0, same; i < plan->n_gpus; i += same) {
		for (same = 1;
		     i + same < plan->n_gpus && plan->gpus[i + same].board == plan->gpus[i].board;)
			same++;
		text_addf(ret, "%s%zu %s", i ? ", " : "", same, plan->gpus[i].board->id);
	}
}

static void say(const struct up_wish *wish, const struct world_plan *plan,
		const struct place *place)
{
	cleanup(text_done) struct text list = TEXT_INIT;

	list_boards(plan, &list);
	printf("%s: %s\n", place->dir, text_str(&list));
	if (plan->n_processes)
		printf("%zu process%s to play: carve-sim replay %s\n", plan->n_processes,
		       plan->n_processes == 1 ? "" : "es", wish->world);
}

/* A world that is there is left alone, down to its links. */
static int refuse_second(const struct place *place, struct err *err)
{
	cleanup(world_close) struct world *world = NULL;
	int r = world_open(place->dir, &world, &(struct err){0});

	if (r == -ERR_NOT_FOUND || r == -ERR_STALE)
		return 0;
	fail(err, ERR_STALE, "there is a world in '%s' already", place->dir);
	return fail_hint(err, "carve-sim down ends it, --dir names another folder");
}

static int up_run(struct cmd_call *call, struct err *err)
{
	const struct up_wish *wish = call->wish;
	cleanup(free) struct world_plan *plan = plan_new();
	struct place place;
	int r;

	if (!plan)
		return fail(err, ERR_NOMEM, "no memory for a plan");
	r = place_find(wish->common.dir, &place, err);
	r = r ? r : refuse_second(&place, err);
	r = r ? r : make_plan(wish, plan, err);
	r = r ? r : make_world(plan, &place, err);
	if (!r)
		say(wish, plan, &place);
	return r;
}

const struct cmd cmd_up = {
	.name = "up",
	.synopsis = "--gpus LIST | --world FILE [options]",
	.summary = "Make a world",
	CMD_OPTS(up_opts),
	.wish_size = sizeof(struct up_wish),
	.run = up_run,
};
