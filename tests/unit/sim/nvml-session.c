#include "nvml-test.h"

#include <pthread.h>

static void without_a_world_there_is_no_driver(void **unused)
{
	unsigned count = 77;

	(void)unused;
	setenv("CARVE_SIM", "/nonexistent", 1);
	assert_code(nvmlInit_v2(), NVML_ERROR_DRIVER_NOT_LOADED);
	assert_code(nvmlInit(), NVML_ERROR_DRIVER_NOT_LOADED);
	assert_code(nvmlInitWithFlags(0), NVML_ERROR_DRIVER_NOT_LOADED);
	assert_code(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
	assert_int_equal(count, 77);
	assert_ok(nvmlShutdown());
	unsetenv("CARVE_SIM");
}

static void inits_are_counted(void **unused)
{
	const char *boards_of_it[] = {A100, H100};
	struct world_spec spec = test_spec(boards_of_it, 2, true);
	unsigned count = 0;

	(void)unused;
	make_world(&spec);
	assert_ok(nvmlInit_v2());
	assert_ok(nvmlInitWithFlags(NVML_INIT_FLAG_NO_GPUS | NVML_INIT_FLAG_NO_ATTACH));
	assert_ok(nvmlInit());
	assert_ok(nvmlDeviceGetCount(&count));
	assert_int_equal(count, 2);
	assert_ok(nvmlShutdown());
	assert_ok(nvmlShutdown());
	assert_ok(nvmlDeviceGetCount_v2(&count));
	assert_ok(nvmlShutdown());
	assert_code(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
	assert_ok(nvmlShutdown());
	assert_ok(nvmlInit_v2());
	assert_ok(nvmlDeviceGetCount_v2(&count));
	end();
}

static void versions_are_those_of_the_world(void **unused)
{
	const char *board = A100;
	struct world_spec spec = test_spec(&board, 1, true);
	char text[80];
	int cuda;

	(void)unused;
	setenv("CARVE_SIM", "/nonexistent", 1);
	assert_ok(nvmlSystemGetNVMLVersion(text, sizeof(text)));
	assert_string_equal(text, "12.550.163.01");

	spec.driver = "535.261.03";
	make_world(&spec);
	assert_ok(nvmlSystemGetNVMLVersion(text, sizeof(text)));
	assert_string_equal(text, "12.535.261.03");
	assert_ok(nvmlInit_v2());
	assert_ok(nvmlSystemGetDriverVersion(text, sizeof(text)));
	assert_string_equal(text, "535.261.03");
	assert_code(nvmlSystemGetDriverVersion(text, 10), NVML_ERROR_INSUFFICIENT_SIZE);
	assert_code(nvmlSystemGetDriverVersion(NULL, 80), NVML_ERROR_INVALID_ARGUMENT);
	assert_ok(nvmlSystemGetCudaDriverVersion(&cuda));
	assert_int_equal(cuda, 12020);
	end();
}

static void texts_of_codes(void **unused)
{
	(void)unused;
	assert_string_equal(nvmlErrorString(NVML_SUCCESS), "Success");
	assert_string_equal(nvmlErrorString(NVML_ERROR_IN_USE), "In use by another client");
	assert_string_equal(nvmlErrorString(NVML_ERROR_INSUFFICIENT_RESOURCES),
			    "Insufficient Resources");
	assert_string_equal(nvmlErrorString(NVML_ERROR_UNKNOWN), "Unknown Error");
	assert_string_equal(nvmlErrorString((nvmlReturn_t)-5), "Unknown Error");
	assert_string_equal(nvmlErrorString((nvmlReturn_t)500), "Unknown Error");
}

static void a_world_may_end_while_it_is_used(void **unused)
{
	struct err err = ERR_INIT;
	unsigned count;

	(void)unused;
	begin_one(A100);
	assert_int_equal(world_remove(test_world, &err), 0);
	assert_code(nvmlDeviceGetCount_v2(&count), NVML_ERROR_DRIVER_NOT_LOADED);
	world_close(test_world);
	assert_ok(nvmlShutdown());
	assert_int_equal(rmdir(test_dir), 0);
}

/* ---- finding GPUs ---- */

static void a_gpu_has_one_handle(void **unused)
{
	const char *boards_of_it[] = {A100, H100};
	struct nvml_device *first, *again, *second;
	char uuid[80], serial[30], domain4[32];
	struct nvml_pci_info pci;

	(void)unused;
	begin(boards_of_it, 2, false);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &first));
	assert_ok(nvmlDeviceGetHandleByIndex(0, &again));
	assert_ptr_equal(first, again);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(1, &second));
	assert_ptr_not_equal(first, second);
	assert_ok(nvmlDeviceGetUUID(second, uuid, sizeof(uuid)));
	assert_ok(nvmlDeviceGetHandleByUUID(uuid, &again));
	assert_ptr_equal(second, again);
	assert_ok(nvmlDeviceGetSerial(second, serial, sizeof(serial)));
	assert_ok(nvmlDeviceGetHandleBySerial(serial, &again));
	assert_ptr_equal(second, again);
	assert_ok(nvmlDeviceGetPciInfo_v3(second, &pci));
	assert_ok(nvmlDeviceGetHandleByPciBusId_v2(pci.bus_id, &again));
	assert_ptr_equal(second, again);
	assert_ok(nvmlDeviceGetHandleByPciBusId_v2(pci.bus_id_legacy, &again));
	assert_ptr_equal(second, again);
	snprintf(domain4, sizeof(domain4), "%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
	assert_ok(nvmlDeviceGetHandleByPciBusId(domain4, &again));
	assert_ptr_equal(second, again);
	end();
}

