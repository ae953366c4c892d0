/*
 * policy-hours.h - quotas in slice-hours per day, week or month
 *
 * A slice-hour is one compute slice held for an hour. What counts in a period is
 * the part of each lease that lies in it: of one that has ended until then, of
 * one that lives until the end it has been promised. So what is granted always
 * fits, in this period and in those that it reaches into. Periods begin at
 * midnight local time, weeks on Monday.
 */
#pragma once

#include "policy/policy.h"

/* A lease that lives, of whom the quota is for. */
struct policy_spell {
	uint32_t slices;
	int64_t from_s, to_s;
};

struct policy_use {
	int64_t ended_s[POLICY_PERIODS]; /* slice-seconds of ended leases in the present periods */
	const struct policy_spell *spells;
	size_t n;
};

/* What is left where it is tightest. */
struct policy_hours_left {
	int64_t used_s, left_s; /* slice-seconds */
	int64_t overlap_s;	/* of the lease in that period */
	int64_t turn_s;		/* when that period ends */
	bool later;		/* it is not the present one */
};

/* The period around a moment: [begin, end). */
void policy_period_around(enum policy_period per, int64_t at_s, int64_t *ret_begin_s,
			  int64_t *ret_end_s);

/*
 * How many slices a lease from now_s on for time_s may have; POLICY_UNLIMITED without a quota.
 *   ret  out: may be NULL; untouched without a quota
 */
uint32_t policy_hours_slices(const struct policy_hours *hours, const struct policy_use *use,
			     int64_t now_s, int64_t time_s, struct policy_hours_left *ret);

/* Slice-seconds used and promised in the present period. */
int64_t policy_hours_used(const struct policy_hours *hours, const struct policy_use *use,
			  int64_t now_s);

struct policy_hours_wish {
	const struct policy_team *team;
	const char *class_name;
	uint32_t slices; /* the fewest that will do */
	bool service;	 /* the team's alone: each member's quota does not bind it */
	int64_t now_s, time_s;
};

/*
 * May it be, by the team's quota (of_team) and by each member's (of_person)?
 *   ret_slices  out: the most it may have
 *   err         REFUSED with rule: what is left, when the period turns
 */
int policy_check_hours(const struct policy_hours_wish *wish, const struct policy_use *of_team,
		       const struct policy_use *of_person, uint32_t *ret_slices, struct err *err);
