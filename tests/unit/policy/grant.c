/* What a class may say beyond who, what and for how long: read, and both outcomes of each rule. */
#include "../tap.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy-grant.h"
#include "policy/policy-part.h"

#define NOON 1795521600 /* 2026-11-24 12:00 UTC */
#define HOUR 3600
#define DAY  86400

#define HEAD  "version: 1\n"
#define TEAMS "teams: {red: {users: [ann, bob]}, blue: {users: [cem, dee]}}\n"

static struct policy *policy_of(const char *yaml)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_parse(yaml, strlen(yaml), "site", &policy, &err))
		fail_msg("%s: %s", err.text, err.hint);
	return policy;
}

/* ---- mistakes ---- */

static void mistakes_have_a_place(void **state)
{
	static const struct {
		const char *of_class, *text, *hint;
	} mistakes[] = {
		{"drivers: {9g: 550}", "p:2:48: no board that carve knows has a profile '9g'",
		 "a name (1g.10gb), a shape (1g) or 'full'; 'carve profiles' lists them"},
		{"drivers: {1g: new}", "p:2:52: 'new' is no driver branch, like 550", ""},
		{"bundle: 2", "p:2:37: 'bundle' must be written as \"key: value\" lines",
		 "for example: bundle: {cpus: 2, memory: 16GiB}"},
		{"bundle: {}", "p:2:37: 'bundle' names neither 'cpus' nor 'memory'", ""},
		{"bundle: {cpus: 0}", "p:2:44: 'cpus' must be between 0.01 and 4096", ""},
		{"bundle: {memory: 1k}", "p:2:46: 'memory' must be between 1 MiB and 1024 TiB", ""},
		{"bundle: {cpus: 1, per: gpu}", "p:2:55: 'per' is \"instance\" or \"slice\"", ""},
		{"limits: {per_usr: 1}", "p:2:38: 'limits' has no 'per_usr'",
		 "did you mean 'per_user'?"},
		{"approval: yes", "p:2:39: 'approval' is \"required\", or says when it is",
		 "for example: approval: {over_time: 2d}"},
		{"approval: {over_time: 1s}",
		 "p:2:51: 'over_time' must be between 1 minute and 366 days", ""},
		{"approval: {approvers: {teams: gren}}",
		 "p:2:59: class 'small': there is no team 'gren'", "did you mean 'green'?"},
		{"renew: {each: 0}", "p:2:43: 'each' must be between 1 minute and 366 days", ""},
		{"per_job: 0", "p:2:38: per_job 0 is not between 1 and 64", ""},
		{"warn: 400d", "p:2:35: 'warn' must be between 0 and 366 days", ""},
		{"reason: {}", "p:2:37: 'reason' needs 'min_length'", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct policy *policy = NULL;
		struct err err = ERR_INIT;
		char yaml[400];

		snprintf(yaml, sizeof(yaml),
			 HEAD "classes: {small: {profiles: 1g, %s}}\n"
			      "teams: {green: {users: ann}}\n",
			 mistakes[i].of_class);
		if (policy_parse(yaml, strlen(yaml), "p", &policy, &err) != -ERR_INVALID)
			fail_msg("no mistake: %s", mistakes[i].of_class);
		if (strchr(err.text, ' ') && strchr(mistakes[i].text, ' '))
			assert_string_equal(strchr(err.text, ' '), strchr(mistakes[i].text, ' '));
		assert_string_equal(err.hint, mistakes[i].hint);
	}
}

static void mistakes_of_the_whole_file(void **state)
{
	static const struct {
		const char *line, *text, *hint;
	} mistakes[] = {
		{"fields: {}", "p:2:9: 'fields' must have at least one \"NAME:\"", ""},
		{"fields: {Project: {}}", "p:2:10: a field cannot be called 'Project'",
		 "lower-case letters, digits and '-', a letter first, at most 32 characters"},
		{"fields: {project: {values: [a], pattern: b}}",
		 "p:2:10: field 'project' has both 'pattern' and 'values'", ""},
		{"fields: {project: {classes: smal}}", "p:2:29: there is no class 'smal'",
		 "did you mean 'small'?"},
		{"fields: {a: {}, b: {}, c: {}, d: {}, e: {}, f: {}, g: {}, h: {}, i: {}}",
		 "p:2:9: 'fields' has 9 names; at most 8 are possible", ""},
		{"fields: {project: {values: [\"a\\tb\"]}}",
		 "p:2:29: 'a b' has characters that cannot be printed", ""},
		{"approvers: {}", "p:2:12: 'approvers' names nobody", ""},
		{"approvers: {teams: green}", "p:2:20: 'approvers': there is no team 'green'",
		 "see 'teams:'"},
		{"reason: {from_slices: 17}", "p:2:23: from_slices 17 is not between 0 and 16",
		 ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
		struct policy *policy = NULL;
		struct err err = ERR_INIT;
		char yaml[400];

		snprintf(yaml, sizeof(yaml), HEAD "%s\nclasses: {small: {profiles: 1g}}\n" TEAMS,
			 mistakes[i].line);
		assert_int_equal(policy_parse(yaml, strlen(yaml), "p", &policy, &err),
				 -ERR_INVALID);
		assert_string_equal(err.text, mistakes[i].text);
		assert_string_equal(err.hint, mistakes[i].hint);
	}
}

/* ---- one more of the class ---- */

static const struct policy_person ann = {'a', "ann", NULL, 0};
static const struct policy_person bob = {'b', "bob", NULL, 0};
static const struct policy_person cem = {'c', "cem", NULL, 0};
static const struct policy_person root = {0, "root", NULL, 0};

struct case_ {
	const char *of_class, *of_file;
	int64_t time_s; /* 0: not given */
	const char *reason, *field, *value;
	const char *rule, *text, *hint; /* refused; else NULL and: */
	const char *approval;
};

static int admit(const struct policy *policy, const struct case_ *c,
		 const struct policy_holding *held, size_t n, struct policy_terms *ret,
		 struct err *err)
{
	const struct board *here[] = {board_by_id("a100-sxm4-80gb")};
	const struct policy_field field = {c->field, c->value};
	const struct policy_wish wish = {
		.class_name = "big",
		.reason = c->reason ? c->reason : "",
		.has_time = c->time_s,
		.time_s = c->time_s,
		.fields = &field,
		.n_fields = c->field != NULL,
	};

	return policy_admit(policy, &ann, &wish, here, 1, held, n, ret, err);
}

static void check(const struct case_ *cases, size_t n)
{
	static const struct policy_holding held[] = {
		{1, 'a', "ann", "red", "big", 3, NOON + 2 * HOUR},
		{2, 'b', "bob", "red", "big", 3, NOON + HOUR},
		{3, 'c', "cem", "blue", "big", 3, NOON},
		{4, 'a', "ann", "red", "small", 1, NOON},
	};

	for (size_t i = 0; i < n; i++) {
		const struct case_ *c = &cases[i];
		cleanup(policy_free) struct policy *policy = NULL;
		struct policy_terms terms = {0};
		struct err err = ERR_INIT;
		char yaml[600];

		snprintf(yaml, sizeof(yaml),
			 HEAD "%s\nclasses: {big: {profiles: 3g, max_time: 9d, %s}, "
			      "small: {profiles: 1g}}\n" TEAMS,
			 c->of_file ? c->of_file : "", c->of_class);
		policy = policy_of(yaml);
		if (!!admit(policy, c, held, ARRAY_SIZE(held), &terms, &err) != !!c->text)
			fail_msg("%s %s: %s", c->of_class, c->of_file ? c->of_file : "", err.text);
		assert_string_equal(err.text, c->text ? c->text : "");
		assert_string_equal(err.hint, c->hint ? c->hint : "");
		assert_string_equal(err.rule, c->rule ? c->rule : "");
		assert_string_equal(terms.approval, c->approval ? c->approval : "");
	}
}

static void a_class_has_limits_of_its_own(void **state)
{
	static const struct case_ cases[] = {
		{"limits: {per_user: 1}", .rule = "classes.big.limits.per_user",
		 .text = "ann may hold 1 of class 'big' at once, and holds 1",
		 .hint = "lease 1 (ann) ends first, at 2026-11-24 14:00"},
		{"limits: {per_user: 2}"},
		{"limits: {per_team: 2}", .rule = "classes.big.limits.per_team",
		 .text = "the team may hold 2 of class 'big' at once, and holds 2",
		 .hint = "lease 2 (bob) ends first, at 2026-11-24 13:00"},
		{"limits: {per_team: 3}"},
		{"limits: {total: 3}", .rule = "classes.big.limits.total",
		 .text = "everybody together may hold 3 of class 'big' at once, and holds 3",
		 .hint = "lease 3 (cem) ends first, at 2026-11-24 12:00"},
		{"limits: {total: 4}"},
		{"interactive: yes", .rule = "classes.big.limits.per_user",
		 .text = "ann may hold 1 of class 'big' at once, and holds 1",
		 .hint = "lease 1 (ann) ends first, at 2026-11-24 14:00"},
		{"interactive: yes, limits: {per_user: 2}"},
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases));
}

static void approvals_are_wanted_by_rule(void **state)
{
	static const struct case_ cases[] = {
		{"approval: required", .approval = "classes.big.approval"},
		{"approval: {expire: 1d}", .approval = "classes.big.approval"},
		{"approval: {over_time: 2d}", .time_s = 2 * DAY},
		{"approval: {over_time: 2d}", .time_s = 2 * DAY + 1,
		 .approval = "classes.big.approval.over_time"},
		{"approval: {over_slices: 3}"},
		{"approval: {over_slices: 2}", .approval = "classes.big.approval.over_slices"},
		{"approval: {over_slices: 3, over_time: 1h}",
		 .approval = "classes.big.approval.over_time"},
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases));
}

