/* Who gets what, and what those hear who do not. */
#include "../tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy.h"

#define NOON 1795521600 /* 2026-11-24 12:00 UTC */
#define HOUR 3600

static const char site[] = "version: 1\n"
			   "admins: {users: olga, groups: [ops, wheel]}\n"
			   "reason: {min_length: 4}\n"
			   "classes:\n"
			   "  small: {profiles: 1g, aliases: s, time: 2h, max_time: 8h}\n"
			   "  medium: {boards: {a100-sxm4-80gb: 2g.20gb}}\n"
			   "  large: {memory: 40GB}\n"
			   "  full: {profiles: full, allow: {teams: train, users: [eve]}}\n"
			   "  fast: {boards: {h200-sxm-141gb: 7g}}\n"
			   "teams:\n"
			   "  train: {groups: train, quota: {slices: 16}}\n"
			   "  vision:\n"
			   "    users: [ann, bob]\n"
			   "    groups: vision\n"
			   "    quota: {instances: 5, slices: 8}\n"
			   "    per_user: {instances: 3, slices: 4}\n"
			   "  guests:\n"
			   "    groups: guests\n"
			   "    classes: s\n"
			   "    quota: {instances: 0}\n";

static struct policy *policy_of(const char *yaml)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_parse(yaml, strlen(yaml), "site", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

/* "ann:vision,wheel": uid is the first letter. */
struct who {
	char words[80];
	const char *groups[8];
	struct policy_person person;
};

static const struct policy_person *who(struct who *who, const char *s)
{
	char *p;

	snprintf(who->words, sizeof(who->words), "%s", s);
	who->person = (struct policy_person){
		.uid = (uid_t)s[0],
		.name = strtok_r(who->words, ":", &p),
		.groups = who->groups,
	};
	for (char *group; (group = strtok_r(NULL, ",", &p));)
		who->groups[who->person.n_groups++] = group;
	return &who->person;
}

/* "ann/vision large 3 14, ..." is lease 1, 2, ...: user, team, class, slices, hour it ends. */
struct held {
	char words[400];
	struct policy_holding at[16];
	size_t n;
};

static void held(struct held *held, const char *s)
{
	char *line, *next = held->words;

	held->n = 0;
	snprintf(held->words, sizeof(held->words), "%s", s);
	while ((line = strsep(&next, ",")) && *line) {
		struct policy_holding *holding = &held->at[held->n++];
		char *word = line + strspn(line, " ");

		holding->lease = (int64_t)held->n;
		holding->uid = (uid_t)word[0];
		holding->user = strsep(&word, "/");
		holding->team = strsep(&word, " ");
		holding->class_name = strsep(&word, " ");
		holding->slices = (uint32_t)atoi(strsep(&word, " "));
		holding->ends_s = NOON + (atoi(word) - 12) * HOUR;
	}
}

struct story {
	const char *who, *class_name;
	const char *held;
	/* refused: */
	const char *text, *rule, *hint;
	/* granted: text is NULL, rule allows it, and: */
	uint32_t slices_left;
	const char *reason; /* NULL: a good one */
	int64_t time_s;	    /* 0: not given */
};

static int tell(const struct policy *policy, const struct story *story, struct policy_terms *ret,
		struct err *err)
{
	const struct board *boards_here[] = {board_by_id("a100-sxm4-80gb")};
	struct policy_wish wish = {
		.class_name = story->class_name,
		.reason = story->reason ? story->reason : "training run 7",
		.has_time = story->time_s,
		.time_s = story->time_s,
	};
	struct who someone = {0};
	struct held now;

	held(&now, story->held);
	return policy_admit(policy, who(&someone, story->who), &wish, boards_here, 1, now.at, now.n,
			    ret, err);
}

static void check_refusals(const struct story *stories, size_t n, enum err_code code)
{
	cleanup(policy_free) struct policy *policy = policy_of(site);

	for (size_t i = 0; i < n; i++) {
		struct policy_terms terms;
		struct err err = ERR_INIT;

		if (tell(policy, &stories[i], &terms, &err) != -(int)code)
			fail_msg("%s asks for %s: %s", stories[i].who, stories[i].class_name,
				 err.text);
		assert_string_equal(err.text, stories[i].text);
		assert_string_equal(err.hint, stories[i].hint);
		assert_string_equal(err.rule, stories[i].rule);
	}
}

static void who_may_not_ask_hears_why(void **state)
{
	static const struct story stories[] = {
		{"zoe", "small", "", "user 'zoe' is in no team of the policy", "teams",
		 "an admin can add a user or a group to a team (group ops, wheel; user olga)"},
		{"e\033ve", "small", "", "user 'e?ve' is in no team of the policy", "teams",
		 "an admin can add a user or a group to a team (group ops, wheel; user olga)"},
		{"olga:wheel", "small", "", "user 'olga' is in no team of the policy", "teams",
		 "an admin can add a user or a group to a team (group ops, wheel; user olga)"},
		{"gus:guests", "medium", "", "class 'medium' is not for team guests",
		 "teams.guests.classes", ""},
		{"ann", "full", "",
		 "class 'full' is restricted, and ann (team vision) is not on its list",
		 "classes.full.allow",
		 "it is for team train; user eve; you may ask for small, medium, large"},
		{"bob", "full", "bob/vision large 3 14",
		 "class 'full' is restricted, and bob (team vision) is not on its list",
		 "classes.full.allow", "it is for team train; user eve; you may ask for small"},
		{"ann", "small", "", "a reason of at least 4 characters is required",
		 "reason.min_length", "say what will run and for which work", 0, ""},
		{"ann", "small", "", "the reason has 3 characters; at least 4 are required",
		 "reason.min_length", "say what will run and for which work", 0, "  f\u00fcr \n"},
		{"ann", "small", "", "class 'small' is given for at most 8h; 9h was asked for",
		 "classes.small.max_time", "ask for 8h or less", 0, NULL, 9 * HOUR},
	};

	(void)state;
	check_refusals(stories, ARRAY_SIZE(stories), ERR_REFUSED);
}

static void a_full_quota_says_who_holds_it_and_until_when(void **state)
{
	static const struct story stories[] = {
		{"ann", "medium",
		 "bob/vision large 3 14, cat/vision small 1 13, bob/vision large 3 18",
		 "team vision holds 7 of its 8 slices, and class 'medium' takes 2",
		 "teams.vision.quota.slices",
		 "held by bob 6, cat 1; lease 2 (cat, small) ends first, at 2026-11-24 13:00; "
		 "you may ask for small"},
		{"ann", "large",
		 "bob/vision large 3 14, cat/vision small 1 13, bob/vision large 3 18",
		 "team vision holds 7 of its 8 slices, and class 'large' takes 3",
		 "teams.vision.quota.slices",
		 "held by bob 6, cat 1; lease 2 (cat, small) ends first, at 2026-11-24 13:00, and "
		 "enough have ended at 2026-11-24 14:00; you may ask for small"},
		{"ann", "small",
		 "b/vision small 1 20, c/vision small 1 19, d/vision small 1 18, e/vision small 1 "
		 "17, "
		 "f/vision small 1 16, ann/train full 7 13",
		 "ann holds 7 of the 4 slices for each member of team vision, and class 'small' "
		 "takes 1",
		 "teams.vision.per_user.slices",
		 "lease 6 (ann, full) ends first, at 2026-11-24 13:00"},
		{"ann", "small",
		 "b/vision small 1 20, c/vision small 1 19, d/vision small 1 18, e/vision small 1 "
		 "17, "
		 "f/vision small 1 16",
		 "team vision holds 5 of its 5 instances, and class 'small' takes 1",
		 "teams.vision.quota.instances",
		 "held by b 1, c 1, d 1, e 1, ...; lease 5 (f, small) ends first, at "
		 "2026-11-24 16:00"},
		{"ann", "s", "ann/vision small 1 20, ann/vision small 1 19, ann/vision small 1 18",
		 "ann holds 3 of the 3 instances for each member of team vision, and class 'small' "
		 "takes 1",
		 "teams.vision.per_user.instances",
		 "lease 3 (ann, small) ends first, at 2026-11-24 18:00"},
		{"eve:vision", "full", "",
		 "class 'full' takes 7 slices, but each member of team vision may hold 4 in all",
		 "teams.vision.per_user.slices", "you may ask for small, medium, large"},
		{"gus:guests", "small", "",
		 "class 'small' takes 1 instance, but team guests may hold 0 in all",
		 "teams.guests.quota.instances", ""},
	};

	(void)state;
	check_refusals(stories, ARRAY_SIZE(stories), ERR_REFUSED);
}

static void other_no(void **state)
{
	static const struct story
		unknown[] =
			{
				{"ann", "ful", "", "there is no class 'ful'", "",
				 "did you mean 'full'?"},
			},
		impossible[] =
			{
				{"ann", "fast", "",
				 "class 'fast': no GPU that is managed here has a profile for it",
				 "classes.fast", "you may ask for small, medium, large"},
			},
		invalid[] = {
			{"ann", "small", "", "time 59s is too short", "",
			 "the shortest is 1m; without a time it is 2h", 0, NULL, 59},
			{"ann", "small", "", "time -1s is too short", "",
			 "the shortest is 1m; without a time it is 2h", 0, NULL, -1},
		};

	(void)state;
	check_refusals(unknown, ARRAY_SIZE(unknown), ERR_NOT_FOUND);
	check_refusals(impossible, ARRAY_SIZE(impossible), ERR_IMPOSSIBLE);
	check_refusals(invalid, ARRAY_SIZE(invalid), ERR_INVALID);
}

static void who_may_gets_terms(void **state)
{
	static const struct story stories[] = {
		{"ann", "small", "", NULL, "classes.small", NULL, 4, NULL, 0},
		{"ann", "s", "", NULL, "classes.small", NULL, 4, NULL, 8 * HOUR},
		{"ann", "small", "ann/vision small 1 13, bob/vision large 3 14", NULL,
		 "classes.small", NULL, 3, NULL, 60},
		{"ann", "small", "bob/vision large 3 14, bob/vision large 3 14", NULL,
		 "classes.small", NULL, 2, NULL, 0},
		{"tim:train", "full", "tim/train full 7 14", NULL, "classes.full.allow", NULL, 9,
		 NULL, 0},
		{"ann:train", "full", "", NULL, "classes.full.allow", NULL, 16, NULL, 0},
		{"ann", "small", "", NULL, "classes.small", NULL, 4, "f\u00fcnf", 0},
	};
	cleanup(policy_free) struct policy *policy = policy_of(site);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		const struct story *story = &stories[i];
		struct policy_terms terms = {0};
		struct err err = ERR_INIT;

		if (tell(policy, story, &terms, &err))
			fail_msg("story %zu: %s", i, err.text);
		assert_ptr_equal(terms.class_, policy_class_find(policy, story->class_name, &err));
		assert_string_equal(terms.rule, story->rule);
		assert_int_equal(terms.slices_left, story->slices_left);
		assert_int_equal(terms.time_s,
				 story->time_s ? story->time_s : terms.class_->time_s);
	}
}

