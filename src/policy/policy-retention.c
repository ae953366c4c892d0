#include "policy/policy-retention.h"

#include "base/array.h"
#include "policy/policy-read.h"

#define LEAST_S 86400

const struct policy_retention *policy_retention(const struct policy *policy)
{
	return &policy->retention;
}

int policy_read_retention(const struct yaml_node *map, struct policy_retention *ret,
			  struct err *err)
{
	static const struct yaml_field fields[] = {
		{"events", YAML_DURATION, AT(policy_retention, events_s)},
		{"leases", YAML_DURATION, AT(policy_retention, leases_s)},
	};
	struct policy_retention wish = {0};
	int r = map_read(map, "'retention'", "retention: {events: 2y, leases: 2y}", fields,
			 ARRAY_SIZE(fields), &wish, err);

	for (size_t i = 0; !r && i < ARRAY_SIZE(fields); i++) {
		const struct yaml_node *node = yaml_node_get(map, fields[i].key);

		if (node && *(const int64_t *)((const char *)&wish + fields[i].at) < LEAST_S)
			r = yaml_node_fail(node, err, "'%s' must be at least one day",
					   fields[i].key);
	}
	if (!r)
		*ret = wish;
	return r;
}
