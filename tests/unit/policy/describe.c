/* What "carve policy check" tells people, and the examples that are shipped. */
#include "../tap.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "policy/policy.h"

static const char site[] =
	"version: 1\n"
	"name: vision lab\n"
	"admins: {groups: ops}\n"
	"reason: {min_length: 10}\n"
	"gpus: {except: [3]}\n"
	"changes: {windows: [{days: [sun, sat]}, {days: tue, from: '22:00', to: 06:00}],\n"
	"          protect: {classes: full, teams: [train]}, deadline: 4h}\n"
	"classes:\n"
	"  small: {profiles: 1g, warm: 2}\n"
	"  large: {profiles: 3g.40gb, time: 90m, max_time: 3d}\n"
	"  full: {profiles: full, allow: {teams: [train, lab], users: eve}}\n"
	"teams:\n"
	"  train: {groups: train, quota: {slices: 21}, share: 2.5}\n"
	"  lab: {users: [ann, bob], groups: train, quota: {instances: 8, slices: 14},\n"
	"        per_user: {instances: 2, slices: 4}, classes: [small, large]}\n"
	"  everyone: {per_user: {instances: 1}, classes: small}\n";

/* clang-format off */
static const char description[] =
	"policy  vision lab\n"
	"admins  root; group ops\n"
	"gpus    all, not 3\n"
	"reason  at least 10 characters\n"
	"queue   up to 200, 10 of one person\n"
	"changes sat sun, tue 22:00-06:00; never to class full; team train\n"
	"drains  end after 4h, with a warning 1h before\n"
	"\n"
	"CLASS  TIME    AT MOST  WARM  WHO                        SERVED BY\n"
	"small  4h      1d       2     all                        1g.10gb on a100-sxm4-80gb, h100-sxm5-80gb\n"
	"                                                         1g.6gb on a30-24gb\n"
	"large  1h 30m  3d       0     all                        3g.40gb on a100-sxm4-80gb, h100-sxm5-80gb\n"
	"full   4h      1d       0     team train, lab; user eve  7g.80gb on a100-sxm4-80gb, h100-sxm5-80gb\n"
	"                                                         4g.24gb on a30-24gb\n"
	"\n"
	"TEAM      INSTANCES  SLICES    EACH PERSON            SHARE  CLASSES       WHO\n"
	"train     no limit   21        no limit               2.5    all           group train\n"
	"lab       8          14        2 instances, 4 slices  1      small, large  group train; user ann, bob\n"
	"everyone  no limit   no limit  1 instance             1      small         whoever is in no other\n";
/* clang-format on */

static const char notes[] = "group 'train' is in team train, which counts, and in team lab\n"
			    "class 'full' allows team lab, whose 'classes' leave it out\n";

