/*
 * steward-reclaim.h - guaranteed shares are given back; only for steward*.c
 */
#pragma once

#include "reconcile/steward-part.h"

/* After a pass: give notice to those in whose place somebody's guaranteed share is, or take it back. */
void steward_reclaim(struct steward *steward, struct line *line, int64_t now_s);

/* When the leases have been read from the ledger. */
int steward_reclaim_load(struct steward *steward, struct err *err);

/* Is its end that of a notice? */
bool steward_is_reclaimed(const struct steward_lease *lease, int64_t now_s);

/* REFUSED when it was given notice: it is not renewed. */
int steward_check_reclaimed(const struct steward_lease *lease, struct err *err);
