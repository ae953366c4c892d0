#include "nvml-test.h"

/* A process of ours takes the device's whole compute. */
static void load(uint32_t gi, uint32_t ci)
{
	struct world_process process = {
		.pid = (uint32_t)getpid(), .gi = gi, .ci = ci, .busy = 1, .name = "load"};

	assert_ok(world_process_add(world_change(test_world), &process));
	world_commit(test_world);
}

static struct nvml_device *plain_gpu(const char *board)
{
	struct nvml_device *device;

	begin(&board, 1, false);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &device));
	return device;
}

static void power_and_clocks_follow_the_load(void **unused)
{
	struct nvml_device *device = plain_gpu(A100);
	unsigned idle_mw, busy_mw, limit_mw, min_mw, max_mw, idle_mhz, busy_mhz, max_mhz, temp;

	(void)unused;
	assert_ok(nvmlDeviceGetPowerUsage(device, &idle_mw));
	assert_ok(nvmlDeviceGetClockInfo(device, NVML_CLOCK_SM, &idle_mhz));
	load(WORLD_NONE, WORLD_NONE);
	assert_ok(nvmlDeviceGetPowerUsage(device, &busy_mw));
	assert_ok(nvmlDeviceGetClockInfo(device, NVML_CLOCK_SM, &busy_mhz));
	assert_ok(nvmlDeviceGetMaxClockInfo(device, NVML_CLOCK_SM, &max_mhz));
	assert_ok(nvmlDeviceGetEnforcedPowerLimit(device, &limit_mw));
	assert_ok(nvmlDeviceGetPowerManagementLimitConstraints(device, &min_mw, &max_mw));
	assert_true(idle_mw < busy_mw && busy_mw <= limit_mw);
	assert_true(idle_mhz < busy_mhz && busy_mhz <= max_mhz);
	assert_true(min_mw < max_mw && limit_mw <= max_mw);
	assert_int_equal(limit_mw, 400000);
	assert_ok(nvmlDeviceGetTemperature(device, NVML_SENSOR_GPU, &temp));
	assert_in_range(temp, 20, 90);
	assert_code(nvmlDeviceGetTemperature(device, 1, &temp), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetClockInfo(device, 4, &temp), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

/* Slurm asks for the clocks of each memory clock and drops a GPU that has none. */
static void clocks_can_be_listed(void **unused)
{
	struct nvml_device *device = plain_gpu(H100);
	unsigned memory_mhz, mhz[256], count = 0, max_mhz;

	(void)unused;
	assert_code(nvmlDeviceGetSupportedMemoryClocks(device, &count, NULL),
		    NVML_ERROR_INSUFFICIENT_SIZE);
	assert_int_equal(count, 1);
	assert_ok(nvmlDeviceGetSupportedMemoryClocks(device, &count, &memory_mhz));
	count = 1;
	assert_code(nvmlDeviceGetSupportedGraphicsClocks(device, memory_mhz, &count, mhz),
		    NVML_ERROR_INSUFFICIENT_SIZE);
	assert_in_range(count, 2, 256);
	assert_ok(nvmlDeviceGetSupportedGraphicsClocks(device, memory_mhz, &count, mhz));
	assert_ok(nvmlDeviceGetMaxClockInfo(device, NVML_CLOCK_GRAPHICS, &max_mhz));
	assert_int_equal(mhz[0], max_mhz);
	assert_true(mhz[count - 1] < mhz[count - 2]);
	assert_code(nvmlDeviceGetSupportedGraphicsClocks(device, memory_mhz + 1, &count, mhz),
		    NVML_ERROR_NOT_FOUND);
	end();
}

static void an_instance_has_no_thermometer(void **unused)
{
	struct nvml_device *mig, *device = begin_one(H100);
	unsigned value;

	(void)unused;
	make_ci(make_gi(device, id_of(H100, "1g")), 0);
	mig = mig_device(device, 0);
	assert_code(nvmlDeviceGetTemperature(mig, 0, &value), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetPowerUsage(mig, &value), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetClockInfo(mig, 0, &value), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetPerformanceState(mig, &value), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetCurrPcieLinkWidth(mig, &value), NVML_ERROR_NOT_SUPPORTED);
	assert_ok(nvmlDeviceGetTemperature(device, 0, &value));
	end();
}

static void field_values_have_codes_of_their_own(void **unused)
{
	struct nvml_field_value values[] = {
		{.field = NVML_FIELD_RESETLESS_MIG},
		{.field = NVML_FIELD_MIG_QUERY_WITH_MIG_OFF},
		{.field = NVML_FIELD_TEMP_LIMIT_SHUTDOWN},
		{.field = NVML_FIELD_POWER_INSTANT},
		{.field = NVML_FIELD_POWER_INSTANT, .scope = 1},
		{.field = 9999},
	};
	struct nvml_device *device = plain_gpu(H100);

	(void)unused;
	assert_ok(nvmlDeviceGetFieldValues(device, ARRAY_SIZE(values), values));
	assert_int_equal(values[0].result, NVML_SUCCESS);
	assert_int_equal(values[0].type, NVML_VALUE_U32);
	assert_int_equal(values[0].value.ui, 1);
	assert_int_equal(values[1].value.ui, 1);
	assert_int_equal(values[2].type, NVML_VALUE_I32);
	assert_true(values[2].value.si < 0);
	assert_int_equal(values[3].result, NVML_SUCCESS);
	assert_true(values[3].value.ui > 0);
	assert_true(values[3].time_stamp > 0);
	assert_int_equal(values[4].result, NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(values[5].result, NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetFieldValues(device, 0, values), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetFieldValues(device, 1, NULL), NVML_ERROR_INVALID_ARGUMENT);
	end();

	device = plain_gpu(A100);
	assert_ok(nvmlDeviceGetFieldValues(device, 3, values));
	assert_int_equal(values[0].value.ui, 0);
	assert_int_equal(values[2].result, NVML_ERROR_NOT_SUPPORTED);
	end();
}

static void memory_errors_are_counted(void **unused)
{
	struct nvml_device *device = plain_gpu(A100);
	unsigned corrected, uncorrected, pending, failure;
	unsigned long long count;

	(void)unused;
	world_ecc(world_change(test_world), 0, 5, 1);
	world_commit(test_world);
	assert_ok(
		nvmlDeviceGetTotalEccErrors(device, NVML_ECC_CORRECTED, NVML_ECC_VOLATILE, &count));
	assert_int_equal(count, 5);
	assert_ok(nvmlDeviceGetMemoryErrorCounter(device, NVML_ECC_UNCORRECTED, NVML_ECC_AGGREGATE,
						  NVML_LOCATION_DRAM, &count));
	assert_int_equal(count, 1);
	assert_code(nvmlDeviceGetMemoryErrorCounter(device, 0, 0, NVML_LOCATION_L1, &count),
		    NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetMemoryErrorCounter(device, 2, 0, 0, &count),
		    NVML_ERROR_INVALID_ARGUMENT);
	assert_ok(nvmlDeviceGetRemappedRows(device, &corrected, &uncorrected, &pending, &failure));
	assert_int_equal(uncorrected, 1);
	assert_int_equal(pending, 1);
	end();
}

static void with_mig_on_only_what_lasts_is_counted(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	unsigned corrected, uncorrected, pending, failure;
	unsigned long long count;

	(void)unused;
	assert_code(nvmlDeviceGetTotalEccErrors(device, 0, NVML_ECC_VOLATILE, &count),
		    NVML_ERROR_NOT_SUPPORTED);
	assert_ok(nvmlDeviceGetTotalEccErrors(device, 0, NVML_ECC_AGGREGATE, &count));
	assert_ok(nvmlDeviceGetRemappedRows(device, &corrected, &uncorrected, &pending, &failure));
	make_gi(device, 19);
	assert_code(nvmlDeviceGetRemappedRows(device, &corrected, &uncorrected, &pending, &failure),
		    NVML_ERROR_NOT_SUPPORTED);
	end();
}

/* ---- GPM ---- */

#define APART_US 110000

static void ask(struct nvml_gpm_metrics_get *get, struct nvml_gpm_sample *first,
		struct nvml_gpm_sample *second)
{
	*get = (struct nvml_gpm_metrics_get){
		.version = NVML_GPM_VERSION,
		.count = 3,
		.sample1 = first,
		.sample2 = second,
		.metrics = {{.metric = NVML_GPM_GRAPHICS_UTIL},
			    {.metric = NVML_GPM_FP64_UTIL},
			    {.metric = 300}},
	};
}

static void samples_of_an_instance(void **unused)
{
	struct nvml_device *device = begin_one(H100), *mig;
	struct nvml_gpu_instance *gi = make_gi(device, id_of(H100, "3g"));
	struct nvml_gpm_sample *first, *second, *gpu;
	struct nvml_gpm_metrics_get get;
	struct nvml_gi_info info;

	(void)unused;
	make_ci(gi, 2);
	mig = mig_device(device, 0);
	assert_ok(nvmlGpuInstanceGetInfo(gi, &info));
	load(info.id, 0);
	assert_ok(nvmlGpmSampleAlloc(&first));
	assert_ok(nvmlGpmSampleAlloc(&second));
	assert_ok(nvmlGpmSampleAlloc(&gpu));
	ask(&get, first, second);
	assert_code(nvmlGpmMetricsGet(&get), NVML_ERROR_INVALID_ARGUMENT);
	assert_ok(nvmlGpmSampleGet(mig, first));
	assert_ok(nvmlGpmSampleGet(device, gpu));
	assert_ok(nvmlGpmMigSampleGet(device, info.id, second));
	assert_code(nvmlGpmMetricsGet(&get), NVML_ERROR_NO_DATA);
	usleep(APART_US);
	assert_ok(nvmlGpmMigSampleGet(device, info.id, second));
	assert_ok(nvmlGpmMetricsGet(&get));
	assert_int_equal(get.metrics[0].result, NVML_SUCCESS);
	assert_true(get.metrics[0].value > 99);
	assert_string_equal(get.metrics[0].unit, "%");
	assert_int_equal(get.metrics[1].result, NVML_SUCCESS);
	assert_true(get.metrics[1].value < 1);
	assert_int_equal(get.metrics[2].result, NVML_ERROR_NOT_SUPPORTED);
	ask(&get, gpu, second);
	assert_code(nvmlGpmMetricsGet(&get), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlGpmMigSampleGet(device, 14, first), NVML_ERROR_INVALID_ARGUMENT);
	assert_ok(nvmlGpmSampleFree(first));
	assert_code(nvmlGpmSampleFree(first), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

static void a_new_instance_has_no_past(void **unused)
{
	struct nvml_device *device = begin_one(H100);
	struct nvml_gpu_instance *gi = make_gi(device, id_of(H100, "7g"));
	struct nvml_gpm_sample *first, *second;
	struct nvml_gpm_metrics_get get;

	(void)unused;
	assert_ok(nvmlGpmSampleAlloc(&first));
	assert_ok(nvmlGpmSampleAlloc(&second));
	assert_ok(nvmlGpmMigSampleGet(device, 0, first));
	assert_ok(nvmlGpuInstanceDestroy(gi));
	make_gi(device, id_of(H100, "7g"));
	usleep(APART_US);
	assert_ok(nvmlGpmMigSampleGet(device, 0, second));
	ask(&get, first, second);
	assert_code(nvmlGpmMetricsGet(&get), NVML_ERROR_NO_DATA);
	end();
}

static void ampere_has_none(void **unused)
{
	struct nvml_gpm_support support = {.version = NVML_GPM_VERSION, .supported = 7};
	struct nvml_device *device = begin_one(A100);
	struct nvml_gpm_sample *sample;

	(void)unused;
	assert_ok(nvmlGpmQueryDeviceSupport(device, &support));
	assert_int_equal(support.supported, 0);
	assert_ok(nvmlGpmSampleAlloc(&sample));
	assert_code(nvmlGpmSampleGet(device, sample), NVML_ERROR_NOT_SUPPORTED);
	end();
}

/* ---- where it sits ---- */

/* Slurm ignores a GPU without CPUs near it. */
static void there_are_cpus_near(void **unused)
{
	struct nvml_device *device = plain_gpu(A100);
	unsigned long cpus[16];

	(void)unused;
	assert_ok(nvmlDeviceGetCpuAffinity(device, 16, cpus));
	assert_true(cpus[0] & 1);
	assert_code(nvmlDeviceGetCpuAffinity(device, 0, cpus), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

static void gpus_of_one_node_are_near(void **unused)
{
	const char *boards_of_it[] = {A100, A100, A100};
	struct world_spec spec = test_spec(boards_of_it, 3, true);
	struct nvml_device *devices[3];
	unsigned level, node;

	(void)unused;
	for (int i = 0; i < 3; i++) {
		spec.gpus[i].has_numa = true;
		spec.gpus[i].numa = i == 2;
	}
	make_world(&spec);
	assert_ok(nvmlInit_v2());
	for (unsigned i = 0; i < 3; i++)
		assert_ok(nvmlDeviceGetHandleByIndex_v2(i, &devices[i]));
	assert_ok(nvmlDeviceGetTopologyCommonAncestor(devices[0], devices[1], &level));
	assert_int_equal(level, NVML_TOPOLOGY_NODE);
	assert_ok(nvmlDeviceGetTopologyCommonAncestor(devices[0], devices[2], &level));
	assert_int_equal(level, NVML_TOPOLOGY_SYSTEM);
	assert_ok(nvmlDeviceGetNumaNodeId(devices[2], &node));
	assert_int_equal(node, 1);
	assert_code(nvmlDeviceGetTopologyCommonAncestor(devices[0], NULL, &level),
		    NVML_ERROR_INVALID_ARGUMENT);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_and_clocks_follow_the_load),
		cmocka_unit_test(clocks_can_be_listed),
		cmocka_unit_test(an_instance_has_no_thermometer),
		cmocka_unit_test(field_values_have_codes_of_their_own),
		cmocka_unit_test(memory_errors_are_counted),
		cmocka_unit_test(with_mig_on_only_what_lasts_is_counted),
		cmocka_unit_test(samples_of_an_instance),
		cmocka_unit_test(a_new_instance_has_no_past),
		cmocka_unit_test(ampere_has_none),
		cmocka_unit_test(there_are_cpus_near),
		cmocka_unit_test(gpus_of_one_node_are_near),
	};

	return tap_run(tests);
}
