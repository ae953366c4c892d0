/* The file: who may open it, what it may hold, what a full disk does to it. */
#include "ledger-test.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/array.h"
#include "base/file.h"
#include "ledger/ledger-schema.h"

static void test_made_private(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	char deep[160], folder[128];
	struct place place;
	struct stat st;

	(void)state;
	place_init(&place);
	snprintf(folder, sizeof(folder), "%s/sub", place.folder);
	snprintf(deep, sizeof(deep), "%s/ledger.db", folder);
	assert_works(ledger_open(deep, &ledger, &err));
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	strcat(deep, "-wal");
	assert_int_equal(stat(deep, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);

	ledger_close(steal(ledger));
	deep[strlen(deep) - 4] = '\0';
	unlink(deep);
	strcat(deep, ".lock");
	unlink(deep);
	rmdir(folder);
	place_done(&place);
}

static void test_one_daemon_only(void **state)
{
	cleanup(ledger_close) struct ledger *first = NULL;
	cleanup(ledger_close) struct ledger *second = NULL;
	struct err err = ERR_INIT;
	struct place place;

	(void)state;
	place_init(&place);
	first = open_sample(place.path);
	assert_fails(ledger_open(place.path, &second, &err), ERR_BUSY, "another carved");
	assert_works(ledger_probe(first, &err));
	ledger_close(steal(first));
	assert_works(ledger_open(place.path, &second, &err));
	ledger_close(steal(second));
	place_done(&place);
}

/* Whoever may write to the folder cannot aim the ledger, or its lock, at another file. */
static void test_no_links(void **state)
{
	static const char *const ends[] = {"", ".lock"};
	struct place place;
	char victim[160], link[160];
	struct stat st;

	(void)state;
	place_init(&place);
	snprintf(victim, sizeof(victim), "%s/victim", place.folder);
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		cleanup(ledger_close) struct ledger *ledger = NULL;
		struct err err = ERR_INIT;

		snprintf(link, sizeof(link), "%s%s", place.path, ends[i]);
		unlink(link);
		assert_int_equal(symlink(victim, link), 0);
		assert_fails(ledger_open(place.path, &ledger, &err), ERR_DENIED, "symbolic link");
		assert_int_equal(lstat(victim, &st), -1);
		unlink(link);
	}
	place_done(&place);
}

/* A ledger that is moved away or replaced under us gets no more promises. */
static void test_replaced(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = NULL, *other = NULL;
	struct err err = ERR_INIT;
	struct place place;
	char aside[160];

	(void)state;
	place_init(&place);
	ledger = open_sample(place.path);
	snprintf(aside, sizeof(aside), "%s.aside", place.path);
	assert_int_equal(rename(place.path, aside), 0);
	assert_fails(ledger_begin(ledger, &err), ERR_IO, "replaced or removed");
	assert_int_equal(file_write_atomic(place.path, "", 0, 0600, &err), 0);
	assert_fails(ledger_begin(ledger, &err), ERR_IO, "replaced or removed");
	assert_int_equal(rename(aside, place.path), 0);
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_commit(ledger, &err));
	ledger_close(steal(ledger));
	place_done(&place);
}

/* ---- what is no ledger ---- */

static void put(const char *path, const char *bytes, size_t len)
{
	struct err err = ERR_INIT;

	assert_works(file_write_atomic(path, bytes, len, 0600, &err));
}

static void sql(const char *path, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void make_garbage(const char *path)
{
	char bytes[8192];

	memset(bytes, 'x', sizeof(bytes));
	put(path, bytes, sizeof(bytes));
}

static void make_foreign(const char *path)
{
	sql(path, "CREATE TABLE t(a); INSERT INTO t VALUES(1)");
}

static void make_newer(const char *path)
{
	ledger_close(open_sample(path));
	sql(path, "PRAGMA user_version = 99");
}

static void make_damaged(const char *path)
{
	char noise[3000];
	int fd;

	ledger_close(open_sample(path));
	memset(noise, 0xa5, sizeof(noise));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, noise, sizeof(noise), 3 * 4096), sizeof(noise));
	close(fd);
}

