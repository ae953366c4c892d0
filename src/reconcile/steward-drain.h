/*
 * steward-drain.h - GPUs and places that are to become empty
 *
 * Where a drain is nothing new is placed, and what is free is removed. Who
 * holds an instance there is told, may stay until the drain's deadline, or
 * else to the end of his lease, and may not renew it beyond that; at
 * the deadline his lease ends like any other: its processes are named and
 * waited for, never stopped from here. Leases that the policy protects are
 * waited for without a deadline. A drain lasts until it is taken back.
 */
#pragma once

#include "ledger/ledger-drain.h"
#include "reconcile/steward.h"

#define DRAIN_RULE "drained" /* what the end of a lease there is explained by */

struct steward_drain {
	struct ledger_drain row;
	bool dirty;
};

enum drain_deadline {
	DRAIN_BY_POLICY,
	DRAIN_WAITS, /* for as long as they hold */
	DRAIN_UNTIL,
};

struct steward_drain_wish {
	const char *gpu; /* index or UUID; NULL: that of the lease's instance */
	bool has_start;	 /* only the instance that begins there; else the whole GPU */
	unsigned start;
	const char *profile; /* it must be such a one: "3g.40gb", "3g"; NULL: any */
	int64_t lease;	     /* its instance; 0: by gpu */
	const char *reason;  /* may be "" */
	enum drain_deadline deadline;
	int64_t deadline_s; /* UNTIL; what is past means now */
	bool dry_run;	    /* nothing happens */
};

/*
 * Begin a drain; one that is there already gets this deadline and reason.
 *   ret  out: the drain as it stands then; its id is 0 when it is only tried
 *   err  NOT_FOUND no such GPU, instance or lease; STALE a lease without an instance; INVALID;
 *        those of writing
 */
int steward_drain_begin(struct steward *steward, const struct policy_person *person,
			const struct steward_drain_wish *wish, int64_t now_s,
			struct ledger_drain *ret, struct err *err);

/* Take it back. ret: as it was. err: NOT_FOUND, and those of writing. */
int steward_drain_end(struct steward *steward, const struct policy_person *person, int64_t id,
		      int64_t now_s, struct ledger_drain *ret, struct err *err);

/* "GPU 0", "3g.40gb at 4 on GPU 0". Returns buf. */
char *steward_drain_what(const struct steward *steward, const struct ledger_drain *drain, char *buf,
			 size_t size);

/* Does the drain concern it? */
bool drain_covers(const struct ledger_drain *drain, const struct ledger_instance *instance);

/* Of the drains that concern an instance the one that ends leases first; NULL: none does. */
const struct ledger_drain *steward_drain_of(const struct steward *steward,
					    const struct ledger_instance *instance);

/* The drain of a whole GPU by UUID, or NULL. */
const struct ledger_drain *steward_drain_of_gpu(const struct steward *steward, const char *uuid);

/* The units of a GPU on which nothing new is placed. */
uint16_t steward_drained_units(const struct steward *steward, size_t gpu);

/* Is the lease one that the policy lets no drain end? */
bool steward_is_protected(const struct steward *steward, const struct ledger_lease *lease);

/* ---- for steward*.c ---- */

/* What events about it name. */
void steward_drain_place(const struct ledger_drain *drain, struct ledger_instance *ret);

/* Where an instance lies. */
void steward_drain_set_place(struct ledger_drain *ret, const struct ledger_instance *instance);

/* For a change: one more, unless that place is drained already. Written with its notices. */
void steward_drain_add(struct steward *steward, const struct ledger_drain *row, int64_t now_s);

/* Take back what was drained for a change. false: it could not be written. */
bool steward_drains_forget_change(struct steward *steward, int64_t change, int64_t now_s);

/* Tell everybody who holds something there. */
void steward_drain_notices(struct steward *steward, const struct ledger_drain *drain,
			   int64_t now_s);

int steward_drains_load(struct steward *steward, struct err *err);
int steward_drains_save(struct steward *steward, struct err *err); /* inside a transaction */
void steward_drains_saved(struct steward *steward);

/* Whatever is due: warn, end leases, remove what is free. */
void steward_drains_tick(struct steward *steward, int64_t now_s);

/* When something will be due, or at_latest_s when that is sooner. */
int64_t steward_drains_next(const struct steward *steward, int64_t now_s, int64_t at_latest_s);

/* May the lease go on until then? err: REFUSED with the rule and what is possible. */
int steward_may_stay(const struct steward *steward, const struct steward_lease *lease,
		     int64_t until_s, int64_t now_s, struct err *err);
