#include "ledger/ledger-chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/sizes.h"
#include "ledger/chain-hash.h"
#include "ledger/ledger-db.h"

/* ---- heads ---- */

static void take_head(sqlite3_stmt *stmt, int first, struct ledger_head *ret)
{
	const unsigned char *hash = sqlite3_column_text(stmt, first + 1);

	ret->id = sqlite3_column_int64(stmt, first);
	snprintf(ret->hash, sizeof(ret->hash), "%s", hash ? (const char *)hash : "");
}

/* The newest hash of an event up to that one. */
static int head_upto(struct ledger *ledger, int64_t id, struct ledger_head *ret, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int code, r = ledger_prepare(ledger,
				     "SELECT event, hash FROM chain WHERE event <= ?"
				     " ORDER BY event DESC LIMIT 1",
				     &statement, err);

	if (r)
		return r;
	sqlite3_bind_int64(statement->stmt, 1, id);
	code = sqlite3_step(statement->stmt);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		return ledger_fail(ledger, "cannot be read", err);
	*ret = (struct ledger_head){.hash = CHAIN_START};
	if (code == SQLITE_ROW)
		take_head(statement->stmt, 0, ret);
	return 0;
}

int ledger_head(struct ledger *ledger, struct ledger_head *ret, struct err *err)
{
	return head_upto(ledger, INT64_MAX, ret, err);
}

char *ledger_head_format(char *buf, size_t size, const struct ledger_head *head)
{
	snprintf(buf, size, "%" PRId64 ":%s", head->id, head->hash);
	return buf;
}

int ledger_head_parse(const char *typed, struct ledger_head *ret, struct err *err)
{
	const char *colon = strchr(typed, ':');
	struct err ignored = ERR_INIT;
	char number[24];

	if (colon && strlen(colon + 1) == LEDGER_HASH - 1 &&
	    strspn(colon + 1, "0123456789abcdef") == LEDGER_HASH - 1 &&
	    snprintf(number, sizeof(number), "%.*s", (int)(colon - typed), typed) <
		    (int)sizeof(number) &&
	    !number_parse(number, "event", 0, INT64_MAX, &ret->id, &ignored)) {
		snprintf(ret->hash, sizeof(ret->hash), "%s", colon + 1);
		return 0;
	}
	fail(err, ERR_INVALID, "'%.90s' is not a head", typed);
	return fail_hint(err, "a head is what 'carve audit head' prints: NUMBER:HASH");
}

/* ---- writing ---- */

static int hash_event(struct ledger *ledger, int64_t event, const char *before,
		      char ret[LEDGER_HASH], struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int r = ledger_prepare(ledger, "SELECT * FROM event WHERE id = ?", &statement, err);
	struct chain_order order;

	if (r)
		return r;
	sqlite3_bind_int64(statement->stmt, 1, event);
	if (sqlite3_step(statement->stmt) != SQLITE_ROW)
		return ledger_fail(ledger, "cannot be read", err);
	chain_order(statement->stmt, &order);
	chain_hash(statement->stmt, &order, before, ret);
	return 0;
}

int ledger_chain_add(struct ledger *ledger, int64_t event, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	struct ledger_head head;
	char hash[LEDGER_HASH];
	int r = head_upto(ledger, event - 1, &head, err);

	r = r ? r : hash_event(ledger, event, head.hash, hash, err);
	r = r ? r
	      : ledger_prepare(ledger, "INSERT INTO chain(event, hash) VALUES(?, ?)", &statement,
			       err);
	if (!r) {
		sqlite3_bind_int64(statement->stmt, 1, event);
		sqlite3_bind_text(statement->stmt, 2, hash, -1, SQLITE_TRANSIENT);
		if (sqlite3_step(statement->stmt) != SQLITE_DONE)
			r = ledger_fail(ledger, "cannot be written", err);
	}
	return r ? ledger_break(ledger, err) : 0;
}

char *ledger_cut_format(char *buf, size_t size, const struct ledger_head *upto)
{
	snprintf(buf, size, "events up to %" PRId64 " are given up; the chain goes on from %s",
		 upto->id, upto->hash);
	return buf;
}
