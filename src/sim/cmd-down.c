#include <errno.h>
#include <unistd.h>

#include "sim/cmds.h"
#include "sim/holders.h"
#include "sim/jail.h"
#include "sim/place.h"
#include "sim/tool-world.h"

struct down_wish {
	struct cmd_wish common;
	bool force;
};

static const struct cmd_opt down_opts[] = {
	{"force", OPT_FLAG, offsetof(struct down_wish, force),
	 .help = "kill the processes that hold GPUs"},
};

static int refuse_others(const struct place *place, struct err *err)
{
	if (!access(place->dir, W_OK) || errno == ENOENT)
		return 0;
	return fail(err, ERR_DENIED, "the world in '%s' is not ours to end", place->dir);
}

static int end_world(struct world *world, bool force, struct err *err)
{
	int r = holders_clear(world, HOLDERS_EVERY_GPU, force, "the world", err);

	return r ? r : world_remove(world, err);
}

/* What cannot be opened: left from before the machine was started, or, by force, damaged. */
static bool is_wreck(const struct place *place, int r, bool force)
{
	return (r == -ERR_STALE || (r == -ERR_INVALID && force)) && place_is_ours(place);
}

static int down_run(struct cmd_call *call, struct err *err)
{
	const struct down_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	struct place place;
	int r = place_find(wish->common.dir, &place, err);

	r = r ? r : refuse_others(&place, err);
	if (r)
		return r;
	r = tool_world_open(place.dir, NULL, &world, err);
	if (!is_wreck(&place, r, wish->force)) {
		r = r ? r : end_world(world, wish->force, err);
		if (r)
			return r;
	}
	jail_end(place.dir);
	place_remove(&place);
	return 0;
}

const struct cmd cmd_down = {
	.name = "down",
	.synopsis = "[--force]",
	.summary = "End the world",
	CMD_OPTS(down_opts),
	.wish_size = sizeof(struct down_wish),
	.run = down_run,
};
