/*
 * ledger-columns.h - which field of which struct is which column
 *
 * One table of columns a struct; inserting, updating and reading are made from
 * it. The first column is the key and is bound as ?1, the others follow in
 * their order. The kind of a column follows from the field's C type.
 *
 * Texts are stored printable (text_printable()): whatever a user, a policy or
 * a driver put into them can harm no terminal and no log that shows them
 * later, and broken UTF-8 never reaches the file.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

enum column_kind {
	COLUMN_I64,   /* int64_t */
	COLUMN_U64,   /* uint64_t up to INT64_MAX */
	COLUMN_U32,   /* unsigned, uid_t */
	COLUMN_I32,   /* int */
	COLUMN_BOOL,  /* bool */
	COLUMN_CHARS, /* char[size]; "" is NULL */
	COLUMN_TEXT,  /* const char *, cut at size; NULL is NULL */
	COLUMN_WORD,  /* an enum from 0, by its name in words[size] */
};

struct column {
	const char *name;
	enum column_kind kind;
	size_t at;		  /* offset in the struct */
	size_t has_at;		  /* of the bool that tells whether it applies; 0: it always does */
	size_t size;		  /* of texts with the NUL; of WORD how many words */
	const char *const *words; /* of WORD */
};

struct ledger_table {
	const char *name;
	const char *what; /* in messages: "lease" */
	const struct column *columns;
	size_t n;
};

extern const struct ledger_table gpu_table, instance_table, lease_table, event_table;

/* "a, b, c", each with prefix ("l.") in front. */
void table_add_names(const struct ledger_table *table, const char *prefix, struct text *text);

/* "INSERT INTO lease(id, uid, ...) VALUES(?1, ?2, ...)" */
void table_add_insert(const struct ledger_table *table, struct text *text);

/* "uid = ?2, ...": all but the key, and the column `keep` (NULL: none). */
void table_add_set(const struct ledger_table *table, const char *keep, struct text *text);

/*
 * Bind a row to a statement's parameters; with_key false leaves ?1 NULL.
 * Returns an SQLite code; SQLITE_RANGE when a number does not fit.
 */
int table_bind(const struct ledger_table *table, sqlite3_stmt *stmt, bool with_key,
	       const void *row);

/* One text, made printable and cut to size - 1 bytes. Returns an SQLite code. */
int table_bind_text(sqlite3_stmt *stmt, int at, const char *s, size_t size);

/*
 * Read a row whose first column is the statement's column `first`; const char *
 * fields live until the statement moves on. INVALID: something that no ledger
 * holds; NOMEM.
 */
int table_read(const struct ledger_table *table, sqlite3_stmt *stmt, int first, void *row,
	       struct err *err);

/*
 * ---- making tables ----
 *
 *   COLUMN(struct, field), NAMED(struct, "column", field), each with HAS(struct, has_field)
 *   where it may not apply; WORD(struct, field, names) of an enum; TEXT(struct, "column",
 *   field, cut) of a const char *; TABLE(columns, "table", "noun")
 */
/* clang-format off */
#define FIELD(row, f)	    (((struct row *)0)->f)
#define HAS(row, flag)	    .has_at = offsetof(struct row, flag)
#define COLUMN(row, f, ...) NAMED(row, #f, f, ##__VA_ARGS__)
#define NAMED(row, column, f, ...)               \
	{ .name = column,                        \
	  .kind = _Generic(FIELD(row, f),        \
		int64_t: COLUMN_I64,             \
		uint64_t: COLUMN_U64,            \
		unsigned: COLUMN_U32,            \
		int: COLUMN_I32,                 \
		bool: COLUMN_BOOL,               \
		char *: COLUMN_CHARS),           \
	  .at = offsetof(struct row, f),         \
	  .size = sizeof(FIELD(row, f)),         \
	  ##__VA_ARGS__ }
#define WORD(row, f, list)                       \
	{ .name = #f,                            \
	  .kind = COLUMN_WORD,                   \
	  .at = offsetof(struct row, f),         \
	  .size = ARRAY_SIZE(list),              \
	  .words = (list) }
#define TEXT(row, column, f, cut)                \
	{ .name = column,                        \
	  .kind = COLUMN_TEXT,                   \
	  .at = offsetof(struct row, f),         \
	  .size = (cut) }
/* clang-format on */

#define TABLE(list, table, noun)                                                                   \
	{                                                                                          \
		.name = table, .what = noun, .columns = list, .n = ARRAY_SIZE(list)                \
	}
