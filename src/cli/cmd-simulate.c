#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "cli/ask.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/history.h"
#include "cli/terminal.h"
#include "cli/trace-file.h"
#include "cli/view.h"
#include "cli/words.h"
#include "planner/ceiling.h"
#include "planner/churn.h"

#define LISTS_MAX 16
#define BOARD	  "h100-sxm5-80gb" /* when none is named, and no history either */
#define GPUS	  100

struct simulate_wish {
	struct cli_wish common;
	const char *board, *mixes, *loads, *rules, *trace, *policy, *history;
	int64_t n_gpus, n_seeds, seed;
	double horizon;
	bool csv;
};

static const struct simulate_wish simulate_defaults = {
	.mixes = "uniform,skew-small,skew-big,bimodal",
	.loads = "1",
	.rules = "ff,rr,bf,wf,mfi,cap,cap+1,cap+2,repack,bound",
	.n_seeds = 20,
	.seed = 100003,
	.horizon = 8,
};

static const struct cmd_opt simulate_opts[] = {
	{"rule", OPT_TEXT, offsetof(struct simulate_wish, rules), .arg = "NAME,...",
	 .help = "these rules; +K: K moves for a blocked request"},
	{"mix", OPT_TEXT, offsetof(struct simulate_wish, mixes), .arg = "NAME,...",
	 .help = "these mixes of profiles"},
	{"load", OPT_TEXT, offsetof(struct simulate_wish, loads), .arg = "FACTOR,...",
	 .help = "capacity asked for over capacity there is (default: 1)"},
	{"gpus", OPT_NUMBER, offsetof(struct simulate_wish, n_gpus), .min = 1, .max = 1000000,
	 .arg = "N", .help = "how many GPUs (default: 100, for a history those of this server)"},
	{"board", OPT_TEXT, offsetof(struct simulate_wish, board), .arg = "BOARD",
	 .help = "which GPUs (default: h100-sxm5-80gb, or those of this server)"},
	{"seeds", OPT_NUMBER, offsetof(struct simulate_wish, n_seeds), .min = 1, .max = 10000,
	 .arg = "N", .help = "runs to sum over (default: 20)"},
	{"seed", OPT_NUMBER, offsetof(struct simulate_wish, seed), .min = 0, .max = 4000000000,
	 .arg = "N", .help = "of the first run (default: 100003)"},
	{"horizon", OPT_FACTOR, offsetof(struct simulate_wish, horizon), .arg = "FACTOR",
	 .help = "ask for so many times the capacity (default: 8)"},
	{"trace", OPT_TEXT, offsetof(struct simulate_wish, trace), .arg = "FILE",
	 .help = "requests from a CSV: time,profile,duration"},
	{"history", OPT_TEXT, offsetof(struct simulate_wish, history), .arg = "SINCE",
	 .help = "what was asked of carved since then"},
	{"policy", OPT_TEXT, offsetof(struct simulate_wish, policy), .arg = "FILE",
	 .help = "the classes that the trace or the history names"},
	{"csv", OPT_FLAG, offsetof(struct simulate_wish, csv), .help = "print CSV, all columns"},
	CLI_TABLE,
};

static const struct column simulate_columns[] = {
	{"mix", "MIX", COLUMN_TEXT, "the mix, the file of the trace, or history"},
	{"load", "LOAD", COLUMN_FACTOR, "capacity asked for over capacity there is"},
	{"rule", "RULE", COLUMN_TEXT, "the rule"},
	{"requests", "REQUESTS", COLUMN_NUMBER, "how many asked, all runs together"},
	{"share", "ACCEPTED", COLUMN_SHARE, "of them, how many found room"},
	{"share_slots", "BY-SLOTS", COLUMN_SHARE, "the same, weighed by memory slices"},
	{"share_moves", "MOVES", COLUMN_SHARE, "instances moved for each that found room"},
	{"used", "USED", COLUMN_REAL, "GPUs in use, on average after the first third"},
	{"least", "LEAST", COLUMN_REAL, "GPUs that would hold the same, by closed form"},
	{"board", "BOARD", COLUMN_TEXT, "the board", .extra = true},
	{"gpus", "GPUS", COLUMN_NUMBER, "how many of them", .extra = true},
	{"runs", "RUNS", COLUMN_NUMBER, "runs summed over", .extra = true},
	{"accepted", "N-ACCEPTED", COLUMN_NUMBER, "how many found room", .extra = true},
	{"slots", "SLOTS", COLUMN_NUMBER, "memory slices asked for", .extra = true},
	{"slots_accepted", "N-SLOTS", COLUMN_NUMBER, "memory slices that found room",
	 .extra = true},
	{"moves", "N-MOVES", COLUMN_NUMBER, "instances moved", .extra = true},
};

