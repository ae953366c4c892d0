/*
 * users.h - who stands behind a uid
 *
 * Names and groups come from the system's user database, which may be slow or
 * hang (LDAP): a thread of its own asks it, and the answers are remembered. An
 * answer older than a minute is asked for again; as long as there is no newer one,
 * the last one counts. Nobody waits longer than a quarter of a second, and
 * nobody waits for a database that is known to take longer. For the main thread.
 */
#pragma once

#include "policy/policy.h"

struct users;

struct users *users_new(void); /* NULL: no memory, or no thread */
void users_free(struct users *users);

/*
 * The answer lives until the next call of any of these. A uid without an entry is a person
 * without groups whose name is the number. NULL: the database never told, or no memory.
 */
const struct policy_person *users_get(struct users *users, uid_t uid);

/* The same without waiting: what it said last. */
const struct policy_person *users_known(struct users *users, uid_t uid);

/* Ask the database again (after a reload). */
void users_forget(struct users *users);
