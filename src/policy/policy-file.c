/* A policy from its file. */
#include <stdio.h>
#include <stdlib.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "policy/policy-read.h"

#define MAX_GPUS  64 /* in gpus.use and gpus.except */
#define MAX_QUEUE 10000
#define DAY	  INT64_C(86400)

void policy_free(struct policy *policy)
{
	if (!policy)
		return;
	yaml_doc_free(policy->doc);
	free(policy);
}

static int read_each(struct policy *policy, const struct yaml_node *map, size_t max,
		     int (*read)(struct policy *policy, const struct yaml_node *map,
				 struct err *err),
		     struct err *err)
{
	if (map->kind != YAML_MAP || !map->n)
		return yaml_node_fail(map, err, "'%s' must have at least one \"NAME:\"", map->key);
	if (map->n > max)
		return yaml_node_fail(map, err, "'%s' has %zu names; at most %zu are possible",
				      map->key, map->n, max);
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		int r = read(policy, node, err);

		if (r)
			return r;
	}
	return 0;
}

/* what: "class 'full'", "'approvers'" */
static int check_team_words(const struct policy *policy, const struct yaml_node *list,
			    const char *what, struct err *err)
{
	const char *names[POLICY_MAX_TEAMS];

	WORDS_EACH(word, list) {
		if (team_by_name(policy, word->text))
			continue;
		for (size_t i = 0; i < policy->n_teams; i++)
			names[i] = policy->teams[i].name;
		yaml_node_fail(word, err, "%s: there is no team '%s'", what, word->text);
		return fail_near(err, word->text, names, policy->n_teams, "see 'teams:'");
	}
	return 0;
}

static int check_allowed_teams(const struct policy *policy, struct err *err)
{
	int r = check_team_words(policy, policy->approvers.teams, "'approvers'", err);

	for (size_t i = 0; !r && i < policy->n_classes; i++) {
		const struct policy_class *class_ = &policy->classes[i];
		char what[POLICY_NAME + 16];

		snprintf(what, sizeof(what), "class '%s'", class_->name);
		r = check_team_words(policy, class_->match->allow.teams, what, err);
		r = r ? r
		      : check_team_words(policy, class_->grant->approval.approvers.teams, what, err);
	}
	return r;
}

static int read_gpus(const struct yaml_node *map, struct policy_gpus *ret, struct err *err)
{
	static const struct yaml_field fields[] = {
		{"use", YAML_NODE, AT(policy_gpus, use)},
		{"except", YAML_NODE, AT(policy_gpus, except)},
	};
	int r = map_read(map, "'gpus'", "gpus: {except: [3]}", fields, ARRAY_SIZE(fields), ret,
			 err);

	r = r ? r : words_check(ret->use, MAX_GPUS, word_check_gpu, err);
	return r ? r : words_check(ret->except, MAX_GPUS, word_check_gpu, err);
}

static int read_queue(const struct yaml_node *map, struct policy *policy, struct err *err)
{
	struct queue_wish {
		int64_t max, max_per_user, age_s;
	} wish = {policy->queue_max, policy->queue_max_per_user, policy->age_s};
	static const struct yaml_field fields[] = {
		{"max", YAML_NUMBER, AT(queue_wish, max), .min = 0, .max = MAX_QUEUE},
		{"max_per_user", YAML_NUMBER, AT(queue_wish, max_per_user), .min = 0,
		 .max = MAX_QUEUE},
		{"age", YAML_DURATION, AT(queue_wish, age_s)},
	};
	int r = map_read(map, "'queue'", "queue: {max: 200}", fields, ARRAY_SIZE(fields), &wish,
			 err);

	if (r)
		return r;
	if (wish.age_s < 60 || wish.age_s > 366 * DAY)
		return yaml_node_fail(yaml_node_get(map, "age"), err,
				      "'age' must be between 1 minute and 366 days");
	policy->age_s = wish.age_s;
	policy->queue_max = (unsigned)wish.max;
	policy->queue_max_per_user =
		(unsigned)(wish.max_per_user < wish.max ? wish.max_per_user : wish.max);
	return 0;
}

struct top_wish {
	const char *name;
	int64_t version, warn_s;
	const struct yaml_node *review;
	const struct yaml_node *admins, *reason, *classes, *teams, *gpus, *queue, *placement, *price, *retention;
	const struct yaml_node *approvers, *fields, *changes, *reservations;
	const struct yaml_node *isolation, *notices;
	const struct yaml_node *fairness, *reclaim;
};