/* ---- what is asked for ---- */

/* A rule, or the bound on them all, and what came of it. */
struct row {
	bool is_bound;
	struct scheduler scheduler;
	struct tally tally;
	double most, most_slots; /* is_bound: what could be accepted at most */
	bool unknown;		 /* is_bound: of one trace it could not be found */
};

struct experiment {
	const struct simulate_wish *wish;
	const struct board *board;
	struct trace trace; /* of a file; else empty */
	struct rules *rules;
	struct row rows[LISTS_MAX];
	enum mix mixes[LISTS_MAX];
	double loads[LISTS_MAX];
	size_t n_rows, n_mixes, n_loads;
	uint32_t n_gpus;
	size_t n_cells, n_done; /* for progress */
	json_t *results;
};

static int too_many(struct err *err)
{
	return fail(err, ERR_INVALID, "more than %d words", LISTS_MAX);
}

static int add_row(const char *word, void *arg, struct err *err)
{
	struct experiment *experiment = arg;
	struct row *row = &experiment->rows[experiment->n_rows];

	if (experiment->n_rows == LISTS_MAX)
		return too_many(err);
	experiment->n_rows++;
	row->is_bound = !strcmp(word, "bound");
	return row->is_bound ? 0 : scheduler_parse(word, &row->scheduler, err);
}

static int add_mix(const char *word, void *arg, struct err *err)
{
	struct experiment *experiment = arg;
	const char *names[MIX_COUNT];
	int found;

	if (experiment->n_mixes == LISTS_MAX)
		return too_many(err);
	for (enum mix mix = 0; mix < MIX_COUNT; mix++)
		names[mix] = mix_name(mix);
	found = cmd_word(word, "mix", names, MIX_COUNT, err);
	if (found < 0)
		return -ERR_INVALID;
	experiment->mixes[experiment->n_mixes++] = (enum mix)found;
	return 0;
}

static int add_load(const char *word, void *arg, struct err *err)
{
	struct experiment *experiment = arg;
	double load;

	if (experiment->n_loads == LISTS_MAX)
		return too_many(err);
	if (cmd_factor(word, &load, err))
		return -ERR_INVALID;
	if (load < 0.01 || load > 100)
		return fail(err, ERR_INVALID, "'%s' is not between 0.01 and 100", word);
	experiment->loads[experiment->n_loads++] = load;
	return 0;
}

static int load_trace(struct experiment *experiment, struct err *err)
{
	cleanup(policy_free) struct policy *policy = NULL;
	const struct simulate_wish *wish = experiment->wish;
	int r = wish->policy ? policy_load(wish->policy, &policy, err) : 0;

	return r ? r
		 : trace_file_load(wish->trace, experiment->board, policy, &experiment->trace, err);
}

