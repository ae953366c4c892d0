/*
 * Events: sets to wait on. A set belongs to one session and sees what any
 * process raised after it was made; every set that asked for an event gets it.
 */
#include "sim/nvml-part.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"

#define EVENTS                                                                                     \
	(NVML_EVENT_SINGLE_BIT_ECC | NVML_EVENT_DOUBLE_BIT_ECC | NVML_EVENT_XID |                  \
	 NVML_EVENT_MIG_CONFIG)
#define SYSTEM_EVENTS (NVML_SYSTEM_EVENT_UNBIND | NVML_SYSTEM_EVENT_BIND)

struct event_set {
	struct object object;
	unsigned long long types[WORLD_MAX_GPUS]; /* asked for, by GPU */
	uint64_t seen;				  /* number of the last event looked at */
};

/* Guards types and seen of all sets; taken inside the world's lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct event_set *set_new(struct call *call, enum object_kind kind)
{
	struct event_set *set = object_new(call->session, kind, sizeof(*set));

	if (set)
		set->seen = call->now->events_raised;
	return set;
}

static struct event_set *set_get(struct call *call, enum object_kind kind, const void *handle)
{
	return object_get(call->session, kind, handle);
}

static bool is_wanted(const struct call *call, const struct event_set *set,
		      const struct world_event *event)
{
	if (event->system != (set->object.kind == OBJECT_SYSTEM_EVENT_SET) ||
	    !(set->types[event->gpu] & event->type))
		return false;
	/* What happens inside instances is for those who may see all of the GPU. */
	return event->gi == WORLD_NONE || world_may_monitor(call->world);
}

/* The next event for the set; NULL: none yet. */
static const struct world_event *next_event(const struct call *call, struct event_set *set)
{
	uint64_t raised = call->now->events_raised;
	const struct world_event *found = NULL;

	pthread_mutex_lock(&lock);
	if (raised > WORLD_MAX_EVENTS && set->seen < raised - WORLD_MAX_EVENTS)
		set->seen = raised - WORLD_MAX_EVENTS; /* older ones are lost */
	while (!found && set->seen < raised) {
		found = world_event_at(call->now, ++set->seen);
		if (found && !is_wanted(call, set, found))
			found = NULL;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* Returns with the state locked when there is an event. */
static nvmlReturn_t wait_event(struct call *call, struct event_set *set, unsigned timeout_ms,
			       const struct world_event **ret)
{
	int64_t end_ns = clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;

	for (;;) {
		uint64_t raised = call->now->events_raised;
		int64_t left_ns;

		*ret = next_event(call, set);
		if (*ret)
			return NVML_SUCCESS;
		call_unlock(call);
		left_ns = end_ns - clock_monotonic_ns();
		if (left_ns <= 0)
			return NVML_ERROR_TIMEOUT;
		world_wait_event(call->world, raised, left_ns);
		if (!call_look(call))
			return call->code;
	}
}

/* ---- events of GPUs ---- */

DO(EventSetCreate)(struct call *call, struct nvml_event_set **ret)
{
	void *set;

	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	set = set_new(call, OBJECT_EVENT_SET);
	if (!set)
		return NVML_ERROR_MEMORY;
	*ret = set;
	return NVML_SUCCESS;
}

DO(EventSetFree)(struct call *call, struct nvml_event_set *set)
{
	return object_drop(call->session, OBJECT_EVENT_SET, set);
}

ANSWER(DeviceGetSupportedEventTypes, unsigned long long, EVENTS)

DO(DeviceRegisterEvents)
(struct call *call, unsigned long long types, struct nvml_event_set *handle)
{
	struct event_set *set = set_get(call, OBJECT_EVENT_SET, handle);

	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	pthread_mutex_lock(&lock);
	if (!(types & ~(unsigned long long)EVENTS))
		set->types[call->at.gpu] |= types;
	pthread_mutex_unlock(&lock);
	object_put(&set->object);
	return types & ~(unsigned long long)EVENTS ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
}

/* size: earlier versions of the struct end before the instance ids. */
static nvmlReturn_t wait_on_gpus(struct call *call, struct nvml_event_set *handle,
				 struct nvml_event_data *info, size_t size, unsigned timeout_ms)
{
	struct event_set *set = info ? set_get(call, OBJECT_EVENT_SET, handle) : NULL;
	const struct world_event *event;
	nvmlReturn_t code;

	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	code = wait_event(call, set, timeout_ms, &event);
	if (!code) {
		struct nvml_event_data data = {
			.device = call_handle(call, call->now, TARGET_GPU, event->gpu, 0, 0),
			.type = event->type,
			.data = event->data,
			.gpu_instance_id = event->gi,
			.compute_instance_id = event->ci,
		};
		memcpy(info, &data, size);
	}
	object_put(&set->object);
	return code;
}

DO(EventSetWait_v2)
(struct call *call, struct nvml_event_set *set, struct nvml_event_data *info, unsigned timeout_ms)
{
	return wait_on_gpus(call, set, info, sizeof(*info), timeout_ms);
}

DO(EventSetWait)
(struct call *call, struct nvml_event_set *set, struct nvml_event_data *info, unsigned timeout_ms)
{
	return wait_on_gpus(call, set, info, offsetof(struct nvml_event_data, gpu_instance_id),
			    timeout_ms);
}

/* ---- events of the system ---- */

DO(SystemEventSetCreate)(struct call *call, struct nvml_system_event_create_v1 *info)
{
	void *set;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_SYSTEM_EVENT_CREATE_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	set = set_new(call, OBJECT_SYSTEM_EVENT_SET);
	if (!set)
		return NVML_ERROR_MEMORY;
	info->set = set;
	return NVML_SUCCESS;
}

DO(SystemEventSetFree)(struct call *call, struct nvml_system_event_free_v1 *info)
{
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_SYSTEM_EVENT_FREE_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	return object_drop(call->session, OBJECT_SYSTEM_EVENT_SET, info->set);
}

DO(SystemRegisterEvents)(struct call *call, struct nvml_system_event_register_v1 *info)
{
	struct event_set *set;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_SYSTEM_EVENT_REGISTER_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (info->types & ~(unsigned long long)SYSTEM_EVENTS)
		return NVML_ERROR_NOT_SUPPORTED;
	set = set_get(call, OBJECT_SYSTEM_EVENT_SET, info->set);
	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < WORLD_MAX_GPUS; i++)
		set->types[i] |= info->types;
	pthread_mutex_unlock(&lock);
	object_put(&set->object);
	return NVML_SUCCESS;
}

/* As the driver numbers GPUs among themselves: from the PCI address. */
static unsigned gpu_id(const struct world_gpu *gpu)
{
	return gpu->domain << 16 | (unsigned)gpu->bus << 8 | gpu->device;
}

DO(SystemEventSetWait)(struct call *call, struct nvml_system_event_wait_v1 *info)
{
	const struct world_event *event;
	struct event_set *set;
	nvmlReturn_t code;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_SYSTEM_EVENT_WAIT_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!info->data || !info->data_size)
		return NVML_ERROR_INVALID_ARGUMENT;
	set = set_get(call, OBJECT_SYSTEM_EVENT_SET, info->set);
	if (!set)
		return NVML_ERROR_INVALID_ARGUMENT;
	code = wait_event(call, set, info->timeout_ms, &event);
	if (!code) {
		unsigned n = 0;

		for (; event; event = n < info->data_size ? next_event(call, set) : NULL)
			info->data[n++] = (struct nvml_system_event_data_v1){
				event->type, gpu_id(&call->now->gpus[event->gpu])};
		info->count = n;
	}
	object_put(&set->object);
	return code;
}
