#include "daemon/users.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"

#define REMEMBER_S  60
#define MAX_KNOWN   4096
#define MAX_ASKED   256 /* that wait for the database */
#define MAX_GROUPS  1024
#define NSS_BUFFER  65536
#define PATIENCE_NS INT64_C(250000000) /* for an answer; then the last one counts */

struct user {
	uid_t uid;
	int64_t when_s; /* of the answer; 0: there is none, or it is to be asked again */
	bool known;
	int64_t asked_s;
	uint64_t used; /* the last to be used goes last */
	struct policy_person person;
	char name[33];
	char **groups;
};

/* What the two threads share. A database that hangs keeps it, and the thread, for ever. */
struct desk {
	pthread_mutex_t lock;
	pthread_cond_t wanted, answered;
	uid_t asked[MAX_ASKED];
	size_t n_asked;
	struct user *answers[MAX_ASKED];
	size_t n_answers;
	bool busy, stop, left; /* left: whoever is still here cleans up */
	int64_t busy_ns;       /* since then */
};

struct users {
	struct desk *desk;
	pthread_t thread;
	struct user *known[MAX_KNOWN];
	size_t n;
	uint64_t uses;
	bool told; /* that the database does not answer */
};

/* ---- asking the database; in the thread ---- */

static void free_user(struct user *user)
{
	if (!user)
		return;
	for (size_t i = 0; i < user->person.n_groups; i++)
		free(user->groups[i]);
	free(user->groups);
	free(user);
}

DEFINE_CLEANUP(free_user, struct user *);

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

/* NULL: no memory. */
static struct user *look_up(uid_t uid)
{
	cleanup(free_user) struct user *user = calloc(1, sizeof(*user));
	cleanup(free) char *buffer = malloc(NSS_BUFFER);
	cleanup(free) char *group_buffer = malloc(NSS_BUFFER);
	struct passwd pw, *found = NULL;

	if (!user || !buffer || !group_buffer)
		return NULL;
	user->uid = uid;
	user->known = true;
	snprintf(user->name, sizeof(user->name), "%u", uid);
	if (getpwuid_r(uid, &pw, buffer, NSS_BUFFER, &found) == 0 && found) {
		snprintf(user->name, sizeof(user->name), "%.32s", found->pw_name);
		if (find_groups(user, found, group_buffer))
			return NULL;
	}
	user->when_s = clock_now_s();
	user->person.uid = uid;
	user->person.name = user->name;
	user->person.groups = (const char *const *)user->groups;
	return steal(user);
}

static void free_desk(struct desk *desk)
{
	for (size_t i = 0; i < desk->n_answers; i++)
		free_user(desk->answers[i]);
	pthread_mutex_destroy(&desk->lock);
	pthread_cond_destroy(&desk->wanted);
	pthread_cond_destroy(&desk->answered);
	free(desk);
}

static void *work(void *arg)
{
	struct desk *desk = arg;
	bool left;

	pthread_mutex_lock(&desk->lock);
	for (;;) {
		struct user *answer;
		uid_t uid;

		while (!desk->n_asked && !desk->stop)
			pthread_cond_wait(&desk->wanted, &desk->lock);
		if (desk->stop)
			break;
		uid = desk->asked[0];
		memmove(desk->asked, desk->asked + 1, --desk->n_asked * sizeof(uid));
		desk->busy = true;
		desk->busy_ns = clock_monotonic_ns();
		pthread_mutex_unlock(&desk->lock);
		answer = look_up(uid);
		pthread_mutex_lock(&desk->lock);
		desk->busy = false;
		if (answer && desk->n_answers < MAX_ASKED)
			desk->answers[desk->n_answers++] = answer;
		else
			free_user(answer);
		pthread_cond_signal(&desk->answered);
	}
	left = desk->left;
	pthread_mutex_unlock(&desk->lock);
	if (left)
		free_desk(desk);
	return NULL;
}

/* ---- life ---- */

static struct desk *new_desk(void)
{
	struct desk *desk = calloc(1, sizeof(*desk));
	pthread_condattr_t monotonic;

	if (!desk)
		return NULL;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&desk->lock, NULL);
	pthread_cond_init(&desk->wanted, &monotonic);
	pthread_cond_init(&desk->answered, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return desk;
}

/* Signals are for the main thread. */
static int start_thread(pthread_t *ret, struct desk *desk)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	r = pthread_create(ret, NULL, work, desk);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

struct users *users_new(void)
{
	struct users *users = calloc(1, sizeof(*users));
	struct desk *desk = new_desk();

	if (users && desk && !start_thread(&users->thread, desk)) {
		users->desk = desk;
		return users;
	}
	if (desk)
		free_desk(desk);
	free(users);
	return NULL;
}

