#include "ledger/ledger-schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "ledger/chain-hash.h"
#include "ledger/ledger-db.h"
#include "ledger/ledger-isolate.h"
#include "ledger/ledger-notice.h"

#define U32 "BETWEEN 0 AND 4294967295"

/* What was promised about instances is looked at by place, about leases by id and by whom. */
static const char first_step[] =
	"CREATE TABLE gpu("
	"  uuid TEXT NOT NULL PRIMARY KEY,"
	"  gpu_index INTEGER NOT NULL CHECK(gpu_index " U32 "),"
	"  board TEXT, name TEXT, pci TEXT, serial TEXT,"
	"  first_seen_s INTEGER NOT NULL,"
	"  last_seen_s INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE instance("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  gpu TEXT NOT NULL REFERENCES gpu(uuid),"
	"  profile_id INTEGER NOT NULL CHECK(profile_id " U32 "),"
	"  profile TEXT,"
	"  start INTEGER NOT NULL CHECK(start " U32 "),"
	"  size INTEGER NOT NULL CHECK(size " U32 "),"
	"  slices INTEGER NOT NULL CHECK(slices " U32 "),"
	"  gi INTEGER CHECK(gi " U32 "),"
	"  ci INTEGER CHECK(ci " U32 "),"
	"  mig_uuid TEXT,"
	"  adopted INTEGER NOT NULL CHECK(adopted IN (0, 1)),"
	"  state TEXT NOT NULL CHECK(state IN ('creating', 'present', 'destroying', 'gone')),"
	"  created_s INTEGER NOT NULL,"
	"  gone_s INTEGER,"
	"  why TEXT"
	") STRICT;"
	/* Two live promises of one place would be one too many. */
	"CREATE UNIQUE INDEX instance_place ON instance(gpu, profile_id, start, ifnull(ci, -1))"
	"  WHERE state <> 'gone';"
	"CREATE INDEX instance_live ON instance(id) WHERE state <> 'gone';"

	"CREATE TABLE lease("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  uid INTEGER NOT NULL CHECK(uid " U32 "),"
	"  user TEXT NOT NULL, team TEXT NOT NULL, class TEXT NOT NULL,"
	"  reason TEXT,"
	"  state TEXT NOT NULL"
	"    CHECK(state IN ('queued', 'granting', 'active', 'ending', 'ended')),"
	"  instance INTEGER REFERENCES instance(id),"
	"  requested_s INTEGER NOT NULL,"
	"  time_s INTEGER NOT NULL CHECK(time_s >= 0),"
	"  granted_s INTEGER, ends_s INTEGER, ended_s INTEGER,"
	"  pid INTEGER CHECK(pid > 0),"
	"  pid_start INTEGER CHECK((pid_start IS NULL) = (pid IS NULL) AND pid_start >= 0),"
	"  pid_holds INTEGER NOT NULL CHECK(pid_holds IN (0, 1)),"
	"  exit_status INTEGER CHECK(exit_status BETWEEN -2147483648 AND 2147483647),"
	"  rule TEXT,"
	"  why_ended TEXT"
	") STRICT;"
	"CREATE INDEX lease_live ON lease(id) WHERE state <> 'ended';"
	"CREATE INDEX lease_uid ON lease(uid, id);"
	"CREATE INDEX lease_user ON lease(user, id);"
	"CREATE INDEX lease_team ON lease(team, id);"
	"CREATE INDEX lease_class ON lease(class, id);"
	"CREATE INDEX lease_ended ON lease(ended_s);"
	"CREATE INDEX lease_instance ON lease(instance);"

	/* Readable on its own: it names things by text and keeps what their rows no longer say. */
	"CREATE TABLE event("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT CHECK(id > 0),"
	"  time_s INTEGER NOT NULL,"
	"  kind TEXT NOT NULL,"
	"  uid INTEGER CHECK(uid " U32 "),"
	"  user TEXT, team TEXT, class TEXT,"
	"  lease INTEGER REFERENCES lease(id),"
	"  gpu TEXT, profile TEXT,"
	"  start INTEGER CHECK(start " U32 "),"
	"  mig_uuid TEXT, actor TEXT, rule TEXT, text TEXT"
	") STRICT;"
	"CREATE INDEX event_time ON event(time_s);"
	"CREATE INDEX event_user ON event(user, id);"
	"CREATE INDEX event_gpu ON event(gpu, id);"
	"CREATE INDEX event_lease ON event(lease, id);"
	"CREATE TRIGGER event_no_update BEFORE UPDATE ON event"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;"
	"CREATE TRIGGER event_no_delete BEFORE DELETE ON event"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;"
	/* INSERT OR REPLACE deletes without asking the trigger for deletion. */
	"CREATE TRIGGER event_no_replace BEFORE INSERT ON event"
	"  WHEN EXISTS(SELECT 1 FROM event WHERE id = NEW.id)"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;"

	"CREATE TABLE probe(filler TEXT NOT NULL) STRICT;";

