#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/layout-apply.h"
#include "cli/layout-plan.h"
#include "cli/present.h"
#include "cli/view.h"
#include "cli/when.h"

struct layout_wish {
	struct cli_wish common;
	const char *file, *config, *format, *name, *reason, *until;
	bool any_order, yes, dry_run, wait, adopt, all, now, when_open, drain;
};

static const struct cmd_opt layout_opts[] = {
	{"file", OPT_TEXT, offsetof(struct layout_wish, file), .arg = "FILE", .letter = 'f',
	 .help = "plan, assert, apply: the wish is in this file, ours or mig-parted's"},
	{"config", OPT_TEXT, offsetof(struct layout_wish, config), .arg = "NAME", .letter = 'c',
	 .help = "plan, assert, apply: this one of the layouts in the file"},
	{"any-order", OPT_FLAG, offsetof(struct layout_wish, any_order),
	 .help = "plan, apply: equal GPUs may exchange their layouts"},
	{"dry-run", OPT_FLAG, offsetof(struct layout_wish, dry_run),
	 .help = "apply, restore: show the plan and do nothing"},
	{"yes", OPT_FLAG, offsetof(struct layout_wish, yes),
	 .help = "apply, restore: also at a terminal, also when somebody is in the way"},
	{"wait", OPT_FLAG, offsetof(struct layout_wish, wait),
	 .help = "apply, restore: wait until nobody is in the way"},
	{"adopt", OPT_FLAG, offsetof(struct layout_wish, adopt),
	 .help = "apply, restore: take over what carve did not make on these GPUs"},
	{"reason", OPT_TEXT, offsetof(struct layout_wish, reason), .arg = "TEXT",
	 .help = "apply, restore: what for"},
	{"drain", OPT_FLAG, offsetof(struct layout_wish, drain),
	 .help = "apply, restore: tell who is in the way to leave, and wait for them"},
	{"until", OPT_TEXT, offsetof(struct layout_wish, until), .arg = "TIME",
	 .help = "apply, restore: then the layout before comes back: 2d, 'fri 18:00'"},
	{"when-open", OPT_FLAG, offsetof(struct layout_wish, when_open),
	 .help = "apply, restore: wait for a window of the policy"},
	{"now", OPT_FLAG, offsetof(struct layout_wish, now),
	 .help = "apply, restore: outside the windows, too; needs --reason"},
	{"all", OPT_FLAG, offsetof(struct layout_wish, all),
	 .help = "changes: those that have ended, too"},
	{"format", OPT_TEXT, offsetof(struct layout_wish, format), .arg = "WORD",
	 .help = "export: words, yaml (the default) or mig-parted"},
	{"name", OPT_TEXT, offsetof(struct layout_wish, name), .arg = "NAME",
	 .help = "export: what the file calls the layout (default: now)"},
	CLI_TABLE,
};

static const struct column show_columns[] = {
	{"index", "GPU", COLUMN_NUMBER, "its index"},
	{"board", "BOARD", COLUMN_TEXT, "its model: carve boards"},
	{"mig", "MIG", COLUMN_TEXT, "on, off or unsupported"},
	{"layout", "LAYOUT", COLUMN_TEXT,
	 "its instances, each at its first unit; as a wish is written"},
	{"until", "UNTIL", COLUMN_WHEN, "then the layout before it comes back",
	 .at = "returns.at_s", .extra = true},
	{"then", "THEN", COLUMN_TEXT, "that layout", .at = "returns.layout", .extra = true},
	{"free_units", "FREE", COLUMN_NUMBER, "placement units that nothing covers", .extra = true},
	{"uuid", "UUID", COLUMN_TEXT, "its UUID", .extra = true},
};

/* ---- show ---- */

static json_t *free_units(const struct present_gpu *gpu)
{
	int left = gpu->readable ? gpu->gpu.board->units : 0;

	for (size_t i = 0; i < gpu->gpu.n; i++)
		left -= gpu->gpu.at[i].profile->size;
	return gpu->readable && gpu->mig ? json_integer(left) : json_null();
}

