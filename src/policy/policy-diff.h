/*
 * policy-diff.h - what another policy would change, before it is in force
 *
 * Two answers: which parts of the file differ, and what that means for the
 * leases and requests there are. A lease is never taken away for another
 * policy; what it loses is that it can be renewed, or asked for again. A
 * request that no longer fits leaves the queue. Only what is new is told: who
 * was over a quota before is no news.
 */
#pragma once

#include "policy/policy.h"

struct policy_change {
	char key[80]; /* "classes.small", "queue" */
	const char *what; /* "added", "removed", "changed" */
};

/* A lease or a request that there is. */
struct policy_subject {
	const struct policy_person *person; /* as the system knows him now */
	struct policy_holding holding;	    /* slices 0: it holds nothing yet */
	const char *reason;
	bool waits, approved; /* a request; it was approved already */
	int64_t time_s;
	bool has_gpu;
	unsigned gpu_index;
	const char *gpu_uuid, *gpu_board; /* board NULL: not known */
};

/* kind, meaning */
#define POLICY_EFFECTS(X)                                                            \
	X(CLASS_GONE, "class-gone", "its class has left the file")                   \
	X(NO_ACCESS, "no-access", "the person may not ask for the class any more")   \
	X(TOO_LONG, "too-long", "its time is longer than the class then allows")     \
	X(APPROVAL, "needs-approval", "it waits, and somebody must approve it first") \
	X(NOT_MANAGED, "not-managed", "its GPU is no longer managed")                \
	X(OTHER_TEAM, "other-team", "the person then belongs to another team")       \
	X(REFUSED, "refused", "another rule refuses it")                             \
	X(OVER_QUOTA, "over-quota", "more is held than a quota then allows")

enum policy_effect_kind {
#define X(kind, name, meaning) POLICY_EFFECT_##kind,
	POLICY_EFFECTS(X)
#undef X
	POLICY_EFFECT_COUNT
};

const char *policy_effect_name(enum policy_effect_kind kind);

struct policy_effect {
	enum policy_effect_kind kind;
	int64_t lease;		       /* 0: of a team or of all that a person holds */
	char team[POLICY_NAME], user[POLICY_NAME];
	char rule[64], text[512];
};

struct policy_diff {
	struct policy_change *changes;
	size_t n_changes, cap_changes;
	struct policy_effect *effects;
	size_t n_effects, cap_effects;
};

/*
 *   boards_here  of the GPUs that each of them manages; old and new may differ
 *   ret          out: freed by policy_diff_done()
 * Returns 0, or -1 when memory ran out.
 */
int policy_diff(const struct policy *old, const struct policy *new_,
		const struct board *const *boards_here, size_t n_boards_here,
		const struct policy_subject *subjects, size_t n, struct policy_diff *ret);
void policy_diff_done(struct policy_diff *diff);

static inline void cleanup_policy_diff_done(struct policy_diff *diff)
{
	policy_diff_done(diff);
}
