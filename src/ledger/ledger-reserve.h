/*
 * ledger-reserve.h - places that admins keep for a team
 */
#pragma once

#include "ledger/ledger.h"

struct ledger_reservation {
	int64_t id; /* given by ledger_reservation_add() */
	char name[LEDGER_NAME], team[LEDGER_NAME], class_name[LEDGER_NAME];
	unsigned instances;
	unsigned days; /* 0: once; else weekly, bit tm_wday of the first */
	int64_t begins_s, ends_s; /* of the first, or only, one */
	bool has_until, has_gone;
	int64_t until_s;	  /* weekly: none begins after */
	char maker[LEDGER_NAME], reason[LEDGER_NOTE];
	int64_t made_s, gone_s; /* gone: when it was taken back */
};

int ledger_reservation_add(struct ledger *ledger, struct ledger_reservation *reservation,
			   struct err *err);
int ledger_reservation_update(struct ledger *ledger, const struct ledger_reservation *reservation,
			      struct err *err);

/* Those that are not gone, in the order of their ids. */
int ledger_reservations(struct ledger *ledger,
			void (*fn)(const struct ledger_reservation *reservation, void *arg),
			void *arg, struct err *err);
