#include <string.h>

#include "base/text.h"
#include "ledger/ledger-columns.h"
#include "ledger/ledger-db.h"

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

static int add(struct ledger *ledger, const struct ledger_table *table, const void *row,
	       int64_t *ret_id, struct err *err)
{
	cleanup(text_done) struct text sql = TEXT_INIT;
	int r;

	table_add_insert(table, &sql);
	r = write_row(ledger, table, &sql, false, row, err);
	if (!r && ret_id)
		*ret_id = sqlite3_last_insert_rowid(ledger->db);
	return r;
}

static int update(struct ledger *ledger, const struct ledger_table *table, const void *row,
		  int64_t id, struct err *err)
{
	cleanup(text_done) struct text sql = TEXT_INIT;
	int r;

	text_addf(&sql, "UPDATE %s SET ", table->name);
	table_add_set(table, &sql);
	text_addf(&sql, " WHERE %s = ?1", table->columns[0].name);
	r = write_row(ledger, table, &sql, true, row, err);
	if (r || sqlite3_changes(ledger->db))
		return r;
	fail(err, ERR_NOT_FOUND, "%s %lld is not in the ledger", table->what, (long long)id);
	return ledger_break(ledger, err);
}

int ledger_gpu_seen(struct ledger *ledger, const struct ledger_gpu *gpu, struct err *err)
{
	cleanup(text_done) struct text sql = TEXT_INIT;

	table_add_insert(&gpu_table, &sql);
	text_add(&sql, " ON CONFLICT(uuid) DO UPDATE SET ");
	for (size_t i = 1; i < gpu_table.n; i++)
		if (strcmp(gpu_table.columns[i].name, "first_seen_s") != 0)
			text_addf(&sql, "%s%s = ?%zu", i > 1 ? ", " : "", gpu_table.columns[i].name,
				  i + 1);
	return write_row(ledger, &gpu_table, &sql, true, gpu, err);
}

int ledger_instance_add(struct ledger *ledger, struct ledger_instance *instance, struct err *err)
{
	return add(ledger, &instance_table, instance, &instance->id, err);
}

int ledger_instance_update(struct ledger *ledger, const struct ledger_instance *instance,
			   struct err *err)
{
	return update(ledger, &instance_table, instance, instance->id, err);
}

int ledger_lease_add(struct ledger *ledger, struct ledger_lease *lease, struct err *err)
{
	return add(ledger, &lease_table, lease, &lease->id, err);
}

int ledger_lease_update(struct ledger *ledger, const struct ledger_lease *lease, struct err *err)
{
	return update(ledger, &lease_table, lease, lease->id, err);
}

int ledger_event_add(struct ledger *ledger, const struct ledger_event *event, struct err *err)
{
	return add(ledger, &event_table, event, NULL, err);
}
