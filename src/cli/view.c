#include "cli/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "base/table.h"

const json_t *view_at(const json_t *row, const char *at)
{
	char key[64];

	while (row && *at) {
		size_t len = strcspn(at, ".");

		snprintf(key, sizeof(key), "%.*s", (int)len, at);
		row = json_object_get(row, key);
		at += len + (at[len] == '.');
	}
	return row;
}

/* ---- values ---- */

static void add_scalar(const json_t *value, struct text *ret)
{
	if (json_is_string(value))
		text_add_printable(ret, json_string_value(value));
	else if (json_is_integer(value))
		text_addf(ret, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_boolean(value))
		text_add(ret, json_is_true(value) ? "yes" : "no");
}

static void add_text(const json_t *value, int64_t now_s, struct text *ret)
{
	(void)now_s;
	add_scalar(value, ret);
}

static void add_size(const json_t *value, int64_t now_s, struct text *ret)
{
	char text[32];

	(void)now_s;
	if (json_is_integer(value) && json_integer_value(value) >= 0)
		text_add(ret, size_format(text, sizeof(text), (uint64_t)json_integer_value(value)));
}

static void add_when(const json_t *value, int64_t now_s, struct text *ret)
{
	char text[32];

	(void)now_s;
	if (json_is_integer(value))
		text_add(ret, clock_format(text, sizeof(text), json_integer_value(value)));
}

static void add_span(const json_t *value, int64_t now_s, struct text *ret)
{
	char text[48];

	(void)now_s;
	if (json_is_integer(value))
		text_add(ret, duration_format(text, sizeof(text), json_integer_value(value)));
}

static void add_share(const json_t *value, int64_t now_s, struct text *ret)
{
	(void)now_s;
	if (json_is_number(value))
		text_addf(ret, "%.2f%%", 100 * json_number_value(value));
}

static void add_real(const json_t *value, int64_t now_s, struct text *ret)
{
	(void)now_s;
	if (json_is_number(value))
		text_addf(ret, "%.1f", json_number_value(value));
}

static void add_money(const json_t *value, int64_t now_s, struct text *ret)
{
	(void)now_s;
	if (json_is_number(value))
		text_addf(ret, "%.2f", json_number_value(value));
}

static void add_factor(const json_t *value, int64_t now_s, struct text *ret)
{
	(void)now_s;
	if (json_is_number(value))
		text_addf(ret, "%.6g", json_number_value(value));
}

/* Seconds matter in the last minute only. */
static void add_left(const json_t *value, int64_t now_s, struct text *ret)
{
	char text[48];
	int64_t left_s;

	if (!json_is_integer(value) ||
	    __builtin_sub_overflow(json_integer_value(value), now_s, &left_s))
		return;
	if (left_s >= 60)
		left_s -= left_s % 60;
	text_add(ret, left_s > 0 ? duration_format(text, sizeof(text), left_s) : "over");
}

static void add_length(const json_t *value, int64_t now_s, struct text *ret)
{
	(void)now_s;
	if (json_is_array(value))
		text_addf(ret, "%zu", json_array_size(value));
}

static void add_list(const json_t *value, int64_t now_s, struct text *ret)
{
	const json_t *item;
	size_t i;

	(void)now_s;
	json_array_foreach(value, i, item) {
		text_add(ret, i ? " " : "");
		add_scalar(item, ret);
	}
}

static void add_counts(const json_t *value, int64_t now_s, struct text *ret)
{
	const char *name;
	json_t *count;

	(void)now_s;
	json_object_foreach((json_t *)value, name, count) {
		if (json_integer_value(count) <= 0 || strpbrk(name, "+-"))
			continue;
		text_addf(ret, "%s%" JSON_INTEGER_FORMAT "x", ret->len ? " " : "",
			  json_integer_value(count));
		text_add_printable(ret, name);
	}
}

static void add_pairs(const json_t *value, int64_t now_s, struct text *ret)
{
	const char *name;
	json_t *text;

	(void)now_s;
	json_object_foreach((json_t *)value, name, text) {
		text_add(ret, ret->len ? " " : "");
		text_add_printable(ret, name);
		text_add(ret, "=");
		add_scalar(text, ret);
	}
}

