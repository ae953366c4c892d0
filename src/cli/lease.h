/*
 * lease.h - asking for a lease and waiting until it can be used
 */
#pragma once

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/signals.h"
#include "client/client.h"

struct lease_wish {
	const char *class_name, *reason; /* reason: NULL when none was given */
	bool has_time;
	int64_t time_s;
	bool wait;	  /* in the queue when there is no room */
	bool hold_caller; /* it ends with this process */
	const struct cmd_list *fields; /* "project=x"; NULL: none */
	const char *project;	       /* NULL, or one more of them */
	int64_t count, gpus;	       /* 0: not given; gpus: no class_name */
};

/*
 * Ask, and wait until the lease is active; without wish->wait a request that needs an
 * approval comes back as it is, "requested". While it waits, progress is told on
 * standard error. A signal of signals->stop_fd gives the lease back, and this
 * process dies of it.
 *
 *   ret  out: the LEASE of carve-api(7), owned by the caller
 *   err  what the daemon answered; STALE: it ended before it was granted
 */
int lease_obtain(struct client *client, const struct lease_wish *wish,
		 const struct signals *signals, json_t **ret, struct err *err);

/*
 * The same for wish->count or wish->gpus: all are active, or none is there.
 *   ret  out: {leases: [LEASE...]}, owned by the caller
 */
int lease_obtain_all(struct client *client, const struct lease_wish *wish,
		     const struct signals *signals, json_t **ret, struct err *err);

/* GET, and DELETE with exit_status (not when < 0) and reason (not when NULL). */
int lease_read(struct client *client, int64_t id, json_t **ret, struct err *err);
int lease_give_back(struct client *client, int64_t id, int exit_status, const char *reason,
		    json_t **ret, struct err *err);

/*
 * Put a process into the lease's control group; pid 0: this one, when the host
 * can (a host that cannot is no error then, unless the policy insists).
 * Waits for a daemon that is away or not ready, up to a minute.
 *   stop_fd  when something can be read there, it waits no longer; -1: nothing
 *   ret      out: the lease as it stands; NULL on failure
 */
int lease_attach(struct client *client, int64_t id, pid_t pid, uint64_t pid_start, int stop_fd,
		 json_t **ret, struct err *err);

/*
 * Have its device described for container engines.
 *   ret_name  out: "carve/lease=lease-12"; lives as long as *ret
 */
int lease_describe_device(struct client *client, int64_t id, json_t **ret, const char **ret_name,
			  struct err *err);

int64_t lease_id(const json_t *lease);
/* Is it a request that waits for somebody's approval? */
bool lease_waits(const json_t *lease);

/*
 * The UUID of its MIG device. Nothing but letters, digits, '-' and '/' is
 * accepted, so that it can be put into an environment or a line for a shell.
 *   err  UNAVAILABLE: there is none, or not such a one
 */
int lease_device(const json_t *lease, const char **ret, struct err *err);

/* What goes with it of the host: CPUs ("1.5") and bytes of memory; "" when not told. */
struct lease_bundle {
	char cpus[32], memory[32];
};

void lease_read_bundle(const json_t *lease, struct lease_bundle *ret);

/* One sentence: "lease 12: small on GPU 0 (1g.10gb at 6), until 2026-11-24 16:40 (4h)". */
void lease_describe(const json_t *lease, struct text *ret);

/* That sentence, or the lease as JSON. */
int lease_print(const struct cli_wish *wish, const json_t *lease, struct err *err);
