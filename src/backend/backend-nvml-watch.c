/* Who runs on a GPU, and what happens on any of them. */
#include "backend/backend-nvml.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

/* ---- processes ---- */

#define FIRST_GUESS 64
#define LIST_TRIES  8

typedef nvmlReturn_t list_call(struct nvml_device *device, unsigned *count,
			       struct nvml_process_info *info);

struct process_list {
	size_t n, cap;
	struct backend_process *items;
};

static int add_process(struct process_list *list, const struct nvml_process_info *info,
		       bool graphics, struct err *err)
{
	bool has_memory = info->used_memory != NVML_UNKNOWN_MEMORY;

	if (list->n == BACKEND_MAX_PROCESSES)
		return nvml_nonsense(err, "the driver", "more than %u processes",
				     BACKEND_MAX_PROCESSES);
	if (array_reserve(&list->items, &list->cap, list->n, sizeof(list->items[0])))
		return fail(err, ERR_NOMEM, "no memory for a list of processes");
	list->items[list->n++] = (struct backend_process){
		.pid = info->pid,
		.gi = info->gpu_instance_id,
		.ci = info->compute_instance_id,
		.graphics = graphics,
		.has_memory = has_memory,
		.memory_bytes = has_memory ? info->used_memory : 0,
	};
	return 0;
}

/* INSUFFICIENT_SIZE tells how many there are, but more may come before we ask again. */
static int read_list(list_call *call, const char *name, struct nvml_device *device,
		     struct nvml_process_info **ret, unsigned *ret_n, struct err *err)
{
	cleanup(free) struct nvml_process_info *infos = NULL;
	nvmlReturn_t code = NVML_ERROR_INSUFFICIENT_SIZE;
	unsigned room = FIRST_GUESS, n = 0;

	for (int i = 0; i < LIST_TRIES && code == NVML_ERROR_INSUFFICIENT_SIZE; i++) {
		free(infos);
		infos = calloc(room, sizeof(*infos));
		if (!infos)
			return fail(err, ERR_NOMEM, "no memory for a list of processes");
		n = room;
		code = call(device, &n, infos);
		if ((!code && n > room) || n > BACKEND_MAX_PROCESSES)
			return nvml_nonsense(err, name, "%u processes", n);
		room = n > room ? n + n / 4 : room * 2;
	}
	if (nvml_result(err, name, code))
		return -(int)err->code;
	*ret = steal(infos);
	*ret_n = n;
	return 0;
}

static int add_list(struct process_list *list, list_call *call, const char *name,
		    struct nvml_device *device, bool graphics, struct err *err)
{
	cleanup(free) struct nvml_process_info *infos = NULL;
	unsigned n = 0;
	int r = read_list(call, name, device, &infos, &n, err);

	for (unsigned i = 0; !r && i < n; i++)
		r = add_process(list, &infos[i], graphics, err);
	return r;
}

int nvml_processes(struct backend *backend, const char *gpu, struct backend_process **ret,
		   size_t *ret_n, struct err *err)
{
	const struct nvml_api *api = &backend_nvml(backend)->api;
	const struct {
		list_call *call;
		const char *name;
		bool graphics, optional;
	} lists[] = {
		{api->DeviceGetComputeRunningProcesses_v3,
		 "nvmlDeviceGetComputeRunningProcesses_v3", false, false},
		{api->DeviceGetGraphicsRunningProcesses_v3,
		 "nvmlDeviceGetGraphicsRunningProcesses_v3", true, true},
		{api->DeviceGetMPSComputeRunningProcesses_v3,
		 "nvmlDeviceGetMPSComputeRunningProcesses_v3", false, true},
	};
	struct process_list list = {0};
	struct nvml_device *device;

	if (nvml_device(backend_nvml(backend), gpu, &device, err))
		return -(int)err->code;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		int r = lists[i].call
				? add_list(&list, lists[i].call, lists[i].name, device,
					   lists[i].graphics, err)
				: nvml_result(err, lists[i].name, NVML_ERROR_FUNCTION_NOT_FOUND);

		/* A GPU that cannot run such processes runs none. */
		if (!r || (r == -ERR_UNSUPPORTED && lists[i].optional))
			continue;
		free(list.items);
		return fail_in(err, "GPU '%s': ", gpu);
	}
	*ret = list.items;
	*ret_n = list.n;
	return 0;
}

/* ---- events ---- */

#define WANTED ((unsigned long long)(NVML_EVENT_MIG_CONFIG | NVML_EVENT_XID))

/* Ask for what the GPU can tell of what we want. Returns NVML's code. */
static nvmlReturn_t register_gpu(const struct nvml_api *api, unsigned index,
				 struct nvml_event_set *set)
{
	struct nvml_device *device = NULL;
	unsigned long long types = 0;
	nvmlReturn_t code = NVML_CODE(api, DeviceGetHandleByIndex_v2, index, &device);

	if (!code)
		code = NVML_CODE(api, DeviceGetSupportedEventTypes, device, &types);
	if (!code && !(types & WANTED))
		return NVML_ERROR_NOT_SUPPORTED;
	return code ? code : NVML_CODE(api, DeviceRegisterEvents, device, types & WANTED, set);
}

static int make_set(const struct nvml_api *api, struct nvml_event_set **ret, struct err *err)
{
	nvmlReturn_t code, last = NVML_ERROR_NOT_SUPPORTED;
	struct nvml_event_set *set = NULL;
	unsigned n = 0, registered = 0;

	if (NVML(api, err, DeviceGetCount_v2, &n) || NVML(api, err, EventSetCreate, &set))
		return -(int)err->code;
	for (unsigned i = 0; i < n && i < BACKEND_MAX_GPUS; i++) {
		code = register_gpu(api, i, set);
		registered += !code;
		last = code ? code : last;
	}
	if (registered) {
		*ret = set;
		return 0;
	}
	(void)NVML_CODE(api, EventSetFree, set);
	return nvml_result(err, "nvmlDeviceRegisterEvents", last);
}

int nvml_wait_event(struct backend *backend, unsigned timeout_ms, struct backend_event *ret,
		    struct err *err)
{
	struct backend_nvml *nvml = backend_nvml(backend);
	struct nvml_event_data data = {.gpu_instance_id = BACKEND_NONE,
				       .compute_instance_id = BACKEND_NONE};
	struct backend_event event = {.kind = BACKEND_EVENT_OTHER};
	struct err unnamed;
	nvmlReturn_t code;

	if (!nvml->events && make_set(&nvml->api, &nvml->events, err))
		return -(int)err->code;
	code = NVML_CODE(&nvml->api, EventSetWait_v2, nvml->events, &data, timeout_ms);
	if (code == NVML_ERROR_TIMEOUT) {
		*ret = (struct backend_event){
			.kind = BACKEND_EVENT_NONE, .gi = BACKEND_NONE, .ci = BACKEND_NONE};
		return 0;
	}
	if (nvml_result(err, "nvmlEventSetWait_v2", code))
		return -(int)err->code;
	/* A GPU that fell off the bus with this event can no longer tell its name. */
	(void)nvml_uuid(&nvml->api, data.device, event.gpu, &unnamed);
	if (data.type == NVML_EVENT_MIG_CONFIG)
		event.kind = BACKEND_EVENT_MIG;
	else if (data.type == NVML_EVENT_XID)
		event.kind = BACKEND_EVENT_XID;
	event.xid = event.kind == BACKEND_EVENT_XID ? data.data : 0;
	event.gi = data.gpu_instance_id;
	event.ci = data.compute_instance_id;
	*ret = event;
	return 0;
}
