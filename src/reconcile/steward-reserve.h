/*
 * steward-reserve.h - places that are kept for a team, and who may have them
 *
 * Before a reservation begins nothing is granted that would run into it, and
 * while it is on its places go to members of its team only, who give them back
 * at its end. What was granted before the reservation was made is never taken
 * away; the reservation is then short of it. Leases of the class that members
 * hold count as its places.
 */
#pragma once

#include "ledger/ledger-reserve.h"
#include "policy/policy-reserve.h"
#include "reconcile/steward.h"

/* One of the policy file or of an admin. */
struct steward_reservation {
	int64_t id; /* 0: of the policy file */
	struct policy_reservation when;
	const char *maker, *reason; /* "" of the file; live as long as the steward's list */
	char rule[64];		    /* "reservations.course", "reservation.3" */
};

size_t steward_n_reservations(const struct steward *steward);
void steward_reservation_at(const struct steward *steward, size_t i,
			    struct steward_reservation *ret);

/*
 * When it is on next (or now), how many of its places its team has taken for then, and how
 * many there will not be. false: it is over.
 */
struct steward_reserved {
	int64_t begins_s, ends_s;
	unsigned taken, missing;
};
bool steward_reserved(const struct steward *steward, const struct steward_reservation *reservation,
		      int64_t now_s, struct steward_reserved *ret);

/*
 * Keep places from now on (admins).
 *   wish  name, team, class_name, instances, days, begins_s, ends_s, until_s, reason
 *   err   those of policy_reservation_check(); INVALID it is over already; REFUSED too many;
 *         those of writing
 */
int steward_reserve(struct steward *steward, const struct policy_person *person,
		    const struct ledger_reservation *wish, int64_t now_s, int64_t *ret_id,
		    struct err *err);

/* Take one back. err: NOT_FOUND; those of writing */
int steward_unreserve(struct steward *steward, const struct policy_person *person, int64_t id,
		      int64_t now_s, struct err *err);

/* What a place is subject to. */
struct steward_keep {
	bool limited; /* a place of one's own reservation: until then, by that rule */
	int64_t until_s;
	bool blocked; /* no place, but for this reservation there would be one */
	struct steward_reservation by;
	int64_t begins_s, ends_s;
	int64_t fits_s; /* a shorter lease of so many seconds has a place; 0: none has */
};

/*
 * A place for a lease of so long, by a member of team, or none; with what is reserved in mind.
 *   gpus  as steward_view() gives them
 */
bool steward_place_kept(const struct steward *steward, const struct choose_gpu *gpus, size_t n,
			const struct policy_terms *terms, const struct choose_hold *hold,
			int64_t now_s, struct choice *ret, struct steward_keep *ret_keep);

/* The same for a lease that was promised one already and could not have it. */
bool steward_place_again(const struct steward *steward, const struct ledger_lease *row,
			 const struct policy_class *class_, int64_t now_s, struct choice *ret);

/*
 * How long it may last on a place of one's own reservation. A time that was asked for is not
 * cut: err REFUSED with what fits.
 */
int steward_keep_limit(const struct steward_keep *keep, const struct policy_terms *terms,
		       bool asked_time, int64_t now_s, int64_t *time_s, struct err *err);

/* Why there is no place: adds to a NO_ROOM which reservation it is and what still fits. */
int steward_keep_fail(const struct steward_keep *keep, const struct policy_terms *terms,
		      int64_t now_s, struct err *err);

/*
 * May a lease that has a place go on until then?
 *   err  REFUSED with the reservation's rule, and until when it may
 */
int steward_keep_longer(const struct steward *steward, const struct steward_lease *lease,
			int64_t until_s, int64_t now_s, struct err *err);
