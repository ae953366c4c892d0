#include <string.h>

#include "base/text.h"
#include "ledger/ledger-columns.h"
#include "ledger/ledger-db.h"

#define MAX_CONDITIONS 10

/* A WHERE clause that grows, and what its parameters are. */
struct where {
	struct text sql;
	int n;
	struct {
		const char *text; /* NULL: the number */
		int64_t number;
	} values[MAX_CONDITIONS];
};

static void cleanup_where_done(struct where *where)
{
	text_done(&where->sql);
}

static void where_plain(struct where *where, const char *condition)
{
	text_addf(&where->sql, "%s%s", where->sql.len ? " AND " : " WHERE ", condition);
}

static void where_text(struct where *where, const char *condition, const char *text)
{
	if (!text)
		return;
	where_plain(where, condition);
	where->values[where->n++].text = text;
}

static void where_number(struct where *where, const char *condition, int64_t number)
{
	if (number < 0)
		return;
	where_plain(where, condition);
	where->values[where->n++].number = number;
}

/* The newest so many, oldest of them first. */
static void where_newest(struct where *where, size_t limit)
{
	if (!limit)
		return;
	text_add(&where->sql, " ORDER BY id DESC LIMIT ?");
	where->values[where->n++].number = limit < INT64_MAX ? (int64_t)limit : INT64_MAX;
}

static int where_bind(const struct where *where, sqlite3_stmt *stmt)
{
	int code = SQLITE_OK;

	for (int i = 0; i < where->n && code == SQLITE_OK; i++)
		code = where->values[i].text
			       ? table_bind_text(stmt, i + 1, where->values[i].text, LEDGER_UUID)
			       : sqlite3_bind_int64(stmt, i + 1, where->values[i].number);
	return code;
}

/* A row of a question: read it, hand it on. */
struct reader {
	int (*row)(const struct reader *reader, sqlite3_stmt *stmt, struct err *err);
	union {
		void (*gpu)(const struct ledger_gpu *gpu, void *arg);
		void (*instance)(const struct ledger_instance *instance, void *arg);
		void (*lease)(const struct ledger_lease *lease,
			      const struct ledger_instance *instance, void *arg);
		void (*event)(const struct ledger_event *event, void *arg);
	} fn;
	void *arg;
};

