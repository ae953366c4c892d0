#include "reconcile/steward-part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

const char *event_kind_name(enum event_kind kind)
{
	static const char *const names[] = {
#define X(code, name, meaning) [EVENT_##code] = name,
		EVENT_KINDS(X)
#undef X
	};

	return (unsigned)kind < EVENT_KIND_COUNT ? names[kind] : "unknown";
}

/* ---- finding ---- */

struct steward_lease *steward_lease_find(struct steward *steward, int64_t id)
{
	for (size_t i = 0; i < steward->n_leases; i++)
		if (steward->leases[i]->row.id == id)
			return steward->leases[i];
	return NULL;
}

struct steward_instance *steward_instance_find(struct steward *steward, int64_t id)
{
	for (size_t i = 0; i < steward->n_instances; i++)
		if (steward->instances[i]->row.id == id)
			return steward->instances[i];
	return NULL;
}

struct steward_instance *steward_instance_of(struct steward *steward,
					     const struct steward_lease *lease)
{
	return lease->row.has_instance ? steward_instance_find(steward, lease->row.instance) : NULL;
}

const struct steward_lease *steward_lease_at(const struct steward *steward, int64_t id)
{
	return steward_lease_find((struct steward *)(uintptr_t)steward, id);
}

const struct steward_instance *steward_instance_at(const struct steward *steward, int64_t id)
{
	return steward_instance_find((struct steward *)(uintptr_t)steward, id);
}

const struct steward_instance *steward_instance_on(const struct steward *steward, size_t gpu,
						   unsigned profile_id, unsigned start)
{
	for (size_t i = 0; i < steward->n_instances; i++) {
		const struct steward_instance *instance = steward->instances[i];

		if (instance->gpu == gpu && instance->row.profile_id == profile_id &&
		    instance->row.start == start && instance->row.state != INSTANCE_GONE)
			return instance;
	}
	return NULL;
}

bool steward_has_gpu(const struct steward *steward, size_t gpu)
{
	return gpu != STEWARD_NO_GPU && steward->gpus[gpu].there && !steward->gpus[gpu].info.lost;
}

void steward_bind(struct steward *steward, struct steward_instance *instance)
{
	instance->gpu = STEWARD_NO_GPU;
	instance->profile = NULL;
	for (size_t i = 0; i < steward->n_gpus; i++) {
		const struct backend_gpu *info = &steward->gpus[i].info;

		if (strcmp(info->uuid, instance->row.gpu) != 0)
			continue;
		instance->gpu = i;
		if (info->board)
			instance->profile =
				board_profile_by_id(info->board, instance->row.profile_id);
	}
}

/* ---- arrays ---- */

int steward_add_lease(struct steward *steward, struct steward_lease *take_lease, struct err *err)
{
	if (array_reserve(&steward->leases, &steward->cap_leases, steward->n_leases,
			  sizeof(struct steward_lease *))) {
		free(take_lease);
		return fail(err, ERR_NOMEM, "no memory for a lease");
	}
	steward->leases[steward->n_leases++] = take_lease;
	return 0;
}

int steward_add_instance(struct steward *steward, struct steward_instance *take_instance,
			 struct err *err)
{
	if (array_reserve(&steward->instances, &steward->cap_instances, steward->n_instances,
			  sizeof(struct steward_instance *))) {
		free(take_instance);
		return fail(err, ERR_NOMEM, "no memory for an instance");
	}
	steward->instances[steward->n_instances++] = take_instance;
	steward_bind(steward, take_instance);
	return 0;
}

void steward_forget(struct steward *steward)
{
	size_t kept = 0;

	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];

		if (lease->row.state == LEASE_ENDED && !lease->dirty)
			free(lease);
		else
			steward->leases[kept++] = lease;
	}
	steward->n_leases = kept;
	kept = 0;
	for (size_t i = 0; i < steward->n_instances; i++) {
		struct steward_instance *instance = steward->instances[i];

		if (instance->row.state == INSTANCE_GONE && !instance->dirty && !instance->job)
			free(instance);
		else
			steward->instances[kept++] = instance;
	}
	steward->n_instances = kept;
}

