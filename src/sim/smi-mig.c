/* nvidia-smi mig: profiles, placements and instances as tables. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/smi.h"

/* ---- shared ---- */

int smi_failed(nvmlReturn_t code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s\n", nvmlErrorString(code));
	return (int)code;
}

bool smi_next(const char **at, char *word, size_t size)
{
	size_t len = strcspn(*at, ",");

	if (!**at)
		return false;
	snprintf(word, size, "%.*s", (int)(len < size ? len : size - 1), *at);
	*at += len + ((*at)[len] == ',');
	return true;
}

static bool is_in(const char *ids, unsigned id)
{
	char word[16];

	if (!ids)
		return true;
	while (smi_next(&ids, word, sizeof(word))) {
		char *end;

		if (strtoul(word, &end, 10) == id && end != word && !*end)
			return true;
	}
	return false;
}

bool smi_is_divided(const struct smi_gpu *gpu)
{
	unsigned current, pending;

	return !nvmlDeviceGetMigMode(gpu->device, &current, &pending) &&
	       current == NVML_MIG_ENABLED;
}

static int by_slices(const void *left, const void *right)
{
	const struct nvml_gi_profile_info_v2 *a = left, *b = right;

	return (a->slices > b->slices) - (a->slices < b->slices);
}

unsigned smi_gi_profiles(const struct smi_gpu *gpu, struct nvml_gi_profile_info_v2 *ret)
{
	unsigned n = 0;

	for (unsigned constant = 0; constant < NVML_GI_PROFILE_COUNT; constant++) {
		ret[n].version = NVML_GI_PROFILE_INFO_V2;
		if (!nvmlDeviceGetGpuInstanceProfileInfoV(gpu->device, constant, &ret[n]))
			n++;
	}
	qsort(ret, n, sizeof(*ret), by_slices); /* glibc's keeps the order of equals */
	return n;
}

unsigned smi_ci_profiles(struct nvml_gpu_instance *gi, struct nvml_ci_profile_info_v2 *ret)
{
	unsigned n = 0;

	for (unsigned constant = 0; constant < NVML_CI_PROFILE_COUNT; constant++) {
		ret[n].version = NVML_CI_PROFILE_INFO_V2;
		if (!nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, constant,
								   NVML_CI_ENGINE_SHARED, &ret[n]))
			n++;
	}
	return n;
}

/* Slices do not tell: the 1g with double memory has two parts of one slice, one with fewer SMs. */
bool smi_ci_fills(const struct smi_gi *gi, const struct nvml_ci_profile_info_v2 *part)
{
	return !strcmp(part->name, gi->profile.name);
}

nvmlReturn_t smi_gis(const struct smi_gpu *gpu, const char *ids, struct smi_gi *ret,
		     unsigned *ret_n)
{
	struct nvml_gi_profile_info_v2 profiles[SMI_MAX_PARTS];
	unsigned n_profiles = smi_is_divided(gpu) ? smi_gi_profiles(gpu, profiles) : 0;

	*ret_n = 0;
	for (unsigned p = 0; p < n_profiles; p++) {
		struct nvml_gpu_instance *handles[SMI_MAX_GIS];
		unsigned count = SMI_MAX_GIS;
		nvmlReturn_t code =
			nvmlDeviceGetGpuInstances(gpu->device, profiles[p].id, handles, &count);

		for (unsigned i = 0; !code && i < count; i++) {
			struct smi_gi *gi = &ret[*ret_n];

			code = nvmlGpuInstanceGetInfo(handles[i], &gi->info);
			gi->handle = handles[i];
			gi->profile = profiles[p];
			*ret_n += !code && is_in(ids, gi->info.id);
		}
		if (code)
			return code;
	}
	return NVML_SUCCESS;
}

nvmlReturn_t smi_cis(const struct smi_gi *gi, const char *ids, struct smi_ci *ret, unsigned *ret_n)
{
	struct nvml_ci_profile_info_v2 profiles[NVML_CI_PROFILE_COUNT];
	unsigned n_profiles = smi_ci_profiles(gi->handle, profiles);

	*ret_n = 0;
	for (unsigned p = 0; p < n_profiles; p++) {
		struct nvml_compute_instance *handles[SMI_MAX_CIS];
		unsigned count = SMI_MAX_CIS;
		nvmlReturn_t code = nvmlGpuInstanceGetComputeInstances(gi->handle, profiles[p].id,
								       handles, &count);

		for (unsigned i = 0; !code && i < count; i++) {
			struct smi_ci *ci = &ret[*ret_n];

			code = nvmlComputeInstanceGetInfo_v2(handles[i], &ci->info);
			ci->handle = handles[i];
			ci->profile = profiles[p];
			*ret_n += !code && is_in(ids, ci->info.id);
		}
		if (code)
			return code;
	}
	return NVML_SUCCESS;
}

