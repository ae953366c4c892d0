/* The chain of events: what it covers, what breaks it, what may leave it. */
#include "ledger-test.h"

#include <sqlite3.h>

#include "base/array.h"
#include "ledger/ledger-chain.h"
#include "ledger/ledger-db.h"
#include "ledger/ledger-retain.h"
#include "ledger/ledger-schema.h"

#define KNOWN_HASH "b921ed0afab64a120321cd026ccfea1ec383266060e787438cb65b1dee21d45e"

/* A lease with the events of its life: five of them, 100 s apart. */
static void write_life(struct ledger *ledger, int64_t begin_s)
{
	static const char *const kinds[] = {"requested", "created", "granted", "ending", "ended"};
	struct ledger_lease lease = {.uid = 7,
				     .user = "ann",
				     .team = "vision",
				     .class_name = "small",
				     .state = LEASE_ENDED,
				     .requested_s = begin_s,
				     .has_granted = true,
				     .granted_s = begin_s + 200,
				     .has_ended = true,
				     .ended_s = begin_s + 400};
	struct err err = ERR_INIT;

	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_lease_add(ledger, &lease, &err));
	for (int64_t i = 0; i < 5; i++) {
		const struct ledger_event event = {.time_s = begin_s + 100 * i,
						   .kind = kinds[i],
						   .has_uid = true,
						   .uid = 7,
						   .user = "ann",
						   .team = "vision",
						   .class_name = "small",
						   .has_lease = true,
						   .lease = lease.id,
						   .text = i % 2 ? "p\xc3\xa4r=1:x" : NULL};

		assert_works(ledger_event_add(ledger, &event, &err));
	}
	assert_works(ledger_commit(ledger, &err));
}

static struct ledger *open_lives(const char *path, int lives)
{
	struct ledger *ledger = open_sample(path);

	for (int i = 0; i < lives; i++)
		write_life(ledger, 1000 * (i + 1));
	return ledger;
}

static void sql(struct ledger *ledger, const char *text)
{
	char *said = NULL;

	if (sqlite3_exec(ledger->db, text, NULL, NULL, &said) != SQLITE_OK)
		fail_msg("%s: %s", text, said);
}

/* As somebody who has the file and knows SQL. */
static void free_hands(struct ledger *ledger)
{
	sql(ledger, "PRAGMA foreign_keys = OFF;"
		    "DROP TRIGGER event_no_update; DROP TRIGGER event_no_delete;"
		    "DROP TRIGGER event_no_replace; DROP TRIGGER chain_no_update;"
		    "DROP TRIGGER chain_no_delete; DROP TRIGGER chain_no_replace;"
		    "DROP TRIGGER cut_is_told; DROP TRIGGER cut_no_update;"
		    "DROP TRIGGER cut_no_delete;");
}

static void verify(struct ledger *ledger, int64_t first, int64_t last)
{
	struct ledger_verdict verdict;
	struct err err = ERR_INIT;

	assert_works(ledger_verify(ledger, NULL, 0, &verdict, &err));
	assert_int_equal(verdict.first, first);
	assert_int_equal(verdict.last, last);
}

static void test_known_hash(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_sample(":memory:");
	const struct ledger_event event = {.time_s = 77, .kind = "started", .by = "carved"};
	struct err err = ERR_INIT;
	struct ledger_head head, again;
	char text[LEDGER_HEAD_TEXT];

	(void)state;
	assert_works(ledger_head(ledger, &head, &err));
	assert_int_equal(head.id, 0);
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_event_add(ledger, &event, &err));
	assert_works(ledger_commit(ledger, &err));
	assert_works(ledger_head(ledger, &head, &err));
	/* printf '%064d\nactor=6:carved\nid=1:1\nkind=7:started\ntime_s=2:77\n' 0 | sha256sum */
	assert_string_equal(ledger_head_format(text, sizeof(text), &head),
			    "1:" KNOWN_HASH);
	assert_works(ledger_head_parse(text, &again, &err));
	assert_int_equal(again.id, 1);
	assert_string_equal(again.hash, head.hash);
}