#define SAY "say what will run and for which work"

static void reasons_are_asked_for_by_size(void **state)
{
	static const struct case_ cases[] = {
		{"warm: 0", "reason: {min_length: 4, from_slices: 3}", .rule = "reason.min_length",
		 .text = "a reason of at least 4 characters is required", .hint = SAY},
		{"warm: 0", "reason: {min_length: 4, from_slices: 4}"},
		{"warm: 0", "reason: {min_length: 4, from_time: 5h}", .time_s = 5 * HOUR,
		 .rule = "reason.min_length",
		 .text = "a reason of at least 4 characters is required", .hint = SAY},
		{"warm: 0", "reason: {min_length: 4, from_time: 5h}"},
		{"reason: {min_length: 9}", "reason: {min_length: 4}", .reason = "12345678",
		 .rule = "classes.big.reason",
		 .text = "the reason has 8 characters; at least 9 are required", .hint = SAY},
		{"reason: {min_length: 0}", "reason: {min_length: 4}"},
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases));
}

static void free_fields_are_checked(void **state)
{
#define P "fields: {project: "
	static const struct case_ cases[] = {
		{"warm: 0", P "{required: yes}}", .rule = "fields.project.required",
		 .text = "field 'project' is required", .hint = "--field project=VALUE"},
		{"warm: 0", P "{required: yes}}", .field = "project", .value = "",
		 .rule = "fields.project.required", .text = "field 'project' is required",
		 .hint = "--field project=VALUE"},
		{"warm: 0", P "{required: yes}}", .field = "project", .value = "x"},
		{"warm: 0", P "{required: yes, classes: small}}"},
		{"warm: 0", P "{required: yes, classes: [small, big]}}",
		 .rule = "fields.project.required", .text = "field 'project' is required",
		 .hint = "--field project=VALUE"},
		{"warm: 0", P "{values: [a, b]}}", .field = "project", .value = "c\033",
		 .rule = "fields.project.values",
		 .text = "field 'project': 'c?' is not what the policy takes",
		 .hint = "--field project=VALUE: one of a, b"},
		{"warm: 0", P "{values: [a, b]}}", .field = "project", .value = "b"},
		{"warm: 0", P "{pattern: 'P-##*'}}", .field = "project", .value = "P-1x",
		 .rule = "fields.project.pattern",
		 .text = "field 'project': 'P-1x' is not what the policy takes",
		 .hint = "--field project=P-##*"},
		{"warm: 0", P "{pattern: 'P-##*'}}", .field = "project", .value = "P-12"},
		{"warm: 0", P "{}}", .field = "projekt", .value = "x", .rule = "",
		 .text = "the policy has no field 'projekt'", .hint = "did you mean 'project'?"},
	};

	(void)state;
	check(cases, ARRAY_SIZE(cases));
}

