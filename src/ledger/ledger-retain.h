/*
 * ledger-retain.h - giving up what is older than the policy wants it kept
 *
 * In two steps, so that nothing takes long: a cut decides up to which event,
 * and is itself an event (ledger-chain.h); sweeping then removes a few rows at a
 * time. A lease is removed when it has ended and nothing names it any more,
 * events included; an instance that is gone, when no lease names it. The newest
 * event always stays.
 */
#pragma once

#include "ledger/ledger.h"

#define LEDGER_CUT_MOST 20000 /* events given up by one cut */

/*
 * Give up the events before before_s, LEDGER_CUT_MOST at most, and write the
 * event that tells so. Inside a transaction.
 *   ret_cut  out: whether there was anything to give up
 */
int ledger_cut(struct ledger *ledger, int64_t before_s, int64_t now_s, bool *ret_cut,
	       struct err *err);

/*
 * Remove at most so many rows of each kind: events that a cut gave up, leases that ended
 * before leases_before_s (INT64_MIN: none) and instances that were gone before it. Inside a
 * transaction.
 *   ret_n  out: how many rows went
 */
int ledger_sweep(struct ledger *ledger, int64_t leases_before_s, int64_t most, int64_t *ret_n,
		 struct err *err);
