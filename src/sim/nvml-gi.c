/* GPU instances. */
#include "sim/nvml-part.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "sim/nvml-profile.h"

/* ---- profiles ---- */

/* Drivers up to the 535 branch know profiles only while MIG mode is on (mig-parted, discovery). */
static bool knows_profiles(const struct call *call)
{
	return call->gpu->mig || driver_major(call->now->driver) > 535;
}

/*
 * A constant this board has no profile for is NOT_SUPPORTED, one beyond the
 * last INVALID_ARGUMENT; clients walk the constants and take any other code
 * for a failure. 3_SLICE_GFX has no profile on any board.
 */
static nvmlReturn_t find_profile(const struct call *call, unsigned constant,
				 const struct profile **ret)
{
	const struct profile *profile = NULL;

	if (constant >= NVML_GI_PROFILE_COUNT)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (constant != NVML_GI_PROFILE_3_SLICE_GFX && knows_profiles(call))
		profile = board_profile_by_constant(world_board(call->gpu), constant);
	if (!profile)
		return NVML_ERROR_NOT_SUPPORTED;
	*ret = profile;
	return NVML_SUCCESS;
}

/* Initialisers of what all versions of the struct have. */
#define GI_PROFILE(profile)                                                                        \
	.id = (profile)->id, .slices = (profile)->compute_slices,                                  \
	.instances = (profile)->max_instances, .multiprocessors = profile_sim_sm(profile),         \
	ENGINES((profile)->engines), .memory_mib = profile_sim_memory_mib(profile)

DO(DeviceGetGpuInstanceProfileInfo)
(struct call *call, unsigned constant, struct nvml_gi_profile_info *info)
{
	const struct profile *profile;
	nvmlReturn_t code = find_profile(call, constant, &profile);

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (code)
		return code;
	*info = (struct nvml_gi_profile_info){
		GI_PROFILE(profile),
		.p2p = !!(profile->flags & PROFILE_P2P),
	};
	return NVML_SUCCESS;
}

static struct nvml_gi_profile_info_v2 info_v2(const struct profile *profile)
{
	struct nvml_gi_profile_info_v2 info = {
		.version = NVML_GI_PROFILE_INFO_V2,
		GI_PROFILE(profile),
		.p2p = !!(profile->flags & PROFILE_P2P),
	};

	snprintf(info.name, sizeof(info.name), "MIG %s", profile->name);
	return info;
}

static struct nvml_gi_profile_info_v3 info_v3(const struct profile *profile)
{
	struct nvml_gi_profile_info_v3 info = {
		.version = NVML_GI_PROFILE_INFO_V3,
		GI_PROFILE(profile),
		.capabilities = (profile->flags & PROFILE_P2P ? NVML_GI_CAP_P2P : 0) |
				(profile->flags & PROFILE_GFX ? NVML_GI_CAP_GFX : 0),
	};

	snprintf(info.name, sizeof(info.name), "MIG %s", profile->name);
	return info;
}

/* A wrong version is INVALID_ARGUMENT here, says NVML's header. */
DO(DeviceGetGpuInstanceProfileInfoV)
(struct call *call, unsigned constant, struct nvml_gi_profile_info_v2 *info)
{
	const struct profile *profile;
	nvmlReturn_t code = find_profile(call, constant, &profile);

	if (!info ||
	    (info->version != NVML_GI_PROFILE_INFO_V2 && info->version != NVML_GI_PROFILE_INFO_V3))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (code)
		return code;
	if (info->version == NVML_GI_PROFILE_INFO_V2) {
		*info = info_v2(profile);
	} else {
		struct nvml_gi_profile_info_v3 v3 = info_v3(profile);

		memcpy(info, &v3, sizeof(v3));
	}
	return NVML_SUCCESS;
}

nvmlReturn_t give_placements(unsigned starts, unsigned size, struct nvml_placement *array,
			     unsigned *count)
{
	unsigned needed = (unsigned)__builtin_popcount(starts);
	nvmlReturn_t code;

	if (!give_count(count, array, needed, &code))
		return count && !array ? NVML_SUCCESS : code;
	for (; starts; starts &= starts - 1)
		*array++ = (struct nvml_placement){(unsigned)__builtin_ctz(starts), size};
	return NVML_SUCCESS;
}

DO(DeviceGetGpuInstancePossiblePlacements_v2)
(struct call *call, unsigned profile_id, struct nvml_placement *placement, unsigned *count)
{
	const struct profile *profile = board_profile_by_id(world_board(call->gpu), profile_id);

	if (!profile)
		return NVML_ERROR_INVALID_ARGUMENT;
	return give_placements(profile->starts, profile->size, placement, count);
}

