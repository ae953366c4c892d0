/*
 * policy-part.h - what the files of policy share
 *
 * A policy keeps the document it was read from. Lists of words stay nodes of
 * that document (a word alone or a list of words), checked when the file is
 * read, so nothing is copied and nothing else needs freeing.
 */
#pragma once

#include "base/yaml-doc.h"
#include "policy/policy-isolation.h"
#include "policy/policy-notices.h"
#include "policy/policy-placement.h"
#include "policy/policy-price.h"
#include "policy/policy-retention.h"
#include "policy/policy-grant.h"
#include "policy/policy-changes.h"
#include "policy/policy-review.h"
#include "policy/policy-reserve.h"
#include "policy/policy.h"

#define POLICY_WORD 64 /* users, groups and profiles: bytes at most */

/* Users, groups and teams; NULL: none named. */
struct policy_members {
	const struct yaml_node *users, *groups, *teams;
	const struct yaml_node *services; /* of teams only */
};

/* Exactly one of profiles, boards and (has_memory or has_slices). */
struct policy_class_match {
	const struct yaml_node *aliases, *profiles, *boards;
	bool has_memory, has_slices;
	uint64_t memory_bytes;
	int64_t slices;
	struct policy_members allow;
	const struct yaml_node *drivers; /* profile: the least driver; beyond what the board says */
	unsigned driver;		 /* that is in use; 0: not known */
};

/* Instances of one class at once; POLICY_UNLIMITED: no limit. */
struct policy_limits {
	uint32_t per_user, per_team, total;
};

struct policy_class_grant {
	struct policy_limits limits;
	struct policy_bundle bundle;
	bool bundle_per_slice;
	bool has_warn;
	int64_t warn_s;
	bool has_reason;
	unsigned reason_min;
	struct policy_approval {
		bool always, has_over_time, has_over_slices, has_expire;
		int64_t over_time_s, over_slices, expire_s;
		struct policy_members approvers;
	} approval;
	struct policy_renewing {
		int64_t times, each_s;
		bool has_times, has_each, yields; /* yields: not while others wait */
	} renewing;
};

/* A free field that requests may or must have. */
struct policy_field_rule {
	const char *name; /* its key in the file */
	bool required;
	const char *pattern;		  /* NULL: any text */
	const struct yaml_node *values;	  /* NULL: any */
	const struct yaml_node *classes;  /* NULL: of all; else required of these only */
};

struct policy_team_match {
	bool is_everyone;
	struct policy_members members;
	const struct yaml_node *classes; /* NULL: all */
};

struct policy_gpus {
	const struct yaml_node *use, *except;
};

struct policy {
	struct yaml_doc *doc;
	const char *name;
	struct policy_members admins;
	unsigned reason_min; /* characters */
	int64_t reason_from_slices, reason_from_time_s; /* 0: of all */
	int64_t warn_s;
	struct policy_members approvers;
	size_t n_fields;
	struct policy_field_rule fields[POLICY_MAX_FIELDS];
	size_t n_reservations;
	struct policy_reservation reservations[POLICY_MAX_RESERVATIONS];
	unsigned queue_max, queue_max_per_user;
	int64_t age_s;	     /* who has waited so long climbs by one */
	int64_t half_life_s; /* of past use; 0: it does not count */
	int64_t notice_s;    /* before a lease is reclaimed */
	struct policy_gpus gpus;
	struct policy_review review;
	struct policy_placement placement;
	struct policy_price price;
	struct policy_retention retention;
	struct policy_changes changes;
	struct policy_isolation isolation;
	struct policy_notices notices;
	size_t n_classes, n_teams;
	struct policy_class classes[POLICY_MAX_CLASSES];
	struct policy_class_match class_matches[POLICY_MAX_CLASSES];
	struct policy_class_grant class_grants[POLICY_MAX_CLASSES];
	struct policy_team teams[POLICY_MAX_TEAMS];
	struct policy_team_match team_matches[POLICY_MAX_TEAMS];
};

/* Add "500 slice-hours a week", with ", " before it; nothing without a quota. */
void policy_format_hours(const struct policy_hours *hours, struct text *ret);

/* The words of a list, or the word alone; NULL at the end, and for a NULL list. */
const struct yaml_node *words_first(const struct yaml_node *list);
const struct yaml_node *words_next(const struct yaml_node *list, const struct yaml_node *word);

/* for (each word) without repeating the list's name. */
#define WORDS_EACH(word, list)                                                                     \
	for (const struct yaml_node *word = words_first(list); word != NULL;                       \
	     word = words_next(list, word))

bool words_have(const struct yaml_node *list, const char *s);

/* The class with exactly that name or alias; NULL: none. */
const struct policy_class *class_by_word(const struct policy *policy, const char *word);

/* All words for classes, for "did you mean". */
size_t class_words(const struct policy *policy, const char **ret, size_t max);

const struct policy_team *team_by_name(const struct policy *policy, const char *name);

/* team: the person's own, or NULL. */
bool members_have(const struct policy_members *members, const struct policy_person *person,
		  const struct policy_team *team);

/* Add "team training; group lab; user ann, bob": at most max of each kind. */
void members_format(const struct policy_members *members, size_t max, struct text *ret);

/* Add "a, b, c". */
void words_format(const struct yaml_node *list, size_t max, struct text *ret);

/* May its members ask for the class, as far as the team's own list goes? */
bool team_may_use(const struct policy *policy, const struct policy_team *team,
		  const struct policy_class *class_);

/* The profile a word of a class names on a board: a name, a shape, or "full"; NULL: none. */
const struct profile *profile_by_word(const struct board *board, const char *word);

bool profile_is_whole_gpu(const struct board *board, const struct profile *profile);

/* The lines of policy_describe() about limits, approvals, renewals, bundles and fields. */
void policy_describe_grants(const struct policy *policy, struct text *ret);

/* Does it give nothing but whole GPUs on these boards? false also when none serves it. */
bool class_gives_whole_gpus(const struct policy_class *class_,
			    const struct board *const *boards_here, size_t n);

/* Does a text fit a pattern: '*' any text, '?' any character, '#' a digit? */
bool text_fits(const char *text, const char *pattern);

/* The index of a GPU. */
bool word_is_index(const char *s, unsigned *ret);
