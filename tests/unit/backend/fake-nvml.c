#include "fake.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "facts/nvml.h"

struct fake_answers fake;

/* Handles: addresses of these. */
static char gpu, mig, gi, ci, set;

/* Fill all of the buffer when the test wants that, without an end. */
static nvmlReturn_t text(char *buf, unsigned size, char filling, const char *sensible)
{
	if (filling)
		memset(buf, filling, size);
	else
		snprintf(buf, size, "%s", sensible);
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlInit_v2(void)
{
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlShutdown(void)
{
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length)
{
	return text(version, length, fake.text, "450.1");
}

nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned length)
{
	return text(version, length, fake.text, "11.450.1");
}

nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version)
{
	*version = 11020;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetCount(unsigned *count)
{
	*count = fake.gpus;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex(unsigned index, struct nvml_device **ret)
{
	(void)index;
	*ret = fake.device_null ? NULL : (struct nvml_device *)&gpu;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, struct nvml_device **ret)
{
	(void)uuid;
	return nvmlDeviceGetHandleByIndex(0, ret);
}

nvmlReturn_t nvmlDeviceGetName(struct nvml_device *device, char *name, unsigned length)
{
	(void)device;
	return text(name, length, fake.text, "Fake GPU");
}

nvmlReturn_t nvmlDeviceGetUUID(struct nvml_device *device, char *uuid, unsigned length)
{
	return text(uuid, length, fake.uuid, (char *)device == &gpu ? FAKE_GPU : FAKE_MIG);
}

nvmlReturn_t nvmlDeviceGetMemoryInfo(struct nvml_device *device, struct nvml_memory *info)
{
	(void)device;
	*info = (struct nvml_memory){.total = 20ull << 30, .used = fake.memory_used};
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigMode(struct nvml_device *device, unsigned *current, unsigned *pending)
{
	(void)device;
	*current = *pending = NVML_MIG_ENABLED;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(struct nvml_device *device, unsigned profile,
						 struct nvml_gi_profile_info *info)
{
	(void)device;
	if (profile != NVML_GI_PROFILE_3_SLICE)
		return profile < 7 ? NVML_ERROR_NOT_SUPPORTED : NVML_ERROR_INVALID_ARGUMENT;
	*info = (struct nvml_gi_profile_info){
		.id = FAKE_PROFILE, .slices = fake.slices, .instances = fake.instances};
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstancePossiblePlacements(struct nvml_device *device,
							unsigned profile_id,
							struct nvml_placement *placement,
							unsigned *count)
{
	(void)device;
	(void)profile_id;
	*count = fake.places;
	for (unsigned i = 0; placement && i < fake.places; i++)
		placement[i] = (struct nvml_placement){fake.place_start + 4 * i, fake.place_size};
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetGpuInstances(struct nvml_device *device, unsigned profile_id,
				       struct nvml_gpu_instance **gis, unsigned *count)
{
	(void)device;
	(void)profile_id;
	for (unsigned i = 0; i < fake.n_gis && i < 64; i++)
		gis[i] = (struct nvml_gpu_instance *)&gi;
	*count = fake.n_gis;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetInfo(struct nvml_gpu_instance *instance, struct nvml_gi_info *info)
{
	(void)instance;
	*info = (struct nvml_gi_info){
		(struct nvml_device *)&gpu, fake.gi, fake.profile, {fake.start, fake.size}};
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstanceProfileInfo(struct nvml_gpu_instance *instance,
							  unsigned profile, unsigned engine,
							  struct nvml_ci_profile_info *info)
{
	(void)instance;
	(void)engine;
	if (profile != NVML_CI_PROFILE_3_SLICE)
		return NVML_ERROR_NOT_SUPPORTED;
	*info = (struct nvml_ci_profile_info){.id = profile};
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlGpuInstanceGetComputeInstances(struct nvml_gpu_instance *instance,
						unsigned profile_id,
						struct nvml_compute_instance **cis, unsigned *count)
{
	(void)instance;
	(void)profile_id;
	for (unsigned i = 0; i < fake.n_cis && i < 64; i++)
		cis[i] = (struct nvml_compute_instance *)&ci;
	*count = fake.n_cis;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlComputeInstanceGetInfo_v2(struct nvml_compute_instance *instance,
					   struct nvml_ci_info *info)
{
	(void)instance;
	*info = (struct nvml_ci_info){(struct nvml_device *)&gpu,
				      (struct nvml_gpu_instance *)&gi,
				      fake.ci,
				      NVML_CI_PROFILE_3_SLICE,
				      {fake.ci_start, fake.ci_size}};
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(struct nvml_device *device, unsigned *count)
{
	(void)device;
	*count = fake.max_migs;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(struct nvml_device *device, unsigned index,
						 struct nvml_device **ret)
{
	(void)device;
	*ret = (struct nvml_device *)&mig;
	return index < fake.n_migs ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

nvmlReturn_t nvmlDeviceGetGpuInstanceId(struct nvml_device *device, unsigned *id)
{
	(void)device;
	*id = fake.mig_gi;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeInstanceId(struct nvml_device *device, unsigned *id)
{
	(void)device;
	*id = fake.mig_ci;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v2(struct nvml_device *device, unsigned *count,
						     struct nvml_process_info *info)
{
	unsigned room = *count;

	(void)device;
	*count = fake.processes + (fake.processes_more ? room + 1 : 0);
	for (unsigned i = 0; i < room && i < *count; i++)
		info[i] = (struct nvml_process_info){i, NVML_UNKNOWN_MEMORY, 2, 0};
	/* A library that says "all well" and counts more than it could write is a liar. */
	return fake.processes_more ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetCreate(struct nvml_event_set **ret)
{
	*ret = (struct nvml_event_set *)&set;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetFree(struct nvml_event_set *handle)
{
	(void)handle;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(struct nvml_device *device, unsigned long long *types)
{
	(void)device;
	*types = fake.event_types;
	return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceRegisterEvents(struct nvml_device *device, unsigned long long types,
				      struct nvml_event_set *handle)
{
	(void)device;
	(void)handle;
	return types & ~fake.event_types ? NVML_ERROR_NOT_SUPPORTED : NVML_SUCCESS;
}

nvmlReturn_t nvmlEventSetWait_v2(struct nvml_event_set *handle, struct nvml_event_data *info,
				 unsigned timeout_ms)
{
	(void)handle;
	(void)timeout_ms;
	*info = (struct nvml_event_data){(struct nvml_device *)&gpu, 0x4000, 7, ~0u, ~0u};
	return NVML_SUCCESS;
}