DO(DeviceGetGpuInstancePossiblePlacements)
(struct call *call, unsigned profile_id, struct nvml_placement *placement, unsigned *count)
{
	return do_DeviceGetGpuInstancePossiblePlacements_v2(call, profile_id, placement, count);
}

DO(DeviceGetGpuInstanceRemainingCapacity)
(struct call *call, unsigned profile_id, unsigned *count)
{
	const struct profile *profile = board_profile_by_id(world_board(call->gpu), profile_id);

	if (!count || !profile)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = world_gi_remaining(call->gpu, profile);
	return NVML_SUCCESS;
}

/* ---- creating and destroying ---- */

static nvmlReturn_t create(struct world_state *next, struct work *work)
{
	return world_gi_create(next, work->at.gpu, work->profile_id, work->start, &work->id);
}

static nvmlReturn_t create_at(struct call *call, const struct profile *profile, int start,
			      struct nvml_gpu_instance **ret)
{
	struct work work = {
		.kind = WORLD_WORK_GI_CREATE,
		.act = create,
		.makes = TARGET_GI,
		.slices = profile->compute_slices,
		.profile_id = profile->id,
		.start = start,
	};
	nvmlReturn_t code = work_do(call, &work);

	if (!code)
		*ret = work.handle;
	return code;
}

DO(DeviceCreateGpuInstance)
(struct call *call, unsigned profile_id, struct nvml_gpu_instance **ret)
{
	const struct profile *profile = board_profile_by_id(world_board(call->gpu), profile_id);

	if (!ret || !profile)
		return NVML_ERROR_INVALID_ARGUMENT;
	return create_at(call, profile, WORLD_ANYWHERE, ret);
}

DO(DeviceCreateGpuInstanceWithPlacement)
(struct call *call, unsigned profile_id, struct nvml_placement *placement,
 struct nvml_gpu_instance **ret)
{
	const struct profile *profile = board_profile_by_id(world_board(call->gpu), profile_id);

	if (!ret || !profile || !placement || placement->size != profile->size ||
	    placement->start >= world_board(call->gpu)->units)
		return NVML_ERROR_INVALID_ARGUMENT;
	return create_at(call, profile, (int)placement->start, ret);
}

static nvmlReturn_t destroy(struct world_state *next, struct work *work)
{
	return world_gi_destroy(next, work->at.gpu, work->at.gi);
}

DO(GpuInstanceDestroy)(struct call *call)
{
	struct work work = {
		.kind = WORLD_WORK_GI_DESTROY,
		.act = destroy,
		.slices = world_gi_profile(call->gpu, call->gi)->compute_slices,
	};

	return work_do(call, &work);
}

/* ---- those that exist ---- */

/* The caller's array has room for as many as the profile allows. */
DO(DeviceGetGpuInstances)
(struct call *call, unsigned profile_id, struct nvml_gpu_instance **gis, unsigned *count)
{
	const struct profile *profile = board_profile_by_id(world_board(call->gpu), profile_id);
	unsigned n = 0, all = 0;

	if (!gis || !count || !profile)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned gi = 0; gi < WORLD_MAX_GIS; gi++)
		all += call->gpu->gis[gi].exists;
	if (all && !world_may_config(call->world))
		return NVML_ERROR_NO_PERMISSION;
	for (unsigned gi = 0; gi < WORLD_MAX_GIS; gi++)
		if (call->gpu->gis[gi].exists &&
		    world_gi_profile(call->gpu, &call->gpu->gis[gi]) == profile)
			gis[n++] = call_handle(call, call->now, TARGET_GI, call->at.gpu, gi, 0);
	*count = n;
	return NVML_SUCCESS;
}

DO(DeviceGetGpuInstanceById)(struct call *call, unsigned id, struct nvml_gpu_instance **ret)
{
	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (id >= WORLD_MAX_GIS || !call->gpu->gis[id].exists)
		return NVML_ERROR_NOT_FOUND;
	*ret = call_handle(call, call->now, TARGET_GI, call->at.gpu, id, 0);
	return NVML_SUCCESS;
}

DO(GpuInstanceGetInfo)(struct call *call, struct nvml_gi_info *info)
{
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	*info = (struct nvml_gi_info){
		.device = call_handle(call, call->now, TARGET_GPU, call->at.gpu, 0, 0),
		.id = call->at.gi,
		.profile_id = world_gi_profile(call->gpu, call->gi)->id,
		.placement = {call->gi->start, call->gi->size},
	};
	return NVML_SUCCESS;
}
