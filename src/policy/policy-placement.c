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

int policy_read_placement(const struct yaml_node *map, struct policy_placement *ret,
			  struct err *err)
{
	struct placement_wish {
		const char *rule;
	} wish = {NULL};
	static const struct yaml_field fields[] = {
		{"rule", YAML_TEXT, AT(placement_wish, rule)},
	};
	int rule, r = map_read(map, "'placement'", "placement: {rule: cap}", fields,
			       ARRAY_SIZE(fields), &wish, err);

	if (r)
		return r;
	rule = word_read(map, "rule", wish.rule, rules, ARRAY_SIZE(rules), err);
	if (rule < 0)
		return rule;
	ret->rule = (enum placement_rule)rule;
	return 0;
}
