/* nvidia-smi of a simulated world: its command line, GPUs, MIG mode and reset. */
#include "sim/smi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "sim/world.h"

#define BAD_USE NVML_ERROR_INVALID_ARGUMENT

static const char usage[] =
	"nvidia-smi of a simulated world (carve-sim)\n"
	"\n"
	"nvidia-smi -L                                         GPUs and MIG devices\n"
	"nvidia-smi [-i ID,...] --query-gpu=FIELD,... --format=csv[,noheader][,nounits]\n"
	"nvidia-smi [-i ID,...] --query-compute-apps=FIELD,... --format=csv[,...]\n"
	"nvidia-smi [-i ID,...] -mig 0|1                       MIG mode\n"
	"nvidia-smi [-i ID,...] -r                             reset\n"
	"nvidia-smi mig [-i ID,...] [-gi ID,...] [-ci ID,...] ACTION\n"
	"    -lgip  -lgipp  -lgi  -lcip  -lci                  list\n"
	"    -cgi PROFILE[:START],... [-C]  -cci [PROFILE[:START],...]  create\n"
	"    -dci  -dgi                                        destroy\n"
	"\n"
	"ID is an index, a UUID or a PCI address.\n";

/* ---- GPUs ---- */

static nvmlReturn_t add_gpu(struct smi *smi, struct nvml_device *device)
{
	struct smi_gpu *gpu = &smi->gpus[smi->n];
	struct nvml_pci_info pci;
	nvmlReturn_t code = nvmlDeviceGetIndex(device, &gpu->index);

	code = code ? code : nvmlDeviceGetUUID(device, gpu->uuid, sizeof(gpu->uuid));
	code = code ? code : nvmlDeviceGetPciInfo_v3(device, &pci);
	if (code)
		return code;
	gpu->device = device;
	memcpy(gpu->bus_id, pci.bus_id, sizeof(gpu->bus_id));
	smi->n++;
	return NVML_SUCCESS;
}

static nvmlReturn_t find_device(const char *word, struct nvml_device **ret)
{
	char *end;
	unsigned long index = strtoul(word, &end, 10);
	nvmlReturn_t code;

	if (end != word && !*end && index < SMI_MAX_GPUS)
		return nvmlDeviceGetHandleByIndex_v2((unsigned)index, ret);
	code = nvmlDeviceGetHandleByUUID(word, ret);
	return code ? nvmlDeviceGetHandleByPciBusId_v2(word, ret) : code;
}

/* ids NULL: all. A lost GPU among all is named and left out. */
static int find_gpus(const char *ids, struct smi *ret)
{
	struct nvml_device *device;
	nvmlReturn_t code;
	char word[NVML_UUID_SIZE];
	unsigned n = 0;

	ret->n = 0;
	if (!ids)
		nvmlDeviceGetCount_v2(&n);
	for (unsigned i = 0; i < n && ret->n < SMI_MAX_GPUS; i++) {
		code = nvmlDeviceGetHandleByIndex_v2(i, &device);
		code = code ? code : add_gpu(ret, device);
		if (code)
			smi_failed(code, "Unable to determine the device handle for GPU %u", i);
	}
	while (ids && ret->n < SMI_MAX_GPUS && smi_next(&ids, word, sizeof(word))) {
		code = find_device(word, &device);
		code = code ? code : add_gpu(ret, device);
		if (code) {
			printf("No devices were found for \"%s\"\n", word);
			return (int)code;
		}
	}
	return 0;
}

static void list_mig_devices(const struct smi_gpu *gpu)
{
	char name[NVML_NAME_SIZE_V2], uuid[NVML_UUID_SIZE];
	unsigned max = 0;

	nvmlDeviceGetMaxMigDeviceCount(gpu->device, &max);
	for (unsigned i = 0; i < max; i++) {
		struct nvml_device *mig;
		const char *profile;

		if (nvmlDeviceGetMigDeviceHandleByIndex(gpu->device, i, &mig) ||
		    nvmlDeviceGetName(mig, name, sizeof(name)) ||
		    nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)))
			continue;
		profile = strstr(name, "MIG ");
		printf("  %-15s Device %2u: (UUID: %s)\n", profile ? profile : name, i, uuid);
	}
}

static int list_gpus(struct smi *smi)
{
	char name[NVML_NAME_SIZE_V2];

	for (unsigned g = 0; g < smi->n; g++) {
		const struct smi_gpu *gpu = &smi->gpus[g];

		if (nvmlDeviceGetName(gpu->device, name, sizeof(name)))
			snprintf(name, sizeof(name), "[N/A]");
		printf("GPU %u: %s (UUID: %s)\n", gpu->index, name, gpu->uuid);
		list_mig_devices(gpu);
	}
	return 0;
}

