/*
 * chain-hash.h - the hash of one event
 *
 * Over the hash before it, a newline, and "NAME=LENGTH:VALUE\n" for each column
 * of the event that is not NULL, ordered by name; LENGTH is the value's in
 * bytes, numbers are decimal. A column that is added later is NULL in older
 * events and so changes no hash.
 */
#pragma once

#include <sqlite3.h>

#include "ledger/ledger-chain.h"

#define CHAIN_COLUMNS 64
#define CHAIN_START   "0000000000000000000000000000000000000000000000000000000000000000"

/*
 * The columns of a statement that stands on its first row (before, SQLite may still prepare it
 * anew), by name; those named "chain_..." are not the event's.
 */
struct chain_order {
	size_t n;
	struct chain_column {
		const char *name; /* belongs to the statement */
		int at;
	} columns[CHAIN_COLUMNS];
};

void chain_order(sqlite3_stmt *stmt, struct chain_order *ret);

/* Of the row the statement stands on. before and ret may be the same. */
void chain_hash(sqlite3_stmt *stmt, const struct chain_order *order, const char *before,
		char ret[LEDGER_HASH]);

/*
 * Make the SQL function chain_fill() known: it gives every event its hash. For
 * the step of the schema that brings the chain. Returns an SQLite code.
 */
int chain_register(sqlite3 *db);
