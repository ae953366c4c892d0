/*
 * What changes a GPU. An instance is destroyed only after the driver said that
 * it is still the one that was meant; one that came out wrong is taken back.
 */
#include "backend/backend-nvml.h"

/* Put the GPU in front. Returns -err->code. */
static int of_gpu(struct err *err, const char *gpu)
{
	return fail_in(err, "GPU '%s': ", gpu);
}

int nvml_set_mig(struct backend *backend, const char *gpu, bool on, bool *ret_pending,
		 struct err *err)
{
	struct backend_nvml *nvml = backend_nvml(backend);
	nvmlReturn_t activation = NVML_SUCCESS;
	struct nvml_device *device;

	if (nvml_device(nvml, gpu, &device, err))
		return -(int)err->code;
	if (NVML(&nvml->api, err, DeviceSetMigMode, device,
		 on ? NVML_MIG_ENABLED : NVML_MIG_DISABLED, &activation))
		return of_gpu(err, gpu);
	*ret_pending = activation != NVML_SUCCESS;
	return 0;
}

/* ---- GPU instances ---- */

/* Made, but wrong or unknown: away with it. The error stays unless that fails too. */
static int take_back_gi(const struct nvml_api *api, struct nvml_gpu_instance *gi, struct err *err)
{
	struct err second = ERR_INIT;

	if (!gi || !NVML(api, &second, GpuInstanceDestroy, gi))
		return -(int)err->code;
	fail_in(err, "an instance was made and could not be taken back (%s): ", second.text);
	err->code = ERR_DIRTY;
	return -(int)err->code;
}

static int check_place(const struct nvml_api *api, struct nvml_gpu_instance *gi,
		       unsigned profile_id, unsigned start, unsigned *ret_gi, struct err *err)
{
	struct nvml_gi_info info;

	if (!gi)
		return nvml_nonsense(err, "nvmlDeviceCreateGpuInstanceWithPlacement", "no handle");
	if (nvml_gi_info(api, gi, &info, err))
		return -(int)err->code;
	if (info.profile_id != profile_id || info.placement.start != start)
		return nvml_nonsense(err, "nvmlDeviceCreateGpuInstanceWithPlacement",
				     "profile %u at %u was asked for, %u at %u was made",
				     profile_id, start, info.profile_id, info.placement.start);
	*ret_gi = info.id;
	return 0;
}

int nvml_gi_create(struct backend *backend, const char *gpu, unsigned profile_id, unsigned start,
		   unsigned size, unsigned *ret_gi, struct err *err)
{
	struct backend_nvml *nvml = backend_nvml(backend);
	struct nvml_placement place = {start, size};
	struct nvml_gpu_instance *gi = NULL;
	struct nvml_device *device;

	if (nvml_device(nvml, gpu, &device, err))
		return -(int)err->code;
	if (NVML(&nvml->api, err, DeviceCreateGpuInstanceWithPlacement, device, profile_id, &place,
		 &gi))
		return of_gpu(err, gpu);
	if (!check_place(&nvml->api, gi, profile_id, start, ret_gi, err))
		return 0;
	take_back_gi(&nvml->api, gi, err);
	return of_gpu(err, gpu);
}

/* The instance with that id, if it is still of that profile and there. */
static int find_gi(const struct nvml_api *api, struct nvml_device *device, unsigned id,
		   unsigned profile_id, unsigned start, struct nvml_gpu_instance **ret,
		   struct err *err)
{
	struct nvml_gpu_instance *gi = NULL;
	struct nvml_gi_info info;

	if (NVML(api, err, DeviceGetGpuInstanceById, device, id, &gi))
		return -(int)err->code;
	if (nvml_gi_info(api, gi, &info, err))
		return -(int)err->code;
	if (info.id != id || info.profile_id != profile_id || info.placement.start != start)
		return fail(err, ERR_STALE, "it is profile %u at %u now, not profile %u at %u",
			    info.profile_id, info.placement.start, profile_id, start);
	*ret = gi;
	return 0;
}

int nvml_gi_destroy(struct backend *backend, const char *gpu, unsigned gi, unsigned profile_id,
		    unsigned start, struct err *err)
{
	struct backend_nvml *nvml = backend_nvml(backend);
	struct nvml_gpu_instance *handle;
	struct nvml_device *device;

	if (nvml_device(nvml, gpu, &device, err))
		return -(int)err->code;
	if (find_gi(&nvml->api, device, gi, profile_id, start, &handle, err) ||
	    NVML(&nvml->api, err, GpuInstanceDestroy, handle))
		return fail_in(err, "GPU '%s', GPU instance %u: ", gpu, gi);
	return 0;
}

/* ---- compute instances ---- */

static int take_back_ci(const struct nvml_api *api, struct nvml_compute_instance *ci,
			struct err *err)
{
	struct err second = ERR_INIT;

	if (!ci || !NVML(api, &second, ComputeInstanceDestroy, ci))
		return -(int)err->code;
	fail_in(err, "a compute instance was made and could not be taken back (%s): ", second.text);
	err->code = ERR_DIRTY;
	return -(int)err->code;
}

static int read_ci_id(const struct nvml_api *api, struct nvml_compute_instance *ci,
		      unsigned *ret_ci, struct err *err)
{
	struct nvml_ci_info info = {.id = BACKEND_NONE};

	if (!ci)
		return nvml_nonsense(err, "nvmlGpuInstanceCreateComputeInstance", "no handle");
	if (NVML(api, err, ComputeInstanceGetInfo_v2, ci, &info))
		return -(int)err->code;
	if (info.id >= NVML_MAX_LIST)
		return nvml_nonsense(err, "nvmlComputeInstanceGetInfo_v2", "instance %u", info.id);
	*ret_ci = info.id;
	return 0;
}

int nvml_ci_create(struct backend *backend, const char *gpu, unsigned gi, unsigned ci_profile_id,
		   unsigned *ret_ci, struct err *err)
{
	struct backend_nvml *nvml = backend_nvml(backend);
	struct nvml_compute_instance *ci = NULL;
	struct nvml_gpu_instance *handle = NULL;
	struct nvml_device *device;

	if (nvml_device(nvml, gpu, &device, err))
		return -(int)err->code;
	if (NVML(&nvml->api, err, DeviceGetGpuInstanceById, device, gi, &handle) ||
	    NVML(&nvml->api, err, GpuInstanceCreateComputeInstance, handle, ci_profile_id, &ci))
		return fail_in(err, "GPU '%s', GPU instance %u: ", gpu, gi);
	if (!read_ci_id(&nvml->api, ci, ret_ci, err))
		return 0;
	take_back_ci(&nvml->api, ci, err);
	return fail_in(err, "GPU '%s', GPU instance %u: ", gpu, gi);
}

int nvml_ci_destroy(struct backend *backend, const char *gpu, unsigned gi, unsigned profile_id,
		    unsigned start, unsigned ci, struct err *err)
{
	struct backend_nvml *nvml = backend_nvml(backend);
	struct nvml_compute_instance *handle = NULL;
	struct nvml_gpu_instance *parent;
	struct nvml_device *device;

	if (nvml_device(nvml, gpu, &device, err))
		return -(int)err->code;
	if (find_gi(&nvml->api, device, gi, profile_id, start, &parent, err) ||
	    NVML(&nvml->api, err, GpuInstanceGetComputeInstanceById, parent, ci, &handle) ||
	    NVML(&nvml->api, err, ComputeInstanceDestroy, handle))
		return fail_in(err, "GPU '%s', compute instance %u/%u: ", gpu, gi, ci);
	return 0;
}
