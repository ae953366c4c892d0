#include "ledger/chain-hash.h"

#include <nettle/base16.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_columns(const void *a, const void *b)
{
	const struct chain_column *x = a, *y = b;

	return strcmp(x->name, y->name);
}

void chain_order(sqlite3_stmt *stmt, struct chain_order *ret)
{
	int n = sqlite3_column_count(stmt);

	ret->n = 0;
	for (int i = 0; i < n && ret->n < CHAIN_COLUMNS; i++) {
		const char *name = sqlite3_column_name(stmt, i);

		if (name && strncmp(name, "chain_", strlen("chain_")) != 0)
			ret->columns[ret->n++] = (struct chain_column){name, i};
	}
	qsort(ret->columns, ret->n, sizeof(ret->columns[0]), compare_columns);
}

static void add(struct sha256_ctx *sha, const char *s, size_t len)
{
	sha256_update(sha, len, (const uint8_t *)s);
}

static void add_column(struct sha256_ctx *sha, sqlite3_stmt *stmt,
		       const struct chain_column *column)
{
	const char *value = (const char *)sqlite3_column_text(stmt, column->at);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column->at);
	char head[128];

	if (!value)
		return;
	snprintf(head, sizeof(head), "%.64s=%zu:", column->name, len);
	add(sha, head, strlen(head));
	add(sha, value, len);
	add(sha, "\n", 1);
}

void chain_hash(sqlite3_stmt *stmt, const struct chain_order *order, const char *before,
		char ret[LEDGER_HASH])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx sha;

	sha256_init(&sha);
	add(&sha, before, strlen(before));
	add(&sha, "\n", 1);
	for (size_t i = 0; i < order->n; i++)
		add_column(&sha, stmt, &order->columns[i]);
	sha256_digest(&sha, sizeof(digest), digest);
	base16_encode_update(ret, sizeof(digest), digest);
	ret[LEDGER_HASH - 1] = '\0';
}

/* ---- the events that were there before the chain ---- */

static int insert_hash(sqlite3_stmt *insert, int64_t event, const char *hash)
{
	int code;

	sqlite3_bind_int64(insert, 1, event);
	sqlite3_bind_text(insert, 2, hash, -1, SQLITE_TRANSIENT);
	code = sqlite3_step(insert);
	sqlite3_reset(insert);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static int fill(sqlite3_stmt *events, sqlite3_stmt *insert)
{
	char hash[LEDGER_HASH] = CHAIN_START;
	struct chain_order order = {0};
	int code;

	while ((code = sqlite3_step(events)) == SQLITE_ROW) {
		if (!order.n)
			chain_order(events, &order);
		chain_hash(events, &order, hash, hash);
		code = insert_hash(insert, sqlite3_column_int64(events, 0), hash);
		if (code != SQLITE_OK)
			return code;
	}
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

static void fill_function(sqlite3_context *context, int n, sqlite3_value **values)
{
	sqlite3 *db = sqlite3_context_db_handle(context);
	sqlite3_stmt *events = NULL, *insert = NULL;
	int code = sqlite3_prepare_v2(
		db, "SELECT id AS chain_id, * FROM event ORDER BY id", -1, &events, NULL);

	(void)n;
	(void)values;
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(db, "INSERT INTO chain(event, hash) VALUES(?, ?)", -1,
					  &insert, NULL);
	if (code == SQLITE_OK)
		code = fill(events, insert);
	sqlite3_finalize(events);
	sqlite3_finalize(insert);
	if (code != SQLITE_OK)
		sqlite3_result_error_code(context, code);
}

int chain_register(sqlite3 *db)
{
	return sqlite3_create_function(db, "chain_fill", 0, SQLITE_UTF8 | SQLITE_DIRECTONLY, NULL,
				       fill_function, NULL, NULL);
}
