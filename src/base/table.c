#include "base/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <libsmartcols.h>

#include "base/cleanup.h"
#include "base/text.h"

struct table {
	struct libscols_table *scols;
	struct libscols_line *line;
	size_t cell;
	bool failed;
};

struct table *table_new(const struct table_column *columns, size_t n)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->scols = scols_new_table();
	table->failed = !table->scols;
	for (size_t i = 0; !table->failed && i < n; i++) {
		int flags = columns[i].right ? SCOLS_FL_RIGHT : 0;

		if (columns[i].cut || i + 1 == n)
			flags |= SCOLS_FL_TRUNC;
		table->failed = !scols_table_new_column(table->scols, columns[i].head, 0, flags);
	}
	return table;
}

void table_free(struct table *table)
{
	if (!table)
		return;
	if (table->scols)
		scols_unref_table(table->scols);
	free(table);
}

void table_without_heading(struct table *table)
{
	if (table && !table->failed)
		scols_table_enable_noheadings(table->scols, 1);
}

void table_set_width(struct table *table, size_t columns)
{
	if (!table || table->failed)
		return;
	scols_table_set_termwidth(table->scols, columns);
	scols_table_set_termforce(table->scols, SCOLS_TERMFORCE_ALWAYS);
}

void table_bold(struct table *table)
{
	if (!table || table->failed)
		return;
	scols_table_enable_colors(table->scols, 1);
	if (scols_line_set_color(table->line, "\033[1m"))
		table->failed = true;
}

void table_row(struct table *table)
{
	if (!table || table->failed)
		return;
	table->line = scols_table_new_line(table->scols, NULL);
	table->cell = 0;
	table->failed = !table->line;
}

void table_cell(struct table *table, const char *format, ...)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	cleanup(text_done) struct text safe = TEXT_INIT;
	va_list args;

	if (!table || table->failed)
		return;
	va_start(args, format);
	text_addv(&text, format, args);
	va_end(args);
	text_add_printable(&safe, text.len ? text_str(&text) : "-");
	if (text_failed(&text) || text_failed(&safe) ||
	    scols_line_set_data(table->line, table->cell++, text_str(&safe)))
		table->failed = true;
}

int table_print(struct table *table, struct err *err)
{
	if (!table || table->failed || scols_print_table(table->scols))
		return fail(err, ERR_NOMEM, "no memory for a table");
	return 0;
}
