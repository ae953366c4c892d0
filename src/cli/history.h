/*
 * history.h - what was asked for, from the daemon's ledger
 *
 * Every lease that was not over before a moment: also those that wait, and those that
 * waited and left. Requests that were refused at once left no lease and are not known; neither
 * is what was before the first lease, so the history begins there.
 */
#pragma once

#include <jansson.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/need.h"
#include "planner/churn.h"
#include "policy/policy.h"

#define HISTORY_MAX	    1000000 /* leases */
#define HISTORY_MAX_CLASSES 128

struct history_lease {
	size_t class_; /* index */
	int64_t requested_s;
	int64_t until_s;    /* when it was over; the next second when it is not */
	int64_t duration_s; /* held, or to be held, from its grant; as asked for where none came */
};

struct history {
	struct policy *policy; /* what the classes mean */
	int64_t from_s, now_s;
	size_t n, cap;
	struct history_lease *leases; /* ascending by the time of the request */
	size_t n_classes;
	struct {
		char name[POLICY_NAME];
		uint64_t n_leases;
		bool known; /* to the policy */
	} classes[HISTORY_MAX_CLASSES];
};

void history_done(struct history *history);

static inline void cleanup_history_done(struct history *history)
{
	history_done(history);
}

/*
 *   since   as typed: "30d", "2026-11-01"
 *   policy  a file; NULL: the one that is in force
 *   err     INVALID, those of asking and of policy_load(); NOT_FOUND there were no leases;
 *           TOO_LARGE
 */
int history_load(const struct cli_wish *wish, const char *since, const char *policy,
		 struct history *ret, struct err *err);

/* How many of each class were enough for that share of the time; err: NOMEM */
int history_need(const struct history *history, double share, struct need *ret, uint32_t *ret_peaks,
		 struct err *err);

/* The same leases as requests for GPUs of one board; err: NOT_FOUND, NOMEM */
int history_trace(const struct history *history, const struct board *board, struct trace *ret,
		  struct err *err);

/* {from_s, until_s, leases, unknown: [{class, leases}]} */
json_t *history_json(const struct history *history);

/* A line for each class that the policy does not know any more. */
void history_print_unknown(const struct history *history);
