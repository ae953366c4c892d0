#include "ledger/ledger-notice.h"

#include "base/array.h"
#include "ledger/ledger-row.h"

#define WEEK_S (7 * INT64_C(86400))

const char ledger_notice_step[] =
	"CREATE TABLE notice("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  event INTEGER NOT NULL,"
	"  time_s INTEGER NOT NULL,"
	"  kind TEXT NOT NULL,"
	"  way TEXT NOT NULL, recipient TEXT NOT NULL,"
	"  uid INTEGER,"
	"  text TEXT,"
	"  n INTEGER NOT NULL,"
	"  tries INTEGER NOT NULL, next_s INTEGER NOT NULL,"
	"  state TEXT NOT NULL CHECK(state IN ('waiting', 'sent', 'failed'))"
	") STRICT;"
	"CREATE INDEX notice_waiting ON notice(way, id) WHERE state = 'waiting';"
	"CREATE INDEX notice_to ON notice(way, recipient, time_s);"
	"CREATE INDEX notice_settled ON notice(time_s) WHERE state <> 'waiting';";

static const char *const states[] = {
#define X(state, name) name,
	NOTICE_STATES(X)
#undef X
};

static const struct column columns[] = {
	COLUMN(ledger_notice, id),
	COLUMN(ledger_notice, event),
	COLUMN(ledger_notice, time_s),
	COLUMN(ledger_notice, kind),
	COLUMN(ledger_notice, way),
	COLUMN(ledger_notice, recipient),
	COLUMN(ledger_notice, uid, HAS(ledger_notice, has_uid)),
	COLUMN(ledger_notice, text),
	COLUMN(ledger_notice, n),
	COLUMN(ledger_notice, tries),
	COLUMN(ledger_notice, next_s),
	WORD(ledger_notice, state, states),
};

static const struct ledger_table notice_table = TABLE(columns, "notice", "notice");

int ledger_notice_add(struct ledger *ledger, struct ledger_notice *notice, struct err *err)
{
	return ledger_row_add(ledger, &notice_table, notice, &notice->id, err);
}

int ledger_notice_update(struct ledger *ledger, const struct ledger_notice *notice,
			 struct err *err)
{
	return ledger_row_update(ledger, &notice_table, notice, notice->id, err);
}

struct finding {
	struct ledger_notice *ret;
	bool found;
};

static void take(const void *row, void *arg)
{
	struct finding *finding = arg;

	*finding->ret = *(const struct ledger_notice *)row;
	finding->found = true;
}

static int find(struct ledger *ledger, const char *tail, const struct ledger_value *values,
		size_t n, struct ledger_notice *ret, bool *ret_found, struct err *err)
{
	struct finding finding = {.ret = ret};
	struct ledger_notice row;
	int r = ledger_rows(ledger, &notice_table, tail, values, n, &row, sizeof(row), take,
			    &finding, err);

	*ret_found = finding.found;
	return r;
}

int ledger_notice_due(struct ledger *ledger, const char *way, int64_t now_s,
		      struct ledger_notice *ret, bool *ret_found, struct err *err)
{
	const struct ledger_value values[] = {{way, 0}, {NULL, now_s}};

	return find(ledger,
		    "WHERE state = 'waiting' AND way = ?1 AND next_s <= ?2 ORDER BY id LIMIT 1",
		    values, ARRAY_SIZE(values), ret, ret_found, err);
}

int ledger_notice_digest(struct ledger *ledger, const char *way, const char *recipient,
			 struct ledger_notice *ret, bool *ret_found, struct err *err)
{
	const struct ledger_value values[] = {{way, 0}, {recipient, 0}};

	return find(ledger,
		    "WHERE state = 'waiting' AND way = ?1 AND recipient = ?2 AND kind = 'digest'"
		    " LIMIT 1",
		    values, ARRAY_SIZE(values), ret, ret_found, err);
}

static int count(struct ledger *ledger, const char *sql, const struct ledger_value *values,
		 size_t n, int64_t *ret, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int r = ledger_prepare(ledger, sql, &statement, err);

	if (r)
		return r;
	for (size_t i = 0; i < n; i++)
		if (values[i].text)
			table_bind_text(statement->stmt, (int)i + 1, values[i].text,
					LEDGER_RECIPIENT);
		else
			sqlite3_bind_int64(statement->stmt, (int)i + 1, values[i].number);
	if (sqlite3_step(statement->stmt) != SQLITE_ROW)
		return ledger_fail(ledger, "cannot be read", err);
	*ret = sqlite3_column_int64(statement->stmt, 0);
	return 0;
}

int ledger_notice_next(struct ledger *ledger, const char *way, int64_t *ret_s, struct err *err)
{
	const struct ledger_value values[] = {{way, 0}, {NULL, INT64_MAX}};

	return count(ledger,
		     "SELECT ifnull(min(next_s), ?2) FROM notice WHERE state = 'waiting' AND way = ?1",
		     values, ARRAY_SIZE(values), ret_s, err);
}

int ledger_notices_waiting(struct ledger *ledger, const char *way, int64_t *ret, struct err *err)
{
	const struct ledger_value values[] = {{way, 0}};

	return count(ledger, "SELECT count(*) FROM notice WHERE state = 'waiting' AND way = ?1",
		     values, ARRAY_SIZE(values), ret, err);
}

int ledger_notices_since(struct ledger *ledger, const char *way, const char *recipient,
			 int64_t since_s, int64_t *ret, struct err *err)
{
	const struct ledger_value values[] = {{way, 0}, {recipient, 0}, {NULL, since_s}};

	return count(ledger,
		     "SELECT count(*) FROM notice WHERE way = ?1 AND recipient = ?2"
		     " AND time_s >= ?3 AND kind <> 'digest'",
		     values, ARRAY_SIZE(values), ret, err);
}

int ledger_notices_forget(struct ledger *ledger, int64_t before_s, struct err *err)
{
	const struct ledger_value values[] = {{NULL, before_s}, {NULL, before_s - WEEK_S}};

	return ledger_rows_delete(ledger, &notice_table,
				  "WHERE (state <> 'waiting' AND time_s < ?1) OR time_s < ?2",
				  values, ARRAY_SIZE(values), NULL, err);
}
