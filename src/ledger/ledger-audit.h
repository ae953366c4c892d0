/*
 * ledger-audit.h - one row for everything that was asked for: who, what, when, why, by which rule
 *
 * A lease is a row, with who approved it and who ended it; a request that was
 * turned down at once never became a lease and is a row of its own. Rows come
 * by number, which is the order in which they were asked for.
 */
#pragma once

#include "ledger/ledger.h"

struct ledger_audit {
	bool refused;		   /* a refusal; else a lease */
	struct ledger_lease lease; /* of a refusal id is the event's, requested_s when, rule by
				      which, why_ended the sentence; reason is not known */
	bool has_instance;
	struct ledger_instance instance;
	bool has_approved;
	int64_t approved_s;
	char approved_by[LEDGER_NAME]; /* or by whom it was denied */
	char answer[LEDGER_REASON];    /* what was said to it */
	bool was_denied;
	char ended_by[LEDGER_NAME];
};

struct ledger_audit_filter {
	bool refused;		  /* refusals; else leases */
	int64_t since_s, until_s; /* held, waiting or refused in [since, until) */
	const char *user, *class_name; /* NULL: any */
	int64_t after;		  /* number of the last row that is known already; 0: none */
	int64_t limit;		  /* rows, 1 or more */
};

int ledger_audit(struct ledger *ledger, const struct ledger_audit_filter *filter,
		 void (*fn)(const struct ledger_audit *row, void *arg), void *arg,
		 struct err *err);
