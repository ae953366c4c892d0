/* nvidia-smi mig: creating and destroying instances. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/smi.h"

/* "9", "3g.20gb", "MIG 3g.20gb", each also with ":4" for where it starts. */
struct wish {
	char profile[NVML_NAME_SIZE_V2];
	bool has_start;
	unsigned start;
};

static bool parse_wish(const char *word, struct wish *ret)
{
	const char *colon = strchr(word, ':');
	size_t len = colon ? (size_t)(colon - word) : strlen(word);
	char *end;

	if (!len || len >= sizeof(ret->profile))
		return false;
	snprintf(ret->profile, sizeof(ret->profile), "%.*s", (int)len, word);
	ret->has_start = colon;
	ret->start = 0;
	if (!colon)
		return true;
	if (!isdigit((unsigned char)colon[1]))
		return false;
	ret->start = (unsigned)strtoul(colon + 1, &end, 10);
	return !*end;
}

/* Is that how the profile was named: by number, or by name with or without "MIG "? */
static bool is_profile(const struct wish *wish, unsigned id, const char *name)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", id);
	return !strcmp(wish->profile, number) || !strcmp(wish->profile, name) ||
	       (!strncmp(name, "MIG ", 4) && !strcmp(wish->profile, name + 4));
}

static int bad_word(const char *option, const char *word)
{
	printf("Option %s: \"%s\" is not a profile.\n", option, word);
	return NVML_ERROR_INVALID_ARGUMENT;
}

/* ---- compute instances ---- */

/* wish NULL: the one that fills the GPU instance. */
static nvmlReturn_t find_ci_profile(const struct smi_gi *gi, const struct wish *wish,
				    struct nvml_ci_profile_info_v2 *ret)
{
	struct nvml_ci_profile_info_v2 profiles[NVML_CI_PROFILE_COUNT];
	unsigned n = smi_ci_profiles(gi->handle, profiles);

	for (unsigned p = 0; p < n; p++) {
		if (wish ? is_profile(wish, profiles[p].id, profiles[p].name)
			 : smi_ci_fills(gi, &profiles[p])) {
			*ret = profiles[p];
			return NVML_SUCCESS;
		}
	}
	return NVML_ERROR_INVALID_ARGUMENT;
}

static nvmlReturn_t create_ci_at(const struct smi_gi *gi,
				 const struct nvml_ci_profile_info_v2 *profile,
				 const struct wish *wish, struct nvml_compute_instance **ret)
{
	struct nvml_placement place = {0, profile->slices};

	if (!wish || !wish->has_start)
		return nvmlGpuInstanceCreateComputeInstance(gi->handle, profile->id, ret);
	place.start = wish->start;
	return nvmlGpuInstanceCreateComputeInstanceWithPlacement(gi->handle, profile->id, &place,
								 ret);
}

static int create_ci(const struct smi_gpu *gpu, const struct smi_gi *gi, const struct wish *wish)
{
	struct nvml_ci_profile_info_v2 profile = {.version = 0};
	struct nvml_compute_instance *ci;
	struct nvml_ci_info info;
	nvmlReturn_t code = find_ci_profile(gi, wish, &profile);

	if (!code)
		code = create_ci_at(gi, &profile, wish, &ci);
	if (!code)
		code = nvmlComputeInstanceGetInfo_v2(ci, &info);
	if (code) {
		smi_failed(code,
			   "Unable to create a compute instance on GPU %2u GPU instance ID %2u "
			   "using profile %s",
			   gpu->index, gi->info.id, wish ? wish->profile : gi->profile.name);
		return smi_failed(code, "Failed to create compute instances");
	}
	printf("Successfully created compute instance ID %2u on GPU %2u GPU instance ID %2u using "
	       "profile %s (ID %2u)\n",
	       info.id, gpu->index, gi->info.id, profile.name, profile.id);
	return 0;
}

static int create_cis_in(const struct smi_gpu *gpu, const struct smi_gi *gi, const char *list)
{
	char word[NVML_NAME_SIZE_V2];
	struct wish wish;
	int status = 0;

	if (!list)
		return create_ci(gpu, gi, NULL);
	while (!status && smi_next(&list, word, sizeof(word)))
		status = parse_wish(word, &wish) ? create_ci(gpu, gi, &wish)
						 : bad_word("-cci", word);
	return status;
}

typedef int gi_action(const struct smi_gpu *gpu, const struct smi_gi *gi,
		      const struct smi_args *args, unsigned *done);

/* Do it to every GPU instance that was named; `nothing` when it could be done to none. */
static int each_gi(struct smi *smi, const struct smi_args *args, gi_action *act,
		   const char *nothing)
{
	unsigned done = 0;
	int status = 0;

	for (unsigned g = 0; !status && g < smi->n; g++) {
		struct smi_gi gis[SMI_MAX_GIS];
		unsigned n;
		nvmlReturn_t code = smi_gis(&smi->gpus[g], args->gi, gis, &n);

		if (code)
			return smi_failed(code, "%s", nothing);
		for (unsigned i = 0; !status && i < n; i++)
			status = act(&smi->gpus[g], &gis[i], args, &done);
	}
	if (!status && !done)
		return smi_failed(NVML_ERROR_NOT_FOUND, "%s", nothing);
	return status;
}

