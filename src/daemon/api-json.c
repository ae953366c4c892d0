#include "daemon/api-json.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "geometry/layout.h"
#include "reconcile/steward-change.h"
#include "reconcile/steward-drain.h"
#include "reconcile/steward-rules.h"

json_t *api_text(const char *text)
{
	return text && text[0] ? json_string(text) : json_null();
}

json_t *api_number(bool known, int64_t value)
{
	return known ? json_integer(value) : json_null();
}

/* ---- GPUs ---- */

static json_t *process_json(const struct observed_process *process)
{
	return json_pack(
		"{s:i, s:o, s:o, s:o}", "pid", (int)process->pid, "name", api_text(process->name),
		"user", process->has_user ? json_string(process->user) : json_null(),
		"memory_bytes", api_number(process->has_memory, (int64_t)process->memory_bytes));
}

/* null when the list could not be read. ci BACKEND_NONE: of the whole GPU instance. */
static json_t *processes_json(const struct observed_gpu *seen, unsigned gi, unsigned ci)
{
	json_t *list;

	if (!seen->has_processes)
		return json_null();
	list = json_array();
	for (size_t i = 0; i < seen->n_processes; i++)
		if (seen->processes[i].gi == gi &&
		    (ci == BACKEND_NONE || seen->processes[i].ci == ci))
			json_array_append_new(list, process_json(&seen->processes[i]));
	return list;
}

static const char *instance_word(const struct steward_instance *instance)
{
	if (!instance)
		return "stranger";
	if (instance->row.state == INSTANCE_DESTROYING && instance->tries)
		return "stuck";
	if (instance->row.state == INSTANCE_PRESENT)
		return instance->lease ? "leased" : "free";
	return instance_state_name(instance->row.state);
}

/* What a lease adds to an instance. */
static int add_holder(json_t *json, const struct steward *steward,
		      const struct steward_instance *instance)
{
	const struct steward_lease *lease =
		instance && instance->lease ? steward_lease_at(steward, instance->lease) : NULL;
	const struct ledger_lease *row = lease ? &lease->row : NULL;
	const struct ledger_drain *drain =
		instance ? steward_drain_of(steward, &instance->row) : NULL;

	json_object_set_new(json, "drain", api_drain_brief(drain));
	json_object_set_new(json, "protected",
			    json_boolean(row && steward_is_protected(steward, row)));
	return json_object_update_new(
		json, json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o}", "state",
				instance_word(instance), "laid",
				instance && instance->row.laid, "nodes",
				api_text(api_nodes_word(steward, instance)),
				"note", api_text(instance ? instance->note : NULL), "lease",
				api_number(row, row ? row->id : 0), "user",
				api_text(row ? row->user : NULL), "class",
				api_text(row ? row->class_name : NULL), "ends_s",
				api_number(row && row->has_ends, row ? row->ends_s : 0)));
}

static json_t *seen_json(const struct steward *steward, size_t gpu,
			 const struct backend_instance *seen, const struct backend_ci *ci)
{
	const struct steward_gpu *on = &steward->gpus[gpu];
	const struct board *board = on->info.board;
	const struct profile *profile = board ? board_profile_by_id(board, seen->profile_id) : NULL;
	json_t *json = json_pack(
		"{s:o, s:i, s:i, s:i, s:o, s:i, s:o, s:o, s:o, s:o, s:o}", "profile",
		api_text(profile ? profile->name : NULL), "profile_id", (int)seen->profile_id,
		"start", (int)seen->start, "size", (int)seen->size, "slices",
		api_number(profile, profile ? profile->compute_slices : 0), "gi", (int)seen->gi,
		"ci", api_number(ci, ci ? ci->id : 0), "uuid", api_text(ci ? ci->uuid : NULL),
		"memory_bytes", api_number(seen->has_memory, (int64_t)seen->memory_bytes),
		"memory_used_bytes", api_number(seen->has_memory, (int64_t)seen->memory_used_bytes),
		"processes", processes_json(on->seen, seen->gi, ci ? ci->id : BACKEND_NONE));

	if (json)
		add_holder(json, steward,
			   steward_instance_on(steward, gpu, seen->profile_id, seen->start));
	return json;
}

