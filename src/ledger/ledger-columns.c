#include "ledger/ledger-columns.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "ledger/ledger.h"

static const char *const instance_words[] = {
#define X(state, name) name,
	INSTANCE_STATES(X)
#undef X
};

static const char *const lease_words[] = {
#define X(state, name) name,
	LEASE_STATES(X)
#undef X
};

/* A file of the first schema knows no "requested": such a lease is queued there and waits for approval. */
static const char *const stored_lease_words[] = {
#define X(state, name) [LEASE_##state] = LEASE_##state == LEASE_REQUESTED ? "queued" : name,
	LEASE_STATES(X)
#undef X
};

static const char *const approval_words[] = {
#define X(approval, name) name,
	LEASE_APPROVALS(X)
#undef X
};

const char *lease_approval_name(enum lease_approval approval)
{
	return (unsigned)approval < ARRAY_SIZE(approval_words) ? approval_words[approval] : "?";
}

const char *instance_state_name(enum instance_state state)
{
	return (unsigned)state < ARRAY_SIZE(instance_words) ? instance_words[state] : "?";
}

const char *lease_state_name(enum lease_state state)
{
	return (unsigned)state < ARRAY_SIZE(lease_words) ? lease_words[state] : "?";
}

/* clang-format off */
static const struct column gpu_columns[] = {
	COLUMN(ledger_gpu, uuid),
	NAMED(ledger_gpu, "gpu_index", index),
	COLUMN(ledger_gpu, board),
	COLUMN(ledger_gpu, name),
	COLUMN(ledger_gpu, pci),
	COLUMN(ledger_gpu, serial),
	COLUMN(ledger_gpu, first_seen_s),
	COLUMN(ledger_gpu, last_seen_s),
};

static const struct column instance_columns[] = {
	COLUMN(ledger_instance, id),
	COLUMN(ledger_instance, gpu),
	COLUMN(ledger_instance, profile_id),
	COLUMN(ledger_instance, profile),
	COLUMN(ledger_instance, start),
	COLUMN(ledger_instance, size),
	COLUMN(ledger_instance, slices),
	COLUMN(ledger_instance, gi, HAS(ledger_instance, has_gi)),
	COLUMN(ledger_instance, ci, HAS(ledger_instance, has_ci)),
	COLUMN(ledger_instance, mig_uuid),
	COLUMN(ledger_instance, adopted),
	COLUMN(ledger_instance, laid),
	COLUMN(ledger_instance, last_gi, HAS(ledger_instance, has_last_gi)),
	WORD(ledger_instance, state, instance_words),
	COLUMN(ledger_instance, created_s),
	COLUMN(ledger_instance, gone_s, HAS(ledger_instance, has_gone)),
	COLUMN(ledger_instance, why),
	COLUMN(ledger_instance, mover, HAS(ledger_instance, has_mover)),
};

static const struct column lease_columns[] = {
	COLUMN(ledger_lease, id),
	COLUMN(ledger_lease, uid),
	NAMED(ledger_lease, "user", user),
	COLUMN(ledger_lease, team),
	NAMED(ledger_lease, "class", class_name),
	COLUMN(ledger_lease, reason),
	WORD(ledger_lease, state, stored_lease_words),
	COLUMN(ledger_lease, instance, HAS(ledger_lease, has_instance)),
	COLUMN(ledger_lease, requested_s),
	COLUMN(ledger_lease, time_s),
	COLUMN(ledger_lease, granted_s, HAS(ledger_lease, has_granted)),
	COLUMN(ledger_lease, ends_s, HAS(ledger_lease, has_ends)),
	COLUMN(ledger_lease, ended_s, HAS(ledger_lease, has_ended)),
	COLUMN(ledger_lease, pid, HAS(ledger_lease, has_pid)),
	COLUMN(ledger_lease, pid_start, HAS(ledger_lease, has_pid)),
	COLUMN(ledger_lease, pid_holds),
	COLUMN(ledger_lease, exit_status, HAS(ledger_lease, has_exit)),
	COLUMN(ledger_lease, rule),
	COLUMN(ledger_lease, why_ended),
	COLUMN(ledger_lease, fields),
	WORD(ledger_lease, approval, approval_words),
	COLUMN(ledger_lease, approver),
	COLUMN(ledger_lease, approval_reason),
	COLUMN(ledger_lease, answered_s, HAS(ledger_lease, has_answered)),
	COLUMN(ledger_lease, warned_s, HAS(ledger_lease, has_warned)),
	COLUMN(ledger_lease, together, HAS(ledger_lease, has_together)),
	COLUMN(ledger_lease, renewals),
};