static void patterns_fit_whole_texts(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = {
		{"", "", true},	       {"", "a", false},	{"*", "", true},
		{"*", "abc", true},    {"a*c", "abc", true},	{"a*c", "abcd", false},
		{"a?c", "abc", true},  {"a?c", "ac", false},	{"##", "12", true},
		{"##", "1a", false},   {"*a*b*c*", "xaybzc", true}, {"*a*b*c*", "xaycz", false},
		{"*#", "abc7", true},  {"*#", "abc7x", false},
	};
	char many[65], stars[65];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (text_fits(cases[i].text, cases[i].pattern) != cases[i].fits)
			fail_msg("'%s' and '%s'", cases[i].text, cases[i].pattern);
	for (size_t i = 0; i < 64; i++) {
		many[i] = 'a';
		stars[i] = i % 2 ? 'a' : '*';
	}
	many[64] = stars[64] = '\0';
	stars[63] = 'b';
	assert_false(text_fits(many, stars)); /* and soon */
}

/* ---- answers, counts, renewals, warnings, bundles ---- */

static void who_may_answer(void **state)
{
	static const struct {
		const struct policy_person *person;
		uid_t asker;
		const char *of_file, *of_class, *text;
	} cases[] = {
		{&cem, 'a', "admins: {users: cem}", "warm: 0", ""},
		{&cem, 'a', "approvers: {users: cem}", "warm: 0", ""},
		{&cem, 'a', "approvers: {teams: blue}", "warm: 0", ""},
		{&cem, 'a', "", "approval: {approvers: {users: cem}}", ""},
		{&cem, 'a', "approvers: {teams: red}", "warm: 0",
		 "cem may not answer requests for class 'big'"},
		{&cem, 'c', "admins: {users: cem}", "warm: 0",
		 "nobody answers a request of his own"},
		{&root, 0, "", "warm: 0", ""},
		{&bob, 'a', "", "warm: 0", "bob may not answer requests for class 'big'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = NULL;
		struct err err = ERR_INIT;
		char yaml[400];

		snprintf(yaml, sizeof(yaml), HEAD "%s\nclasses: {big: {profiles: 3g, %s}}\n" TEAMS,
			 cases[i].of_file, cases[i].of_class);
		policy = policy_of(yaml);
		assert_int_equal(!policy_may_answer(policy, cases[i].person, cases[i].asker, "big",
						    &err),
				 !cases[i].text[0]);
		assert_string_equal(err.text, cases[i].text);
		assert_string_equal(err.rule, cases[i].text[0] ? "approvers" : "");
	}
}

static void one_instance_for_a_job(void **state)
{
	cleanup(policy_free) struct policy *policy =
		policy_of(HEAD "classes: {small: {profiles: 1g}, full: {profiles: full, "
			       "per_job: 4}}\n" TEAMS);
	const struct board *here[] = {board_by_id("a100-sxm4-80gb")};
	const struct policy_class *small = policy_class_at(policy, 0),
				  *full = policy_class_at(policy, 1);
	struct err err = ERR_INIT;

	(void)state;
	assert_ptr_equal(policy_whole_gpus(policy, here, 1), full);
	assert_int_equal(policy_check_count(policy, small, 1, &err), 0);
	assert_int_equal(policy_check_count(policy, full, 4, &err), 0);
	assert_int_equal(policy_check_count(policy, small, 2, &err), -ERR_REFUSED);
	assert_string_equal(err.text,
			    "2 instances of class 'small' for one job, where 1 is allowed: "
			    "instances cannot exchange data with each other as whole GPUs can");
	assert_string_equal(err.hint, "ask for one larger instance, for one a job of an array, or "
				      "for class full");
	assert_string_equal(err.rule, "classes.small.per_job");
	assert_int_equal(policy_check_count(policy, full, 5, &err), -ERR_REFUSED);
	assert_string_equal(err.hint,
			    "ask for one larger instance, or for one a job of an array");
}

static void renewals_have_rules(void **state)
{
	static const struct {
		const char *renew;
		unsigned renewals, waiting;
		int64_t time_s;
		const char *rule, *text, *hint;
	} cases[] = {
		{"{times: 2}", 1, 0, 3 * HOUR, "", "", ""},
		{"{times: 2}", 2, 0, HOUR, "", "", ""}, /* not longer than it has */
		{"{times: 2}", 2, 0, 3 * HOUR, "classes.big.renew.times",
		 "a lease of class 'big' is renewed at most 2 times, and this one was 2 times",
		 "ask for a new lease when this one has ended"},
		{"{each: 1h}", 9, 9, 3 * HOUR, "", "", ""},
		{"{each: 1h}", 0, 0, 3 * HOUR + 1, "classes.big.renew.each",
		 "a lease of class 'big' is made longer by at most 1h at a time",
		 "at most 3h from now"},
		{"{not_while_others_wait: yes}", 0, 0, 3 * HOUR, "", "", ""},
		{"{not_while_others_wait: no}", 0, 1, 3 * HOUR, "", "", ""},
		{"{not_while_others_wait: yes}", 0, 1, 3 * HOUR,
		 "classes.big.renew.not_while_others_wait",
		 "1 other request waits for class 'big'",
		 "when nobody waits any more it can be renewed"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct policy_renewal renewal = {
			.class_name = "big",
			.granted_s = NOON - HOUR,
			.ends_s = NOON + 2 * HOUR,
			.now_s = NOON,
			.time_s = cases[i].time_s,
			.renewals = cases[i].renewals,
			.others_waiting = cases[i].waiting,
		};
		cleanup(policy_free) struct policy *policy = NULL;
		struct err err = ERR_INIT;
		char yaml[400];

		snprintf(yaml, sizeof(yaml),
			 HEAD "classes: {big: {profiles: 3g, max_time: 2d, renew: %s}}\n" TEAMS,
			 cases[i].renew);
		policy = policy_of(yaml);
		policy_renew(policy, &renewal, &err);
		assert_string_equal(err.text, cases[i].text);
		assert_string_equal(err.hint, cases[i].hint);
		assert_string_equal(err.rule, cases[i].rule);
	}
}

static void warnings_and_bundles(void **state)
{
	cleanup(policy_free) struct policy *policy =
		policy_of(HEAD "warn: 10m\nclasses:\n"
			       "  a: {profiles: 1g, bundle: {cpus: 1.5, memory: 2GiB, per: slice}}\n"
			       "  b: {profiles: 1g, warn: 0, bundle: {cpus: 2}}\n"
			       "  c: {profiles: 1g, interactive: yes}\n" TEAMS);
	cleanup(policy_free) struct policy *plain =
		policy_of(HEAD "classes: {a: {profiles: 1g}}\n" TEAMS);
	struct policy_bundle bundle;

	(void)state;
	assert_int_equal(policy_warn_s(policy, "a", HOUR), 600);
	assert_int_equal(policy_warn_s(policy, "gone", HOUR), 600);
	assert_int_equal(policy_warn_s(policy, "a", 60), 30);
	assert_int_equal(policy_warn_s(policy, "b", HOUR), 0);
	assert_int_equal(policy_warn_s(policy, "c", 4 * HOUR), 1800);
	assert_int_equal(policy_warn_s(plain, "a", 4 * HOUR), 900);
	assert_int_equal(policy_class_at(policy, 2)->max_time_s, 12 * HOUR);
	assert_true(policy_bundle_of(policy_class_at(policy, 0), 3, &bundle));
	assert_true(bundle.cpus == 4.5 && bundle.has_memory);
	assert_int_equal(bundle.memory_bytes, 6ULL << 30);
	assert_true(policy_bundle_of(policy_class_at(policy, 1), 3, &bundle));
	assert_true(bundle.cpus == 2 && !bundle.has_memory);
	assert_false(policy_bundle_of(policy_class_at(policy, 2), 3, &bundle));
	assert_int_equal(policy_approval_expire_s(policy, "a"), 3 * DAY);
}

static void rules_are_described(void **state)
{
	cleanup(policy_free) struct policy *policy = policy_of(
		HEAD "approvers: {teams: blue}\n"
		     "fields: {project: {required: yes, values: [a, b], classes: full}, "
		     "ticket: {pattern: 'T-#*'}}\n"
		     "classes:\n"
		     "  small: {profiles: 1g, interactive: yes, bundle: {cpus: 2, memory: 16GiB}}\n"
		     "  mid: {profiles: 2g}\n"
		     "  full: {profiles: full, limits: {total: 4}, approval: {over_time: 2d, "
		     "over_slices: 3}, renew: {times: 1, each: 4h, not_while_others_wait: yes}, "
		     "per_job: 2, warn: 1h, reason: {min_length: 20}}\n" TEAMS);
	cleanup(text_done) struct text text = TEXT_INIT;

	(void)state;
	policy_describe_grants(policy, &text);
	assert_string_equal(
		text_str(&text),
		"\nclass small: interactive; 2 CPUs and 16 GiB of host memory per instance; at "
		"most 1 of one person; warned 30m before the end\n"
		"class full: at most 4 in all; approval needed over 2d or over 3 slices; renewed "
		"at most 1 time by at most 4h while nobody else waits; up to 2 for one job; "
		"warned 1h before the end; a reason of at least 20 characters\n"
		"field project: required for full, one of a, b\n"
		"field ticket: optional, like T-#*\n"
		"approvers: admins; team blue\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_have_a_place),
		cmocka_unit_test(mistakes_of_the_whole_file),
		cmocka_unit_test(a_class_has_limits_of_its_own),
		cmocka_unit_test(approvals_are_wanted_by_rule),
		cmocka_unit_test(reasons_are_asked_for_by_size),
		cmocka_unit_test(free_fields_are_checked),
		cmocka_unit_test(patterns_fit_whole_texts),
		cmocka_unit_test(who_may_answer),
		cmocka_unit_test(one_instance_for_a_job),
		cmocka_unit_test(renewals_have_rules),
		cmocka_unit_test(warnings_and_bundles),
		cmocka_unit_test(rules_are_described),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return tap_run(tests);
}
