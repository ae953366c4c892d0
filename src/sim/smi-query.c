/* nvidia-smi --query-gpu, --query-compute-apps: fields as comma separated values. */
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "sim/smi.h"

#define MAX_FIELDS 64
#define TEXT_SIZE  128
#define MIB	   (1024ull * 1024)

/* One line of values is about this; `process` NULL for a GPU. */
struct subject {
	const struct smi_gpu *gpu;
	const struct nvml_process_info *process;
	unsigned n_gpus;
};

typedef nvmlReturn_t get_text(const struct subject *of, char *buf, unsigned size);

struct field {
	const char *name;
	const char *unit; /* "": none */
	get_text *get;
};

/* ---- reading ---- */

/* A call that gives an unsigned. */
#define NUMBER(name, call)                                                                         \
	static nvmlReturn_t get_##name(const struct subject *of, char *buf, unsigned size)         \
	{                                                                                          \
		unsigned value;                                                                    \
		nvmlReturn_t code = call;                                                          \
                                                                                                   \
		if (!code)                                                                         \
			snprintf(buf, size, "%u", value);                                          \
		return code;                                                                       \
	}

/* The same in thousandths of what is shown; `other` takes what is not asked for. */
#define WATTS(name, call)                                                                          \
	static nvmlReturn_t get_##name(const struct subject *of, char *buf, unsigned size)         \
	{                                                                                          \
		unsigned value, other;                                                             \
		nvmlReturn_t code = call;                                                          \
                                                                                                   \
		(void)other;                                                                       \
		if (!code)                                                                         \
			snprintf(buf, size, "%.2f", value / 1000.0);                               \
		return code;                                                                       \
	}

#define TEXT(name, call)                                                                           \
	static nvmlReturn_t get_##name(const struct subject *of, char *buf, unsigned size)         \
	{                                                                                          \
		return call;                                                                       \
	}

TEXT(name, nvmlDeviceGetName(of->gpu->device, buf, size))
TEXT(uuid, nvmlDeviceGetUUID(of->gpu->device, buf, size))
TEXT(serial, nvmlDeviceGetSerial(of->gpu->device, buf, size))
TEXT(vbios, nvmlDeviceGetVbiosVersion(of->gpu->device, buf, size))
TEXT(process_name, nvmlSystemGetProcessName(of->process->pid, buf, size))

NUMBER(index, nvmlDeviceGetIndex(of->gpu->device, &value))
NUMBER(temperature, nvmlDeviceGetTemperature(of->gpu->device, NVML_SENSOR_GPU, &value))
NUMBER(fan, nvmlDeviceGetFanSpeed(of->gpu->device, &value))
NUMBER(sm_clock, nvmlDeviceGetClockInfo(of->gpu->device, NVML_CLOCK_SM, &value))
NUMBER(gr_clock, nvmlDeviceGetClockInfo(of->gpu->device, NVML_CLOCK_GRAPHICS, &value))
NUMBER(mem_clock, nvmlDeviceGetClockInfo(of->gpu->device, NVML_CLOCK_MEM, &value))
NUMBER(max_sm_clock, nvmlDeviceGetMaxClockInfo(of->gpu->device, NVML_CLOCK_SM, &value))
NUMBER(max_mem_clock, nvmlDeviceGetMaxClockInfo(of->gpu->device, NVML_CLOCK_MEM, &value))
NUMBER(link_gen, nvmlDeviceGetCurrPcieLinkGeneration(of->gpu->device, &value))
NUMBER(link_width, nvmlDeviceGetCurrPcieLinkWidth(of->gpu->device, &value))

WATTS(power, nvmlDeviceGetPowerUsage(of->gpu->device, &value))
WATTS(power_limit, nvmlDeviceGetPowerManagementLimit(of->gpu->device, &value))
WATTS(enforced_limit, nvmlDeviceGetEnforcedPowerLimit(of->gpu->device, &value))
WATTS(default_limit, nvmlDeviceGetPowerManagementDefaultLimit(of->gpu->device, &value))
WATTS(min_limit, nvmlDeviceGetPowerManagementLimitConstraints(of->gpu->device, &value, &other))
WATTS(max_limit, nvmlDeviceGetPowerManagementLimitConstraints(of->gpu->device, &other, &value))

static nvmlReturn_t get_count(const struct subject *of, char *buf, unsigned size)
{
	snprintf(buf, size, "%u", of->n_gpus);
	return NVML_SUCCESS;
}

static nvmlReturn_t get_driver(const struct subject *of, char *buf, unsigned size)
{
	(void)of;
	return nvmlSystemGetDriverVersion(buf, size);
}

static nvmlReturn_t get_bus_id(const struct subject *of, char *buf, unsigned size)
{
	snprintf(buf, size, "%s", of->gpu->bus_id);
	return NVML_SUCCESS;
}

static nvmlReturn_t get_compute_cap(const struct subject *of, char *buf, unsigned size)
{
	int major, minor;
	nvmlReturn_t code = nvmlDeviceGetCudaComputeCapability(of->gpu->device, &major, &minor);

	if (!code)
		snprintf(buf, size, "%d.%d", major, minor);
	return code;
}

