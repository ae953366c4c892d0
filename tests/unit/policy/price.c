/* What part of a GPU an instance counts for, and how long the past is kept. */
#include "../tap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "policy/policy-price.h"
#include "policy/policy-retention.h"

#define BASE                                         \
	"version: 1\nclasses: {small: {profiles: 1g}}\n" \
	"teams: {everyone: {}}\n"

static int parse(const char *tail, struct policy **ret, struct err *err)
{
	char yaml[600];
	int len = snprintf(yaml, sizeof(yaml), BASE "%s\n", tail);

	return policy_parse(yaml, (size_t)len, "p.yaml", ret, err);
}

static void weights(void **state)
{
	static const struct {
		const char *price, *board, *profile;
		double weight;
	} cases[] = {
		/* By default the larger share, as the centres charge. */
		{"", "a100-sxm4-40gb", "1g.5gb", 1.0 / 7},
		{"", "a100-sxm4-40gb", "1g.10gb", 2.0 / 8},
		{"", "a100-sxm4-40gb", "2g.10gb", 2.0 / 7},
		{"", "a100-sxm4-40gb", "3g.20gb", 1.0 / 2},
		{"", "a100-sxm4-40gb", "4g.20gb", 4.0 / 7},
		{"", "a100-sxm4-40gb", "7g.40gb", 1},
		{"", "a30-24gb", "1g.6gb", 1.0 / 4},
		{"", "a30-24gb", "4g.24gb", 1},
		{"price: {rule: max-share}", "h100-sxm5-80gb", "3g.40gb", 1.0 / 2},
		{"price: {rule: compute-share}", "h100-sxm5-80gb", "3g.40gb", 3.0 / 7},
		{"price: {rule: memory-share}", "h100-sxm5-80gb", "1g.10gb", 1.0 / 8},
		{"price: {rule: fit-share}", "h100-sxm5-80gb", "2g.20gb", 1.0 / 3},
		/* What the file says outranks the rule, by name, shape or "full". */
		{"price: {weights: {1g.10gb: 0.15}}", "h100-sxm5-80gb", "1g.10gb", 0.15},
		{"price: {weights: {1g.10gb: 0.15}}", "h100-sxm5-80gb", "2g.20gb", 2.0 / 7},
		{"price: {weights: {1g: 0, full: 1.5}}", "a30-24gb", "1g.6gb", 0},
		{"price: {weights: {1g: 0, full: 1.5}}", "a30-24gb", "4g.24gb", 1.5},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = NULL;
		const struct board *board = board_by_id(cases[i].board);
		const struct profile *profile = board_profile_by_name(board, cases[i].profile);
		struct err err = ERR_INIT;
		double got;

		if (parse(cases[i].price, &policy, &err))
			fail_msg("%s: %s", cases[i].price, err.text);
		got = policy_price_weight(policy, board, profile);
		if (fabs(got - cases[i].weight) > 1e-12)
			fail_msg("%s, %s: %g, not %g", cases[i].price, cases[i].profile, got,
				 cases[i].weight);
	}
}

static void a_card_cut_well_is_worth_a_card(void **state)
{
	const struct board *board = board_by_id("h100-sxm5-80gb");
	double three = price_weight(board, board_profile_by_name(board, "3g.40gb"));
	double one = price_weight(board, board_profile_by_name(board, "1g.10gb"));

	(void)state;
	assert_true(fabs(2 * three - 1) < 1e-12);
	assert_true(fabs(7 * one - 1) < 1e-12);
}

static void what_is_read(void **state)
{
	cleanup(policy_free) struct policy *policy = NULL;
	cleanup(policy_free) struct policy *plain = NULL;
	struct err err = ERR_INIT;

	(void)state;
	if (parse("price: {per_gpu_hour: 2.50, currency: EUR}\nretention: {events: 2y, leases: 90d}",
		  &policy, &err) ||
	    parse("", &plain, &err))
		fail_msg("%s", err.text);
	assert_true(policy_price(policy)->has_per_gpu_hour);
	assert_true(fabs(policy_price(policy)->per_gpu_hour - 2.5) < 1e-12);
	assert_string_equal(policy_price(policy)->currency, "EUR");
	assert_int_equal(policy_retention(policy)->events_s, 730 * 86400);
	assert_int_equal(policy_retention(policy)->leases_s, 90 * 86400);
	assert_false(policy_price(plain)->has_per_gpu_hour);
	assert_int_equal(policy_retention(plain)->events_s, 0);
}

static void mistakes(void **state)
{
	static const struct {
		const char *tail, *text, *hint;
	} cases[] = {
		{"price: 3", "p.yaml:4:8: 'price' must be written as \"key: value\" lines",
		 "for example: price: {rule: max-share}"},
		{"price: {rule: max}", "p.yaml:4:15: 'max' is no 'rule'",
		 "one of: max-share, compute-share, memory-share, fit-share"},
		{"price: {weights: [1g]}",
		 "p.yaml:4:18: 'weights' must give each profile its part of a GPU",
		 "for example: weights: {1g.10gb: 0.14}"},
		{"price: {weights: {1g.11gbb: 1}}",
		 "p.yaml:4:19: no board that carve knows has a profile '1g.11gbb'",
		 "did you mean '1g.10gb'?"},
		{"price: {weights: {1g: 17}}",
		 "p.yaml:4:23: the weight of '1g' is more than 16 GPUs", ""},
		{"price: {per_gpu_hour: 2}",
		 "p.yaml:4:8: 'price' has 'per_gpu_hour' without 'currency'",
		 "for example: price: {per_gpu_hour: 2.50, currency: EUR}"},
		{"price: {currency: EUR}",
		 "p.yaml:4:8: 'price' has 'currency' without 'per_gpu_hour'",
		 "for example: price: {per_gpu_hour: 2.50, currency: EUR}"},
		{"price: {per_gpu_hour: 2, currency: Kronengeld}",
		 "p.yaml:4:36: 'currency' must have 1 to 8 characters", ""},
		{"price: {per_gpu_hour: 2000000, currency: EUR}",
		 "p.yaml:4:23: 'per_gpu_hour' is more than 1000000", ""},
		{"retention: {events: 1h}", "p.yaml:4:21: 'events' must be at least one day", ""},
		{"retention: {leases: 0}", "p.yaml:4:21: 'leases' must be at least one day", ""},
		{"retention: {event: 2y}", "p.yaml:4:13: 'retention' has no 'event'",
		 "did you mean 'events'?"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct policy *policy = NULL;
		struct err err = ERR_INIT;

		if (parse(cases[i].tail, &policy, &err) != -ERR_INVALID)
			fail_msg("not a mistake: %s", cases[i].tail);
		assert_string_equal(err.text, cases[i].text);
		assert_string_equal(err.hint, cases[i].hint);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights),
		cmocka_unit_test(a_card_cut_well_is_worth_a_card),
		cmocka_unit_test(what_is_read),
		cmocka_unit_test(mistakes),
	};

	return tap_run(tests);
}
