/*
 * policy.h - who may have what, and for how long
 *
 * A policy is a checked YAML file: classes (the words users speak), teams with
 * quotas, restrictions. It is read once and never changes; a reload reads a
 * new one and swaps. Everything here is pure: it is told who asks, what is
 * held now and what time it is, and gives a verdict that names its rule.
 *
 * A rule is named by its place in the file: "teams.vision.quota.slices",
 * "classes.full.allow", "reason.min_length".
 *
 * Words: a person is a user with the Unix groups the system gives him; a team
 * is the first in the file that he belongs to; a holding is a lease that counts
 * against quotas (granting, active, ending).
 *
 * The format is in carve-policy(5).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/text.h"
#include "facts/board.h"

#define POLICY_NAME	    33 /* classes and teams: [a-z][a-z0-9-]*, up to 32 characters */
#define POLICY_MAX_CLASSES  32
#define POLICY_MAX_TEAMS    256
#define POLICY_MAX_PROFILES 64 /* more than any board has */
#define POLICY_MAX_FIELDS   8  /* free fields of a request */
#define POLICY_FIELD_VALUE  65 /* bytes of one, with its NUL */
#define POLICY_MAX_PRIORITY 100
#define POLICY_UNLIMITED    UINT32_MAX

struct policy_placement;

struct policy_class {
	char name[POLICY_NAME];
	char description[128];
	int64_t time_s, max_time_s; /* default and longest, counted from the grant */
	bool restricted;	    /* only those on its allow list */
	unsigned warm;		    /* free instances kept after release instead of destroyed */
	bool movable;		    /* its leases may be moved while nothing runs on them */
	const struct policy_placement *placement; /* where its instances go: the policy's */
	bool interactive;	    /* for people at a terminal: shorter, one each, warned earlier */
	unsigned per_job;	    /* instances that one request may ask for */
	int priority;
	struct policy_class_match *match; /* private: which profiles, whose it is */
	struct policy_class_grant *grant; /* private: limits, approval, renewals, bundle */
};

struct policy_quota {
	uint32_t instances, slices; /* POLICY_UNLIMITED: no limit */
};

enum policy_period { POLICY_DAY, POLICY_WEEK, POLICY_MONTH, POLICY_PERIODS };

/* Slice-hours per period; see policy-hours.h. */
struct policy_hours {
	bool has;
	int64_t slice_s; /* slice-seconds */
	enum policy_period per;
};

struct policy_team {
	char name[POLICY_NAME];
	struct policy_quota quota, per_user;
	struct policy_hours hours, hours_per_user;
	double share;			 /* weight in the queue; 1 by default */
	int priority;
	uint32_t guarantee; /* slices it gets whenever it asks; 0: none */
	uint32_t borrow;    /* so many of them others may have while they are idle */
	struct policy_team_match *match; /* private: who belongs to it */
};

struct policy;

/*
 *   name  what messages call it: the file's path
 *   err   INVALID: "NAME:LINE:COLUMN: ..." with a hint where there is one; TOO_LARGE, NOMEM
 */
int policy_parse(const char *bytes, size_t len, const char *name, struct policy **ret,
		 struct err *err);

/* The same from a file; also the errors of file_read(). */
int policy_load(const char *path, struct policy **ret, struct err *err);
void policy_free(struct policy *policy);

static inline void cleanup_policy_free(struct policy **policy)
{
	policy_free(*policy);
}

const char *policy_name(const struct policy *policy); /* "name:" of the file, or "" */
size_t policy_n_classes(const struct policy *policy);
const struct policy_class *policy_class_at(const struct policy *policy, size_t i);
size_t policy_n_teams(const struct policy *policy);
const struct policy_team *policy_team_at(const struct policy *policy, size_t i);

/* The class with that name or alias; NULL with NOT_FOUND and "did you mean" in err. */
const struct policy_class *policy_class_find(const struct policy *policy, const char *name,
					     struct err *err);

/* May carve carve this GPU? By index, UUID or board in the file's "gpus:". Default: all. */
bool policy_manages_gpu(const struct policy *policy, unsigned index, const char *uuid,
			const char *board_id);

/* Who has waited for so long climbs by one priority; again and again. */
int64_t policy_age_s(const struct policy *policy);

/* Past use counts half as much after so long; 0: it does not count. */
int64_t policy_half_life_s(const struct policy *policy);

/*
 * What a lease counts for in the queue after it has lasted so long: its slices, times 1 - 2^(-t /
 * half-life); and what is left of that when so much time has passed since its end.
 */
double policy_past_of(const struct policy *policy, uint32_t slices, int64_t lasted_s);
double policy_past_fade(const struct policy *policy, double past, int64_t passed_s);

/* Who holds what another team is guaranteed may keep it for so long after being told. */
int64_t policy_notice_s(const struct policy *policy);

/* How many requests may wait, in all and per person. */
unsigned policy_queue_max(const struct policy *policy);
unsigned policy_queue_max_per_user(const struct policy *policy);

/*
 * Which driver is in use ("550.163.01"): profiles that need a later one no longer serve a class.
 * Until this is called, or for a version that is none, all do.
 */
void policy_set_driver(struct policy *policy, const char *version);

/*
 * The profiles of a board that serve a class, best first.
 *   ret  out: room for board->n_profiles (POLICY_MAX_PROFILES is enough)
 * Returns how many; 0: this board does not serve it.
 */