static json_t *show_row(const struct present *present, size_t i)
{
	static const char *const same[] = {"uuid", "board", "mig", "returns"};
	const struct present_gpu *gpu = &present->gpus[i];
	cleanup(text_done) struct text words = TEXT_INIT;
	json_t *row = json_pack("{s:I}", "index", (json_int_t)present->server.gpus[i].index);

	for (size_t k = 0; k < ARRAY_SIZE(same); k++) {
		json_t *value = json_object_get(gpu->json, same[k]);

		json_object_set_new(row, same[k], value ? json_incref(value) : json_null());
	}
	layout_words(&present->now.gpus[i], &words);
	json_object_set_new(row, "layout",
			    gpu->readable ? json_string(text_str(&words)) : json_null());
	json_object_set_new(row, "free_units", free_units(gpu));
	return row;
}

/* What is there for a time only. */
static void print_returns(const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row) {
		cleanup(text_done) struct text line = TEXT_INIT;

		if (!json_is_object(json_object_get(row, "returns")))
			continue;
		view_add(row, "GPU ", "index", COLUMN_NUMBER, "", 0, &line);
		view_add(row, " is so until ", "returns.at_s", COLUMN_WHEN, "", 0, &line);
		view_add(row, ", then ", "returns.layout", COLUMN_TEXT, "", 0, &line);
		view_add(row, " again (change ", "returns.change", COLUMN_NUMBER, ")", 0, &line);
		printf("%s\n", text_str(&line));
	}
}

static int show(const struct layout_wish *wish, const struct present *present, struct err *err)
{
	cleanup(json_decref) json_t *answer = json_pack("{s:[]}", "gpus");
	json_t *rows = json_object_get(answer, "gpus");
	int r;

	for (size_t i = 0; i < present->server.n; i++)
		json_array_append_new(rows, show_row(present, i));
	if (wish->common.json)
		return ask_print_json(answer, err);
	r = view_print(&wish->common, show_columns, ARRAY_SIZE(show_columns), rows, err);
	if (!r && !wish->common.columns)
		print_returns(rows);
	return r;
}

/* ---- export ---- */

static bool is_plain_name(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._-") == strlen(name);
}

static int export(const struct layout_wish *wish, const struct present *present, struct err *err)
{
	static const char *const forms[] = {
#define X(name, word, meaning) word,
		WISH_FORM_TABLE(X)
#undef X
	};
	cleanup(text_done) struct text text = TEXT_INIT;
	const char *name = wish->name ? wish->name : "now";
	int form = wish->format ? cmd_word(wish->format, "format", forms, WISH_FORM_COUNT, err)
				: WISH_YAML;
	bool any = false;

	if (form < 0)
		return fail_in(err, "--format: ");
	if (!is_plain_name(name))
		return fail(err, ERR_INVALID,
			    "--name: '%.80s' is more than letters, digits and . _ -", name);
	if (wish->common.json)
		return show(wish, present, err);
	for (size_t i = 0; i < present->server.n; i++) {
		any |= present->now.gpus[i].given;
		if (present->server.gpus[i].board && !present->gpus[i].readable)
			return fail(err, ERR_UNSUPPORTED,
				    "GPU %u cannot MIG, or has what the catalogue does not",
				    present->server.gpus[i].index);
	}
	if (!any)
		return fail(err, ERR_NOT_FOUND, "no GPU here can MIG");
	wish_write((enum wish_form)form, &present->server, &present->now, name, &text);
	printf("%s", text_str(&text));
	return 0;
}

/* ---- plan, assert ---- */

static int read_wish(const struct layout_wish *wish, const struct present *present,
		     const struct cmd_call *call, struct wish *ret, struct err *err)
{
	if (!wish->file == (call->n_args < 2)) {
		fail(err, ERR_INVALID, "%s needs words like gpu0=3g,2g, or --file FILE",
		     call->args[0]);
		return fail_hint(err, "carve layout --help explains");
	}
	if (wish->config && !wish->file)
		return fail(err, ERR_INVALID, "--config needs --file FILE");
	if (wish->file)
		return wish_load(wish->file, wish->config, &present->server, ret, err);
	return wish_from_words(call->args + 1, (size_t)call->n_args - 1, &present->server, ret,
			       err);
}

