/* Approvals, free fields, bundles: what goes with a lease besides its place. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "daemon/api-json.h"
#include "daemon/api-part.h"
#include "policy/policy-grant.h"
#include "reconcile/steward-isolate.h"

/* ---- what a lease tells ---- */

json_t *api_fields(const struct ledger_lease *row)
{
	json_t *json = row->fields[0] ? json_loads(row->fields, 0, NULL) : NULL;

	return json ? json : json_object();
}

static json_t *approval_json(const struct steward *steward, const struct ledger_lease *row)
{
	bool waits = row->approval == APPROVAL_WAITING;

	if (row->approval == APPROVAL_NONE)
		return json_null();
	return json_pack(
		"{s:s, s:o, s:o, s:o, s:o}", "state", lease_approval_name(row->approval), "by",
		api_text(row->approver), "reason", api_text(row->approval_reason), "answered_s",
		api_number(row->has_answered, row->answered_s), "expires_s",
		api_number(waits,
			   waits ? row->requested_s + policy_approval_expire_s(steward->policy,
									       row->class_name)
				 : 0));
}

static json_t *bundle_json(const struct steward *steward, const struct ledger_lease *row,
			   const struct ledger_instance *instance)
{
	struct err ignored = ERR_INIT;
	const struct policy_class *class_ =
		instance ? policy_class_find(steward->policy, row->class_name, &ignored) : NULL;
	struct policy_bundle bundle;
	const char *why;
	bool holds;

	if (!class_ || !policy_bundle_of(class_, instance->slices, &bundle))
		return json_null();
	holds = steward_holds_bundle(steward, row->id, &why);
	return json_pack("{s:o, s:o, s:b, s:o}", "cpus",
			 bundle.has_cpus ? json_real(bundle.cpus) : json_null(), "memory_bytes",
			 api_number(bundle.has_memory, (int64_t)bundle.memory_bytes), "enforced",
			 holds, "note", api_text(why));
}

json_t *api_add_grants(json_t *take_json, const struct steward *steward,
		       const struct ledger_lease *row, const struct ledger_instance *instance)
{
	bool expiring = row->state == LEASE_ACTIVE && row->has_warned;

	if (take_json)
		json_object_update_new(
			take_json,
			json_pack("{s:b, s:i, s:o, s:o, s:o, s:o}", "expiring", expiring, "renewals",
				  (int)row->renewals, "together",
				  api_number(row->has_together, row->together), "fields",
				  api_fields(row), "approval", approval_json(steward, row), "bundle",
				  bundle_json(steward, row, instance)));
	return take_json;
}

/* ---- what a request says ---- */

static int read_field(const char *key, const json_t *value, struct policy_field *ret,
		      struct err *err)
{
	char shown[POLICY_FIELD_VALUE * 3];

	text_printable(shown, sizeof(shown), key);
	if (strlen(key) >= POLICY_NAME)
		return fail(err, ERR_TOO_LARGE, "field '%.20s...' has too long a name", shown);
	if (!json_is_string(value))
		return fail(err, ERR_INVALID, "field '%s' is not a text", shown);
	ret->name = key;
	ret->value = json_string_value(value);
	if (json_string_length(value) >= POLICY_FIELD_VALUE)
		return fail(err, ERR_TOO_LARGE, "field '%s' is longer than %d bytes", shown,
			    POLICY_FIELD_VALUE - 1);
	text_printable(shown, sizeof(shown), ret->value);
	if (strlen(ret->value) != json_string_length(value) || strcmp(shown, ret->value) != 0)
		return fail(err, ERR_INVALID, "field '%s' has characters that cannot be printed",
			    key);
	return 0;
}

int api_read_fields(const struct api_wish *wish, struct policy_field *ret, size_t *ret_n,
		    struct err *err)
{
	const char *key;
	json_t *value;

	*ret_n = 0;
	json_object_foreach((json_t *)(uintptr_t)wish->fields, key, value) {
		int r;

		if (json_is_null(value))
			continue;
		if (*ret_n == POLICY_MAX_FIELDS)
			return fail(err, ERR_TOO_LARGE, "more than %d fields", POLICY_MAX_FIELDS);
		r = read_field(key, value, &ret[*ret_n], err);
		if (r)
			return r;
		++*ret_n;
	}
	return 0;
}

int api_post_together(struct api_asking *asking, const struct steward_wish *want)
{
	const struct api_wish *wish = asking->wish;
	const struct steward *steward = asking->api->steward;
	unsigned count = (unsigned)(wish->has_gpus ? wish->gpus : wish->count);
	int64_t ids[STEWARD_TOGETHER];
	json_t *list;
	int r = steward_request_together(asking->api->steward, asking->request->person, want,
					 count, asking->now_s, ids, asking->err);

	if (r)
		return r;
	list = json_array();
	for (unsigned i = 0; i < count; i++) {
		const struct steward_lease *lease = steward_lease_at(steward, ids[i]);

		if (lease)
			json_array_append_new(list, api_live_lease(steward, lease));
	}
	return api_reply(asking, 201, json_pack("{s:o}", "leases", list));
}

/* ---- answering ---- */

static int post_answer(struct api_asking *asking, bool approve)
{
	int r = steward_answer(asking->api->steward, asking->request->person, asking->wish->id,
			       approve, asking->wish->reason, asking->now_s, asking->err);

	return r ? r : api_reply_lease(asking, 200, asking->wish->id);
}

int api_post_approve(struct api_asking *asking)
{
	return post_answer(asking, true);
}

int api_post_deny(struct api_asking *asking)
{
	return post_answer(asking, false);
}
