/* What a class says beyond profiles and times: read, and asked for. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"
#include "base/sizes.h"
#include "base/text.h"
#include "policy/policy-read.h"

#define MINUTE	     60
#define DAY	     86400
#define LONGEST_S    (366 * (int64_t)DAY)
#define MAX_CPUS     4096
#define MAX_COUNT    100000
#define EXPIRE_S     (3 * (int64_t)DAY)
#define INTERACTIVE_WARN_S 1800

static int check_span(const struct yaml_node *map, const char *key, int64_t time_s, int64_t least_s,
		      struct err *err)
{
	if (time_s >= least_s && time_s <= LONGEST_S)
		return 0;
	return yaml_node_fail(yaml_node_get(map, key), err, "'%s' must be between %s and 366 days",
			      key, least_s ? "1 minute" : "0");
}

/* ---- reading ---- */

static int read_bundle(const struct yaml_node *map, struct policy_class_grant *grant,
		       struct err *err)
{
	struct {
		struct policy_bundle bundle;
		const char *per;
	} wish = {.per = "instance"};
	static const struct yaml_field fields[] = {
		{"cpus", YAML_FACTOR, offsetof(struct policy_bundle, cpus),
		 offsetof(struct policy_bundle, has_cpus)},
		{"memory", YAML_SIZE, offsetof(struct policy_bundle, memory_bytes),
		 offsetof(struct policy_bundle, has_memory)},
		{"per", YAML_TEXT, sizeof(struct policy_bundle)},
	};
	int r = map_read(map, "'bundle'", "bundle: {cpus: 2, memory: 16GiB}", fields,
			 ARRAY_SIZE(fields), &wish, err);

	if (r)
		return r;
	if (!wish.bundle.has_cpus && !wish.bundle.has_memory)
		return yaml_node_fail(map, err, "'bundle' names neither 'cpus' nor 'memory'");
	if (wish.bundle.has_cpus && (wish.bundle.cpus < 0.01 || wish.bundle.cpus > MAX_CPUS))
		return yaml_node_fail(yaml_node_get(map, "cpus"), err,
				      "'cpus' must be between 0.01 and %d", MAX_CPUS);
	if (wish.bundle.has_memory &&
	    (wish.bundle.memory_bytes < 1 << 20 || wish.bundle.memory_bytes > 1ULL << 50))
		return yaml_node_fail(yaml_node_get(map, "memory"), err,
				      "'memory' must be between 1 MiB and 1024 TiB");
	if (strcmp(wish.per, "instance") != 0 && strcmp(wish.per, "slice") != 0)
		return yaml_node_fail(yaml_node_get(map, "per"), err,
				      "'per' is \"instance\" or \"slice\"");
	grant->bundle = wish.bundle;
	grant->bundle_per_slice = !strcmp(wish.per, "slice");
	return 0;
}

static int read_limits(const struct yaml_node *map, struct policy_limits *ret, struct err *err)
{
	struct {
		int64_t per_user, per_team, total;
	} wish = {ret->per_user, ret->per_team, ret->total};
	static const struct yaml_field fields[] = {
		{"per_user", YAML_NUMBER, 0, .min = 0, .max = MAX_COUNT},
		{"per_team", YAML_NUMBER, sizeof(int64_t), .min = 0, .max = MAX_COUNT},
		{"total", YAML_NUMBER, 2 * sizeof(int64_t), .min = 0, .max = MAX_COUNT},
	};
	int r = map_read(map, "'limits'", "limits: {per_user: 1}", fields, ARRAY_SIZE(fields),
			 &wish, err);

	if (!r)
		*ret = (struct policy_limits){(uint32_t)wish.per_user, (uint32_t)wish.per_team,
					      (uint32_t)wish.total};
	return r;
}

static const struct yaml_field approval_fields[] = {
	{"over_time", YAML_DURATION, AT(policy_approval, over_time_s),
	 offsetof(struct policy_approval, has_over_time)},
	{"over_slices", YAML_NUMBER, AT(policy_approval, over_slices),
	 offsetof(struct policy_approval, has_over_slices), 1, 16},
	{"expire", YAML_DURATION, AT(policy_approval, expire_s),
	 offsetof(struct policy_approval, has_expire)},
	{"approvers", YAML_NODE, sizeof(struct policy_approval)},
};

