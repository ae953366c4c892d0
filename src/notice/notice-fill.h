/*
 * notice-fill.h - from an event to what people are told of it
 *
 * Called inside the transaction that writes the event, so that either both are
 * in the ledger or none. A person is told at most so much an hour by one way;
 * what is more is counted, and told at once when the hour is over. Of each way
 * at most NOTICE_MAX_WAITING wait; what is more is dropped and counted.
 */
#pragma once

#include "ledger/ledger.h"
#include "ledger/ledger-notice.h"
#include "policy/policy-notices.h"

#define NOTICE_MAX_WAITING 1000
#define NOTICE_HOUR_S	   3600

/*
 *   event  was just written
 *   host   name of this server
 *   ret_dropped  out: added to, for each that had no place
 */
int notice_fill(struct ledger *ledger, const struct policy *policy,
		const struct ledger_event *event, const char *host, unsigned *ret_dropped,
		struct err *err);

/* What a row says when it is sent: its text, or what a digest stands for. */
char *notice_text(char *buf, size_t size, const struct ledger_notice *notice);