static int ask(struct ledger *ledger, const struct text *sql, const struct where *where,
	       const struct reader *reader, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int r, code;

	if (text_failed(sql) || text_failed(&where->sql))
		return fail(err, ERR_NOMEM, "no memory to read the ledger");
	r = ledger_prepare(ledger, text_str(sql), &statement, err);
	if (r)
		return r;
	code = where_bind(where, statement->stmt);
	if (code != SQLITE_OK)
		return fail(err, ERR_NOMEM, "no memory to read the ledger");
	while ((code = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
		r = reader->row(reader, statement->stmt, err);
		if (r)
			return r;
	}
	return code == SQLITE_DONE ? 0 : ledger_fail(ledger, "cannot be read", err);
}

static int gpu_row(const struct reader *reader, sqlite3_stmt *stmt, struct err *err)
{
	struct ledger_gpu gpu = {0};
	int r = table_read(&gpu_table, stmt, 0, &gpu, err);

	if (!r)
		reader->fn.gpu(&gpu, reader->arg);
	return r;
}

int ledger_gpus(struct ledger *ledger, void (*fn)(const struct ledger_gpu *gpu, void *arg),
		void *arg, struct err *err)
{
	const struct reader reader = {gpu_row, {.gpu = fn}, arg};
	cleanup(where_done) struct where where = {0};
	cleanup(text_done) struct text sql = TEXT_INIT;

	text_add(&sql, "SELECT ");
	table_add_names(&gpu_table, "", &sql);
	text_add(&sql, " FROM gpu ORDER BY gpu_index, uuid");
	return ask(ledger, &sql, &where, &reader, err);
}

static int instance_row(const struct reader *reader, sqlite3_stmt *stmt, struct err *err)
{
	struct ledger_instance instance = {0};
	int r = table_read(&instance_table, stmt, 0, &instance, err);

	if (!r)
		reader->fn.instance(&instance, reader->arg);
	return r;
}

int ledger_instances(struct ledger *ledger,
		     void (*fn)(const struct ledger_instance *instance, void *arg), void *arg,
		     struct err *err)
{
	const struct reader reader = {instance_row, {.instance = fn}, arg};
	cleanup(where_done) struct where where = {0};
	cleanup(text_done) struct text sql = TEXT_INIT;

	text_add(&sql, "SELECT ");
	table_add_names(&instance_table, "", &sql);
	text_add(&sql, " FROM instance WHERE state <> 'gone' ORDER BY id");
	return ask(ledger, &sql, &where, &reader, err);
}

static int lease_row(const struct reader *reader, sqlite3_stmt *stmt, struct err *err)
{
	struct ledger_lease lease = {0};
	struct ledger_instance instance = {0};
	int r = table_read(&lease_table, stmt, 0, &lease, err);

	if (lease.state == LEASE_REQUESTED && lease.approval != APPROVAL_WAITING)
		lease.state = LEASE_QUEUED;
	if (!r && lease.has_instance)
		r = table_read(&instance_table, stmt, (int)lease_table.n, &instance, err);
	if (!r)
		reader->fn.lease(&lease, lease.has_instance ? &instance : NULL, reader->arg);
	return r;
}

int ledger_leases(struct ledger *ledger, const struct ledger_lease_filter *filter,
		  void (*fn)(const struct ledger_lease *lease,
			     const struct ledger_instance *instance, void *arg),
		  void *arg, struct err *err)
{
	const struct reader reader = {lease_row, {.lease = fn}, arg};
	cleanup(where_done) struct where where = {0};
	cleanup(text_done) struct text sql = TEXT_INIT;

	if (filter->live)
		where_plain(&where, "state <> 'ended'");
	where_number(&where, "id = ?", filter->id);
	where_number(&where, "uid = ?", filter->uid);
	where_text(&where, "user = ?", filter->user);
	where_text(&where, "team = ?", filter->team);
	where_text(&where, "class = ?", filter->class_name);
	where_number(&where, "id < ?", filter->before_id ? filter->before_id : -1);
	where_number(&where, "(ended_s IS NULL OR ended_s >= ?)", filter->since_s);
	where_newest(&where, filter->limit);

	text_add(&sql, "SELECT ");
	table_add_names(&lease_table, "l.", &sql);
	text_add(&sql, ", ");
	table_add_names(&instance_table, "i.", &sql);
	text_addf(&sql, " FROM (SELECT * FROM lease%s) l", text_str(&where.sql));
	text_add(&sql, " LEFT JOIN instance i ON i.id = l.instance ORDER BY l.id");
	return ask(ledger, &sql, &where, &reader, err);
}

static int event_row(const struct reader *reader, sqlite3_stmt *stmt, struct err *err)
{
	struct ledger_event event = {0};
	int r = table_read(&event_table, stmt, 0, &event, err);

	if (!r)
		reader->fn.event(&event, reader->arg);
	return r;
}

int ledger_events(struct ledger *ledger, const struct ledger_event_filter *filter,
		  void (*fn)(const struct ledger_event *event, void *arg), void *arg,
		  struct err *err)
{
	const struct reader reader = {event_row, {.event = fn}, arg};
	cleanup(where_done) struct where where = {0};
	cleanup(text_done) struct text sql = TEXT_INIT;

	where_text(&where, "user = ?", filter->user);
	where_text(&where, "gpu = ?", filter->gpu);
	where_number(&where, "lease = ?", filter->lease);
	where_number(&where, "time_s >= ?", filter->since_s);
	where_number(&where, "id > ?", filter->after_id);
	where_newest(&where, filter->limit);

	text_add(&sql, "SELECT ");
	table_add_names(&event_table, "", &sql);
	/* "+id": SQLite would rather read all events in order than sort the recent ones. */
	text_addf(&sql, " FROM (SELECT * FROM event%s) ORDER BY %sid", text_str(&where.sql),
		  filter->since_s >= 0 ? "+" : "");
	return ask(ledger, &sql, &where, &reader, err);
}
