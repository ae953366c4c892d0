#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "cli/ask.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/history.h"
#include "cli/need.h"
#include "cli/size-answer.h"
#include "cli/size-services.h"
#include "cli/stands-for.h"
#include "planner/mixed.h"
#include "planner/pack.h"

#define GPUS_MAX 1000000000

struct size_wish {
	struct cli_wish common;
	const char *need, *policy, *services, *table, *history;
	double share, percentile;
	bool has_percentile;
	struct cmd_list boards;
	bool together;
};

/* Half of a latency goal is for waiting until a batch is full, a tenth of the rest is spare. */
static const struct size_wish size_defaults = {.share = 0.45, .percentile = 0.95};

static const struct cmd_opt size_opts[] = {
	{"need", OPT_TEXT, offsetof(struct size_wish, need), .arg = "NAME=COUNT,...",
	 .help = "how many of which profiles, or classes"},
	{"board", OPT_LIST, offsetof(struct size_wish, boards), .arg = "BOARD[:MOST]",
	 .help = "on which GPUs; may be given again", .required = true},
	{"history", OPT_TEXT, offsetof(struct size_wish, history), .arg = "SINCE",
	 .help = "instead of --need: what was asked of carved since then"},
	{"percentile", OPT_SHARE, offsetof(struct size_wish, percentile),
	 offsetof(struct size_wish, has_percentile), .arg = "SHARE",
	 .help = "of that time for which it must be enough (default: 95%)"},
	{"policy", OPT_TEXT, offsetof(struct size_wish, policy), .arg = "FILE",
	 .help = "the classes that --need may name, or --history names"},
	{"together", OPT_FLAG, offsetof(struct size_wish, together),
	 .help = "one answer for all boards, at most MOST of each"},
	{"services", OPT_TEXT, offsetof(struct size_wish, services), .arg = "FILE",
	 .help = "inference services with rates, instead of --need"},
	{"table", OPT_TEXT, offsetof(struct size_wish, table), .arg = "FILE",
	 .help = "what was measured of the services' models"},
	{"latency-share", OPT_SHARE, offsetof(struct size_wish, share), .arg = "SHARE",
	 .help = "of a goal that a measurement may have (default: 45%)"},
	CLI_JSON,
};

/* ---- what is asked for ---- */

struct question {
	const struct size_wish *wish;
	const struct policy *policy;
	struct policy *policy_read; /* of --policy, for --need */
	struct need need;
	struct history history;
	uint32_t peaks[NEED_MAX]; /* of the history */
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

/* Numbers of instances, or services with what was measured of them. */
static int check_wish(const struct size_wish *wish, struct err *err)
{
	if (!!wish->need + !!wish->services + !!wish->history != 1)
		return fail(err, ERR_INVALID,
			    wish->need || wish->services || wish->history
				    ? "--need, --history and --services are different questions"
				    : "size needs --need, --history or --services");
	if (wish->has_percentile && !wish->history)
		return fail(err, ERR_INVALID, "--percentile is for --history");
	if (!wish->services != !wish->table)
		return fail(err, ERR_INVALID, "--services and --table belong together");
	if (wish->services && (wish->together || wish->policy))
		return fail(err, ERR_INVALID, "--%s is not for --services",
			    wish->together ? "together" : "policy");
	return 0;
}

static void print_history(const struct question *question)
{
	const struct history *history = &question->history;
	char from[32];

	printf("enough for %g%% of the time since %s, %zu lease%s\n",
	       100 * question->wish->percentile,
	       clock_format(from, sizeof(from), history->from_s), history->n,
	       history->n == 1 ? "" : "s");
	for (size_t i = 0; i < question->need.n; i++)
		printf("  %s=%" PRIu32 ", at most %" PRIu32 " at once\n", question->need.at[i].name,
		       question->need.at[i].count, question->peaks[i]);
}

static int read_history(struct question *question, struct err *err)
{
	const struct size_wish *wish = question->wish;
	int r = history_load(&wish->common, wish->history, wish->policy, &question->history, err);

	if (!r)
		r = history_need(&question->history, wish->percentile, &question->need,
				 question->peaks, err);
	if (r)
		return r;
	question->policy = question->history.policy;
	history_print_unknown(&question->history);
	if (!wish->common.json)
		print_history(question);
	return 0;
}

static int read_wish(struct question *question, struct err *err)
{
	const struct size_wish *wish = question->wish;
	int r = check_wish(wish, err);

	if (!r && wish->need)
		r = need_parse(wish->need, &question->need, err);
	if (!r && wish->policy && !wish->history)
		r = policy_load(wish->policy, &question->policy_read, err);
	question->policy = question->policy_read;
	if (!r && wish->history)
		r = read_history(question, err);
	for (size_t i = 0; !r && i < wish->boards.n; i++)
		r = read_board(wish->boards.at[i], wish->together, &question->boards[i],
			       &question->most[i], err);
	return r;
}

/* ---- each board by itself ---- */

static void print_bound(const struct pack *pack)
{
	uint64_t fewer = pack->n_gpus - 1;

	if (pack->n_gpus)
		printf("  %" PRIu64 " would not do: %s: %" PRIu64 " needed, %" PRIu64 " there\n",
		       fewer, facet_meaning(pack->bound.facet), pack->bound.needed,
		       fewer * pack->bound.per_gpu);
}

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
	json_array_append_new(answers, size_answer_json(board, &pack));
	if (question->wish->common.json)
		return 0;
	size_answer_print(board, &pack);
	print_bound(&pack);
	return 0;
}

/* The answer, and what it is for. */
static int print_answer(const struct question *question, json_t *answer, struct err *err)
{
	json_t *wanted, *history;

	if (!question->wish->history)
		return ask_print_json(answer, err);
	wanted = json_array();
	history = history_json(&question->history);
	for (size_t i = 0; i < question->need.n; i++)
		json_array_append_new(wanted,
				      json_pack("{s:s, s:I, s:I}", "class",
						question->need.at[i].name, "wanted",
						(json_int_t)question->need.at[i].count, "peak",
						(json_int_t)question->peaks[i]));
	json_object_set_new(history, "share", json_real(question->wish->percentile));
	json_object_set_new(history, "classes", wanted);
	json_object_set_new(answer, "history", history);
	return ask_print_json(answer, err);
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
	return question->wish->common.json ? print_answer(question, answer, err) : 0;
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
		json_array_append_new(answers, size_answer_json(question->boards[b], &pack));
		if (!json)
			size_answer_print(question->boards[b], &pack);
	}
	if (json)
		return print_answer(question, answer, err);
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

/* ---- the command ---- */

static int answer(const struct question *question, struct err *err)
{
	const struct size_wish *wish = question->wish;
	struct size_services services = {.services = wish->services,
					 .table = wish->table,
					 .share = wish->share,
					 .json = wish->common.json};

	if (wish->services)
		return size_services(&services, question->boards, wish->boards.n, err);
	return wish->together ? size_together(question, err) : size_each(question, err);
}

static int size_run(struct cmd_call *call, struct err *err)
{
	struct question question = {.wish = call->wish};
	int r = read_wish(&question, err);

	if (!r)
		r = answer(&question, err);
	policy_free(question.policy_read);
	history_done(&question.history);
	return r;
}

const struct cmd cmd_size = {
	.name = "size",
	.synopsis = "--need NAME=COUNT,... | --history SINCE | --services FILE --table FILE --board "
		    "BOARD...",
	.summary = "The fewest GPUs that hold a demand, and how to cut them",
	CMD_OPTS(size_opts),
	.defaults = &size_defaults,
	.wish_size = sizeof(struct size_wish),
	.run = size_run,
};
