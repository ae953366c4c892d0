/* One class of a policy file. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/sizes.h"
#include "policy/policy-read.h"

#define MINUTE 60
#define HOUR   3600
#define DAY    86400

struct class_wish {
	const char *description;
	const struct yaml_node *profiles, *boards, *aliases, *allow, *drivers;
	bool has_memory, has_slices, has_time, has_max_time, movable;
	uint64_t memory_bytes;
	int64_t slices, time_s, max_time_s, warm, priority;
	struct grant_wish grant;
};

static const struct yaml_field class_fields[] = {
	{"description", YAML_TEXT, AT(class_wish, description)},
	{"profiles", YAML_NODE, AT(class_wish, profiles)},
	{"boards", YAML_NODE, AT(class_wish, boards)},
	{"memory", YAML_SIZE, AT(class_wish, memory_bytes),
	 offsetof(struct class_wish, has_memory)},
	{"slices", YAML_NUMBER, AT(class_wish, slices), offsetof(struct class_wish, has_slices), 1,
	 16},
	{"aliases", YAML_NODE, AT(class_wish, aliases)},
	{"time", YAML_DURATION, AT(class_wish, time_s), offsetof(struct class_wish, has_time)},
	{"max_time", YAML_DURATION, AT(class_wish, max_time_s),
	 offsetof(struct class_wish, has_max_time)},
	{"warm", YAML_NUMBER, AT(class_wish, warm), .min = 0, .max = 64},
	{"movable", YAML_BOOL, AT(class_wish, movable)},
	{"priority", YAML_NUMBER, AT(class_wish, priority), .min = 0, .max = POLICY_MAX_PRIORITY},
	{"allow", YAML_NODE, AT(class_wish, allow)},
	{"drivers", YAML_NODE, AT(class_wish, drivers)},
	GRANT_FIELDS(class_wish, grant),
};

static int check_time(const struct yaml_node *map, const char *key, int64_t time_s, struct err *err)
{
	if (time_s >= MINUTE && time_s <= 366 * (int64_t)DAY)
		return 0;
	return yaml_node_fail(yaml_node_get(map, key), err,
			      "'%s' must be between 1 minute and 366 days", key);
}

static int read_times(const struct yaml_node *map, const struct class_wish *wish,
		      struct policy_class *class_, struct err *err)
{
	char time[32], max_time[32];
	int r = wish->has_time ? check_time(map, "time", wish->time_s, err) : 0;

	r = r || !wish->has_max_time ? r : check_time(map, "max_time", wish->max_time_s, err);
	if (r)
		return r;
	class_->time_s = wish->has_time ? wish->time_s : 4 * HOUR;
	class_->max_time_s = wish->has_max_time	     ? wish->max_time_s
			     : wish->grant.interactive ? DAY / 2
						       : DAY;
	if (!wish->has_max_time && class_->max_time_s < class_->time_s)
		class_->max_time_s = class_->time_s;
	if (!wish->has_time && class_->time_s > class_->max_time_s)
		class_->time_s = class_->max_time_s;
	if (class_->time_s <= class_->max_time_s)
		return 0;
	return yaml_node_fail(yaml_node_get(map, "time"), err,
			      "class '%s': time %s is longer than max_time %s", class_->name,
			      duration_format(time, sizeof(time), class_->time_s),
			      duration_format(max_time, sizeof(max_time), class_->max_time_s));
}

static int read_boards(const struct yaml_node *map, const char *class_name, struct err *err)
{
	if (map->kind != YAML_MAP || !map->n) {
		yaml_node_fail(map, err, "class '%s': 'boards' must give each board its profiles",
			       class_name);
		return fail_hint(err, "for example: boards: {a100-sxm4-80gb: 1g.10gb}");
	}
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		const struct board *board = key_check_board(node, err);
		int r = board ? words_check_profiles_of(node, board, err) : -(int)err->code;

		if (r)
			return r;
	}
	return 0;
}

static int check_served(const struct yaml_node *map, const struct policy_class *class_,
			struct err *err)
{
	for (size_t i = 0; i < n_boards; i++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];

		if (policy_class_profiles(class_, &boards[i], profiles))
			return 0;
	}
	yaml_node_fail_key(map, err,
			   "class '%s': no board that carve knows has a profile with as much",
			   class_->name);
	return fail_hint(err, "'carve profiles' lists what there is; memory is a little less than "
			      "the name says");
}

/* {1g.20gb: 550}: a profile, and the least driver it is given with. */
static int read_drivers(const struct yaml_node *map, struct policy_class *class_, struct err *err)
{
	if (map->kind != YAML_MAP || !map->n) {
		yaml_node_fail(map, err, "'drivers' must give profiles their least driver");
		return fail_hint(err, "for example: drivers: {1g.20gb: 550}");
	}
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		struct yaml_node word = *node;
		int64_t branch;
		int r;

		word.text = node->key;
		word.line = node->key_line;
		word.column = node->key_column;
		r = word_check_profile(&word, err);
		if (r)
			return r;
		if (node->kind != YAML_SCALAR ||
		    number_parse(node->text, "driver", 1, 9999, &branch, err))
			return yaml_node_fail(node, err, "'%.40s' is no driver branch, like 550",
					      node->text);
	}
	class_->match->drivers = map;
	return 0;
}

