/*
 * policy-price.h - the key "price:": what part of a GPU an instance is, and what that costs
 *
 * A weight is a part of a whole GPU, 1 for all of it. It is for show-back and
 * for counting people against each other, never for placing: an hour of an
 * instance counts as so many GPU-hours.
 */
#pragma once

#include "policy/policy.h"

#define PRICE_MAX_WEIGHTS 64

/* name, as typed, what it means */
#define PRICE_RULES(X)                                                                    \
	X(MAX_SHARE, "max-share", "the larger of its shares of compute and of memory")    \
	X(COMPUTE_SHARE, "compute-share", "its share of the compute slices")              \
	X(MEMORY_SHARE, "memory-share", "its share of the memory slices")                 \
	X(FIT_SHARE, "fit-share", "one divided by how many of it fit on a GPU")

enum price_rule {
#define X(name, typed, meaning) PRICE_##name,
	PRICE_RULES(X)
#undef X
		PRICE_RULE_COUNT
};

struct yaml_node;

struct policy_price {
	enum price_rule rule;
	const struct yaml_node *weighted; /* profiles with a weight of their own; NULL: none */
	double weights[PRICE_MAX_WEIGHTS];	  /* of each */
	bool has_per_gpu_hour;
	double per_gpu_hour;
	char currency[9]; /* "" when there is no price */
};

const struct policy_price *policy_price(const struct policy *policy);

/* By the default rule: the larger share. 1g.10gb of an H100 is 1/7, 3g.40gb 1/2. */
double price_weight(const struct board *board, const struct profile *profile);

/* As this policy has it: the weight it gives the profile, else by its rule. */
double policy_price_weight(const struct policy *policy, const struct board *board,
			   const struct profile *profile);

/* Read the key's map. err: INVALID with its place. */
int policy_read_price(const struct yaml_node *map, struct policy_price *ret, struct err *err);
