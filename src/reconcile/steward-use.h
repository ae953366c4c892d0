/*
 * steward-use.h - what teams and people have used lately; only for steward*.c
 */
#pragma once

#include "policy/policy-hours.h"
#include "reconcile/steward-part.h"

/* 0, or -1 without memory. */
int steward_use_init(struct steward *steward);
void steward_use_done(struct steward *steward);

/* A lease has ended: row->ended_s is set. */
void steward_use_ended(struct steward *steward, const struct ledger_lease *row,
		       const struct ledger_instance *instance);

struct steward_used {
	int64_t ended_s[POLICY_PERIODS]; /* slice-seconds of ended leases in the present periods */
	double past; /* slices held lately on average by ended leases; 0 without "fairness" */
};

/* Of a team, or (NULL) of a person. */
void steward_use_of(const struct steward *steward, const char *team, uid_t uid, int64_t now_s,
		    struct steward_used *ret);

/*
 * policy_check_hours() with what is used and promised now.
 *   except  this lease counts until now only; 0: none
 */
int steward_check_hours(const struct steward *steward, uid_t uid, int64_t except,
			const struct policy_hours_wish *wish, uint32_t *ret_slices,
			struct err *err);

/*
 * What policy_admit() granted, bounded by slice-hours from now on. Also REFUSED by those.
 */
int steward_bound_hours(const struct steward *steward, uid_t uid, const char *user, int64_t now_s,
			struct policy_terms *terms, struct err *err);
