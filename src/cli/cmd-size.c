#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sizes.h"
#include "cli/ask.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/need.h"
#include "cli/stands-for.h"
#include "planner/mixed.h"
#include "planner/pack.h"

#define GPUS_MAX 1000000000

struct size_wish {
	struct cli_wish common;
	const char *need, *policy;
	struct cmd_list boards;
	bool together;
};

static const struct cmd_opt size_opts[] = {
	{"need", OPT_TEXT, offsetof(struct size_wish, need), .arg = "NAME=COUNT,...",
	 .help = "how many of which profiles, or classes", .required = true},
	{"board", OPT_LIST, offsetof(struct size_wish, boards), .arg = "BOARD[:MOST]",
	 .help = "on which GPUs; may be given again", .required = true},
	{"policy", OPT_TEXT, offsetof(struct size_wish, policy), .arg = "FILE",
	 .help = "the classes that --need may name"},
	{"together", OPT_FLAG, offsetof(struct size_wish, together),
	 .help = "one answer for all boards, at most MOST of each"},
	CLI_JSON,
};

/* ---- what is asked for ---- */

struct question {
	const struct size_wish *wish;
	struct policy *policy;
	struct need need;
	const struct board *boards[CMD_LIST_MAX];
	uint32_t most[CMD_LIST_MAX];
};

/* "a30-24gb" or "a30-24gb:12" */
static int read_board(const char *typed, bool together, const struct board **ret,
		      uint32_t *ret_most, struct err *err)
{
	size_t len = strcspn(typed, ":");
	int64_t most = GPUS_MAX;
	char name[WORD_SIZE];
	int r;

	snprintf(name, sizeof(name), "%.*s", (int)len, typed);
	r = catalogue_find(name, ret, err);
	if (!r && typed[len])
		r = number_parse(typed + len + 1, "MOST", 0, GPUS_MAX, &most, err);
	if (!r && typed[len] && !together)
		r = fail(err, ERR_INVALID, "':%s' is for boards --together", typed + len + 1);
	*ret_most = (uint32_t)most;
	return r ? fail_in(err, "--board: ") : 0;
}

static int read_wish(struct question *question, struct err *err)
{
	const struct size_wish *wish = question->wish;
	int r = need_parse(wish->need, &question->need, err);

	if (!r && wish->policy)
		r = policy_load(wish->policy, &question->policy, err);
	for (size_t i = 0; !r && i < wish->boards.n; i++)
		r = read_board(wish->boards.at[i], wish->together, &question->boards[i],
			       &question->most[i], err);
	return r;
}

/* ---- answers ---- */

static json_t *layout_json(const struct pack_group *group)
{
	json_t *instances = json_array();

	for (unsigned i = 0; i < group->layout.n; i++) {
		const struct place *place = &group->layout.at[i];

		json_array_append_new(instances,
				      json_pack("{s:s, s:i}", "profile",
						group->layout.board->profiles[place->profile].name,
						"start", place->start));
	}
	return json_pack("{s:I, s:o}", "gpus", (json_int_t)group->n, "instances", instances);
}

/* The certificate: what is needed of the facet that decides, and what a GPU has. */
static json_t *bound_json(const struct pack *pack)
{
	if (!pack->n_gpus)
		return json_null();
	return json_pack("{s:s, s:I, s:I}", "what", facet_meaning(pack->bound.facet), "needed",
			 (json_int_t)pack->bound.needed, "per_gpu",
			 (json_int_t)pack->bound.per_gpu);
}

static json_t *pack_json(const struct board *board, const struct pack *pack)
{
	json_t *layouts = json_array();

	for (size_t i = 0; i < pack->n; i++)
		json_array_append_new(layouts, layout_json(&pack->groups[i]));
	return json_pack("{s:s, s:I, s:o, s:o}", "board", board->id, "gpus",
			 (json_int_t)pack->n_gpus, "bound", bound_json(pack), "layouts", layouts);
}

static void print_pack(const struct board *board, const struct pack *pack, bool with_bound)
{
	int width = snprintf(NULL, 0, "%" PRIu64, pack->n_gpus);

	printf("%s: %" PRIu64 " GPU%s\n", board->id, pack->n_gpus, pack->n_gpus == 1 ? "" : "s");
	for (size_t i = 0; i < pack->n; i++) {
		cleanup(text_done) struct text text = TEXT_INIT;

		layout_format(&pack->groups[i].layout, &text);
		printf("  %*" PRIu64 " x  %s\n", width, pack->groups[i].n, text_str(&text));
	}
	if (with_bound && pack->n_gpus)
		printf("  %" PRIu64 " would not do: %s: %" PRIu64 " needed, %" PRIu64 " there\n",
		       pack->n_gpus - 1, facet_meaning(pack->bound.facet), pack->bound.needed,
		       (pack->n_gpus - 1) * pack->bound.per_gpu);
}