/* What serves the class: exactly one of three ways to say it. */
static int read_match(const struct yaml_node *map, const struct class_wish *wish,
		      struct policy_class *class_, struct err *err)
{
	bool by_least = wish->has_memory || wish->has_slices;
	int ways = !!wish->profiles + !!wish->boards + by_least;

	if (ways != 1) {
		yaml_node_fail_key(map, err,
				   ways ? "class '%s' says in %d ways what serves it"
					: "class '%s' does not say what serves it",
				   class_->name, ways);
		return fail_hint(err, "give one of 'profiles', 'boards', and 'memory' with or "
				      "without 'slices'");
	}
	*class_->match = (struct policy_class_match){
		.profiles = wish->profiles,
		.boards = wish->boards,
		.has_memory = wish->has_memory,
		.has_slices = wish->has_slices,
		.memory_bytes = wish->memory_bytes,
		.slices = wish->slices,
	};
	if (wish->profiles)
		return words_check(wish->profiles, POLICY_MAX_WORDS, word_check_profile, err);
	if (wish->boards)
		return read_boards(wish->boards, class_->name, err);
	return check_served(map, class_, err);
}

static int read_aliases(const struct policy *policy, const struct yaml_node *list,
			struct policy_class *class_, struct err *err)
{
	int r = words_check(list, POLICY_MAX_ALIASES, word_check_name, err);

	WORDS_EACH(alias, list) {
		const struct policy_class *other = class_by_word(policy, alias->text);

		if (r)
			return r;
		if (other)
			return yaml_node_fail(alias, err, "class '%s' is called '%s' already",
					      other->name, alias->text);
		if (!strcmp(alias->text, class_->name))
			return yaml_node_fail(alias, err, "'%s' is the name of the class itself",
					      alias->text);
	}
	class_->match->aliases = list;
	return r;
}

int policy_read_class(struct policy *policy, const struct yaml_node *map, struct err *err)
{
	struct policy_class *class_ = &policy->classes[policy->n_classes];
	struct class_wish wish = {.description = "", .grant.per_job = 1};
	const struct policy_class *other;
	char what[POLICY_NAME + 16], example[POLICY_NAME + 32];
	int r = key_check_name(map, "class", err);

	if (r)
		return r;
	snprintf(what, sizeof(what), "class '%s'", map->key);
	snprintf(example, sizeof(example), "%s: {profiles: 1g}", map->key);
	r = map_read(map, what, example, class_fields, ARRAY_SIZE(class_fields), &wish, err);
	other = class_by_word(policy, map->key);
	if (!r && other)
		return yaml_node_fail_key(map, err, "class '%s' is called '%s' already",
					  other->name, map->key);
	r = r ? r
	      : text_check(yaml_node_get(map, "description"), sizeof(class_->description) - 1, err);
	if (r)
		return r;
	snprintf(class_->name, sizeof(class_->name), "%s", map->key);
	snprintf(class_->description, sizeof(class_->description), "%s", wish.description);
	class_->match = &policy->class_matches[policy->n_classes];
	class_->warm = (unsigned)wish.warm;
	class_->grant = &policy->class_grants[policy->n_classes];
	class_->priority = (int)wish.priority;
	class_->restricted = wish.allow;
	class_->movable = wish.movable;
	class_->placement = &policy->placement;
	r = read_match(map, &wish, class_, err);
	r = r ? r : read_times(map, &wish, class_, err);
	r = r ? r : read_aliases(policy, wish.aliases, class_, err);
	if (!r && wish.allow)
		r = read_members(wish.allow, "'allow'", "allow: {teams: training}", 3,
				 &class_->match->allow, err);
	r = r || !wish.drivers ? r : read_drivers(wish.drivers, class_, err);
	r = r ? r : class_read_grant(map, &wish.grant, class_, err);
	policy->n_classes += !r;
	return r;
}
