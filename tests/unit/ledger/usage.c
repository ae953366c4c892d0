/* What was held, added up: against a sum that is made one second at a time. */
#include "ledger-test.h"

#include <sqlite3.h>

#include "base/array.h"
#include "ledger/ledger-db.h"
#include "ledger/ledger-usage.h"

static int64_t add_instance(struct ledger *ledger, const char *profile, unsigned id, unsigned slices,
			    unsigned start)
{
	struct ledger_instance instance = sample_instance();
	struct err err = ERR_INIT;

	instance.profile_id = id;
	instance.slices = slices;
	instance.start = start;
	instance.state = INSTANCE_GONE;
	snprintf(instance.profile, sizeof(instance.profile), "%s", profile);
	assert_works(ledger_instance_add(ledger, &instance, &err));
	return instance.id;
}

struct held {
	const char *user, *team;
	int64_t from_s, to_s; /* to 0: still held */
	bool wide;
};

static void add_lease(struct ledger *ledger, const struct held *held, int64_t instance)
{
	struct ledger_lease lease = {.class_name = "small",
				     .state = held->to_s ? LEASE_ENDED : LEASE_ACTIVE,
				     .has_instance = true,
				     .instance = instance,
				     .has_granted = true,
				     .granted_s = held->from_s,
				     .has_ended = held->to_s != 0,
				     .ended_s = held->to_s};
	struct err err = ERR_INIT;

	snprintf(lease.user, sizeof(lease.user), "%s", held->user);
	snprintf(lease.team, sizeof(lease.team), "%s", held->team);
	assert_works(ledger_lease_add(ledger, &lease, &err));
}

static const struct held life[] = {
	{"ann", "vision", 100, 200, false}, /* inside */
	{"ann", "vision", 0, 130, true},    /* crosses the first border */
	{"bob", "vision", 250, 900, true},  /* and the last */
	{"bob", "vision", 10, 1000, false}, /* and both */
	{"cem", "speech", 220, 0, false},   /* still held */
	{"cem", "speech", 0, 90, true},	    /* before */
	{"cem", "speech", 400, 500, true},  /* after */
	{"dee", "speech", 150, 140, true},  /* the clock was set back */
	{"dee", "speech", 90, 100, true},   /* ends at the border */
};

static struct ledger *open_life(void)
{
	struct ledger *ledger = open_sample(":memory:");
	struct ledger_lease waiting = {.user = "ann", .team = "vision", .class_name = "small"};
	struct err err = ERR_INIT;

	assert_works(ledger_begin(ledger, &err));
	for (size_t i = 0; i < ARRAY_SIZE(life); i++)
		add_lease(ledger, &life[i],
			  add_instance(ledger, life[i].wide ? "3g.40gb" : "1g.10gb",
				       life[i].wide ? 9 : 19, life[i].wide ? 3 : 1, (unsigned)i));
	assert_works(ledger_lease_add(ledger, &waiting, &err));
	assert_works(ledger_commit(ledger, &err));
	return ledger;
}

#define SINCE 100
#define UNTIL 300

/* Slice-seconds, one second at a time. */
static int64_t slowly(const char *user, const char *team)
{
	int64_t sum = 0;

	for (int64_t now = SINCE; now < UNTIL; now++)
		for (size_t i = 0; i < ARRAY_SIZE(life); i++)
			if ((!user || !strcmp(user, life[i].user)) &&
			    (!team || !strcmp(team, life[i].team)) && life[i].from_s <= now &&
			    (!life[i].to_s || now < life[i].to_s))
				sum += life[i].wide ? 3 : 1;
	return sum;
}

struct got {
	size_t n;
	struct {
		char key[64], board[64];
		int64_t slice_s, leases;
	} at[16];
};

static void take(const struct ledger_usage *usage, void *arg)
{
	struct got *got = arg;
	const char *key = usage->key ? usage->key : "(not known)";

	if (!got->n || strcmp(got->at[got->n - 1].key, key) != 0) {
		assert_true(got->n < ARRAY_SIZE(got->at));
		snprintf(got->at[got->n].key, sizeof(got->at[0].key), "%s", key);
		snprintf(got->at[got->n].board, sizeof(got->at[0].board), "%s", usage->board);
		got->n++;
	}
	got->at[got->n - 1].slice_s += usage->held_s * usage->slices;
	got->at[got->n - 1].leases += usage->n_leases;
}

static struct got usage_by(struct ledger *ledger, enum usage_key by)
{
	struct got got = {0};
	struct err err = ERR_INIT;

	assert_works(ledger_usage(ledger, by, SINCE, UNTIL, take, &got, &err));
	return got;
}

static void test_sums(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_life();
	struct got users = usage_by(ledger, USAGE_USER), teams = usage_by(ledger, USAGE_TEAM);

	(void)state;
	assert_int_equal(users.n, 4);
	for (size_t i = 0; i < users.n; i++)
		assert_int_equal(users.at[i].slice_s, slowly(users.at[i].key, NULL));
	assert_string_equal(users.at[0].board, "a100-sxm4-80gb");
	assert_int_equal(teams.n, 2);
	for (size_t i = 0; i < teams.n; i++)
		assert_int_equal(teams.at[i].slice_s, slowly(NULL, teams.at[i].key));
	assert_true(slowly(NULL, NULL) > 600);
}

static void test_other_keys(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_life();
	struct got profiles = usage_by(ledger, USAGE_PROFILE), gpus = usage_by(ledger, USAGE_GPU);
	struct got classes = usage_by(ledger, USAGE_CLASS), projects;

	(void)state;
	assert_int_equal(profiles.n, 2);
	assert_string_equal(profiles.at[0].key, "1g.10gb");
	assert_int_equal(gpus.n, 1);
	assert_string_equal(gpus.at[0].key, GPU_UUID);
	assert_int_equal(classes.n, 1);
	assert_int_equal(classes.at[0].slice_s, slowly(NULL, NULL));
	projects = usage_by(ledger, USAGE_PROJECT);
	assert_int_equal(projects.n, 1);
	assert_string_equal(projects.at[0].key, "(not known)");
	assert_int_equal(projects.at[0].slice_s, slowly(NULL, NULL));
}

static void test_projects(void **state)
{
	cleanup(ledger_close) struct ledger *ledger = open_life();
	struct got projects;

	(void)state;
	assert_int_equal(sqlite3_exec(ledger->db,
				      "UPDATE lease SET fields = '{\"ticket\":\"7\",\"project\":"
				      "\"apollo\"}' WHERE user = 'ann'",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	projects = usage_by(ledger, USAGE_PROJECT);
	assert_int_equal(projects.n, 2);
	assert_string_equal(projects.at[0].key, "(not known)");
	assert_string_equal(projects.at[1].key, "apollo");
	assert_int_equal(projects.at[1].slice_s, slowly("ann", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_projects),
	};

	return tap_run(tests);
}