static void test_heads_as_typed(void **state)
{
	static const char *const wrong[] = {"", "12", "12:", "12:abc", "x:" KNOWN_HASH,
					    "-1:" KNOWN_HASH, "1:" KNOWN_HASH "0",
					    "99999999999999999999:" KNOWN_HASH,
					    "1: " KNOWN_HASH};
	struct err err = ERR_INIT;
	struct ledger_head head;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_fails(ledger_head_parse(wrong[i], &head, &err), ERR_INVALID, "not a head");
}

static void test_intact(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_lives(":memory:", 3);
	struct ledger_verdict verdict;
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_verify(ledger, NULL, 0, &verdict, &err));
	assert_int_equal(verdict.first, 1);
	assert_int_equal(verdict.last, 15);
	assert_int_equal(verdict.head.id, 15);
	assert_int_equal(verdict.leases, 3);
	/* What is rolled back leaves nothing. */
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_event_add(ledger, &(struct ledger_event){.kind = "k"}, &err));
	ledger_rollback(ledger);
	verify(ledger, 1, 15);
	write_life(ledger, 9000);
	verify(ledger, 1, 20);
}

/* ---- somebody was at it ---- */

static void test_tampering(void **state)
{
	static const struct {
		const char *what, *sql, *says;
	} cases[] = {
		{"a user", "UPDATE event SET user = 'ben' WHERE id = 7", "event 7 does not fit"},
		{"the first", "UPDATE event SET time_s = 1 WHERE id = 1", "event 1 does not fit"},
		{"a text set to NULL", "UPDATE event SET text = NULL WHERE id = 12",
		 "event 12 does not fit"},
		{"a NULL set", "UPDATE event SET rule = '' WHERE id = 9", "event 9 does not fit"},
		{"two fields swapped",
		 "UPDATE event SET user = class, class = user WHERE id = 6",
		 "event 6 does not fit"},
		{"removed", "DELETE FROM event WHERE id = 8", "event 8 is missing"},
		{"removed, renumbered",
		 "DELETE FROM event WHERE id = 8; UPDATE event SET id = id - 1 WHERE id > 8;",
		 "event 8 does not fit"},
		{"removed with its hash",
		 "DELETE FROM event WHERE id = 8; DELETE FROM chain WHERE event = 8",
		 "event 8 is missing"},
		{"the first gone", "DELETE FROM event WHERE id = 1; DELETE FROM chain WHERE event = 1",
		 "event 1 is missing"},
		{"the last gone", "DELETE FROM event WHERE id = 15", "event 15 is gone"},
		{"the last gone with its hash",
		 "DELETE FROM event WHERE id = 15; DELETE FROM chain WHERE event = 15",
		 "taken away from the end: there were 15"},
		{"one more", "INSERT INTO event(time_s, kind) VALUES(1, 'x')",
		 "event 16 does not fit"},
		{"one more with a made-up hash",
		 "INSERT INTO event(time_s, kind) VALUES(1, 'x');"
		 "INSERT INTO chain SELECT 16, hash FROM chain WHERE event = 15",
		 "event 16 does not fit"},
		{"a hash", "UPDATE chain SET hash = (SELECT hash FROM chain WHERE event = 3)"
			   " WHERE event = 4",
		 "event 4 does not fit"},
		{"all gone", "DELETE FROM event; DELETE FROM chain", "there were 15"},
		{"a cut that nobody told",
		 "INSERT INTO cut SELECT 5, hash, 15 FROM chain WHERE event = 5;"
		 "DELETE FROM event WHERE id <= 5; DELETE FROM chain WHERE event <= 5",
		 "no event of the chain tells why"},
		{"the lease's user", "UPDATE lease SET user = 'ben' WHERE id = 2",
		 "lease 2 does not tell the same"},
		{"the lease's end", "UPDATE lease SET ended_s = 9 WHERE id = 3",
		 "lease 3 does not tell the same as the event of its end"},
		{"the lease is gone", "DELETE FROM lease WHERE id = 2",
		 "lease 2 does not tell the same"},
		{"a lease more",
		 "INSERT INTO lease(uid, user, team, class, state, requested_s, time_s,"
		 " granted_s, pid_holds) VALUES(7, 'ann', 't', 'c', 'ended', 1, 1, 1, 0)",
		 "lease 4 was granted, and no event tells of it"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(ledger_close) struct ledger *ledger = open_lives(":memory:", 3);
		struct ledger_verdict verdict;
		struct err err = ERR_INIT;

		free_hands(ledger);
		sql(ledger, cases[i].sql);
		if (ledger_verify(ledger, NULL, 0, &verdict, &err) != -ERR_ALTERED ||
		    !strstr(err.text, cases[i].says))
			fail_msg("%s: '%s', not '%s'", cases[i].what, err.text, cases[i].says);
	}
}

/* A whole new chain over other events: only a head that was kept tells. */
static void test_kept_heads(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_lives(":memory:", 2);
	cleanup(ledger_close) struct ledger *other = open_sample(":memory:");
	struct ledger_head kept[2];
	struct ledger_verdict verdict;
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_head(ledger, &kept[0], &err));
	write_life(ledger, 5000);
	assert_works(ledger_head(ledger, &kept[1], &err));
	write_life(ledger, 6000);
	assert_works(ledger_verify(ledger, kept, 2, &verdict, &err));

	for (int i = 0; i < 4; i++)
		write_life(other, 1001 * (i + 1));
	verify(other, 1, 20);
	assert_fails(ledger_verify(other, &kept[1], 1, &verdict, &err), ERR_ALTERED,
		     "event 15 is not the one whose head was kept");

	/* The tail is gone, so that nothing inside tells of it. */
	free_hands(ledger);
	sql(ledger, "DELETE FROM event WHERE id > 12; DELETE FROM chain WHERE event > 12;"
		    "DELETE FROM lease WHERE id > 2;"
		    "UPDATE sqlite_sequence SET seq = 12 WHERE name = 'event'");
	sql(ledger, "UPDATE lease SET ended_s = NULL, granted_s = NULL, state = 'queued'"
		    " WHERE id > 2");
	assert_fails(ledger_verify(ledger, kept, 2, &verdict, &err), ERR_ALTERED,
		     "event 15, whose head was kept, is gone: the newest is 12");
}

