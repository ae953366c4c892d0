#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "sim/cmds.h"
#include "sim/fault-list.h"
#include "sim/fault-words.h"
#include "sim/plan-world.h"
#include "sim/tool-world.h"

struct fault_wish {
	struct cmd_wish common;
	const char *fail, *gpu;
	bool json, kill, wrong, after;
	bool has_fail, has_gpu, has_hang, has_skip, has_times, has_chance, has_gi, has_ci;
	bool has_corrected, has_uncorrected, has_for, has_factor;
	int64_t hang_s, skip, times, gi, ci, corrected, uncorrected, for_s;
	double chance, factor;
};

static const struct fault_wish defaults = {.times = 1, .chance = 1, .factor = 10};

#define AT(member) offsetof(struct fault_wish, member)

static const struct cmd_opt fault_opts[] = {
	{"fail", OPT_TEXT, AT(fail), AT(has_fail), .arg = "CODE",
	 .help = "call: it answers this code: in-use, NVML_ERROR_TIMEOUT, 19"},
	{"hang", OPT_DURATION, AT(hang_s), AT(has_hang), .arg = "TIME",
	 .help = "call: it takes so long"},
	{"kill", OPT_FLAG, AT(kill), .help = "call: its caller is killed"},
	{"wrong", OPT_FLAG, AT(wrong), .help = "call: success, but nothing was done"},
	{"after", OPT_FLAG, AT(after), .help = "call: the work is done first"},
	{"skip", OPT_NUMBER, AT(skip), AT(has_skip), 0, 1000000, "N",
	 "call: let so many pass first"},
	{"times", OPT_NUMBER, AT(times), AT(has_times), 0, 1000000, "N",
	 "call: so many times (default 1; 0: always)"},
	{"chance", OPT_SHARE, AT(chance), AT(has_chance), .arg = "SHARE",
	 .help = "call: each is drawn by lot"},
	{"gpu", OPT_TEXT, AT(gpu), AT(has_gpu), .arg = "GPU", .help = "call: only on this GPU"},
	{"gi", OPT_NUMBER, AT(gi), AT(has_gi), 0, WORLD_MAX_GIS - 1, "ID",
	 "xid, busy: this GPU instance"},
	{"ci", OPT_NUMBER, AT(ci), AT(has_ci), 0, WORLD_MAX_CIS - 1, "ID",
	 "xid: this compute instance of it"},
	{"corrected", OPT_NUMBER, AT(corrected), AT(has_corrected), 0, 1000000, "N",
	 "ecc: so many corrected errors"},
	{"uncorrected", OPT_NUMBER, AT(uncorrected), AT(has_uncorrected), 0, 1000000, "N",
	 "ecc: so many uncorrected errors"},
	{"for", OPT_DURATION, AT(for_s), AT(has_for), .arg = "TIME",
	 .help = "busy, slow: it ends by itself"},
	{"factor", OPT_FACTOR, AT(factor), AT(has_factor), .arg = "F",
	 .help = "slow: so many times as long (default 10)"},
	{"json", OPT_FLAG, AT(json), .help = "list: print JSON"},
};

/* ---- add ---- */

/* What follows the kind's name: an XID's number, a call's name, a GPU. */
enum operand { OPERAND_GPU, OPERAND_CALL, OPERAND_XID, OPERAND_NONE };

static const struct {
	const char *name;
	enum operand operands[2];
	const char *usage;
} kinds[] = {
	[FAULT_CALL] = {"call", {OPERAND_CALL, OPERAND_NONE}, "FUNCTION"},
	[FAULT_XID] = {"xid", {OPERAND_GPU, OPERAND_XID}, "GPU XID"},
	[FAULT_ECC] = {"ecc", {OPERAND_GPU, OPERAND_NONE}, "GPU"},
	[FAULT_LOST] = {"lost", {OPERAND_GPU, OPERAND_NONE}, "GPU"},
	[FAULT_BUSY] = {"busy", {OPERAND_GPU, OPERAND_NONE}, "GPU"},
	[FAULT_SLOW] = {"slow", {OPERAND_NONE, OPERAND_NONE}, ""},
};

