#include "daemon/users.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"

#define REMEMBER_S 60
#define MAX_KNOWN  256
#define MAX_GROUPS 1024
#define NSS_BUFFER 65536

struct user {
	uid_t uid;
	int64_t when_s;
	struct policy_person person;
	char name[33];
	char **groups;
};

struct users {
	size_t n;
	struct user known[MAX_KNOWN];
};

struct users *users_new(void)
{
	return calloc(1, sizeof(struct users));
}

static void forget(struct user *user)
{
	for (size_t i = 0; i < user->person.n_groups; i++)
		free(user->groups[i]);
	free(user->groups);
	*user = (struct user){0};
}

void users_forget(struct users *users)
{
	for (size_t i = 0; i < users->n; i++)
		forget(&users->known[i]);
	users->n = 0;
}

void users_free(struct users *users)
{
	if (!users)
		return;
	users_forget(users);
	free(users);
}

static void name_group(struct user *user, gid_t gid, char *buffer)
{
	struct group group, *found = NULL;

	if (getgrgid_r(gid, &group, buffer, NSS_BUFFER, &found) || !found)
		return;
	user->groups[user->person.n_groups] = strdup(found->gr_name);
	if (user->groups[user->person.n_groups])
		user->person.n_groups++;
}

static int find_groups(struct user *user, const struct passwd *pw, char *buffer)
{
	int n = MAX_GROUPS;
	cleanup(free) gid_t *gids = calloc((size_t)n, sizeof(*gids));

	if (!gids)
		return -1;
	if (getgrouplist(pw->pw_name, pw->pw_gid, gids, &n) < 0)
		n = MAX_GROUPS; /* in more groups than that: the first ones count */
	user->groups = calloc((size_t)n + 1, sizeof(char *));
	if (!user->groups)
		return -1;
	for (int i = 0; i < n; i++)
		name_group(user, gids[i], buffer);
	return 0;
}

static int look_up(struct user *user, uid_t uid)
{
	cleanup(free) char *buffer = malloc(NSS_BUFFER);
	cleanup(free) char *group_buffer = malloc(NSS_BUFFER);
	struct passwd pw, *found = NULL;

	if (!buffer || !group_buffer)
		return -1;
	*user = (struct user){.uid = uid, .when_s = clock_now_s()};
	snprintf(user->name, sizeof(user->name), "%u", uid);
	if (getpwuid_r(uid, &pw, buffer, NSS_BUFFER, &found) == 0 && found) {
		snprintf(user->name, sizeof(user->name), "%.32s", found->pw_name);
		if (find_groups(user, found, group_buffer))
			return -1;
	}
	user->person.uid = uid;
	user->person.groups = (const char *const *)user->groups;
	return 0;
}

static size_t oldest(const struct users *users)
{
	size_t at = 0;

	for (size_t i = 1; i < users->n; i++)
		if (users->known[i].when_s < users->known[at].when_s)
			at = i;
	return at;
}

const struct policy_person *users_get(struct users *users, uid_t uid)
{
	size_t at = users->n;
	int64_t now_s = clock_now_s();

	for (size_t i = 0; i < users->n; i++)
		if (users->known[i].uid == uid)
			at = i;
	if (at == users->n && users->n == MAX_KNOWN)
		at = oldest(users);
	if (at == users->n)
		users->n++;
	else if (users->known[at].uid == uid && users->known[at].when_s + REMEMBER_S > now_s &&
		 users->known[at].when_s <= now_s)
		return &users->known[at].person;
	forget(&users->known[at]);
	if (look_up(&users->known[at], uid)) {
		forget(&users->known[at]);
		users->known[at].uid = (uid_t)-1;
		return NULL;
	}
	users->known[at].person.name = users->known[at].name;
	return &users->known[at].person;
}
