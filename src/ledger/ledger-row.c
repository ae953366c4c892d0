#include "ledger/ledger-row.h"

#include <string.h>

#include "base/text.h"

/* ---- writing ---- */

static int bind_and_run(struct ledger *ledger, const struct ledger_table *table, const char *sql,
			bool with_key, const void *row, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int r = ledger_prepare(ledger, sql, &statement, err);
	int code;

	if (r)
		return r;
	code = table_bind(table, statement->stmt, with_key, row);
	if (code == SQLITE_RANGE)
		return fail(err, ERR_INTERNAL, "ledger: a %s with a number that does not fit",
			    table->what);
	if (code == SQLITE_NOMEM)
		return fail(err, ERR_NOMEM, "no memory to write a %s", table->what);
	if (code != SQLITE_OK || sqlite3_step(statement->stmt) != SQLITE_DONE)
		return ledger_fail(ledger, "cannot be written", err);
	return 0;
}

static int write_row(struct ledger *ledger, const struct ledger_table *table,
		     const struct text *sql, bool with_key, const void *row, struct err *err)
{
	int r = ledger_check_begun(ledger, err);

	if (r)
		return r;
	r = text_failed(sql) ? fail(err, ERR_NOMEM, "no memory to write a %s", table->what)
			     : bind_and_run(ledger, table, text_str(sql), with_key, row, err);
	return r ? ledger_break(ledger, err) : 0;
}

int ledger_row_add(struct ledger *ledger, const struct ledger_table *table, const void *row,
		   int64_t *ret_id, struct err *err)
{
	cleanup(text_done) struct text sql = TEXT_INIT;
	int r;

	table_add_insert(table, &sql);
	r = write_row(ledger, table, &sql, !ret_id, row, err);
	if (!r && ret_id)
		*ret_id = sqlite3_last_insert_rowid(ledger->db);
	return r;
}

int ledger_row_update(struct ledger *ledger, const struct ledger_table *table, const void *row,
		      int64_t id, struct err *err)
{
	cleanup(text_done) struct text sql = TEXT_INIT;
	int r;

	text_addf(&sql, "UPDATE %s SET ", table->name);
	table_add_set(table, NULL, &sql);
	text_addf(&sql, " WHERE %s = ?1", table->columns[0].name);
	r = write_row(ledger, table, &sql, true, row, err);
	if (r || sqlite3_changes(ledger->db))
		return r;
	fail(err, ERR_NOT_FOUND, "%s %lld is not in the ledger", table->what, (long long)id);
	return ledger_break(ledger, err);
}

int ledger_row_put(struct ledger *ledger, const struct ledger_table *table, const void *row,
		   const char *keep, struct err *err)
{
	cleanup(text_done) struct text sql = TEXT_INIT;

	table_add_insert(table, &sql);
	text_addf(&sql, " ON CONFLICT(%s) DO UPDATE SET ", table->columns[0].name);
	table_add_set(table, keep, &sql);
	return write_row(ledger, table, &sql, true, row, err);
}

/* ---- by a tail ---- */

static int bind_values(struct ledger_statement *statement, const struct ledger_value *values,
		       size_t n, struct err *err)
{
	int code = SQLITE_OK;

	for (size_t i = 0; i < n && code == SQLITE_OK; i++)
		code = values[i].text ? table_bind_text(statement->stmt, (int)i + 1, values[i].text,
							LEDGER_REASON)
				      : sqlite3_bind_int64(statement->stmt, (int)i + 1,
							   values[i].number);
	return code == SQLITE_OK ? 0 : fail(err, ERR_NOMEM, "no memory to ask the ledger");
}

static int prepare(struct ledger *ledger, const struct text *sql, const struct ledger_value *values,
		   size_t n, struct ledger_statement **ret, struct err *err)
{
	int r;

	if (text_failed(sql))
		return fail(err, ERR_NOMEM, "no memory to ask the ledger");
	r = ledger_prepare(ledger, text_str(sql), ret, err);
	return r ? r : bind_values(*ret, values, n, err);
}

int ledger_rows_delete(struct ledger *ledger, const struct ledger_table *table, const char *tail,
		       const struct ledger_value *values, size_t n, size_t *ret_n, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	cleanup(text_done) struct text sql = TEXT_INIT;
	int r = ledger_check_begun(ledger, err);

	if (r)
		return r;
	text_addf(&sql, "DELETE FROM %s %s", table->name, tail);
	r = prepare(ledger, &sql, values, n, &statement, err);
	if (!r && sqlite3_step(statement->stmt) != SQLITE_DONE)
		r = ledger_fail(ledger, "cannot be written", err);
	if (r)
		return ledger_break(ledger, err);
	if (ret_n)
		*ret_n = (size_t)sqlite3_changes(ledger->db);
	return 0;
}

int ledger_rows(struct ledger *ledger, const struct ledger_table *table, const char *tail,
		const struct ledger_value *values, size_t n, void *row, size_t size,
		void (*fn)(const void *row, void *arg), void *arg, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	cleanup(text_done) struct text sql = TEXT_INIT;
	int r, code;

	text_add(&sql, "SELECT ");
	table_add_names(table, "", &sql);
	text_addf(&sql, " FROM %s %s", table->name, tail);
	r = prepare(ledger, &sql, values, n, &statement, err);
	if (r)
		return r;
	while ((code = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
		memset(row, 0, size);
		r = table_read(table, statement->stmt, 0, row, err);
		if (r)
			return r;
		fn(row, arg);
	}
	return code == SQLITE_DONE ? 0 : ledger_fail(ledger, "cannot be read", err);
}
