/* Every mistake a policy file can have, where it stands and what would help. */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy-isolation.h"
#include "policy/policy-placement.h"
#include "policy/policy.h"

#define HEAD	"version: 1\n"
#define CLASSES "classes: {small: {profiles: 1g}}\n"
#define TEAMS	"teams: {everyone: {}}\n"

static int parse(const char *s, struct policy **ret, struct err *err)
{
	return policy_parse(s, strlen(s), "p.yaml", ret, err);
}

struct mistake {
	const char *yaml, *text, *hint;
};

static void check_mistakes(const struct mistake *mistakes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct policy *policy = NULL;
		struct err err = ERR_INIT;

		if (parse(mistakes[i].yaml, &policy, &err) != -ERR_INVALID)
			fail_msg("not a mistake:\n%s", mistakes[i].yaml);
		assert_null(policy);
		assert_string_equal(err.text, mistakes[i].text);
		assert_string_equal(err.hint, mistakes[i].hint);
	}
}

static void mistakes_of_the_whole(void **state)
{
	static const struct mistake mistakes[] = {
		{"", "p.yaml:1:1: the file is empty", ""},
		{"- 1\n", "p.yaml:1:1: a policy must be written as \"key: value\" lines",
		 "for example: version: 1"},
		{CLASSES TEAMS, "p.yaml:1:1: a policy needs 'version'", ""},
		{"version: 2\n", "p.yaml:1:10: version 2 is not between 1 and 1", ""},
		{HEAD TEAMS, "p.yaml:1:1: a policy needs 'classes'", ""},
		{HEAD CLASSES, "p.yaml:1:1: a policy needs 'teams'", ""},
		{HEAD CLASSES TEAMS "quue: {max: 3}\n", "p.yaml:4:1: a policy has no 'quue'",
		 "did you mean 'queue'?"},
		{HEAD "name: [x]\n" CLASSES TEAMS, "p.yaml:2:7: 'name' must be a single value", ""},
		{HEAD "name: \"a\\tb\"\n" CLASSES TEAMS,
		 "p.yaml:2:7: 'name' has characters that cannot be printed", ""},
		{HEAD
		 "name: 12345678901234567890123456789012345678901234567890123456789012345\n" CLASSES
			 TEAMS,
		 "p.yaml:2:7: 'name' is longer than 64 bytes", ""},
		{HEAD "admins: root\n" CLASSES TEAMS,
		 "p.yaml:2:9: 'admins' must be written as \"key: value\" lines",
		 "for example: admins: {groups: gpu-admins}"},
		{HEAD "admins: {}\n" CLASSES TEAMS, "p.yaml:2:9: 'admins' names nobody", ""},
		{HEAD "admins: {teams: x}\n" CLASSES TEAMS, "p.yaml:2:10: 'admins' has no 'teams'",
		 "it may have: users, groups"},
		{HEAD "admins: {users: []}\n" CLASSES TEAMS,
		 "p.yaml:2:17: 'users' must be a word or a list of words", ""},
		{HEAD "admins: {users: [a, [b]]}\n" CLASSES TEAMS,
		 "p.yaml:2:21: 'users' must be a word or a list of words", ""},
		{HEAD "admins: {users: ['']}\n" CLASSES TEAMS,
		 "p.yaml:2:18: 'users' must be a word or a list of words", ""},
		{HEAD "admins: {users: \"@lab\"}\n" CLASSES TEAMS,
		 "p.yaml:2:17: '@lab' is no name of a user or group",
		 "groups have a key of their own: groups: [NAME]"},
		{HEAD "admins: {users: a:b}\n" CLASSES TEAMS,
		 "p.yaml:2:17: 'a:b' is no name of a user or group", ""},
		{HEAD "admins: {users: \"a\\e[1mb\"}\n" CLASSES TEAMS,
		 "p.yaml:2:17: 'a?[1mb' is no name of a user or group", ""},
		{HEAD "reason: 10\n" CLASSES TEAMS,
		 "p.yaml:2:9: 'reason' must be written as \"key: value\" lines",
		 "for example: reason: {min_length: 10}"},
		{HEAD "reason: {min_length: 501}\n" CLASSES TEAMS,
		 "p.yaml:2:22: min_length 501 is not between 0 and 500", ""},
		{HEAD CLASSES TEAMS "queue: {max: many}\n",
		 "p.yaml:4:14: max 'many' is not a whole number", ""},
		{HEAD CLASSES TEAMS "fairness: {half_life: 5m}\n",
		 "p.yaml:4:23: 'half_life' must be between 1 hour and 366 days", ""},
		{HEAD CLASSES TEAMS "fairness: {}\n", "p.yaml:4:11: 'fairness' needs 'half_life'", ""},
		{HEAD CLASSES "teams: {everyone: {quota: {slice_hours: 9}}}\n",
		 "p.yaml:3:27: 'quota' needs both 'slice_hours' and 'per'",
		 "for example: quota: {slice_hours: 500, per: week}"},
		{HEAD CLASSES "teams: {everyone: {per_user: {per: week}}}\n",
		 "p.yaml:3:30: 'per_user' needs both 'slice_hours' and 'per'",
		 "for example: per_user: {slice_hours: 500, per: week}"},
		{HEAD CLASSES "teams: {everyone: {quota: {slice_hours: 9, per: year}}}\n",
		 "p.yaml:3:49: 'per' is 'year'", "it may be: day, week, month"},
		{HEAD CLASSES "teams: {everyone: {quota: {slice_hours: 1000000000, per: day}}}\n",
		 "p.yaml:3:41: 'slice_hours' is more than 100000000", ""},
		{HEAD CLASSES TEAMS "reclaim: {notice: 5s}\n",
		 "p.yaml:4:19: 'notice' must be between 1 minute and 30 days", ""},
		{HEAD CLASSES "teams: {everyone: {guarantee: {}}}\n",
		 "p.yaml:3:31: 'guarantee' needs 'slices'", ""},
		{HEAD CLASSES "teams: {everyone: {guarantee: {slices: 0}}}\n",
		 "p.yaml:3:40: slices 0 is not between 1 and 100000", ""},
		{HEAD CLASSES "teams: {everyone: {guarantee: {slices: 3, borrow: some}}}\n",
		 "p.yaml:3:51: borrow 'some' is not a whole number",
		 "it may be true, false or a number of slices"},
		{HEAD CLASSES "teams: {everyone: {quota: {slices: 2}, guarantee: {slices: 3}}}\n",
		 "p.yaml:3:51: team 'everyone' is guaranteed 3 slices, but may hold 2",
		 "a guarantee is at most what 'quota' allows"},
		{HEAD CLASSES TEAMS "queue: {age: 30s}\n",
		 "p.yaml:4:14: 'age' must be between 1 minute and 366 days", ""},
		{HEAD CLASSES "teams: {everyone: {priority: 101}}\n",
		 "p.yaml:3:30: priority 101 is not between 0 and 100", ""},
		{HEAD "classes: {small: {profiles: 1g, priority: -1}}\n" TEAMS,
		 "p.yaml:2:43: priority -1 is not between 0 and 100", ""},
		{HEAD CLASSES TEAMS "queue: {max: 10001}\n",
		 "p.yaml:4:14: max 10001 is not between 0 and 10000", ""},
		{HEAD CLASSES TEAMS "placement: cap\n",
		 "p.yaml:4:12: 'placement' must be written as \"key: value\" lines",
		 "for example: placement: {rule: cap}"},
		{HEAD CLASSES TEAMS "placement: {rule: bestfit}\n",
		 "p.yaml:4:19: 'bestfit' is no 'rule'", "did you mean 'best-fit'?"},
		{HEAD CLASSES TEAMS "placement: {rule: random}\n",
		 "p.yaml:4:19: 'random' is no 'rule'",
		 "one of: cap, mfi, best-fit, first-fit"},
		{HEAD CLASSES TEAMS "placement: {relocate: 2}\n",
		 "p.yaml:4:23: 'relocate' must be written as \"key: value\" lines",
		 "for example: relocate: {max: 1, how: propose}"},
		{HEAD CLASSES TEAMS "placement: {relocate: {max: 4}}\n",
		 "p.yaml:4:29: max 4 is not between 0 and 3", ""},
		{HEAD CLASSES TEAMS "placement: {relocate: {how: always}}\n",
		 "p.yaml:4:29: 'always' is no 'how'", "one of: propose, do"},
		{HEAD CLASSES TEAMS "isolation: acls\n",
		 "p.yaml:4:12: 'acls' is no way to isolate", "did you mean 'acl'?"},
		{HEAD CLASSES TEAMS "isolation: [acl]\n",
		 "p.yaml:4:12: 'isolation' must be written as \"key: value\" lines",
		 "for example: isolation: auto"},
		{HEAD CLASSES TEAMS "isolation: {mode: {off: 1}}\n",
		 "p.yaml:4:19: 'mode' is not one word", ""},
		{HEAD CLASSES TEAMS "isolation: {group: [a, b]}\n",
		 "p.yaml:4:20: 'group' is not one word", ""},
		{HEAD CLASSES TEAMS "gpus: [1]\n",
		 "p.yaml:4:7: 'gpus' must be written as \"key: value\" lines",
		 "for example: gpus: {except: [3]}"},
		{HEAD CLASSES TEAMS "gpus: {use: a100-sxm-80gb}\n",
		 "p.yaml:4:13: 'a100-sxm-80gb' is neither an index, a UUID (GPU-...) nor a board",
		 "did you mean 'a100-sxm4-80gb'?"},
		{HEAD CLASSES TEAMS "gpus: {except: [0, GPU-12]}\n",
		 "p.yaml:4:20: 'GPU-12' is neither an index, a UUID (GPU-...) nor a board",
		 "'carve boards' lists them"},
	};

	(void)state;
	check_mistakes(mistakes, ARRAY_SIZE(mistakes));
}

