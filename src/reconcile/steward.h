/*
 * steward.h - keeps promises and GPUs the same
 *
 * The steward holds what the ledger promises and what was last seen on the
 * GPUs, and moves one towards the other. It is the only code that both decides
 * and acts, and it acts in one order: write the promise, hand out the job,
 * read back, write what was read. A crash between any two of these leaves a
 * promise that the next start finishes or takes back.
 *
 * A lease goes [requested ->] queued -> granting -> active -> ending -> ended; an instance
 * creating -> present -> destroying -> gone. A lease that is over stays
 * "ending" for as long as processes run on its instance: they are never
 * stopped from here, and the instance is not touched before they are gone.
 *
 * What lies on a GPU and is not in the ledger is a stranger: reported, counted
 * as taken, left alone.
 *
 * When the ledger cannot be written (a full disk) nothing new is promised and
 * nothing is done; what runs goes on, and writing is tried again every tick.
 *
 * One thread. The slow work is done by others through hooks.submit, and comes
 * back with steward_done(). The fields may be read by everyone, changed only
 * by steward*.c. Times are seconds of the Unix clock, told by the caller.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "backend/backend.h"
#include "base/err.h"
#include "isolate/closure.h"
#include "ledger/ledger-change.h"
#include "ledger/ledger-reserve.h"
#include "ledger/ledger-reclaim.h"
#include "ledger/ledger.h"
#include "planner/choose.h"
#include "planner/line.h"
#include "policy/policy.h"
#include "reconcile/event-kinds.h"
#include "reconcile/job.h"

#define STEWARD_NO_GPU	   SIZE_MAX
#define STEWARD_SURVEY_S   5   /* between looks at all GPUs */
#define STEWARD_HURRY_S	   1   /* the same while something is about to end */
#define STEWARD_REST_S	   30  /* a GPU that failed is not chosen for so long */
#define STEWARD_HOLD_S	   LINE_HOLD_S
#define STEWARD_MAX_LEASES 4096

struct steward_gpu {
	struct backend_gpu info;
	bool there;   /* in the last survey */
	bool managed; /* by the policy */
	bool dirty;
	bool has_trouble;
	struct err trouble;	   /* why it could not be looked at */
	struct observed_gpu *seen; /* NULL: not yet */
	uint64_t seen_tick;	   /* that look was asked for then */
	uint64_t changed_tick;	   /* older observations do not count */
	unsigned jobs;		   /* under way */
	int64_t rest_until_s;
	uint64_t info_tick;	     /* info was read by a look asked for then */
	struct ledger_wanted wanted; /* by the last change; gpu "": none yet */
	bool wanted_known, wanted_dirty;
	int64_t mode_again_s; /* its MIG mode is not to be set before */
	size_t n_strangers;
	struct place_key {
		unsigned profile_id, start;
	} strangers[BACKEND_MAX_INSTANCES];
};

/* Who gets at an instance's device nodes, as last read back (steward-isolate.h). */
struct steward_access {
	enum closure_result result;
	struct access_holder {
		int64_t lease; /* 0: nobody */
		uid_t uid;
		char user[LEDGER_NAME], team[LEDGER_NAME], class_name[LEDGER_NAME];
	} open_to; /* remembered, for the lease may be gone when they are closed */
	bool has_numbers;
	struct device_numbers numbers;
	unsigned tries;
	char why[256]; /* result NOTHING, CANNOT, FAILED */
};

struct steward_instance {
	struct ledger_instance row;
	size_t gpu; /* index, STEWARD_NO_GPU: not in this server now */
	const struct profile *profile;
	int64_t lease;	 /* 0: nobody's */
	int64_t change; /* one that is making or removing it; 0: none */
	bool job, dirty; /* job: one is under way or waits to be */
	unsigned tries;
	int64_t again_s; /* not to be tried before */
	uint64_t look_tick; /* of a move to here: whether the old one is idle is told by looks asked
			       for later; 0: not asked yet */
	char note[256];	 /* why it is not what it should be; "" */
	struct steward_access access;
};

struct steward_lease {
	struct ledger_lease row;
	bool dirty;
	unsigned tries;
	uint64_t over_tick; /* whether it is idle is told by looks asked for later */
	unsigned position;  /* in the queue, from 1 */
	bool has_estimate;
	int64_t estimate_s;
	unsigned policy_load; /* of which policy these are: */
	const struct policy_class *class_; /* NULL: not in it */
	size_t team;
	bool service;
	struct ledger_reclaim reclaim; /* lease 0: it was not given notice */
};

