/*
 * ledger-db.h - the database under the ledger: statements, transactions, errors
 *
 * Statements are kept prepared and found again by their SQL. One that is in
 * use (a callback that asks the same question again) gets a second copy.
 */
#pragma once

#include <sqlite3.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "ledger/ledger.h"

#define LEDGER_STATEMENTS 32

struct ledger_statement {
	char *sql; /* NULL: the slot is free */
	sqlite3_stmt *stmt;
	bool used;
};

struct ledger {
	sqlite3 *db;
	char *path;
	int lock_fd; /* of PATH.lock; -1: none */
	dev_t dev;   /* which file PATH was when it was opened; ino 0: none, it is in memory */
	ino_t ino;
	bool begun;
	struct err broken; /* the first write of this transaction that failed */
	struct ledger_statement statements[LEDGER_STATEMENTS];
	unsigned next; /* slot to be given up next */
};

/*
 * Turn SQLite's last error into ours: "ledger 'PATH' WHAT: reason". A failed
 * write because of a full disk, quota or file size limit is DISK_FULL.
 */
int ledger_db_fail(sqlite3 *db, const char *path, const char *what, struct err *err);

/* The same for an open ledger. */
int ledger_fail(struct ledger *ledger, const char *what, struct err *err);

/* A statement ready for binding; handed back with ledger_release(). */
int ledger_prepare(struct ledger *ledger, const char *sql, struct ledger_statement **ret,
		   struct err *err);
void ledger_release(struct ledger_statement *statement);

DEFINE_CLEANUP(ledger_release, struct ledger_statement *);

void ledger_forget_statements(struct ledger *ledger);

/*
 * Note that a write failed: ledger_commit() then refuses what would be half of
 * what was meant. Returns -err->code.
 */
int ledger_break(struct ledger *ledger, const struct err *err);

/* IO when PATH is not the file any more that was opened: what is written would be lost. */
int ledger_check_place(const struct ledger *ledger, struct err *err);

/* INTERNAL unless ledger_begin() came before; what failed first, if something did. */
int ledger_check_begun(struct ledger *ledger, struct err *err);