#define CLASS(s) HEAD "classes:\n  small: {" s "}\n" TEAMS

static void mistakes_of_classes(void **state)
{
	static const struct mistake mistakes[] = {
		{HEAD "classes: {}\n" TEAMS,
		 "p.yaml:2:10: 'classes' must have at least one \"NAME:\"", ""},
		{HEAD "classes: {Small: {profiles: 1g}}\n" TEAMS,
		 "p.yaml:2:11: a class cannot be called 'Small'",
		 "lower-case letters, digits and '-', a letter first, at most 32 characters"},
		{HEAD "classes: {a23456789012345678901234567890123: {profiles: 1g}}\n" TEAMS,
		 "p.yaml:2:11: a class cannot be called 'a23456789012345678901234567890123'",
		 "lower-case letters, digits and '-', a letter first, at most 32 characters"},
		{HEAD "classes:\n  small:\n  large: {profiles: 3g}\n" TEAMS,
		 "p.yaml:3:9: class 'small' must be written as \"key: value\" lines",
		 "for example: small: {profiles: 1g}"},
		{HEAD "classes:\n  small:\n    profils: 1g\n" TEAMS,
		 "p.yaml:4:5: class 'small' has no 'profils'", "did you mean 'profiles'?"},
		{CLASS("time: 1h"), "p.yaml:3:3: class 'small' does not say what serves it",
		 "give one of 'profiles', 'boards', and 'memory' with or without 'slices'"},
		{CLASS("profiles: 1g, slices: 1"),
		 "p.yaml:3:3: class 'small' says in 2 ways what serves it",
		 "give one of 'profiles', 'boards', and 'memory' with or without 'slices'"},
		{CLASS("profiles: 1g.11gb"),
		 "p.yaml:3:21: no board that carve knows has a profile '1g.11gb'",
		 "did you mean '1g.10gb'?"},
		{CLASS("profiles: [1g, huge]"),
		 "p.yaml:3:26: no board that carve knows has a profile 'huge'",
		 "a name (1g.10gb), a shape (1g) or 'full'; 'carve profiles' lists them"},
		{CLASS("profiles: {1g: 1}"),
		 "p.yaml:3:21: 'profiles' must be a word or a list of words", ""},
		{CLASS("profiles: [1g,1g,1g,1g,1g,1g,1g,1g,1g,1g,1g,1g,1g,1g,1g,1g,1g]"),
		 "p.yaml:3:21: 'profiles' has 17 words; at most 16 are possible", ""},
		{CLASS("boards: a30-24gb"),
		 "p.yaml:3:19: class 'small': 'boards' must give each board its profiles",
		 "for example: boards: {a100-sxm4-80gb: 1g.10gb}"},
		{CLASS("boards: {a30: 1g}"), "p.yaml:3:20: there is no board 'a30'",
		 "'carve boards' lists them"},
		{CLASS("boards: {a30-24: 1g}"), "p.yaml:3:20: there is no board 'a30-24'",
		 "did you mean 'a30-24gb'?"},
		{CLASS("boards: {a30-24gb: 1g.5gb}"),
		 "p.yaml:3:30: a30-24gb has no profile '1g.5gb'", "did you mean '1g.6gb'?"},
		{CLASS("boards: {a30-24gb: []}"),
		 "p.yaml:3:30: 'a30-24gb' must be a word or a list of words", ""},
		{CLASS("memory: lots"), "p.yaml:3:19: 'lots' is not a size",
		 "write it like 6GiB or 512MiB"},
		{CLASS("memory: 10TB"),
		 "p.yaml:3:3: class 'small': no board that carve knows has a profile with as much",
		 "'carve profiles' lists what there is; memory is a little less than the name "
		 "says"},
		{CLASS("slices: 0"), "p.yaml:3:19: slices 0 is not between 1 and 16", ""},
		{CLASS("slices: 8"),
		 "p.yaml:3:3: class 'small': no board that carve knows has a profile with as much",
		 "'carve profiles' lists what there is; memory is a little less than the name "
		 "says"},
		{CLASS("profiles: 1g, time: soon"), "p.yaml:3:31: 'soon' is not a duration",
		 "write it like 90s, 15m, 4h, 2d or 1h30m"},
		{CLASS("profiles: 1g, time: 59s"),
		 "p.yaml:3:31: 'time' must be between 1 minute and 366 days", ""},
		{CLASS("profiles: 1g, max_time: 367d"),
		 "p.yaml:3:35: 'max_time' must be between 1 minute and 366 days", ""},
		{CLASS("profiles: 1g, time: 8h, max_time: 4h"),
		 "p.yaml:3:31: class 'small': time 8h is longer than max_time 4h", ""},
		{CLASS("profiles: 1g, warm: 65"), "p.yaml:3:31: warm 65 is not between 0 and 64",
		 ""},
		{CLASS("profiles: 1g, description: \"a\\nb\""),
		 "p.yaml:3:38: 'description' has characters that cannot be printed", ""},
		{CLASS("profiles: 1g, aliases: small"),
		 "p.yaml:3:34: 'small' is the name of the class itself", ""},
		{CLASS("profiles: 1g, aliases: S"), "p.yaml:3:34: 'S' cannot be a name",
		 "lower-case letters, digits and '-', a letter first, at most 32 characters"},
		{CLASS("profiles: 1g, aliases: [a,b,c,d,e,f,g,h,i]"),
		 "p.yaml:3:34: 'aliases' has 9 words; at most 8 are possible", ""},
		{HEAD "classes:\n  a: {profiles: 1g, aliases: x}\n  b: {profiles: 2g, aliases: "
		      "x}\n" TEAMS,
		 "p.yaml:4:30: class 'a' is called 'x' already", ""},
		{HEAD "classes:\n  a: {profiles: 1g, aliases: b}\n  b: {profiles: 2g}\n" TEAMS,
		 "p.yaml:4:3: class 'a' is called 'b' already", ""},
		{CLASS("profiles: 1g, allow: {}"), "p.yaml:3:32: 'allow' names nobody", ""},
		{CLASS("profiles: 1g, allow: ann"),
		 "p.yaml:3:32: 'allow' must be written as \"key: value\" lines",
		 "for example: allow: {teams: training}"},
		{CLASS("profiles: 1g, allow: {teams: [evryone]}"),
		 "p.yaml:3:41: class 'small': there is no team 'evryone'",
		 "did you mean 'everyone'?"},
	};

	(void)state;
	check_mistakes(mistakes, ARRAY_SIZE(mistakes));
}

