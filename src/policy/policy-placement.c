#include "policy/policy-placement.h"

#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
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

/* One of a few words; NULL is the first. Returns its index, or -ERR_INVALID. */
static int read_word(const struct yaml_node *map, const char *key, const char *typed,
		     const char *const *words, size_t n, struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;

	for (size_t i = 0; i < n; i++) {
		if (!typed || !strcmp(typed, words[i]))
			return (int)i;
		text_addf(&list, "%s%s", i ? ", " : "one of: ", words[i]);
	}
	yaml_node_fail(yaml_node_get(map, key), err, "'%.40s' is no '%s'", typed, key);
	return fail_near(err, typed, words, n, text_str(&list));
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
	rule = read_word(map, "rule", wish.rule, rules, ARRAY_SIZE(rules), err);
	if (rule < 0)
		return rule;
	ret->rule = (enum placement_rule)rule;
	return 0;
}
