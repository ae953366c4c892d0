/*
 * policy-retention.h - the key "retention:": how long the past is kept
 */
#pragma once

#include "policy/policy.h"

struct policy_retention {
	int64_t events_s, leases_s; /* 0: for ever */
};

const struct policy_retention *policy_retention(const struct policy *policy);

struct yaml_node;

/* Read the key's map. err: INVALID with its place. */
int policy_read_retention(const struct yaml_node *map, struct policy_retention *ret,
			  struct err *err);
