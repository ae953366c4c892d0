/*
 * policy-refusal.h - saying no so that it helps
 *
 * A refusal says what was asked for and why it cannot be, who holds what is
 * missing and when the first of it ends, what else the person may have now, and
 * the key of the file that decided.
 */
#pragma once

#include "policy/policy-part.h"

/* What one quota counts: all of a team, or all of one person. */
struct quota_scope {
	const struct policy_person *person;
	const struct policy_team *team;
	bool per_user;
	const struct policy_holding *holdings;
	size_t n;
};

struct admit {
	const struct policy *policy;
	const struct policy_person *person;
	const struct policy_class *class_;
	const struct policy_team *team; /* NULL: none */
	const struct board *const *boards;
	size_t n_boards;
	uint32_t least_slices; /* of the smallest profile that serves the class here */
	struct quota_scope scopes[2];
};

/* a + b, at most UINT32_MAX. */
uint32_t add_capped(uint32_t a, uint32_t b);

bool scope_has(const struct quota_scope *scope, const struct policy_holding *holding);
const struct policy_quota *scope_quota(const struct quota_scope *scope);
struct policy_quota scope_held(const struct quota_scope *scope);
struct policy_quota scope_left(const struct quota_scope *scope);

/* The slices of the smallest profile that serves a class on these boards; 0: none does. */
uint32_t class_least_slices(const struct policy_class *class_,
			    const struct board *const *boards_here, size_t n);
bool class_allows(const struct policy *policy, const struct policy_class *class_,
		  const struct policy_person *person, const struct policy_team *team);

/* policy-grant-check.c: what the class says beyond profiles and times. */
int grant_check_limits(const struct admit *admit, struct err *err);
int grant_check_fields(const struct admit *admit, const struct policy_wish *wish, struct err *err);
/* Characters that a reason needs; rule: NULL when the class itself says so. */
unsigned grant_reason_min(const struct admit *admit, int64_t time_s, uint32_t slices,
			  const char **ret_rule);
/* Fills in terms->approval. */
void grant_approval(const struct admit *admit, struct policy_terms *terms);

/* Each fills in err and returns its negative code. */
int refuse_no_team(const struct admit *admit, struct err *err);
int refuse_team_class(const struct admit *admit, struct err *err);
int refuse_restricted(const struct admit *admit, struct err *err);
int refuse_impossible(const struct admit *admit, struct err *err);
/* by_slices: else by the number of instances. */
int refuse_quota(const struct admit *admit, const struct quota_scope *scope, bool by_slices,
		 struct err *err);
