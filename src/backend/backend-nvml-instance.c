/*
 * The instances of a GPU. The driver lists GPU instances by profile and MIG
 * devices by index; when the two do not agree the GPU changed while it was
 * read.
 */
#include "backend/backend-nvml.h"

#include <stdlib.h>
#include <string.h>

#define READ_TRIES 3

/* A GPU without MIG has it off. */
static int is_mig_on(const struct nvml_api *api, struct nvml_device *device, bool *ret,
		     struct err *err)
{
	unsigned now = NVML_MIG_DISABLED, pending;
	nvmlReturn_t code = NVML_CODE(api, DeviceGetMigMode, device, &now, &pending);

	if (code != NVML_ERROR_NOT_SUPPORTED && code != NVML_ERROR_FUNCTION_NOT_FOUND &&
	    nvml_result(err, "nvmlDeviceGetMigMode", code))
		return -(int)err->code;
	*ret = code == NVML_SUCCESS && now == NVML_MIG_ENABLED;
	return 0;
}

/* ---- MIG devices ---- */

static int read_mig_device(const struct nvml_api *api, struct nvml_mig_device *mig, struct err *err)
{
	mig->gi = mig->ci = BACKEND_NONE;
	if (NVML_ON(api, err, DeviceGetGpuInstanceId, mig->device, &mig->gi) ||
	    NVML_ON(api, err, DeviceGetComputeInstanceId, mig->device, &mig->ci))
		return -(int)err->code;
	if (mig->gi > NVML_MAX_GI_ID || mig->ci >= NVML_MAX_LIST)
		return nvml_nonsense(err, "nvmlDeviceGetGpuInstanceId", "instance %u/%u", mig->gi,
				     mig->ci);
	return nvml_uuid(api, mig->device, mig->uuid, err);
}

static int list_mig_devices(const struct nvml_api *api, struct nvml_device *device,
			    struct nvml_mig_device *ret, size_t *ret_n, struct err *err)
{
	unsigned max = 0;
	size_t n = 0;

	if (NVML(api, err, DeviceGetMaxMigDeviceCount, device, &max))
		return -(int)err->code;
	if (max > NVML_MAX_MIG_DEVICES)
		return nvml_nonsense(err, "nvmlDeviceGetMaxMigDeviceCount", "%u MIG devices", max);
	for (unsigned i = 0; i < max; i++) {
		nvmlReturn_t code =
			NVML_CODE(api, DeviceGetMigDeviceHandleByIndex, device, i, &ret[n].device);

		if (code == NVML_ERROR_NOT_FOUND)
			continue;
		if (nvml_result(err, "nvmlDeviceGetMigDeviceHandleByIndex", code) ||
		    read_mig_device(api, &ret[n++], err))
			return fail_in(err, "MIG device %u: ", i);
	}
	*ret_n = n;
	return 0;
}

/* ---- instances ---- */

/* What is read of one GPU. */
struct reading {
	const struct nvml_api *api;
	struct nvml_device *device;
	size_t n_migs, n;
	struct nvml_mig_device migs[NVML_MAX_MIG_DEVICES];
	struct backend_instance found[BACKEND_MAX_INSTANCES];
};

int nvml_gi_info(const struct nvml_api *api, struct nvml_gpu_instance *gi, struct nvml_gi_info *ret,
		 struct err *err)
{
	struct nvml_gi_info info = {.id = BACKEND_NONE};
	const struct nvml_placement *at = &info.placement;

	if (NVML_ON(api, err, GpuInstanceGetInfo, gi, &info))
		return -(int)err->code;
	if (info.id > NVML_MAX_GI_ID || at->start >= NVML_MAX_UNITS || !at->size ||
	    at->size > NVML_MAX_UNITS - at->start)
		return nvml_nonsense(err, "nvmlGpuInstanceGetInfo", "instance %u at %u, size %u",
				     info.id, at->start, at->size);
	*ret = info;
	return 0;
}

static bool has_ci(const struct backend_instance *instance, unsigned ci)
{
	for (unsigned i = 0; instance && i < instance->n_cis; i++)
		if (instance->cis[i].id == ci)
			return true;
	return false;
}

static int add_ci(struct reading *reading, struct backend_instance *instance,
		  struct nvml_compute_instance *handle, struct err *err)
{
	struct nvml_ci_info info = {.id = BACKEND_NONE};
	struct backend_ci *ci = &instance->cis[instance->n_cis];