/* ---- events ---- */

static void note_lease(struct steward_note *note, const struct ledger_lease *lease)
{
	note->lease = lease->id;
	note->has_uid = true;
	note->uid = lease->uid;
	snprintf(note->user, sizeof(note->user), "%s", lease->user);
	snprintf(note->team, sizeof(note->team), "%s", lease->team);
	snprintf(note->class_name, sizeof(note->class_name), "%s", lease->class_name);
}

static void note_instance(struct steward_note *note, const struct ledger_instance *instance)
{
	note->has_place = true;
	note->start = instance->start;
	snprintf(note->gpu, sizeof(note->gpu), "%s", instance->gpu);
	snprintf(note->profile, sizeof(note->profile), "%s", instance->profile);
	snprintf(note->mig_uuid, sizeof(note->mig_uuid), "%s", instance->mig_uuid);
}

static struct steward_note *new_note(struct steward *steward, enum event_kind kind, int64_t now_s)
{
	struct steward_note *note;

	/* Events are for people to read later; losing one for want of memory must stop nothing. */
	if (array_reserve(&steward->notes, &steward->cap_notes, steward->n_notes,
			  sizeof(*steward->notes)))
		return NULL;
	note = &steward->notes[steward->n_notes++];
	*note = (struct steward_note){.kind = kind, .time_s = now_s};
	return note;
}

static void note_text(struct steward_note *note, const char *format, va_list args)
{
	char text[LEDGER_TEXT];

	vsnprintf(text, sizeof(text), format, args);
	text_printable(note->text, sizeof(note->text), text);
}

void steward_note(struct steward *steward, enum event_kind kind, const struct about *about,
		  int64_t now_s, const char *format, ...)
{
	struct steward_note *note = new_note(steward, kind, now_s);
	va_list args;

	if (!note)
		return;
	if (about->lease)
		note_lease(note, about->lease);
	if (about->instance)
		note_instance(note, about->instance);
	snprintf(note->by, sizeof(note->by), "%s", about->by ? about->by : "");
	snprintf(note->rule, sizeof(note->rule), "%s", about->rule ? about->rule : "");
	va_start(args, format);
	note_text(note, format, args);
	va_end(args);
}

void steward_tell(struct steward *steward, enum event_kind kind, const char *by, int64_t now_s,
		  const char *format, ...)
{
	struct steward_note *note = new_note(steward, kind, now_s);
	va_list args;

	if (!note)
		return;
	snprintf(note->by, sizeof(note->by), "%s", by ? by : "");
	va_start(args, format);
	note_text(note, format, args);
	va_end(args);
	steward_settle(steward);
}

char *steward_where(const struct steward *steward, const struct ledger_instance *instance, char *buf,
		    size_t size)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		if (!strcmp(steward->gpus[i].info.uuid, instance->gpu)) {
			snprintf(buf, size, "%s at %u on GPU %u", instance->profile, instance->start,
				 steward->gpus[i].info.index);
			return buf;
		}
	snprintf(buf, size, "%s at %u on %s", instance->profile, instance->start, instance->gpu);
	return buf;
}

static const char *given(const char *text)
{
	return text[0] ? text : NULL;
}

static int write_note(struct ledger *ledger, const struct steward_note *note, struct err *err)
{
	struct ledger_event event = {
		.time_s = note->time_s,
		.kind = event_kind_name(note->kind),
		.has_uid = note->has_uid,
		.uid = note->uid,
		.user = given(note->user),
		.team = given(note->team),
		.class_name = given(note->class_name),
		.has_lease = note->lease != 0,
		.lease = note->lease,
		.gpu = given(note->gpu),
		.profile = given(note->profile),
		.has_start = note->has_place,
		.start = note->start,
		.mig_uuid = given(note->mig_uuid),
		.by = given(note->by),
		.rule = given(note->rule),
		.text = given(note->text),
	};

	return ledger_event_add(ledger, &event, err);
}

/* ---- writing ---- */