/* ---- MIG mode ---- */

static int set_mig(struct smi *smi, const char *word)
{
	bool on = !strcmp(word, "1");

	if (!on && strcmp(word, "0") != 0) {
		printf("Option -mig: \"%s\" is neither 0 nor 1.\n", word);
		return BAD_USE;
	}
	for (unsigned g = 0; g < smi->n; g++) {
		const struct smi_gpu *gpu = &smi->gpus[g];
		nvmlReturn_t activation = NVML_SUCCESS;
		nvmlReturn_t code = nvmlDeviceSetMigMode(gpu->device, on, &activation);

		if (code)
			return smi_failed(code, "Unable to %s MIG Mode for GPU %s",
					  on ? "enable" : "disable", gpu->bus_id);
		if (activation)
			printf("Warning: MIG mode is in pending %s state for GPU %s:%s\n",
			       on ? "enable" : "disable", gpu->bus_id, nvmlErrorString(activation));
		else
			printf("%s MIG Mode for GPU %s\n", on ? "Enabled" : "Disabled",
			       gpu->bus_id);
	}
	puts("All done.");
	return 0;
}

/* ---- reset ---- */

static nvmlReturn_t try_reset(struct world *world, unsigned gpu, bool for_good)
{
	struct world_state *next = world_change(world);
	nvmlReturn_t code;

	world_reap(next);
	code = world_reset(next, gpu);
	if (code || !for_good)
		world_abandon(world);
	else
		world_commit(world);
	return code;
}

/* NVML has no call for it. What is refused is refused at once. */
static nvmlReturn_t reset(struct world *world, unsigned gpu)
{
	nvmlReturn_t code = world_may_config(world) ? NVML_SUCCESS : NVML_ERROR_NO_PERMISSION;

	code = code ? code : try_reset(world, gpu, false);
	if (code)
		return code;
	world_work(world, gpu, WORLD_WORK_RESET, 0);
	return try_reset(world, gpu, true);
}

static int reset_gpus(struct smi *smi)
{
	struct world *world;
	struct err err = ERR_INIT;
	int status = 0;

	if (world_open(NULL, &world, &err))
		return smi_failed(NVML_ERROR_DRIVER_NOT_LOADED, "Unable to reset");
	for (unsigned g = 0; g < smi->n; g++) {
		nvmlReturn_t code = reset(world, smi->gpus[g].index);

		if (code && !status)
			puts("The following GPUs could not be reset:");
		if (code)
			status = smi_failed(code, "  GPU %s", smi->gpus[g].bus_id);
		else
			printf("GPU %s was successfully reset.\n", smi->gpus[g].bus_id);
	}
	world_close(world);
	if (!status)
		puts("All done.");
	return status;
}

/* ---- the command line ---- */

struct wish {
	struct smi_args args;
	const char *ids, *format, *gpu_fields, *app_fields, *mig;
	bool list, reset;
	smi_action *act;
};

enum takes { TAKES_NOTHING, TAKES_VALUE, TAKES_MAYBE };

struct option {
	const char *word, *longer;
	enum takes takes;
	size_t at; /* in struct wish: of a bool, or of a text when it takes one */
	smi_action *act;
};

#define AT(member) offsetof(struct wish, member)

static const struct option options[] = {
	{"-i", "--id", TAKES_VALUE, AT(ids), NULL},
	{"-L", "--list-gpus", TAKES_NOTHING, AT(list), NULL},
	{"-r", "--gpu-reset", TAKES_NOTHING, AT(reset), NULL},
	{"-mig", "--multi-instance-gpu", TAKES_VALUE, AT(mig), NULL},
	{"--query-gpu", "--query-gpu", TAKES_VALUE, AT(gpu_fields), NULL},
	{"--query-compute-apps", "--query-compute-apps", TAKES_VALUE, AT(app_fields), NULL},
	{"--format", "--format", TAKES_VALUE, AT(format), NULL},
};