static const struct column event_columns[] = {
	COLUMN(ledger_event, id),
	COLUMN(ledger_event, time_s),
	TEXT(ledger_event, "kind", kind, LEDGER_NAME),
	COLUMN(ledger_event, uid, HAS(ledger_event, has_uid)),
	TEXT(ledger_event, "user", user, LEDGER_NAME),
	TEXT(ledger_event, "team", team, LEDGER_NAME),
	TEXT(ledger_event, "class", class_name, LEDGER_NAME),
	COLUMN(ledger_event, lease, HAS(ledger_event, has_lease)),
	TEXT(ledger_event, "gpu", gpu, LEDGER_UUID),
	TEXT(ledger_event, "profile", profile, LEDGER_NAME),
	COLUMN(ledger_event, start, HAS(ledger_event, has_start)),
	TEXT(ledger_event, "mig_uuid", mig_uuid, LEDGER_UUID),
	TEXT(ledger_event, "actor", by, LEDGER_NAME),
	TEXT(ledger_event, "rule", rule, 64),
	TEXT(ledger_event, "text", text, LEDGER_REASON + LEDGER_TEXT),
};
/* clang-format on */

const struct ledger_table gpu_table = TABLE(gpu_columns, "gpu", "GPU");
const struct ledger_table instance_table = TABLE(instance_columns, "instance", "instance");
const struct ledger_table lease_table = TABLE(lease_columns, "lease", "lease");
const struct ledger_table event_table = TABLE(event_columns, "event", "event");

void table_add_names(const struct ledger_table *table, const char *prefix, struct text *text)
{
	for (size_t i = 0; i < table->n; i++)
		text_addf(text, "%s%s%s", i ? ", " : "", prefix, table->columns[i].name);
}

void table_add_insert(const struct ledger_table *table, struct text *text)
{
	text_addf(text, "INSERT INTO %s(", table->name);
	table_add_names(table, "", text);
	text_add(text, ") VALUES(");
	for (size_t i = 0; i < table->n; i++)
		text_addf(text, "%s?%zu", i ? ", " : "", i + 1);
	text_add(text, ")");
}

void table_add_set(const struct ledger_table *table, const char *keep, struct text *text)
{
	const char *between = "";

	for (size_t i = 1; i < table->n; i++) {
		if (keep && !strcmp(table->columns[i].name, keep))
			continue;
		text_addf(text, "%s%s = ?%zu", between, table->columns[i].name, i + 1);
		between = ", ";
	}
}

int table_bind_text(sqlite3_stmt *stmt, int at, const char *s, size_t size)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	text_add_printable(&text, s);
	if (text_failed(&text))
		return SQLITE_NOMEM;
	while (text.len >= size || !text_is_utf8(text_str(&text), text.len))
		text.len--; /* cut, and not inside a character */
	return sqlite3_bind_text(stmt, at, text_str(&text), (int)text.len, SQLITE_TRANSIENT);
}

/* What stands in the struct as a number; false: none that the file can hold. */
static bool number_of(const struct column *column, const void *field, int64_t *ret)
{
	uint64_t u64;

	switch (column->kind) {
	case COLUMN_I64:
		*ret = *(const int64_t *)field;
		return true;
	case COLUMN_U64:
		u64 = *(const uint64_t *)field;
		*ret = (int64_t)u64;
		return u64 <= INT64_MAX;
	case COLUMN_I32:
		*ret = *(const int *)field;
		return true;
	case COLUMN_BOOL:
		*ret = *(const bool *)field;
		return true;
	default:
		*ret = *(const unsigned *)field;
		return column->kind != COLUMN_WORD || (uint64_t)*ret < column->size;
	}
}