#define TEAM(s) HEAD CLASSES "teams:\n  lab: {" s "}\n"

static void mistakes_of_teams(void **state)
{
	static const struct mistake mistakes[] = {
		{HEAD CLASSES "teams:\n", "p.yaml:3:7: 'teams' must have at least one \"NAME:\"",
		 ""},
		{HEAD CLASSES "teams: {'my lab': {users: ann}}\n",
		 "p.yaml:3:9: a team cannot be called 'my lab'",
		 "lower-case letters, digits and '-', a letter first, at most 32 characters"},
		{HEAD CLASSES "teams: {everyone: }\n",
		 "p.yaml:3:19: team 'everyone' must be written as \"key: value\" lines",
		 "for example: everyone: {quota: {slices: 14}}"},
		{TEAM("members: ann"), "p.yaml:4:9: team 'lab' has no 'members'",
		 "it may have: users, groups, services, quota, per_user, classes, share, guarantee, priority"},
		{TEAM("share: 2"), "p.yaml:4:3: team 'lab' has no 'users', 'groups' or 'services'",
		 "only a team called 'everyone' goes without"},
		{HEAD CLASSES "teams: {everyone: {users: ann}}\n",
		 "p.yaml:3:9: team 'everyone' has no 'users', 'groups' or 'services'",
		 "it is whoever belongs to no other team; give this one another name"},
		{HEAD CLASSES "teams:\n  everyone: {}\n  lab: {users: ann}\n",
		 "p.yaml:4:3: team 'everyone' must stand last",
		 "a person belongs to the first team of the file that fits"},
		{TEAM("users: ann, quota: 4"),
		 "p.yaml:4:28: 'quota' must be written as \"key: value\" lines",
		 "for example: quota: {instances: 4, slices: 14}"},
		{TEAM("users: ann, quota: {gpus: 4}"), "p.yaml:4:29: 'quota' has no 'gpus'",
		 "it may have: instances, slices, slice_hours, per"},
		{TEAM("users: ann, per_user: {slices: -1}"),
		 "p.yaml:4:40: slices -1 is not between 0 and 100000", ""},
		{TEAM("users: ann, classes: [smal]"),
		 "p.yaml:4:31: team 'lab': there is no class 'smal'", "did you mean 'small'?"},
		{TEAM("users: ann, classes: [x-large]"),
		 "p.yaml:4:31: team 'lab': there is no class 'x-large'", "see 'classes:'"},
		{TEAM("users: ann, share: 0"), "p.yaml:4:28: 'share' must be between 0.01 and 1000",
		 ""},
		{TEAM("users: ann, share: much"),
		 "p.yaml:4:28: 'much' is not a number of 0 or more", ""},
	};

	(void)state;
	check_mistakes(mistakes, ARRAY_SIZE(mistakes));
}