struct steward_note;   /* an event not yet written */
struct steward_drain;  /* steward-drain.h */
struct steward_change; /* steward-change.h */
struct steward_guard;
struct steward_isolation;

struct steward_hooks {
	void *arg;
	/* Run a job; worker STEWARD_NO_GPU is for surveys. Comes back by steward_done(). */
	void (*submit)(void *arg, size_t worker, struct job *take_job);
	/* A lease changed its state or its place in the queue; a change of layout: its key. */
	void (*changed)(void *arg, int64_t lease);
	/* Call steward_holder_gone() when that process ends (it may have ended already). */
	void (*watch)(void *arg, int64_t lease, pid_t pid, uint64_t pid_start);
	void (*unwatch)(void *arg, int64_t lease);
	/* Who is this, now? The answer lives until the next call. NULL: not known. */
	const struct policy_person *(*person)(void *arg, uid_t uid);
	/* An event was written, inside its transaction; NULL: nobody wants to know. */
	int (*noted)(void *arg, const struct ledger_event *event, struct err *err);
};

struct steward {
	struct ledger *ledger;
	struct policy *policy; /* owned */
	unsigned policy_load;  /* counts them */
	unsigned checked_load; /* by which those who wait were looked at */
	struct steward_hooks hooks;
	struct use *use; /* what was used lately: steward-use.c */

	/* Another manager decides about MIG here, and what would help; "": none, carve acts. */
	char observing[256], observing_hint[200];

	size_t n_gpus;
	struct steward_gpu gpus[BACKEND_MAX_GPUS];
	struct steward_instance **instances;
	size_t n_instances, cap_instances;
	struct steward_lease **leases; /* not ended; by id */
	size_t n_leases, cap_leases;
	struct steward_drain *drains; /* not taken back; by id */
	size_t n_drains, cap_drains;
	struct steward_change **changes; /* not ended; by id */
	size_t n_changes, cap_changes;
	const struct steward_guard *guard; /* NULL: none */
	struct steward_return {
		int64_t id;	 /* a change that is done and is to be followed by its return */
		int64_t again_s; /* not to be tried before */
	} *returns;
	size_t n_returns, cap_returns;

	uint64_t tick;
	bool surveying, survey_wanted;
	bool surveyed; /* at least once */
	int64_t survey_s;
	struct err survey_trouble; /* code NONE: the last survey worked */

	struct ledger_reservation *reservations; /* of admins, not gone */
	size_t n_reservations, cap_reservations;

	struct steward_note *notes; /* to be written with the next flush */
	size_t n_notes, cap_notes;
	struct pending_job {
		size_t worker;
		struct job *job;
	} * pending; /* to be handed out after it */
	size_t n_pending, cap_pending;
	int64_t cut_again_s; /* old events are given up then */
	bool sweeping;	     /* and there may be more to remove */
	bool unwritable;
	struct err unwritable_why;

	struct line *future; /* an outlook that is being worked out; NULL: none */
	uint64_t future_print; /* what the last one was begun with */
	int64_t future_s;
	struct steward_isolation *isolation; /* NULL: device nodes are left as they are */
};

/*
 * Read the ledger. The GPUs are not looked at; the first survey does that and
 * then finishes or undoes what was interrupted.
 */
int steward_init(struct steward *steward, struct ledger *ledger, struct policy *take_policy,
		 const struct steward_hooks *hooks, int64_t now_s, struct err *err);
void steward_done_with(struct steward *steward);

/* Have the GPUs looked at now. */
void steward_look(struct steward *steward);

/* A job has run. */
void steward_done(struct steward *steward, struct job *take_job, int64_t now_s);

/*
 * Whatever is due. Returns when to call again, at the latest.
 */
int64_t steward_tick(struct steward *steward, int64_t now_s);

/*
 * When those who wait will be served is worked out in small steps, when nothing else is to be
 * done. Returns true when there is more to do.
 */
bool steward_foresee(struct steward *steward);

struct steward_wish {
	struct policy_wish wish;
	bool wait;    /* in the queue when there is no room */
	bool hold;    /* the lease lives and dies with the process */
	bool has_pid; /* of the caller */
	pid_t pid;
	uint64_t pid_start;
};

/*
 * Ask for a lease.
 *   ret  out: as it stands now (GRANTING, ACTIVE or QUEUED); lives until the next call
 *   err  those of policy_admit(); NO_ROOM with when there will be; IMPOSSIBLE; REFUSED by
 *        the limits of the queue; DISK_FULL, IO; UNAVAILABLE before the first survey
 */
