#include "nvml-test.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"

static void arm(const char *call, struct world_fault fault)
{
	fault.kind = WORLD_FAULT_CALL;
	snprintf(fault.call, sizeof(fault.call), "%s", call);
	assert_ok(world_fault_add(world_change(test_world), &fault, NULL));
	world_commit(test_world);
}

static unsigned n_instances(void)
{
	const struct world_state *now = world_read(test_world);
	unsigned n = 0;

	for (unsigned gi = 0; gi < WORLD_MAX_GIS; gi++)
		n += now->gpus[0].gis[gi].exists;
	world_done(test_world);
	return n;
}

static void a_call_fails_so_many_times(void **unused)
{
	unsigned count = 77;

	(void)unused;
	begin_one(A100);
	arm("nvmlDeviceGetCount_v2",
	    (struct world_fault){.fail = NVML_ERROR_UNKNOWN, .skip = 1, .times = 2});
	assert_ok(nvmlDeviceGetCount_v2(&count));
	count = 77;
	assert_code(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNKNOWN);
	assert_code(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNKNOWN);
	assert_int_equal(count, 77);
	assert_ok(nvmlDeviceGetCount_v2(&count));
	assert_ok(nvmlDeviceGetCount(&count));
	end();
}

static void before_nothing_is_done_after_it_is(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_gpu_instance *gi = (void *)1;

	(void)unused;
	arm("nvmlDeviceCreateGpuInstance",
	    (struct world_fault){.fail = NVML_ERROR_TIMEOUT, .times = 1});
	assert_code(nvmlDeviceCreateGpuInstance(device, 19, &gi), NVML_ERROR_TIMEOUT);
	assert_ptr_equal(gi, (void *)1);
	assert_int_equal(n_instances(), 0);
	arm("nvmlDeviceCreateGpuInstance",
	    (struct world_fault){.fail = NVML_ERROR_TIMEOUT, .times = 1, .after = true});
	assert_code(nvmlDeviceCreateGpuInstance(device, 19, &gi), NVML_ERROR_TIMEOUT);
	assert_int_equal(n_instances(), 1);
	end();
}

static void a_wrong_answer_is_success_and_nothing_done(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_gpu_instance *gi = (void *)1;

	(void)unused;
	arm("nvmlDeviceCreateGpuInstance", (struct world_fault){.wrong = true, .times = 1});
	assert_ok(nvmlDeviceCreateGpuInstance(device, 19, &gi));
	assert_ptr_equal(gi, (void *)1);
	assert_int_equal(n_instances(), 0);
	end();
}

static void a_late_call_is_right_in_the_end(void **unused)
{
	int64_t begin_ns;
	unsigned count;

	(void)unused;
	begin_one(A100);
	arm("*", (struct world_fault){.hang_ms = 40, .times = 1});
	begin_ns = clock_monotonic_ns();
	assert_ok(nvmlDeviceGetCount_v2(&count));
	assert_true(clock_monotonic_ns() - begin_ns >= 40000000);
	assert_int_equal(count, 1);
	end();
}

/* The caller is killed inside the call; the state is whole for everybody else. */
static void a_killed_caller_leaves_before_or_after(void **unused)
{
	(void)unused;
	for (int after = 0; after < 2; after++) {
		struct nvml_device *device = begin_one(A100);
		struct nvml_gpu_instance *gi;
		int status;
		pid_t pid;

		arm("nvmlDeviceCreateGpuInstance",
		    (struct world_fault){.kill = true, .after = after, .times = 1});
		pid = fork();
		if (!pid) {
			nvmlDeviceCreateGpuInstance(device, 19, &gi);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		assert_int_equal(n_instances(), after);
		assert_ok(nvmlDeviceCreateGpuInstance(device, 19, &gi));
		end();
	}
}

static void a_fault_may_be_of_one_gpu(void **unused)
{
	const char *boards_of_it[] = {A100, A100};
	struct nvml_device *first, *second;
	char uuid[80];

	(void)unused;
	begin(boards_of_it, 2, true);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &first));
	assert_ok(nvmlDeviceGetHandleByIndex_v2(1, &second));
	arm("nvmlDeviceGetUUID",
	    (struct world_fault){.fail = NVML_ERROR_UNKNOWN, .has_gpu = true, .gpu = 1});
	assert_ok(nvmlDeviceGetUUID(first, uuid, sizeof(uuid)));
	assert_code(nvmlDeviceGetUUID(second, uuid, sizeof(uuid)), NVML_ERROR_UNKNOWN);
	end();
}

