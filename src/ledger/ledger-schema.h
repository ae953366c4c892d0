/*
 * ledger-schema.h - the tables, and how older ones become the present ones
 *
 * PRAGMA user_version counts the steps a file has been through. A step that
 * was released is never changed: what it lacks comes as one more step. All
 * that are missing run in one transaction.
 */
#pragma once

#include <sqlite3.h>
#include <stddef.h>

#include "base/err.h"

#define LEDGER_APPLICATION_ID 0x63727665 /* "crve", in the file's header */

struct ledger_schema {
	const char *const *steps; /* SQL; step i makes version i into i + 1 */
	int n;
};

extern const struct ledger_schema ledger_schema;

/* The steps that belong to a topic, in its own file. */
extern const char ledger_change_step_sql[], ledger_drain_step_sql[];
extern const char ledger_reclaim_step_sql[];

/*
 * Is it ours to work on? Changes nothing.
 *
 *   path  what messages call it
 *   err   INVALID: not a ledger, damaged, or of a newer carve; else as ledger_open()
 */
int ledger_schema_check(sqlite3 *db, const char *path, const struct ledger_schema *schema,
			struct err *err);

/* Of a checked database. err: INVALID: it is older */
int ledger_schema_is_newest(sqlite3 *db, const char *path, const struct ledger_schema *schema,
			    struct err *err);

/*
 * Bring a checked database up to the schema; one that holds something is first
 * copied to PATH.vN, N being its old version. On failure it stays as it was.
 */
int ledger_schema_upgrade(sqlite3 *db, const char *path, const struct ledger_schema *schema,
			  struct err *err);