static int bind_column(const struct column *column, sqlite3_stmt *stmt, int at, const char *row)
{
	const void *field = row + column->at;
	const char *s = field;
	int64_t number;

	if (column->has_at && !*(const bool *)(row + column->has_at))
		return sqlite3_bind_null(stmt, at);
	if (column->kind == COLUMN_TEXT)
		s = *(const char *const *)field;
	if (column->kind == COLUMN_TEXT || column->kind == COLUMN_CHARS)
		return s && *s ? table_bind_text(stmt, at, s, column->size)
			       : sqlite3_bind_null(stmt, at);
	if (!number_of(column, field, &number))
		return SQLITE_RANGE;
	if (column->kind == COLUMN_WORD)
		return sqlite3_bind_text(stmt, at, column->words[number], -1, SQLITE_STATIC);
	return sqlite3_bind_int64(stmt, at, number);
}

int table_bind(const struct ledger_table *table, sqlite3_stmt *stmt, bool with_key, const void *row)
{
	int code = SQLITE_OK;

	for (size_t i = with_key ? 0 : 1; i < table->n && code == SQLITE_OK; i++)
		code = bind_column(&table->columns[i], stmt, (int)i + 1, row);
	return code;
}

/* The number of a word; its count when there is no such word. */
static size_t word_number(const struct column *column, const char *word)
{
	size_t i = 0;

	while (word && i < column->size && strcmp(column->words[i], word))
		i++;
	return word ? i : column->size;
}

static bool read_number(const struct column *column, int64_t number, void *field)
{
	switch (column->kind) {
	case COLUMN_I64:
		*(int64_t *)field = number;
		return true;
	case COLUMN_U64:
		*(uint64_t *)field = (uint64_t)number;
		return number >= 0;
	case COLUMN_I32:
		*(int *)field = (int)number;
		return number >= INT_MIN && number <= INT_MAX;
	case COLUMN_BOOL:
		*(bool *)field = number != 0;
		return number == 0 || number == 1;
	default:
		*(unsigned *)field = (unsigned)number;
		return number >= 0 && number <= UINT_MAX;
	}
}

static bool read_column(const struct column *column, sqlite3_stmt *stmt, int at, char *row)
{
	void *field = row + column->at;
	const char *s;
	size_t word;

	if (column->has_at) {
		*(bool *)(row + column->has_at) = sqlite3_column_type(stmt, at) != SQLITE_NULL;
		if (sqlite3_column_type(stmt, at) == SQLITE_NULL)
			return true;
	}
	if (column->kind < COLUMN_CHARS)
		return read_number(column, sqlite3_column_int64(stmt, at), field);
	s = (const char *)sqlite3_column_text(stmt, at);
	if (column->kind == COLUMN_TEXT) {
		*(const char **)field = s;
		return true;
	}
	if (column->kind == COLUMN_CHARS)
		return snprintf(field, column->size, "%s", s ? s : "") < (int)column->size;
	word = word_number(column, s);
	*(unsigned *)field = (unsigned)word;
	return word < column->size;
}

int table_read(const struct ledger_table *table, sqlite3_stmt *stmt, int first, void *row,
	       struct err *err)
{
	for (size_t i = 0; i < table->n; i++) {
		const struct column *column = &table->columns[i];

		if (!read_column(column, stmt, first + (int)i, row))
			return fail(err, ERR_INVALID,
				    "%s %s: its %s is none that a ledger can hold", table->what,
				    sqlite3_column_text(stmt, first), column->name);
	}
	if (sqlite3_errcode(sqlite3_db_handle(stmt)) == SQLITE_NOMEM)
		return fail(err, ERR_NOMEM, "no memory to read the ledger");
	return 0;
}