/* A class with several profiles is admitted while its smallest is within the quota. */
static void the_smallest_profile_decides(void **state)
{
	static const char yaml[] = "version: 1\n"
				   "classes: {mixed: {profiles: [3g, 1g, 2g]}}\n"
				   "teams: {everyone: {quota: {slices: 4}}}\n";
	static const struct story stories[] = {
		{"ann", "mixed", "", NULL, "classes.mixed", NULL, 4},
		{"ann", "mixed", "bob/everyone mixed 3 14", NULL, "classes.mixed", NULL, 1},
	};
	cleanup(policy_free) struct policy *policy = policy_of(yaml);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct policy_terms terms = {0};
		struct err err = ERR_INIT;

		if (tell(policy, &stories[i], &terms, &err))
			fail_msg("story %zu: %s", i, err.text);
		assert_int_equal(terms.slices_left, stories[i].slices_left);
	}
}

static void the_first_team_that_fits_counts(void **state)
{
	static const struct {
		const char *who, *team;
	} cases[] = {
		{"ann", "vision"}, {"ann:train", "train"}, {"zoe:x,vision,guests", "vision"},
		{"zoe", NULL},	   {"train", NULL},
	};
	cleanup(policy_free) struct policy *policy = policy_of(site);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct who someone = {0};
		const struct policy_team *team =
			policy_team_of(policy, who(&someone, cases[i].who));

		assert_string_equal(team ? team->name : "none",
				    cases[i].team ? cases[i].team : "none");
	}
}