/* ---- older ledgers ---- */

static void test_migrated(void **state)
{
	const struct ledger_schema first = {ledger_schema.steps, 1};
	cleanup(ledger_close) struct ledger *ledger = NULL;
	struct err err = ERR_INIT;
	struct place place;
	sqlite3 *db = NULL;

	(void)state;
	place_init(&place);
	assert_int_equal(sqlite3_open(place.path, &db), SQLITE_OK);
	assert_works(ledger_schema_upgrade(db, place.path, &first, &err));
	assert_int_equal(sqlite3_exec(db,
				      "INSERT INTO event(time_s, kind, actor)"
				      " VALUES(77, 'started', 'carved'), (78, 'stopped', NULL)",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	assert_fails(ledger_open_reader(place.path, &ledger, &err), ERR_INVALID, "older carve");
	assert_works(ledger_open(place.path, &ledger, &err));
	verify(ledger, 1, 2);
	write_life(ledger, 100);
	verify(ledger, 1, 7);
	ledger_close(steal(ledger));

	assert_works(ledger_open_reader(place.path, &ledger, &err));
	verify(ledger, 1, 7);
	assert_works(ledger_begin(ledger, &err));
	assert_fails(ledger_event_add(ledger, &(struct ledger_event){.kind = "k"}, &err),
		     ERR_DENIED, "readonly");
	ledger_rollback(ledger);
	ledger_close(steal(ledger));
	place_done(&place);
}

/* ---- giving up ---- */

static bool cut(struct ledger *ledger, int64_t before_s, int64_t now_s)
{
	struct err err = ERR_INIT;
	bool ret;

	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_cut(ledger, before_s, now_s, &ret, &err));
	assert_works(ledger_commit(ledger, &err));
	return ret;
}

static int64_t sweep(struct ledger *ledger, int64_t leases_before_s, int64_t most)
{
	struct err err = ERR_INIT;
	int64_t n;

	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_sweep(ledger, leases_before_s, most, &n, &err));
	assert_works(ledger_commit(ledger, &err));
	return n;
}