/* ---- each board by itself ---- */

static int want_on(const struct question *question, const struct board *board, uint32_t *wanted,
		   struct err *err)
{
	for (size_t i = 0; i < question->need.n; i++) {
		const struct profile *profile;
		uint32_t *sum;
		int r = stands_for(question->need.at[i].name, board, question->policy, &profile,
				   err);

		if (r)
			return fail_in(err, "--need: ");
		sum = &wanted[profile_index(board, profile)];
		if (__builtin_add_overflow(*sum, question->need.at[i].count, sum))
			return fail(err, ERR_TOO_LARGE, "more than %u of %s", UINT32_MAX,
				    profile->name);
	}
	return 0;
}

static int size_board(const struct question *question, const struct board *board, json_t *answers,
		      struct err *err)
{
	cleanup(pack_done) struct pack pack = {.n = 0};
	uint32_t wanted[SIZE_MAX_PROFILES] = {0};
	int r = want_on(question, board, wanted, err);

	if (!r)
		r = pack_demand(board, wanted, &pack, err);
	if (r)
		return r;
	json_array_append_new(answers, pack_json(board, &pack));
	if (!question->wish->common.json)
		print_pack(board, &pack, true);
	return 0;
}

static int size_each(const struct question *question, struct err *err)
{
	json_t *answers = json_array();
	cleanup(json_decref) json_t *answer = json_pack("{s:o}", "boards", answers);

	for (size_t i = 0; i < question->wish->boards.n; i++) {
		int r = size_board(question, question->boards[i], answers, err);

		if (r)
			return r;
	}
	return question->wish->common.json ? ask_print_json(answer, err) : 0;
}

/* ---- all boards together ---- */

static int read_demand(const struct question *question, struct mixed_demand *ret, struct err *err)
{
	ret->n_boards = question->wish->boards.n;
	ret->n_kinds = question->need.n;
	for (size_t b = 0; b < ret->n_boards; b++) {
		ret->boards[b] = question->boards[b];
		ret->most[b] = question->most[b];
	}
	for (size_t k = 0; k < ret->n_kinds; k++) {
		const struct profile *profile;
		bool any = false;

		ret->kinds[k].n = question->need.at[k].count;
		for (size_t b = 0; b < ret->n_boards; b++) {
			bool found = !stands_for(question->need.at[k].name, ret->boards[b],
						 question->policy, &profile, err);

			any = any || found;
			ret->kinds[k].profile[b] =
				found ? (uint8_t)profile_index(ret->boards[b], profile)
				      : MIXED_NO_PROFILE;
		}
		if (!any)
			return fail_in(err, "--need: ");
	}
	return 0;
}

static int show_together(const struct question *question, const struct mixed_answer *mixed,
			 struct err *err)
{
	bool json = question->wish->common.json;
	json_t *answers = json_array();
	cleanup(json_decref) json_t *answer =
		json_pack("{s:I, s:I, s:o}", "gpus", (json_int_t)mixed->n_gpus, "at_least",
			  (json_int_t)mixed->bound, "boards", answers);

	for (size_t b = 0; b < question->wish->boards.n; b++) {
		cleanup(pack_done) struct pack pack = {.n = 0};
		int r = pack_demand(question->boards[b], mixed->wanted[b], &pack, err);

		if (r)
			return r;
		json_array_append_new(answers, pack_json(question->boards[b], &pack));
		if (!json)
			print_pack(question->boards[b], &pack, false);
	}
	if (json)
		return ask_print_json(answer, err);
	printf("together: %" PRId64 " GPU%s, %s %" PRId64 " would do\n", mixed->n_gpus,
	       mixed->n_gpus == 1 ? "" : "s", mixed->proven ? "and no fewer than" : "perhaps",
	       mixed->bound);
	return 0;
}

static int size_together(const struct question *question, struct err *err)
{
	struct mixed_demand demand;
	struct mixed_answer mixed;
	int r = read_demand(question, &demand, err);

	if (!r)
		r = mixed_solve(&demand, &mixed, err);
	return r ? r : show_together(question, &mixed, err);
}

static int size_run(struct cmd_call *call, struct err *err)
{
	struct question question = {.wish = call->wish};
	int r = read_wish(&question, err);

	if (!r)
		r = question.wish->together ? size_together(&question, err)
					    : size_each(&question, err);
	policy_free(question.policy);
	return r;
}

const struct cmd cmd_size = {
	.name = "size",
	.synopsis = "--need NAME=COUNT,... --board BOARD... [--together]",
	.summary = "The fewest GPUs that hold a demand, and how to cut them",
	CMD_OPTS(size_opts),
	.wish_size = sizeof(struct size_wish),
	.run = size_run,
};