static int plan(const struct layout_wish *wish, const struct present *present, struct wish *wanted,
		struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	int r = layout_plan(present, wanted, wish->any_order, &answer, err);

	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	return layout_plan_print(&wish->common, present, answer, err);
}

/* As wished is what needs no step; to whom it belongs plays no part. */
static bool is_so(const struct present_gpu *gpu, const struct wish_gpu *wish)
{
	struct change_gpu idle = gpu->gpu;
	struct err ignored = ERR_INIT;
	struct change change;

	if (!gpu->readable || gpu->mig != wish->mig)
		return false;
	for (size_t i = 0; i < idle.n; i++)
		idle.at[i].use = CHANGE_IDLE;
	return !change_make(&idle, wish, &change, &ignored) && !change.n;
}

static void add_difference(const struct present *present, size_t i, const struct wish_gpu *wish,
			   json_t *differs)
{
	cleanup(text_done) struct text now = TEXT_INIT;
	cleanup(text_done) struct text wished = TEXT_INIT;

	layout_words(&present->now.gpus[i], &now);
	layout_words(wish, &wished);
	json_array_append_new(differs, json_pack("{s:I, s:s?, s:s}", "index",
						 (json_int_t)present->server.gpus[i].index, "now",
						 present->gpus[i].readable ? text_str(&now) : NULL,
						 "wish", text_str(&wished)));
}

static int assert_wish(const struct layout_wish *wish, const struct present *present,
		       const struct wish *wanted, struct cmd_call *call, struct err *err)
{
	cleanup(json_decref) json_t *answer = json_pack("{s:b, s:[]}", "so", 1, "differs");
	json_t *differs = json_object_get(answer, "differs");
	const json_t *row;
	size_t i;

	for (i = 0; i < present->server.n; i++)
		if (wanted->gpus[i].given && !is_so(&present->gpus[i], &wanted->gpus[i]))
			add_difference(present, i, &wanted->gpus[i], differs);
	json_object_set_new(answer, "so", json_boolean(!json_array_size(differs)));
	call->exit_status = json_array_size(differs) ? 1 : 0;
	if (wish->common.json)
		return ask_print_json(answer, err);
	json_array_foreach(differs, i, row) {
		cleanup(text_done) struct text line = TEXT_INIT;

		view_add(row, "gpu", "index", COLUMN_NUMBER, "", 0, &line);
		view_add(row, " is ", "now", COLUMN_TEXT, "", 0, &line);
		view_add(row, ", not ", "wish", COLUMN_TEXT, "", 0, &line);
		printf("%s\n", text_str(&line));
	}
	return 0;
}

/* ---- apply, restore ---- */

static bool is_touched(const json_t *plan)
{
	return json_array_size(json_object_get(plan, "waits")) > 0;
}

/* Show what would be done; and why it is not, unless that was asked for. */
static int show_only(const struct layout_wish *wish, const struct present *present,
		     const json_t *plan, struct err *err)
{
	int r = wish->common.json ? ask_print_json(plan, err)
				  : layout_plan_print(&wish->common, present, plan, err);

	if (r || wish->dry_run)
		return r;
	fail(err, ERR_BUSY, "nothing was done: somebody is in the way");
	return fail_hint(err, "--yes --wait does it when nobody is any more");
}

/* One word a line becomes one line. */
static void one_line(struct text *words)
{
	while (words->len && words->s[words->len - 1] == '\n')
		words->s[--words->len] = '\0';
	for (size_t i = 0; i < words->len; i++)
		if (words->s[i] == '\n')
			words->s[i] = ' ';
}

