/*
 * policy-grant.h - what a class says beyond who may have it and for how long
 *
 * Host bundles, limits of the class itself, approvals, instances per job,
 * renewals, the notice before the end, and what must stand on a request: a
 * reason, free fields. Every key is in carve-policy(5).
 */
#pragma once

#include "policy/policy.h"

/* What a job on an instance may use of the host. */
struct policy_bundle {
	double cpus;
	uint64_t memory_bytes;
	bool has_cpus, has_memory;
};

/* Of a lease with so many compute slices. false: the class says nothing. */
bool policy_bundle_of(const struct policy_class *class_, uint32_t slices,
		      struct policy_bundle *ret);

/*
 * How long before its end the holder of a lease of time_s is warned, at most half of that
 * time; 0: not at all. A class that has left the file is warned as the file says.
 */
int64_t policy_warn_s(const struct policy *policy, const char *class_name, int64_t time_s);

/* The rule that says so: "warn", "classes.notebook.warn". Returns buf. */
const char *policy_warn_rule(const struct policy *policy, const char *class_name, char *buf,
			     size_t size);

/*
 * May this person answer a request for the class? Admins, and whom "approvers"
 * of the policy or of the class names; nobody his own, root excepted.
 *   err  DENIED with rule
 */
int policy_may_answer(const struct policy *policy, const struct policy_person *person,
		      uid_t asker, const char *class_name, struct err *err);

/* Does every request for the class wait for an approval? */
bool policy_class_is_approved(const struct policy_class *class_);

/* The class's own least length of a reason; false: the policy's counts. */
bool policy_class_reason_min(const struct policy_class *class_, unsigned *ret);

/* After so long nobody has answered; the class may be gone. */
int64_t policy_approval_expire_s(const struct policy *policy, const char *class_name);

/*
 * So many instances for one job.
 *   err  REFUSED with rule and advice
 */
int policy_check_count(const struct policy *policy, const struct policy_class *class_,
		       unsigned count, struct err *err);

/* The slices of the smallest profile that serves a class on these boards; 0: none does. */
uint32_t policy_least_slices(const struct policy_class *class_,
			     const struct board *const *boards_here, size_t n);

/* The first class of the file that gives nothing but whole GPUs on these boards; NULL: none. */
const struct policy_class *policy_whole_gpus(const struct policy *policy,
					     const struct board *const *boards_here, size_t n);

/* The names of the free fields, for messages and tables. NULL past the end. */
const char *policy_field_name(const struct policy *policy, size_t i);
