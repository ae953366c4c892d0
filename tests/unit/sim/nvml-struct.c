#include "nvml-test.h"

/*
 * Every struct a call fills in, with the bytes behind it: written as far as
 * the caller's version goes and never beyond. H100 supports all of them.
 */
#define GUARD 64
#define PAINT 0xa5

static struct nvml_device *device, *mig;
static struct nvml_gpu_instance *gi;
static struct nvml_compute_instance *ci;

union room {
	unsigned version;
	unsigned char bytes[512];
};

typedef nvmlReturn_t fill(union room *room);

#define FILL(name, call)                                                                           \
	static nvmlReturn_t fill_##name(union room *room)                                          \
	{                                                                                          \
		return call;                                                                       \
	}

FILL(pci, nvmlDeviceGetPciInfo(device, (void *)room))
FILL(pci_v2, nvmlDeviceGetPciInfo_v2(device, (void *)room))
FILL(pci_v3, nvmlDeviceGetPciInfo_v3(device, (void *)room))
FILL(pci_ext, nvmlDeviceGetPciInfoExt(device, (void *)room))
FILL(memory, nvmlDeviceGetMemoryInfo(device, (void *)room))
FILL(memory_v2, nvmlDeviceGetMemoryInfo_v2(device, (void *)room))
FILL(bar1, nvmlDeviceGetBAR1MemoryInfo(device, (void *)room))
FILL(attributes, nvmlDeviceGetAttributes_v2(mig, (void *)room))
FILL(gi_profile, nvmlDeviceGetGpuInstanceProfileInfo(device, 0, (void *)room))
FILL(gi_profile_v, nvmlDeviceGetGpuInstanceProfileInfoV(device, 0, (void *)room))
FILL(gi_info, nvmlGpuInstanceGetInfo(gi, (void *)room))
FILL(ci_profile, nvmlGpuInstanceGetComputeInstanceProfileInfo(gi, 0, 0, (void *)room))
FILL(ci_profile_v, nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, 0, 0, (void *)room))
FILL(ci_info, nvmlComputeInstanceGetInfo(ci, (void *)room))
FILL(ci_info_v2, nvmlComputeInstanceGetInfo_v2(ci, (void *)room))
FILL(fabric, nvmlDeviceGetGpuFabricInfo(device, (void *)room))
FILL(fabric_v, nvmlDeviceGetGpuFabricInfoV(device, (void *)room))
FILL(sram, nvmlDeviceGetSramEccErrorStatus(device, (void *)room))
FILL(addressing, nvmlDeviceGetAddressingMode(device, (void *)room))
FILL(conf_compute, nvmlDeviceGetConfComputeMemSizeInfo(device, (void *)room))
FILL(rows, nvmlDeviceGetRowRemapperHistogram(device, (void *)room))
FILL(gpm, nvmlGpmQueryDeviceSupport(device, (void *)room))
FILL(system_event, nvmlSystemEventSetCreate((void *)room))

/* The sensor comes in: 0, the GPU's. */
static nvmlReturn_t fill_temperature(union room *room)
{
	((struct nvml_temperature_v1 *)room)->sensor = NVML_SENSOR_GPU;
	return nvmlDeviceGetTemperatureV(device, (void *)room);
}

static nvmlReturn_t fill_processes(union room *room)
{
	struct nvml_process_detail_list_v1 *list = (void *)room;

	list->mode = NVML_PROCESS_ALL;
	list->count = 0;
	list->array = NULL;
	return nvmlDeviceGetRunningProcessDetailList(device, list);
}

#define WORD(at) (1ull << (at) / 4)