/* The GPUs of this server: of the board asked for, else of the only one it has. */
static int find_gpus(struct experiment *experiment, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	const struct simulate_wish *wish = experiment->wish;
	const json_t *gpus, *gpu;
	int64_t n = 0;
	size_t i;
	int r = ask(&wish->common, "GET", "/v1/gpus", NULL, &answer, err);

	gpus = json_object_get(answer, "gpus");
	json_array_foreach(gpus, i, gpu) {
		const char *id = json_string_value(json_object_get(gpu, "board"));
		const struct board *board = id ? board_by_id(id) : NULL;

		if (!board || !json_is_true(json_object_get(gpu, "managed")) ||
		    (wish->board && board != experiment->board))
			continue;
		if (n++ && board != experiment->board) {
			fail(err, ERR_INVALID, "this server has GPUs of several boards");
			return fail_hint(err, "say for which: --board %s", id);
		}
		experiment->board = board;
	}
	if (!r && !n)
		r = fail(err, ERR_NOT_FOUND, "this server has no such GPU; say --board and --gpus");
	if (!wish->n_gpus)
		experiment->n_gpus = (uint32_t)n;
	return r;
}

static int load_history(struct experiment *experiment, struct err *err)
{
	const struct simulate_wish *wish = experiment->wish;
	cleanup(history_done) struct history history = {0};
	int r = history_load(&wish->common, wish->history, wish->policy, &history, err);

	if (!r && (!wish->n_gpus || !wish->board))
		r = find_gpus(experiment, err);
	if (!r)
		r = history_trace(&history, experiment->board, &experiment->trace, err);
	if (!r)
		history_print_unknown(&history);
	return r;
}

static int read_wish(struct experiment *experiment, struct err *err)
{
	const struct simulate_wish *wish = experiment->wish;
	int r = catalogue_find(wish->board ? wish->board : BOARD, &experiment->board, err);

	if (!r)
		r = words_each(wish->rules, "rule", add_row, experiment, err);
	if (!r)
		r = words_each(wish->mixes, "mix", add_mix, experiment, err);
	if (!r)
		r = words_each(wish->loads, "load", add_load, experiment, err);
	if (!r && (wish->horizon < 0.1 || wish->horizon > 1000))
		r = fail(err, ERR_INVALID, "--horizon: %g is not between 0.1 and 1000",
			 wish->horizon);
	if (!r && wish->trace && wish->history)
		r = fail(err, ERR_INVALID, "--trace and --history are two questions");
	if (!r && wish->policy && !wish->trace && !wish->history)
		r = fail(err, ERR_INVALID,
			 "--policy is for the classes of a --trace or a --history");
	experiment->n_gpus = (uint32_t)(wish->n_gpus ? wish->n_gpus : GPUS);
	if (r)
		return r;
	return wish->trace     ? load_trace(experiment, err)
	       : wish->history ? load_history(experiment, err)
			       : 0;
}

/* ---- runs ---- */

static void show_progress(struct experiment *experiment)
{
	experiment->n_done++;
	if (terminal_moves(STDERR_FILENO))
		fprintf(stderr, "\r%zu of %zu runs%s", experiment->n_done, experiment->n_cells,
			experiment->n_done == experiment->n_cells ? "\r\033[K" : "");
}

static int run_rule(struct experiment *experiment, const struct trace *trace, struct row *row,
		    struct err *err)
{
	cleanup(fleet_free) struct fleet *fleet =
		fleet_new(experiment->rules, experiment->n_gpus);
	struct tally one;
	int r = fleet ? churn_replay(fleet, experiment->board, trace, &row->scheduler, &one, err)
		      : fail(err, ERR_NOMEM, "no memory for a fleet");

	if (!r)
		tally_add(&row->tally, &one);
	return r;
}

/* Not to be had for long traces: that is no error, for the rules still are. */
static int run_bound(struct experiment *experiment, const struct trace *trace, struct row *row,
		     struct err *err)
{
	uint32_t n_gpus = experiment->n_gpus;
	struct ceiling by_count, by_slots;
	int r = ceiling_find(experiment->board, trace, n_gpus, false, &by_count, err);

	if (!r)
		r = ceiling_find(experiment->board, trace, n_gpus, true, &by_slots, err);
	if (r == -ERR_TOO_LARGE || r == -ERR_UNSUPPORTED) {
		row->unknown = true;
		return 0;
	}
	if (r)
		return r;
	row->tally.requests += trace->n;
	for (size_t i = 0; i < trace->n; i++)
		row->tally.slots +=
			experiment->board->profiles[trace->requests[i].profile].memory_slices;
	row->most += by_count.accepted;
	row->most_slots += by_slots.accepted;
	return 0;
}