static void what_is_not_there(void **unused)
{
	struct nvml_device *device, *ret = NULL;

	(void)unused;
	device = begin_one(A100);
	assert_code(nvmlDeviceGetHandleByIndex_v2(1, &ret), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetHandleByIndex_v2(0, NULL), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetHandleByUUID("GPU-none", &ret), NVML_ERROR_NOT_FOUND);
	assert_code(nvmlDeviceGetHandleByUUID(NULL, &ret), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetHandleByPciBusId_v2("ffff:ff:1f.0", &ret), NVML_ERROR_NOT_FOUND);
	assert_code(nvmlDeviceGetHandleBySerial("", &ret), NVML_ERROR_NOT_FOUND);
	assert_null(ret);
	(void)device;
	end();
}

static void bad_handles_are_refused(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_gi_info info;
	unsigned index;
	int on_stack;

	(void)unused;
	assert_code(nvmlDeviceGetIndex(NULL, &index), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetIndex((struct nvml_device *)1, &index),
		    NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetIndex((void *)&on_stack, &index), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetIndex((void *)((char *)device + 1), &index),
		    NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetIndex((void *)((char *)device + 4096), &index),
		    NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlGpuInstanceGetInfo((void *)device, &info), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetIndex(device, NULL), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

static void handles_read_as_zeros(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_event_set *set;
	static const char zeros[4096];

	(void)unused;
	assert_memory_equal(device, zeros, sizeof(zeros));
	assert_ok(nvmlEventSetCreate(&set));
	assert_memory_equal(set, zeros, sizeof(zeros));
	end();
}

static void a_lost_gpu_is_lost(void **unused)
{
	struct world_fault lost = {.kind = WORLD_FAULT_LOST, .has_gpu = true, .gpu = 0};
	struct nvml_device *device = begin_one(A100), *ret;
	char uuid[80], name[64];
	unsigned count;

	(void)unused;
	assert_ok(nvmlDeviceGetUUID(device, uuid, sizeof(uuid)));
	assert_ok(world_fault_add(world_change(test_world), &lost, NULL));
	world_commit(test_world);
	assert_ok(nvmlDeviceGetCount_v2(&count));
	assert_int_equal(count, 1);
	assert_code(nvmlDeviceGetName(device, name, sizeof(name)), NVML_ERROR_GPU_IS_LOST);
	assert_code(nvmlDeviceGetHandleByIndex_v2(0, &ret), NVML_ERROR_GPU_IS_LOST);
	assert_code(nvmlDeviceGetHandleByUUID(uuid, &ret), NVML_ERROR_GPU_IS_LOST);
	end();
}

/* ---- threads ---- */

#define THREADS 4
#define ROUNDS	200

/* Init, look, make and destroy, shut down: all at once, each thread as if it were alone. */
static void *visit(void *arg)
{
	unsigned *made = arg;

	for (int i = 0; i < ROUNDS; i++) {
		struct nvml_gpu_instance *gi = NULL;
		struct nvml_device *device;
		char uuid[80];

		if (nvmlInit_v2() || nvmlDeviceGetHandleByIndex_v2(0, &device) ||
		    nvmlDeviceGetUUID(device, uuid, sizeof(uuid)))
			abort();
		if (!nvmlDeviceCreateGpuInstance(device, 19, &gi)) {
			struct nvml_gi_info info;

			if (nvmlGpuInstanceGetInfo(gi, &info) || nvmlGpuInstanceDestroy(gi))
				abort();
			(*made)++;
		}
		if (nvmlShutdown())
			abort();
	}
	return NULL;
}

static void threads_do_not_disturb_each_other(void **unused)
{
	pthread_t threads[THREADS];
	unsigned made[THREADS] = {0}, count;
	const char *board = A100;
	struct world_spec spec = test_spec(&board, 1, true);

	(void)unused;
	make_world(&spec);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, visit, &made[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(made[i], ROUNDS); /* seven fit, four are at it */
	}
	assert_code(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
	end_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_world_there_is_no_driver),
		cmocka_unit_test(inits_are_counted),
		cmocka_unit_test(versions_are_those_of_the_world),
		cmocka_unit_test(texts_of_codes),
		cmocka_unit_test(a_world_may_end_while_it_is_used),
		cmocka_unit_test(a_gpu_has_one_handle),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(bad_handles_are_refused),
		cmocka_unit_test(handles_read_as_zeros),
		cmocka_unit_test(a_lost_gpu_is_lost),
		cmocka_unit_test(threads_do_not_disturb_each_other),
	};

	return tap_run(tests);
}