static int create_cis(const struct smi_gpu *gpu, const struct smi_gi *gi,
		      const struct smi_args *args, unsigned *done)
{
	(*done)++;
	return create_cis_in(gpu, gi, args->value);
}

int smi_create_cis(struct smi *smi, const struct smi_args *args)
{
	return each_gi(smi, args, create_cis, "No GPU instances found");
}

static int destroy_cis(const struct smi_gpu *gpu, const struct smi_gi *gi,
		       const struct smi_args *args, unsigned *done)
{
	struct smi_ci cis[SMI_MAX_CIS];
	unsigned n;
	nvmlReturn_t code = smi_cis(gi, args->ci, cis, &n);

	for (unsigned i = 0; !code && i < n; i++) {
		code = nvmlComputeInstanceDestroy(cis[i].handle);
		if (code)
			smi_failed(code,
				   "Unable to destroy compute instance ID %2u from GPU %2u GPU "
				   "instance ID %2u",
				   cis[i].info.id, gpu->index, gi->info.id);
		else
			printf("Successfully destroyed compute instance ID %2u from GPU %2u GPU "
			       "instance ID %2u\n",
			       cis[i].info.id, gpu->index, gi->info.id);
		(*done)++;
	}
	return code ? smi_failed(code, "Failed to destroy compute instances") : 0;
}

int smi_destroy_cis(struct smi *smi, const struct smi_args *args)
{
	return each_gi(smi, args, destroy_cis, "No compute instances found");
}

/* ---- GPU instances ---- */

static nvmlReturn_t find_gi_profile(const struct smi_gpu *gpu, const struct wish *wish,
				    struct nvml_gi_profile_info_v2 *ret)
{
	struct nvml_gi_profile_info_v2 profiles[SMI_MAX_PARTS];
	unsigned n = smi_gi_profiles(gpu, profiles);

	for (unsigned p = 0; p < n; p++) {
		if (is_profile(wish, profiles[p].id, profiles[p].name)) {
			*ret = profiles[p];
			return NVML_SUCCESS;
		}
	}
	return NVML_ERROR_INVALID_ARGUMENT;
}

/* The size that goes with the start is the profile's. */
static nvmlReturn_t create_gi_at(const struct smi_gpu *gpu, unsigned profile_id,
				 const struct wish *wish, struct nvml_gpu_instance **ret)
{
	struct nvml_placement places[32];
	unsigned count = 32;
	nvmlReturn_t code;

	if (!wish->has_start)
		return nvmlDeviceCreateGpuInstance(gpu->device, profile_id, ret);
	code = nvmlDeviceGetGpuInstancePossiblePlacements_v2(gpu->device, profile_id, places,
							     &count);
	for (unsigned i = 0; !code && i < count; i++)
		if (places[i].start == wish->start)
			return nvmlDeviceCreateGpuInstanceWithPlacement(gpu->device, profile_id,
									&places[i], ret);
	return code ? code : NVML_ERROR_INVALID_ARGUMENT;
}

static int create_gi(const struct smi_gpu *gpu, const struct wish *wish, bool with_ci)
{
	struct smi_gi gi;
	nvmlReturn_t code = find_gi_profile(gpu, wish, &gi.profile);

	if (!code)
		code = create_gi_at(gpu, gi.profile.id, wish, &gi.handle);
	if (!code)
		code = nvmlGpuInstanceGetInfo(gi.handle, &gi.info);
	if (code) {
		smi_failed(code, "Unable to create a GPU instance on GPU %2u using profile %s",
			   gpu->index, wish->profile);
		return smi_failed(code, "Failed to create GPU instances");
	}
	printf("Successfully created GPU instance ID %2u on GPU %2u using profile %s (ID %2u)\n",
	       gi.info.id, gpu->index, gi.profile.name, gi.profile.id);
	return with_ci ? create_ci(gpu, &gi, NULL) : 0;
}

int smi_create_gis(struct smi *smi, const struct smi_args *args)
{
	unsigned divided = 0;

	for (unsigned g = 0; g < smi->n; g++) {
		const char *list = args->value;
		char word[NVML_NAME_SIZE_V2];
		struct wish wish;
		int status = 0;

		if (!smi_is_divided(&smi->gpus[g]))
			continue;
		divided++;
		while (!status && smi_next(&list, word, sizeof(word)))
			status = parse_wish(word, &wish)
					 ? create_gi(&smi->gpus[g], &wish, args->with_ci)
					 : bad_word("-cgi", word);
		if (status)
			return status;
	}
	if (divided)
		return 0;
	puts("No MIG-enabled devices found.");
	return NVML_ERROR_NOT_FOUND;
}

static int destroy_gi(const struct smi_gpu *gpu, const struct smi_gi *gi,
		      const struct smi_args *args, unsigned *done)
{
	nvmlReturn_t code = nvmlGpuInstanceDestroy(gi->handle);

	(void)args;
	(*done)++;
	if (code) {
		smi_failed(code, "Unable to destroy GPU instance ID %2u from GPU %2u", gi->info.id,
			   gpu->index);
		return smi_failed(code, "Failed to destroy GPU instances");
	}
	printf("Successfully destroyed GPU instance ID %2u from GPU %2u\n", gi->info.id,
	       gpu->index);
	return 0;
}

int smi_destroy_gis(struct smi *smi, const struct smi_args *args)
{
	return each_gi(smi, args, destroy_gi, "No GPU instances found");
}
