/*
 * ledger-reclaim.h - leases that are to end early, because a team asks for its guaranteed share
 */
#pragma once

#include "ledger/ledger.h"

struct ledger_reclaim {
	int64_t lease;		/* that is to end */
	int64_t for_lease;	/* the request that needs its place */
	char team[LEDGER_NAME]; /* whose share it is */
	int64_t noticed_s, ends_s, was_ends_s;
	bool has_withdrawn; /* it need not any more */
	int64_t withdrawn_s;
};

/* Insert, or update that of the same lease. */
int ledger_reclaim_put(struct ledger *ledger, const struct ledger_reclaim *reclaim,
		       struct err *err);

/* Of leases that live, and not withdrawn. */
int ledger_reclaims(struct ledger *ledger,
		    void (*fn)(const struct ledger_reclaim *reclaim, void *arg), void *arg,
		    struct err *err);
