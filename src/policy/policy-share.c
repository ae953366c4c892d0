/* Past use in the queue. */
#include <math.h>

#include "base/array.h"
#include "policy/policy-read.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

int policy_read_fairness(const struct yaml_node *map, struct policy *policy, struct err *err)
{
	static const struct yaml_field fields[] = {
		{"half_life", YAML_DURATION, 0, .required = true},
	};
	int64_t half_life_s = 0;
	int r = map_read(map, "'fairness'", "fairness: {half_life: 7d}", fields, ARRAY_SIZE(fields),
			 &half_life_s, err);

	if (r)
		return r;
	if (half_life_s < HOUR || half_life_s > 366 * DAY)
		return yaml_node_fail(yaml_node_get(map, "half_life"), err,
				      "'half_life' must be between 1 hour and 366 days");
	policy->half_life_s = half_life_s;
	return 0;
}

int64_t policy_half_life_s(const struct policy *policy)
{
	return policy->half_life_s;
}

double policy_past_of(const struct policy *policy, uint32_t slices, int64_t lasted_s)
{
	double half_lives =
		policy->half_life_s ? (double)lasted_s / (double)policy->half_life_s : 0;

	return half_lives > 0 ? slices * -expm1(-M_LN2 * half_lives) : 0;
}

double policy_past_fade(const struct policy *policy, double past, int64_t passed_s)
{
	return policy->half_life_s ? past * exp2(-(double)passed_s / (double)policy->half_life_s)
				   : 0;
}