/* A hash for every event, and what may be removed: what a cut gave up, and nothing else. */
static const char chain_step[] =
	"CREATE TABLE chain("
	"  event INTEGER PRIMARY KEY,"
	"  hash TEXT NOT NULL CHECK(length(hash) = 64)"
	") STRICT;"
	"CREATE TABLE cut("
	"  upto INTEGER PRIMARY KEY,"
	"  hash TEXT NOT NULL,"
	"  event INTEGER NOT NULL CHECK(event > upto)"
	") STRICT;"
	"SELECT chain_fill();"
	"DROP TRIGGER event_no_delete;"
	"CREATE TRIGGER event_no_delete BEFORE DELETE ON event"
	"  WHEN OLD.id > (SELECT ifnull(max(upto), 0) FROM cut)"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;"
	"CREATE TRIGGER chain_no_delete BEFORE DELETE ON chain"
	"  WHEN OLD.event > (SELECT ifnull(max(upto), 0) FROM cut)"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;"
	"CREATE TRIGGER chain_no_update BEFORE UPDATE ON chain"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;"
	"CREATE TRIGGER chain_no_replace BEFORE INSERT ON chain"
	"  WHEN EXISTS(SELECT 1 FROM chain WHERE event = NEW.event)"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;"
	"CREATE TRIGGER cut_is_told BEFORE INSERT ON cut"
	"  WHEN NOT EXISTS(SELECT 1 FROM chain WHERE event = NEW.upto AND hash = NEW.hash)"
	"    OR NOT EXISTS(SELECT 1 FROM event WHERE id = NEW.event AND kind = 'cut')"
	"    OR EXISTS(SELECT 1 FROM cut WHERE upto >= NEW.upto)"
	"  BEGIN SELECT raise(ABORT, 'a cut is told by an event'); END;"
	"CREATE TRIGGER cut_no_update BEFORE UPDATE ON cut"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;"
	"CREATE TRIGGER cut_no_delete BEFORE DELETE ON cut"
	"  BEGIN SELECT raise(ABORT, 'events are append-only'); END;";

/* A lease that is moved to make room has, until then, two instances. */
static const char moves_step[] =
	"ALTER TABLE instance ADD COLUMN mover INTEGER REFERENCES lease(id);";

/* What a lease was asked for with, who approved it, and how its life went on. */
static const char grants_step[] =
	"ALTER TABLE lease ADD COLUMN fields TEXT;"
	"ALTER TABLE lease ADD COLUMN approval TEXT NOT NULL DEFAULT 'none'"
	"  CHECK(approval IN ('none', 'waiting', 'approved', 'denied', 'unanswered')"
	"    AND (approval <> 'waiting' OR state = 'queued'));"
	"ALTER TABLE lease ADD COLUMN approver TEXT;"
	"ALTER TABLE lease ADD COLUMN approval_reason TEXT;"
	"ALTER TABLE lease ADD COLUMN answered_s INTEGER;"
	"ALTER TABLE lease ADD COLUMN warned_s INTEGER;"
	"ALTER TABLE lease ADD COLUMN together INTEGER;"
	"ALTER TABLE lease ADD COLUMN renewals INTEGER NOT NULL DEFAULT 0 CHECK(renewals " U32 ");"

	"CREATE TABLE reservation("
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
	"  name TEXT NOT NULL, team TEXT NOT NULL, class TEXT NOT NULL,"
	"  instances INTEGER NOT NULL CHECK(instances BETWEEN 1 AND 4294967295),"
	"  days INTEGER NOT NULL CHECK(days BETWEEN 0 AND 127)," /* bit 0: Sunday; 0: once */
	"  begins_s INTEGER NOT NULL, ends_s INTEGER NOT NULL CHECK(ends_s > begins_s),"
	"  until_s INTEGER,"
	"  maker TEXT NOT NULL, reason TEXT, made_s INTEGER NOT NULL, gone_s INTEGER"
	") STRICT;"
	"CREATE INDEX reservation_live ON reservation(id) WHERE gone_s IS NULL;";