static nvmlReturn_t get_pstate(const struct subject *of, char *buf, unsigned size)
{
	unsigned state;
	nvmlReturn_t code = nvmlDeviceGetPerformanceState(of->gpu->device, &state);

	if (!code)
		snprintf(buf, size, "P%u", state);
	return code;
}

static nvmlReturn_t enabled(nvmlReturn_t code, unsigned on, char *buf, unsigned size)
{
	if (!code)
		snprintf(buf, size, "%s", on ? "Enabled" : "Disabled");
	return code;
}

static nvmlReturn_t get_mig(const struct subject *of, char *buf, unsigned size)
{
	unsigned current = 0, pending;
	nvmlReturn_t code = nvmlDeviceGetMigMode(of->gpu->device, &current, &pending);

	return enabled(code, current, buf, size);
}

static nvmlReturn_t get_mig_pending(const struct subject *of, char *buf, unsigned size)
{
	unsigned current, pending = 0;
	nvmlReturn_t code = nvmlDeviceGetMigMode(of->gpu->device, &current, &pending);

	return enabled(code, pending, buf, size);
}

static nvmlReturn_t get_persistence(const struct subject *of, char *buf, unsigned size)
{
	int mode = 0;
	nvmlReturn_t code = nvmlDeviceGetPersistenceMode(of->gpu->device, &mode);

	return enabled(code, mode != 0, buf, size);
}

static nvmlReturn_t get_compute_mode(const struct subject *of, char *buf, unsigned size)
{
	static const char *const names[] = {"Default", "Exclusive_Thread", "Prohibited",
					    "Exclusive_Process"};
	unsigned mode;
	nvmlReturn_t code = nvmlDeviceGetComputeMode(of->gpu->device, &mode);

	if (!code && mode < ARRAY_SIZE(names))
		snprintf(buf, size, "%s", names[mode]);
	return code;
}

enum memory_part { MEMORY_TOTAL, MEMORY_RESERVED, MEMORY_USED, MEMORY_FREE };

static nvmlReturn_t get_memory(const struct subject *of, enum memory_part part, char *buf,
			       unsigned size)
{
	struct nvml_memory_v2 memory = {.version = NVML_MEMORY_V2};
	nvmlReturn_t code = nvmlDeviceGetMemoryInfo_v2(of->gpu->device, &memory);
	const unsigned long long parts[] = {memory.total, memory.reserved, memory.used,
					    memory.free};

	if (!code)
		snprintf(buf, size, "%llu", parts[part] / MIB);
	return code;
}

TEXT(memory_total, get_memory(of, MEMORY_TOTAL, buf, size))
TEXT(memory_reserved, get_memory(of, MEMORY_RESERVED, buf, size))
TEXT(memory_used, get_memory(of, MEMORY_USED, buf, size))
TEXT(memory_free, get_memory(of, MEMORY_FREE, buf, size))

static nvmlReturn_t get_utilisation(const struct subject *of, bool memory, char *buf, unsigned size)
{
	struct nvml_utilization share;
	nvmlReturn_t code = nvmlDeviceGetUtilizationRates(of->gpu->device, &share);

	if (!code)
		snprintf(buf, size, "%u", memory ? share.memory : share.gpu);
	return code;
}

TEXT(gpu_busy, get_utilisation(of, false, buf, size))
TEXT(memory_busy, get_utilisation(of, true, buf, size))

static nvmlReturn_t get_pid(const struct subject *of, char *buf, unsigned size)
{
	snprintf(buf, size, "%u", of->process->pid);
	return NVML_SUCCESS;
}

static nvmlReturn_t get_process_memory(const struct subject *of, char *buf, unsigned size)
{
	snprintf(buf, size, "%llu", of->process->used_memory / MIB);
	return NVML_SUCCESS;
}

/* ---- the fields ---- */

static const struct field gpu_fields[] = {
	{"count", "", get_count},
	{"index", "", get_index},
	{"name", "", get_name},
	{"gpu_name", "", get_name},
	{"uuid", "", get_uuid},
	{"gpu_uuid", "", get_uuid},
	{"serial", "", get_serial},
	{"gpu_serial", "", get_serial},
	{"pci.bus_id", "", get_bus_id},
	{"gpu_bus_id", "", get_bus_id},
	{"driver_version", "", get_driver},
	{"vbios_version", "", get_vbios},
	{"compute_cap", "", get_compute_cap},
	{"compute_mode", "", get_compute_mode},
	{"persistence_mode", "", get_persistence},
	{"mig.mode.current", "", get_mig},
	{"mig.mode.pending", "", get_mig_pending},
	{"pstate", "", get_pstate},
	{"memory.total", "MiB", get_memory_total},
	{"memory.reserved", "MiB", get_memory_reserved},
	{"memory.used", "MiB", get_memory_used},
	{"memory.free", "MiB", get_memory_free},
	{"utilization.gpu", "%", get_gpu_busy},
	{"utilization.memory", "%", get_memory_busy},
	{"temperature.gpu", "", get_temperature},
	{"fan.speed", "%", get_fan},
	{"power.draw", "W", get_power},
	{"power.limit", "W", get_power_limit},
	{"enforced.power.limit", "W", get_enforced_limit},
	{"power.default_limit", "W", get_default_limit},
	{"power.min_limit", "W", get_min_limit},
	{"power.max_limit", "W", get_max_limit},
	{"clocks.sm", "MHz", get_sm_clock},
	{"clocks.current.sm", "MHz", get_sm_clock},
	{"clocks.gr", "MHz", get_gr_clock},
	{"clocks.current.graphics", "MHz", get_gr_clock},
	{"clocks.mem", "MHz", get_mem_clock},
	{"clocks.current.memory", "MHz", get_mem_clock},
	{"clocks.max.sm", "MHz", get_max_sm_clock},
	{"clocks.max.mem", "MHz", get_max_mem_clock},
	{"pcie.link.gen.current", "", get_link_gen},
	{"pcie.link.width.current", "", get_link_width},
};

