/*
 * steward-isolate.h - an instance is its holder's alone
 *
 * What shall be follows from the leases: a lease that is granting or active
 * opens its instance's nodes to its user, everything else of ours is closed
 * (isolate/closure.h). The worker of the GPU carries it out and reads it back;
 * only then does the lease become active, so that nobody is told of a device
 * that he cannot open. It is carried out again with every survey, which puts
 * right what udev, the driver's tools or a reboot undid.
 *
 * Processes of a lease live in control groups below those they came from
 * (isolate/group.h), made when the first one is placed. When the lease is over
 * its groups lose every device of the driver, at once, and are removed when the
 * last process has left.
 *
 * What was changed or made is in the ledger before it is (ledger-isolate.h).
 */
#pragma once

#include "isolate/closure.h"
#include "isolate/group.h"
#include "policy/policy-isolation.h"
#include "reconcile/steward.h"

#define ISOLATE_TRIES 3 /* to open the nodes of a new lease, a second apart */

struct isolate_host {
	const char *dev, *proc; /* outlive the steward */
	const char *cdi;	/* folder for descriptions of devices */
};

/*
 * From now on nodes are closed as the policy says; before it nothing is. Reads
 * the ledger.
 */
int steward_isolate_begin(struct steward *steward, const struct isolate_host *host,
			  struct err *err);

/* What control groups can do here; kind NONE with the reason. NULL: nothing is isolated. */
const struct group_host *steward_group_host(const struct steward *steward);

/* Do processes of a lease live in groups of their own here? */
bool steward_has_groups(const struct steward *steward);

/* How many processes live in the lease's groups. */
/*
 * Do the groups of a lease hold its processes to the class's bundle? false also when it has no
 * groups; ret_why, which may be NULL, is then why not, "" when nothing is known.
 */
bool steward_holds_bundle(const struct steward *steward, int64_t lease, const char **ret_why);

unsigned steward_lease_processes(const struct steward *steward, int64_t lease);

/* What an admin should know: "GPU 0: device nodes cannot be closed: ...". */
void steward_isolate_notes(const struct steward *steward, void (*fn)(const char *note, void *arg),
			   void *arg);

/*
 * Move a process into the lease's control group.
 *
 *   pid, pid_start  the process
 *   err  NOT_FOUND, DENIED (neither holder nor admin; not one's own process), STALE (not active;
 *        the process has ended), UNSUPPORTED (what the host or the policy lacks), IO, DISK_FULL
 */
int steward_attach(struct steward *steward, const struct policy_person *person, int64_t lease,
		   pid_t pid, uint64_t pid_start, struct err *err);

/*
 * Describe the lease's devices for container engines, until it ends.
 *   ret_path  out: the file; CDI_PATH bytes
 *   err       as above
 */
int steward_describe(struct steward *steward, const struct policy_person *person, int64_t lease,
		     char *ret_path, struct err *err);

/* The same path if it was described; "" if not. Lives until the next change. */
const char *steward_description(const struct steward *steward, int64_t lease);

/* Has something failed that is to be tried again in a second? */
bool steward_isolate_hurries(const struct steward *steward);

/* Remove the groups that nothing lives in; the next process gets a new one. */
void steward_places_tidy(struct steward *steward);

/* ---- only for steward*.c ---- */

/* Is that GPU one whose nodes are opened before a lease is active? */
bool steward_isolates(const struct steward *steward, size_t gpu);

/* Hand out what is to be carried out. */
void steward_isolate_submit(struct steward *steward);
void steward_isolate_tick(struct steward *steward, int64_t now_s);
void steward_isolate_done(struct steward *steward, struct job *job, int64_t now_s);
void steward_isolate_end(struct steward *steward);
