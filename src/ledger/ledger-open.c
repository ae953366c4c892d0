#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "ledger/ledger-db.h"
#include "ledger/ledger-schema.h"

#define CHECK_LIMIT_NS	  (2 * INT64_C(1000000000))
#define CHECK_EVERY_STEPS 20000
#define BUSY_MS		  1000
#define LONGEST_VALUE	  (1 << 20)

static bool in_memory(const char *path)
{
	return !strcmp(path, ":memory:");
}

/*
 * The file and its lock, each made with our mode before SQLite would make it with the
 * umask's. Not through a link: whoever may write to the folder could aim it at any file.
 */
static int make_file(const char *path, int *ret_fd, struct err *err)
{
	cleanup(close) int fd =
		open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 && errno == ELOOP)
		return fail(err, ERR_DENIED, "'%s' is a symbolic link; name the file itself", path);
	if (fd < 0 || fstat(fd, &st))
		return fail(err, file_err_code(errno), "cannot open '%s': %s", path,
			    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(err, ERR_INVALID, "'%s' is not a regular file", path);
	*ret_fd = steal_fd(&fd);
	return 0;
}

static int make_folder_of(const char *path, struct err *err)
{
	char copy[PATH_MAX];

	if (!*path || snprintf(copy, sizeof(copy), "%s", path) >= (int)sizeof(copy))
		return fail(err, ERR_INVALID, "path '%.60s' is empty or too long", path);
	return file_mkdirs(dirname(copy), 0700, err);
}

/*
 * A lock file of its own: SQLite's locks belong to the process and are lost
 * when any descriptor of the database is closed, and they would keep out those
 * who only want to read.
 */
static int lock_file(const char *path, int *ret_fd, struct err *err)
{
	cleanup(close) int fd = -1;
	char lock[PATH_MAX];

	if (snprintf(lock, sizeof(lock), "%s.lock", path) >= (int)sizeof(lock))
		return fail(err, ERR_INVALID, "path '%.60s...' is too long", path);
	if (make_file(lock, &fd, err))
		return -(int)err->code;
	if (!flock(fd, LOCK_EX | LOCK_NB)) {
		*ret_fd = steal_fd(&fd);
		return 0;
	}
	if (errno != EWOULDBLOCK)
		return fail(err, ERR_IO, "cannot lock '%s': %s", lock, strerror(errno));
	fail(err, ERR_BUSY, "ledger '%s' is in use by another carved", path);
	return fail_hint(err, "'fuser %s' tells which", lock);
}

static int prepare_files(struct ledger *ledger, struct err *err)
{
	cleanup(close) int fd = -1;
	struct stat st;

	if (in_memory(ledger->path))
		return 0;
	if (make_folder_of(ledger->path, err) || lock_file(ledger->path, &ledger->lock_fd, err) ||
	    make_file(ledger->path, &fd, err))
		return -(int)err->code;
	if (fstat(fd, &st))
		return fail(err, ERR_IO, "cannot look at '%s': %s", ledger->path, strerror(errno));
	ledger->dev = st.st_dev;
	ledger->ino = st.st_ino;
	return 0;
}