int steward_request(struct steward *steward, const struct policy_person *person,
		    const struct steward_wish *wish, int64_t now_s,
		    const struct steward_lease **ret, struct err *err);

#define STEWARD_TOGETHER 64 /* leases of one request, at most */

/*
 * Ask for several leases, all or none; they cannot wait in the queue.
 *   wish     class_name NULL: whole GPUs, by the first class that gives nothing else
 *   ret_ids  out: room for STEWARD_TOGETHER
 *   err      as above; REFUSED also when the class allows a job fewer, or wants an approval
 */
int steward_request_together(struct steward *steward, const struct policy_person *person,
			     const struct steward_wish *wish, unsigned count, int64_t now_s,
			     int64_t *ret_ids, struct err *err);

struct steward_release {
	bool has_exit;
	int exit_status;
	const char *reason; /* NULL: none given */
};

/* err: NOT_FOUND, DENIED (not yours), STALE (it has ended), and those of writing. */
int steward_release(struct steward *steward, const struct policy_person *person, int64_t lease,
		    const struct steward_release *how, int64_t now_s, struct err *err);

/* err: as above; STALE when it is not active; those of policy_renew() */
int steward_renew(struct steward *steward, const struct policy_person *person, int64_t lease,
		  int64_t time_s, int64_t now_s, struct err *err);

void steward_holder_gone(struct steward *steward, int64_t lease, int64_t now_s);

/*
 * Answer a request that waits for approval; an approved one waits for room from then on.
 *   reason  why; may not be empty
 *   err     NOT_FOUND; STALE (it does not wait for approval); those of policy_may_answer() and
 *           of writing
 */
int steward_answer(struct steward *steward, const struct policy_person *person, int64_t lease,
		   bool approve, const char *reason, int64_t now_s, struct err *err);

/* Another policy is in force from now on; requests that no longer fit it leave the queue. */
void steward_set_policy(struct steward *steward, struct policy *take_policy, const char *by,
			int64_t now_s);

/*
 * Another manager decides about MIG on this host, as a sentence without its point; "": none
 * (any more). While there is one nothing is created, removed or granted.
 *   hint  what would help
 */
void steward_set_observing(struct steward *steward, const char *why, const char *hint,
			   int64_t now_s);

/* May GPUs be changed? err: UNSUPPORTED, another manager decides about them. */
int steward_may_act(const struct steward *steward, struct err *err);

/* Write an event of the daemon's own. */
void steward_tell(struct steward *steward, enum event_kind kind, const char *by, int64_t now_s,
		  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* ---- to look at ---- */

/* NULL: no such lease that has not ended. */
const struct steward_lease *steward_lease_at(const struct steward *steward, int64_t id);
const struct steward_instance *steward_instance_at(const struct steward *steward, int64_t id);
/* Ours at that place, or NULL: a stranger. */
const struct steward_instance *steward_instance_on(const struct steward *steward, size_t gpu,
						   unsigned profile_id, unsigned start);

/* The GPUs as the chooser sees them; ret has room for CHOOSE_MAX_GPUS. Same order, same number. */
size_t steward_view(const struct steward *steward, int64_t now_s, struct choose_gpu *ret);

/*
 * Which moves would make room for one more of the class, where the policy has them proposed.
 * Adds "it would fit after moving lease 3 of ann from 1g.10gb at 0 on GPU 0 to 6 on GPU 1".
 *   lease  who waits for it, 0: nobody yet
 * Returns false when nothing is to be proposed.
 */
bool steward_propose(const struct steward *steward, const struct policy_class *class_,
		     uint32_t max_slices, int64_t lease, int64_t now_s, struct text *ret);

/* The same for a request that is known. */
bool steward_propose_for(const struct steward *steward, const struct ledger_lease *row,
			 int64_t now_s, struct text *ret);

/* Freed by the caller; NULL when memory ran out (ret_n is then 0). */
struct policy_holding *steward_holdings(const struct steward *steward, size_t *ret_n);

/* Boards of the GPUs that could be used. ret has room for BACKEND_MAX_GPUS. */
size_t steward_boards(const struct steward *steward, const struct board **ret);

/* policy_admit() for one who asks now: with these boards, and all that is held. Also NOMEM. */
int steward_admit(const struct steward *steward, const struct policy_person *person,
		  const struct policy_wish *wish, int64_t now_s, struct policy_terms *ret,
		  struct err *err);