static void what_is_left_out_has_defaults(void **state)
{
	cleanup(policy_free) struct policy *policy = NULL;
	struct err err = ERR_INIT;
	static const char yaml[] = HEAD "classes:\n"
					"  plain: {profiles: 1g}\n"
					"  short: {profiles: 1g, max_time: 1h}\n"
					"  long: {profiles: 1g, time: 2d}\n" TEAMS;
	static const struct {
		int64_t time_s, max_time_s;
	} times[] = {{4 * 3600, 24 * 3600}, {3600, 3600}, {48 * 3600, 48 * 3600}};

	(void)state;
	assert_int_equal(parse(yaml, &policy, &err), 0);
	assert_string_equal(policy_name(policy), "");
	assert_int_equal(policy_queue_max(policy), 200);
	assert_int_equal(policy_queue_max_per_user(policy), 10);
	assert_int_equal(policy_n_classes(policy), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct policy_class *class_ = policy_class_at(policy, i);

		assert_int_equal(class_->time_s, times[i].time_s);
		assert_int_equal(class_->max_time_s, times[i].max_time_s);
		assert_false(class_->restricted);
		assert_int_equal(class_->warm, 0);
	}
	assert_int_equal(policy_n_teams(policy), 1);
	assert_int_equal(policy_team_at(policy, 0)->quota.slices, POLICY_UNLIMITED);
	assert_int_equal(policy_team_at(policy, 0)->per_user.instances, POLICY_UNLIMITED);
	assert_true(policy_team_at(policy, 0)->share == 1);
	assert_true(policy_manages_gpu(policy, 0, NULL, NULL));
}

