/*
 * policy-review.h - the key "review:": when people last looked at all this
 *
 * What no program can know: whether the classes were compared with what is
 * really used, and whether real work was tried on them. It decides nothing; it
 * is written down by an administrator and held against him by carve check.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "policy/policy.h"

#define POLICY_REVIEW_EVERY_S (90 * 86400) /* when the key does not say */

struct policy_review {
	bool has_last, has_tested;
	int64_t last_s;	  /* the day it began, UTC */
	int64_t every_s;  /* how long a review holds */
	int64_t tested_s; /* real workloads were tried on the classes */
};

/* Without the key both dates are missing. */
const struct policy_review *policy_review(const struct policy *policy);

/* Add "review  last 2026-09-01, every 90d; tested 2026-08-15" and a newline; nothing without the key. */
void policy_review_describe(const struct policy_review *review, struct text *ret);

struct yaml_node;

/* Read the key's map. err: INVALID with its place. */
int policy_read_review(const struct yaml_node *map, struct policy_review *ret, struct err *err);