	if (instance->n_cis == BACKEND_MAX_CIS)
		return nvml_nonsense(err, "nvmlGpuInstanceGetComputeInstances",
				     "more than %u compute instances", BACKEND_MAX_CIS);
	if (NVML_ON(reading->api, err, ComputeInstanceGetInfo_v2, handle, &info))
		return -(int)err->code;
	if (info.id >= NVML_MAX_LIST || has_ci(instance, info.id) ||
	    info.placement.start >= NVML_MAX_UNITS || info.placement.size > NVML_MAX_UNITS)
		return nvml_nonsense(err, "nvmlComputeInstanceGetInfo_v2",
				     "instance %u at %u, size %u", info.id, info.placement.start,
				     info.placement.size);
	*ci = (struct backend_ci){
		.id = info.id,
		.profile_id = info.profile_id,
		.start = info.placement.start,
		.slices = info.placement.size,
	};
	instance->n_cis++;
	for (size_t i = 0; i < reading->n_migs; i++)
		if (reading->migs[i].gi == instance->gi && reading->migs[i].ci == ci->id)
			memcpy(ci->uuid, reading->migs[i].uuid, sizeof(ci->uuid));
	return 0;
}

static int read_cis_of(struct reading *reading, struct backend_instance *instance,
		       struct nvml_gpu_instance *gi, unsigned profile_id, struct err *err)
{
	struct nvml_compute_instance *cis[NVML_MAX_LIST] = {0};
	unsigned n = NVML_MAX_LIST;

	if (NVML_ON(reading->api, err, GpuInstanceGetComputeInstances, gi, profile_id, cis, &n))
		return -(int)err->code;
	if (n > NVML_MAX_LIST)
		return nvml_nonsense(err, "nvmlGpuInstanceGetComputeInstances",
				     "%u compute instances", n);
	for (unsigned i = 0; i < n; i++)
		if (add_ci(reading, instance, cis[i], err))
			return -(int)err->code;
	return 0;
}

/* A profile larger than the instance, or one the driver does not know yet, has none in it. */
static int read_cis(struct reading *reading, struct backend_instance *instance,
		    struct nvml_gpu_instance *gi, struct err *err)
{
	for (unsigned constant = 0; constant < NVML_CI_PROFILE_COUNT; constant++) {
		struct nvml_ci_profile_info info = {0};
		nvmlReturn_t code =
			NVML_CODE(reading->api, GpuInstanceGetComputeInstanceProfileInfo, gi,
				  constant, NVML_CI_ENGINE_SHARED, &info);

		if (code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_INVALID_ARGUMENT)
			continue;
		if (nvml_result(err, "nvmlGpuInstanceGetComputeInstanceProfileInfo", code) ||
		    read_cis_of(reading, instance, gi, info.id, err))
			return -(int)err->code;
	}
	return 0;
}

static struct backend_instance *find_instance(struct reading *reading, unsigned gi)
{
	for (size_t i = 0; i < reading->n; i++)
		if (reading->found[i].gi == gi)
			return &reading->found[i];
	return NULL;
}

static struct backend_instance *new_instance(struct reading *reading, unsigned gi, struct err *err)
{
	struct backend_instance *instance = &reading->found[reading->n];

	if (reading->n == BACKEND_MAX_INSTANCES) {
		nvml_nonsense(err, "the driver", "more than %u instances", BACKEND_MAX_INSTANCES);
		return NULL;
	}
	*instance = (struct backend_instance){.gi = gi};
	reading->n++;
	return instance;
}

static int add_gi(struct reading *reading, struct nvml_gpu_instance *handle, unsigned profile_id,
		  struct err *err)
{
	struct backend_instance *instance;
	struct nvml_gi_info info;

	if (nvml_gi_info(reading->api, handle, &info, err))
		return -(int)err->code;
	if (info.profile_id != profile_id || find_instance(reading, info.id))
		return nvml_nonsense(err, "nvmlGpuInstanceGetInfo",
				     "instance %u of profile %u, listed under %u", info.id,
				     info.profile_id, profile_id);
	instance = new_instance(reading, info.id, err);
	if (!instance)
		return -(int)err->code;
	instance->profile_id = profile_id;
	instance->start = info.placement.start;
	instance->size = info.placement.size;
	return read_cis(reading, instance, handle, err);
}

static int read_gis_of(struct reading *reading, unsigned profile_id, struct err *err)
{
	struct nvml_gpu_instance *gis[NVML_MAX_LIST] = {0};
	unsigned n = NVML_MAX_LIST;

	if (NVML(reading->api, err, DeviceGetGpuInstances, reading->device, profile_id, gis, &n))
		return -(int)err->code;
	if (n > NVML_MAX_LIST)
		return nvml_nonsense(err, "nvmlDeviceGetGpuInstances", "%u instances", n);
	for (unsigned i = 0; i < n; i++)
		if (add_gi(reading, gis[i], profile_id, err))
			return -(int)err->code;
	return 0;
}