static struct policy *policy_of(const char *yaml)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;

	if (policy_parse(yaml, strlen(yaml), "p", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

static void a_policy_is_described(void **state)
{
	const struct board *here[] = {board_by_id("a100-sxm4-80gb"), board_by_id("a100-sxm4-80gb"),
				      board_by_id("h100-sxm5-80gb"), board_by_id("a30-24gb")};
	cleanup(policy_free) struct policy *policy = policy_of(site);
	cleanup(text_done) struct text text = TEXT_INIT;

	(void)state;
	policy_describe(policy, here, ARRAY_SIZE(here), &text);
	assert_string_equal(text_str(&text), description);
	text_clear(&text);
	policy_describe(policy, &here[3], 1, &text);
	assert_non_null(strstr(text_str(&text), "nothing on these boards\n"));
}

static void what_may_be_meant_otherwise_is_noted(void **state)
{
	static const struct {
		const char *yaml, *notes;
	} cases[] = {
		{site, notes},
		{"version: 1\nclasses: {full: {profiles: full}}\nteams: {everyone: {}}\n",
		 "class 'full': whole GPUs for everybody; 'allow' would restrict it\n"},
		{"version: 1\nclasses: {a: {profiles: 1g}, b: {profiles: 2g}}\n"
		 "teams: {everyone: {classes: a}}\n",
		 "class 'b': no team may ask for it\n"},
		{"version: 1\nclasses: {a: {profiles: 1g}}\nteams: {everyone: {}}\n", ""},
		{"version: 1\nclasses: {a: {profiles: 1g}}\nteams: {everyone: {}}\n"
		 "placement: {relocate: {max: 2}}\n",
		 "'placement.relocate' moves nothing: no class is 'movable'\n"},
		{"version: 1\nclasses: {a: {profiles: 1g, movable: true}}\n"
		 "teams: {everyone: {}}\n",
		 "class 'a' is movable, but 'placement' has no 'relocate'\n"},
		{"version: 1\nclasses: {a: {profiles: 1g, movable: true}}\n"
		 "teams: {everyone: {}}\nplacement: {relocate: {}}\n",
		 ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_of(cases[i].yaml);
		cleanup(text_done) struct text text = TEXT_INIT;

		policy_notes(policy, &text);
		assert_string_equal(text_str(&text), cases[i].notes);
	}
}

static void shares_are_described(void **state)
{
	static const char shares[] =
		"version: 1\nclasses: {small: {profiles: 1g}}\n"
		"teams:\n"
		"  a: {users: ann, services: runner, priority: 3, guarantee: {slices: 7},\n"
		"      quota: {slices: 14, slice_hours: 500, per: week},\n"
		"      per_user: {slice_hours: 12.5, per: day}}\n";
	static const char row[] = "a     no limit   14, 7 guaranteed, 500 slice-hours a week  "
				  "12.5 slice-hours a day  1, priority 3  all      user ann; "
				  "service runner\n";
	cleanup(policy_free) struct policy *policy = policy_of(shares);
	cleanup(text_done) struct text text = TEXT_INIT;
	const struct board *here[] = {board_by_id("h100-sxm5-80gb")};

	(void)state;
	policy_describe(policy, here, 1, &text);
	assert_non_null(strstr(text_str(&text), row));
}

static void more_guaranteed_than_there_is_is_noted(void **state)
{
	static const char shares[] = "version: 1\nclasses: {small: {profiles: 1g}}\n"
				     "teams:\n"
				     "  a: {users: a, guarantee: {slices: 7}}\n"
				     "  b: {users: b, guarantee: {slices: 5}}\n";
	cleanup(policy_free) struct policy *policy = policy_of(shares);
	cleanup(text_done) struct text few = TEXT_INIT, enough = TEXT_INIT;
	const struct board *gpus[] = {board_by_id("h100-sxm5-80gb"), board_by_id("a30-24gb"),
				      board_by_id("a30-24gb")};

	(void)state;
	policy_notes_here(policy, gpus, 2, &few);
	assert_string_equal(text_str(&few),
			    "12 slices are guaranteed to teams, but the GPUs have 11\n");
	policy_notes_here(policy, gpus, 3, &enough);
	assert_string_equal(text_str(&enough), "");
}

static void check_example(const char *path)
{
	cleanup(policy_free) struct policy *policy = NULL;
	cleanup(text_done) struct text remarks = TEXT_INIT;
	cleanup(free) char *bytes = NULL;
	struct err err = ERR_INIT;
	char *line, *next;
	size_t n = 0;

	if (policy_load(path, &policy, &err) || file_read(path, 1 << 20, &bytes, NULL, &err))
		fail_msg("%s: %s", err.text, err.hint);
	line = strstr(bytes, "# Boards: ");
	assert_non_null(line);
	line = strtok_r(line + strlen("# Boards: "), "\n", &next);
	for (char *id; (id = strsep(&line, " ")); n++)
		for (size_t i = 0; i < policy_n_classes(policy); i++) {
			const struct profile *profiles[POLICY_MAX_PROFILES];

			assert_non_null(board_by_id(id));
			if (!policy_class_profiles(policy_class_at(policy, i), board_by_id(id),
						   profiles))
				fail_msg("%s: class %s is not served on %s", path,
					 policy_class_at(policy, i)->name, id);
		}
	assert_true(n > 0);
	policy_notes(policy, &remarks);
	if (remarks.len)
		fail_msg("%s: %s", path, text_str(&remarks));
}

static void the_examples_serve_their_boards(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob(EXAMPLES "/*.yaml", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 3);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_example(found.gl_pathv[i]);
	globfree(&found);
}

/* The file in the manual is a policy, and says nothing by accident. */
static void the_example_of_the_manual_is_a_policy(void **state)
{
	cleanup(policy_free) struct policy *policy = NULL;
	cleanup(text_done) struct text remarks = TEXT_INIT;
	cleanup(free) char *manual = NULL;
	struct err err = ERR_INIT;
	char *begin, *end;

	(void)state;
	if (file_read(MANUAL, 1 << 20, &manual, NULL, &err))
		fail_msg("%s", err.text);
	begin = strstr(manual, "```\n");
	assert_non_null(begin);
	begin += strlen("```\n");
	end = strstr(begin, "```\n");
	assert_non_null(end);
	if (policy_parse(begin, (size_t)(end - begin), "the example", &policy, &err))
		fail_msg("%s: %s", err.text, err.hint);
	policy_notes(policy, &remarks);
	assert_string_equal(text_str(&remarks), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_is_described),
		cmocka_unit_test(what_may_be_meant_otherwise_is_noted),
		cmocka_unit_test(shares_are_described),
		cmocka_unit_test(more_guaranteed_than_there_is_is_noted),
		cmocka_unit_test(the_examples_serve_their_boards),
		cmocka_unit_test(the_example_of_the_manual_is_a_policy),
	};

	return tap_run(tests);
}
