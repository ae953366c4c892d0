/*
 * Rows as comma-separated values (RFC 4180), for other programs and spreadsheets. Times are UTC,
 * numbers in base units, not known is empty.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/view.h"

int view_format(const struct cli_wish *wish, const char *typed, enum view_format *ret,
		struct err *err)
{
	static const char *const formats[] = {
		[FORMAT_TABLE] = "table", [FORMAT_CSV] = "csv", [FORMAT_JSON] = "json"};
	int format = wish->json ? FORMAT_JSON : FORMAT_TABLE;

	if (typed)
		format = cmd_word(typed, "format", formats, ARRAY_SIZE(formats), err);
	if (format < 0)
		return fail_in(err, "--format: ");
	*ret = (enum view_format)format;
	return 0;
}

/*
 * A text that a spreadsheet would take for a formula gets an apostrophe in front, which it takes
 * for "this is text": reasons and sentences are other people's words.
 */
static void add_text(const char *s, struct text *ret)
{
	cleanup(text_done) struct text safe = TEXT_INIT;
	const char *at;

	text_add_printable(&safe, s);
	at = text_str(&safe);
	if (!*at || (!strpbrk(at, ",\"'") && !strchr("=+-@ ", *at))) {
		text_add(ret, at);
		return;
	}
	text_add(ret, "\"");
	if (*at && strchr("=+-@", at[strspn(at, " ")]))
		text_add(ret, "'");
	for (; *at; at++)
		text_add_bytes(ret, *at == '"' ? "\"\"" : at, *at == '"' ? 2 : 1);
	text_add(ret, "\"");
}

static void add_value(const struct column *column, const json_t *value, struct text *ret)
{
	cleanup(text_done) struct text pairs = TEXT_INIT;
	char time[32];

	if (json_is_object(value)) {
		view_value(column->type, value, 0, &pairs);
		add_text(text_str(&pairs), ret);
	} else if (json_is_string(value)) {
		add_text(json_string_value(value), ret);
	} else if (json_is_integer(value) && column->type == COLUMN_WHEN) {
		text_add(ret, clock_format_iso(time, sizeof(time), json_integer_value(value)));
	} else if (json_is_integer(value)) {
		text_addf(ret, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	} else if (json_is_real(value)) {
		text_addf(ret, "%.12g", json_real_value(value));
	} else if (json_is_boolean(value)) {
		text_add(ret, json_is_true(value) ? "true" : "false");
	}
}

int view_csv(const struct cli_wish *wish, const struct column *columns, size_t n, bool heading,
	     const json_t *rows, struct err *err)
{
	const struct column *chosen[VIEW_MAX_COLUMNS];
	size_t n_chosen, i;
	const json_t *row;
	int r = view_choose(wish, columns, n, true, chosen, &n_chosen, err);

	for (size_t c = 0; !r && heading && c < n_chosen; c++)
		printf("%s%s", chosen[c]->name, c + 1 < n_chosen ? "," : "\r\n");
	if (r)
		return r;
	json_array_foreach(rows, i, row) {
		cleanup(text_done) struct text line = TEXT_INIT;

		for (size_t c = 0; c < n_chosen; c++) {
			const char *at = chosen[c]->at ? chosen[c]->at : chosen[c]->name;

			text_add(&line, c ? "," : "");
			add_value(chosen[c], view_at(row, at), &line);
		}
		if (text_failed(&line))
			return fail(err, ERR_NOMEM, "no memory for a line");
		printf("%s\r\n", text_str(&line));
	}
	return 0;
}