static int read_approval(const struct yaml_node *node, struct policy_approval *ret,
			 struct err *err)
{
	struct {
		struct policy_approval approval;
		const struct yaml_node *approvers;
	} wish = {0};
	int r;

	if (node->kind == YAML_SCALAR) {
		if (strcmp(node->text, "required") != 0) {
			yaml_node_fail(node, err, "'approval' is \"required\", or says when it is");
			return fail_hint(err, "for example: approval: {over_time: 2d}");
		}
		ret->always = true;
		return 0;
	}
	_Static_assert(offsetof(__typeof__(wish), approvers) == sizeof(struct policy_approval),
		       "the field after it");
	r = map_read(node, "'approval'", "approval: {over_time: 2d}", approval_fields,
		     ARRAY_SIZE(approval_fields), &wish, err);
	if (!r && wish.approval.has_over_time)
		r = check_span(node, "over_time", wish.approval.over_time_s, MINUTE, err);
	if (!r && wish.approval.has_expire)
		r = check_span(node, "expire", wish.approval.expire_s, MINUTE, err);
	if (!r && wish.approvers)
		r = read_members(wish.approvers, "'approvers'", "approvers: {groups: gpu-leads}", 3,
				 &wish.approval.approvers, err);
	wish.approval.always = !wish.approval.has_over_time && !wish.approval.has_over_slices;
	if (!r)
		*ret = wish.approval;
	return r;
}

static int read_renew(const struct yaml_node *map, struct policy_renewing *ret, struct err *err)
{
	static const struct yaml_field fields[] = {
		{"times", YAML_NUMBER, AT(policy_renewing, times),
		 offsetof(struct policy_renewing, has_times), 0, 1000},
		{"each", YAML_DURATION, AT(policy_renewing, each_s),
		 offsetof(struct policy_renewing, has_each)},
		{"not_while_others_wait", YAML_BOOL, AT(policy_renewing, yields)},
	};
	int r = map_read(map, "'renew'", "renew: {times: 2, each: 4h}", fields, ARRAY_SIZE(fields),
			 ret, err);

	return r || !ret->has_each ? r : check_span(map, "each", ret->each_s, MINUTE, err);
}

static int read_class_reason(const struct yaml_node *map, struct policy_class_grant *grant,
			     struct err *err)
{
	int64_t min_length = 0;
	static const struct yaml_field fields[] = {
		{"min_length", YAML_NUMBER, 0, .min = 0, .max = 500, .required = true},
	};
	int r = map_read(map, "'reason'", "reason: {min_length: 20}", fields, ARRAY_SIZE(fields),
			 &min_length, err);

	grant->has_reason = !r;
	grant->reason_min = (unsigned)min_length;
	return r;
}

int class_read_grant(const struct yaml_node *map, const struct grant_wish *wish,
		     struct policy_class *class_, struct err *err)
{
	struct policy_class_grant *grant = class_->grant;
	int r = 0;

	class_->interactive = wish->interactive;
	class_->per_job = (unsigned)wish->per_job;
	grant->limits = (struct policy_limits){wish->interactive ? 1 : POLICY_UNLIMITED,
					       POLICY_UNLIMITED, POLICY_UNLIMITED};
	grant->has_warn = wish->has_warn || wish->interactive;
	grant->warn_s = wish->has_warn ? wish->warn_s : INTERACTIVE_WARN_S;
	if (wish->has_warn)
		r = check_span(map, "warn", wish->warn_s, 0, err);
	r = r || !wish->bundle ? r : read_bundle(wish->bundle, grant, err);
	r = r || !wish->limits ? r : read_limits(wish->limits, &grant->limits, err);
	r = r || !wish->approval ? r : read_approval(wish->approval, &grant->approval, err);
	r = r || !wish->renew ? r : read_renew(wish->renew, &grant->renewing, err);
	return r || !wish->reason ? r : read_class_reason(wish->reason, grant, err);
}

bool policy_class_is_approved(const struct policy_class *class_)
{
	return class_->grant->approval.always;
}

bool policy_class_reason_min(const struct policy_class *class_, unsigned *ret)
{
	if (class_->grant->has_reason)
		*ret = class_->grant->reason_min;
	return class_->grant->has_reason;
}

/* ---- of the whole file ---- */

