/* What the API tells of isolation, and what it does about it. */
#include <stdio.h>

#include "daemon/api-json.h"
#include "daemon/api-part.h"
#include "isolate/cdi.h"
#include "reconcile/steward-isolate.h"

const char *api_nodes_word(const struct steward *steward, const struct steward_instance *instance)
{
	static const char *const words[] = {
		[CLOSURE_DONE] = "closed",
		[CLOSURE_NOTHING] = "none",
		[CLOSURE_CANNOT] = "unsupported",
		[CLOSURE_FAILED] = "failed",
	};

	return steward->isolation && instance ? words[instance->access.result] : NULL;
}

json_t *api_isolation(const struct steward *steward, const struct ledger_lease *lease,
		      const struct steward_instance *instance)
{
	bool groups = steward_has_groups(steward);
	char name[CDI_NAME] = "";

	if (!instance || !steward->isolation)
		return json_null();
	if (steward_description(steward, lease->id)[0])
		cdi_name(lease->id, name, sizeof(name));
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o}", "nodes",
		api_text(api_nodes_word(steward, instance)), "why",
		api_text(instance->access.why), "groups",
		api_text(groups ? group_kind_name(steward_group_host(steward)->kind) : NULL),
		"processes",
		groups ? json_integer(steward_lease_processes(steward, lease->id)) : json_null(),
		"cdi", api_text(name));
}

static void add_note(const char *note, void *arg)
{
	json_array_append_new(arg, json_string(note));
}

void api_add_isolation_notes(const struct steward *steward, json_t *list)
{
	steward_isolate_notes(steward, add_note, list);
}

/* The lease's processes do without when the host cannot, unless the policy wants it. */
static bool may_do_without(const struct api_asking *asking)
{
	return asking->wish->if_possible && asking->err->code == ERR_UNSUPPORTED &&
	       policy_isolation(asking->api->steward->policy)->mode != ISOLATION_CGROUP;
}

int api_post_attach(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	const struct api_request *request = asking->request;
	int r;

	if (!wish->has_pid && !request->has_pid)
		return fail(asking->err, ERR_INVALID, "the calling process is not known");
	if (wish->has_pid != wish->has_pid_start)
		return fail(asking->err, ERR_INVALID, "'pid' and 'pid_start' go together");
	r = steward_attach(asking->api->steward, request->person, wish->id,
			   wish->has_pid ? (pid_t)wish->pid : request->pid,
			   wish->has_pid ? (uint64_t)wish->pid_start : request->pid_start,
			   asking->err);
	return r && !may_do_without(asking) ? r : api_reply_lease(asking, 200, wish->id);
}

int api_post_cdi(struct api_asking *asking)
{
	char path[CDI_PATH];
	int r = steward_describe(asking->api->steward, asking->request->person, asking->wish->id,
				 path, asking->err);

	return r ? r : api_reply_lease(asking, 200, asking->wish->id);
}
