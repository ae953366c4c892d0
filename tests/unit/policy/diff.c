/* What another policy would change: keys, leases, requests, quotas; and only what is new. */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "policy/policy-diff.h"

#define HOUR 3600

#define CLASSES                                                                                    \
	"classes:\n  small: {profiles: 1g, time: 1h, max_time: 12h}\n"                             \
	"  full: {profiles: full, time: 1h, max_time: 12h}\n"
#define TEAMS                                                                                      \
	"teams:\n  red: {users: [ann, bob], quota: {slices: 9}}\n  blue: {users: cem}\n"

static const char now[] = "version: 1\n" CLASSES TEAMS;

static const struct policy_person ann = {1, "ann", NULL, 0}, bob = {2, "bob", NULL, 0},
				  cem = {3, "cem", NULL, 0};

/* Ann holds a small one and a full one, Bob a small one of 8 hours, Cem waits for a full one. */
static const struct policy_subject there[] = {
	{.person = &ann, .holding = {1, 1, "ann", "red", "small", 1, 0}, .reason = "x",
	 .time_s = HOUR, .has_gpu = true, .gpu_index = 0},
	{.person = &ann, .holding = {2, 1, "ann", "red", "full", 7, 0}, .reason = "x",
	 .time_s = HOUR, .has_gpu = true, .gpu_index = 1},
	{.person = &bob, .holding = {3, 2, "bob", "red", "small", 1, 0}, .reason = "x",
	 .time_s = 8 * HOUR, .has_gpu = true, .gpu_index = 0},
	{.person = &cem, .holding = {4, 3, "cem", "blue", "full", 0, 0}, .reason = "x",
	 .time_s = HOUR, .waits = true},
};

static struct policy *policy_of(const char *yaml)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_parse(yaml, strlen(yaml), "p", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

static void say(const struct policy_diff *diff, struct text *ret)
{
	for (size_t i = 0; i < diff->n_changes; i++)
		text_addf(ret, "%s %s\n", diff->changes[i].what, diff->changes[i].key);
	for (size_t i = 0; i < diff->n_effects; i++) {
		const struct policy_effect *effect = &diff->effects[i];

		text_addf(ret, "%d %s by %s: %s\n", (int)effect->lease,
			  policy_effect_name(effect->kind), effect->rule, effect->text);
	}
}

static void another_policy_is_told(void **state)
{
	static const struct {
		const char *what, *yaml, *says;
	} cases[] = {
		{"nothing", now, ""},
		{"only the order of words and comments", "# c\nversion: 1\n" CLASSES TEAMS, ""},
		{"a class has gone",
		 "version: 1\nclasses: {small: {profiles: 1g, time: 1h, max_time: 12h}}\n" TEAMS,
		 "removed classes.full\n"
		 "2 class-gone by classes: ends at its time, and is not given again: there is no "
		 "class 'full'\n"
		 "4 class-gone by classes: leaves the queue: there is no class 'full'\n"},
		{"times are shorter",
		 "version: 1\nclasses: {small: {profiles: 1g, time: 1h, max_time: 4h}, full: "
		 "{profiles: full, time: 1h, max_time: 12h}}\n" TEAMS,
		 "changed classes.small\n"
		 "3 too-long by classes.small.max_time: ends at its time, and is not given again: "
		 "class 'small' is given for at most 4h; 8h was asked for\n"},
		{"who may",
		 "version: 1\n" CLASSES "teams:\n  red: {users: [ann], quota: {slices: 9}}\n"
		 "  blue: {users: cem, classes: small}\n",
		 "changed teams.red\nchanged teams.blue\n"
		 "3 no-access by teams: ends at its time, and is not given again: user 'bob' is in "
		 "no team of the policy\n"
		 "4 no-access by teams.blue.classes: leaves the queue: class 'full' is not for team "
		 "blue\n"},
		{"another team",
		 "version: 1\n" CLASSES "teams:\n  red: {users: [ann], quota: {slices: 9}}\n"
		 "  blue: {users: [cem, bob]}\n",
		 "changed teams.red\nchanged teams.blue\n"
		 "3 other-team by teams: counts for team red; the next one for team blue\n"},
		{"a smaller quota",
		 "version: 1\n" CLASSES
		 "teams:\n  red: {users: [ann, bob], quota: {slices: 8}, per_user: {instances: 1}}\n"
		 "  blue: {users: cem}\n",
		 "changed teams.red\n"
		 "0 over-quota by teams.red.quota.slices: team red holds 9 of 8 slices: nothing more "
		 "until leases end\n"
		 "0 over-quota by teams.red.per_user.instances: user ann holds 2 of 1 instances: "
		 "nothing more until leases end\n"},
		{"an approval",
		 "version: 1\nclasses:\n  small: {profiles: 1g, time: 1h, max_time: 12h}\n"
		 "  full: {profiles: full, time: 1h, max_time: 12h, approval: required}\n" TEAMS,
		 "changed classes.full\n"
		 "4 needs-approval by classes.full.approval: waits until somebody approves it\n"},
		{"a GPU less", "version: 1\n" CLASSES TEAMS "gpus: {except: [1]}\n",
		 "added gpus\n"
		 "2 not-managed by gpus: goes on, but GPU 1 is no longer managed\n"},
	};
	cleanup(policy_free) struct policy *old = policy_of(now);
	const struct board *here[] = {board_by_id("a100-sxm4-80gb")};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_of(cases[i].yaml);
		cleanup(policy_diff_done) struct policy_diff diff = {0};
		cleanup(text_done) struct text text = TEXT_INIT;

		assert_int_equal(policy_diff(old, policy, here, 1, there, ARRAY_SIZE(there), &diff),
				 0);
		say(&diff, &text);
		if (strcmp(text_str(&text), cases[i].says) != 0)
			fail_msg("%s:\n%s\nnot:\n%s", cases[i].what, text_str(&text),
				 cases[i].says);
	}
}

/* What was so already is no news, also when the numbers are others. */
static void only_news_is_told(void **state)
{
	static const char tight[] =
		"version: 1\n" CLASSES "teams:\n  red: {users: [ann], quota: {slices: 2}}\n";
	static const char tighter[] =
		"version: 1\n" CLASSES "teams:\n  red: {users: [ann], quota: {slices: 1}}\n";
	cleanup(policy_free) struct policy *old = policy_of(tight), *next = policy_of(tighter);
	cleanup(policy_diff_done) struct policy_diff diff = {0};
	const struct board *here[] = {board_by_id("a100-sxm4-80gb")};

	(void)state;
	assert_int_equal(policy_diff(old, next, here, 1, there, ARRAY_SIZE(there), &diff), 0);
	assert_int_equal(diff.n_changes, 1);
	assert_int_equal(diff.n_effects, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_policy_is_told),
		cmocka_unit_test(only_news_is_told),
	};

	return tap_run(tests);
}
