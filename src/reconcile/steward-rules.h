/*
 * steward-rules.h - what the policy's "changes:" means for changes of the layout
 *
 * A change begins in a window only; asked for outside it is refused, unless it
 * may wait for one or is to be done all the same, with a reason that is told.
 * Protected leases stay where they are. A change that drains tells those in
 * its way to leave: their places are drained (steward-drain.h) from so long
 * before it can begin on that they have the policy's deadline, and no longer
 * than the change lives. A change with an end is followed by one that brings
 * back the layout before it; that one waits in the ledger from the moment the
 * first is done, and is like any other: it can be given up or get another time.
 */
#pragma once

#include "reconcile/steward-change.h"

extern const struct steward_guard steward_policy_guard;

/* Give one that waits for its time another. err: NOT_FOUND, STALE, those of writing */
int steward_change_move(struct steward *steward, const struct policy_person *person, int64_t id,
			int64_t not_before_s, int64_t now_s, struct err *err);

/* The change that waits to bring back the layout a GPU had before, or NULL. */
const struct steward_change *steward_return_of(const struct steward *steward, size_t gpu);

/* ---- for steward*.c ---- */

/* err: REFUSED no window; INVALID; BUSY a GPU whose layout is temporary */
int steward_change_allowed(const struct steward *steward, const struct steward_change *change,
			   const struct steward_change_ask *ask, int64_t now_s, struct err *err);

/* Is no window open, so that it has to wait whatever else? */
bool change_waits_for_window(const struct steward *steward, const struct steward_change *change,
			     int64_t now_s);

/* Inside the transaction that writes a new one: that it goes against a rule. */
void steward_change_tell_override(struct steward *steward, const struct steward_change *change);

/* It is done: something may have to follow. */
void steward_change_was_done(struct steward *steward, const struct ledger_change *row);

/* Those that were done and are not followed yet, from the ledger. */
int steward_returns_load(struct steward *steward, struct err *err);

/* Write down what follows those that are done. */
void steward_returns_follow(struct steward *steward, int64_t now_s);

/* Whatever is due: drain for changes that can begin soon, take it back, follow those done. */
void steward_rules_tick(struct steward *steward, int64_t now_s);
