#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/table.h"
#include "base/text.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/ruler.h"
#include "cli/terminal.h"
#include "cli/view.h"

#define WIDTH	    80
#define RULER_WIDTH 72
#define WORD_WIDTH  12

struct status_wish {
	struct cli_wish common;
};

static const struct cmd_opt status_opts[] = {CLI_JSON};

/* ---- what it looks like ---- */

struct screen {
	bool colour;
	int64_t now_s;
	const char *me; /* user name; NULL: unknown */
};

/* One line, cut at the screen's width, without blanks at its end. */
static void print_line(const struct screen *screen, const char *code, const char *line)
{
	char cut[512];
	size_t len;

	snprintf(cut, sizeof(cut), "%s", line);
	len = strlen(cut);
	while (len && (text_width(cut) > WIDTH || cut[len - 1] == ' ' || !text_is_utf8(cut, len)))
		cut[--len] = '\0';
	if (screen->colour && code)
		printf("\033[%sm%s\033[0m\n", code, cut);
	else
		printf("%s\n", cut);
}

/* ---- head and notes ---- */

static void print_head(const struct screen *screen, const json_t *status)
{
	cleanup(text_done) struct text line = TEXT_INIT;

	view_add(status, "carved ", "version", COLUMN_TEXT, "", screen->now_s, &line);
	view_add(status, ", driver ", "driver", COLUMN_TEXT, "", screen->now_s, &line);
	view_add(status, ", policy ", "policy.name", COLUMN_TEXT, "", screen->now_s, &line);
	print_line(screen, "1", text_str(&line));
}

/* Where a line of whole words ends; at least one word is in it. */
static size_t line_end(const char *text)
{
	size_t len = strcspn(text, " ");

	while (text[len]) {
		cleanup(text_done) struct text line = TEXT_INIT;
		size_t next = len + 1 + strcspn(text + len + 1, " ");

		text_addf(&line, "%.*s", (int)next, text);
		if (text_width(text_str(&line)) > WIDTH - 2)
			break;
		len = next;
	}
	return len;
}

/* A note says what to do at its end: it is not cut but goes on in the next line. */
static void print_note(const struct screen *screen, const char *note)
{
	const char *mark = "!";

	while (*note) {
		cleanup(text_done) struct text line = TEXT_INIT;
		size_t len = line_end(note);

		text_addf(&line, "%s %.*s", mark, (int)len, note);
		print_line(screen, "33", text_str(&line));
		note += len;
		note += *note == ' ';
		mark = " ";
	}
}

static void print_notes(const struct screen *screen, const json_t *status)
{
	const json_t *note;
	size_t i;

	if (json_is_string(view_at(status, "policy.error"))) {
		cleanup(text_done) struct text line = TEXT_INIT;

		view_add(status, "! the policy file was refused, the former one is in force: ",
			 "policy.error", COLUMN_TEXT, "", 0, &line);
		print_line(screen, "33", text_str(&line));
	}
	if (json_is_false(json_object_get(status, "ledger_writable")))
		print_line(screen, "33", "! the ledger cannot be written: nothing new is granted");
	json_array_foreach(json_object_get(status, "notes"), i, note) {
		cleanup(text_done) struct text line = TEXT_INIT;

		view_value(COLUMN_TEXT, note, 0, &line);
		print_note(screen, text_str(&line));
	}
}

/* ---- GPUs ---- */

static void print_gpu(const struct screen *screen, const json_t *gpu)
{
	cleanup(text_done) struct text head = TEXT_INIT;
	cleanup(text_done) struct text fits = TEXT_INIT;
	cleanup(text_done) struct text ruler = TEXT_INIT;
	cleanup(text_done) struct text note = TEXT_INIT;
	const char *state = json_string_value(json_object_get(gpu, "state"));

	view_add(gpu, "GPU ", "index", COLUMN_NUMBER, "", 0, &head);
	view_add(gpu, "  ", "name", COLUMN_TEXT, "", 0, &head);
	if (state && strcmp(state, "ok"))
		view_add(gpu, "  ", "state", COLUMN_TEXT, "", 0, &head);
	if (json_is_false(json_object_get(gpu, "managed")))
		text_add(&head, "  not managed");
	ruler_fits(gpu, &fits);
	if (fits.len)
		text_addf(&head, "  fits: %s", text_str(&fits));
	ruler_draw(gpu, RULER_WIDTH, &ruler);
	printf("\n");
	print_line(screen, "1", text_str(&head));
	print_line(screen, NULL, text_str(&ruler));
	view_add(gpu, "! ", "note", COLUMN_TEXT, "", 0, &note);
	if (note.len)
		print_line(screen, "33", text_str(&note));
}

/* ---- leases and queue ---- */

static const struct column held[] = {
	{"id", "LEASE", COLUMN_NUMBER},
	{"user", "USER", COLUMN_TEXT},
	{"class", "CLASS", COLUMN_TEXT},
	{"instance.gpu_index", "GPU", COLUMN_NUMBER},
	{"instance.profile", "PROFILE", COLUMN_TEXT},
	{"instance.start", "AT", COLUMN_NUMBER},
	{"state", "STATE", COLUMN_TEXT},
	{"ends_s", "LEFT", COLUMN_LEFT},
	{"reason", "REASON", COLUMN_TEXT},
};