static void test_cut(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_lives(":memory:", 4);
	struct ledger_verdict verdict;
	struct ledger_head young;
	struct err err = ERR_INIT;

	(void)state;
	assert_works(ledger_head(ledger, &young, &err));
	assert_false(cut(ledger, 1000, 9000)); /* nothing is so old */
	assert_false(cut(ledger, 99000, 9000)); /* and nothing younger: the clock is wrong */
	assert_true(cut(ledger, 3100, 9000));  /* events 1 to 11 */
	verify(ledger, 12, 21);
	assert_false(cut(ledger, 3100, 9000));
	/* Nothing but what was given up can be removed, and only a few at a time. */
	assert_int_not_equal(sqlite3_exec(ledger->db, "DELETE FROM event WHERE id = 12", NULL,
					  NULL, NULL),
			     SQLITE_OK);
	assert_int_equal(sweep(ledger, INT64_MIN, 4), 4);
	verify(ledger, 12, 21);
	assert_int_equal(sweep(ledger, INT64_MIN, 100), 7);
	assert_int_equal(sweep(ledger, INT64_MIN, 100), 0);
	verify(ledger, 12, 21);
	/* Leases only when no event names them, and instances when no lease does. */
	assert_int_equal(sweep(ledger, 9999, 100), 2);
	verify(ledger, 12, 21);

	assert_works(ledger_verify(ledger, &young, 1, &verdict, &err));
	assert_int_equal(verdict.cut, 11);
	young.id = 3;
	assert_fails(ledger_verify(ledger, &young, 1, &verdict, &err), ERR_NOT_FOUND,
		     "was given up by a cut at 11");

	assert_true(cut(ledger, 4100, 9500));
	sweep(ledger, 9999, 100);
	verify(ledger, 17, 22);
}

static void test_cut_is_sealed(void **state)
{
	static const char *const attempts[] = {
		"UPDATE cut SET upto = 14",
		"UPDATE event SET text = replace(text, '11', '12') WHERE kind = 'cut'",
		"UPDATE cut SET hash = (SELECT hash FROM chain WHERE event = 13)",
		"DELETE FROM cut",
		"UPDATE event SET user = 'ben' WHERE id = 12",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(attempts); i++) {
		cleanup(ledger_close) struct ledger *ledger = open_lives(":memory:", 4);
		struct ledger_verdict verdict;
		struct err err = ERR_INIT;

		assert_true(cut(ledger, 3100, 9000));
		sweep(ledger, 0, 100);
		free_hands(ledger);
		sql(ledger, attempts[i]);
		if (ledger_verify(ledger, NULL, 0, &verdict, &err) != -ERR_ALTERED)
			fail_msg("%s is not noticed", attempts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_hash), cmocka_unit_test(test_heads_as_typed),
		cmocka_unit_test(test_intact),	   cmocka_unit_test(test_tampering),
		cmocka_unit_test(test_kept_heads), cmocka_unit_test(test_migrated),
		cmocka_unit_test(test_cut),	   cmocka_unit_test(test_cut_is_sealed),
	};

	return tap_run(tests);
}