int policy_read_reason(const struct yaml_node *map, struct policy *policy, struct err *err)
{
	struct {
		int64_t min_length, from_slices, from_time_s;
	} wish = {0};
	static const struct yaml_field fields[] = {
		{"min_length", YAML_NUMBER, 0, .min = 0, .max = 500},
		{"from_slices", YAML_NUMBER, sizeof(int64_t), .min = 0, .max = 16},
		{"from_time", YAML_DURATION, 2 * sizeof(int64_t)},
	};
	int r = map_read(map, "'reason'", "reason: {min_length: 10}", fields, ARRAY_SIZE(fields),
			 &wish, err);

	if (!r && wish.from_time_s)
		r = check_span(map, "from_time", wish.from_time_s, 0, err);
	if (r)
		return r;
	policy->reason_min = (unsigned)wish.min_length;
	policy->reason_from_slices = wish.from_slices;
	policy->reason_from_time_s = wish.from_time_s;
	return 0;
}

static int check_value(const struct yaml_node *word, struct err *err)
{
	return text_check_word(word, POLICY_FIELD_VALUE - 1, err);
}

static int check_classes(const struct policy *policy, const struct yaml_node *list, struct err *err)
{
	const char *words[POLICY_CLASS_WORDS];
	int r = words_check(list, ARRAY_SIZE(words), word_check_name, err);

	if (r)
		return r;
	WORDS_EACH(word, list) {
		size_t n = class_words(policy, words, ARRAY_SIZE(words));

		if (class_by_word(policy, word->text))
			continue;
		yaml_node_fail(word, err, "there is no class '%s'", word->text);
		return fail_near(err, word->text, words, n, "see 'classes:'");
	}
	return 0;
}

static int read_field(const struct yaml_node *map, struct policy *policy, struct err *err)
{
	struct policy_field_rule *rule = &policy->fields[policy->n_fields];
	static const struct yaml_field fields[] = {
		{"required", YAML_BOOL, AT(policy_field_rule, required)},
		{"pattern", YAML_TEXT, AT(policy_field_rule, pattern)},
		{"values", YAML_NODE, AT(policy_field_rule, values)},
		{"classes", YAML_NODE, AT(policy_field_rule, classes)},
	};
	char what[POLICY_NAME + 16];
	int r = key_check_name(map, "field", err);

	if (r)
		return r;
	snprintf(what, sizeof(what), "field '%s'", map->key);
	r = map_read(map, what, "project: {required: true}", fields, ARRAY_SIZE(fields), rule, err);
	rule->name = map->key;
	if (!r && rule->pattern && rule->values)
		return yaml_node_fail_key(map, err, "field '%s' has both 'pattern' and 'values'",
					  map->key);
	r = r ? r : text_check(yaml_node_get(map, "pattern"), POLICY_FIELD_VALUE - 1, err);
	r = r ? r : words_check(rule->values, YAML_MAX_NODES, check_value, err);
	r = r ? r : check_classes(policy, rule->classes, err);
	policy->n_fields += !r;
	return r;
}

int policy_read_fields(const struct yaml_node *map, struct policy *policy, struct err *err)
{
	int r = 0;

	if (map->kind != YAML_MAP || !map->n)
		return yaml_node_fail(map, err, "'fields' must have at least one \"NAME:\"");
	if (map->n > POLICY_MAX_FIELDS)
		return yaml_node_fail(map, err, "'fields' has %zu names; at most %d are possible",
				      map->n, POLICY_MAX_FIELDS);
	for (const struct yaml_node *node = map->first; !r && node; node = node->next)
		r = read_field(node, policy, err);
	return r;
}

/* ---- asked for ---- */

bool policy_bundle_of(const struct policy_class *class_, uint32_t slices, struct policy_bundle *ret)
{
	const struct policy_class_grant *grant = class_->grant;
	uint32_t times = grant->bundle_per_slice && slices ? slices : 1;

	*ret = grant->bundle;
	ret->cpus *= times;
	ret->memory_bytes *= times;
	return ret->has_cpus || ret->has_memory;
}

int64_t policy_approval_expire_s(const struct policy *policy, const char *class_name)
{
	const struct policy_class *class_ = class_by_word(policy, class_name);

	return class_ && class_->grant->approval.has_expire ? class_->grant->approval.expire_s
							     : EXPIRE_S;
}

const char *policy_field_name(const struct policy *policy, size_t i)
{
	return i < policy->n_fields ? policy->fields[i].name : NULL;
}