static void classes_are_found_by_name_and_alias(void **state)
{
	cleanup(policy_free) struct policy *policy = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse(HEAD "classes:\n  small: {profiles: 1g, aliases: [s, notebook]}\n"
				    "  full: {profiles: full}\n" TEAMS,
			       &policy, &err),
			 0);
	assert_ptr_equal(policy_class_find(policy, "notebook", &err), policy_class_at(policy, 0));
	assert_ptr_equal(policy_class_find(policy, "full", &err), policy_class_at(policy, 1));
	assert_null(policy_class_find(policy, "notebok", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.text, "there is no class 'notebok'");
	assert_string_equal(err.hint, "did you mean 'notebook'?");
	assert_null(policy_class_find(policy, "\033[31mred", &err));
	assert_string_equal(err.text, "there is no class '?[31mred'");
	assert_string_equal(err.hint, "there are: small, full");
}

static void a_person_waits_no_more_often_than_all(void **state)
{
	cleanup(policy_free) struct policy *policy = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(parse(HEAD CLASSES TEAMS "queue: {max: 4}\n", &policy, &err), 0);
	assert_int_equal(policy_queue_max(policy), 4);
	assert_int_equal(policy_queue_max_per_user(policy), 4);
}

#define UUID "GPU-01234567-89ab-cdef-0123-456789abcdef"

