/*
 * policy-template.h - sentences with places to be filled in
 *
 * "{user}" is replaced by what is known about the event; "{{" and "}}" are
 * braces. A template is checked when the policy is read: a name that is none,
 * or a brace alone, is a mistake. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/text.h"

#define TEMPLATE_MAX 500 /* bytes of a template */

/* name, what it is replaced by */
#define TEMPLATE_NAMES(X)                                              \
	X(USER, "user", "whose lease it is")                           \
	X(TEAM, "team", "his team")                                    \
	X(CLASS, "class", "the class that was asked for")              \
	X(LEASE, "lease", "number of the lease")                       \
	X(PROFILE, "profile", "the profile of the instance")           \
	X(GPU, "gpu", "UUID of its GPU")                               \
	X(ENDS, "ends", "when the lease ends, local time")             \
	X(BY, "by", "who did it")                                      \
	X(RULE, "rule", "the rule that decided")                       \
	X(TEXT, "text", "the sentence of the event")                   \
	X(HOST, "host", "name of this server")

enum template_name {
#define X(name, typed, meaning) TEMPLATE_##name,
	TEMPLATE_NAMES(X)
#undef X
		TEMPLATE_NAME_COUNT
};

/* err: INVALID with what may have been meant, without a place */
int template_check(const char *template, struct err *err);

/* Add a checked template with values in their places; NULL and "" become "-". */
void template_fill(const char *template, const char *const values[TEMPLATE_NAME_COUNT],
		   struct text *ret);
