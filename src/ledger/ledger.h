/*
 * ledger.h - what was promised, done, and why
 *
 * One SQLite file: GPUs seen, instances we made or adopted, leases, and an
 * append-only list of events. The ledger holds promises, the GPU holds
 * reality. A row is written before the act it promises and again when the act
 * was read back; every write is durable when the call returns (WAL,
 * synchronous=FULL). Opening finishes nothing: that is reconcile's work.
 *
 * All writes happen between ledger_begin() and ledger_commit(); a crash at any
 * moment leaves either all of them or none. A write that fails spoils its
 * transaction: ledger_commit() then undoes it and fails with the same error. A
 * full disk is DISK_FULL; reading goes on working. INTERNAL: a row that no
 * ledger may hold (the constraints of ledger-schema.c), or a write outside a
 * transaction.
 *
 * Used by one thread. Times are seconds of the Unix clock. Texts are stored
 * printable (control characters and broken UTF-8 become "?"), cut at
 * the sizes here; "" and has_* false are NULL in the file. Other programs may
 * read the file meanwhile; PATH.lock keeps a second daemon out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define LEDGER_UUID   96
#define LEDGER_NAME   33  /* class, team, user: 32 characters */
#define LEDGER_REASON 513 /* 512 bytes */
#define LEDGER_TEXT   384
#define LEDGER_FIELDS 769
#define LEDGER_NOTE   257

struct ledger;

/*
 *   path  the file; made (0600) if missing, with its folder (0700). ":memory:" for tests
 *   err   INVALID: not a ledger, damaged, or of a newer carve; NOT_FOUND, DENIED, IO, DISK_FULL,
 *         BUSY: another daemon has it
 * Older schemas are migrated in one transaction, after a copy was put beside the file.
 */
int ledger_open(const char *path, struct ledger **ret, struct err *err);
void ledger_close(struct ledger *ledger);

/*
 * Only to read, also while a daemon writes: nothing is made, migrated or locked.
 *   err  as above; INVALID also for an older schema
 */
int ledger_open_reader(const char *path, struct ledger **ret, struct err *err);

static inline void cleanup_ledger_close(struct ledger **ledger)
{
	ledger_close(*ledger);
}

int ledger_begin(struct ledger *ledger, struct err *err);
int ledger_commit(struct ledger *ledger, struct err *err); /* on failure: rolled back */
void ledger_rollback(struct ledger *ledger);

/* Is there room to write? DISK_FULL, IO otherwise. Writes 32 KiB and removes them: two syncs. */
int ledger_probe(struct ledger *ledger, struct err *err);

/* ---- GPUs ---- */

struct ledger_gpu {
	char uuid[LEDGER_UUID];
	unsigned index;
	char board[33]; /* "" not in the catalogue */
	char name[96], pci[32], serial[32];
	int64_t first_seen_s, last_seen_s;
};

/* Insert, or update all but first_seen_s. */
int ledger_gpu_seen(struct ledger *ledger, const struct ledger_gpu *gpu, struct err *err);
int ledger_gpus(struct ledger *ledger, void (*fn)(const struct ledger_gpu *gpu, void *arg), void *arg,
		struct err *err);

/* ---- instances ---- */

/* state, its name */
#define INSTANCE_STATES(X)                                                    \
	X(CREATING, "creating")	  /* promised; may or may not be there */     \
	X(PRESENT, "present")	  /* read back */                             \
	X(DESTROYING, "destroying") /* to go; may or may not be there still */ \
	X(GONE, "gone")

enum instance_state {
#define X(state, name) INSTANCE_##state,
	INSTANCE_STATES(X)
#undef X
	INSTANCE_STATE_COUNT
};

const char *instance_state_name(enum instance_state state);

/* Known by (gpu, profile_id, start, ci); the MIG UUID is its generation. */
struct ledger_instance {
	int64_t id; /* given by ledger_instance_add() */
	char gpu[LEDGER_UUID];
	unsigned profile_id;
	char profile[33];
	unsigned start, size, slices;
	bool has_gi, has_ci;
	unsigned gi, ci;
	char mig_uuid[LEDGER_UUID];
	bool has_mover;
	int64_t mover; /* the lease that is to have it instead of its own */
	bool adopted; /* made by somebody else, taken over by an admin */
	bool laid;    /* part of a layout that was applied: it stays although nobody has it */
	bool has_last_gi;
	unsigned last_gi; /* its id when it was last there; those lost are made again in this order */
	enum instance_state state;
	int64_t created_s;
	bool has_gone;
	int64_t gone_s;
	char why[LEDGER_TEXT]; /* of the last change of state */
};

/* update: NOT_FOUND when there is no such id. */
int ledger_instance_add(struct ledger *ledger, struct ledger_instance *instance, struct err *err);
int ledger_instance_update(struct ledger *ledger, const struct ledger_instance *instance,
			   struct err *err);

/* All that are not GONE, by id. */
int ledger_instances(struct ledger *ledger,
		     void (*fn)(const struct ledger_instance *instance, void *arg), void *arg,
		     struct err *err);

/* ---- leases ---- */

