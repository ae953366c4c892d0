/*
 * view.h - rows of JSON as a table for people
 *
 * A column names a value inside each row, says how it is written and is
 * explained in one line; the table, --columns, --help and the manual are made
 * from it. What is null or missing is "-": not known is not zero. Texts are
 * made printable.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "cli/cli.h"

enum column_type {
	COLUMN_TEXT,
	COLUMN_NUMBER,
	COLUMN_SIZE,   /* bytes */
	COLUMN_WHEN,   /* Unix seconds as a local time */
	COLUMN_LEFT,   /* Unix seconds as the time until then */
	COLUMN_SPAN,   /* seconds */
	COLUMN_SHARE,  /* 0..1, or more, in percent: 96.60% */
	COLUMN_REAL,   /* 61.3 */
	COLUMN_MONEY,  /* 61.30 */
	COLUMN_FACTOR, /* 0.75, 1 */
	COLUMN_FLAG,   /* yes or no */
	COLUMN_LENGTH, /* of a list */
	COLUMN_LIST,   /* of texts or numbers */
	COLUMN_COUNTS, /* {"name": number}: 2x1g.10gb, without zeros and variants (+me, -me) */
	COLUMN_PAIRS,  /* {"name": "text"}: name=text */
	COLUMN_TYPE_COUNT
};

struct column {
	const char *name; /* for --columns; the value's place in a row unless `at` is given */
	const char *head;
	enum column_type type;
	const char *help;
	const char *at; /* "instance.uuid"; NULL: name */
	bool extra;	/* only with --columns */
};

/* The value inside a row, by "key.key"; NULL when it is not there. */
const json_t *view_at(const json_t *row, const char *at);

/* One value as people read it, "" when it is not known; now_s is for COLUMN_LEFT. */
void view_value(enum column_type type, const json_t *value, int64_t now_s, struct text *ret);

/* before, a row's value and after; nothing when the value is not known. */
void view_add(const json_t *row, const char *before, const char *at, enum column_type type,
	      const char *after, int64_t now_s, struct text *ret);

/*
 * Print rows: a table, as wish->columns and wish->no_heading say.
 *   rows  an array; anything else is INTERNAL
 *   err   INVALID an unknown column, with "did you mean"
 */
int view_print(const struct cli_wish *wish, const struct column *columns, size_t n,
	       const json_t *rows, struct err *err);

/*
 * The same as comma-separated values: every column, extra ones too, or those of wish->columns.
 *   heading  the line of their names comes first
 */
int view_csv(const struct cli_wish *wish, const struct column *columns, size_t n, bool heading,
	     const json_t *rows, struct err *err);

/* FORMAT of --format: a word, or NULL for what --json says. err: INVALID with "did you mean" */
enum view_format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };
int view_format(const struct cli_wish *wish, const char *typed, enum view_format *ret,
		struct err *err);

/* The columns that wish->columns names, else the usual ones, or all. */
#define VIEW_MAX_COLUMNS 32
int view_choose(const struct cli_wish *wish, const struct column *columns, size_t n, bool all,
		const struct column **ret, size_t *ret_n, struct err *err);

/* The columns and what they mean, for --help. */
void view_help(const char *heading, const struct column *columns, size_t n);
