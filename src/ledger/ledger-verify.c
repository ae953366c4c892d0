/* Does the chain of events still fit? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "ledger/chain-hash.h"
#include "ledger/ledger-db.h"

struct verifying {
	struct ledger *ledger;
	struct ledger_verdict *verdict;
	const struct ledger_head *kept;
	size_t n_kept;
	struct ledger_head cut; /* what the newest cut tells; id 0: there is none */
	int64_t cut_event;
	bool cut_told; /* its event was found in the chain, and tells the same */
	struct ledger_head at;
};

/* One row of a question, or none (false); err->code tells failures. */
static bool row_of(struct ledger *ledger, const char *sql, struct ledger_statement **ret,
		   struct err *err)
{
	int code;

	if (ledger_prepare(ledger, sql, ret, err))
		return false;
	code = sqlite3_step((*ret)->stmt);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		ledger_fail(ledger, "cannot be read", err);
	return code == SQLITE_ROW;
}

static int read_cut(struct verifying *v, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;

	v->at = (struct ledger_head){.hash = CHAIN_START};
	if (!row_of(v->ledger, "SELECT upto, hash, event FROM cut ORDER BY upto DESC LIMIT 1",
		    &statement, err))
		return -(int)err->code;
	v->cut.id = sqlite3_column_int64(statement->stmt, 0);
	snprintf(v->cut.hash, sizeof(v->cut.hash), "%s", sqlite3_column_text(statement->stmt, 1));
	v->cut_event = sqlite3_column_int64(statement->stmt, 2);
	v->at = v->cut;
	v->verdict->cut = v->cut.id;
	return 0;
}

/* ---- kept heads ---- */

static int check_kept(const struct verifying *v, struct err *err)
{
	for (size_t i = 0; i < v->n_kept; i++) {
		const struct ledger_head *kept = &v->kept[i];

		if (kept->id == v->at.id && strcmp(kept->hash, v->at.hash) != 0)
			return fail(err, ERR_ALTERED,
				    "event %" PRId64
				    " is not the one whose head was kept: its hash is %s",
				    kept->id, v->at.hash);
	}
	return 0;
}

static int check_kept_reached(const struct verifying *v, struct err *err)
{
	for (size_t i = 0; i < v->n_kept; i++) {
		if (v->kept[i].id > v->at.id)
			return fail(err, ERR_ALTERED,
				    "event %" PRId64
				    ", whose head was kept, is gone: the newest is %" PRId64,
				    v->kept[i].id, v->at.id);
		if (v->kept[i].id < v->cut.id)
			return fail(err, ERR_NOT_FOUND,
				    "event %" PRId64 ", whose head was kept, was given up by a cut "
				    "at %" PRId64 ": whether it fits cannot be told",
				    v->kept[i].id, v->cut.id);
	}
	return 0;
}

/* ---- the chain ---- */

enum { CHAIN_ID, CHAIN_STORED, CHAIN_KIND, CHAIN_TEXT };

#define EVENTS                                                                                     \
	"SELECT e.id AS chain_id, c.hash AS chain_hash, e.kind AS chain_kind,"                     \
	" e.text AS chain_text, e.*"                                                               \
	" FROM event e LEFT JOIN chain c ON c.event = e.id WHERE e.id > ? ORDER BY e.id"

static const char *column(sqlite3_stmt *stmt, int at)
{
	const char *text = (const char *)sqlite3_column_text(stmt, at);

	return text ? text : "";
}

static int check_event(struct verifying *v, sqlite3_stmt *stmt, const struct chain_order *order,
		       struct err *err)
{
	int64_t id = sqlite3_column_int64(stmt, CHAIN_ID);
	char hash[LEDGER_HASH], text[LEDGER_CUT_TEXT];

	if (id != v->at.id + 1)
		return fail(err, ERR_ALTERED, "event %" PRId64 " is missing", v->at.id + 1);
	chain_hash(stmt, order, v->at.hash, hash);
	if (strcmp(hash, column(stmt, CHAIN_STORED)) != 0)
		return fail(err, ERR_ALTERED,
			    "event %" PRId64 " does not fit: its hash should be %s", id, hash);
	v->at.id = id;
	memcpy(v->at.hash, hash, sizeof(hash));
	if (id == v->cut_event)
		v->cut_told = !strcmp(column(stmt, CHAIN_KIND), "cut") &&
			      !strcmp(column(stmt, CHAIN_TEXT),
				      ledger_cut_format(text, sizeof(text), &v->cut));
	return check_kept(v, err);
}