static const struct column waiting[] = {
	{"position", "PLACE", COLUMN_NUMBER}, {"id", "LEASE", COLUMN_NUMBER},
	{"user", "USER", COLUMN_TEXT},	      {"team", "TEAM", COLUMN_TEXT},
	{"class", "CLASS", COLUMN_TEXT},      {"estimate_s", "IN", COLUMN_LEFT},
	{"reason", "REASON", COLUMN_TEXT},
};

static bool is_right(enum column_type type)
{
	return type == COLUMN_NUMBER || type == COLUMN_LEFT;
}

/* A word that would push the others off the screen; the last column is the table's to cut. */
static void cut_word(char *word)
{
	size_t len = strlen(word);

	while (len && (text_width(word) > WORD_WIDTH || !text_is_utf8(word, len)))
		word[--len] = '\0';
}

static void add_row(const struct screen *screen, struct table *table, const struct column *columns,
		    size_t n, const json_t *row)
{
	const char *user = json_string_value(json_object_get(row, "user"));

	table_row(table);
	for (size_t i = 0; i < n; i++) {
		cleanup(text_done) struct text text = TEXT_INIT;

		view_value(columns[i].type, view_at(row, columns[i].name), screen->now_s, &text);
		if (text.s && i + 1 < n)
			cut_word(text.s);
		table_cell(table, "%s", text_str(&text));
	}
	if (screen->colour && user && screen->me && !strcmp(user, screen->me))
		table_bold(table);
}

static int print_rows(const struct screen *screen, const struct column *columns, size_t n,
		      const json_t *rows, struct err *err)
{
	struct table_column heads[ARRAY_SIZE(held) + ARRAY_SIZE(waiting)];
	cleanup(table_free) struct table *table = NULL;
	const json_t *row;
	size_t i;

	for (i = 0; i < n; i++)
		heads[i] = (struct table_column){columns[i].head, is_right(columns[i].type), false};
	table = table_new(heads, n);
	table_set_width(table, WIDTH);
	json_array_foreach(rows, i, row)
		add_row(screen, table, columns, n, row);
	return table_print(table, err);
}

static json_int_t ends_of(const json_t *lease)
{
	const json_t *end = json_object_get(lease, "ends_s");

	return json_is_integer(end) ? json_integer_value(end) : INT64_MAX;
}

static int by_end(const void *a, const void *b)
{
	json_int_t x = ends_of(*(json_t *const *)a), y = ends_of(*(json_t *const *)b);

	return (x > y) - (x < y);
}

/* A new list, soonest end first. */
static json_t *sorted_by_end(const json_t *leases)
{
	size_t n = json_array_size(leases);
	cleanup(free) json_t **all = calloc(n + 1, sizeof(json_t *));
	json_t *list = json_array();

	if (!all)
		return list;
	for (size_t i = 0; i < n; i++)
		all[i] = json_array_get(leases, i);
	qsort(all, n, sizeof(*all), by_end);
	for (size_t i = 0; i < n; i++)
		json_array_append(list, all[i]);
	return list;
}

static int print_leases(const struct screen *screen, const json_t *status, struct err *err)
{
	cleanup(json_decref) json_t *leases = sorted_by_end(json_object_get(status, "leases"));
	const json_t *queue = json_object_get(status, "queue");
	int r = 0;

	printf("\n");
	if (json_array_size(leases))
		r = print_rows(screen, held, ARRAY_SIZE(held), leases, err);
	else
		printf("nothing is held\n");
	if (r || !json_array_size(queue))
		return r;
	printf("\n");
	return print_rows(screen, waiting, ARRAY_SIZE(waiting), queue, err);
}

static int print_screen(const json_t *status, struct err *err)
{
	const struct passwd *user = getpwuid(getuid());
	const struct screen screen = {terminal_colours(STDOUT_FILENO), clock_now_s(),
				      user ? user->pw_name : NULL};
	const json_t *gpu;
	size_t i;

	print_head(&screen, status);
	print_notes(&screen, status);
	json_array_foreach(json_object_get(status, "gpus"), i, gpu)
		print_gpu(&screen, gpu);
	return print_leases(&screen, status, err);
}

static int status_run(struct cmd_call *call, struct err *err)
{
	const struct status_wish *wish = call->wish;
	cleanup(json_decref) json_t *answer = NULL;
	int r = ask(&wish->common, "GET", "/v1/status", NULL, &answer, err);

	if (r)
		return r;
	return wish->common.json ? ask_print_json(answer, err) : print_screen(answer, err);
}

const struct cmd cmd_status = {
	.name = "status",
	.synopsis = "",
	.summary = "One screen: GPUs, holders, time left, queue",
	CMD_OPTS(status_opts),
	.wish_size = sizeof(struct status_wish),
	.run = status_run,
};
