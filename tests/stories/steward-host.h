/*
 * steward-host.h - a GPU server for the steward, all in one process
 *
 * A world of a few boards in a folder of its own, reached through the real
 * stand-in library; a ledger beside it; a steward between them whose jobs wait
 * in a queue until the test runs them, and whose clock is a number.
 *
 * What was promised to people is kept in the book, which a killed child shares
 * with its parent: host_check() holds the steward, its ledger and the GPUs
 * against it and against each other.
 */
#pragma once

#include "../unit/tap.h"

#include <stdbool.h>
#include <sys/types.h>

#include "reconcile/steward.h"
#include "sim/world.h"

#define HOST_SLEEPERS 24

enum promise_state {
	PROMISE_LIVES,	/* acknowledged; nobody asked for its end */
	PROMISE_LEAVES, /* its end was asked for; no answer yet */
	PROMISE_OVER,	/* its end was acknowledged */
};

struct promise {
	int64_t lease;
	enum promise_state state;
};

struct book {
	size_t n;
	struct promise promises[4096];
	int64_t now_s; /* of the killed child */
};

struct host_job {
	size_t worker;
	struct job *job;
	bool ran;
};

struct host_watch {
	int64_t lease;
	pid_t pid;
	uint64_t pid_start;
};

struct host_stranger {
	unsigned gpu, gi;
	uint32_t generation;
};

struct host {
	char folder[64], ledger_path[96];
	const char *policy;
	struct world *world;
	struct world_state *fresh; /* as it was made */
	struct backend *nvml, *backend;
	struct ledger *ledger;
	struct steward steward;
	bool up;
	int64_t now_s;
	int64_t latest_s; /* before the clock was set back */
	struct err err;	  /* of the last question */
	struct host_job jobs[128];
	size_t n_jobs;
	struct host_watch watches[512];
	size_t n_watches;
	struct host_stranger strangers[64];
	size_t n_strangers;
	struct book *book;
	pid_t sleepers[HOST_SLEEPERS]; /* processes that do nothing; 0: none */
	bool eager;		       /* jobs run at once: workers are never faster */
	bool taken;		       /* an instance was taken away behind carve's back */
	bool may_fail;		       /* leases may end because the driver failed */
	bool policies_change;	       /* who waits may be turned away */
	bool gpus_vanish;	       /* processes may have lost their GPU under them */
};

/* Boards by id, in MIG mode. library: the stand-in. */
void host_init(struct host *host, const char *library, const char *const *boards, size_t n);
void host_done(struct host *host);

/* The world as it was made, no ledger, an empty book. The steward must be down. */
void host_reset(struct host *host, const char *policy);

/* The daemon starts; its first survey is asked for but not made. Errors fail the test. */
void host_up(struct host *host);
int host_try_up(struct host *host, struct err *err);
/* It is gone, as after SIGKILL: nothing more is written. */
void host_down(struct host *host);

/*
 * A child tells the tale from the daemon's start on, and is killed before (or after) that step;
 * false: it came to its end. Ending in any other way fails the test.
 */
bool host_told_until_killed(struct host *host, void (*tale)(struct host *host), unsigned step,
			    bool after);

/* ---- jobs ---- */

/* Run the n-th job that waits: the first that has not run of its worker. */
void host_run(struct host *host, size_t n);
/* Give the result of the n-th job back to the steward. */
void host_deliver(struct host *host, size_t n);
/* All of them, one after the other. */
void host_run_all(struct host *host);

/* A second: tick, look, run what there is to run. */
void host_pass(struct host *host);
/* Until nothing is under way any more. Not coming to rest fails the test. */
void host_settle(struct host *host);

/* ---- people ---- */

struct host_ask {
	const char *class_;
	int64_t time_s; /* 0: the class's own */
	bool wait, hold;
	pid_t pid;
	struct policy_field field; /* name NULL: none */
};

const struct policy_person *host_person(const char *name);

/* Returns the lease, 0 when refused (host->err). */
int64_t host_ask(struct host *host, const char *who, const struct host_ask *ask);
int host_release(struct host *host, const char *who, int64_t lease);
int host_renew(struct host *host, const char *who, int64_t lease, int64_t time_s);
void host_set_policy(struct host *host, const char *policy);
enum lease_state host_state(const struct host *host, int64_t lease); /* ENDED also when gone */

/* ---- processes ---- */

/* A process that does nothing; it ends with the test. Returns its slot. */
size_t host_sleeper(struct host *host);
/* It begins to use the instance of a lease; false: it could not. */
bool host_occupy(struct host *host, size_t slot, int64_t lease);
/* It ends, and the daemon hears of it. */
void host_end_sleeper(struct host *host, size_t slot);
void host_end_sleepers(struct host *host);

/* ---- behind carve's back ---- */

/* Create an instance; false: no room there. */
bool host_stranger_comes(struct host *host, unsigned gpu, unsigned profile_id, int start);
void host_stranger_goes(struct host *host, size_t n);
/* Those that a reset took along. */
void host_forget_strangers(struct host *host);
/* Take away the instance of a lease that nobody uses. */
bool host_take_away(struct host *host, int64_t lease);

/* ---- agreement ---- */

/* Does everything say the same, and is every promise kept? err tells what does not. */
int host_check(struct host *host, struct err *err);

/* Once nothing is under way any more; if it does not, the test fails. */
void host_agree(struct host *host);

/* Is nothing on the GPUs that the ledger does not know of, and nothing gone that it calls present? */
int host_check_written(struct host *host, struct err *err);

/* NULL, or what is still under way. */
const char *host_unrest(struct host *host);

/* Processes that live on a place of a GPU, by the world. */
size_t host_users(struct host *host, const char *gpu_uuid, unsigned profile_id, unsigned start);