#define LEASE_STATES(X)                                                         \
	X(REQUESTED, "requested") /* waits for an approval */                   \
	X(QUEUED, "queued")	/* waits for room */                            \
	X(GRANTING, "granting") /* has an instance that is being made */        \
	X(ACTIVE, "active")	/* its holder may use the instance */           \
	X(ENDING, "ending")	/* over, but something still runs on it */      \
	X(ENDED, "ended")

enum lease_state {
#define X(state, name) LEASE_##state,
	LEASE_STATES(X)
#undef X
	LEASE_STATE_COUNT
};

const char *lease_state_name(enum lease_state state);

/* What became of the question whether somebody approves. */
#define LEASE_APPROVALS(X)    \
	X(NONE, "none")	      \
	X(WAITING, "waiting") /* exactly when the state is REQUESTED */ \
	X(GIVEN, "approved")  \
	X(DENIED, "denied")   \
	X(MISSED, "unanswered")

enum lease_approval {
#define X(approval, name) APPROVAL_##approval,
	LEASE_APPROVALS(X)
#undef X
	APPROVAL_COUNT
};

const char *lease_approval_name(enum lease_approval approval);

struct ledger_lease {
	int64_t id; /* given by ledger_lease_add(); never used twice */
	uid_t uid;
	char user[LEDGER_NAME], team[LEDGER_NAME], class_name[LEDGER_NAME];
	char reason[LEDGER_REASON];
	enum lease_state state;
	bool has_instance;
	int64_t instance;
	int64_t requested_s, time_s; /* time_s: how long it was granted for */
	bool has_granted, has_ends, has_ended;
	int64_t granted_s, ends_s, ended_s;
	/* The process it lives and dies with (carve run), or that waits for it. */
	bool has_pid;
	int64_t pid;
	uint64_t pid_start; /* field 22 of /proc/PID/stat */
	bool pid_holds;	    /* false: the pid only waits; the lease outlives it once granted */
	bool has_exit;
	int exit_status;	   /* of the command; 128 + signal */
	char rule[64];		   /* that decided the grant; REQUESTED: that wants an approval */
	char why_ended[LEDGER_TEXT];
	char fields[LEDGER_FIELDS]; /* free fields as a JSON object of texts; "" none */
	enum lease_approval approval;
	char approver[LEDGER_NAME], approval_reason[LEDGER_NOTE]; /* who answered, and why */
	bool has_answered, has_warned, has_together;
	int64_t answered_s, warned_s; /* warned: that it ends soon, for the present end */
	int64_t together;	      /* granted in one with others: the first of them */
	unsigned renewals;	      /* how often its holder had it renewed */
};

int ledger_lease_add(struct ledger *ledger, struct ledger_lease *lease, struct err *err);
int ledger_lease_update(struct ledger *ledger, const struct ledger_lease *lease, struct err *err);

/* Which leases, newest last. Texts NULL and numbers < 0: any. */
struct ledger_lease_filter {
	bool live; /* only those not ENDED */
	int64_t id, uid;
	const char *user, *team, *class_name;
	int64_t since_s; /* not ended before */
	int64_t before_id; /* only smaller numbers; 0: any */
	size_t limit;	 /* the newest so many; 0: all */
};

#define LEASE_FILTER_ALL ((struct ledger_lease_filter){.id = -1, .uid = -1, .since_s = -1})

/* instance is NULL when the lease never had one. */
int ledger_leases(struct ledger *ledger, const struct ledger_lease_filter *filter,
		  void (*fn)(const struct ledger_lease *lease,
			     const struct ledger_instance *instance, void *arg),
		  void *arg, struct err *err);

/* ---- events ---- */

/*
 * Append-only: triggers refuse to change or delete a row (but ledger-retain.h),
 * and each has a hash over itself and the one before it (ledger-chain.h). Texts
 * NULL and has_* false: does not apply. kind is one word of the table in
 * carve-events(7): "requested", "granted", "refused", "queued", ...
 */
struct ledger_event {
	int64_t id, time_s;
	const char *kind;
	bool has_uid, has_lease, has_start;
	uid_t uid; /* who it is about */
	const char *user, *team, *class_name;
	int64_t lease;
	const char *gpu, *profile; /* GPU UUID, profile name */
	unsigned start;
	const char *mig_uuid;
	const char *by;	  /* who did it when that is somebody else, or "carved" */
	const char *rule; /* the policy rule that decided */
	const char *text; /* one sentence for people */
};

int ledger_event_add(struct ledger *ledger, const struct ledger_event *event, struct err *err);

struct ledger_event_filter {
	const char *user, *gpu; /* GPU: UUID */
	int64_t lease, since_s, after_id; /* < 0: any */
	size_t limit;		/* the newest so many; 0: all */
};

#define EVENT_FILTER_ALL ((struct ledger_event_filter){.lease = -1, .since_s = -1, .after_id = -1})

/* Oldest first. */
int ledger_events(struct ledger *ledger, const struct ledger_event_filter *filter,
		  void (*fn)(const struct ledger_event *event, void *arg), void *arg,
		  struct err *err);