static int send(const struct layout_wish *wish, const struct present *present,
		const struct wish *wanted, struct cmd_call *call, struct err *err)
{
	cleanup(text_done) struct text words = TEXT_INIT;
	struct apply_wish apply = {
		.reason = wish->reason,
		.wait = wish->wait,
		.adopt = wish->adopt,
		.now = wish->now,
		.when_open = wish->when_open,
		.drain = wish->drain,
	};
	bool already = false;
	int r = wish->until ? when_parse_ahead(wish->until, clock_now_s(), &apply.until_s, err) : 0;

	if (r)
		return fail_in(err, "--until: ");
	wish_write(WISH_WORDS, &present->server, wanted, NULL, &words);
	one_line(&words);
	apply.layout = text_str(&words);
	r = layout_apply(&wish->common, &apply, &already, err);
	if (r || !already)
		return r;
	call->exit_status = err_exit_status(ERR_ALREADY_SO);
	if (!wish->common.json)
		printf("%s\n", err_meaning(ERR_ALREADY_SO));
	return 0;
}

static int apply(const struct layout_wish *wish, struct present *present, struct wish *wanted,
		 struct cmd_call *call, struct err *err)
{
	cleanup(json_decref) json_t *planned = NULL;
	int r;

	if (wish->adopt)
		present_adopt(present);
	r = layout_plan(present, wanted, wish->any_order, &planned, err);
	if (r)
		return r;
	if (wish->dry_run || (is_touched(planned) && isatty(STDOUT_FILENO) && !wish->yes))
		return show_only(wish, present, planned, err);
	return send(wish, present, wanted, call, err);
}

static int read_saved(const struct layout_wish *wish, const struct present *present,
		      const char *name, struct wish *ret, struct err *err)
{
	cleanup(free) char *text = NULL;
	char *words[2 * WISH_MAX_GPUS], *rest;
	size_t n = 0;
	int r = layout_saved_words(&wish->common, name, &text, err);

	if (r)
		return r;
	rest = text;
	for (char *word; (word = strsep(&rest, " "));) {
		if (!*word)
			continue;
		if (n == ARRAY_SIZE(words))
			return fail(err, ERR_TOO_LARGE, "layout '%.40s' has too many words", name);
		words[n++] = word;
	}
	r = wish_from_words(words, n, &present->server, ret, err);
	return r ? fail_in(err, "layout '%.40s': ", name) : 0;
}

/* ---- the command ---- */

enum word {
	WORD_SHOW,
	WORD_PLAN,
	WORD_ASSERT,
	WORD_EXPORT,
	WORD_APPLY,
	WORD_SAVE,
	WORD_RESTORE,
	WORD_SAVED,
	WORD_FORGET,
	WORD_CHANGES,
	WORD_CANCEL,
	WORD_EXTEND,
};

static const char *const words[] = {"show",    "plan",	"assert", "export",  "apply", "save",
				    "restore", "saved", "forget", "changes", "cancel",
				    "extend"};

/* What may follow: words of a wish, one name, or nothing. */
static bool takes_wish(enum word word)
{
	return word == WORD_PLAN || word == WORD_ASSERT || word == WORD_APPLY;
}

static bool takes_name(enum word word)
{
	return word == WORD_SAVE || word == WORD_RESTORE || word == WORD_FORGET ||
	       word == WORD_CANCEL;
}

static int check_words(enum word word, const struct cmd_call *call, struct err *err)
{
	int most = word == WORD_EXTEND ? 3 : takes_name(word) ? 2 : 1;

	if (takes_wish(word))
		return 0;
	if (call->n_args > most)
		return fail(err, ERR_INVALID, "layout %s does not take '%.80s'", words[word],
			    call->args[most]);
	if (call->n_args < most)
		return fail(err, ERR_INVALID, "layout %s needs %s", words[word],
			    word == WORD_EXTEND	  ? "the number of a change and a time"
			    : word == WORD_CANCEL ? "the number of a change"
						  : "a name");
	return 0;
}

/* Words that need not know the GPUs. */
static int run_plainly(enum word word, const struct layout_wish *wish, const struct cmd_call *call,
		       struct err *err)
{
	switch (word) {
	case WORD_SAVE:
		return layout_save(&wish->common, call->args[1], err);
	case WORD_SAVED:
		return layout_saved(&wish->common, err);
	case WORD_FORGET:
		return layout_forget(&wish->common, call->args[1], err);
	case WORD_EXTEND:
		return layout_extend(&wish->common, call->args[1], call->args[2], err);
	case WORD_CHANGES:
		return layout_changes(&wish->common, wish->all, err);
	default:
		return layout_cancel(&wish->common, call->args[1], err);
	}
}

