#include "ledger/ledger-spells.h"

#include "ledger/ledger-db.h"

int ledger_spells(struct ledger *ledger, int64_t since_s,
		  void (*fn)(const struct ledger_spell *spell, void *arg), void *arg,
		  struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int code, r;

	r = ledger_prepare(ledger,
			   "SELECT l.team, l.uid, i.slices, l.granted_s, l.ended_s"
			   " FROM lease l JOIN instance i ON i.id = l.instance"
			   " WHERE l.ended_s > ?1 AND l.granted_s < l.ended_s ORDER BY l.ended_s",
			   &statement, err);
	if (r)
		return r;
	sqlite3_bind_int64(statement->stmt, 1, since_s);
	while ((code = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
		const struct ledger_spell spell = {
			.team = (const char *)sqlite3_column_text(statement->stmt, 0),
			.uid = (uid_t)sqlite3_column_int64(statement->stmt, 1),
			.slices = (uint32_t)sqlite3_column_int64(statement->stmt, 2),
			.from_s = sqlite3_column_int64(statement->stmt, 3),
			.to_s = sqlite3_column_int64(statement->stmt, 4),
		};

		fn(&spell, arg);
	}
	return code == SQLITE_DONE ? 0 : ledger_fail(ledger, "cannot be read", err);
}
