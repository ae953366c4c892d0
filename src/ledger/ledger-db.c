#include "ledger/ledger-db.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/file.h"

/* Primary codes; what is not here is a bug in carve. */
static const struct {
	int sqlite;
	enum err_code code;
} meanings[] = {
	{SQLITE_FULL, ERR_DISK_FULL},	{SQLITE_IOERR, ERR_IO},	       {SQLITE_CANTOPEN, ERR_IO},
	{SQLITE_PROTOCOL, ERR_IO},	{SQLITE_BUSY, ERR_BUSY},       {SQLITE_LOCKED, ERR_BUSY},
	{SQLITE_PERM, ERR_DENIED},	{SQLITE_READONLY, ERR_DENIED}, {SQLITE_AUTH, ERR_DENIED},
	{SQLITE_NOMEM, ERR_NOMEM},	{SQLITE_CORRUPT, ERR_INVALID}, {SQLITE_NOTADB, ERR_INVALID},
	{SQLITE_TOOBIG, ERR_TOO_LARGE},
};

static enum err_code code_of(int extended, int system_errno)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++) {
		if (meanings[i].sqlite != (extended & 0xff))
			continue;
		if (extended == SQLITE_IOERR_NOMEM)
			return ERR_NOMEM;
		if (meanings[i].code != ERR_IO || !system_errno)
			return meanings[i].code;
		/* A quota, a file size limit and fsync() tell of a full disk by errno only. */
		return system_errno == EFBIG ? ERR_DISK_FULL : file_err_code(system_errno);
	}
	return ERR_INTERNAL;
}

/* The errno behind SQLite's last error; a failed COMMIT leaves it with the WAL's file only. */
static int errno_of(sqlite3 *db, int extended)
{
	int primary = extended & 0xff, system_errno = sqlite3_system_errno(db);
	sqlite3_file *wal = NULL;

	if (primary != SQLITE_IOERR && primary != SQLITE_CANTOPEN)
		return 0;
	if (system_errno)
		return system_errno;
	sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
	if (wal && wal->pMethods)
		wal->pMethods->xFileControl(wal, SQLITE_FCNTL_LAST_ERRNO, &system_errno);
	return system_errno;
}

int ledger_db_fail(sqlite3 *db, const char *path, const char *what, struct err *err)
{
	int extended = sqlite3_extended_errcode(db), primary = extended & 0xff;
	int system_errno = errno_of(db, extended);
	enum err_code code = code_of(extended, system_errno);

	fail(err, code, "ledger '%s' %s: %s%s%s", path, what, sqlite3_errmsg(db),
	     system_errno ? ": " : "", system_errno ? strerror(system_errno) : "");
	if (code == ERR_DISK_FULL)
		return fail_hint(err, "free some space where '%s' is", path);
	if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
		return fail_hint(err,
				 "stop carved, move '%s' with its -wal file away and put a copy "
				 "back; 'sqlite3 FILE .recover' saves what can be read",
				 path);
	return -(int)code;
}

int ledger_fail(struct ledger *ledger, const char *what, struct err *err)
{
	return ledger_db_fail(ledger->db, ledger->path, what, err);
}

/* ---- statements ---- */

static void statement_done(struct ledger_statement *statement)
{
	sqlite3_finalize(statement->stmt);
	free(statement->sql);
	*statement = (struct ledger_statement){0};
}

void ledger_forget_statements(struct ledger *ledger)
{
	for (size_t i = 0; i < LEDGER_STATEMENTS; i++)
		statement_done(&ledger->statements[i]);
}

static struct ledger_statement *find_statement(struct ledger *ledger, const char *sql)
{
	for (size_t i = 0; i < LEDGER_STATEMENTS; i++) {
		struct ledger_statement *statement = &ledger->statements[i];

		if (statement->sql && !statement->used && !strcmp(statement->sql, sql))
			return statement;
	}
	return NULL;
}