static const struct yaml_field top_fields[] = {
	{"version", YAML_NUMBER, AT(top_wish, version), 0, 1, 1, true},
	{"name", YAML_TEXT, AT(top_wish, name)},
	{"admins", YAML_NODE, AT(top_wish, admins)},
	{"reason", YAML_NODE, AT(top_wish, reason)},
	{"classes", YAML_NODE, AT(top_wish, classes), .required = true},
	{"teams", YAML_NODE, AT(top_wish, teams), .required = true},
	{"gpus", YAML_NODE, AT(top_wish, gpus)},
	{"review", YAML_NODE, AT(top_wish, review)},
	{"isolation", YAML_NODE, AT(top_wish, isolation)},
	{"queue", YAML_NODE, AT(top_wish, queue)},
	{"placement", YAML_NODE, AT(top_wish, placement)},
	{"price", YAML_NODE, AT(top_wish, price)},
	{"retention", YAML_NODE, AT(top_wish, retention)},
	{"notices", YAML_NODE, AT(top_wish, notices)},
	{"approvers", YAML_NODE, AT(top_wish, approvers)},
	{"fields", YAML_NODE, AT(top_wish, fields)},
	{"warn", YAML_DURATION, AT(top_wish, warn_s)},
	{"changes", YAML_NODE, AT(top_wish, changes)},
	{"fairness", YAML_NODE, AT(top_wish, fairness)},
	{"reclaim", YAML_NODE, AT(top_wish, reclaim)},
	{"reservations", YAML_NODE, AT(top_wish, reservations)},
};

static int read_top(struct policy *policy, const struct yaml_node *root, struct err *err)
{
	struct top_wish wish = {.name = "", .warn_s = 900};
	int r = map_read(root, "a policy", "version: 1", top_fields, ARRAY_SIZE(top_fields), &wish,
			 err);

	r = r ? r : text_check(yaml_node_get(root, "name"), 64, err);
	if (r)
		return r;
	policy->name = wish.name;
	if (wish.admins)
		r = read_members(wish.admins, "'admins'", "admins: {groups: gpu-admins}", 2,
				 &policy->admins, err);
	policy->warn_s = wish.warn_s;
	r = r || !wish.reason ? r : policy_read_reason(wish.reason, policy, err);
	if (!r && wish.approvers)
		r = read_members(wish.approvers, "'approvers'", "approvers: {groups: gpu-leads}",
				 3, &policy->approvers, err);
	r = r ? r : read_each(policy, wish.classes, POLICY_MAX_CLASSES, policy_read_class, err);
	r = r ? r : read_each(policy, wish.teams, POLICY_MAX_TEAMS, policy_read_team, err);
	r = r ? r : check_allowed_teams(policy, err);
	r = r || !wish.fields ? r : policy_read_fields(wish.fields, policy, err);
	r = r || !wish.review ? r : policy_read_review(wish.review, &policy->review, err);
	r = r || !wish.reservations ? r
				    : policy_read_reservations(wish.reservations, policy, err);
	r = r || !wish.gpus ? r : read_gpus(wish.gpus, &policy->gpus, err);
	r = r || !wish.isolation
		    ? r
		    : policy_read_isolation(wish.isolation, &policy->isolation, err);
	r = r || !wish.queue ? r : read_queue(wish.queue, policy, err);
	r = r || !wish.reclaim ? r : policy_read_reclaim(wish.reclaim, policy, err);
	r = r || !wish.fairness ? r : policy_read_fairness(wish.fairness, policy, err);
	r = r || !wish.placement
		    ? r
		    : policy_read_placement(wish.placement, &policy->placement, err);
	r = r || !wish.price ? r : policy_read_price(wish.price, &policy->price, err);
	r = r || !wish.retention
		    ? r
		    : policy_read_retention(wish.retention, &policy->retention, err);
	r = r || !wish.notices
		    ? r
		    : policy_read_notices(policy, wish.notices, &policy->notices, err);
	return r || !wish.changes
		       ? r
		       : policy_read_changes(wish.changes, policy, &policy->changes, err);
}

int policy_parse(const char *bytes, size_t len, const char *name, struct policy **ret,
		 struct err *err)
{
	cleanup(policy_free) struct policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return fail(err, ERR_NOMEM, "no memory for '%.80s'", name);
	policy->age_s = DAY;
	policy->notice_s = 1800;
	policy->queue_max = 200;
	policy->queue_max_per_user = 10;
	policy->changes.notice_s = 3600;
	r = yaml_doc_parse(bytes, len, name, &policy->doc, err);
	r = r ? r : read_top(policy, yaml_doc_root(policy->doc), err);
	if (r)
		return r;
	*ret = steal(policy);
	return 0;
}

int policy_load(const char *path, struct policy **ret, struct err *err)
{
	cleanup(free) char *bytes = NULL;
	size_t len;
	int r = file_read(path, YAML_MAX_BYTES, &bytes, &len, err);

	return r ? r : policy_parse(bytes, len, path, ret, err);
}