static void isolation_is_read(void **state)
{
	static const struct {
		const char *yaml;
		enum isolation_mode mode;
		const char *group;
	} cases[] = {
		{"", ISOLATION_AUTO, NULL},
		{"isolation: off\n", ISOLATION_OFF, NULL},
		{"isolation: cgroup\n", ISOLATION_CGROUP, NULL},
		{"isolation: {mode: acl, group: gpu-monitor}\n", ISOLATION_ACL, "gpu-monitor"},
		{"isolation: {group: dcgm}\n", ISOLATION_AUTO, "dcgm"},
	};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = NULL;
		char yaml[256];

		snprintf(yaml, sizeof(yaml), HEAD CLASSES TEAMS "%s", cases[i].yaml);
		if (parse(yaml, &policy, &err))
			fail_msg("%s", err.text);
		assert_int_equal(policy_isolation(policy)->mode, cases[i].mode);
		if (cases[i].group)
			assert_string_equal(policy_isolation(policy)->group, cases[i].group);
		else
			assert_null(policy_isolation(policy)->group);
	}
}

static void placement_is_read(void **state)
{
	static const struct {
		const char *yaml;
		struct policy_placement wanted;
	} cases[] = {
		{"", {PLACEMENT_CAP, 0, false}},
		{"placement: {rule: mfi}\n", {PLACEMENT_MFI, 0, false}},
		{"placement: {relocate: {}}\n", {PLACEMENT_CAP, 1, false}},
		{"placement: {rule: first-fit, relocate: {max: 3, how: do}}\n",
		 {PLACEMENT_FIRST_FIT, 3, true}},
		{"placement: {relocate: {max: 0, how: do}}\n", {PLACEMENT_CAP, 0, true}},
	};
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = NULL;
		const struct policy_placement *got;
		char yaml[256];

		snprintf(yaml, sizeof(yaml), HEAD CLASSES TEAMS "%s", cases[i].yaml);
		if (parse(yaml, &policy, &err))
			fail_msg("%s", err.text);
		got = policy_placement(policy);
		assert_int_equal(got->rule, cases[i].wanted.rule);
		assert_int_equal(got->max_moves, cases[i].wanted.max_moves);
		assert_int_equal(got->moves_done, cases[i].wanted.moves_done);
		assert_false(policy_class_at(policy, 0)->movable);
	}
}

