/*
 * ledger-notice.h - what people are to be told, until they were
 *
 * The outbox: written with the event that a notice is about, in the same
 * transaction, so that a restart loses none; a row is "sent" only when its way
 * said so, hence told at least once. Sent and failed rows stay for a while, to
 * count what one person was told, and are then removed.
 */
#pragma once

#include "ledger/ledger.h"

extern const char ledger_notice_step[]; /* of the schema */

#define LEDGER_WAY	   16
#define LEDGER_RECIPIENT   256
#define LEDGER_NOTICE_TEXT 4096

#define NOTICE_STATES(X) X(WAITING, "waiting") X(SENT, "sent") X(FAILED, "failed")

enum notice_state {
#define X(state, name) NOTICE_##state,
	NOTICE_STATES(X)
#undef X
		NOTICE_STATE_COUNT
};

struct ledger_notice {
	int64_t id;    /* given by ledger_notice_add(); never used twice */
	int64_t event; /* it is about; the first of a digest */
	int64_t time_s;
	char kind[LEDGER_NAME]; /* of the event, or "digest" */
	char way[LEDGER_WAY], recipient[LEDGER_RECIPIENT];
	bool has_uid;
	uid_t uid;		       /* of the recipient, where the way needs it */
	char text[LEDGER_NOTICE_TEXT]; /* as it is sent; "" of a digest */
	int64_t n;		       /* of a digest: how many it stands for */
	int64_t tries, next_s;	       /* to be tried again then */
	enum notice_state state;
};

int ledger_notice_add(struct ledger *ledger, struct ledger_notice *notice, struct err *err);
int ledger_notice_update(struct ledger *ledger, const struct ledger_notice *notice,
			 struct err *err);

/* The oldest that waits by that way and is due. ret_found: is there one? */
int ledger_notice_due(struct ledger *ledger, const char *way, int64_t now_s,
		      struct ledger_notice *ret, bool *ret_found, struct err *err);

/* When the next by that way is due; INT64_MAX: none waits. */
int ledger_notice_next(struct ledger *ledger, const char *way, int64_t *ret_s, struct err *err);

/* The digest that waits for somebody. */
int ledger_notice_digest(struct ledger *ledger, const char *way, const char *recipient,
			 struct ledger_notice *ret, bool *ret_found, struct err *err);

/* How many wait by that way. */
int ledger_notices_waiting(struct ledger *ledger, const char *way, int64_t *ret, struct err *err);

/* How many somebody was to be told since then, digests not counted. */
int ledger_notices_since(struct ledger *ledger, const char *way, const char *recipient,
			 int64_t since_s, int64_t *ret, struct err *err);

/* Forget what is settled and older, and what has waited for a week longer. */
int ledger_notices_forget(struct ledger *ledger, int64_t before_s, struct err *err);
