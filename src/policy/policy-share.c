/* Past use in the queue, guaranteed shares. */
#include <math.h>
#include <string.h>

#include "base/array.h"
#include "base/sizes.h"
#include "base/text.h"
#include "policy/policy-read.h"

#define HOUR INT64_C(3600)
#define DAY  (24 * HOUR)

#define MAX_GUARANTEE 100000

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

/* ---- guaranteed shares ---- */

/* true, false, or how many slices. */
static int read_borrow(const struct yaml_node *node, uint32_t *ret, struct err *err)
{
	const char *word = node->text;
	int64_t slices = 0;

	if (!strcmp(word, "true") || !strcmp(word, "yes"))
		slices = POLICY_UNLIMITED;
	else if (strcmp(word, "false") != 0 && strcmp(word, "no") != 0 &&
		 number_parse(word, "borrow", 0, MAX_GUARANTEE, &slices, err)) {
		yaml_node_fail_in(node, err);
		return fail_hint(err, "it may be true, false or a number of slices");
	}
	*ret = (uint32_t)slices;
	return 0;
}

int policy_read_guarantee(const struct yaml_node *map, struct policy_team *team, struct err *err)
{
	struct guarantee_wish {
		int64_t slices;
		const struct yaml_node *borrow;
	} wish = {0};
	static const struct yaml_field fields[] = {
		{"slices", YAML_NUMBER, AT(guarantee_wish, slices), .min = 1, .max = MAX_GUARANTEE,
		 .required = true},
		{"borrow", YAML_NODE, AT(guarantee_wish, borrow)},
	};
	int r = map_read(map, "'guarantee'", "guarantee: {slices: 7}", fields, ARRAY_SIZE(fields),
			 &wish, err);

	team->borrow = POLICY_UNLIMITED;
	if (!r && wish.borrow)
		r = read_borrow(wish.borrow, &team->borrow, err);
	if (r)
		return r;
	team->guarantee = (uint32_t)wish.slices;
	if (team->guarantee > team->quota.slices) {
		yaml_node_fail(map, err, "team '%s' is guaranteed %u slices, but may hold %u",
			       team->name, team->guarantee, team->quota.slices);
		return fail_hint(err, "a guarantee is at most what 'quota' allows");
	}
	return 0;
}

int policy_read_reclaim(const struct yaml_node *map, struct policy *policy, struct err *err)
{
	static const struct yaml_field fields[] = {
		{"notice", YAML_DURATION, 0, .required = true},
	};
	int64_t notice_s = 0;
	int r = map_read(map, "'reclaim'", "reclaim: {notice: 30m}", fields, ARRAY_SIZE(fields),
			 &notice_s, err);

	if (r)
		return r;
	if (notice_s < 60 || notice_s > 30 * DAY)
		return yaml_node_fail(yaml_node_get(map, "notice"), err,
				      "'notice' must be between 1 minute and 30 days");
	policy->notice_s = notice_s;
	return 0;
}

int64_t policy_notice_s(const struct policy *policy)
{
	return policy->notice_s;
}

void policy_notes_here(const struct policy *policy, const struct board *const *gpus, size_t n_gpus,
		       struct text *ret)
{
	uint64_t guaranteed = 0, there = 0;

	for (size_t i = 0; i < policy->n_teams; i++)
		guaranteed += policy->teams[i].guarantee;
	for (size_t i = 0; i < n_gpus; i++)
		there += gpus[i]->compute_slices;
	if (guaranteed > there)
		text_addf(ret, "%llu slices are guaranteed to teams, but the GPUs have %llu\n",
			  (unsigned long long)guaranteed, (unsigned long long)there);
}