/* Promised, and not (or no longer) on the GPU. */
static json_t *promised_json(const struct steward *steward, const struct steward_instance *instance)
{
	const struct ledger_instance *row = &instance->row;
	json_t *json =
		json_pack("{s:s, s:i, s:i, s:i, s:i, s:n, s:n, s:n, s:n, s:n, s:[]}", "profile",
			  row->profile, "profile_id", (int)row->profile_id, "start",
			  (int)row->start, "size", (int)row->size, "slices", (int)row->slices, "gi",
			  "ci", "uuid", "memory_bytes", "memory_used_bytes", "processes");

	if (json)
		add_holder(json, steward, instance);
	return json;
}

static json_t *instances_json(const struct steward *steward, size_t gpu)
{
	const struct observed_gpu *seen = steward->gpus[gpu].seen;
	json_t *list = json_array();

	for (size_t i = 0; seen && i < seen->n_instances; i++) {
		const struct backend_instance *at = &seen->instances[i];

		if (!at->n_cis)
			json_array_append_new(list, seen_json(steward, gpu, at, NULL));
		for (unsigned c = 0; c < at->n_cis; c++)
			json_array_append_new(list, seen_json(steward, gpu, at, &at->cis[c]));
	}
	for (size_t i = 0; i < steward->n_instances; i++) {
		const struct steward_instance *instance = steward->instances[i];

		if (instance->gpu == gpu && instance->row.state != INSTANCE_GONE &&
		    !observed_at(seen, instance->row.profile_id, instance->row.start))
			json_array_append_new(list, promised_json(steward, instance));
	}
	return list;
}

/* Everything on the GPU, ours and others'. false: something there is not known. */
static bool gpu_layout(const struct steward *steward, size_t gpu, struct layout *ret)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	bool known = true;

	steward_view(steward, INT64_MAX, gpus);
	if (!gpus[gpu].usable)
		return false;
	layout_init(ret, gpus[gpu].board);
	for (size_t i = 0; i < gpus[gpu].n; i++)
		known &= layout_take(ret, gpus[gpu].at[i].profile, gpus[gpu].at[i].start);
	ret->mask |= gpus[gpu].blocked;
	return known;
}

static json_t *free_json(const struct steward *steward, size_t gpu)
{
	struct layout layout;
	json_t *json;

	if (!gpu_layout(steward, gpu, &layout))
		return json_null();
	json = json_object();
	for (size_t i = 0; i < layout.board->n_profiles; i++) {
		const struct profile *profile = &layout.board->profiles[i];

		json_object_set_new(json, profile->name,
				    json_integer(layout_remaining(&layout, profile)));
	}
	return json;
}

static const char *gpu_word(const struct steward_gpu *gpu)
{
	if (!gpu->there || gpu->info.lost || gpu->has_trouble)
		return "lost";
	return gpu->info.board || !gpu->info.mig_capable ? "ok" : "unknown-board";
}

/* The layout that comes back. */
static json_t *returns_json(const struct steward *steward, size_t gpu)
{
	const struct steward_change *back = steward_return_of(steward, gpu);

	for (size_t i = 0; back && i < back->n_parts; i++)
		if (!strcmp(back->parts[i].row.gpu, steward->gpus[gpu].info.uuid))
			return json_pack("{s:I, s:I, s:s}", "change", (json_int_t)back->row.id,
					 "at_s", (json_int_t)back->row.not_before_s, "layout",
					 back->parts[i].row.wish);
	return json_null();
}

json_t *api_gpu(const struct steward *steward, size_t index)
{
	const struct steward_gpu *gpu = &steward->gpus[index];
	const struct backend_gpu *info = &gpu->info;
	const struct board *board = info->board;
	const char *mig = !info->mig_capable ? "unsupported" : info->mig ? "on" : "off";
	json_t *json = json_pack(
		"{s:i, s:s, s:s, s:o, s:o, s:s, s:o, s:s, s:b, s:b, s:s, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o}",
		"index", (int)info->index, "uuid", info->uuid, "name", info->name, "board",
		api_text(board ? board->id : NULL), "confidence",
		api_text(board ? confidence_name(board->confidence) : NULL), "pci", info->pci,
		"minor", api_number(info->has_minor, info->minor), "mig", mig, "mig_pending",
		info->mig_pending != info->mig, "managed", gpu->managed, "state", gpu_word(gpu),
		"note", api_text(gpu->has_trouble ? gpu->trouble.text : NULL), "memory_bytes",
		api_number(info->has_memory, (int64_t)info->memory_bytes), "memory_used_bytes",
		api_number(info->has_memory, (int64_t)info->memory_used_bytes), "units",
		api_number(board, board ? board->units : 0), "observed_s",
		api_number(gpu->seen, gpu->seen ? gpu->seen->when_s : 0), "instances",
		instances_json(steward, index), "free", free_json(steward, index));

	const struct steward_change *change = steward_change_on(steward, index, steward->survey_s);

	json_object_set_new(json, "change",
			    api_number(change != NULL, change ? change->row.id : 0));
	json_object_set_new(json, "drain",
			    api_drain_brief(steward_drain_of_gpu(steward, info->uuid)));
	json_object_set_new(json, "returns", returns_json(steward, index));
	return json;
}