static int open_database(struct ledger *ledger, int flags, struct err *err)
{
	int code = sqlite3_open_v2(ledger->path, &ledger->db, flags | SQLITE_OPEN_EXRESCODE, NULL);

	if (!ledger->db)
		return fail(err, ERR_NOMEM, "no memory for ledger '%s'", ledger->path);
	if (code != SQLITE_OK)
		return ledger_fail(ledger, "cannot be opened", err);
	if ((flags & SQLITE_OPEN_READWRITE) && sqlite3_db_readonly(ledger->db, "main"))
		return fail(err, ERR_DENIED, "ledger '%s' cannot be written: no permission",
			    ledger->path);
	sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(ledger->db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_limit(ledger->db, SQLITE_LIMIT_LENGTH, LONGEST_VALUE);
	sqlite3_busy_timeout(ledger->db, BUSY_MS);
	return 0;
}

static int set_up(struct ledger *ledger, struct err *err)
{
	static const char pragmas[] = "PRAGMA journal_mode = WAL;"
				      "PRAGMA synchronous = FULL;"
				      "PRAGMA foreign_keys = ON;"
				      "PRAGMA wal_autocheckpoint = 500;"
				      "PRAGMA journal_size_limit = 4194304;"
				      "PRAGMA cache_size = -1024;"
				      "PRAGMA temp_store = MEMORY;";

	if (sqlite3_exec(ledger->db, pragmas, NULL, NULL, NULL) != SQLITE_OK)
		return ledger_fail(ledger, "cannot be opened", err);
	return 0;
}

static int past_limit(void *arg)
{
	return clock_monotonic_ns() > *(const int64_t *)arg;
}

/* As far as two seconds go: a large ledger must not hold up the start. */
static int check_content(struct ledger *ledger, struct err *err)
{
	int64_t until_ns = clock_monotonic_ns() + CHECK_LIMIT_NS;
	char found[200] = "";
	sqlite3_stmt *stmt = NULL;
	int code;

	sqlite3_progress_handler(ledger->db, CHECK_EVERY_STEPS, past_limit, &until_ns);
	code = sqlite3_prepare_v2(ledger->db, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		snprintf(found, sizeof(found), "%s", sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	sqlite3_progress_handler(ledger->db, 0, NULL, NULL);
	if (code == SQLITE_INTERRUPT || !strcmp(found, "ok"))
		return 0;
	if (code != SQLITE_ROW)
		return ledger_fail(ledger, "cannot be read", err);
	fail(err, ERR_INVALID, "ledger '%s' is damaged: %s", ledger->path, found);
	return fail_hint(err, "move it with its -wal file away and put a copy back; "
			      "'sqlite3 FILE .recover' saves what can be read");
}

static struct ledger *ledger_new(const char *path, struct err *err)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger) {
		ledger->lock_fd = -1;
		ledger->path = strdup(path);
	}
	if (ledger && ledger->path)
		return ledger;
	free(ledger);
	fail(err, ERR_NOMEM, "no memory for a ledger");
	return NULL;
}

int ledger_open(const char *path, struct ledger **ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = ledger_new(path, err);
	int r;

	if (!ledger)
		return -(int)err->code;
	r = prepare_files(ledger, err);
	if (!r)
		r = open_database(ledger, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
	if (!r)
		r = ledger_schema_check(ledger->db, path, &ledger_schema, err);
	if (!r)
		r = set_up(ledger, err);
	if (!r)
		r = check_content(ledger, err);
	if (!r)
		r = ledger_schema_upgrade(ledger->db, path, &ledger_schema, err);
	if (!r)
		*ret = steal(ledger);
	return r;
}

int ledger_open_reader(const char *path, struct ledger **ret, struct err *err)
{
	cleanup(ledger_close) struct ledger *ledger = ledger_new(path, err);
	int r;

	if (!ledger)
		return -(int)err->code;
	if (access(path, R_OK))
		return fail(err, file_err_code(errno), "cannot open '%s': %s", path,
			    strerror(errno));
	r = open_database(ledger, SQLITE_OPEN_READONLY, err);
	r = r ? r : ledger_schema_check(ledger->db, path, &ledger_schema, err);
	r = r ? r : ledger_schema_is_newest(ledger->db, path, &ledger_schema, err);
	if (!r)
		*ret = steal(ledger);
	return r;
}

void ledger_close(struct ledger *ledger)
{
	if (!ledger)
		return;
	ledger_forget_statements(ledger);
	sqlite3_close_v2(ledger->db);
	if (ledger->lock_fd >= 0)
		close(ledger->lock_fd);
	free(ledger->path);
	free(ledger);
}
