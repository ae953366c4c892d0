/* What is being drained. */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/api-json.h"
#include "daemon/api-part.h"
#include "reconcile/steward-drain.h"

static const char *state_of(const struct ledger_drain *drain)
{
	return drain->has_drained ? "drained" : "draining";
}

json_t *api_drain_brief(const struct ledger_drain *drain)
{
	if (!drain)
		return json_null();
	return json_pack("{s:I, s:s, s:s, s:o, s:I, s:o}", "id", (json_int_t)drain->id, "state",
			 state_of(drain), "user", drain->user, "reason", api_text(drain->reason),
			 "since_s", (json_int_t)drain->since_s, "deadline_s",
			 api_number(drain->has_deadline, drain->deadline_s));
}

json_t *api_drain_note(const struct steward *steward, const struct ledger_drain *drain)
{
	char what[160], time[32], until[64] = "";

	if (drain->has_drained)
		snprintf(until, sizeof(until), ", nothing is held there");
	else if (drain->has_deadline)
		snprintf(until, sizeof(until), ", leases end at %s",
			 clock_format(time, sizeof(time), drain->deadline_s));
	return json_sprintf("%s is drained by %s%s%s%s",
			    steward_drain_what(steward, drain, what, sizeof(what)), drain->user,
			    until, drain->reason[0] ? ": " : "", drain->reason);
}

/* ---- one drain ---- */

static const struct ledger_instance *instance_of(const struct steward *steward,
						 const struct ledger_lease *lease)
{
	const struct steward_instance *instance =
		lease->has_instance ? steward_instance_at(steward, lease->instance) : NULL;

	return instance ? &instance->row : NULL;
}

static json_t *leases_json(const struct steward *steward, const struct ledger_drain *drain)
{
	json_t *list = json_array();

	for (size_t i = 0; i < steward->n_leases; i++) {
		const struct ledger_lease *row = &steward->leases[i]->row;
		const struct ledger_instance *instance = instance_of(steward, row);

		if (!instance || row->state == LEASE_ENDED || !drain_covers(drain, instance))
			continue;
		json_array_append_new(
			list, json_pack("{s:I, s:s, s:s, s:s, s:o, s:b}", "id", (json_int_t)row->id,
					"state", lease_state_name(row->state), "user", row->user,
					"class", row->class_name, "ends_s",
					api_number(row->has_ends, row->ends_s), "protected",
					steward_is_protected(steward, row)));
	}
	return list;
}

/* Does a process use what is drained? Of a whole GPU all do, whatever they run on. */
static bool is_there(const struct observed_gpu *seen, const struct observed_process *process,
		     const struct ledger_drain *drain)
{
	for (size_t i = 0; drain->has_place && i < seen->n_instances; i++) {
		const struct backend_instance *at = &seen->instances[i];

		if (at->gi == process->gi)
			return at->start < drain->start + drain->size &&
			       drain->start < at->start + at->size;
	}
	return !drain->has_place;
}

/* null when they cannot be seen. */
static json_t *processes_json(const struct observed_gpu *seen, const struct ledger_drain *drain)
{
	json_t *list;

	if (!seen || !seen->has_processes)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < seen->n_processes; i++) {
		const struct observed_process *process = &seen->processes[i];

		if (!is_there(seen, process, drain))
			continue;
		json_array_append_new(
			list, json_pack("{s:i, s:o, s:o}", "pid", (int)process->pid, "name",
					api_text(process->name), "user",
					api_text(process->has_user ? process->user : NULL)));
	}
	return list;
}

static json_t *drain_json(const struct steward *steward, const struct ledger_drain *drain)
{
	const struct steward_gpu *gpu = NULL;
	json_t *json;

	for (size_t i = 0; i < steward->n_gpus; i++)
		if (!strcmp(steward->gpus[i].info.uuid, drain->gpu))
			gpu = &steward->gpus[i];
	json = json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
			 api_number(drain->id, drain->id), "gpu_index",
			 api_number(gpu, gpu ? gpu->info.index : 0), "gpu_uuid", drain->gpu,
			 "profile", api_text(drain->profile), "start",
			 api_number(drain->has_place, drain->start), "size",
			 api_number(drain->has_place, drain->size), "drained_s",
			 api_number(drain->has_drained, drain->drained_s), "leases",
			 leases_json(steward, drain), "processes",
			 processes_json(gpu ? gpu->seen : NULL, drain));
	json_object_update_missing_new(json, api_drain_brief(drain));
	return json;
}

/* ---- requests ---- */

int api_get_drains(struct api_asking *asking)
{
	const struct steward *steward = asking->api->steward;
	json_t *list = json_array();

	for (size_t i = 0; i < steward->n_drains; i++)
		json_array_append_new(list, drain_json(steward, &steward->drains[i].row));
	return api_reply(asking, 200, json_pack("{s:o}", "drains", list));
}

int api_post_drain(struct api_asking *asking)
{
	const struct api_wish *wish = asking->wish;
	const struct steward_drain_wish want = {
		.gpu = wish->gpu,
		.has_start = wish->has_start,
		.start = (unsigned)wish->start,
		.profile = wish->profile,
		.lease = wish->lease > 0 ? wish->lease : 0,
		.reason = wish->reason ? wish->reason : "",
		.deadline = wish->no_deadline	 ? DRAIN_WAITS
			    : wish->has_deadline ? DRAIN_UNTIL
						 : DRAIN_BY_POLICY,
		.deadline_s = wish->deadline_s,
		.dry_run = wish->dry_run,
	};
	struct ledger_drain drain;
	int r = steward_drain_begin(asking->api->steward, asking->request->person, &want,
				    asking->now_s, &drain, asking->err);

	return r ? r
		 : api_reply(asking, wish->dry_run ? 200 : 201,
			     drain_json(asking->api->steward, &drain));
}

int api_delete_drain(struct api_asking *asking)
{
	struct ledger_drain drain;
	int r = steward_drain_end(asking->api->steward, asking->request->person, asking->wish->id,
				  asking->now_s, &drain, asking->err);

	return r ? r : api_reply(asking, 200, drain_json(asking->api->steward, &drain));
}