static const struct {
	void (*add)(const json_t *value, int64_t now_s, struct text *ret);
	bool right;
} types[COLUMN_TYPE_COUNT] = {
	[COLUMN_TEXT] = {add_text, false},     [COLUMN_NUMBER] = {add_text, true},
	[COLUMN_SHARE] = {add_share, true},    [COLUMN_REAL] = {add_real, true},
	[COLUMN_SIZE] = {add_size, true},      [COLUMN_FACTOR] = {add_factor, true},
	[COLUMN_WHEN] = {add_when, false},     [COLUMN_LEFT] = {add_left, true},
	[COLUMN_SPAN] = {add_span, true},      [COLUMN_FLAG] = {add_text, false},
	[COLUMN_LENGTH] = {add_length, true},  [COLUMN_LIST] = {add_list, false},
	[COLUMN_COUNTS] = {add_counts, false}, [COLUMN_MONEY] = {add_money, true},
	[COLUMN_PAIRS] = {add_pairs, false},
};

void view_value(enum column_type type, const json_t *value, int64_t now_s, struct text *ret)
{
	types[type].add(value, now_s, ret);
}

void view_add(const json_t *row, const char *before, const char *at, enum column_type type,
	      const char *after, int64_t now_s, struct text *ret)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	view_value(type, view_at(row, at), now_s, &text);
	if (text.len)
		text_addf(ret, "%s%s%s", before, text_str(&text), after);
}

/* ---- which columns ---- */

struct choice {
	const struct column *columns[VIEW_MAX_COLUMNS];
	size_t n;
};

static void choose_usual(const struct column *columns, size_t n, bool all, struct choice *ret)
{
	for (size_t i = 0; i < n; i++)
		if (all || !columns[i].extra)
			ret->columns[ret->n++] = &columns[i];
}

static int choose_named(const char *list, const struct column *columns, size_t n,
			struct choice *ret, struct err *err)
{
	const char *names[VIEW_MAX_COLUMNS];
	char name[64];

	for (size_t i = 0; i < n; i++)
		names[i] = columns[i].name;
	for (const char *at = list;; at++) {
		size_t len = strcspn(at, ",");
		int found;

		snprintf(name, sizeof(name), "%.*s", (int)len, at);
		found = cmd_word(name, "column", names, n, err);
		if (found < 0)
			return fail_in(err, "--columns: ");
		if (ret->n == VIEW_MAX_COLUMNS)
			return fail(err, ERR_INVALID, "--columns: more than %d", VIEW_MAX_COLUMNS);
		ret->columns[ret->n++] = &columns[found];
		at += len;
		if (!*at)
			return 0;
	}
}

int view_choose(const struct cli_wish *wish, const struct column *columns, size_t n, bool all,
		const struct column **ret, size_t *ret_n, struct err *err)
{
	struct choice choice = {.n = 0};
	int r = 0;

	if (wish->columns)
		r = choose_named(wish->columns, columns, n, &choice, err);
	else
		choose_usual(columns, n, all, &choice);
	if (r)
		return r;
	memcpy(ret, choice.columns, choice.n * sizeof(*ret));
	*ret_n = choice.n;
	return 0;
}

/* ---- the table ---- */

static void add_row(struct table *table, const struct column *const *columns, size_t n,
		    const json_t *row, int64_t now_s)
{
	table_row(table);
	for (size_t i = 0; i < n; i++) {
		const struct column *column = columns[i];
		cleanup(text_done) struct text text = TEXT_INIT;

		view_value(column->type, view_at(row, column->at ? column->at : column->name),
			   now_s, &text);
		table_cell(table, "%s", text_str(&text));
	}
}

int view_print(const struct cli_wish *wish, const struct column *columns, size_t n,
	       const json_t *rows, struct err *err)
{
	const struct column *chosen[VIEW_MAX_COLUMNS];
	struct table_column heads[VIEW_MAX_COLUMNS];
	cleanup(table_free) struct table *table = NULL;
	int64_t now_s = clock_now_s();
	size_t i, n_chosen;
	const json_t *row;
	int r;

	if (!json_is_array(rows))
		return fail(err, ERR_INTERNAL, "carved's answer has no rows");
	r = view_choose(wish, columns, n, false, chosen, &n_chosen, err);
	if (r)
		return r;
	for (i = 0; i < n_chosen; i++)
		heads[i] = (struct table_column){chosen[i]->head, types[chosen[i]->type].right};
	table = table_new(heads, n_chosen);
	if (wish->no_heading)
		table_without_heading(table);
	json_array_foreach(rows, i, row)
		add_row(table, chosen, n_chosen, row, now_s);
	return table_print(table, err);
}

void view_help(const char *heading, const struct column *columns, size_t n)
{
	printf("\n%s\n", heading);
	for (size_t i = 0; i < n; i++)
		printf("  %-18s %s\n", columns[i].name, columns[i].help);
}