static int write_gpu(struct steward *steward, const struct backend_gpu *info, struct err *err)
{
	struct ledger_gpu row = {
		.index = info->index,
		.first_seen_s = steward->survey_s,
		.last_seen_s = steward->survey_s,
	};

	snprintf(row.uuid, sizeof(row.uuid), "%s", info->uuid);
	snprintf(row.board, sizeof(row.board), "%s", info->board ? info->board->id : "");
	snprintf(row.name, sizeof(row.name), "%s", info->name);
	snprintf(row.pci, sizeof(row.pci), "%s", info->pci);
	snprintf(row.serial, sizeof(row.serial), "%s", info->serial);
	return ledger_gpu_seen(steward->ledger, &row, err);
}

int steward_save(struct steward *steward, struct err *err)
{
	int r = 0;

	for (size_t i = 0; !r && i < steward->n_gpus; i++)
		if (steward->gpus[i].dirty)
			r = write_gpu(steward, &steward->gpus[i].info, err);
	for (size_t i = 0; !r && i < steward->n_instances; i++)
		if (steward->instances[i]->dirty)
			r = ledger_instance_update(steward->ledger, &steward->instances[i]->row,
						   err);
	for (size_t i = 0; !r && i < steward->n_leases; i++)
		if (steward->leases[i]->dirty)
			r = ledger_lease_update(steward->ledger, &steward->leases[i]->row, err);
	return r ? r : steward_save_notes(steward, 0, err);
}

int steward_save_notes(struct steward *steward, size_t from, struct err *err)
{
	int r = 0;

	for (size_t i = from; !r && i < steward->n_notes; i++)
		r = write_note(steward->ledger, &steward->notes[i], err);
	return r;
}

static void submit_pending(struct steward *steward)
{
	size_t n = steward->n_pending;

	steward->n_pending = 0;
	for (size_t i = 0; i < n; i++)
		steward->hooks.submit(steward->hooks.arg, steward->pending[i].worker,
				      steward->pending[i].job);
}

void steward_saved(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		steward->gpus[i].dirty = false;
	for (size_t i = 0; i < steward->n_instances; i++)
		steward->instances[i]->dirty = false;
	for (size_t i = 0; i < steward->n_leases; i++)
		steward->leases[i]->dirty = false;
	steward->n_notes = 0;
	steward->unwritable = false;
	submit_pending(steward);
}

int steward_not_saved(struct steward *steward, const struct err *err)
{
	steward->unwritable = true;
	steward->unwritable_why = *err;
	return -(int)err->code;
}

static bool has_unsaved(const struct steward *steward)
{
	bool dirty = steward->n_notes > 0 || steward->unwritable;

	for (size_t i = 0; !dirty && i < steward->n_gpus; i++)
		dirty = steward->gpus[i].dirty;
	for (size_t i = 0; !dirty && i < steward->n_instances; i++)
		dirty = steward->instances[i]->dirty;
	for (size_t i = 0; !dirty && i < steward->n_leases; i++)
		dirty = steward->leases[i]->dirty;
	return dirty;
}

int steward_flush(struct steward *steward, struct err *err)
{
	int r;

	if (!has_unsaved(steward)) {
		submit_pending(steward);
		steward_forget(steward);
		return 0;
	}
	r = ledger_begin(steward->ledger, err);
	if (!r) {
		r = steward_save(steward, err);
		if (r)
			ledger_rollback(steward->ledger);
		else
			r = ledger_commit(steward->ledger, err);
	}
	if (r)
		return steward_not_saved(steward, err);
	steward_saved(steward);
	steward_forget(steward);
	return 0;
}

void steward_settle(struct steward *steward)
{
	struct err err = ERR_INIT;

	steward_flush(steward, &err);
}

