#include "ledger/ledger-audit.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "ledger/ledger-columns.h"
#include "ledger/ledger-db.h"

/* ?1 since, ?2 until, ?3 user, ?4 class, ?5 after, ?6 limit */
#define WHOSE " AND (?3 IS NULL OR user = ?3) AND (?4 IS NULL OR class = ?4)"

/* What is live and what ended since then are looked up; the rest of the past is not read. */
#define LEASES                                                                                     \
	"(SELECT * FROM lease WHERE id IN (SELECT id FROM lease WHERE state <> 'ended' UNION"      \
	" SELECT id FROM lease WHERE ended_s >= ?1) AND requested_s < ?2 AND id > ?5" WHOSE        \
	" ORDER BY id LIMIT ?6)"

/* The newest event of a lease with one of these kinds: one column of it. */
#define OF_LEASE(column, kinds)                                                                    \
	"(SELECT " column " FROM event e WHERE e.lease = l.id AND e.kind IN (" kinds ")"           \
	" ORDER BY e.id DESC LIMIT 1)"
#define ANSWERS "'approved', 'denied'"
#define ENDS	"'ending', 'released', 'revoked', 'expired', 'denied'"

#define REFUSALS                                                                                   \
	"SELECT id, time_s, uid, user, team, class, rule, text FROM event"                         \
	" WHERE kind = 'refused' AND lease IS NULL AND time_s >= ?1 AND time_s < ?2"               \
	" AND id > ?5" WHOSE " ORDER BY id LIMIT ?6"

static void take_text(sqlite3_stmt *stmt, int at, char *ret, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, at);

	snprintf(ret, size, "%s", text ? (const char *)text : "");
}

static int read_lease(sqlite3_stmt *stmt, struct ledger_audit *ret, struct err *err)
{
	int at = (int)(lease_table.n + instance_table.n);
	char answer[LEDGER_NAME];
	int r = table_read(&lease_table, stmt, 0, &ret->lease, err);

	ret->has_instance = !r && ret->lease.has_instance;
	if (ret->has_instance)
		r = table_read(&instance_table, stmt, (int)lease_table.n, &ret->instance, err);
	if (r)
		return r;
	take_text(stmt, at, answer, sizeof(answer));
	ret->has_approved = answer[0] != '\0';
	ret->was_denied = !strcmp(answer, "denied");
	ret->approved_s = sqlite3_column_int64(stmt, at + 1);
	take_text(stmt, at + 2, ret->approved_by, sizeof(ret->approved_by));
	take_text(stmt, at + 3, ret->answer, sizeof(ret->answer));
	take_text(stmt, at + 4, ret->ended_by, sizeof(ret->ended_by));
	if (!ret->lease.has_granted && sqlite3_column_type(stmt, at + 5) != SQLITE_NULL)
		take_text(stmt, at + 5, ret->lease.rule, sizeof(ret->lease.rule));
	return 0;
}

static int read_refusal(sqlite3_stmt *stmt, struct ledger_audit *ret, struct err *err)
{
	struct ledger_lease *lease = &ret->lease;

	(void)err;
	ret->refused = true;
	lease->id = sqlite3_column_int64(stmt, 0);
	lease->requested_s = sqlite3_column_int64(stmt, 1);
	lease->uid = (uid_t)sqlite3_column_int64(stmt, 2);
	take_text(stmt, 3, lease->user, sizeof(lease->user));
	take_text(stmt, 4, lease->team, sizeof(lease->team));
	take_text(stmt, 5, lease->class_name, sizeof(lease->class_name));
	take_text(stmt, 6, lease->rule, sizeof(lease->rule));
	take_text(stmt, 7, lease->why_ended, sizeof(lease->why_ended));
	return 0;
}

static void add_lease_question(struct text *sql)
{
	text_add(sql, "SELECT ");
	table_add_names(&lease_table, "l.", sql);
	text_add(sql, ", ");
	table_add_names(&instance_table, "i.", sql);
	text_add(sql, ", " OF_LEASE("kind", ANSWERS) ", " OF_LEASE("time_s", ANSWERS));
	text_add(sql, ", " OF_LEASE("actor", ANSWERS) ", " OF_LEASE("text", ANSWERS));
	text_add(sql, ", " OF_LEASE("actor", ENDS) ", " OF_LEASE("rule", ENDS));
	text_add(sql, " FROM " LEASES " l LEFT JOIN instance i ON i.id = l.instance ORDER BY l.id");
}

static int bind(sqlite3_stmt *stmt, const struct ledger_audit_filter *filter, struct err *err)
{
	int code = sqlite3_bind_int64(stmt, 1, filter->since_s);

	code = code ? code : sqlite3_bind_int64(stmt, 2, filter->until_s);
	if (!code && filter->user)
		code = table_bind_text(stmt, 3, filter->user, LEDGER_NAME);
	if (!code && filter->class_name)
		code = table_bind_text(stmt, 4, filter->class_name, LEDGER_NAME);
	code = code ? code : sqlite3_bind_int64(stmt, 5, filter->after);
	code = code ? code : sqlite3_bind_int64(stmt, 6, filter->limit);
	return code ? fail(err, ERR_NOMEM, "no memory to read the ledger") : 0;
}

int ledger_audit(struct ledger *ledger, const struct ledger_audit_filter *filter,
		 void (*fn)(const struct ledger_audit *row, void *arg), void *arg, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	cleanup(text_done) struct text sql = TEXT_INIT;
	int code, r;

	if (filter->refused)
		text_add(&sql, REFUSALS);
	else
		add_lease_question(&sql);
	if (text_failed(&sql))
		return fail(err, ERR_NOMEM, "no memory to read the ledger");
	r = ledger_prepare(ledger, text_str(&sql), &statement, err);
	r = r ? r : bind(statement->stmt, filter, err);
	if (r)
		return r;
	while ((code = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
		struct ledger_audit row = {0};

		r = filter->refused ? read_refusal(statement->stmt, &row, err)
				    : read_lease(statement->stmt, &row, err);
		if (r)
			return r;
		fn(&row, arg);
	}
	return code == SQLITE_DONE ? 0 : ledger_fail(ledger, "cannot be read", err);
}