static const struct option mig_options[] = {
	{"-i", "--id", TAKES_VALUE, AT(ids), NULL},
	{"-gi", "--gpu-instance-id", TAKES_VALUE, AT(args.gi), NULL},
	{"-ci", "--compute-instance-id", TAKES_VALUE, AT(args.ci), NULL},
	{"-C", "--default-compute-instance", TAKES_NOTHING, AT(args.with_ci), NULL},
	{"-lgip", "--list-gpu-instance-profiles", TAKES_NOTHING, AT(list), smi_list_gi_profiles},
	{"-lgipp", "--list-gpu-instance-possible-placements", TAKES_NOTHING, AT(list),
	 smi_list_gi_placements},
	{"-lgi", "--list-gpu-instances", TAKES_NOTHING, AT(list), smi_list_gis},
	{"-lcip", "--list-compute-instance-profiles", TAKES_NOTHING, AT(list),
	 smi_list_ci_profiles},
	{"-lci", "--list-compute-instances", TAKES_NOTHING, AT(list), smi_list_cis},
	{"-cgi", "--create-gpu-instance", TAKES_VALUE, AT(args.value), smi_create_gis},
	{"-cci", "--create-compute-instance", TAKES_MAYBE, AT(args.value), smi_create_cis},
	{"-dci", "--destroy-compute-instance", TAKES_NOTHING, AT(list), smi_destroy_cis},
	{"-dgi", "--destroy-gpu-instance", TAKES_NOTHING, AT(list), smi_destroy_gis},
};

static int bad_option(const char *word)
{
	printf("Invalid combination of input arguments, or an unknown one: %s\n"
	       "Please run 'nvidia-smi -h' for help.\n",
	       word);
	return BAD_USE;
}

static const struct option *find_option(const struct option *of, size_t n, const char *word)
{
	size_t len = strcspn(word, "=");

	for (size_t i = 0; i < n; i++) {
		if ((strlen(of[i].word) == len && !strncmp(word, of[i].word, len)) ||
		    (strlen(of[i].longer) == len && !strncmp(word, of[i].longer, len)))
			return &of[i];
	}
	return NULL;
}

/* The value stands after "=" or is the next word, which must not look like an option. */
static const char *take_value(char ***at)
{
	const char *value = strchr(**at, '=');
	char *next = (*at)[1];

	if (value)
		return value + 1;
	if (!next || next[0] == '-')
		return NULL;
	++*at;
	return next;
}

/* words: what is left of argv, with its NULL. One command is one action. */
static int parse(char **words, const struct option *of, size_t n, struct wish *wish)
{
	for (; *words; words++) {
		const char *word = *words, *value = NULL;
		const struct option *option = find_option(of, n, word);

		if (!option || (option->takes == TAKES_NOTHING && strchr(word, '=')) ||
		    (option->act && wish->act))
			return bad_option(word);
		if (option->takes != TAKES_NOTHING)
			value = take_value(&words);
		if (option->takes == TAKES_VALUE && !value)
			return bad_option(word);
		if (option->takes == TAKES_NOTHING)
			*(bool *)((char *)wish + option->at) = true;
		else
			*(const char **)((char *)wish + option->at) = value;
		if (option->act)
			wish->act = option->act;
	}
	return 0;
}

static int run_mig(char **words)
{
	struct wish wish = {.ids = NULL};
	static struct smi smi;
	int status = parse(words, mig_options, ARRAY_SIZE(mig_options), &wish);

	if (!status && !wish.act)
		status = bad_option("mig");
	status = status ? status : find_gpus(wish.ids, &smi);
	return status ? status : wish.act(&smi, &wish.args);
}

static int run(char **words)
{
	struct wish wish = {.ids = NULL};
	static struct smi smi;
	int status = parse(words, options, ARRAY_SIZE(options), &wish);

	status = status ? status : find_gpus(wish.ids, &smi);
	if (status)
		return status;
	if (wish.gpu_fields)
		return smi_query_gpus(&smi, wish.gpu_fields, wish.format);
	if (wish.app_fields)
		return smi_query_apps(&smi, wish.app_fields, wish.format);
	if (wish.mig)
		return set_mig(&smi, wish.mig);
	return wish.reset ? reset_gpus(&smi) : list_gpus(&smi);
}

int main(int argc, char **argv)
{
	bool mig = argc > 1 && !strcmp(argv[1], "mig");
	nvmlReturn_t code;
	int status;

	if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
		fputs(usage, stdout);
		return 0;
	}
	code = nvmlInit_v2();
	if (code == NVML_ERROR_DRIVER_NOT_LOADED)
		puts("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA "
		     "driver.");
	else if (code)
		smi_failed(code, "Failed to initialize NVML");
	if (code)
		return (int)code;
	status = mig ? run_mig(argv + 2) : run(argv + 1);
	nvmlShutdown();
	return status;
}