void steward_later(struct steward *steward, size_t worker, struct job *take_job)
{
	if (!take_job)
		return;
	take_job->tick = ++steward->tick;
	if (array_reserve(&steward->pending, &steward->cap_pending, steward->n_pending,
			  sizeof(*steward->pending))) {
		job_free(take_job); /* the next look at the GPU hands it out again */
		return;
	}
	steward->pending[steward->n_pending++] = (struct pending_job){worker, take_job};
	if (worker != STEWARD_NO_GPU) {
		steward->gpus[worker].jobs++;
		steward->gpus[worker].changed_tick = steward->tick;
	}
}

void steward_instance_job(struct steward *steward, struct steward_instance *instance,
			  enum job_kind kind, bool resume)
{
	const struct ci_profile *ci;
	struct job *job;

	/* Of a GPU that is away nothing can be done; when it is back it is looked at first. */
	if (instance->job || !steward_has_gpu(steward, instance->gpu) || !instance->profile)
		return;
	ci = profile_whole_ci(instance->profile);
	job = ci ? job_new(kind, instance->row.gpu) : NULL;
	if (!job)
		return;
	job->instance = instance->row.id;
	job->profile_id = instance->row.profile_id;
	job->ci_profile_id = ci->id;
	job->start = instance->row.start;
	job->size = instance->row.size;
	job->resume = resume;
	instance->job = true;
	steward_later(steward, instance->gpu, job);
}

/* ---- life ---- */

struct loading {
	struct steward *steward;
	struct err *err;
	int result;
};

static void load_instance(const struct ledger_instance *row, void *arg)
{
	struct loading *loading = arg;
	struct steward_instance *instance = calloc(1, sizeof(*instance));

	if (!instance) {
		loading->result = fail(loading->err, ERR_NOMEM, "no memory for an instance");
		return;
	}
	instance->row = *row;
	if (steward_add_instance(loading->steward, instance, loading->err))
		loading->result = -ERR_NOMEM;
}

static void load_lease(const struct ledger_lease *row, const struct ledger_instance *instance,
		       void *arg)
{
	struct loading *loading = arg;
	struct steward_lease *lease = calloc(1, sizeof(*lease));

	(void)instance;
	if (!lease) {
		loading->result = fail(loading->err, ERR_NOMEM, "no memory for a lease");
		return;
	}
	lease->row = *row;
	if (steward_add_lease(loading->steward, lease, loading->err))
		loading->result = -ERR_NOMEM;
}

/* Every live lease knows its instance and is watched as before. */
static void take_up(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_leases; i++) {
		struct steward_lease *lease = steward->leases[i];
		struct steward_instance *instance = steward_instance_of(steward, lease);

		if (instance)
			instance->lease = lease->row.id;
		if (lease->row.has_pid)
			steward->hooks.watch(steward->hooks.arg, lease->row.id,
					     (pid_t)lease->row.pid, lease->row.pid_start);
	}
}

int steward_init(struct steward *steward, struct ledger *ledger, struct policy *take_policy,
		 const struct steward_hooks *hooks, int64_t now_s, struct err *err)
{
	struct ledger_lease_filter live = LEASE_FILTER_ALL;
	struct loading loading = {.steward = steward, .err = err};
	int r;

	*steward = (struct steward){
		.ledger = ledger, .policy = take_policy, .hooks = *hooks, .survey_s = now_s};
	live.live = true;
	r = ledger_instances(ledger, load_instance, &loading, err);
	if (!r && !loading.result)
		r = ledger_leases(ledger, &live, load_lease, &loading, err);
	r = r ? r : loading.result;
	if (r) {
		steward_done_with(steward);
		return r;
	}
	take_up(steward);
	return 0;
}

void steward_done_with(struct steward *steward)
{
	for (size_t i = 0; i < steward->n_gpus; i++)
		observed_gpu_free(steward->gpus[i].seen);
	for (size_t i = 0; i < steward->n_instances; i++)
		free(steward->instances[i]);
	for (size_t i = 0; i < steward->n_leases; i++)
		free(steward->leases[i]);
	for (size_t i = 0; i < steward->n_pending; i++)
		job_free(steward->pending[i].job);
	free(steward->instances);
	free(steward->leases);
	free(steward->notes);
	free(steward->pending);
	policy_free(steward->policy);
	*steward = (struct steward){0};
}
