/* What was held, by whom, and what it would cost. */
#include <string.h>

#include "base/array.h"
#include "daemon/api-json.h"
#include "daemon/api-part.h"
#include "ledger/ledger-usage.h"
#include "policy/policy-price.h"

struct sum {
	int64_t n_leases, held_s;
	double slice_s, gpu_s;
	bool has_gpu_s; /* the weight of everything in it is known */
};

struct adding {
	const struct policy *policy;
	json_t *rows;
	bool began, has_key;
	char key[LEDGER_REASON];
	struct sum sum, total;
};

/* Nothing measures yet what was used of what was held: null, which is not 0. */
static json_t *sum_json(const struct policy *policy, json_t *take_key, const struct sum *sum)
{
	const struct policy_price *price = policy_price(policy);
	bool priced = sum->has_gpu_s && price->has_per_gpu_hour;

	return json_pack("{s:o, s:I, s:I, s:f, s:o, s:n, s:o}", "key", take_key, "leases",
			 (json_int_t)sum->n_leases, "held_s", (json_int_t)sum->held_s, "slice_s",
			 sum->slice_s, "gpu_s", sum->has_gpu_s ? json_real(sum->gpu_s) : json_null(),
			 "used_gpu_s", "cost",
			 priced ? json_real(sum->gpu_s / 3600 * price->per_gpu_hour) : json_null());
}

static void end_row(struct adding *adding)
{
	if (adding->began)
		json_array_append_new(
			adding->rows,
			sum_json(adding->policy,
				 adding->has_key ? json_string(adding->key) : json_null(),
				 &adding->sum));
}

static void begin_row(struct adding *adding, const char *key)
{
	end_row(adding);
	adding->began = true;
	adding->has_key = key != NULL;
	snprintf(adding->key, sizeof(adding->key), "%s", key ? key : "");
	adding->sum = (struct sum){.has_gpu_s = true};
}

/* The part of a GPU it is; false: not known. */
static bool weight_of(const struct policy *policy, const struct ledger_usage *usage, double *ret)
{
	const struct board *board = usage->board ? board_by_id(usage->board) : NULL;
	const struct profile *profile =
		board ? board_profile_by_id(board, usage->profile_id) : NULL;

	if (profile)
		*ret = policy_price_weight(policy, board, profile);
	return profile != NULL;
}

static void add_to(struct sum *sum, const struct ledger_usage *usage, bool known, double weight)
{
	sum->n_leases += usage->n_leases;
	sum->held_s += usage->held_s;
	sum->slice_s += (double)usage->held_s * usage->slices;
	sum->gpu_s += known ? (double)usage->held_s * weight : 0;
	sum->has_gpu_s = sum->has_gpu_s && known;
}

static void add_usage(const struct ledger_usage *usage, void *arg)
{
	struct adding *adding = arg;
	double weight = 0;
	bool known = weight_of(adding->policy, usage, &weight);

	if (!adding->began || adding->has_key != (usage->key != NULL) ||
	    (usage->key && strcmp(usage->key, adding->key) != 0))
		begin_row(adding, usage->key);
	add_to(&adding->sum, usage, known, weight);
	add_to(&adding->total, usage, known, weight);
}

static int find_key(const char *typed, enum usage_key *ret, struct err *err)
{
	const char *names[USAGE_KEY_COUNT];

	for (unsigned key = 0; key < USAGE_KEY_COUNT; key++) {
		names[key] = usage_key_name(key);
		if (!strcmp(names[key], typed)) {
			*ret = key;
			return 0;
		}
	}
	fail(err, ERR_INVALID, "'by' is not one of team, user, class, profile, project, gpu");
	return -ERR_INVALID;
}

int api_get_usage(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	const struct policy *policy = asking->api->steward->policy;
	const struct policy_price *price = policy_price(policy);
	int64_t since_s = wish->since_s < 0 ? 0 : wish->since_s, until_s = asking->now_s;
	struct adding adding = {.policy = policy, .total = {.has_gpu_s = true}};
	enum usage_key by;
	int r = find_key(wish->by ? wish->by : "team", &by, asking->err);

	if (r)
		return r;
	if (wish->until_s >= 0 && wish->until_s < until_s)
		until_s = wish->until_s;
	adding.rows = json_array();
	r = ledger_usage(asking->api->steward->ledger, by, since_s, until_s, add_usage, &adding,
			 asking->err);
	if (r) {
		json_decref(adding.rows);
		return r;
	}
	end_row(&adding);
	return api_reply(asking, 200,
			 json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o}", "by", usage_key_name(by),
				   "since_s", (json_int_t)since_s, "until_s", (json_int_t)until_s,
				   "per_gpu_hour",
				   price->has_per_gpu_hour ? json_real(price->per_gpu_hour)
							   : json_null(),
				   "currency", api_text(price->currency), "rows", adding.rows,
				   "total", sum_json(policy, json_null(), &adding.total)));
}