static void init_can_fail_too(void **unused)
{
	const char *board = A100;
	struct world_spec spec = test_spec(&board, 1, true);
	unsigned count;

	(void)unused;
	make_world(&spec);
	arm("nvmlInit_v2", (struct world_fault){.fail = NVML_ERROR_UNKNOWN, .times = 1});
	assert_code(nvmlInit_v2(), NVML_ERROR_UNKNOWN);
	assert_code(nvmlDeviceGetCount_v2(&count), NVML_ERROR_UNINITIALIZED);
	assert_ok(nvmlInit_v2());
	end();
}

/* ---- time ---- */

/* What is refused is refused at once; what is done takes the time it takes. */
static void work_takes_its_time(void **unused)
{
	const char *board = A100;
	struct world_spec spec = test_spec(&board, 1, true);
	struct nvml_gpu_instance *gi, *more;
	struct nvml_device *device;
	int64_t begin_ns, needed_ns;

	(void)unused;
	spec.latency = 0.5;
	make_world(&spec);
	assert_ok(nvmlInit_v2());
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &device));
	needed_ns = world_latency_ns(world_read(test_world), 0, WORLD_WORK_GI_CREATE, 7);
	world_done(test_world);
	assert_true(needed_ns > 0);
	begin_ns = clock_monotonic_ns();
	assert_ok(nvmlDeviceCreateGpuInstance(device, 0, &gi));
	assert_true(clock_monotonic_ns() - begin_ns >= needed_ns);
	begin_ns = clock_monotonic_ns();
	assert_code(nvmlDeviceCreateGpuInstance(device, 0, &more),
		    NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_true(clock_monotonic_ns() - begin_ns < needed_ns);
	end();
}

/* A mode that is only pending costs nothing; nor does one that is there already. */
static void pending_is_quick(void **unused)
{
	const char *board = A100;
	struct world_spec spec = test_spec(&board, 1, true);
	nvmlReturn_t activation;
	struct nvml_device *device;
	int64_t begin_ns;

	(void)unused;
	spec.latency = 1;
	spec.gpus[0].mig = true;
	spec.gpus[0].passthrough = true;
	make_world(&spec);
	assert_ok(nvmlInit_v2());
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &device));
	begin_ns = clock_monotonic_ns();
	assert_ok(nvmlDeviceSetMigMode(device, 1, &activation));
	assert_int_equal(activation, NVML_SUCCESS);
	assert_ok(nvmlDeviceSetMigMode(device, 0, &activation));
	assert_int_equal(activation, NVML_ERROR_RESET_REQUIRED);
	assert_true(clock_monotonic_ns() - begin_ns < 1000000000);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_fails_so_many_times),
		cmocka_unit_test(before_nothing_is_done_after_it_is),
		cmocka_unit_test(a_wrong_answer_is_success_and_nothing_done),
		cmocka_unit_test(a_late_call_is_right_in_the_end),
		cmocka_unit_test(a_killed_caller_leaves_before_or_after),
		cmocka_unit_test(a_fault_may_be_of_one_gpu),
		cmocka_unit_test(init_can_fail_too),
		cmocka_unit_test(work_takes_its_time),
		cmocka_unit_test(pending_is_quick),
	};

	return tap_run(tests);
}