/* ---- leases ---- */

/* The index that UUID has now; null when it is not in this server. */
static json_t *index_json(const struct steward *steward, const char *uuid)
{
	for (size_t i = 0; uuid && i < steward->n_gpus; i++)
		if (!strcmp(steward->gpus[i].info.uuid, uuid))
			return json_integer(steward->gpus[i].info.index);
	return json_null();
}

static json_t *place_json(const struct steward *steward, const struct ledger_instance *row)
{
	json_t *memory = json_null();

	for (size_t i = 0; i < steward->n_gpus; i++) {
		const struct steward_gpu *gpu = &steward->gpus[i];
		const struct backend_instance *seen;

		if (strcmp(gpu->info.uuid, row->gpu) != 0)
			continue;
		seen = observed_at(gpu->seen, row->profile_id, row->start);
		if (seen && seen->has_memory && row->state != INSTANCE_GONE)
			memory = json_integer((json_int_t)seen->memory_bytes);
	}
	return json_pack("{s:o, s:s, s:s, s:i, s:i, s:o, s:o, s:o, s:o}", "gpu_index",
			 index_json(steward, row->gpu), "gpu_uuid", row->gpu, "profile",
			 row->profile, "start", (int)row->start, "slices", (int)row->slices, "gi",
			 api_number(row->has_gi, row->gi), "ci", api_number(row->has_ci, row->ci),
			 "uuid", api_text(row->mig_uuid), "memory_bytes", memory);
}

json_t *api_lease(const struct steward *steward, const struct ledger_lease *row,
		  const struct ledger_instance *instance, const struct steward_lease *live)
{
	bool queued = live && row->state == LEASE_QUEUED;

	json_t *json = json_pack(
		"{s:I, s:s, s:s, s:I, s:o, s:s, s:s, s:I, s:o, s:o, s:o, s:I, s:o, s:o, s:o, s:o, "
		"s:o, s:o, s:o}",
		"id", (json_int_t)row->id, "state", lease_state_name(row->state), "user", row->user,
		"uid", (json_int_t)row->uid, "team", api_text(row->team), "class", row->class_name,
		"reason", row->reason, "requested_s", (json_int_t)row->requested_s, "granted_s",
		api_number(row->has_granted, row->granted_s), "ends_s",
		api_number(row->has_ends, row->ends_s), "ended_s",
		api_number(row->has_ended, row->ended_s), "time_s", (json_int_t)row->time_s,
		"why_ended", api_text(row->why_ended), "rule", api_text(row->rule), "exit_status",
		api_number(row->has_exit, row->exit_status), "pid",
		api_number(row->has_pid, row->pid), "position",
		api_number(queued && live->position, queued ? live->position : 0), "estimate_s",
		api_number(queued && live->has_estimate, queued ? live->estimate_s : 0), "instance",
		instance ? place_json(steward, instance) : json_null());

	json_object_set_new(
		json, "drain",
		api_drain_brief(live && instance ? steward_drain_of(steward, instance) : NULL));
	return api_add_grants(json, steward, row, instance);
}

json_t *api_live_lease(const struct steward *steward, const struct steward_lease *lease)
{
	const struct steward_instance *instance =
		lease->row.has_instance ? steward_instance_at(steward, lease->row.instance) : NULL;

	json_t *json = api_lease(steward, &lease->row, instance ? &instance->row : NULL, lease);

	json_object_set_new(json, "isolation", api_isolation(steward, &lease->row, instance));
	return json;
}

/* ---- events ---- */

json_t *api_event(const struct steward *steward, const struct ledger_event *event)
{
	return json_pack(
		"{s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"id", (json_int_t)event->id, "time_s", (json_int_t)event->time_s, "kind",
		event->kind, "user", api_text(event->user), "uid",
		api_number(event->has_uid, event->uid), "team", api_text(event->team), "class",
		api_text(event->class_name), "lease", api_number(event->has_lease, event->lease),
		"gpu_index", index_json(steward, event->gpu), "gpu_uuid", api_text(event->gpu),
		"profile", api_text(event->profile), "start",
		api_number(event->has_start, event->start), "uuid", api_text(event->mig_uuid), "by",
		api_text(event->by), "rule", api_text(event->rule), "text", api_text(event->text));
}

