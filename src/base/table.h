/*
 * table.h - a table for people, by libsmartcols
 *
 * Columns are as wide as they need to be, the last is cut at the edge of a
 * terminal. No colours and no lines. Running out of memory is sticky and told
 * by table_print().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct table;

struct table_column {
	const char *head;
	bool right; /* numbers */
	bool cut;   /* may be cut when the table is too wide, as the last one always may */
};

struct table *table_new(const struct table_column *columns, size_t n);
void table_free(struct table *table);

static inline void cleanup_table_free(struct table **table)
{
	table_free(*table);
}

void table_without_heading(struct table *table);

/* Be so wide at most, also off a terminal, by cutting what may be cut. */
void table_set_width(struct table *table, size_t columns);

/* The last row in bold; for terminals. */
void table_bold(struct table *table);

/* A new row; cells are filled with table_cell(). */
void table_row(struct table *table);

/* The next cell of the last row; "-" for an empty text, which is "not known". */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* To standard output. err: NOMEM */
int table_print(struct table *table, struct err *err);