static void test_refused_files(void **state)
{
	static const struct {
		void (*make)(const char *path);
		const char *words, *hint;
	} cases[] = {
		{make_garbage, "not a database", "put a copy back"},
		{make_foreign, "not a ledger", "was not changed"},
		{make_newer, "newer carve (schema 99, this one knows", "install the newer"},
		{make_damaged, "is damaged", ".recover"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(ledger_close) struct ledger *ledger = NULL;
		cleanup(free) char *before = NULL;
		cleanup(free) char *after = NULL;
		struct err err = ERR_INIT;
		size_t len_before, len_after;
		struct place place;

		place_init(&place);
		cases[i].make(place.path);
		assert_works(file_read(place.path, 1 << 20, &before, &len_before, &err));
		assert_fails(ledger_open(place.path, &ledger, &err), ERR_INVALID, cases[i].words);
		assert_non_null(strstr(err.text, place.path));
		assert_non_null(strstr(err.hint, cases[i].hint));
		assert_works(file_read(place.path, 1 << 20, &after, &len_after, &err));
		assert_int_equal(len_before, len_after);
		assert_memory_equal(before, after, len_after);
		place_done(&place);
	}
}

/* ---- older schemas ---- */

static sqlite3 *open_raw(const char *path)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static int number(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int n;

	assert_int_equal(sqlite3_prepare_v2(db, text, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static int upgrade(sqlite3 *db, const char *path, const char *const *steps, int n, struct err *err)
{
	const struct ledger_schema schema = {steps, n};
	int r = ledger_schema_check(db, path, &schema, err);

	return r ? r : ledger_schema_upgrade(db, path, &schema, err);
}

#define MOST_STEPS 32

/* Two further steps, the second of which cannot work. */
static int add_steps(const char **steps)
{
	int n = ledger_schema.n;

	assert_true(n + 2 <= MOST_STEPS);
	memcpy(steps, ledger_schema.steps, (size_t)n * sizeof(*steps));
	steps[n] = "ALTER TABLE lease ADD COLUMN further TEXT;"
		   "UPDATE lease SET further = 'none'";
	steps[n + 1] = "CREATE TABLE more(a); CREATE TABLE more(a)";
	return n;
}

static void test_migration(void **state)
{
	const char *steps[MOST_STEPS];
	int now = add_steps(steps);
	struct ledger_lease lease = sample_lease();
	struct err err = ERR_INIT;
	struct ledger *ledger;
	struct place place;
	char copy[128];
	struct stat st;
	sqlite3 *db;

	(void)state;
	place_init(&place);
	snprintf(copy, sizeof(copy), "%s.v%d", place.path, now);
	ledger = open_sample(place.path);
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_lease_add(ledger, &lease, &err));
	assert_works(ledger_commit(ledger, &err));
	ledger_close(ledger);

	/* A step that fails: the file stays as it was, all steps of the run undone. */
	db = open_raw(place.path);
	assert_fails(upgrade(db, place.path, steps, now + 2, &err), ERR_INTERNAL,
		     "brought up to date");
	assert_int_equal(number(db, "PRAGMA user_version"), now);
	assert_int_equal(number(db, "SELECT count(*) FROM pragma_table_info('lease') "
				    "WHERE name = 'further'"),
			 0);

	assert_works(upgrade(db, place.path, steps, now + 1, &err));
	assert_int_equal(number(db, "PRAGMA user_version"), now + 1);
	assert_int_equal(number(db, "SELECT count(*) FROM lease WHERE further = 'none'"), 1);
	assert_fails(upgrade(db, place.path, steps, now, &err), ERR_INVALID, "newer carve");
	sqlite3_close(db);

	/* The copy is what was there, and private. */
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	db = open_raw(copy);
	assert_int_equal(number(db, "PRAGMA user_version"), now);
	assert_int_equal(number(db, "SELECT count(*) FROM lease"), 1);
	sqlite3_close(db);
	unlink(copy);
	place_done(&place);
}

static void count_instance(const struct ledger_instance *instance, void *arg)
{
	assert_false(instance->laid);
	assert_string_equal(instance->profile, "2g.20gb");
	++*(size_t *)arg;
}

/* An instance of the first schema is there in the present one. */
static void test_first_instance(void **state)
{
	const struct ledger_schema first = {ledger_schema.steps, 1};
	struct err err = ERR_INIT;
	struct ledger *ledger;
	struct place place;
	size_t n = 0;
	sqlite3 *db;

	(void)state;
	place_init(&place);
	db = open_raw(place.path);
	assert_works(ledger_schema_upgrade(db, place.path, &first, &err));
	sqlite3_close(db);
	sql(place.path, "INSERT INTO gpu VALUES('GPU-1', 0, NULL, NULL, NULL, NULL, 1, 1);"
			"INSERT INTO instance VALUES(1, 'GPU-1', 14, '2g.20gb', 4, 2, 2, 5, 0, 'MIG-1',"
			" 0, 'present', 1, NULL, NULL)");
	assert_works(ledger_open(place.path, &ledger, &err));
	assert_works(ledger_instances(ledger, count_instance, &n, &err));
	assert_int_equal(n, 1);
	ledger_close(ledger);
	place_done(&place);
}

static void take_lease(const struct ledger_lease *lease, const struct ledger_instance *instance,
		       void *arg)
{
	assert_null(instance);
	memcpy(arg, lease, sizeof(*lease));
}

/* A ledger of the first schema is taken up with its leases, and those can be written. */
static void test_first_schema(void **state)
{
	struct ledger_lease lease = {0};
	struct err err = ERR_INIT;
	struct ledger *ledger;
	struct place place;
	sqlite3 *db;

	(void)state;
	place_init(&place);
	db = open_raw(place.path);
	assert_works(upgrade(db, place.path, ledger_schema.steps, 1, &err));
	assert_int_equal(sqlite3_exec(db,
				      "INSERT INTO lease(uid, user, team, class, state, "
				      "requested_s, time_s, pid_holds) "
				      "VALUES(1, 'ann', 't', 'c', 'queued', 1, 2, 0)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_works(ledger_open(place.path, &ledger, &err));
	assert_works(ledger_leases(ledger, &LEASE_FILTER_ALL, take_lease, &lease, &err));
	assert_int_equal(lease.state, LEASE_QUEUED);
	assert_int_equal(lease.approval, APPROVAL_NONE);
	assert_int_equal(lease.renewals, 0);
	lease.state = LEASE_REQUESTED;
	lease.approval = APPROVAL_WAITING;
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_lease_update(ledger, &lease, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_leases(ledger, &LEASE_FILTER_ALL, take_lease, &lease, &err));
	assert_int_equal(lease.state, LEASE_REQUESTED);
	ledger_close(ledger);
	place_done(&place);
}

/* ---- full disks ---- */

static void count(const struct ledger_event *event, void *arg)
{
	(void)event;
	++*(int *)arg;
}

static int count_events(struct ledger *ledger)
{
	struct err err = ERR_INIT;
	int n = 0;

	assert_works(ledger_events(ledger, &EVENT_FILTER_ALL, count, &n, &err));
	return n;
}

/* Ten events at once; all or none. */
static int write_ten(struct ledger *ledger, struct err *err)
{
	char text[800];
	const struct ledger_event event = {.kind = "k", .text = text};
	int r = ledger_begin(ledger, err);

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 10 && !r; i++)
		r = ledger_event_add(ledger, &event, err);
	if (!r)
		return ledger_commit(ledger, err);
	ledger_rollback(ledger);
	return r;
}

static void check_full(struct ledger *ledger, void (*relieve)(void *arg), void *arg)
{
	struct err err = ERR_INIT;
	int written = 0;

	while (written < 10000 && !write_ten(ledger, &err))
		written += 10;
	assert_int_equal(err.code, ERR_DISK_FULL);
	assert_non_null(strstr(err.hint, "free some space"));
	assert_true(written > 0);
	assert_int_equal(count_events(ledger), written);
	assert_int_equal(write_ten(ledger, &err), -ERR_DISK_FULL);
	assert_int_equal(count_events(ledger), written);

	relieve(arg);
	assert_works(ledger_probe(ledger, &err));
	assert_works(write_ten(ledger, &err));
	assert_int_equal(count_events(ledger), written + 10);
}

static void lift_limit(void *arg)
{
	assert_int_equal(setrlimit(RLIMIT_FSIZE, arg), 0);
}

static void test_file_size_limit(void **state)
{
	struct rlimit old, small;
	struct ledger *ledger;
	struct place place;

	(void)state;
	place_init(&place);
	ledger = open_sample(place.path);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = (struct rlimit){512 * 1024, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	check_full(ledger, lift_limit, &old);
	ledger_close(ledger);
	place_done(&place);
}

static void remove_ballast(void *arg)
{
	assert_int_equal(unlink(arg), 0);
}

static void test_full_disk(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = NULL;
	cleanup(ledger_close) struct ledger *again = NULL;
	char ballast[128], bytes[256 * 1024] = "";
	struct err err = ERR_INIT;
	struct place place;

	(void)state;
	place_init(&place);
	if (mount("tmpfs", place.folder, "tmpfs", 0, "size=1m,mode=700")) {
		rmdir(place.folder);
		print_message("# no tmpfs of our own here (not root?)\n");
		skip();
	}
	snprintf(ballast, sizeof(ballast), "%s/ballast", place.folder);
	put(ballast, bytes, sizeof(bytes));
	ledger = open_sample(place.path);
	check_full(ledger, remove_ballast, ballast);
	while (!write_ten(ledger, &err))
		;
	assert_fails(ledger_probe(ledger, &err), ERR_DISK_FULL, place.path);

	/* A daemon that starts on a full disk can still read. */
	ledger_close(steal(ledger));
	assert_works(ledger_open(place.path, &again, &err));
	assert_true(count_events(again) > 0);
	ledger_close(steal(again));
	assert_int_equal(umount(place.folder), 0);
	place_done(&place);
}

static void test_log_stays_small(void **state)
{
	struct err err = ERR_INIT;
	struct ledger *ledger;
	struct place place;
	char wal[128];
	struct stat st;

	(void)state;
	place_init(&place);
	ledger = open_sample(place.path);
	for (int i = 0; i < 600; i++)
		assert_works(write_ten(ledger, &err));
	snprintf(wal, sizeof(wal), "%s-wal", place.path);
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size < 6 << 20);
	assert_int_equal(stat(place.path, &st), 0);
	assert_true(st.st_size > 4 << 20); /* and so much was written */
	ledger_close(ledger);
	place_done(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_private),	cmocka_unit_test(test_one_daemon_only),
		cmocka_unit_test(test_no_links),	cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_refused_files),	cmocka_unit_test(test_migration),
		cmocka_unit_test(test_first_schema), cmocka_unit_test(test_first_instance),
		cmocka_unit_test(test_file_size_limit), cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_log_stays_small),
	};

	return tap_run(tests);
}