static void admins_are_root_and_the_named(void **state)
{
	cleanup(policy_free) struct policy *policy = policy_of(site);
	struct policy_person root = {.uid = 0, .name = "toor"};
	struct who a = {0}, b = {0}, c = {0};

	(void)state;
	assert_true(policy_is_admin(policy, &root));
	assert_true(policy_is_admin(policy, who(&a, "olga")));
	assert_true(policy_is_admin(policy, who(&b, "zoe:x,ops")));
	assert_false(policy_is_admin(policy, who(&c, "ann:olga")));
}

static void renewals_end_at_max_time(void **state)
{
	static const struct {
		const char *class_name;
		int64_t age_s, time_s;
		int code;
		const char *text, *hint;
	} cases[] = {
		{"small", 0, 8 * HOUR, 0, "", ""},
		{"s", 7 * HOUR, HOUR, 0, "", ""},
		{"small", 7 * HOUR, HOUR + 1, ERR_REFUSED,
		 "class 'small' is given for at most 8h, which is until 2026-11-24 13:00",
		 "1h from now is still possible"},
		{"small", 8 * HOUR, 60, ERR_REFUSED,
		 "class 'small' is given for at most 8h, which is until 2026-11-24 12:00",
		 "ask for a new lease when this one has ended"},
		{"small", -HOUR, 8 * HOUR, 0, "", ""}, /* the clock was set back */
		{"small", 0, 0, ERR_INVALID, "time 0s is too short: the shortest is 1m", ""},
		{"small", 0, INT64_MAX, ERR_REFUSED,
		 "class 'small' is given for at most 8h, which is until 2026-11-24 20:00",
		 "8h from now is still possible"},
		{"gone", 0, 60, ERR_REFUSED,
		 "class 'gone' is no longer in the policy; its leases end at their time",
		 "ask for a lease of another class"},
	};
	cleanup(policy_free) struct policy *policy = policy_of(site);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err err = ERR_INIT;

		struct policy_renewal renewal = {
			.class_name = cases[i].class_name,
			.granted_s = NOON - cases[i].age_s,
			.ends_s = NOON + HOUR,
			.now_s = NOON,
			.time_s = cases[i].time_s,
		};

		assert_int_equal(policy_renew(policy, &renewal, &err), -cases[i].code);
		assert_string_equal(err.text, cases[i].text);
		assert_string_equal(err.hint, cases[i].hint);
		if (cases[i].code == ERR_REFUSED)
			assert_string_equal(err.rule, strcmp(cases[i].class_name, "gone")
							      ? "classes.small.max_time"
							      : "classes");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_may_not_ask_hears_why),
		cmocka_unit_test(a_full_quota_says_who_holds_it_and_until_when),
		cmocka_unit_test(other_no),
		cmocka_unit_test(who_may_gets_terms),
		cmocka_unit_test(the_smallest_profile_decides),
		cmocka_unit_test(the_first_team_that_fits_counts),
		cmocka_unit_test(admins_are_root_and_the_named),
		cmocka_unit_test(renewals_end_at_max_time),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return tap_run(tests);
}
