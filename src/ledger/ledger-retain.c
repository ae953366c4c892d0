#include "ledger/ledger-retain.h"

#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "ledger/ledger-chain.h"
#include "ledger/ledger-db.h"

/* ---- numbers in, a number out ---- */

/* The first column of the first row; 0 when it is NULL or there is none. */
static int ask_number(struct ledger *ledger, const char *sql, const int64_t *values, int n,
		      int64_t *ret, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int code, r = ledger_prepare(ledger, sql, &statement, err);

	if (r)
		return r;
	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(statement->stmt, i + 1, values[i]);
	code = sqlite3_step(statement->stmt);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return ledger_fail(ledger, "cannot be changed", err);
	*ret = code == SQLITE_ROW ? sqlite3_column_int64(statement->stmt, 0) : 0;
	return 0;
}

/* The same for what changes rows: how many. */
static int change(struct ledger *ledger, const char *sql, const int64_t *values, int n,
		  int64_t *ret_changed, struct err *err)
{
	int64_t nothing;
	int r = ask_number(ledger, sql, values, n, &nothing, err);

	if (!r)
		*ret_changed += sqlite3_changes64(ledger->db);
	return r;
}

/* ---- the cut ---- */

/*
 * Up to the last before the first that is young enough. When none is, the clock may have jumped:
 * nothing is given up before something younger was written.
 */
static int find_cut(struct ledger *ledger, int64_t before_s, struct ledger_head *ret,
		    struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int64_t young = 0, first = 0;
	int code, r = ask_number(ledger, "SELECT min(id) FROM event WHERE time_s >= ?", &before_s,
				 1, &young, err);

	*ret = (struct ledger_head){0};
	r = r ? r
	      : ask_number(ledger,
			   "SELECT min(id) FROM event WHERE id >"
			   " (SELECT ifnull(max(upto), 0) FROM cut)",
			   NULL, 0, &first, err);
	if (r || !young || !first || young <= first)
		return r;
	if (young - first > LEDGER_CUT_MOST)
		young = first + LEDGER_CUT_MOST;
	r = ledger_prepare(ledger, "SELECT event, hash FROM chain WHERE event = ?", &statement,
			   err);
	if (r)
		return r;
	sqlite3_bind_int64(statement->stmt, 1, young - 1);
	code = sqlite3_step(statement->stmt);
	if (code != SQLITE_ROW)
		return code == SQLITE_DONE ? 0 : ledger_fail(ledger, "cannot be read", err);
	ret->id = sqlite3_column_int64(statement->stmt, 0);
	snprintf(ret->hash, sizeof(ret->hash), "%s", sqlite3_column_text(statement->stmt, 1));
	return 0;
}

static int write_cut(struct ledger *ledger, const struct ledger_head *upto, int64_t event,
		     struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int r = ledger_prepare(ledger, "INSERT INTO cut(upto, hash, event) VALUES(?, ?, ?)",
			       &statement, err);

	if (r)
		return r;
	sqlite3_bind_int64(statement->stmt, 1, upto->id);
	sqlite3_bind_text(statement->stmt, 2, upto->hash, -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(statement->stmt, 3, event);
	return sqlite3_step(statement->stmt) == SQLITE_DONE
		       ? 0
		       : ledger_fail(ledger, "cannot be written", err);
}

int ledger_cut(struct ledger *ledger, int64_t before_s, int64_t now_s, bool *ret_cut,
	       struct err *err)
{
	struct ledger_head upto, told;
	char text[LEDGER_CUT_TEXT];
	const struct ledger_event event = {.time_s = now_s,
					   .kind = "cut",
					   .by = "carved",
					   .rule = "retention.events",
					   .text = text};
	int r = ledger_check_begun(ledger, err);

	r = r ? r : find_cut(ledger, before_s, &upto, err);
	*ret_cut = !r && upto.id;
	if (r || !upto.id)
		return r;
	ledger_cut_format(text, sizeof(text), &upto);
	r = ledger_event_add(ledger, &event, err);
	r = r ? r : ledger_head(ledger, &told, err);
	r = r ? r : write_cut(ledger, &upto, told.id, err);
	return r ? ledger_break(ledger, err) : 0;
}

/* ---- sweeping ---- */

static int sweep_events(struct ledger *ledger, int64_t most, int64_t *ret_n, struct err *err)
{
	int64_t last = 0, ignored = 0;
	int r = ask_number(ledger,
			   "SELECT max(id) FROM (SELECT id FROM event WHERE id <="
			   " (SELECT ifnull(max(upto), 0) FROM cut) ORDER BY id LIMIT ?)",
			   &most, 1, &last, err);

	if (r || !last)
		return r;
	r = change(ledger, "DELETE FROM event WHERE id <= ?", &last, 1, ret_n, err);
	return r ? r : change(ledger, "DELETE FROM chain WHERE event <= ?", &last, 1, &ignored, err);
}

/* " AND NOT EXISTS(...)" for every column that refers to the table, whoever's it is. */
static int add_unnamed(struct ledger *ledger, const char *table, struct text *sql,
		       struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int code, r = ledger_prepare(ledger,
				     "SELECT m.name, f.\"from\" FROM sqlite_schema m,"
				     " pragma_foreign_key_list(m.name) f"
				     " WHERE m.type = 'table' AND f.\"table\" = ? ORDER BY 1, 2",
				     &statement, err);

	if (r)
		return r;
	sqlite3_bind_text(statement->stmt, 1, table, -1, SQLITE_STATIC);
	while ((code = sqlite3_step(statement->stmt)) == SQLITE_ROW)
		text_addf(sql, " AND NOT EXISTS(SELECT 1 FROM %s o WHERE o.%s = %s.id)",
			  sqlite3_column_text(statement->stmt, 0),
			  sqlite3_column_text(statement->stmt, 1), table);
	return code == SQLITE_DONE ? 0 : ledger_fail(ledger, "cannot be read", err);
}

static const struct {
	const char *table, *old;
} sweepings[] = {
	{"lease", "state = 'ended' AND ended_s < ?1"},
	{"instance", "state = 'gone' AND gone_s < ?1"},
};

int ledger_sweep(struct ledger *ledger, int64_t leases_before_s, int64_t most, int64_t *ret_n,
		 struct err *err)
{
	const int64_t values[] = {leases_before_s, most};
	int r = ledger_check_begun(ledger, err);

	*ret_n = 0;
	r = r ? r : sweep_events(ledger, most, ret_n, err);
	for (size_t i = 0; !r && leases_before_s != INT64_MIN && i < ARRAY_SIZE(sweepings); i++) {
		cleanup(text_done) struct text sql = TEXT_INIT;

		text_addf(&sql, "DELETE FROM %s WHERE id IN (SELECT id FROM %s WHERE %s",
			  sweepings[i].table, sweepings[i].table, sweepings[i].old);
		r = add_unnamed(ledger, sweepings[i].table, &sql, err);
		text_add(&sql, " ORDER BY id LIMIT ?2)");
		if (!r && text_failed(&sql))
			r = fail(err, ERR_NOMEM, "no memory to sweep the ledger");
		r = r ? r : change(ledger, text_str(&sql), values, 2, ret_n, err);
	}
	return r ? ledger_break(ledger, err) : 0;
}
