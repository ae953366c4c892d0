/* Compute instances. */
#include "sim/nvml-part.h"

#include <stdio.h>
#include <string.h>

#include "sim/nvml-profile.h"

unsigned ci_multiprocessors(const struct profile *profile, const struct ci_profile *part)
{
	if (part->has_sm)
		return part->sm;
	return (unsigned)profile_sim_sm(profile) * part->slices / profile->compute_slices;
}

static const struct profile *own_profile(const struct call *call)
{
	return world_gi_profile(call->gpu, call->gi);
}

/* ---- profiles ---- */

/* What the GPU instance is too small for is NOT_SUPPORTED, like every gap. */
static nvmlReturn_t find_part(const struct call *call, unsigned constant, unsigned engine,
			      const struct ci_profile **ret)
{
	const struct profile *profile = own_profile(call);

	if (constant >= NVML_CI_PROFILE_COUNT || engine != NVML_CI_ENGINE_SHARED)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (size_t i = 0; i < profile->n_cis; i++) {
		if (profile->cis[i].constant == constant) {
			*ret = &profile->cis[i];
			return NVML_SUCCESS;
		}
	}
	return NVML_ERROR_NOT_SUPPORTED;
}

/* Initialisers of what all versions of the struct have. */
#define CI_PROFILE(profile, part)                                                                  \
	.id = (part)->id, .slices = (part)->slices, .instances = (part)->max_instances,            \
	.multiprocessors = ci_multiprocessors(profile, part), ENGINES((part)->engines)

DO(GpuInstanceGetComputeInstanceProfileInfo)
(struct call *call, unsigned constant, unsigned engine, struct nvml_ci_profile_info *info)
{
	const struct ci_profile *part;
	nvmlReturn_t code = find_part(call, constant, engine, &part);

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (code)
		return code;
	*info = (struct nvml_ci_profile_info){CI_PROFILE(own_profile(call), part)};
	return NVML_SUCCESS;
}

/* Version 3 is version 2 and one field more. */
static struct nvml_ci_profile_info_v3 info_v3(const struct profile *profile,
					      const struct ci_profile *part)
{
	struct nvml_ci_profile_info_v3 info = {
		CI_PROFILE(profile, part),
		.capabilities = profile->flags & PROFILE_GFX ? NVML_CI_CAP_GFX : 0,
	};

	snprintf(info.name, sizeof(info.name), "MIG %s", part->name);
	return info;
}

_Static_assert(offsetof(struct nvml_ci_profile_info_v3, capabilities) ==
		       sizeof(struct nvml_ci_profile_info_v2),
	       "version 3 begins as version 2");

DO(GpuInstanceGetComputeInstanceProfileInfoV)
(struct call *call, unsigned constant, unsigned engine, struct nvml_ci_profile_info_v2 *info)
{
	struct nvml_ci_profile_info_v3 filled;
	const struct ci_profile *part;
	nvmlReturn_t code = find_part(call, constant, engine, &part);

	if (!info ||
	    (info->version != NVML_CI_PROFILE_INFO_V2 && info->version != NVML_CI_PROFILE_INFO_V3))
		return NVML_ERROR_INVALID_ARGUMENT;
	if (code)
		return code;
	filled = info_v3(own_profile(call), part);
	filled.version = info->version;
	memcpy(info, &filled, info->version & 0xffffff);
	return NVML_SUCCESS;
}

DO(GpuInstanceGetComputeInstancePossiblePlacements)
(struct call *call, unsigned profile_id, struct nvml_placement *placement, unsigned *count)
{
	const struct ci_profile *part = profile_ci_by_id(own_profile(call), profile_id);

	if (!part)
		return NVML_ERROR_INVALID_ARGUMENT;
	return give_placements(part->starts, part->slices, placement, count);
}

DO(GpuInstanceGetComputeInstanceRemainingCapacity)
(struct call *call, unsigned profile_id, unsigned *count)
{
	const struct ci_profile *part = profile_ci_by_id(own_profile(call), profile_id);

	if (!count || !part)
		return NVML_ERROR_INVALID_ARGUMENT;
	*count = world_ci_remaining(call->gpu, call->gi, part);
	return NVML_SUCCESS;
}

/* ---- creating and destroying ---- */