static const struct {
	const char *name;
	size_t size;
	unsigned version; /* 0: the struct has none */
	fill *fill;
	nvmlReturn_t mismatch;
	uint64_t gaps; /* bit w: word w is no field */
} structs[] = {
	{"pci", 32, 0, fill_pci, 0},
	{"pci v2", 52, 0, fill_pci_v2, 0, WORD(36) | WORD(40) | WORD(44) | WORD(48)},
	{"pci v3", 68, 0, fill_pci_v3, 0},
	{"pci ext", 64, NVML_PCI_INFO_EXT_V1, fill_pci_ext, NVML_ERROR_ARGUMENT_VERSION_MISMATCH},
	{"memory", 24, 0, fill_memory, 0},
	{"memory v2", 40, NVML_MEMORY_V2, fill_memory_v2, NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
	 WORD(4)},
	{"bar1", 24, 0, fill_bar1, 0},
	{"attributes", 40, 0, fill_attributes, 0},
	{"gi profile", 48, 0, fill_gi_profile, 0},
	{"gi profile v2", 152, NVML_GI_PROFILE_INFO_V2, fill_gi_profile_v,
	 NVML_ERROR_INVALID_ARGUMENT, WORD(44)},
	{"gi profile v3", 152, NVML_GI_PROFILE_INFO_V3, fill_gi_profile_v,
	 NVML_ERROR_INVALID_ARGUMENT},
	{"gi info", 24, 0, fill_gi_info, 0},
	{"ci profile", 36, 0, fill_ci_profile, 0},
	{"ci profile v2", 136, NVML_CI_PROFILE_INFO_V2, fill_ci_profile_v,
	 NVML_ERROR_INVALID_ARGUMENT},
	{"ci profile v3", 140, NVML_CI_PROFILE_INFO_V3, fill_ci_profile_v,
	 NVML_ERROR_INVALID_ARGUMENT},
	{"ci info", 24, 0, fill_ci_info, 0},
	{"ci info v2", 32, 0, fill_ci_info_v2, 0},
	{"fabric", 28, 0, fill_fabric, 0},
	{"fabric v2", 36, NVML_FABRIC_INFO_V2, fill_fabric_v, NVML_ERROR_ARGUMENT_VERSION_MISMATCH},
	{"fabric v3", 40, NVML_FABRIC_INFO_V3, fill_fabric_v, NVML_ERROR_ARGUMENT_VERSION_MISMATCH},
	{"sram errors", 104, NVML_SRAM_ERRORS_V1, fill_sram, NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
	 WORD(4) | WORD(100)},
	{"temperature", 12, NVML_TEMPERATURE_V1, fill_temperature,
	 NVML_ERROR_ARGUMENT_VERSION_MISMATCH},
	{"addressing mode", 8, NVML_ADDRESSING_MODE_V1, fill_addressing,
	 NVML_ERROR_ARGUMENT_VERSION_MISMATCH},
	{"protected memory", 16, 0, fill_conf_compute, 0},
	{"row remapper", 20, 0, fill_rows, 0},
	{"GPM support", 8, 1, fill_gpm, NVML_ERROR_ARGUMENT_VERSION_MISMATCH},
	{"process details", 24, NVML_PROCESS_DETAIL_V1, fill_processes,
	 NVML_ERROR_ARGUMENT_VERSION_MISMATCH, WORD(12)},
	{"system event set", 16, NVML_SYSTEM_EVENT_CREATE_V1, fill_system_event,
	 NVML_ERROR_ARGUMENT_VERSION_MISMATCH, WORD(4)},
};

static void set_up(void)
{
	device = begin_one(H100);
	gi = make_gi(device, id_of(H100, "1g"));
	ci = make_ci(gi, 0);
	mig = mig_device(device, 0);
}

static void paint(union room *room, unsigned version)
{
	memset(room, PAINT, sizeof(*room));
	if (version)
		room->version = version;
}

static void nothing_is_written_beyond_the_version(void **unused)
{
	(void)unused;
	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(structs); i++) {
		union room room;
		nvmlReturn_t code;

		paint(&room, structs[i].version);
		code = structs[i].fill(&room);
		if (code)
			fail_msg("%s: %s", structs[i].name, nvmlErrorString(code));
		if (structs[i].version && room.version != structs[i].version)
			fail_msg("%s: the version is now %x", structs[i].name, room.version);
		for (size_t at = structs[i].size; at < sizeof(room); at++) {
			if (room.bytes[at] != PAINT)
				fail_msg("%s: byte %zu was written", structs[i].name, at);
		}
	}
	end();
}

/* A field that is left as the caller's stack had it prints as garbage in some clients. */
static void every_word_is_written(void **unused)
{
	(void)unused;
	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(structs); i++) {
		const unsigned painted = 0xa5a5a5a5;
		union room room;

		paint(&room, structs[i].version);
		structs[i].fill(&room);
		for (size_t at = 0; at + 4 <= structs[i].size; at += 4) {
			if (!(structs[i].gaps & WORD(at)) && !memcmp(&room.bytes[at], &painted, 4))
				fail_msg("%s: the word at %zu was not written", structs[i].name,
					 at);
		}
	}
	end();
}

static void other_versions_are_refused(void **unused)
{
	(void)unused;
	set_up();
	for (size_t i = 0; i < ARRAY_SIZE(structs); i++) {
		unsigned good = structs[i].version;
		const unsigned bad[] = {0,	  2,	    good >> 24 ? good >> 24 : 3,
					good + 1, good - 1, good + (7u << 24),
					~0u};

		for (size_t b = 0; good && b < ARRAY_SIZE(bad); b++) {
			union room room, before;
			nvmlReturn_t code;

			paint(&room, 0);
			room.version = bad[b];
			if (structs[i].fill == fill_processes ||
			    structs[i].fill == fill_temperature)
				memset(room.bytes + 4, 0, 20); /* what comes in */
			before = room;
			code = structs[i].fill(&room);
			if (structs[i].fill == fill_processes)
				((struct nvml_process_detail_list_v1 *)&before)->mode =
					NVML_PROCESS_ALL;
			if (code != structs[i].mismatch)
				fail_msg("%s: version %x: %s", structs[i].name, bad[b],
					 nvmlErrorString(code));
			assert_memory_equal(&room, &before, sizeof(room));
		}
	}
	end();
}

/* nvtop sends a plain 2 and falls back to version 1 when that is refused with 25. */
static void a_plain_2_is_no_memory_version(void **unused)
{
	struct nvml_memory_v2 memory = {.version = 2};

	(void)unused;
	set_up();
	assert_code(nvmlDeviceGetMemoryInfo_v2(device, &memory),
		    NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_written_beyond_the_version),
		cmocka_unit_test(every_word_is_written),
		cmocka_unit_test(other_versions_are_refused),
		cmocka_unit_test(a_plain_2_is_no_memory_version),
	};

	return tap_run(tests);
}