static const char *const steps[] = {
	first_step, chain_step, moves_step, grants_step, ledger_change_step_sql, ledger_drain_step_sql,
	ledger_isolate_step, ledger_notice_step,
	ledger_reclaim_step_sql,
};

const struct ledger_schema ledger_schema = {steps, ARRAY_SIZE(steps)};

static int get_number(sqlite3 *db, const char *path, const char *sql, int *ret, struct err *err)
{
	sqlite3_stmt *stmt = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return code == SQLITE_ROW ? 0 : ledger_db_fail(db, path, "cannot be read", err);
}

static int run(sqlite3 *db, const char *path, const char *sql, struct err *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK
		       ? 0
		       : ledger_db_fail(db, path, "cannot be brought up to date", err);
}

/* VACUUM INTO takes an empty file that is there already, which has our mode. */
static int copy_aside(sqlite3 *db, const char *path, int version, struct err *err)
{
	cleanup(close) int fd = -1;
	char copy[PATH_MAX], *sql;
	int r;

	if (snprintf(copy, sizeof(copy), "%s.v%d", path, version) >= (int)sizeof(copy))
		return fail(err, ERR_INVALID, "path '%.60s...' is too long", path);
	unlink(copy);
	fd = open(copy, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(err, file_err_code(errno), "cannot create '%s': %s", copy,
			    strerror(errno));
	sql = sqlite3_mprintf("VACUUM INTO %Q", copy);
	if (!sql)
		return fail(err, ERR_NOMEM, "no memory to copy '%s'", path);
	r = run(db, path, sql, err);
	sqlite3_free(sql);
	if (r)
		unlink(copy);
	else if (fsync(fd))
		r = fail(err, file_err_code(errno), "cannot write '%s': %s", copy, strerror(errno));
	return r;
}

static int add_steps(sqlite3 *db, const char *path, const struct ledger_schema *schema, int from,
		     struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	int r;

	text_add(&text, "BEGIN IMMEDIATE;");
	for (int i = from; i < schema->n; i++)
		text_addf(&text, "%s;", schema->steps[i]);
	text_addf(&text, "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT;",
		  LEDGER_APPLICATION_ID, schema->n);
	if (text_failed(&text))
		return fail(err, ERR_NOMEM, "no memory to bring '%s' up to date", path);
	r = run(db, path, text_str(&text), err);
	if (r)
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}

int ledger_schema_check(sqlite3 *db, const char *path, const struct ledger_schema *schema,
			struct err *err)
{
	int version, application, tables;

	if (get_number(db, path, "PRAGMA user_version", &version, err) ||
	    get_number(db, path, "PRAGMA application_id", &application, err) ||
	    get_number(db, path, "SELECT count(*) FROM sqlite_schema", &tables, err))
		return -(int)err->code;
	if (tables && (application != LEDGER_APPLICATION_ID || version < 1)) {
		fail(err, ERR_INVALID, "'%s' is a database, but not a ledger of carve", path);
		return fail_hint(err, "name another file; this one was not changed");
	}
	if (version <= schema->n)
		return 0;
	fail(err, ERR_INVALID,
	     "ledger '%s' was written by a newer carve (schema %d, this one knows %d)", path,
	     version, schema->n);
	return fail_hint(err,
			 "install the newer carve again, or put back the copy it left beside "
			 "the file ('%s.v%d')",
			 path, schema->n);
}

int ledger_schema_is_newest(sqlite3 *db, const char *path, const struct ledger_schema *schema,
			    struct err *err)
{
	int version, r = get_number(db, path, "PRAGMA user_version", &version, err);

	if (r || version == schema->n)
		return r;
	fail(err, ERR_INVALID, "ledger '%s' was written by an older carve (schema %d, not %d)",
	     path, version, schema->n);
	return fail_hint(err, "carved brings it up to date when it starts");
}

int ledger_schema_upgrade(sqlite3 *db, const char *path, const struct ledger_schema *schema,
			  struct err *err)
{
	int version, r;

	r = get_number(db, path, "PRAGMA user_version", &version, err);
	if (r || version == schema->n)
		return r;
	if (version && strcmp(path, ":memory:") != 0)
		r = copy_aside(db, path, version, err);
	if (!r && chain_register(db) != SQLITE_OK)
		r = ledger_db_fail(db, path, "cannot be brought up to date", err);
	return r ? r : add_steps(db, path, schema, version, err);
}
