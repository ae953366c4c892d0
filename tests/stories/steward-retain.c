/* A quarter of a year of leases, of which a month is kept; the chain stays whole all the time. */
#include "steward-host.h"

#include <sqlite3.h>

#include "ledger/ledger-chain.h"
#include "ledger/ledger-db.h"

#define DAY 86400

static const char *library;

static const char policy[] = "version: 1\nname: retain\nclasses:\n"
			     "  small: {profiles: 1g, time: 1h}\n"
			     "teams:\n  everyone: {per_user: {instances: 1}}\n"
			     "retention: {events: 30d, leases: 30d}\n";

static int64_t number(struct host *host, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(host->ledger->db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static void verify(struct host *host)
{
	struct ledger_verdict verdict;
	struct err err = ERR_INIT;

	if (ledger_verify(host->ledger, NULL, 0, &verdict, &err))
		fail_msg("%s", err.text);
}

static void live_a_day(struct host *host)
{
	int64_t lease = host_ask(host, "ann", &(struct host_ask){.class_ = "small"});

	assert_true(lease > 0);
	host_settle(host);
	assert_int_equal(host_state(host, lease), LEASE_ACTIVE);
	assert_int_equal(host_ask(host, "ann", &(struct host_ask){.class_ = "small"}), 0);
	host->now_s += DAY / 2;
	host_settle(host);
	assert_int_equal(host_state(host, lease), LEASE_ENDED);
	host->now_s += DAY / 2;
	host_settle(host);
}

static void test_a_month_is_kept(void **state)
{
	static const char *const boards_[] = {"a30-24gb"};
	struct host host;
	int64_t events;
	struct err err = ERR_INIT;

	(void)state;
	host_init(&host, library, boards_, 1);
	host_reset(&host, policy);
	host_up(&host);
	host_settle(&host);
	for (int day = 0; day < 29; day++)
		live_a_day(&host);
	assert_int_equal(number(&host, "SELECT count(*) FROM cut"), 0);
	assert_int_equal(number(&host, "SELECT count(*) FROM lease"), 29);
	events = number(&host, "SELECT count(*) FROM event");
	for (int day = 29; day < 90; day++) {
		live_a_day(&host);
		verify(&host);
		if (day == 60) { /* killed in the middle of it */
			host_down(&host);
			host_up(&host);
			host_settle(&host);
		}
	}
	assert_true(number(&host, "SELECT count(*) FROM cut") > 50);
	assert_int_equal(number(&host, "SELECT max(id) FROM lease"), 90);
	assert_in_range(number(&host, "SELECT count(*) FROM lease"), 29, 33);
	assert_in_range(number(&host, "SELECT count(*) FROM instance"), 29, 33);
	assert_true(number(&host, "SELECT count(*) FROM event") < events * 13 / 10);
	assert_int_equal(number(&host, "SELECT count(*) FROM event"),
			 number(&host, "SELECT count(*) FROM chain"));
	if (host_check_written(&host, &err))
		fail_msg("%s", err.text);
	host_done(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_month_is_kept)};

	assert_true(argc > 1);
	library = argv[1];
	return tap_run(tests);
}