#define FOR(kind) (1u << FAULT_##kind)

static const struct {
	const char *name;
	size_t has_at;
	unsigned kinds;
} belongs[] = {
	{"fail", AT(has_fail), FOR(CALL)},
	{"hang", AT(has_hang), FOR(CALL)},
	{"kill", AT(kill), FOR(CALL)},
	{"wrong", AT(wrong), FOR(CALL)},
	{"after", AT(after), FOR(CALL)},
	{"skip", AT(has_skip), FOR(CALL)},
	{"times", AT(has_times), FOR(CALL)},
	{"chance", AT(has_chance), FOR(CALL)},
	{"gpu", AT(has_gpu), FOR(CALL)},
	{"gi", AT(has_gi), FOR(XID) | FOR(BUSY)},
	{"ci", AT(has_ci), FOR(XID)},
	{"corrected", AT(has_corrected), FOR(ECC)},
	{"uncorrected", AT(has_uncorrected), FOR(ECC)},
	{"for", AT(has_for), FOR(BUSY) | FOR(SLOW)},
	{"factor", AT(has_factor), FOR(SLOW)},
	{"json", AT(json), 0},
};

static int check_options(const struct fault_wish *wish, enum plan_fault_kind kind, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(belongs); i++)
		if (*(const bool *)((const char *)wish + belongs[i].has_at) &&
		    !(belongs[i].kinds >> kind & 1))
			return fail(err, ERR_INVALID, "a fault of kind '%s' has no --%s",
				    kinds[kind].name, belongs[i].name);
	if (kind == FAULT_CALL && !wish->has_fail && !wish->kill && !wish->wrong && !wish->has_hang)
		return fail(err, ERR_INVALID, "a call needs --fail, --hang, --kill or --wrong");
	if (kind == FAULT_ECC && !wish->has_corrected && !wish->has_uncorrected)
		return fail(err, ERR_INVALID, "ecc needs --corrected or --uncorrected");
	if (kind == FAULT_XID && wish->has_ci && !wish->has_gi)
		return fail(err, ERR_INVALID, "--ci needs --gi");
	return 0;
}

static int fill_gpu(const struct world_state *state, const char *word, struct plan_fault *fault,
		    struct err *err)
{
	unsigned gpu;
	int r = tool_gpu(state, word, &gpu, err);

	if (r)
		return r;
	fault->has_gpu = true;
	fault->gpu = (uint8_t)gpu;
	return 0;
}

static int fill_operand(const struct world_state *state, enum operand operand, const char *word,
			struct plan_fault *fault, struct err *err)
{
	switch (operand) {
	case OPERAND_NONE:
		return 0;
	case OPERAND_GPU:
		return fill_gpu(state, word, fault, err);
	case OPERAND_CALL:
		snprintf(fault->call, sizeof(fault->call), "%s", word);
		return fault_call_check(word, err);
	case OPERAND_XID:
		return number_parse(word, "an XID", 1, 999, &fault->xid, err);
	}
	return 0;
}

static struct plan_fault fault_of(const struct fault_wish *wish, enum plan_fault_kind kind)
{
	return (struct plan_fault){
		.kind = kind,
		.has_gi = wish->has_gi,
		.has_ci = wish->has_ci,
		.gi = (uint8_t)wish->gi,
		.ci = (uint8_t)wish->ci,
		.kill = wish->kill,
		.wrong = wish->wrong,
		.after = wish->after,
		.hang_s = wish->hang_s,
		.skip = wish->skip,
		.times = wish->times,
		.chance = wish->chance,
		.corrected = wish->corrected,
		.uncorrected = wish->uncorrected,
		.for_s = wish->for_s,
		.factor = wish->factor,
	};
}

