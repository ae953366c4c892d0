/*
 * Whatever is written, cut and swept, in any order: the chain stays intact. Whatever is changed
 * in what remains: it is noticed.
 */
#include "../unit/tap.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "ledger/ledger-chain.h"
#include "ledger/ledger-db.h"
#include "ledger/ledger-retain.h"

#define ROUNDS 400

static uint64_t seed;

static uint64_t draw(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static void sql(struct ledger *ledger, const char *text)
{
	char *said = NULL;

	if (sqlite3_exec(ledger->db, text, NULL, NULL, &said) != SQLITE_OK)
		fail_msg("%s: %s", text, said);
}

static int64_t number(struct ledger *ledger, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(ledger->db, text, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* ---- an honest life ---- */

static const char *word(void)
{
	static const char *const words[] = {NULL, "ann", "bob", "small", "=1:x", "a=1:b",
					    "\xc3\xbc", "none", "1", "0"};

	return words[draw(ARRAY_SIZE(words))];
}

static void write_some(struct ledger *ledger, int64_t now_s)
{
	struct err err = ERR_INIT;
	uint64_t n = 1 + draw(5);

	assert_int_equal(ledger_begin(ledger, &err), 0);
	for (uint64_t i = 0; i < n; i++) {
		const struct ledger_event event = {
			.time_s = now_s + (int64_t)draw(3),
			.kind = draw(2) ? "queued" : "refused",
			.has_uid = draw(2),
			.uid = (uid_t)draw(3),
			.user = word(),
			.team = word(),
			.class_name = word(),
			.gpu = word(),
			.profile = word(),
			.has_start = draw(2),
			.start = (unsigned)draw(8),
			.by = word(),
			.rule = word(),
			.text = word(),
		};

		assert_int_equal(ledger_event_add(ledger, &event, &err), 0);
	}
	if (draw(4))
		assert_int_equal(ledger_commit(ledger, &err), 0);
	else
		ledger_rollback(ledger);
}

static void give_up(struct ledger *ledger, int64_t now_s)
{
	struct err err = ERR_INIT;
	int64_t n;
	bool did;

	assert_int_equal(ledger_begin(ledger, &err), 0);
	if (draw(2))
		assert_int_equal(ledger_cut(ledger, now_s - (int64_t)draw(60), now_s, &did, &err),
				 0);
	else
		assert_int_equal(ledger_sweep(ledger, INT64_MIN, (int64_t)draw(6), &n, &err), 0);
	assert_int_equal(ledger_commit(ledger, &err), 0);
}

static void check_intact(struct ledger *ledger, const struct ledger_head *kept)
{
	struct ledger_verdict verdict;
	struct err err = ERR_INIT;

	if (ledger_verify(ledger, kept, 1, &verdict, &err) && err.code != ERR_NOT_FOUND)
		fail_msg("seed %" PRIu64 ": %s", seed, err.text);
	if (err.code == ERR_NOT_FOUND)
		assert_true(kept->id < verdict.cut);
}

static struct ledger *live(void)
{
	struct ledger_head kept = {0};
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(ledger_open(":memory:", &ledger, &err), 0);
	for (int64_t step = 0, steps = 5 + (int64_t)draw(25); step < steps; step++) {
		if (draw(3))
			write_some(ledger, 1000 + step * 10);
		else
			give_up(ledger, 1000 + step * 10);
		if (draw(4) == 0)
			assert_int_equal(ledger_head(ledger, &kept, &err), 0);
	}
	if (!kept.id)
		memset(kept.hash, '0', sizeof(kept.hash) - 1);
	check_intact(ledger, &kept);
	return ledger;
}

/* ---- and then somebody is at it ---- */

static const char *const columns[] = {"time_s", "kind", "uid",	   "user",  "team", "class", "gpu",
				      "profile", "start", "mig_uuid", "actor", "rule", "text"};

/* One change of what remains; false: it would change nothing. */
static bool tamper(struct ledger *ledger)
{
	int64_t cut = number(ledger, "SELECT ifnull(max(upto), 0) FROM cut");
	int64_t last = number(ledger, "SELECT ifnull(max(id), 0) FROM event");
	int64_t at = cut + 1 + (int64_t)draw((uint64_t)(last - cut) + 1);
	const char *column = columns[draw(ARRAY_SIZE(columns))];
	int changes_before = sqlite3_total_changes(ledger->db);
	char text[400];

	if (at > last)
		return false;
	switch (draw(6)) {
	case 0:
		snprintf(text, sizeof(text),
			 "UPDATE event SET %s = %d WHERE id = %" PRId64 " AND %s IS NOT '%d'"
			 " AND %s IS NOT %d",
			 column, 77, at, column, 77, column, 77);
		break;
	case 1:
		snprintf(text, sizeof(text),
			 "UPDATE event SET %s = NULL WHERE id = %" PRId64 " AND %s IS NOT NULL"
			 " AND '%s' NOT IN ('time_s', 'kind')",
			 column, at, column, column);
		if (!strcmp(column, "time_s") || !strcmp(column, "kind"))
			return false;
		break;
	case 2:
		snprintf(text, sizeof(text),
			 "DELETE FROM event WHERE id = %" PRId64 ";"
			 "DELETE FROM chain WHERE event = %" PRId64,
			 at, at);
		break;
	case 3:
		snprintf(text, sizeof(text),
			 "UPDATE chain SET hash = replace(hash, substr(hash, 9, 1), 'g')"
			 " WHERE event = %" PRId64,
			 at);
		break;
	case 4:
		snprintf(text, sizeof(text),
			 "UPDATE event SET user = team, team = user WHERE id = %" PRId64
			 " AND user IS NOT team",
			 at);
		break;
	default:
		snprintf(text, sizeof(text), "DELETE FROM event WHERE id >= %" PRId64, at);
	}
	sql(ledger, text);
	return sqlite3_total_changes(ledger->db) > changes_before;
}

static void free_hands(struct ledger *ledger)
{
	sql(ledger, "DROP TRIGGER event_no_update; DROP TRIGGER event_no_delete;"
		    "DROP TRIGGER chain_no_update; DROP TRIGGER chain_no_delete;"
		    "DROP TRIGGER cut_no_update; DROP TRIGGER cut_no_delete;");
}

static void test_all(void **state)
{
	unsigned n_tampered = 0;

	(void)state;
	for (uint64_t round = 1; round <= ROUNDS; round++) {
		cleanup(ledger_close) struct ledger *ledger = NULL;
		struct ledger_verdict verdict;
		struct err err = ERR_INIT;

		seed = round * UINT64_C(0x9e3779b97f4a7c15);
		ledger = live();
		free_hands(ledger);
		if (!tamper(ledger))
			continue;
		n_tampered++;
		if (ledger_verify(ledger, NULL, 0, &verdict, &err) != -ERR_ALTERED)
			fail_msg("round %" PRIu64 ": not noticed", round);
	}
	print_message("# %u of %d rounds tampered with\n", n_tampered, ROUNDS);
	assert_true(n_tampered > ROUNDS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

	return tap_run(tests);
}
