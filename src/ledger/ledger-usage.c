#include "ledger/ledger-usage.h"

#include "base/text.h"
#include "ledger/ledger-db.h"

static const struct {
	const char *name, *sql;
} keys[] = {
	[USAGE_TEAM] = {"team", "l.team"},
	[USAGE_USER] = {"user", "l.user"},
	[USAGE_CLASS] = {"class", "l.class"},
	[USAGE_PROFILE] = {"profile", "i.profile"},
	[USAGE_PROJECT] = {"project", "json_extract(l.fields, '$.project')"},
	[USAGE_GPU] = {"gpu", "i.gpu"},
};

const char *usage_key_name(enum usage_key key)
{
	return (unsigned)key < USAGE_KEY_COUNT ? keys[key].name : "?";
}

/* ?1 since, ?2 until; one who ended before he was granted (a clock set back) held nothing. */
static void add_question(const char *key, struct text *sql)
{
	text_addf(sql,
		  "SELECT %s AS key, g.board, i.profile_id, i.profile, i.slices, count(*),"
		  " sum(max(0, min(ifnull(l.ended_s, ?2), ?2) - max(l.granted_s, ?1)))"
		  " FROM lease l JOIN instance i ON i.id = l.instance"
		  " LEFT JOIN gpu g ON g.uuid = i.gpu"
		  " WHERE l.id IN (SELECT id FROM lease WHERE state <> 'ended' UNION"
		  " SELECT id FROM lease WHERE ended_s > ?1) AND l.granted_s < ?2"
		  " GROUP BY key, g.board, i.profile_id, i.profile, i.slices"
		  " ORDER BY key, g.board, i.profile_id",
		  key);
}

static struct ledger_usage read_row(sqlite3_stmt *stmt)
{
	return (struct ledger_usage){
		.key = (const char *)sqlite3_column_text(stmt, 0),
		.board = (const char *)sqlite3_column_text(stmt, 1),
		.profile_id = (unsigned)sqlite3_column_int64(stmt, 2),
		.profile = (const char *)sqlite3_column_text(stmt, 3),
		.slices = (unsigned)sqlite3_column_int64(stmt, 4),
		.n_leases = sqlite3_column_int64(stmt, 5),
		.held_s = sqlite3_column_int64(stmt, 6),
	};
}

int ledger_usage(struct ledger *ledger, enum usage_key by, int64_t since_s, int64_t until_s,
		 void (*fn)(const struct ledger_usage *usage, void *arg), void *arg,
		 struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	cleanup(text_done) struct text sql = TEXT_INIT;
	int code, r;

	add_question(keys[by].sql, &sql);
	if (text_failed(&sql))
		return fail(err, ERR_NOMEM, "no memory to read the ledger");
	r = ledger_prepare(ledger, text_str(&sql), &statement, err);
	if (r)
		return r;
	sqlite3_bind_int64(statement->stmt, 1, since_s);
	sqlite3_bind_int64(statement->stmt, 2, until_s);
	while ((code = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
		struct ledger_usage usage = read_row(statement->stmt);

		fn(&usage, arg);
	}
	return code == SQLITE_DONE ? 0 : ledger_fail(ledger, "cannot be read", err);
}
