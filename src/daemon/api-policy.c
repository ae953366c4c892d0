/* What the policy makes of the GPUs, and what another would change. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/api-json.h"
#include "daemon/api-part.h"
#include "policy/policy-diff.h"
#include "policy/policy-shapes.h"

/* ---- notes ---- */

/* Worked out once for a policy and what GPUs there are. */
void api_add_shape_notes(const struct steward *steward, json_t *list)
{
	static struct {
		bool known;
		unsigned load;
		size_t n;
		const struct board *here[BACKEND_MAX_GPUS];
		char notes[2048];
	} cache;
	const struct board *here[BACKEND_MAX_GPUS] = {NULL};
	size_t n = steward_boards(steward, here);

	if (!cache.known || cache.load != steward->policy_load || cache.n != n ||
	    memcmp(cache.here, here, sizeof(here)) != 0) {
		cleanup(text_done) struct text text = TEXT_INIT;

		policy_notes_boards(steward->policy, here, n, &text);
		cache.known = true;
		cache.load = steward->policy_load;
		cache.n = n;
		memcpy(cache.here, here, sizeof(here));
		snprintf(cache.notes, sizeof(cache.notes), "%s", text_str(&text));
	}
	for (const char *at = cache.notes; *at;) {
		size_t len = strcspn(at, "\n");

		json_array_append_new(list, json_stringn(at, len));
		at += len + (at[len] == '\n');
	}
}

/* ---- what another policy would change ---- */

/* Names of people live until the next question: they are kept here. */
struct subjects {
	struct policy_subject *at;
	struct copied {
		struct policy_person person;
		char name[LEDGER_NAME];
		const char **groups;
	} * people;
	size_t n;
};

static void cleanup_subjects_done(struct subjects *subjects)
{
	for (size_t i = 0; i < subjects->n; i++) {
		for (size_t g = 0; g < subjects->people[i].person.n_groups; g++)
			free((char *)(uintptr_t)subjects->people[i].groups[g]);
		free(subjects->people[i].groups);
	}
	free(subjects->people);
	free(subjects->at);
}

static int copy_person(const struct policy_person *person, struct copied *ret)
{
	snprintf(ret->name, sizeof(ret->name), "%s", person->name);
	ret->groups = calloc(person->n_groups + 1, sizeof(*ret->groups));
	if (!ret->groups)
		return -1;
	ret->person = (struct policy_person){
		.uid = person->uid, .name = ret->name, .groups = ret->groups};
	for (size_t i = 0; i < person->n_groups; i++) {
		ret->groups[i] = strdup(person->groups[i]);
		if (!ret->groups[i])
			return -1;
		ret->person.n_groups++;
	}
	return 0;
}

static void fill_place(const struct steward *steward, const struct ledger_lease *row,
		       struct policy_subject *ret)
{
	const struct steward_instance *instance =
		row->has_instance ? steward_instance_at(steward, row->instance) : NULL;
	const struct steward_gpu *gpu;

	if (!instance)
		return;
	ret->holding.slices = instance->row.slices;
	if (instance->gpu == STEWARD_NO_GPU)
		return;
	gpu = &steward->gpus[instance->gpu];
	ret->has_gpu = true;
	ret->gpu_index = gpu->info.index;
	ret->gpu_uuid = gpu->info.uuid;
	ret->gpu_board = gpu->info.board ? gpu->info.board->id : NULL;
}

static int add_subject(const struct steward *steward, const struct steward_lease *lease,
		       struct subjects *subjects)
{
	const struct ledger_lease *row = &lease->row;
	const struct policy_person *person = steward->hooks.person(steward->hooks.arg, row->uid);
	struct copied *copied = &subjects->people[subjects->n];

	if (!person)
		return -1;
	subjects->n++;
	if (copy_person(person, copied))
		return -1;
	subjects->at[subjects->n - 1] = (struct policy_subject){
		.person = &copied->person,
		.holding = {.lease = row->id,
			    .uid = row->uid,
			    .user = row->user,
			    .team = row->team,
			    .class_name = row->class_name,
			    .ends_s = row->ends_s},
		.reason = row->reason,
		.waits = row->state <= LEASE_QUEUED,
		.approved = row->approval == APPROVAL_GIVEN,
		.time_s = row->has_ends && row->has_granted ? row->ends_s - row->granted_s
							    : row->time_s,
	};
	fill_place(steward, row, &subjects->at[subjects->n - 1]);
	return 0;
}

static int list_subjects(const struct steward *steward, struct subjects *ret)
{
	int r = 0;

	ret->at = calloc(steward->n_leases + 1, sizeof(*ret->at));
	ret->people = calloc(steward->n_leases + 1, sizeof(*ret->people));
	if (!ret->at || !ret->people)
		return -1;
	for (size_t i = 0; !r && i < steward->n_leases; i++)
		if (steward->leases[i]->row.state < LEASE_ENDING)
			r = add_subject(steward, steward->leases[i], ret);
	return r;
}

static json_t *changes_json(const struct policy_diff *diff)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diff->n_changes; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "key", diff->changes[i].key,
						      "change", diff->changes[i].what));
	return list;
}

static json_t *effects_json(const struct steward *steward, const struct policy_diff *diff)
{
	json_t *list = json_array();

	for (size_t i = 0; i < diff->n_effects; i++) {
		const struct policy_effect *effect = &diff->effects[i];
		const struct steward_lease *lease =
			effect->lease ? steward_lease_at(steward, effect->lease) : NULL;

		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s}", "kind",
				  policy_effect_name(effect->kind), "lease",
				  api_number(effect->lease, effect->lease), "state",
				  api_text(lease ? lease_state_name(lease->row.state) : NULL),
				  "user", api_text(effect->user), "team", api_text(effect->team),
				  "class", api_text(lease ? lease->row.class_name : NULL), "rule",
				  effect->rule, "text", effect->text));
	}
	return list;
}

static int parse(const char *text, const char *path, const char *otherwise, struct policy **ret,
		 struct err *err)
{
	char name[256];

	text_printable(name, sizeof(name), path && *path ? path : otherwise);
	return policy_parse(text, strlen(text), name, ret, err);
}

int api_post_policy_diff(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	const struct steward *steward = asking->api->steward;
	cleanup(policy_free) struct policy *old = NULL, *new_ = NULL;
	cleanup(policy_diff_done) struct policy_diff diff = {0};
	cleanup(subjects_done) struct subjects subjects = {0};
	const struct board *here[BACKEND_MAX_GPUS];
	size_t n_here = 0;
	int r = parse(wish->text, wish->path, "the new policy", &new_, asking->err);

	if (!r && wish->old)
		r = parse(wish->old, wish->old_path, "the old policy", &old, asking->err);
	if (r)
		return r;
	policy_set_driver(new_, asking->api->driver.driver);
	if (old)
		policy_set_driver(old, asking->api->driver.driver);
	/* All that are there: which of them either policy manages is its own answer. */
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (steward->gpus[i].there && steward->gpus[i].info.board)
			here[n_here++] = steward->gpus[i].info.board;
	if (list_subjects(steward, &subjects) ||
	    policy_diff(old ? old : steward->policy, new_, here, n_here, subjects.at, subjects.n,
			&diff))
		return fail(asking->err, ERR_NOMEM, "no memory to compare policies");
	return api_reply(asking, 200,
			 json_pack("{s:o, s:o}", "changes", changes_json(&diff), "effects",
				   effects_json(steward, &diff)));
}