/* ---- tables ---- */

struct table {
	int width; /* between the corners */
	unsigned rows;
	const char *head;
	nvmlReturn_t code;
};

static void rule(const struct table *table, char ends, char line)
{
	putchar(ends);
	for (int i = 0; i < table->width; i++)
		putchar(line);
	printf("%c\n", ends);
}

/* Each row stands between rules; the head comes with the first. */
static void begin_row(struct table *table)
{
	if (!table->rows++) {
		rule(table, '+', '-');
		fputs(table->head, stdout);
		rule(table, '|', '=');
	}
}

/* The exit code; of what nothing was found when there are no rows. */
static int end_table(const struct table *table, const char *nothing)
{
	if (table->code)
		return smi_failed(table->code, "%s", nothing);
	if (!table->rows)
		return smi_failed(NVML_ERROR_NOT_FOUND, "%s", nothing);
	return 0;
}

static int none_divided(const struct smi *smi)
{
	for (unsigned g = 0; g < smi->n; g++)
		if (smi_is_divided(&smi->gpus[g]))
			return 0;
	puts("No MIG-enabled devices found.");
	return NVML_ERROR_NOT_FOUND;
}

/* ---- GPU instances ---- */

static void gi_profile_row(struct table *table, const struct smi_gpu *gpu,
			   const struct nvml_gi_profile_info_v2 *profile)
{
	unsigned left = 0;
	nvmlReturn_t code =
		nvmlDeviceGetGpuInstanceRemainingCapacity(gpu->device, profile->id, &left);

	if (code) {
		table->code = code;
		return;
	}
	begin_row(table);
	printf("| %3u  %-17s%3u%6u/%-3u%10.2f%9s%7u%6u%6u   |\n", gpu->index, profile->name,
	       profile->id, left, profile->instances, (double)profile->memory_mib / 1024,
	       profile->p2p ? "Yes" : "No", profile->multiprocessors, profile->decoders,
	       profile->encoders);
	printf("|%62u%6u%6u   |\n", profile->copy_engines, profile->jpeg, profile->ofa);
	rule(table, '+', '-');
}

int smi_list_gi_profiles(struct smi *smi, const struct smi_args *args)
{
	struct table table = {
		77, 0,
		"| GPU instance profiles:                                                      |\n"
		"| GPU   Name             ID    Instances   Memory     P2P    SM    DEC   ENC  |\n"
		"|                              Free/Total   GiB              CE    JPEG  OFA  |\n",
		NVML_SUCCESS};
	struct nvml_gi_profile_info_v2 profiles[SMI_MAX_PARTS];
	int status = none_divided(smi);

	(void)args;
	for (unsigned g = 0; !status && g < smi->n; g++) {
		unsigned n = smi_is_divided(&smi->gpus[g])
				     ? smi_gi_profiles(&smi->gpus[g], profiles)
				     : 0;

		for (unsigned p = 0; !table.code && p < n; p++)
			gi_profile_row(&table, &smi->gpus[g], &profiles[p]);
	}
	return status ? status : end_table(&table, "Failed to display GPU instance profiles");
}

static nvmlReturn_t placements_line(const struct smi_gpu *gpu, unsigned profile_id)
{
	struct nvml_placement places[32] = {{0}};
	unsigned count = 32;
	nvmlReturn_t code = nvmlDeviceGetGpuInstancePossiblePlacements_v2(gpu->device, profile_id,
									  places, &count);

	if (code)
		return code;
	printf("GPU %2u Profile ID %2u Placement%s: {", gpu->index, profile_id,
	       count > 1 ? "s" : " ");
	for (unsigned i = 0; i < count; i++)
		printf("%s%u", i ? "," : "", places[i].start);
	printf("}:%u\n", places[0].size);
	return NVML_SUCCESS;
}

int smi_list_gi_placements(struct smi *smi, const struct smi_args *args)
{
	struct nvml_gi_profile_info_v2 profiles[SMI_MAX_PARTS];
	int status = none_divided(smi);

	(void)args;
	for (unsigned g = 0; !status && g < smi->n; g++) {
		unsigned n = smi_is_divided(&smi->gpus[g])
				     ? smi_gi_profiles(&smi->gpus[g], profiles)
				     : 0;

		for (unsigned p = 0; p < n; p++) {
			nvmlReturn_t code = placements_line(&smi->gpus[g], profiles[p].id);

			if (code)
				return smi_failed(code,
						  "Failed to display GPU instance placements");
		}
	}
	return status;
}

