/* MIG mode, and the MIG devices that compute instances are seen as. */
#include "sim/nvml-part.h"

#include "sim/nvml-profile.h"

DO(DeviceGetMigMode)(struct call *call, unsigned *current, unsigned *pending)
{
	if (!current || !pending)
		return NVML_ERROR_INVALID_ARGUMENT;
	*current = call->gpu->mig;
	*pending = call->gpu->mig_pending;
	return NVML_SUCCESS;
}

/* Only a change that takes effect at once takes time. */
static nvmlReturn_t set_mig(struct world_state *next, struct work *work)
{
	bool before = next->gpus[work->at.gpu].mig;
	nvmlReturn_t code = world_set_mig(next, work->at.gpu, work->on, &work->activation);

	work->quick = next->gpus[work->at.gpu].mig == before;
	return code;
}

DO(DeviceSetMigMode)(struct call *call, unsigned mode, nvmlReturn_t *activation)
{
	struct work work = {.kind = WORLD_WORK_SET_MIG, .act = set_mig, .on = mode};
	nvmlReturn_t code;

	if (!activation || (mode != NVML_MIG_DISABLED && mode != NVML_MIG_ENABLED))
		return NVML_ERROR_INVALID_ARGUMENT;
	code = work_do(call, &work);
	if (!code)
		*activation = work.activation;
	return code;
}

/* ---- MIG devices ---- */

static unsigned max_devices(const struct world_gpu *gpu)
{
	return gpu->mig ? world_board(gpu)->max_instances : 0;
}

ANSWER(DeviceGetMaxMigDeviceCount, unsigned, max_devices(call->gpu))
ANSWER(DeviceIsMigDeviceHandle, unsigned, call_is_mig(call))
ANSWER(DeviceGetGpuInstanceId, unsigned, call->at.gi)
ANSWER(DeviceGetComputeInstanceId, unsigned, call->at.ci)

DO(DeviceGetMigDeviceHandleByIndex)(struct call *call, unsigned index, struct nvml_device **ret)
{
	unsigned gi, ci;

	if (!ret || index >= max_devices(call->gpu))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!world_mig_device(call->gpu, index, &gi, &ci))
		return NVML_ERROR_NOT_FOUND;
	*ret = call_handle(call, call->now, TARGET_MIG, call->at.gpu, gi, ci);
	return NVML_SUCCESS;
}

DO(DeviceGetDeviceHandleFromMigDeviceHandle)(struct call *call, struct nvml_device **ret)
{
	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	*ret = call_handle(call, call->now, TARGET_GPU, call->at.gpu, 0, 0);
	return NVML_SUCCESS;
}

DO(DeviceGetAttributes_v2)(struct call *call, struct nvml_device_attributes *info)
{
	const struct profile *profile;
	const struct ci_profile *part;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!call_is_mig(call))
		return NVML_ERROR_NOT_SUPPORTED;
	profile = world_gi_profile(call->gpu, call->gi);
	part = world_ci_profile(call->gpu, call->gi, call->ci);
	*info = (struct nvml_device_attributes){
		.multiprocessors = ci_multiprocessors(profile, part),
		ENGINES(part->engines),
		.gi_slices = profile->compute_slices,
		.ci_slices = part->slices,
		.memory_mib = profile_sim_memory_mib(profile),
	};
	return NVML_SUCCESS;
}
