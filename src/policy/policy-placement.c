#include "policy/policy-placement.h"

#include "base/array.h"
#include "policy/policy-read.h"

static const char *const rules[] = {
#define X(name, typed, meaning) typed,
	PLACEMENT_RULES(X)
#undef X
};

const char *placement_rule_name(enum placement_rule rule)
{
	return rules[rule];
}

const struct policy_placement *policy_placement(const struct policy *policy)
{
	return &policy->placement;
}

static int read_relocate(const struct yaml_node *map, struct policy_placement *ret, struct err *err)
{
	struct relocate_wish {
		int64_t max;
		const char *how;
	} wish = {1, NULL};
	static const struct yaml_field fields[] = {
		{"max", YAML_NUMBER, AT(relocate_wish, max), .min = 0, .max = PLACEMENT_MAX_MOVES},
		{"how", YAML_TEXT, AT(relocate_wish, how)},
	};
	static const char *const hows[] = {"propose", "do"};
	int how, r = map_read(map, "'relocate'", "relocate: {max: 1, how: propose}", fields,
			      ARRAY_SIZE(fields), &wish, err);

	if (r)
		return r;
	how = word_read(map, "how", wish.how, hows, ARRAY_SIZE(hows), err);
	if (how < 0)
		return how;
	ret->max_moves = (unsigned)wish.max;
	ret->moves_done = how;
	return 0;
}

int policy_read_placement(const struct yaml_node *map, struct policy_placement *ret,
			  struct err *err)
{
	struct placement_wish {
		const char *rule;
		const struct yaml_node *relocate;
	} wish = {NULL, NULL};
	static const struct yaml_field fields[] = {
		{"rule", YAML_TEXT, AT(placement_wish, rule)},
		{"relocate", YAML_NODE, AT(placement_wish, relocate)},
	};
	int rule, r = map_read(map, "'placement'", "placement: {rule: cap}", fields,
			       ARRAY_SIZE(fields), &wish, err);

	if (r)
		return r;
	rule = word_read(map, "rule", wish.rule, rules, ARRAY_SIZE(rules), err);
	if (rule < 0)
		return rule;
	ret->rule = (enum placement_rule)rule;
	return wish.relocate ? read_relocate(wish.relocate, ret, err) : 0;
}
