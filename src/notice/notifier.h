/*
 * notifier.h - tells people, without anybody waiting for it
 *
 * One thread a way. The main thread owns the ledger: it hands each way the
 * oldest notice that is due, takes back what became of it, and writes that
 * down. A notice that could not be told is tried again, ever later, for about
 * a day; then it has failed. What is told when carved is killed is told again
 * by the next one.
 */
#pragma once

#include "ledger/ledger.h"
#include "policy/policy-notices.h"

struct notifier;

struct notifier_counts {
	uint64_t sent, failed; /* since the start; failed: given up */
	int64_t waiting;
	struct err trouble; /* of the last try; code NONE: it worked */
};

int notifier_new(struct ledger *ledger, struct notifier **ret, struct err *err);

/* Readable when something came back. */
int notifier_fd(const struct notifier *notifier);

/*
 * Take back, write down, hand out.
 *   policy  the one in force: its command, URL and addresses count
 * Returns when to call again, at the latest.
 */
int64_t notifier_run(struct notifier *notifier, const struct policy *policy, int64_t now_s);

/* An event was written: inside its transaction. Its notices are looked at with the next run. */
int notifier_note(struct notifier *notifier, const struct policy *policy,
		  const struct ledger_event *event, struct err *err);

/* What became of those of one way, and how many had no place at all. */
void notifier_counts(struct notifier *notifier, enum notice_way way, struct notifier_counts *ret);
uint64_t notifier_dropped(const struct notifier *notifier);

/* End what is under way and the threads; false: one does not come back (leak it). */
bool notifier_stop(struct notifier *notifier, unsigned seconds);
void notifier_free(struct notifier *notifier);