/* One trace under all rules. */
static int run_trace(struct experiment *experiment, const struct trace *trace, struct err *err)
{
	for (size_t i = 0; i < experiment->n_rows; i++) {
		struct row *row = &experiment->rows[i];
		int r = row->is_bound ? run_bound(experiment, trace, row, err)
				      : run_rule(experiment, trace, row, err);

		if (r)
			return r;
		show_progress(experiment);
	}
	return 0;
}

static int run_seeds(struct experiment *experiment, enum mix mix, double load, struct err *err)
{
	const struct simulate_wish *wish = experiment->wish;

	for (int64_t i = 0; i < wish->n_seeds; i++) {
		struct churn_wish churn = {.mix = mix,
					   .load = load,
					   .horizon = wish->horizon,
					   .n_gpus = experiment->n_gpus,
					   .key = (uint32_t)(wish->seed + i)};
		cleanup(trace_done) struct trace trace = {.n = 0};
		int r = churn_trace(experiment->board, &churn, &trace, err);

		if (!r)
			r = run_trace(experiment, &trace, err);
		if (r)
			return r;
	}
	return 0;
}

/* ---- answers ---- */

/* A share of six digits; null of nothing. */
static json_t *ratio(double part, uint64_t whole)
{
	return whole ? json_real(round(1e6 * part / (double)whole) / 1e6) : json_null();
}

static json_t *rule_json(const struct row *row)
{
	const struct tally *tally = &row->tally;
	char rule[32];

	return json_pack("{s:s, s:I, s:I, s:o, s:I, s:I, s:o, s:I, s:o, s:o, s:o}", "rule",
			 scheduler_format(&row->scheduler, rule, sizeof(rule)), "requests",
			 (json_int_t)tally->requests, "accepted", (json_int_t)tally->accepted,
			 "share", ratio((double)tally->accepted, tally->requests), "slots",
			 (json_int_t)tally->slots, "slots_accepted",
			 (json_int_t)tally->slots_accepted, "share_slots",
			 ratio((double)tally->slots_accepted, tally->slots), "moves",
			 (json_int_t)tally->moves, "share_moves",
			 ratio((double)tally->moves, tally->accepted), "used",
			 ratio((double)tally->used, tally->samples), "least",
			 ratio((double)tally->least, tally->samples));
}

static json_t *bound_json(const struct row *row)
{
	uint64_t requests = row->unknown ? 0 : row->tally.requests;
	uint64_t slots = row->unknown ? 0 : row->tally.slots;

	return json_pack("{s:s, s:o, s:n, s:o, s:o, s:n, s:o, s:n, s:n, s:n, s:n}", "rule", "bound",
			 "requests", json_known(requests), "accepted", "share",
			 ratio(row->most, requests), "slots", json_known(slots), "slots_accepted",
			 "share_slots", ratio(row->most_slots, slots), "moves", "share_moves",
			 "used", "least");
}

/* Tell what came of all rules, and begin anew. */
static void add_results(struct experiment *experiment, const char *mix, json_t *take_load,
			int64_t runs)
{
	for (size_t i = 0; i < experiment->n_rows; i++) {
		struct row *row = &experiment->rows[i];
		json_t *json = row->is_bound ? bound_json(row) : rule_json(row);

		json_object_set_new(json, "board", json_string(experiment->board->id));
		json_object_set_new(json, "gpus", json_integer(experiment->n_gpus));
		json_object_set_new(json, "mix", json_string(mix));
		json_object_set(json, "load", take_load);
		json_object_set_new(json, "runs", json_integer(runs));
		json_array_append_new(experiment->results, json);
		*row = (struct row){.is_bound = row->is_bound, .scheduler = row->scheduler};
	}
	json_decref(take_load);
}

