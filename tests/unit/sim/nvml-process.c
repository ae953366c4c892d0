#include "nvml-test.h"

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#define MIB (1024ull * 1024)

/* Somebody takes a device; gi and ci WORLD_NONE: the whole GPU. */
static void occupy(pid_t pid, uint32_t gi, uint32_t ci, uint64_t mib, bool graphics)
{
	struct world_process process = {
		.pid = (uint32_t)pid,
		.gi = gi,
		.ci = ci,
		.memory_bytes = mib * MIB,
		.busy = 0.5,
		.graphics = graphics,
		.name = "test",
	};

	assert_ok(world_process_add(world_change(test_world), &process));
	world_commit(test_world);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void end_sleeper(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void nobody_is_0_and_not_7(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_process_info info;
	unsigned count = 0;

	(void)unused;
	assert_ok(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, NULL));
	assert_int_equal(count, 0);
	count = 1;
	assert_ok(nvmlDeviceGetGraphicsRunningProcesses_v3(device, &count, &info));
	assert_int_equal(count, 0);
	assert_code(nvmlDeviceGetComputeRunningProcesses_v3(device, NULL, &info),
		    NVML_ERROR_INVALID_ARGUMENT);
	end();
}

static void a_list_says_how_long_it_is(void **unused)
{
	const char *board = A100;
	struct nvml_process_info info[3] = {{0}};
	struct nvml_process_info_v1 old[3] = {{0}};
	struct nvml_device *device;
	pid_t first = sleeper(), second = sleeper(), third = sleeper();
	unsigned count = 0;

	(void)unused;
	begin(&board, 1, false);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &device));
	occupy(first, WORLD_NONE, WORLD_NONE, 100, false);
	occupy(second, WORLD_NONE, WORLD_NONE, 200, false);
	occupy(third, WORLD_NONE, WORLD_NONE, 300, true);
	assert_code(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, NULL),
		    NVML_ERROR_INSUFFICIENT_SIZE);
	assert_int_equal(count, 2);
	count = 1;
	assert_code(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, info),
		    NVML_ERROR_INSUFFICIENT_SIZE);
	assert_int_equal(count, 2);
	assert_int_equal(info[0].pid, 0);
	count = 3;
	assert_ok(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, info));
	assert_int_equal(count, 2);
	assert_int_equal(info[0].pid, first);
	assert_int_equal(info[0].used_memory, 100 * MIB);
	assert_int_equal(info[0].gpu_instance_id, NVML_NO_INSTANCE);
	assert_int_equal(info[1].compute_instance_id, NVML_NO_INSTANCE);
	assert_int_equal(info[2].pid, 0);
	count = 3;
	assert_ok(nvmlDeviceGetGraphicsRunningProcesses_v2(device, &count, info));
	assert_int_equal(count, 1);
	assert_int_equal(info[0].pid, third);
	count = 3;
	assert_ok(nvmlDeviceGetComputeRunningProcesses(device, &count, old));
	assert_int_equal(old[1].pid, second);
	assert_int_equal(old[1].used_memory, 200 * MIB);
	count = 3;
	assert_ok(nvmlDeviceGetMPSComputeRunningProcesses_v3(device, &count, info));
	assert_int_equal(count, 0);
	end_sleeper(first);
	end_sleeper(second);
	end_sleeper(third);
	end();
}

/* Two GPU instances with a process each: the GPU shows both, a MIG device its own. */
static void a_mig_device_shows_its_own(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	pid_t first = sleeper(), second = sleeper();
	struct nvml_process_info info[2];
	struct nvml_process_detail_v1 details[2];
	struct nvml_process_detail_list_v1 list = {
		.version = NVML_PROCESS_DETAIL_V1, .mode = NVML_PROCESS_ALL, .count = 2};
	unsigned count = 2;

	(void)unused;
	make_ci(make_gi(device, 9), 2); /* id 2 */
	make_ci(make_gi(device, 9), 2); /* id 1 */
	occupy(first, 2, 0, 1000, false);
	occupy(second, 1, 0, 2000, false);
	assert_ok(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, info));
	assert_int_equal(count, 2);
	assert_int_equal(info[0].gpu_instance_id, 2);
	assert_int_equal(info[0].compute_instance_id, 0);
	count = 2;
	assert_ok(nvmlDeviceGetComputeRunningProcesses_v3(mig_device(device, 0), &count, info));
	assert_int_equal(count, 1);
	assert_int_equal(info[0].pid, second);
	assert_int_equal(info[0].gpu_instance_id, 1);
	list.array = details;
	assert_ok(nvmlDeviceGetRunningProcessDetailList(mig_device(device, 1), &list));
	assert_int_equal(list.count, 1);
	assert_int_equal(details[0].pid, first);
	assert_int_equal(details[0].used_memory, 1000 * MIB);
	list.mode = 4;
	assert_code(nvmlDeviceGetRunningProcessDetailList(device, &list),
		    NVML_ERROR_INVALID_ARGUMENT);
	end_sleeper(first);
	end_sleeper(second);
	end();
}