static nvmlReturn_t create(struct world_state *next, struct work *work)
{
	return world_ci_create(next, work->at.gpu, work->at.gi, work->profile_id, work->start,
			       &work->id);
}

static nvmlReturn_t create_at(struct call *call, const struct ci_profile *part, int start,
			      struct nvml_compute_instance **ret)
{
	struct work work = {
		.kind = WORLD_WORK_CI_CREATE,
		.act = create,
		.makes = TARGET_CI,
		.slices = own_profile(call)->compute_slices,
		.profile_id = part->id,
		.start = start,
	};
	nvmlReturn_t code = work_do(call, &work);

	if (!code)
		*ret = work.handle;
	return code;
}

DO(GpuInstanceCreateComputeInstance)
(struct call *call, unsigned profile_id, struct nvml_compute_instance **ret)
{
	const struct ci_profile *part = profile_ci_by_id(own_profile(call), profile_id);

	if (!ret || !part)
		return NVML_ERROR_INVALID_ARGUMENT;
	return create_at(call, part, WORLD_ANYWHERE, ret);
}

DO(GpuInstanceCreateComputeInstanceWithPlacement)
(struct call *call, unsigned profile_id, struct nvml_placement *placement,
 struct nvml_compute_instance **ret)
{
	const struct ci_profile *part = profile_ci_by_id(own_profile(call), profile_id);

	if (!ret || !part || !placement || placement->size != part->slices ||
	    placement->start >= own_profile(call)->compute_slices)
		return NVML_ERROR_INVALID_ARGUMENT;
	return create_at(call, part, (int)placement->start, ret);
}

static nvmlReturn_t destroy(struct world_state *next, struct work *work)
{
	return world_ci_destroy(next, work->at.gpu, work->at.gi, work->at.ci);
}

DO(ComputeInstanceDestroy)(struct call *call)
{
	struct work work = {
		.kind = WORLD_WORK_CI_DESTROY,
		.act = destroy,
		.slices = own_profile(call)->compute_slices,
	};

	return work_do(call, &work);
}

/* ---- those that exist ---- */

/* The caller's array has room for as many as the profile allows. */
DO(GpuInstanceGetComputeInstances)
(struct call *call, unsigned profile_id, struct nvml_compute_instance **cis, unsigned *count)
{
	const struct ci_profile *part = profile_ci_by_id(own_profile(call), profile_id);
	unsigned n = 0;

	if (!cis || !count || !part)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned ci = 0; ci < WORLD_MAX_CIS; ci++)
		if (call->gi->cis[ci].exists &&
		    world_ci_profile(call->gpu, call->gi, &call->gi->cis[ci]) == part)
			cis[n++] = call_handle(call, call->now, TARGET_CI, call->at.gpu,
					       call->at.gi, ci);
	*count = n;
	return NVML_SUCCESS;
}

DO(GpuInstanceGetComputeInstanceById)
(struct call *call, unsigned id, struct nvml_compute_instance **ret)
{
	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (id >= WORLD_MAX_CIS || !call->gi->cis[id].exists)
		return NVML_ERROR_NOT_FOUND;
	*ret = call_handle(call, call->now, TARGET_CI, call->at.gpu, call->at.gi, id);
	return NVML_SUCCESS;
}

/*
 * The device is a handle of its own that shows the GPU's index and the MIG
 * device's UUID: clients ask it for one or the other.
 */
static struct nvml_ci_info info_of(const struct call *call)
{
	const struct target *at = &call->at;

	return (struct nvml_ci_info){
		.device = call_handle(call, call->now, TARGET_ALIAS, at->gpu, at->gi, at->ci),
		.gpu_instance = call_handle(call, call->now, TARGET_GI, at->gpu, at->gi, 0),
		.id = at->ci,
		.profile_id = world_ci_profile(call->gpu, call->gi, call->ci)->id,
		.placement = {call->ci->start, call->ci->slices},
	};
}

DO(ComputeInstanceGetInfo_v2)(struct call *call, struct nvml_ci_info *info)
{
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	*info = info_of(call);
	return NVML_SUCCESS;
}

/* The first version of the struct has no placement. */
DO(ComputeInstanceGetInfo)(struct call *call, struct nvml_ci_info *info)
{
	struct nvml_ci_info filled = info_of(call);

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	memcpy(info, &filled, offsetof(struct nvml_ci_info, placement));
	return NVML_SUCCESS;
}