static int read_fault(const struct fault_wish *wish, const struct world_state *state, char **args,
		      int n_args, struct plan_fault *ret, struct err *err)
{
	static const char *names[ARRAY_SIZE(kinds)];
	int kind, r, n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		names[i] = kinds[i].name;
	kind = cmd_word(n_args ? args[0] : "", "kind of fault", names, ARRAY_SIZE(kinds), err);
	if (kind < 0)
		return -(int)err->code;
	while (n < 2 && kinds[kind].operands[n] != OPERAND_NONE)
		n++;
	if (n_args - 1 != n)
		return fail(err, ERR_INVALID, "usage: carve-sim fault add %s %s", args[0],
			    kinds[kind].usage);
	*ret = fault_of(wish, (enum plan_fault_kind)kind);
	r = check_options(wish, ret->kind, err);
	for (int i = 0; !r && i < n; i++)
		r = fill_operand(state, kinds[kind].operands[i], args[1 + i], ret, err);
	if (!r && wish->gpu)
		r = fill_gpu(state, wish->gpu, ret, err);
	ret->has_fail = wish->has_fail;
	return r || !wish->fail ? r : fault_code_parse(wish->fail, &ret->fail, err);
}

static int fault_add(const struct fault_wish *wish, struct world *world, char **args, int n_args,
		     struct err *err)
{
	struct world_state *state = world_change(world);
	struct plan_fault fault = {0};
	uint32_t id;
	int r = read_fault(wish, state, args, n_args, &fault, err);

	r = r ? r : plan_fault_arm(&fault, state, &id, err);
	if (r) {
		world_abandon(world);
		return r;
	}
	world_commit(world);
	if (id)
		printf("fault %u\n", id);
	return 0;
}

/* ---- list, clear ---- */

static int fault_list(const struct fault_wish *wish, struct world *world, char **args, int n_args,
		      struct err *err)
{
	cleanup(free) struct world_state *state = NULL;
	int r = tool_world_copy(world, &state, err);

	(void)args;
	if (n_args)
		return fail(err, ERR_INVALID, "usage: carve-sim fault list [--json]");
	return r ? r : fault_list_print(state, wish->json, err);
}

static int clear_one(struct world_state *state, const char *word, struct err *err)
{
	int64_t id;
	int r = number_parse(word, "a fault", 1, UINT32_MAX, &id, err);

	if (!r && !world_fault_clear(state, (uint32_t)id))
		r = fail(err, ERR_NOT_FOUND, "there is no fault %s", word);
	return r;
}

static int fault_clear(const struct fault_wish *wish, struct world *world, char **args, int n_args,
		       struct err *err)
{
	struct world_state *state = world_change(world);
	int r = 0;

	(void)wish;
	if (!n_args)
		world_fault_clear(state, 0);
	for (int i = 0; !r && i < n_args; i++)
		r = clear_one(state, args[i], err);
	if (r)
		world_abandon(world);
	else
		world_commit(world);
	return r;
}

static int fault_run(struct cmd_call *call, struct err *err)
{
	static const char *const words[] = {"add", "list", "clear"};
	static int (*const acts[])(const struct fault_wish *, struct world *, char **, int,
				   struct err *) = {fault_add, fault_list, fault_clear};
	const struct fault_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	int i = cmd_word(call->args[0], "word of fault", words, ARRAY_SIZE(words), err);

	if (i < 0 || tool_world_open(wish->common.dir, NULL, &world, err))
		return -(int)err->code;
	return acts[i](wish, world, call->args + 1, call->n_args - 1, err);
}

const struct cmd cmd_fault = {
	.name = "fault",
	.synopsis = "add KIND [options] | list [--json] | clear [ID...]",
	.summary = "Make things go wrong",
	CMD_OPTS(fault_opts),
	.defaults = &defaults,
	.wish_size = sizeof(struct fault_wish),
	.min_args = 1,
	.max_args = -1,
	.run = fault_run,
};
