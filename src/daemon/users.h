/*
 * users.h - who stands behind a uid
 *
 * Names and groups come from the system's user database, which may be slow
 * (LDAP): they are remembered for a minute. Main thread only.
 */
#pragma once

#include "policy/policy.h"

struct users;

struct users *users_new(void); /* NULL: no memory */
void users_free(struct users *users);

/*
 * The answer lives until the next call. A uid without an entry is a person
 * without groups whose name is the number. NULL: no memory.
 */
const struct policy_person *users_get(struct users *users, uid_t uid);

/* Ask the database again (after a reload). */
void users_forget(struct users *users);
