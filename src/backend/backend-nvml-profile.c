/* The profiles the driver offers on a GPU, and where each may start. */
#include "backend/backend-nvml.h"

#include <string.h>

/*
 * A gap is NOT_SUPPORTED; past the last the driver knows it is
 * INVALID_ARGUMENT, and then nothing else may follow.
 */
int nvml_list_profiles(const struct nvml_api *api, struct nvml_device *device,
		       struct nvml_profile_list *list, struct err *err)
{
	static const char call[] = "nvmlDeviceGetGpuInstanceProfileInfo";
	bool past_last = false;

	*list = (struct nvml_profile_list){0};
	for (unsigned constant = 0; constant < NVML_GI_PROFILE_COUNT; constant++) {
		struct nvml_gi_profile_info *info = &list->info[constant];
		nvmlReturn_t code =
			NVML_CODE(api, DeviceGetGpuInstanceProfileInfo, device, constant, info);

		if (past_last && code != NVML_ERROR_INVALID_ARGUMENT)
			return nvml_nonsense(err, call, "profile %u after the last", constant);
		past_last = code == NVML_ERROR_INVALID_ARGUMENT;
		if (past_last || code == NVML_ERROR_NOT_SUPPORTED)
			continue;
		if (nvml_result(err, call, code))
			return -(int)err->code;
		if (!info->slices || info->slices > NVML_MAX_UNITS || !info->instances ||
		    info->instances > NVML_MAX_LIST)
			return nvml_nonsense(err, call, "profile %u: %u slices, %u instances",
					     info->id, info->slices, info->instances);
		list->has[constant] = true;
	}
	return 0;
}

/* Without permission a profile stays without places: size 0, starts 0. */
static int read_places(const struct nvml_api *api, struct nvml_device *device,
		       struct backend_profile *profile, struct err *err)
{
	static const char call[] = "nvmlDeviceGetGpuInstancePossiblePlacements_v2";
	struct nvml_placement places[NVML_MAX_LIST] = {0};
	unsigned n = 0;
	nvmlReturn_t code = NVML_CODE(api, DeviceGetGpuInstancePossiblePlacements_v2, device,
				      profile->id, NULL, &n);

	if (!code && n > NVML_MAX_LIST)
		return nvml_nonsense(err, call, "%u places for profile %u", n, profile->id);
	if (!code && n)
		code = NVML_CODE(api, DeviceGetGpuInstancePossiblePlacements_v2, device,
				 profile->id, places, &n);
	if (code == NVML_ERROR_NO_PERMISSION)
		return 0;
	if (nvml_result(err, call, code))
		return -(int)err->code;
	for (unsigned i = 0; i < n && i < NVML_MAX_LIST; i++) {
		unsigned start = places[i].start, size = places[i].size;

		if (start >= NVML_MAX_UNITS || !size || size > NVML_MAX_UNITS - start ||
		    size != places[0].size)
			return nvml_nonsense(err, call, "profile %u at %u, size %u", profile->id,
					     start, size);
		profile->starts |= (uint16_t)(1u << start);
		profile->size = size;
	}
	return 0;
}

int nvml_profiles(struct backend *backend, const char *gpu, struct backend_profile *ret,
		  size_t *ret_n, struct err *err)
{
	const struct nvml_api *api = &backend_nvml(backend)->api;
	struct backend_profile found[NVML_GI_PROFILE_COUNT] = {0};
	struct nvml_device *device;
	struct nvml_profile_list list;
	size_t n = 0;

	if (nvml_device(backend_nvml(backend), gpu, &device, err))
		return -(int)err->code;
	if (nvml_list_profiles(api, device, &list, err))
		return fail_in(err, "GPU '%s': ", gpu);
	for (unsigned constant = 0; constant < NVML_GI_PROFILE_COUNT; constant++) {
		const struct nvml_gi_profile_info *info = &list.info[constant];

		if (!list.has[constant])
			continue;
		found[n] = (struct backend_profile){
			.constant = constant,
			.id = info->id,
			.slices = info->slices,
			.instances = info->instances,
			.sm = info->multiprocessors,
			.memory_mib = info->memory_mib,
		};
		if (read_places(api, device, &found[n++], err))
			return fail_in(err, "GPU '%s': ", gpu);
	}
	memcpy(ret, found, n * sizeof(*found));
	*ret_n = n;
	return 0;
}

_Static_assert(NVML_GI_PROFILE_COUNT <= BACKEND_MAX_PROFILES, "room for every profile");
