#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "cli/ask.h"
#include "cli/catalogue.h"
#include "cli/cli.h"
#include "cli/policy-diff.h"
#include "policy/policy-shapes.h"

#define N_BOARDS_MAX 128

struct policy_cmd_wish {
	struct cli_wish common;
	const char *boards; /* names; NULL: those of this server */
};

static const struct cmd_opt policy_opts[] = {
	{"boards", OPT_TEXT, offsetof(struct policy_cmd_wish, boards), .arg = "NAME,...",
	 .help = "check: show what it means on these boards"},
	CLI_JSON,
};

/* ---- check ---- */

static json_t *names_of_classes(const struct policy *policy)
{
	json_t *names = json_array();

	for (size_t i = 0; i < policy_n_classes(policy); i++)
		json_array_append_new(names, json_string(policy_class_at(policy, i)->name));
	return names;
}

static json_t *names_of_teams(const struct policy *policy)
{
	json_t *names = json_array();

	for (size_t i = 0; i < policy_n_teams(policy); i++)
		json_array_append_new(names, json_string(policy_team_at(policy, i)->name));
	return names;
}

static json_t *lines_of(const struct text *text)
{
	json_t *lines = json_array();
	const char *at = text_str(text);

	while (*at) {
		size_t len = strcspn(at, "\n");

		json_array_append_new(lines, json_stringn(at, len));
		at += len + (at[len] == '\n');
	}
	return lines;
}

static int print_json(const char *path, const struct policy *policy, const struct text *notes,
		      struct err *err)
{
	cleanup(json_decref) json_t *answer =
		json_pack("{s:s, s:s, s:o, s:o, s:o}", "path", path, "name", policy_name(policy),
			  "classes", names_of_classes(policy), "teams", names_of_teams(policy),
			  "notes", lines_of(notes));

	return answer ? ask_print_json(answer, err)
		      : fail(err, ERR_INVALID, "the path must be UTF-8");
}

/* ---- the boards that matter ---- */

struct board_list {
	const struct board *at[N_BOARDS_MAX];
	size_t n;
};

static void add_board(struct board_list *list, const struct board *board)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->at[i] == board)
			return;
	if (board && list->n < N_BOARDS_MAX)
		list->at[list->n++] = board;
}

static int add_named(const char *names, struct board_list *list, struct err *err)
{
	char name[64];

	for (const char *at = names;; at++) {
		size_t len = strcspn(at, ",");
		const struct board *board;
		int r;

		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		r = catalogue_find(name, &board, err);
		if (r)
			return fail_in(err, "--boards: ");
		add_board(list, board);
		at += len;
		if (!*at)
			return 0;
	}
}

/* A board for each GPU of this server, should carved answer. */
static void note_shares(const struct cli_wish *wish, const struct policy *policy,
			struct text *notes)
{
	cleanup(json_decref) json_t *answer = NULL;
	const struct board *gpus[64];
	struct err ignored = ERR_INIT;
	const json_t *gpu;
	size_t i, n = 0;

	if (ask(wish, "GET", "/v1/gpus", NULL, &answer, &ignored))
		return;
	json_array_foreach(json_object_get(answer, "gpus"), i, gpu) {
		const char *id = json_string_value(json_object_get(gpu, "board"));
		const struct board *board = id ? board_by_id(id) : NULL;

		if (board && n < ARRAY_SIZE(gpus))
			gpus[n++] = board;
	}
	if (n)
		policy_notes_here(policy, gpus, n, notes);
}

/* Those of this server, should carved answer. */
static void add_present(const struct cli_wish *wish, struct board_list *list)
{
	cleanup(json_decref) json_t *answer = NULL;
	struct err ignored = ERR_INIT;
	const json_t *gpu;
	size_t i;

	if (ask(wish, "GET", "/v1/gpus", NULL, &answer, &ignored))
		return;
	json_array_foreach(json_object_get(answer, "gpus"), i, gpu) {
		const char *id = json_string_value(json_object_get(gpu, "board"));

		if (id)
			add_board(list, board_by_id(id));
	}
}

static int boards_that_matter(const struct policy_cmd_wish *wish, struct board_list *list,
			      struct err *err)
{
	if (wish->boards)
		return add_named(wish->boards, list, err);
	add_present(&wish->common, list);
	if (!list->n)
		for (size_t i = 0; i < n_boards; i++)
			add_board(list, &boards[i]);
	return 0;
}

static int print_text(const char *path, const struct policy *policy,
		      const struct board_list *list, const struct text *notes, struct err *err)
{
	cleanup(text_done) struct text safe = TEXT_INIT;
	cleanup(text_done) struct text text = TEXT_INIT;

	text_add_printable(&safe, path);
	policy_describe(policy, list->at, list->n, &text);
	if (text_failed(&text) || text_failed(&safe))
		return fail(err, ERR_NOMEM, "no memory for a description");
	printf("%s: in order\n\n%s%s%s", text_str(&safe), text_str(&text), notes->len ? "\n" : "",
	       text_str(notes));
	return 0;
}

static int check(const struct policy_cmd_wish *wish, const char *path, struct err *err)
{
	cleanup(policy_free) struct policy *policy = NULL;
	cleanup(text_done) struct text notes = TEXT_INIT;
	struct board_list list = {.n = 0};
	int r = policy_load(path, &policy, err);

	if (r)
		return r;
	policy_notes(policy, &notes);
	r = boards_that_matter(wish, &list, err);
	if (r)
		return r;
	if (list.n < n_boards) /* of this server, or named: not the whole catalogue */
		policy_notes_boards(policy, list.at, list.n, &notes);
	if (!wish->boards)
		note_shares(&wish->common, policy, &notes);
	return wish->common.json ? print_json(path, policy, &notes, err)
				 : print_text(path, policy, &list, &notes, err);
}

/* ---- reload ---- */

static int reload(const struct policy_cmd_wish *wish, struct err *err)
{
	cleanup(json_decref) json_t *answer = NULL;
	int r = ask(&wish->common, "POST", "/v1/policy/reload", NULL, &answer, err);

	if (r)
		return r;
	if (wish->common.json)
		return ask_print_json(answer, err);
	printf("the policy was read again and is in force\n");
	return 0;
}

/* ---- which ---- */

static int policy_run(struct cmd_call *call, struct err *err)
{
	static const char *const verbs[] = {"check", "reload", "diff"};
	const struct policy_cmd_wish *wish = call->wish;
	int verb = cmd_word(call->args[0], "verb of carve policy", verbs, ARRAY_SIZE(verbs), err);

	if (verb < 0)
		return -ERR_INVALID;
	if (verb == 1)
		return call->n_args == 1 ? reload(call->wish, err)
					 : fail(err, ERR_INVALID, "policy reload takes no file");
	if (verb == 2)
		return call->n_args < 2
			       ? fail(err, ERR_INVALID, "policy diff needs a file")
			       : policy_diff_print(&wish->common,
						   call->n_args == 3 ? call->args[1] : NULL,
						   call->args[call->n_args - 1], err);
	if (call->n_args != 2)
		return fail(err, ERR_INVALID, "policy check needs a file");
	return check(call->wish, call->args[1], err);
}

const struct cmd cmd_policy = {
	.name = "policy",
	.synopsis = "check FILE [--boards NAME,...] | diff [OLD] NEW | reload",
	.summary = "Check a policy file, see what it would change, load it",
	CMD_OPTS(policy_opts),
	.wish_size = sizeof(struct policy_cmd_wish),
	.min_args = 1,
	.max_args = 3,
	.run = policy_run,
};