static int run_on_gpus(enum word word, const struct layout_wish *wish, struct cmd_call *call,
		       struct err *err)
{
	cleanup(present_free) struct present *present = NULL;
	struct wish wanted;
	int r = present_ask(&wish->common, &present, err);

	if (!r && takes_wish(word))
		r = read_wish(wish, present, call, &wanted, err);
	else if (!r && word == WORD_RESTORE)
		r = read_saved(wish, present, call->args[1], &wanted, err);
	if (r)
		return r;
	switch (word) {
	case WORD_SHOW:
		return show(wish, present, err);
	case WORD_EXPORT:
		return export(wish, present, err);
	case WORD_PLAN:
		return plan(wish, present, &wanted, err);
	case WORD_ASSERT:
		return assert_wish(wish, present, &wanted, call, err);
	default:
		return apply(wish, present, &wanted, call, err);
	}
}

static int layout_run(struct cmd_call *call, struct err *err)
{
	const struct layout_wish *wish = call->wish;
	int word = cmd_word(call->args[0], "word of layout", words, ARRAY_SIZE(words), err);
	int r;

	if (word < 0)
		return -(int)err->code;
	r = check_words((enum word)word, call, err);
	if (r)
		return r;
	return word <= WORD_APPLY || word == WORD_RESTORE
		       ? run_on_gpus((enum word)word, wish, call, err)
		       : run_plainly((enum word)word, wish, call, err);
}

static void layout_help(const struct cmd *cmd)
{
	(void)cmd;
	view_help("columns:", show_columns, ARRAY_SIZE(show_columns));
	layout_plan_help();
	layout_changes_help();
}

const struct cmd cmd_layout = {
	.name = "layout",
	.synopsis = "show | export | plan WISH... | assert WISH... | apply WISH... | save NAME | "
		    "restore NAME | saved | forget NAME | changes | cancel ID | extend ID TIME",
	.summary = "How the GPUs are divided, and the way to what is wanted",
	CMD_OPTS(layout_opts),
	.wish_size = sizeof(struct layout_wish),
	.min_args = 1,
	.max_args = -1,
	.more_help = layout_help,
	.run = layout_run,
};

/* ---- "plan" for short ---- */

static int plan_run(struct cmd_call *call, struct err *err)
{
	static char word[] = "plan";
	cleanup(free) char **args = calloc((size_t)call->n_args + 2, sizeof(*args));
	struct cmd_call layout = *call;

	if (!args)
		return fail(err, ERR_NOMEM, "no memory for %d words", call->n_args);
	args[0] = word;
	memcpy(args + 1, call->args, (size_t)call->n_args * sizeof(*args));
	layout.args = args;
	layout.n_args++;
	return layout_run(&layout, err);
}

static const struct cmd_opt plan_opts[] = {
	{"file", OPT_TEXT, offsetof(struct layout_wish, file), .arg = "FILE", .letter = 'f',
	 .help = "the wish is in this file, ours or mig-parted's"},
	{"config", OPT_TEXT, offsetof(struct layout_wish, config), .arg = "NAME", .letter = 'c',
	 .help = "this one of the layouts in the file"},
	{"any-order", OPT_FLAG, offsetof(struct layout_wish, any_order),
	 .help = "equal GPUs may exchange their layouts"},
	CLI_TABLE,
};

static void plan_help(const struct cmd *cmd)
{
	(void)cmd;
	layout_plan_help();
}

const struct cmd cmd_plan = {
	.name = "plan",
	.synopsis = "WISH... | --file FILE",
	.summary = "The way to another layout: carve layout plan",
	CMD_OPTS(plan_opts),
	.wish_size = sizeof(struct layout_wish),
	.max_args = -1,
	.more_help = plan_help,
	.run = plan_run,
};
