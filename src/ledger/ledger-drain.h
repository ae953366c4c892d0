/*
 * ledger-drain.h - what is being drained: where nothing new is placed, since when and why
 *
 * A drain is of a whole GPU or of one run of its units. It lasts until it is
 * taken back; then its row stays, with its end.
 */
#pragma once

#include "ledger/ledger.h"

struct ledger_drain {
	int64_t id; /* given by ledger_drain_add() */
	char gpu[LEDGER_UUID];
	bool has_place; /* false: the whole GPU */
	unsigned start, size;
	char profile[33]; /* of the instance that lay there when it began; "" for a whole GPU */
	uid_t uid;	  /* who wants it */
	char user[LEDGER_NAME];
	char reason[LEDGER_REASON];
	bool has_change; /* for a change of the layout, and as long as that has not ended */
	int64_t change;
	int64_t since_s;
	bool has_deadline; /* leases there end then */
	int64_t deadline_s;
	bool has_warned, has_drained, has_ended;
	int64_t warned_s;  /* holders were told once more that the deadline is near */
	int64_t drained_s; /* nothing of ours was there any more */
	int64_t ended_s;   /* it was taken back */
};

/* update: NOT_FOUND when there is no such id. */
int ledger_drain_add(struct ledger *ledger, struct ledger_drain *drain, struct err *err);
int ledger_drain_update(struct ledger *ledger, const struct ledger_drain *drain, struct err *err);

/* Those that were not taken back, by id. */
int ledger_drains(struct ledger *ledger, void (*fn)(const struct ledger_drain *drain, void *arg),
		  void *arg, struct err *err);
