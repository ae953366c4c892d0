/*
 * ledger-spells.h - which slices were held, by whom, from when to when
 */
#pragma once

#include "ledger/ledger.h"

struct ledger_spell {
	const char *team;
	uid_t uid;
	uint32_t slices;
	int64_t from_s, to_s; /* from the grant until nothing ran there any more */
};

/* Leases that have ended after since_s, in the order of their ends. */
int ledger_spells(struct ledger *ledger, int64_t since_s,
		  void (*fn)(const struct ledger_spell *spell, void *arg), void *arg,
		  struct err *err);
