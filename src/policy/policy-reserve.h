/*
 * policy-reserve.h - places kept for a team from a time to a time
 *
 * A reservation is once, from a moment to a moment, or weekly, on days of the
 * week from a time of day to a time of day as the clocks on the wall show it:
 * 10:00 stays 10:00 when they are put forward or back. Those of the policy
 * file ("reservations:") and those that admins make are the same to whoever
 * asks for a place.
 *
 * What falls into the hour that is left out when clocks are put forward is an
 * hour later; in the hour that comes twice it is one of the two.
 */
#pragma once

#include "policy/policy.h"

#define POLICY_MAX_RESERVATIONS 64

struct policy_reservation {
	char name[POLICY_NAME], team[POLICY_NAME], class_name[POLICY_NAME];
	uint32_t instances;
	unsigned days; /* bit tm_wday: it begins on these; 0: once */
	/* once: exactly then. Weekly: the first may begin then, none after (ends_s 0: no end) */
	int64_t begins_s, ends_s;
	int64_t from_s, to_s; /* weekly: of the day on which it begins; to_s may be on the next */
};

size_t policy_n_reservations(const struct policy *policy);
const struct policy_reservation *policy_reservation_at(const struct policy *policy, size_t i);

/*
 * When it is on: the one that is not over at after_s, the first of these. false: no more.
 */
bool policy_reservation_next(const struct policy_reservation *reservation, int64_t after_s,
			     int64_t *ret_begins_s, int64_t *ret_ends_s);

/* "tue, thu 10:00-12:00 until 2027-02-01", "2026-12-01 10:00 to 2026-12-01 12:00" */
void policy_reservation_format(const struct policy_reservation *reservation, struct text *ret);

/* A weekly one as the clocks on the wall show those two moments, on the weekday of the first. */
void policy_reservation_weekly(struct policy_reservation *reservation, int64_t first_begins_s,
			       int64_t first_ends_s, int64_t until_s);

/*
 * Is it one that this policy can keep? err: NOT_FOUND no such class or team; INVALID it ends
 * before it begins or is longer than 31 days; name must be one of a class.
 */
int policy_reservation_check(const struct policy *policy,
			     const struct policy_reservation *reservation, struct err *err);