static int run_file(struct experiment *experiment, struct err *err)
{
	int r;

	experiment->n_cells = experiment->n_rows;
	r = run_trace(experiment, &experiment->trace, err);
	if (!r)
		add_results(experiment,
			    experiment->wish->trace ? experiment->wish->trace : "history",
			    json_null(), 1);
	return r;
}

static int run_mixes(struct experiment *experiment, struct err *err)
{
	experiment->n_cells = experiment->n_loads * experiment->n_mixes *
			      (size_t)experiment->wish->n_seeds * experiment->n_rows;
	for (size_t l = 0; l < experiment->n_loads; l++)
		for (size_t m = 0; m < experiment->n_mixes; m++) {
			double load = experiment->loads[l];
			int r = run_seeds(experiment, experiment->mixes[m], load, err);

			if (r)
				return r;
			add_results(experiment, mix_name(experiment->mixes[m]), json_real(load),
				    experiment->wish->n_seeds);
		}
	return 0;
}

/* RFC 4180: quoted when it must be. */
static void print_csv_text(const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		printf("%s", text);
		return;
	}
	putchar('"');
	for (; *text; text++)
		printf(*text == '"' ? "\"\"" : "%c", *text);
	putchar('"');
}

static int print_csv(const json_t *rows)
{
	const json_t *row;
	size_t i;

	for (size_t c = 0; c < ARRAY_SIZE(simulate_columns); c++)
		printf("%s%s", c ? "," : "", simulate_columns[c].name);
	printf("\n");
	json_array_foreach(rows, i, row)
		for (size_t c = 0; c < ARRAY_SIZE(simulate_columns); c++) {
			const json_t *value = json_object_get(row, simulate_columns[c].name);

			if (json_is_string(value))
				print_csv_text(json_string_value(value));
			else if (json_is_number(value))
				printf("%.10g", json_number_value(value));
			printf("%s", c + 1 < ARRAY_SIZE(simulate_columns) ? "," : "\n");
		}
	return 0;
}

static int print_rows(const struct experiment *experiment, struct err *err)
{
	const struct simulate_wish *wish = experiment->wish;
	cleanup(json_decref) json_t *answer = json_pack("{s:O}", "results", experiment->results);

	if (wish->csv)
		return print_csv(experiment->results);
	if (wish->common.json)
		return ask_print_json(answer, err);
	return view_print(&wish->common, simulate_columns, ARRAY_SIZE(simulate_columns),
			  experiment->results, err);
}

static int simulate_run(struct cmd_call *call, struct err *err)
{
	struct experiment experiment = {.wish = call->wish, .results = json_array()};
	int r = read_wish(&experiment, err);

	if (!r) {
		experiment.rules = rules_new(experiment.board);
		r = experiment.rules ? 0 : fail(err, ERR_NOMEM, "no memory for rules");
	}
	if (!r)
		r = experiment.trace.n ? run_file(&experiment, err)
					   : run_mixes(&experiment, err);
	if (!r)
		r = print_rows(&experiment, err);
	trace_done(&experiment.trace);
	rules_free(experiment.rules);
	json_decref(experiment.results);
	return r;
}

static void simulate_help(const struct cmd *cmd)
{
	(void)cmd;
	printf("\nrules:\n");
	for (enum rule rule = 0; rule < RULE_COUNT; rule++)
		printf("  %-14s %s\n", rule_name(rule), rule_meaning(rule));
	printf("  %-14s everything moved at will, by closed form\n", "repack");
	printf("  %-14s no rule: what none can exceed\n", "bound");
	view_help("columns:", simulate_columns, ARRAY_SIZE(simulate_columns));
}

const struct cmd cmd_simulate = {
	.name = "simulate",
	.synopsis = "[--rule NAME,...] [--mix NAME,... | --trace FILE | --history SINCE] "
		    "[--load FACTOR,...]",
	.summary = "What a rule of placement would make of many requests",
	CMD_OPTS(simulate_opts),
	.defaults = &simulate_defaults,
	.wish_size = sizeof(struct simulate_wish),
	.more_help = simulate_help,
	.run = simulate_run,
};