static void gpus_are_picked(void **state)
{
	static const struct {
		const char *gpus;
		unsigned index;
		const char *uuid, *board;
		bool managed;
	} cases[] = {
		{"{except: [3]}", 3, UUID, "a30-24gb", false},
		{"{except: [3]}", 2, UUID, "a30-24gb", true},
		{"{except: [03]}", 3, NULL, NULL, false},
		{"{use: a30-24gb}", 3, UUID, "a30-24gb", true},
		{"{use: a30-24gb}", 3, UUID, NULL, false},
		{"{use: a30-24gb}", 3, UUID, "h100-sxm5-80gb", false},
		{"{use: [0, " UUID "]}", 7, "GPU-01234567-89AB-CDEF-0123-456789ABCDEF", NULL, true},
		{"{use: [0, " UUID "]}", 7, NULL, NULL, false},
		{"{use: [0, 1], except: " UUID "}", 1, UUID, NULL, false},
		{"{use: [0, 1], except: " UUID "}", 0, NULL, NULL, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = NULL;
		struct err err = ERR_INIT;
		char yaml[400];

		snprintf(yaml, sizeof(yaml), HEAD CLASSES TEAMS "gpus: %s\n", cases[i].gpus);
		if (parse(yaml, &policy, &err))
			fail_msg("%s", err.text);
		if (policy_manages_gpu(policy, cases[i].index, cases[i].uuid, cases[i].board) !=
		    cases[i].managed)
			fail_msg("%s, GPU %u of %s", cases[i].gpus, cases[i].index,
				 cases[i].board ? cases[i].board : "no board");
	}
}

static void numbers_of_names_are_bounded(void **state)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	cleanup(text_done) struct text classes = TEXT_INIT, teams = TEXT_INIT;

	(void)state;
	text_add(&classes, HEAD "classes:\n");
	for (int i = 0; i < POLICY_MAX_CLASSES + 1; i++)
		text_addf(&classes, "  c%d: {profiles: 1g}\n", i);
	text_add(&classes, TEAMS);
	assert_int_equal(parse(text_str(&classes), &policy, &err), -ERR_INVALID);
	assert_string_equal(err.text,
			    "p.yaml:3:3: 'classes' has 33 names; at most 32 are possible");
	text_add(&teams, HEAD CLASSES "teams:\n");
	for (int i = 0; i < POLICY_MAX_TEAMS + 1; i++)
		text_addf(&teams, "  t%d: {users: u%d}\n", i, i);
	assert_int_equal(parse(text_str(&teams), &policy, &err), -ERR_INVALID);
	assert_string_equal(err.text,
			    "p.yaml:4:3: 'teams' has 257 names; at most 256 are possible");
}

static void a_file_that_is_not_there(void **state)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(policy_load("/nonexistent/policy.yaml", &policy, &err), -ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_of_the_whole),
		cmocka_unit_test(mistakes_of_classes),
		cmocka_unit_test(mistakes_of_teams),
		cmocka_unit_test(what_is_left_out_has_defaults),
		cmocka_unit_test(classes_are_found_by_name_and_alias),
		cmocka_unit_test(a_person_waits_no_more_often_than_all),
		cmocka_unit_test(isolation_is_read),
		cmocka_unit_test(placement_is_read),
		cmocka_unit_test(gpus_are_picked),
		cmocka_unit_test(numbers_of_names_are_bounded),
		cmocka_unit_test(a_file_that_is_not_there),
	};

	return tap_run(tests);
}
