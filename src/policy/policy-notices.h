/*
 * policy-notices.h - the key "notices:": who is told what, and by which way
 *
 * NOTICE_KINDS is the one list of what people can be told: an event of that
 * name becomes a notice of that name. Another kind of event is told as soon as
 * it has a row here.
 */
#pragma once

#include "policy/policy.h"
#include "policy/policy-template.h"

/* the event's kind, the sentence unless the policy has another */
#define NOTICE_KINDS(X)                                                                           \
	X("granted", "lease {lease}: your {class} is ready until {ends}: {text}")                 \
	X("refused", "your request for {class} was refused: {text}")                              \
	X("approval-needed", "{user} asks for {class} (lease {lease}) and waits for an answer: "  \
			     "{text}")                                                            \
	X("approved", "lease {lease}: {by} approved your {class}: {text}")                        \
	X("denied", "lease {lease}: your request for {class} is over: {text}")                    \
	X("expiring", "lease {lease}: your {class} ends at {ends}: {text}")                       \
	X("expired", "lease {lease}: the time of your {class} is over")                           \
	X("revoked", "lease {lease}: your {class} was ended by {by}: {text}")                     \
	X("ended", "lease {lease}: your {class} is given back: {text}")                           \
	X("moved", "lease {lease}: your {class} has another instance: {text}")                    \
	X("lost", "lease {lease}: the instance of your {class} vanished: {text}")                 \
	X("restored", "lease {lease}: your {class} has an instance again, with a new name: "      \
		      "{text}")                                                                   \
	X("drain-notice", "lease {lease}: your {class} has to go: {text}")                        \
	X("reclaim-notice", "lease {lease}: your {class} {text}")                                 \
	X("reclaimed", "lease {lease}: your {class} is over: {text}")                             \
	X("drained", "nothing is held there any more: {text}")                                    \
	X("stuck", "an instance cannot be removed: {text}")                                       \
	X("gpu-lost", "a GPU does not answer: {text}")                                            \
	X("policy-refused", "a policy file was refused: {text}")

#define NOTICE_WAYS(X) X(TERMINAL, "terminal") X(MAIL, "mail") X(WEBHOOK, "webhook")

enum notice_way {
#define X(way, name) NOTICE_##way,
	NOTICE_WAYS(X)
#undef X
		NOTICE_WAY_COUNT
};

const char *notice_way_name(enum notice_way way);

#define NOTICES_MAX_RULES  32
#define NOTICES_MAX_ADMINS 16
#define NOTICES_PATH	   256

struct yaml_node;

struct notice_rule {
	const struct yaml_node *on, *by, *teams, *classes; /* NULL teams, classes: all */
	bool to_admins; /* else to the holder */
};

struct policy_notices {
	size_t n_rules;
	struct notice_rule rules[NOTICES_MAX_RULES];
	const struct yaml_node *quiet_users, *quiet_teams;
	unsigned per_hour; /* to one person by one way; what is more is told at once */
	const char *mail_command, *mail_from, *mail_domain; /* domain NULL: none */
	const struct yaml_node *mail_admins;		    /* addresses; NULL: none */
	const char *webhook_url, *webhook_secret;	    /* NULL: none */
	const struct yaml_node *templates;		    /* kind to template; NULL: none */
};

const struct policy_notices *policy_notices(const struct policy *policy);

/* What a notice is about. */
struct notice_about {
	const char *kind; /* of the event */
	const char *user, *team, *class_name; /* NULL: does not apply */
};

/* Which ways it takes to its holder and to the admins: bit w for way w. 0: none. */
void policy_notice_ways(const struct policy *policy, const struct notice_about *about,
			unsigned *ret_holder, unsigned *ret_admins);

/* The template of a kind; NULL: no notice has that name. */
const char *policy_notice_template(const struct policy *policy, const char *kind);

/* The addresses of admins; ret has room for NOTICES_MAX_ADMINS. Returns how many. */
size_t policy_notice_admins(const struct policy *policy, const char **ret);

/* Read the key's map. err: INVALID with its place. */
int policy_read_notices(const struct policy *policy, const struct yaml_node *map,
			struct policy_notices *ret, struct err *err);
