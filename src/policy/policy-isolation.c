#include "policy/policy-isolation.h"

#include <string.h>

#include "base/array.h"
#include "policy/policy-read.h"

static const char *const modes[] = {
#define X(name, typed, meaning) typed,
	ISOLATION_MODES(X)
#undef X
};

const char *isolation_mode_name(enum isolation_mode mode)
{
	return modes[mode];
}

const struct policy_isolation *policy_isolation(const struct policy *policy)
{
	return &policy->isolation;
}

static int read_mode(const struct yaml_node *word, struct policy_isolation *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(word->text, modes[i])) {
			ret->mode = (enum isolation_mode)i;
			return 0;
		}
	yaml_node_fail(word, err, "'%.40s' is no way to isolate", word->text);
	return fail_near(err, word->text, modes, ARRAY_SIZE(modes),
			 "one of: auto, off, acl, cgroup");
}

int policy_read_isolation(const struct yaml_node *node, struct policy_isolation *ret,
			  struct err *err)
{
	struct isolation_wish {
		const struct yaml_node *mode, *group;
	} wish = {NULL, NULL};
	static const struct yaml_field fields[] = {
		{"mode", YAML_NODE, AT(isolation_wish, mode)},
		{"group", YAML_NODE, AT(isolation_wish, group)},
	};
	int r;

	if (node->kind == YAML_SCALAR)
		return read_mode(node, ret, err);
	r = map_read(node, "'isolation'", "isolation: auto", fields, ARRAY_SIZE(fields), &wish,
		     err);
	if (r)
		return r;
	if (wish.mode && wish.mode->kind != YAML_SCALAR)
		return yaml_node_fail(wish.mode, err, "'mode' is not one word");
	r = wish.mode ? read_mode(wish.mode, ret, err) : 0;
	if (r || !wish.group)
		return r;
	if (wish.group->kind != YAML_SCALAR)
		return yaml_node_fail(wish.group, err, "'group' is not one word");
	r = word_check_person(wish.group, err);
	if (!r)
		ret->group = wish.group->text;
	return r;
}
