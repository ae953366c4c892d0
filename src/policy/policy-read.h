/*
 * policy-read.h - reading and checking the parts of a policy file
 *
 * Every check leaves its node alone and reports the first mistake with its
 * place and, where something is near, what was probably meant.
 */
#pragma once

#include "policy/policy-part.h"

#define POLICY_MAX_WORDS   16 /* in one list of profiles */
#define POLICY_MAX_ALIASES 8
#define POLICY_CLASS_WORDS (POLICY_MAX_CLASSES * (POLICY_MAX_ALIASES + 1))

/* Where a struct yaml_field puts its value. */
#define AT(type, member) .at = offsetof(struct type, member)

/*
 * A map that is read by a table of fields.
 *   example  shown when it is no map at all
 */
int map_read(const struct yaml_node *map, const char *what, const char *example,
	     const struct yaml_field *fields, size_t n_fields, void *into, struct err *err);

/* A list of 1 to max words, or one word alone; each must pass the check, if any. NULL is fine. */
int words_check(const struct yaml_node *list, size_t max,
		int (*check)(const struct yaml_node *word, struct err *err), struct err *err);

/*
 * The value of a key that is one of a few words; typed NULL is the first. Returns its index, or
 * -ERR_INVALID with what may have been meant.
 */
int word_read(const struct yaml_node *map, const char *key, const char *typed,
	      const char *const *words, size_t n, struct err *err);

/* A user's or group's name, as the system may have it. */
int word_check_person(const struct yaml_node *word, struct err *err);

/* A word for a class or a team: [a-z][a-z0-9-]*, up to 32 characters. */
int word_check_name(const struct yaml_node *word, struct err *err);

/* The same for the key of a node. what is "class" or "team". */
int key_check_name(const struct yaml_node *node, const char *what, struct err *err);

/* An index, a UUID or a board. */
int word_check_gpu(const struct yaml_node *word, struct err *err);

/* A profile that some board has, or "full". */
int word_check_profile(const struct yaml_node *word, struct err *err);

/* The board that is the node's key; NULL with an error when there is none. */
const struct board *key_check_board(const struct yaml_node *node, struct err *err);

/* A list of profiles that this board has. */
int words_check_profiles_of(const struct yaml_node *list, const struct board *board,
			    struct err *err);

/* A text of at most max bytes without control characters. */
int text_check(const struct yaml_node *node, size_t max, struct err *err);

/* The same for a word of a list. */
int text_check_word(const struct yaml_node *word, size_t max, struct err *err);

/* Add what was probably meant to an error, or else the given hint. Returns -err->code. */
int fail_near(struct err *err, const char *typed, const char *const *words, size_t n,
	      const char *otherwise);

/*
 * {users, groups} and, with n_fields 3 instead of 2, teams: names somebody.
 *   what, example  as for map_read()
 */
int read_members(const struct yaml_node *map, const char *what, const char *example,
		 size_t n_fields, struct policy_members *ret, struct err *err);

/* The slice-hours of a quota, "per" a period; both or none. */
int policy_read_hours(const struct yaml_node *map, bool has_hours, double hours, const char *per,
		      struct policy_hours *ret, struct err *err);

int policy_read_reclaim(const struct yaml_node *map, struct policy *policy, struct err *err);
/* After the team's quota. */
int policy_read_guarantee(const struct yaml_node *map, struct policy_team *team, struct err *err);
int policy_read_fairness(const struct yaml_node *map, struct policy *policy, struct err *err);

/* Read one more class or team into the policy. Teams come after the classes. */
int policy_read_class(struct policy *policy, const struct yaml_node *map, struct err *err);
int policy_read_team(struct policy *policy, const struct yaml_node *map, struct err *err);

/*
 * policy-grant.c: what a class says beyond profiles and times; the class has its name.
 * The keys are CLASS_GRANT_FIELDS of its map, read into struct grant_wish.
 */
struct grant_wish {
	const struct yaml_node *bundle, *limits, *approval, *renew, *reason;
	bool interactive, has_warn;
	int64_t per_job, warn_s;
};

#define GRANT_FIELDS(type, member)                                                                \
	{"bundle", YAML_NODE, offsetof(struct type, member.bundle)},                               \
		{"limits", YAML_NODE, offsetof(struct type, member.limits)},                       \
		{"approval", YAML_NODE, offsetof(struct type, member.approval)},                   \
		{"renew", YAML_NODE, offsetof(struct type, member.renew)},                         \
		{"reason", YAML_NODE, offsetof(struct type, member.reason)},                       \
		{"interactive", YAML_BOOL, offsetof(struct type, member.interactive)},             \
		{"per_job", YAML_NUMBER, offsetof(struct type, member.per_job), .min = 1,          \
		 .max = 64},                                                                       \
	{                                                                                          \
		"warn", YAML_DURATION, offsetof(struct type, member.warn_s),                       \
			offsetof(struct type, member.has_warn)                                     \
	}

int class_read_grant(const struct yaml_node *map, const struct grant_wish *wish,
		     struct policy_class *class_, struct err *err);

/* The keys of the whole file: "reason", "fields", "approvers", "warn". */
int policy_read_reason(const struct yaml_node *map, struct policy *policy, struct err *err);
int policy_read_reservations(const struct yaml_node *map, struct policy *policy, struct err *err);
int policy_read_fields(const struct yaml_node *map, struct policy *policy, struct err *err);