/* ---- classes ---- */

/* A reason long enough for any rule: what is asked is what else stands in the way. */
static const char any_reason[] = "................................................................"
				 "................................................................";

static json_t *profile_names(const struct steward *steward, const struct policy_class *class_,
			     json_t **ret_memory)
{
	const struct board *here[BACKEND_MAX_GPUS];
	size_t n = steward_boards(steward, here);
	json_t *names = json_array();
	uint32_t least = UINT32_MAX;

	for (size_t b = 0; b < n; b++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n_profiles = policy_class_profiles(class_, here[b], profiles);

		for (size_t p = 0; p < n_profiles; p++) {
			bool known = false;

			for (size_t i = 0; i < json_array_size(names); i++)
				known |= !strcmp(json_string_value(json_array_get(names, i)),
						 profiles[p]->name);
			if (!known)
				json_array_append_new(names, json_string(profiles[p]->name));
			if (profiles[p]->has_memory && profiles[p]->memory_mib < least)
				least = profiles[p]->memory_mib;
		}
	}
	*ret_memory = api_number(least != UINT32_MAX, (int64_t)least << 20);
	return names;
}

static unsigned count_ready(const struct choose_gpu *gpus, size_t n,
			    const struct policy_class *class_)
{
	unsigned ready = 0;

	for (size_t g = 0; g < n; g++) {
		const struct profile *profiles[POLICY_MAX_PROFILES];
		size_t n_profiles =
			gpus[g].usable ? policy_class_profiles(class_, gpus[g].board, profiles) : 0;

		for (size_t i = 0; i < gpus[g].n; i++)
			for (size_t p = 0; p < n_profiles; p++)
				ready += gpus[g].at[i].use == CHOOSE_FREE &&
					 gpus[g].at[i].profile == profiles[p];
	}
	return ready;
}

static void count_leases(const struct steward *steward, const char *class_name, unsigned *ret_held,
			 unsigned *ret_queued)
{
	*ret_held = *ret_queued = 0;
	for (size_t i = 0; i < steward->n_leases; i++) {
		const struct ledger_lease *row = &steward->leases[i]->row;

		if (strcmp(row->class_name, class_name) != 0 || row->state == LEASE_ENDED)
			continue;
		*(row->state == LEASE_QUEUED ? ret_queued : ret_held) += 1;
	}
}

static bool may_have(const struct steward *steward, const struct policy_class *class_,
		     const struct policy_person *person, int64_t now_s, struct err *err)
{
	const struct policy_wish wish = {
		.class_name = class_->name, .reason = any_reason, .checked = true};
	struct policy_terms terms;

	return steward_admit(steward, person, &wish, now_s, &terms, err) == 0;
}

json_t *api_class(const struct steward *steward, const struct policy_class *class_,
		  const struct policy_person *person, int64_t now_s)
{
	struct choose_gpu gpus[CHOOSE_MAX_GPUS];
	size_t n = steward_view(steward, now_s, gpus);
	struct outlook outlook = {0};
	struct err why = ERR_INIT;
	bool may = may_have(steward, class_, person, now_s, &why);
	unsigned held, queued, count = choose_count(gpus, n, class_, POLICY_UNLIMITED);
	json_t *memory, *names = profile_names(steward, class_, &memory);

	count_leases(steward, class_->name, &held, &queued);
	if (!count)
		choose_outlook(gpus, n, class_, POLICY_UNLIMITED, now_s, &outlook);
	return json_pack(
		"{s:s, s:s, s:b, s:b, s:o, s:o, s:I, s:I, s:o, s:i, s:i, s:i, s:i, s:o, s:o}",
		"name", class_->name, "description", class_->description, "restricted",
		class_->restricted, "may", may, "why_not", api_text(may ? NULL : why.text),
		"profiles", names, "time_s", (json_int_t)class_->time_s, "max_time_s",
		(json_int_t)class_->max_time_s, "memory_bytes", memory, "free", (int)count, "ready",
		(int)count_ready(gpus, n, class_), "held", (int)held, "queued", (int)queued,
		"next_free_s", api_number(outlook.has_when, outlook.when_s), "next_free_lease",
		api_number(outlook.has_when && outlook.lease, outlook.lease));
}