/* Who dies is gone from lists, from memory, and from the way of who destroys. */
static void the_dead_are_gone(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_gpu_instance *gi = make_gi(device, 9);
	struct nvml_compute_instance *ci = make_ci(gi, 2);
	struct nvml_memory before, busy, after;
	pid_t pid = sleeper();
	unsigned count = 0;

	(void)unused;
	assert_ok(nvmlDeviceGetMemoryInfo(mig_device(device, 0), &before));
	occupy(pid, 2, 0, 1000, false);
	assert_ok(nvmlDeviceGetMemoryInfo(mig_device(device, 0), &busy));
	assert_int_equal(busy.used - before.used, 1000 * MIB);
	assert_code(nvmlComputeInstanceDestroy(ci), NVML_ERROR_IN_USE);
	end_sleeper(pid);
	assert_ok(nvmlDeviceGetMemoryInfo(mig_device(device, 0), &after));
	assert_int_equal(after.used, before.used);
	assert_ok(nvmlDeviceGetComputeRunningProcesses_v3(device, &count, NULL));
	assert_ok(nvmlComputeInstanceDestroy(ci));
	assert_ok(nvmlGpuInstanceDestroy(gi));
	end();
}

static void memory_adds_up(void **unused)
{
	struct nvml_device *device = begin_one(A100), *mig;
	struct nvml_device *of[2];
	struct nvml_bar1_memory bar1;

	(void)unused;
	make_ci(make_gi(device, 9), 2);
	mig = mig_device(device, 0);
	of[0] = device;
	of[1] = mig;
	for (int i = 0; i < 2; i++) {
		struct nvml_memory_v2 v2 = {.version = NVML_MEMORY_V2};
		struct nvml_memory v1;

		assert_ok(nvmlDeviceGetMemoryInfo(of[i], &v1));
		assert_ok(nvmlDeviceGetMemoryInfo_v2(of[i], &v2));
		assert_int_equal(v1.total, (i ? 19968 : 40960) * MIB);
		assert_int_equal(v2.total, v1.total);
		assert_int_equal(v1.total, v1.free + v1.used);
		assert_int_equal(v2.total, v2.reserved + v2.free + v2.used);
		assert_int_equal(v1.used, v2.reserved + v2.used);
	}
	assert_ok(nvmlDeviceGetBAR1MemoryInfo(device, &bar1));
	assert_int_equal(bar1.total, 65536 * MIB);
	assert_int_equal(bar1.total, bar1.free + bar1.used);
	assert_ok(nvmlDeviceGetBAR1MemoryInfo(mig, &bar1));
	assert_int_equal(bar1.total, 32767 * MIB);
	end();
}

/* Load is measured on whole GPUs only. */
static void load_is_unknown_with_mig_on(void **unused)
{
	struct nvml_device *device = begin_one(A100), *mig;
	struct nvml_utilization utilization;
	struct nvml_process_utilization sample;
	unsigned n = 1, period;

	(void)unused;
	make_ci(make_gi(device, 9), 2);
	mig = mig_device(device, 0);
	for (int i = 0; i < 2; i++) {
		struct nvml_device *of = i ? mig : device;

		assert_code(nvmlDeviceGetUtilizationRates(of, &utilization),
			    NVML_ERROR_NOT_SUPPORTED);
		assert_code(nvmlDeviceGetEncoderUtilization(of, &n, &period),
			    NVML_ERROR_NOT_SUPPORTED);
		assert_code(nvmlDeviceGetProcessUtilization(of, &sample, &n, 0),
			    NVML_ERROR_NOT_SUPPORTED);
	}
	end();
}

static void load_of_a_whole_gpu(void **unused)
{
	const char *board = A100;
	struct nvml_process_utilization sample;
	struct nvml_utilization utilization;
	struct nvml_device *device;
	pid_t pid = sleeper();
	unsigned n = 1, period;

	(void)unused;
	begin(&board, 1, false);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &device));
	assert_code(nvmlDeviceGetProcessUtilization(device, &sample, &n, 0), NVML_ERROR_NOT_FOUND);
	occupy(pid, WORLD_NONE, WORLD_NONE, 100, false);
	assert_ok(nvmlDeviceGetUtilizationRates(device, &utilization));
	assert_int_equal(utilization.gpu, 50);
	n = 1;
	assert_ok(nvmlDeviceGetProcessUtilization(device, &sample, &n, 0));
	assert_int_equal(sample.pid, pid);
	assert_int_equal(sample.sm, 50);
	assert_ok(nvmlDeviceGetDecoderUtilization(device, &n, &period));
	assert_int_equal(n, 0);
	end_sleeper(pid);
	end();
}

static void names_of_processes(void **unused)
{
	char name[PATH_MAX]; /* the test lies wherever the build does */

	(void)unused;
	begin_one(A100);
	assert_ok(nvmlSystemGetProcessName((unsigned)getpid(), name, sizeof(name)));
	assert_non_null(strstr(name, "nvml-process"));
	assert_ok(nvmlSystemGetProcessName((unsigned)getpid(), name, 3));
	assert_int_equal(strlen(name), 2);
	assert_code(nvmlSystemGetProcessName(~0u, name, sizeof(name)), NVML_ERROR_NOT_FOUND);
	assert_code(nvmlSystemGetProcessName(1, NULL, 10), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_0_and_not_7),
		cmocka_unit_test(a_list_says_how_long_it_is),
		cmocka_unit_test(a_mig_device_shows_its_own),
		cmocka_unit_test(the_dead_are_gone),
		cmocka_unit_test(memory_adds_up),
		cmocka_unit_test(load_is_unknown_with_mig_on),
		cmocka_unit_test(load_of_a_whole_gpu),
		cmocka_unit_test(names_of_processes),
	};

	return tap_run(tests);
}
