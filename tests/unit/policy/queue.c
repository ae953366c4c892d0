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
	struct policy_holding holdings[MAX];
	struct policy_waiter waiters[MAX];
	size_t n_held = strlen(held), n = strlen(waiting);

	for (size_t i = 0; i < n_held; i++)
		holdings[i] = (struct policy_holding){.team = team_of(held[i]), .slices = 1};
	for (size_t i = 0; i < n; i++)
		waiters[i] =
			(struct policy_waiter){.lease = (int64_t)i, .team = team_of(waiting[i])};
	policy_queue_order(policy, holdings, n_held, waiters, n, ret);
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
		cmocka_unit_test(no_team_is_starved),
	};

	return tap_run(tests);
}