int smi_list_gis(struct smi *smi, const struct smi_args *args)
{
	struct table table = {55, 0,
			      "| GPU instances:                                        |\n"
			      "| GPU   Name             Profile  Instance   Placement  |\n"
			      "|                          ID       ID       Start:Size |\n",
			      NVML_SUCCESS};
	int status = none_divided(smi);

	for (unsigned g = 0; !status && g < smi->n; g++) {
		struct smi_gi gis[SMI_MAX_GIS];
		unsigned n;
		nvmlReturn_t code = smi_gis(&smi->gpus[g], args->gi, gis, &n);

		table.code = table.code ? table.code : code;
		for (unsigned i = 0; !table.code && i < n; i++) {
			begin_row(&table);
			printf("| %3u  %-19s%3u%9u%11u:%-6u|\n", smi->gpus[g].index,
			       gis[i].profile.name, gis[i].info.profile_id, gis[i].info.id,
			       gis[i].info.placement.start, gis[i].info.placement.size);
			rule(&table, '+', '-');
		}
	}
	return status ? status : end_table(&table, "No GPU instances found");
}

/* ---- compute instances ---- */

/* What a row of these tables is printed from. */
typedef nvmlReturn_t gi_rows(struct table *table, const struct smi_gpu *gpu,
			     const struct smi_gi *gi, const struct smi_args *args);

static int each_gi(struct smi *smi, const struct smi_args *args, struct table *table, gi_rows *rows,
		   const char *nothing)
{
	int status = none_divided(smi);

	for (unsigned g = 0; !status && g < smi->n; g++) {
		struct smi_gi gis[SMI_MAX_GIS];
		unsigned n;
		nvmlReturn_t code = smi_gis(&smi->gpus[g], args->gi, gis, &n);

		for (unsigned i = 0; !code && i < n; i++)
			code = rows(table, &smi->gpus[g], &gis[i], args);
		table->code = table->code ? table->code : code;
	}
	return status ? status : end_table(table, nothing);
}

/* The star marks the profile that fills the GPU instance. */
static nvmlReturn_t ci_profile_rows(struct table *table, const struct smi_gpu *gpu,
				    const struct smi_gi *gi, const struct smi_args *args)
{
	struct nvml_ci_profile_info_v2 profiles[NVML_CI_PROFILE_COUNT];
	unsigned n = smi_ci_profiles(gi->handle, profiles);

	(void)args;
	for (unsigned p = 0; p < n; p++) {
		const struct nvml_ci_profile_info_v2 *at = &profiles[p];
		unsigned left = 0;
		nvmlReturn_t code = nvmlGpuInstanceGetComputeInstanceRemainingCapacity(
			gi->handle, at->id, &left);

		if (code)
			return code;
		begin_row(table);
		printf("| %3u%7u       %-19s%3u%c%6u/%-3u%11u%9u%6u%6u   |\n", gpu->index,
		       gi->info.id, at->name, at->id, smi_ci_fills(gi, at) ? '*' : ' ',
		       left, at->instances, at->multiprocessors, at->decoders, at->encoders,
		       at->ofa);
		printf("|%71u%6u         |\n", at->copy_engines, at->jpeg);
		rule(table, '+', '-');
	}
	return NVML_SUCCESS;
}

int smi_list_ci_profiles(struct smi *smi, const struct smi_args *args)
{
	struct table table = {
		86, 0,
		"| Compute instance profiles:                                              "
		"             |\n"
		"| GPU     GPU       Name             Profile  Instances   Exclusive       "
		"Shared       |\n"
		"|       Instance                       ID     Free/Total     SM       DEC "
		"  ENC   OFA  |\n"
		"|         ID                                                          CE  "
		"  JPEG       |\n",
		NVML_SUCCESS};

	return each_gi(smi, args, &table, ci_profile_rows, "No GPU instances found");
}

static nvmlReturn_t ci_rows(struct table *table, const struct smi_gpu *gpu, const struct smi_gi *gi,
			    const struct smi_args *args)
{
	struct smi_ci cis[SMI_MAX_CIS];
	unsigned n;
	nvmlReturn_t code = smi_cis(gi, args->ci, cis, &n);

	for (unsigned i = 0; !code && i < n; i++) {
		begin_row(table);
		printf("| %3u%7u       %-19s%3u%10u%11u:%-6u|\n", gpu->index, gi->info.id,
		       cis[i].profile.name, cis[i].info.profile_id, cis[i].info.id,
		       cis[i].info.placement.start, cis[i].info.placement.size);
		rule(table, '+', '-');
	}
	return code;
}

int smi_list_cis(struct smi *smi, const struct smi_args *args)
{
	struct table table = {
		68, 0,
		"| Compute instances:                                                 |\n"
		"| GPU     GPU       Name             Profile   Instance   Placement  |\n"
		"|       Instance                       ID        ID       Start:Size |\n"
		"|         ID                                                         |\n",
		NVML_SUCCESS};

	return each_gi(smi, args, &table, ci_rows, "No compute instances found");
}