static int read_gis(struct reading *reading, struct err *err)
{
	struct nvml_profile_list list;

	if (nvml_list_profiles(reading->api, reading->device, &list, err))
		return -(int)err->code;
	for (unsigned constant = 0; constant < NVML_GI_PROFILE_COUNT; constant++)
		if (list.has[constant] && read_gis_of(reading, list.info[constant].id, err))
			return -(int)err->code;
	return 0;
}

/* Whoever may not list instances still sees the MIG devices: who, not where. */
static int use_mig_devices(struct reading *reading, struct err *err)
{
	reading->n = 0;
	for (size_t i = 0; i < reading->n_migs; i++) {
		const struct nvml_mig_device *mig = &reading->migs[i];
		struct backend_instance *instance = find_instance(reading, mig->gi);
		struct nvml_device_attributes attributes = {0};
		struct backend_ci *ci;

		if (!instance)
			instance = new_instance(reading, mig->gi, err);
		if (!instance)
			return -(int)err->code;
		if (instance->n_cis == BACKEND_MAX_CIS)
			return nvml_nonsense(err, "nvmlDeviceGetMigDeviceHandleByIndex",
					     "more than %u compute instances", BACKEND_MAX_CIS);
		(void)NVML_CODE(reading->api, DeviceGetAttributes_v2, mig->device, &attributes);
		instance->profile_id = instance->start = BACKEND_NONE;
		ci = &instance->cis[instance->n_cis++];
		*ci = (struct backend_ci){
			.id = mig->ci,
			.profile_id = BACKEND_NONE,
			.start = BACKEND_NONE,
			.slices = attributes.ci_slices,
		};
		memcpy(ci->uuid, mig->uuid, sizeof(ci->uuid));
	}
	return 0;
}

/* Every MIG device is a compute instance we found, and the other way round. */
static int check_complete(struct reading *reading, struct err *err)
{
	size_t n_cis = 0;

	for (size_t i = 0; i < reading->n_migs; i++) {
		const struct nvml_mig_device *mig = &reading->migs[i];

		if (!has_ci(find_instance(reading, mig->gi), mig->ci))
			return fail(err, ERR_STALE, "MIG device '%s' is in no instance", mig->uuid);
	}
	for (size_t i = 0; i < reading->n; i++)
		n_cis += reading->found[i].n_cis;
	if (n_cis != reading->n_migs)
		return fail(err, ERR_STALE, "%zu compute instances, but %zu MIG devices", n_cis,
			    reading->n_migs);
	return 0;
}

static void read_memory(struct reading *reading)
{
	for (size_t i = 0; i < reading->n_migs; i++) {
		struct backend_instance *instance = find_instance(reading, reading->migs[i].gi);

		if (instance && !instance->has_memory)
			instance->has_memory =
				nvml_memory(reading->api, reading->migs[i].device,
					    &instance->memory_bytes, &instance->memory_used_bytes);
	}
}

static int read_instances(struct reading *reading, struct err *err)
{
	int r = list_mig_devices(reading->api, reading->device, reading->migs, &reading->n_migs,
				 err);

	reading->n = 0;
	if (r)
		return r;
	r = read_gis(reading, err);
	if (r == -ERR_DENIED)
		r = use_mig_devices(reading, err);
	if (!r)
		r = check_complete(reading, err);
	if (!r)
		read_memory(reading);
	return r;
}

static int by_start(const void *a, const void *b)
{
	const struct backend_instance *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->gi < y->gi ? -1 : x->gi > y->gi;
}

int nvml_instances(struct backend *backend, const char *gpu, struct backend_instance *ret,
		   size_t *ret_n, struct err *err)
{
	struct reading reading = {.api = &backend_nvml(backend)->api};
	bool mig;
	int r;

	if (nvml_device(backend_nvml(backend), gpu, &reading.device, err))
		return -(int)err->code;
	if (is_mig_on(reading.api, reading.device, &mig, err))
		return fail_in(err, "GPU '%s': ", gpu);
	if (!mig) {
		*ret_n = 0;
		return 0;
	}
	r = read_instances(&reading, err);
	for (int i = 1; r == -ERR_STALE && i < READ_TRIES; i++)
		r = read_instances(&reading, err);
	if (r)
		return fail_in(err, "GPU '%s': ", gpu);
	qsort(reading.found, reading.n, sizeof(reading.found[0]), by_start);
	memcpy(ret, reading.found, reading.n * sizeof(reading.found[0]));
	*ret_n = reading.n;
	return 0;
}