void users_free(struct users *users)
{
	bool hangs;

	if (!users)
		return;
	pthread_mutex_lock(&users->desk->lock);
	users->desk->stop = true;
	hangs = users->desk->left = users->desk->busy;
	pthread_cond_signal(&users->desk->wanted);
	pthread_mutex_unlock(&users->desk->lock);
	if (hangs) { /* nobody waits for a database when the daemon goes */
		pthread_detach(users->thread);
	} else {
		pthread_join(users->thread, NULL);
		free_desk(users->desk);
	}
	for (size_t i = 0; i < users->n; i++)
		free_user(users->known[i]);
	free(users);
}

void users_forget(struct users *users)
{
	for (size_t i = 0; i < users->n; i++)
		users->known[i]->when_s = users->known[i]->asked_s = 0;
}

/* ---- answers; in the main thread ---- */

static size_t find(const struct users *users, uid_t uid)
{
	size_t at = 0;

	while (at < users->n && users->known[at]->uid != uid)
		at++;
	return at;
}

static void take_answers(struct users *users)
{
	struct desk *desk = users->desk;

	for (size_t i = 0; i < desk->n_answers; i++) {
		struct user *answer = desk->answers[i];
		size_t at = find(users, answer->uid);

		if (at == users->n) { /* it was given up meanwhile */
			free_user(answer);
			continue;
		}
		answer->used = users->known[at]->used;
		free_user(users->known[at]);
		users->known[at] = answer;
		users->told = false;
	}
	desk->n_answers = 0;
}

/* A place for one more: the one that was not used for longest goes. NULL: no memory. */
static struct user *add(struct users *users, uid_t uid)
{
	struct user *user = calloc(1, sizeof(*user));
	size_t at = 0;

	if (!user)
		return NULL;
	user->uid = uid;
	if (users->n < MAX_KNOWN) {
		users->known[users->n++] = user;
		return user;
	}
	for (size_t i = 1; i < users->n; i++)
		if (users->known[i]->used < users->known[at]->used)
			at = i;
	free_user(users->known[at]);
	users->known[at] = user;
	return user;
}

static bool is_fresh(const struct user *user)
{
	int64_t now_s = clock_now_s();

	return user->known && user->when_s <= now_s && user->when_s + REMEMBER_S > now_s;
}

static void want(struct users *users, struct user *user)
{
	struct desk *desk = users->desk;

	int64_t now_s = clock_now_s();

	if ((user->asked_s <= now_s && user->asked_s + REMEMBER_S > now_s) ||
	    desk->n_asked == MAX_ASKED)
		return;
	user->asked_s = now_s;
	desk->asked[desk->n_asked++] = user->uid;
	pthread_cond_signal(&desk->wanted);
}

/* Until the answer is there, or it is plain that the database takes its time. */
static void wait_for(struct users *users, uid_t uid)
{
	struct desk *desk = users->desk;
	int64_t until_ns = clock_monotonic_ns() + PATIENCE_NS;

	while (find(users, uid) < users->n && !is_fresh(users->known[find(users, uid)])) {
		int64_t patience_ns = desk->busy ? desk->busy_ns + PATIENCE_NS : until_ns;
		int64_t end_ns = patience_ns < until_ns ? patience_ns : until_ns;
		struct timespec end = {end_ns / 1000000000, end_ns % 1000000000};

		if (end_ns <= clock_monotonic_ns())
			return;
		pthread_cond_timedwait(&desk->answered, &desk->lock, &end);
		take_answers(users);
	}
}

static const struct policy_person *get(struct users *users, uid_t uid, bool wait)
{
	size_t at;

	take_answers(users);
	at = find(users, uid);
	if (at == users->n && !add(users, uid))
		return NULL;
	at = find(users, uid);
	if (!is_fresh(users->known[at])) {
		want(users, users->known[at]);
		if (wait)
			wait_for(users, uid);
		at = find(users, uid);
		if (wait && !is_fresh(users->known[at]) && !users->told) {
			users->told = true;
			log_warning("the system's user database does not answer; what it said last "
				    "counts");
		}
	}
	users->known[at]->used = ++users->uses;
	return users->known[at]->known ? &users->known[at]->person : NULL;
}

const struct policy_person *users_get(struct users *users, uid_t uid)
{
	const struct policy_person *person;

	pthread_mutex_lock(&users->desk->lock);
	person = get(users, uid, true);
	pthread_mutex_unlock(&users->desk->lock);
	return person;
}

const struct policy_person *users_known(struct users *users, uid_t uid)
{
	const struct policy_person *person;

	pthread_mutex_lock(&users->desk->lock);
	person = get(users, uid, false);
	pthread_mutex_unlock(&users->desk->lock);
	return person;
}
