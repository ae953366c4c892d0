/* One team of a policy file, and who belongs. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "policy/policy-read.h"

#define MANY	  YAML_MAX_NODES /* the document is bounded already */
#define MAX_QUOTA 100000

/* ---- people ---- */

static const struct yaml_field member_fields[] = {
	{"users", YAML_NODE, AT(policy_members, users)},
	{"groups", YAML_NODE, AT(policy_members, groups)},
	{"teams", YAML_NODE, AT(policy_members, teams)}, /* of "allow" only */
};

static int check_members(const struct policy_members *members, struct err *err)
{
	int r = words_check(members->users, MANY, word_check_person, err);

	r = r ? r : words_check(members->groups, MANY, word_check_person, err);
	r = r ? r : words_check(members->services, MANY, word_check_person, err);
	return r ? r : words_check(members->teams, POLICY_MAX_TEAMS, word_check_name, err);
}

int read_members(const struct yaml_node *map, const char *what, const char *example,
		 size_t n_fields, struct policy_members *ret, struct err *err)
{
	int r = map_read(map, what, example, member_fields, n_fields, ret, err);

	if (!r && !map->n)
		return yaml_node_fail(map, err, "%s names nobody", what);
	return r ? r : check_members(ret, err);
}

/* ---- teams ---- */

struct team_wish {
	struct policy_members members;
	const struct yaml_node *quota, *per_user, *classes, *guarantee;
	double share;
	int64_t priority;
};

static const struct yaml_field team_fields[] = {
	{"users", YAML_NODE, AT(team_wish, members.users)},
	{"groups", YAML_NODE, AT(team_wish, members.groups)},
	{"services", YAML_NODE, AT(team_wish, members.services)},
	{"quota", YAML_NODE, AT(team_wish, quota)},
	{"per_user", YAML_NODE, AT(team_wish, per_user)},
	{"classes", YAML_NODE, AT(team_wish, classes)},
	{"share", YAML_FACTOR, AT(team_wish, share)},
	{"guarantee", YAML_NODE, AT(team_wish, guarantee)},
	{"priority", YAML_NUMBER, AT(team_wish, priority), .min = 0, .max = POLICY_MAX_PRIORITY},
};

struct quota_wish {
	int64_t instances, slices;
	bool has_hours;
	double hours;
	const char *per;
};

static const struct yaml_field quota_fields[] = {
	{"instances", YAML_NUMBER, AT(quota_wish, instances), .min = 0, .max = MAX_QUOTA},
	{"slices", YAML_NUMBER, AT(quota_wish, slices), .min = 0, .max = MAX_QUOTA},
	{"slice_hours", YAML_FACTOR, AT(quota_wish, hours), offsetof(struct quota_wish, has_hours)},
	{"per", YAML_TEXT, AT(quota_wish, per)},
};

static int read_quota(const struct yaml_node *map, struct policy_quota *ret,
		      struct policy_hours *ret_hours, struct err *err)
{
	struct quota_wish wish = {.instances = POLICY_UNLIMITED, .slices = POLICY_UNLIMITED};
	char what[32], example[64];
	int r = 0;

	if (map) {
		snprintf(what, sizeof(what), "'%s'", map->key);
		snprintf(example, sizeof(example), "%s: {instances: 4, slices: 14}", map->key);
		r = map_read(map, what, example, quota_fields, ARRAY_SIZE(quota_fields), &wish,
			     err);
		r = r ? r
		      : policy_read_hours(map, wish.has_hours, wish.hours, wish.per, ret_hours,
					  err);
	}
	if (!r)
		*ret = (struct policy_quota){(uint32_t)wish.instances, (uint32_t)wish.slices};
	return r;
}

static int check_known_classes(const struct policy *policy, const struct yaml_node *list,
			       const char *team, struct err *err)
{
	const char *words[POLICY_CLASS_WORDS];
	int r = words_check(list, ARRAY_SIZE(words), word_check_name, err);

	if (r)
		return r;
	WORDS_EACH(word, list) {
		size_t n = class_words(policy, words, ARRAY_SIZE(words));

		if (!class_by_word(policy, word->text)) {
			yaml_node_fail(word, err, "team '%s': there is no class '%s'", team,
				       word->text);
			return fail_near(err, word->text, words, n, "see 'classes:'");
		}
	}
	return 0;
}

static int check_team_members(const struct yaml_node *map, const struct policy_team *team,
			      struct err *err)
{
	const struct policy_members *members = &team->match->members;
	bool named = members->users || members->groups || members->services;

	if (team->match->is_everyone && named) {
		yaml_node_fail_key(map, err, "team 'everyone' has no 'users', 'groups' or 'services'");
		return fail_hint(err, "it is whoever belongs to no other team; give this one "
				      "another name");
	}
	if (team->match->is_everyone && map->next) {
		yaml_node_fail_key(map, err, "team 'everyone' must stand last");
		return fail_hint(err, "a person belongs to the first team of the file that fits");
	}
	if (!team->match->is_everyone && !named) {
		yaml_node_fail_key(map, err, "team '%s' has no 'users', 'groups' or 'services'",
				   team->name);
		return fail_hint(err, "only a team called 'everyone' goes without");
	}
	return check_members(members, err);
}

int policy_read_team(struct policy *policy, const struct yaml_node *map, struct err *err)
{
	struct policy_team *team = &policy->teams[policy->n_teams];
	struct team_wish wish = {.share = 1};
	char what[POLICY_NAME + 16], example[POLICY_NAME + 32];
	int r = key_check_name(map, "team", err);

	if (r)
		return r;
	snprintf(what, sizeof(what), "team '%s'", map->key);
	snprintf(example, sizeof(example), "%s: {quota: {slices: 14}}", map->key);
	r = map_read(map, what, example, team_fields, ARRAY_SIZE(team_fields), &wish, err);
	if (r)
		return r;
	if (wish.share < 0.01 || wish.share > 1000)
		return yaml_node_fail(yaml_node_get(map, "share"), err,
				      "'share' must be between 0.01 and 1000");
	snprintf(team->name, sizeof(team->name), "%s", map->key);
	team->share = wish.share;
	team->priority = (int)wish.priority;
	team->match = &policy->team_matches[policy->n_teams];
	*team->match = (struct policy_team_match){
		.is_everyone = !strcmp(team->name, "everyone"),
		.members = wish.members,
		.classes = wish.classes,
	};
	r = check_team_members(map, team, err);
	r = r ? r : read_quota(wish.quota, &team->quota, &team->hours, err);
	r = r ? r : read_quota(wish.per_user, &team->per_user, &team->hours_per_user, err);
	r = r || !wish.guarantee ? r : policy_read_guarantee(wish.guarantee, team, err);
	r = r ? r : check_known_classes(policy, wish.classes, team->name, err);
	policy->n_teams += !r;
	return r;
}
