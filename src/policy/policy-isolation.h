/*
 * policy-isolation.h - the key "isolation:": what keeps an instance to its holder
 */
#pragma once

#include "policy/policy.h"

/* name, as typed, what it does */
#define ISOLATION_MODES(X)                                                           \
	X(AUTO, "auto", "all that the host can do")                                  \
	X(OFF, "off", "device nodes are left as they are")                           \
	X(ACL, "acl", "device nodes open to the holder alone")                       \
	X(CGROUP, "cgroup", "and his processes live in a group without other devices")

enum isolation_mode {
#define X(name, typed, meaning) ISOLATION_##name,
	ISOLATION_MODES(X)
#undef X
		ISOLATION_MODE_COUNT
};

const char *isolation_mode_name(enum isolation_mode mode);

struct policy_isolation {
	enum isolation_mode mode;
	const char *group; /* a Unix group that gets in everywhere; NULL: none */
};

const struct policy_isolation *policy_isolation(const struct policy *policy);

struct yaml_node;

/* Read the key's word or map. err: INVALID with its place. */
int policy_read_isolation(const struct yaml_node *node, struct policy_isolation *ret,
			  struct err *err);