static const struct field app_fields[] = {
	{"pid", "", get_pid},
	{"process_name", "", get_process_name},
	{"name", "", get_process_name},
	{"used_gpu_memory", "MiB", get_process_memory},
	{"used_memory", "MiB", get_process_memory},
	{"gpu_name", "", get_name},
	{"gpu_uuid", "", get_uuid},
	{"gpu_serial", "", get_serial},
	{"gpu_bus_id", "", get_bus_id},
};

/* ---- one query ---- */

struct query {
	const struct field *fields[MAX_FIELDS];
	size_t n;
	bool header, units;
};

static const struct field *find_field(const struct field *fields, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	return NULL;
}

static int parse_format(struct query *query, const char *format)
{
	char word[32];
	bool csv = false;

	query->header = query->units = true;
	while (format && smi_next(&format, word, sizeof(word))) {
		if (!strcmp(word, "csv")) {
			csv = true;
		} else if (!strcmp(word, "noheader")) {
			query->header = false;
		} else if (!strcmp(word, "nounits")) {
			query->units = false;
		} else {
			printf("\"--format=\" switch has \"%s\", which is not known.\n", word);
			return NVML_ERROR_INVALID_ARGUMENT;
		}
	}
	if (csv)
		return 0;
	puts("\"--format=\" switch is missing, or does not say csv.");
	return NVML_ERROR_INVALID_ARGUMENT;
}

static int parse_query(struct query *query, const struct field *fields, size_t n, const char *list,
		       const char *format)
{
	char word[64];

	while (smi_next(&list, word, sizeof(word))) {
		const struct field *field = find_field(fields, n, word);

		if (!field || query->n == MAX_FIELDS) {
			printf("Field \"%s\" is not a valid field to query.\n", word);
			return NVML_ERROR_INVALID_ARGUMENT;
		}
		query->fields[query->n++] = field;
	}
	return parse_format(query, format);
}

static void print_header(const struct query *query)
{
	for (size_t i = 0; query->header && i < query->n; i++) {
		const struct field *field = query->fields[i];

		printf("%s%s", i ? ", " : "", field->name);
		if (field->unit[0])
			printf(" [%s]", field->unit);
	}
	if (query->header)
		putchar('\n');
}

static void print_line(const struct query *query, const struct subject *of)
{
	for (size_t i = 0; i < query->n; i++) {
		const struct field *field = query->fields[i];
		char text[TEXT_SIZE] = "";
		nvmlReturn_t code = field->get(of, text, sizeof(text));

		printf("%s%s", i ? ", " : "", code ? "[N/A]" : text);
		if (!code && query->units && field->unit[0])
			printf(" %s", field->unit);
	}
	putchar('\n');
}

int smi_query_gpus(struct smi *smi, const char *fields, const char *format)
{
	struct query query = {.n = 0};
	int status = parse_query(&query, gpu_fields, ARRAY_SIZE(gpu_fields), fields, format);

	if (status)
		return status;
	print_header(&query);
	for (unsigned g = 0; g < smi->n; g++)
		print_line(&query, &(struct subject){.gpu = &smi->gpus[g], .n_gpus = smi->n});
	return 0;
}

int smi_query_apps(struct smi *smi, const char *fields, const char *format)
{
	static struct nvml_process_info processes[4096];
	struct query query = {.n = 0};
	int status = parse_query(&query, app_fields, ARRAY_SIZE(app_fields), fields, format);

	if (status)
		return status;
	print_header(&query);
	for (unsigned g = 0; g < smi->n; g++) {
		unsigned n = ARRAY_SIZE(processes);
		nvmlReturn_t code =
			nvmlDeviceGetComputeRunningProcesses_v3(smi->gpus[g].device, &n, processes);

		if (code)
			return smi_failed(code, "GPU %s: no list of processes",
					  smi->gpus[g].bus_id);
		for (unsigned i = 0; i < n; i++)
			print_line(&query, &(struct subject){.gpu = &smi->gpus[g],
							     .process = &processes[i],
							     .n_gpus = smi->n});
	}
	return 0;
}
