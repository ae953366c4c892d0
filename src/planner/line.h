/*
 * line.h - who of those that wait is served next, and what becomes of the others
 *
 * Pure: a line is a picture of the GPUs, of what is held and of who waits. It
 * answers the same question for the server as it is (line_next, which the
 * steward carries out) and for the server as it will be when every lease lasts
 * to its end and nobody else comes (line_foresee). Both follow one rule, so an
 * estimate is what then happens:
 *
 *   - those who wait are tried in the order of the policy (policy_queue_order),
 *     as long as somebody gets a place;
 *   - who has waited for LINE_HOLD_S has a place kept for him: the one that
 *     frees first. Of several it is the one of the highest rank, then the
 *     oldest. Nobody else may take that place;
 *   - quotas count what is held then;
 *   - a request within its team's guarantee comes first, has a place kept at once, and
 *     leases of others end early for it (line_reclaim).
 *
 * Cost: a pass in which no class has room costs a look at each GPU per class; one
 * that serves somebody sorts those who wait.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "planner/choose.h"
#include "policy/policy-hours.h"
#include "policy/policy.h"

#define LINE_HOLD_S 300

struct line_holder {
	int64_t lease;
	size_t team; /* policy_team_index() */
	uid_t uid;
	const struct policy_class *class_; /* NULL: has left the file */
	uint32_t slices;
	int64_t begins_s;
	bool has_ends; /* false: nobody knows */
	int64_t ends_s;
	int64_t reclaimed_for; /* it ends early for this request; 0: it does not */
	int64_t was_ends_s;    /* then: else it would end then */
	bool borrowed;	       /* private: beyond its team's guarantee */
	size_t user;	       /* private */
};

struct line_waiter {
	int64_t lease; /* ascending */
	size_t team;
	uid_t uid;
	const struct policy_class *class_; /* NULL: has left the file, and is never served */
	int64_t since_s, time_s;
	bool service;  /* what each member may hold does not bind it */
	bool has_when; /* answers of line_foresee() */
	int64_t when_s;
	bool served, passed; /* private */
	uint32_t least;	     /* private: slices of the smallest profile */
	size_t user;	     /* private */
};

/* What a team or a user holds, and what they have used. */
struct line_sum {
	uid_t uid; /* of users */
	uint32_t instances, slices;
	int64_t ended_s[POLICY_PERIODS]; /* slice-seconds of ended leases; see policy_use */
	double past;			 /* slices that ended leases count for, as of now_s */
};

struct line {
	const struct policy *policy; /* outlives the line */
	int64_t now_s;
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	size_t n_gpus;
	struct line_holder *holders;
	size_t n_holders, cap_holders;
	struct line_waiter *waiters;
	size_t n_waiters, cap_waiters, n_served;
	/* After line_begin() the caller fills in what was used: ended_s and past, as of now_s. */
	struct line_sum *teams; /* policy_n_teams() + 1 */
	struct line_sum *users; /* by uid */
	size_t n_users;
	/* private */
	int64_t past_s;
	bool has_guarantee; /* some team has a guaranteed share */
	bool has_hours;	    /* some team has a quota in slice-hours */
	struct line_period {
		int64_t begin_s, end_s;
	} periods[POLICY_PERIODS];   /* those of now_s, once time passes */
	unsigned n_turns;	     /* steps since the last end of a lease */
	struct policy_spell *spells; /* room for a question */
	size_t *order;		     /* of this pass; those served are left out */
	size_t n_order, at;
	bool in_pass, ordered, granted;
	bool has_room;		       /* there is a place for somebody, kept for another or not */
	bool full[POLICY_MAX_CLASSES]; /* has no room, up to so many slices */
	uint32_t full_slices[POLICY_MAX_CLASSES];
	bool has_holder, hold_known;
	size_t holder;
	struct choose_hold hold;
};

/* Empty, at a time; the GPUs are filled in by the caller. Ended by line_done(). */
void line_init(struct line *line, const struct policy *policy, int64_t now_s);
void line_done(struct line *line);

static inline void cleanup_line_done(struct line *line)
{
	line_done(line);
}

/* 0, or -1 when memory ran out. Private fields need not be set. */
int line_add_holder(struct line *line, const struct line_holder *holder);
int line_add_waiter(struct line *line, const struct line_waiter *waiter);

/* After all were added. 0, or -1 when memory ran out. */
int line_begin(struct line *line);

/*
 * The next to be served now, and where.
 * Returns false when nobody else can be; then the pass is over, and the next call begins one.
 */
bool line_next(struct line *line, size_t *ret_waiter, struct choice *ret);

/* It is so: it holds that place from now on. */
void line_grant(struct line *line, size_t waiter, const struct choice *choice);

/* Something that the line does not know speaks against it, as long as this picture is looked at. */
void line_pass_over(struct line *line, size_t waiter);

/* It waits no more. */
void line_drop(struct line *line, size_t waiter);

/* Whose place is kept now, and which; false: nobody's. Who is passed over has none. */
bool line_hold(struct line *line, size_t *ret_waiter, struct choose_hold *ret);

/* Those who wait, in the order in which they are tried now: indices, and how many. */
const size_t *line_order(struct line *line, size_t *ret_n);

/*
 * How many slices a team may take now without touching what others are guaranteed and do not
 * lend. POLICY_UNLIMITED when nothing is guaranteed to anybody.
 */
uint32_t line_room(const struct line *line, size_t team);

/* Is one more of the class within the team's guarantee? */
bool line_covers(const struct line *line, size_t team, const struct policy_class *class_);

/*
 * Whose leases must end early, so that a request within its team's guarantee is served within the
 * policy's notice: of the request that comes first, the leases in the place that costs least.
 * They are of teams beyond their own guarantee, the newest ones; lowest priority first, then
 * fewest slices, then newest. Each is then told to the line by line_end_early().
 * Returns how many; 0: nobody needs any.
 */
size_t line_reclaim(struct line *line, size_t *ret_waiter, int64_t ret_leases[LAYOUT_MAX]);

/* A lease ends then, for a request's sake (0: no longer). */
void line_end_early(struct line *line, int64_t lease, int64_t for_lease, int64_t ends_s);

/* A lease that need not end early any more: it has its old end again. false: none. */
bool line_withdraw(struct line *line, int64_t *ret_lease);

/*
 * Let time pass until all are served or nothing more will end, at most so many steps from
 * one end of a lease to the next. Returns true when that is done, false to be called again.
 * The line then shows the last moment, and has_when of each waiter is true or he will not be
 * served as far as can be seen. Who is kept out by slice-hours may be served earlier than it
 * says: when so little of the period is left that his time fits.
 */
bool line_foresee(struct line *line, unsigned max_steps);
