/*
 * ledger-row.h - rows of any table, for the ledger's own files
 *
 * A topic's file has its struct, its table of columns (ledger-columns.h), its
 * step of the schema, and calls these; nothing else in it is SQL but the tail
 * of a question.
 */
#pragma once

#include "ledger/ledger-columns.h"
#include "ledger/ledger-db.h"

/* Insert a row. ret_id: the id it was given; NULL when its key is in the row. */
int ledger_row_add(struct ledger *ledger, const struct ledger_table *table, const void *row,
		   int64_t *ret_id, struct err *err);

/* All but the key. NOT_FOUND when there is no row with the key of this one, whose number is id. */
int ledger_row_update(struct ledger *ledger, const struct ledger_table *table, const void *row,
		      int64_t id, struct err *err);

/*
 * Insert a row, or update the one that has its key.
 *   keep  a column that stays as it was then; NULL: none
 */
int ledger_row_put(struct ledger *ledger, const struct ledger_table *table, const void *row,
		   const char *keep, struct err *err);

/* What a question is about: numbers and texts for ?1, ?2, ... of its tail. */
struct ledger_value {
	const char *text; /* NULL: the number */
	int64_t number;
};

/* Delete the rows that the tail ("WHERE name = ?1") means. ret_n: how many; may be NULL. */
int ledger_rows_delete(struct ledger *ledger, const struct ledger_table *table, const char *tail,
		       const struct ledger_value *values, size_t n, size_t *ret_n,
		       struct err *err);

/*
 * Read the rows that the tail ("WHERE id > ?1 ORDER BY id") means.
 *
 *   row, size  where each is read to, before fn sees it
 */
int ledger_rows(struct ledger *ledger, const struct ledger_table *table, const char *tail,
		const struct ledger_value *values, size_t n, void *row, size_t size,
		void (*fn)(const void *row, void *arg), void *arg, struct err *err);
