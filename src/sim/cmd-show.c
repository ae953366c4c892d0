#include "base/json.h"
#include "sim/cmds.h"
#include "sim/show.h"
#include "sim/tool-world.h"

struct show_wish {
	struct cmd_wish common;
	bool json;
};

static const struct cmd_opt show_opts[] = {
	{"json", OPT_FLAG, offsetof(struct show_wish, json), .help = "print JSON"},
};

static int show_run(struct cmd_call *call, struct err *err)
{
	const struct show_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	cleanup(free) struct world_state *state = NULL;
	struct place place;
	int r = tool_world_open(wish->common.dir, &place, &world, err);

	r = r ? r : tool_world_copy(world, &state, err);
	if (r)
		return r;
	if (wish->json)
		return json_print(show_json(state, place.dir), err);
	show_text(state, place.dir);
	return 0;
}

const struct cmd cmd_show = {
	.name = "show",
	.synopsis = "[--json]",
	.summary = "GPUs, instances and processes of the world",
	CMD_OPTS(show_opts),
	.wish_size = sizeof(struct show_wish),
	.run = show_run,
};
