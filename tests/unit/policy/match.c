/* Which profiles serve a class, on boards of several kinds. */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy.h"

static struct policy *policy_with(const char *class_)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	char yaml[512];

	snprintf(yaml, sizeof(yaml), "version: 1\nclasses: {c: {%s}}\nteams: {everyone: {}}\n",
		 class_);
	if (policy_parse(yaml, strlen(yaml), "p", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

static void profiles_of(const struct policy_class *class_, const char *board, char *ret,
			size_t size)
{
	const struct profile *profiles[POLICY_MAX_PROFILES];
	size_t n = policy_class_profiles(class_, board_by_id(board), profiles), at = 0;

	*ret = '\0';
	for (size_t i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(ret + at, size - at, "%s%s", i ? " " : "",
				       profiles[i]->name);
}

static void a_class_is_served_by(void **state)
{
	static const struct {
		const char *class_, *board, *profiles;
	} cases[] = {
		{"profiles: 1g", "a100-sxm4-80gb", "1g.10gb"},
		{"profiles: 1g", "a100-sxm4-40gb", "1g.5gb"},
		{"profiles: 1g", "h200-sxm-141gb", "1g.18gb"},
		{"profiles: 1g+me", "a100-sxm4-80gb", "1g.10gb+me"},
		{"profiles: [1g.10gb, 1g.18gb]", "h200-sxm-141gb", "1g.18gb"},
		{"profiles: [1g.10gb, 1g.18gb]", "a30-24gb", ""},
		{"profiles: [3g, 2g]", "a100-sxm4-80gb", "3g.40gb 2g.20gb"},
		{"profiles: [3g, 2g]", "a30-24gb", "2g.12gb"},
		{"profiles: [1g, 1g.10gb, 1g]", "a100-sxm4-80gb", "1g.10gb"}, /* once */
		{"profiles: full", "a100-sxm4-80gb", "7g.80gb"},
		{"profiles: full", "a30-24gb", "4g.24gb"},
		{"profiles: full", "h200-sxm-141gb", "7g.141gb"},
		{"boards: {a30-24gb: [2g, full]}", "a30-24gb", "2g.12gb 4g.24gb"},
		{"boards: {a30-24gb: 2g}", "a100-sxm4-80gb", ""},
		{"memory: 10GB", "a100-sxm4-80gb", "1g.10gb"},
		{"memory: 10GiB", "a100-sxm4-80gb", "1g.20gb 2g.20gb"},
		{"memory: 10GB", "a100-sxm4-40gb", NULL},
		{"memory: 40GB, slices: 3", "a100-sxm4-80gb", "3g.40gb 4g.40gb"},
		{"memory: 40GB, slices: 4", "a100-sxm4-80gb", "4g.40gb"},
		{"memory: 40GB", "h200-sxm-141gb", "3g.71gb 4g.71gb"},
		{"memory: 40GB", "a30-24gb", ""},
		{"slices: 2", "a100-sxm4-80gb", "2g.20gb"},
		{"slices: 5", "a100-sxm4-80gb", "7g.80gb"},
		{"slices: 3", "a30-24gb", "4g.24gb"},
		{"slices: 5", "a30-24gb", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_with(cases[i].class_);
		char got[200];

		profiles_of(policy_class_at(policy, 0), cases[i].board, got, sizeof(got));
		if (cases[i].profiles && strcmp(got, cases[i].profiles) != 0)
			fail_msg("%s on %s: expected '%s', got '%s'", cases[i].class_,
				 cases[i].board, cases[i].profiles, got);
	}
}

/* Profiles that need a later driver than the one in use are passed over. */
static void an_old_driver_serves_less(void **state)
{
	static const struct {
		const char *class_, *driver, *profiles;
	} cases[] = {
		{"profiles: [1g.20gb, 2g]", "550.163.01", "1g.20gb 2g.20gb"},
		{"profiles: [1g.20gb, 2g]", "520.61.05", "2g.20gb"}, /* the catalogue: R525 */
		{"profiles: [1g.20gb, 2g]", "", "1g.20gb 2g.20gb"},
		{"profiles: 1g+me", "460.32", ""},
		{"memory: 10GiB", "520.61.05", "2g.20gb"},
		{"profiles: [3g, 2g], drivers: {3g: 560}", "550.163.01", "2g.20gb"},
		{"profiles: [3g, 2g], drivers: {3g: 560}", "560.35", "3g.40gb 2g.20gb"},
		{"memory: 40GB, slices: 3, drivers: {3g: 560, 4g: 560}", "550.163.01", "7g.80gb"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_with(cases[i].class_);
		char got[200];

		policy_set_driver(policy, cases[i].driver);
		profiles_of(policy_class_at(policy, 0), "a100-sxm4-80gb", got, sizeof(got));
		if (strcmp(got, cases[i].profiles) != 0)
			fail_msg("%s with %s: expected '%s', got '%s'", cases[i].class_,
				 cases[i].driver, cases[i].profiles, got);
	}
}

static void every_board_has_room_in_the_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_boards; i++)
		assert_true(boards[i].n_profiles <= POLICY_MAX_PROFILES);
}

/* "full" is one profile of each board, and nothing else fits beside it. */
static void every_board_has_a_full_profile(void **state)
{
	cleanup(policy_free) struct policy *policy = policy_with("profiles: full");

	(void)state;
	for (size_t i = 0; i < n_boards; i++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];

		if (policy_class_profiles(policy_class_at(policy, 0), &boards[i], profiles) != 1)
			fail_msg("%s has no full profile", boards[i].id);
		assert_int_equal(profiles[0]->size, boards[i].units);
		assert_int_equal(profiles[0]->flags, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_is_served_by),
		cmocka_unit_test(an_old_driver_serves_less),
		cmocka_unit_test(every_board_has_room_in_the_answer),
		cmocka_unit_test(every_board_has_a_full_profile),
	};

	return tap_run(tests);
}