size_t policy_class_profiles(const struct policy_class *class_, const struct board *board,
			     const struct profile **ret);

struct policy_person {
	uid_t uid;
	const char *name;
	const char *const *groups; /* names */
	size_t n_groups;
};

/* Characters a reason must have at least; 0: none need be given. */
unsigned policy_reason_min(const struct policy *policy);

/* Root always is. */
bool policy_is_admin(const struct policy *policy, const struct policy_person *person);

/* NULL: in no team. */
const struct policy_team *policy_team_of(const struct policy *policy,
					 const struct policy_person *person);

/* An account of the team that is no person: what each member may hold does not bind it. */
bool policy_is_service(const struct policy_team *team, const char *user);

struct policy_holding {
	int64_t lease;
	uid_t uid;
	const char *user, *team, *class_name;
	uint32_t slices;
	int64_t ends_s;
};

struct policy_field {
	const char *name, *value; /* UTF-8 */
};

struct policy_wish {
	const char *class_name;
	const struct policy_field *fields; /* free fields, at most POLICY_MAX_FIELDS */
	size_t n_fields;
	bool checked; /* fields were looked at when it was asked first; not again */
	const char *reason; /* UTF-8, checked by the caller; may be "" */
	bool has_time;
	int64_t time_s;
};

struct policy_terms {
	const struct policy_class *class_;
	const struct policy_team *team;
	int64_t time_s;
	uint32_t slices_left; /* of the tighter quota: a grant may not take more */
	char rule[64];	      /* that allows it: "classes.small", "classes.full.allow" */
	char approval[64];    /* the rule that wants an approval first; "" none */
};

/*
 * May this person have one more of this class?
 *
 *   boards_here  of the managed GPUs, for the smallest profile of each class
 *   holdings     all that is held now, by everybody
 *   err          NOT_FOUND unknown class; REFUSED with rule and hint (who holds the quota,
 *                which lease ends first, what else may be asked for); IMPOSSIBLE no board here
 *                serves the class; INVALID a time that is too short
 * A time longer than the class allows is REFUSED, not cut. A person's quota counts all that
 * the person holds, a team's all that its members hold for it.
 */
int policy_admit(const struct policy *policy, const struct policy_person *person,
		 const struct policy_wish *wish, const struct board *const *boards_here,
		 size_t n_boards_here, const struct policy_holding *holdings, size_t n_holdings,
		 struct policy_terms *ret, struct err *err);

struct policy_renewal {
	const char *class_name;
	int64_t granted_s, ends_s;
	int64_t now_s, time_s;	 /* it shall end at now_s + time_s */
	unsigned renewals;	 /* it has had so many */
	unsigned others_waiting; /* requests for the same class */
};

/*
 * May a lease go on until now_s + time_s? Nobody holds longer than max_time from the grant,
 * and the class's "renew" may say how often, by how much, and that others go first.
 *   err  REFUSED with rule, also when the class has left the file; INVALID a time that is too short
 */
int policy_renew(const struct policy *policy, const struct policy_renewal *renewal,
		 struct err *err);

/* The index of a team, as policy_team_at() takes it; policy_n_teams() for one that is not there. */
size_t policy_team_index(const struct policy *policy, const char *name);

struct policy_waiter {
	int64_t lease;	 /* ascending: first come */
	size_t team;	 /* policy_team_index() */
	uid_t uid;	 /* of the person */
	double load;	 /* slices the person has, and had lately */
	int64_t since_s; /* when it was asked for */
	int priority;	 /* of its class */
	uint32_t slices; /* the fewest it takes; 0: it is not known */
};

/* What a team has: slices now, and lately on average (with "fairness"; else 0). */
struct policy_load {
	uint32_t held;
	double past;
};

/*
 * The priority of a request now: that of its class and of its team added, and one more for
 * each time it has waited for as long as the file's "queue.age".
 */
int policy_rank(const struct policy *policy, const struct policy_waiter *waiter, int64_t now_s);

/*
 * The order in which waiting requests are tried. Those within their team's guarantee come first:
 * a team's first ones, as far as it reaches. Of these, and of the others: the higher rank first; among equals the team
 * that has fewest slices for its share, the one whose request is oldest when they tie; each
 * turn counts as one slice more, so that teams alternate. Within a team first come; with
 * "fairness" the person who has fewest, counted in the same way.
 *   loads      of each team: policy_n_teams() + 1, the last for teams that are not there
 *   ret_order  out: indices into waiters, each once. Without memory: first come.
 */
void policy_queue_order(const struct policy *policy, const struct policy_load *loads,
			const struct policy_waiter *waiters, size_t n_waiters, int64_t now_s,
			size_t *ret_order);

/*
 * What the policy means, for people: a table of its classes with the profiles that serve
 * them on these boards (each may occur more than once), and a table of its teams.
 */
void policy_describe(const struct policy *policy, const struct board *const *boards_here,
		     size_t n_boards_here, struct text *ret);

/*
 * What is allowed but may be meant otherwise, a line each: a person in two teams, a class
 * that nobody may ask for, a whole GPU that anybody may. Nothing when there is nothing to say.
 */
void policy_notes(const struct policy *policy, struct text *ret);

/* The same about these GPUs, one board each: guarantees of more than they have. */
void policy_notes_here(const struct policy *policy, const struct board *const *gpus, size_t n_gpus,
		       struct text *ret);