static int walk(struct verifying *v, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;
	int code, r = ledger_prepare(v->ledger, EVENTS, &statement, err);
	struct chain_order order = {0};

	if (r)
		return r;
	sqlite3_bind_int64(statement->stmt, 1, v->cut.id);
	r = check_kept(v, err);
	while (!r && (code = sqlite3_step(statement->stmt)) == SQLITE_ROW) {
		if (!v->verdict->first)
			chain_order(statement->stmt, &order);
		r = check_event(v, statement->stmt, &order, err);
		if (!r && !v->verdict->first)
			v->verdict->first = v->at.id;
	}
	if (r)
		return r;
	v->verdict->last = v->at.id;
	return code == SQLITE_DONE ? 0 : ledger_fail(v->ledger, "cannot be read", err);
}

static int check_cut(struct verifying *v, struct err *err)
{
	if (!v->cut.id || v->cut_told)
		return 0;
	return fail(err, ERR_ALTERED,
		    "events up to %" PRId64 " are missing, and no event of the chain tells why",
		    v->cut.id);
}

/* ---- what else would be there ---- */

/* Each asks for the first thing that does not fit: a number. */
static const struct {
	const char *sql, *sentence;
} questions[] = {
	{"SELECT min(event) FROM chain WHERE event > (SELECT ifnull(max(id), 0) FROM event)",
	 "event %" PRId64 " is gone; its hash is still there"},
	{"SELECT seq FROM sqlite_sequence WHERE name = 'event'"
	 " AND seq > (SELECT ifnull(max(id), 0) FROM event)",
	 "events were taken away from the end: there were %" PRId64},
	{"SELECT e.lease FROM event e LEFT JOIN lease l ON l.id = e.lease"
	 " WHERE e.kind = 'granted' AND (l.uid IS NOT e.uid OR l.user IS NOT e.user"
	 " OR l.class IS NOT e.class OR ifnull(l.team, '') IS NOT ifnull(e.team, '')"
	 " OR l.granted_s IS NOT e.time_s) ORDER BY e.id LIMIT 1",
	 "lease %" PRId64 " does not tell the same as the event of its grant"},
	{"SELECT e.lease FROM event e JOIN lease l ON l.id = e.lease"
	 " WHERE e.kind = 'ended' AND l.ended_s IS NOT e.time_s ORDER BY e.id LIMIT 1",
	 "lease %" PRId64 " does not tell the same as the event of its end"},
	{"SELECT id FROM lease WHERE granted_s IS NOT NULL"
	 " AND id >= (SELECT min(lease) FROM event WHERE kind = 'requested')"
	 " AND NOT EXISTS(SELECT 1 FROM event e WHERE e.lease = lease.id AND e.kind = 'granted')"
	 " ORDER BY id LIMIT 1",
	 "lease %" PRId64 " was granted, and no event tells of it"},
};

static int check_rest(struct verifying *v, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
		cleanup(ledger_release) struct ledger_statement *statement = NULL;
		bool found = row_of(v->ledger, questions[i].sql, &statement, err);

		if (found && sqlite3_column_type(statement->stmt, 0) != SQLITE_NULL)
			return fail(err, ERR_ALTERED, questions[i].sentence,
				    (int64_t)sqlite3_column_int64(statement->stmt, 0));
		if (err->code)
			return -(int)err->code;
	}
	return 0;
}

static int count_leases(struct verifying *v, struct err *err)
{
	cleanup(ledger_release) struct ledger_statement *statement = NULL;

	if (row_of(v->ledger, "SELECT count(*) FROM event WHERE kind = 'granted'", &statement, err))
		v->verdict->leases = sqlite3_column_int64(statement->stmt, 0);
	return -(int)err->code;
}

static int verify(struct verifying *v, struct err *err)
{
	int r = read_cut(v, err);

	r = r ? r : walk(v, err);
	r = r ? r : check_cut(v, err);
	r = r ? r : check_rest(v, err);
	r = r ? r : check_kept_reached(v, err);
	r = r ? r : count_leases(v, err);
	v->verdict->head = v->at;
	return r;
}

int ledger_verify(struct ledger *ledger, const struct ledger_head *kept, size_t n_kept,
		  struct ledger_verdict *ret, struct err *err)
{
	struct verifying v = {.ledger = ledger, .verdict = ret, .kept = kept, .n_kept = n_kept};
	int r;

	*ret = (struct ledger_verdict){0};
	*err = ERR_INIT;
	/* One moment: the daemon may write meanwhile. */
	if (sqlite3_exec(ledger->db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		return ledger_fail(ledger, "cannot be read", err);
	r = verify(&v, err);
	sqlite3_exec(ledger->db, "COMMIT", NULL, NULL, NULL);
	return r;
}
