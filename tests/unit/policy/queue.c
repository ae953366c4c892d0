/*
 * The order of waiting requests, as pictures: "AAB" are the teams of the
 * waiters, first come first; the answer is the order of their places.
 */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy.h"

static const char site[] = "version: 1\n"
			   "classes: {small: {profiles: 1g}}\n"
			   "teams:\n"
			   "  a: {users: a}\n"
			   "  b: {users: b}\n"
			   "  c: {users: c, share: 2}\n";

#define MAX 64

static struct policy *site_new(void)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_parse(site, strlen(site), "p", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

static const char *team_of(char letter)
{
	return letter == 'a' ? "a" : letter == 'b' ? "b" : letter == 'c' ? "c" : "gone";
}

/* held: a letter for each slice that a team holds. */
static void order(const struct policy *policy, const char *held, const char *waiting, size_t *ret)
{
	struct policy_load loads[POLICY_MAX_TEAMS + 1] = {0};
	struct policy_waiter waiters[MAX];
	size_t n = strlen(waiting);

	for (; *held; held++)
		loads[policy_team_index(policy, team_of(*held))].held++;
	for (size_t i = 0; i < n; i++)
		waiters[i] = (struct policy_waiter){
			.lease = (int64_t)i,
			.team = policy_team_index(policy, team_of(waiting[i])),
		};
	policy_queue_order(policy, loads, waiters, n, 0, ret);
}

static void teams_take_turns(void **state)
{
	static const struct {
		const char *story, *held, *waiting, *order;
	} cases[] = {
		{"nobody waits", "aab", "", ""},
		{"within a team first come", "", "aaa", "012"},
		{"equal teams alternate", "", "aaaabb", "041523"},
		{"the older request goes first when teams tie", "", "baab", "0132"},
		{"who holds less comes first", "aa", "aaabbb", "340512"},
		{"a share of two has two turns for one", "", "aaacccc", "0341562"},
		{"what is held counts by share too", "aacccc", "acac", "0132"},
		{"a team that has left the file has its turn", "aa", "axax", "1302"},
	};
	cleanup(policy_free) struct policy *policy = site_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char got[MAX] = "";
		size_t at[MAX], n = strlen(cases[i].waiting);

		order(policy, cases[i].held, cases[i].waiting, at);
		for (size_t k = 0; k < n; k++)
			got[k] = (char)('0' + at[k]);
		if (strcmp(got, cases[i].order) != 0)
			fail_msg("%s: %s held, %s waiting: expected %s, got %s", cases[i].story,
				 cases[i].held, cases[i].waiting, cases[i].order, got);
	}
}

/* Priorities of class and team add up; waiting for an age adds one. */
static void who_ranks_higher_goes_first(void **state)
{
	static const char ranks[] = "version: 1\n"
				    "classes: {small: {profiles: 1g}}\n"
				    "teams:\n"
				    "  a: {users: a}\n"
				    "  b: {users: b, priority: 2}\n"
				    "queue: {age: 1h}\n";
	static const struct {
		const char *story;
		struct policy_waiter waiters[3];
		const char *order;
	} cases[] = {
		{"a team's priority", {{0, 0}, {1, 1}, {2, 0}}, "102"},
		{"a class's priority", {{0, 0}, {1, 0, .priority = 1}, {2, 0}}, "102"},
		{"they add up", {{0, 0, .priority = 3}, {1, 1}, {2, 1, .priority = 2}}, "201"},
		{"an age is one priority",
		 {{0, 0, .since_s = 7200}, {1, 1, .since_s = 7300}, {2, 1, .since_s = 7200}},
		 "210"},
		{"who has waited climbs", {{0, 0, .since_s = 0}, {1, 1, .since_s = 10800}}, "01"},
		{"a clock set back", {{0, 0, .since_s = 99999999}, {1, 1, .since_s = 10800}}, "10"},
	};
	cleanup(policy_free) struct policy *policy = NULL;
	const struct policy_load loads[POLICY_MAX_TEAMS + 1] = {{7}};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(policy_parse(ranks, strlen(ranks), "p", &policy, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t at[3], n = strlen(cases[i].order);
		char got[4] = "";

		policy_queue_order(policy, loads, cases[i].waiters, n, 10800, at);
		for (size_t k = 0; k < n; k++)
			got[k] = (char)('0' + at[k]);
		if (strcmp(got, cases[i].order) != 0)
			fail_msg("%s: expected %s, got %s", cases[i].story, cases[i].order, got);
	}
}

/* A team's first requests, as far as its guarantee reaches, before all others. */
static void what_is_guaranteed_comes_first(void **state)
{
	static const char shares[] = "version: 1\n"
				     "classes: {small: {profiles: 1g}}\n"
				     "teams:\n"
				     "  a: {users: a, guarantee: {slices: 4}}\n"
				     "  b: {users: b, priority: 9}\n";
	static const struct {
		const char *story;
		uint32_t held;
		struct policy_waiter waiters[4];
		const char *order;
	} cases[] = {
		{"within it", 0, {{0, 1}, {1, 0, .slices = 4}}, "10"},
		{"beyond it", 0, {{0, 1}, {1, 0, .slices = 5}}, "01"},
		{"what is held counts", 3, {{0, 1}, {1, 0, .slices = 2}}, "01"},
		{"as many as fit",
		 0,
		 {{0, 1}, {1, 0, .slices = 3}, {2, 0, .slices = 2}, {3, 0, .slices = 1}},
		 "1302"},
		{"nothing is known of it", 0, {{0, 1}, {1, 0}}, "01"},
	};
	cleanup(policy_free) struct policy *policy = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(policy_parse(shares, strlen(shares), "p", &policy, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy_load loads[POLICY_MAX_TEAMS + 1] = {{cases[i].held}};
		size_t at[4], n = strlen(cases[i].order);
		char got[5] = "";

		policy_queue_order(policy, loads, cases[i].waiters, n, 0, at);
		for (size_t k = 0; k < n; k++)
			got[k] = (char)('0' + at[k]);
		if (strcmp(got, cases[i].order) != 0)
			fail_msg("%s: expected %s, got %s", cases[i].story, cases[i].order, got);
	}
}

/* However many others wait, a team's first request is tried after at most one turn of each. */
static void no_team_is_starved(void **state)
{
	cleanup(policy_free) struct policy *policy = site_new();
	size_t at[MAX];

	(void)state;
	order(policy, "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", at);
	assert_int_equal(at[1], 45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(teams_take_turns),
		cmocka_unit_test(who_ranks_higher_goes_first),
		cmocka_unit_test(what_is_guaranteed_comes_first),
		cmocka_unit_test(no_team_is_starved),
	};

	return tap_run(tests);
}
