/* Who stands behind a uid: remembered, asked again, and never waited for for long. */
#include "../tap.h"

#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/users.h"

/* A user database that can hang, and that counts what it is asked. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool hangs;
static unsigned n_asked;
static const char *group_name = "vision";

int getpwuid_r(uid_t uid, struct passwd *pw, char *buffer, size_t size, struct passwd **ret)
{
	pthread_mutex_lock(&lock);
	n_asked++;
	while (hangs)
		pthread_cond_wait(&opened, &lock);
	pthread_mutex_unlock(&lock);
	snprintf(buffer, size, "user%u", uid);
	*pw = (struct passwd){.pw_name = buffer, .pw_uid = uid, .pw_gid = 7};
	*ret = uid < 2000 ? pw : NULL;
	return 0;
}

int getgrouplist(const char *user, gid_t gid, gid_t *groups, int *n)
{
	(void)user;
	groups[0] = gid;
	*n = 1;
	return 1;
}

int getgrgid_r(gid_t gid, struct group *group, char *buffer, size_t size, struct group **ret)
{
	pthread_mutex_lock(&lock);
	snprintf(buffer, size, "%s", group_name);
	pthread_mutex_unlock(&lock);
	*group = (struct group){.gr_name = buffer, .gr_gid = gid};
	*ret = group;
	return 0;
}

static void set_hangs(bool yes)
{
	pthread_mutex_lock(&lock);
	hangs = yes;
	pthread_cond_broadcast(&opened);
	pthread_mutex_unlock(&lock);
}

static unsigned asked(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = n_asked;
	pthread_mutex_unlock(&lock);
	return n;
}

static void set_group(const char *name)
{
	pthread_mutex_lock(&lock);
	group_name = name;
	pthread_mutex_unlock(&lock);
}

/* Until the database has told: a slow machine may take longer than anybody's patience. */
static const struct policy_person *told(struct users *users, uid_t uid, const char *group)
{
	for (;;) {
		const struct policy_person *person = users_get(users, uid);

		if (person && (!group || !strcmp(person->groups[0], group)))
			return person;
		usleep(1000); /* who asks without a pause may keep the lock from who answers */
	}
}

static void an_answer_is_remembered(void **state)
{
	struct users *users = users_new();
	const struct policy_person *person;
	unsigned n;

	(void)state;
	assert_non_null(users);
	person = told(users, 1001, NULL);
	assert_string_equal(person->name, "user1001");
	assert_int_equal(person->n_groups, 1);
	assert_string_equal(person->groups[0], "vision");
	n = asked();
	assert_ptr_equal(users_get(users, 1001), person);
	assert_int_equal(asked(), n);
	person = told(users, 2001, NULL);
	assert_string_equal(person->name, "2001");
	assert_int_equal(person->n_groups, 0);
	users_free(users);
}

static void after_a_reload_it_is_asked_again(void **state)
{
	struct users *users = users_new();

	(void)state;
	assert_non_null(users);
	told(users, 1001, "vision");
	set_group("language");
	users_forget(users);
	told(users, 1001, "language");
	set_group("vision");
	users_free(users);
}

static void a_database_that_hangs_stops_nobody(void **state)
{
	struct users *users = users_new();
	const struct policy_person *person;

	(void)state;
	assert_non_null(users);
	told(users, 1001, "vision");
	set_group("language");
	set_hangs(true);
	users_forget(users);
	/* The last answer counts, for one who is known ... */
	person = users_get(users, 1001);
	assert_non_null(person);
	assert_string_equal(person->groups[0], "vision");
	/* ... and nobody knows the others: a thousand of them are told so at once. */
	for (uid_t uid = 3000; uid < 4000; uid++) {
		assert_null(users_get(users, uid));
		assert_null(users_known(users, uid));
	}
	assert_non_null(users_get(users, 1001));
	set_hangs(false);
	told(users, 1001, "language");
	told(users, 3999, NULL);
	set_group("vision");
	users_free(users);
}

static void a_daemon_can_go_while_it_hangs(void **state)
{
	struct users *users = users_new();

	(void)state;
	assert_non_null(users);
	set_hangs(true);
	assert_null(users_get(users, 1001));
	users_free(users);
	set_hangs(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_remembered),
		cmocka_unit_test(after_a_reload_it_is_asked_again),
		cmocka_unit_test(a_database_that_hangs_stops_nobody),
		cmocka_unit_test(a_daemon_can_go_while_it_hangs),
	};

	return tap_run(tests);
}
