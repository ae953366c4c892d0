#include "policy/policy-price.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "policy/policy-read.h"

#define MAX_WEIGHT 16
#define MAX_RATE   1e6

/* ---- the rules ---- */

static double compute_share(const struct board *board, const struct profile *profile)
{
	return (double)profile->compute_slices / board->compute_slices;
}

static double memory_share(const struct board *board, const struct profile *profile)
{
	return (double)profile->memory_slices / board->memory_slices;
}

static double fit_share(const struct board *board, const struct profile *profile)
{
	(void)board;
	return 1.0 / profile->max_instances;
}

double price_weight(const struct board *board, const struct profile *profile)
{
	double compute = compute_share(board, profile), memory = memory_share(board, profile);

	return compute > memory ? compute : memory;
}

static const struct {
	const char *typed;
	double (*weight)(const struct board *board, const struct profile *profile);
} rules[] = {
	[PRICE_MAX_SHARE] = {"max-share", price_weight},
	[PRICE_COMPUTE_SHARE] = {"compute-share", compute_share},
	[PRICE_MEMORY_SHARE] = {"memory-share", memory_share},
	[PRICE_FIT_SHARE] = {"fit-share", fit_share},
};
_Static_assert(ARRAY_SIZE(rules) == PRICE_RULE_COUNT, "each rule has a function");

const struct policy_price *policy_price(const struct policy *policy)
{
	return &policy->price;
}

double policy_price_weight(const struct policy *policy, const struct board *board,
			   const struct profile *profile)
{
	const struct policy_price *price = &policy->price;
	const struct yaml_node *node = price->weighted ? price->weighted->first : NULL;

	for (size_t i = 0; node; node = node->next, i++)
		if (profile_by_word(board, node->key) == profile)
			return price->weights[i];
	return rules[price->rule].weight(board, profile);
}

/* ---- the file ---- */

static int check_weight(const struct yaml_node *node, double weight, struct err *err)
{
	struct yaml_node word = *node;

	word.text = node->key;
	word.line = node->key_line;
	word.column = node->key_column;
	if (weight > MAX_WEIGHT)
		return yaml_node_fail(node, err, "the weight of '%.64s' is more than %d GPUs",
				      node->key, MAX_WEIGHT);
	return word_check_profile(&word, err);
}

static int read_weights(const struct yaml_node *map, struct policy_price *ret, struct err *err)
{
	struct yaml_field fields[PRICE_MAX_WEIGHTS];
	size_t n = 0;
	int r;

	if (map->kind != YAML_MAP || !map->n) {
		yaml_node_fail(map, err, "'weights' must give each profile its part of a GPU");
		return fail_hint(err, "for example: weights: {1g.10gb: 0.14}");
	}
	if (map->n > PRICE_MAX_WEIGHTS)
		return yaml_node_fail(map, err, "'weights' has %zu profiles; at most %d are possible",
				      map->n, PRICE_MAX_WEIGHTS);
	for (const struct yaml_node *node = map->first; node; node = node->next, n++)
		fields[n] = (struct yaml_field){node->key, YAML_FACTOR, n * sizeof(double)};
	r = yaml_node_read(map, "'weights'", fields, n, ret->weights, err);
	n = 0;
	for (const struct yaml_node *node = map->first; !r && node; node = node->next)
		r = check_weight(node, ret->weights[n++], err);
	ret->weighted = map;
	return r;
}

struct price_wish {
	const char *rule, *currency;
	const struct yaml_node *weights;
	bool has_rate;
	double rate;
};

static const struct yaml_field price_fields[] = {
	{"rule", YAML_TEXT, AT(price_wish, rule)},
	{"weights", YAML_NODE, AT(price_wish, weights)},
	{"per_gpu_hour", YAML_FACTOR, AT(price_wish, rate), offsetof(struct price_wish, has_rate)},
	{"currency", YAML_TEXT, AT(price_wish, currency)},
};

static int check_money(const struct yaml_node *map, const struct price_wish *wish, struct err *err)
{
	const struct yaml_node *currency = yaml_node_get(map, "currency");

	if (wish->has_rate && wish->rate > MAX_RATE)
		return yaml_node_fail(yaml_node_get(map, "per_gpu_hour"), err,
				      "'per_gpu_hour' is more than %.0f", MAX_RATE);
	if (wish->has_rate != (currency != NULL)) {
		yaml_node_fail(map, err, "'price' has %s without %s",
			       wish->has_rate ? "'per_gpu_hour'" : "'currency'",
			       wish->has_rate ? "'currency'" : "'per_gpu_hour'");
		return fail_hint(err, "for example: price: {per_gpu_hour: 2.50, currency: EUR}");
	}
	if (currency && (!wish->currency[0] || strlen(wish->currency) > 8))
		return yaml_node_fail(currency, err, "'currency' must have 1 to 8 characters");
	return text_check(currency, 8, err);
}

int policy_read_price(const struct yaml_node *map, struct policy_price *ret, struct err *err)
{
	struct policy_price price = {0};
	struct price_wish wish = {NULL};
	const char *words[PRICE_RULE_COUNT];
	int rule, r = map_read(map, "'price'", "price: {rule: max-share}", price_fields,
			       ARRAY_SIZE(price_fields), &wish, err);

	for (size_t i = 0; i < PRICE_RULE_COUNT; i++)
		words[i] = rules[i].typed;
	r = r || !wish.weights ? r : read_weights(wish.weights, &price, err);
	r = r ? r : check_money(map, &wish, err);
	if (r)
		return r;
	rule = word_read(map, "rule", wish.rule, words, PRICE_RULE_COUNT, err);
	if (rule < 0)
		return rule;
	price.rule = (enum price_rule)rule;
	price.has_per_gpu_hour = wish.has_rate;
	price.per_gpu_hour = wish.rate;
	snprintf(price.currency, sizeof(price.currency), "%s", wish.currency ? wish.currency : "");
	*ret = price;
	return 0;
}