/* A free slot, else the next in turn that nobody uses; NULL when all are in use. */
static struct ledger_statement *take_slot(struct ledger *ledger)
{
	for (unsigned i = 0; i < LEDGER_STATEMENTS; i++) {
		struct ledger_statement *statement = &ledger->statements[ledger->next];

		ledger->next = (ledger->next + 1) % LEDGER_STATEMENTS;
		if (statement->used)
			continue;
		statement_done(statement);
		return statement;
	}
	return NULL;
}

int ledger_prepare(struct ledger *ledger, const char *sql, struct ledger_statement **ret,
		   struct err *err)
{
	struct ledger_statement *statement = find_statement(ledger, sql);

	if (!statement) {
		statement = take_slot(ledger);
		if (!statement)
			return fail(err, ERR_INTERNAL, "ledger: too many questions at once");
		if (sqlite3_prepare_v3(ledger->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
				       &statement->stmt, NULL) != SQLITE_OK)
			return ledger_fail(ledger, "does not understand", err);
		statement->sql = strdup(sql);
		if (!statement->sql) {
			statement_done(statement);
			return fail(err, ERR_NOMEM, "no memory for the ledger");
		}
	}
	statement->used = true;
	*ret = statement;
	return 0;
}

void ledger_release(struct ledger_statement *statement)
{
	sqlite3_reset(statement->stmt);
	sqlite3_clear_bindings(statement->stmt);
	statement->used = false;
}

/* ---- transactions ---- */

static int run(struct ledger *ledger, const char *sql, const char *what, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int r = ledger_prepare(ledger, sql, &statement, err);

	if (r)
		return r;
	return sqlite3_step(statement->stmt) == SQLITE_DONE ? 0 : ledger_fail(ledger, what, err);
}

int ledger_check_place(const struct ledger *ledger, struct err *err)
{
	struct stat now;

	if (!ledger->ino)
		return 0;
	if (!stat(ledger->path, &now) && now.st_dev == ledger->dev && now.st_ino == ledger->ino)
		return 0;
	fail(err, ERR_IO, "ledger '%s' was replaced or removed while it was in use", ledger->path);
	return fail_hint(err, "stop carved, put the file back and start it again; until then "
			      "nothing new is promised");
}

int ledger_begin(struct ledger *ledger, struct err *err)
{
	int r;

	if (ledger->begun)
		return fail(err, ERR_INTERNAL, "ledger: a transaction within a transaction");
	r = ledger_check_place(ledger, err);
	if (r)
		return r;
	r = run(ledger, "BEGIN IMMEDIATE", "cannot be written", err);
	ledger->begun = !r;
	ledger->broken = ERR_INIT;
	return r;
}

int ledger_break(struct ledger *ledger, const struct err *err)
{
	if (ledger->begun && !ledger->broken.code)
		ledger->broken = *err;
	return -(int)err->code;
}

int ledger_check_begun(struct ledger *ledger, struct err *err)
{
	if (!ledger->begun)
		return fail(err, ERR_INTERNAL, "ledger: a write outside a transaction");
	if (ledger->broken.code)
		*err = ledger->broken;
	return -(int)ledger->broken.code;
}

int ledger_commit(struct ledger *ledger, struct err *err)
{
	int r = ledger_check_begun(ledger, err);

	if (!r)
		r = run(ledger, "COMMIT", "cannot be written", err);
	if (r)
		ledger_rollback(ledger);
	ledger->begun = false;
	return r;
}

void ledger_rollback(struct ledger *ledger)
{
	struct err ignored; /* some failures have undone the transaction already */

	if (!sqlite3_get_autocommit(ledger->db))
		(void)run(ledger, "ROLLBACK", "cannot be undone", &ignored);
	ledger->begun = false;
	ledger->broken = ERR_INIT;
}

/* As much as a grant and its events may need: eight pages. */
static const char *const probes[] = {
	"INSERT INTO probe(filler) VALUES(hex(zeroblob(16384)))",
	"DELETE FROM probe",
};

int ledger_probe(struct ledger *ledger, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		int r = ledger_begin(ledger, err);

		if (r)
			return r;
		r = run(ledger, probes[i], "cannot be written", err);
		if (r)
			ledger_rollback(ledger);
		else
			r = ledger_commit(ledger, err);
		if (r)
			return r;
	}
	return 0;
}
