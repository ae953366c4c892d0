#include "nvml-test.h"

#include <sys/wait.h>

/*
 * The rights are files of the world: whoever cannot open mig/config may not
 * change how GPUs are divided, whoever cannot open mig/monitor may not see all
 * of a divided one. Root may open everything, so a child gives that up first.
 */

static struct nvml_device *gpu, *undivided, *mig;
static struct nvml_gpu_instance *gi;
static struct nvml_compute_instance *ci;

static struct nvml_gpu_instance *ret_gi, *gis[7];
static struct nvml_compute_instance *ret_ci, *cis[7];
static struct nvml_gi_profile_info gi_profile;
static struct nvml_ci_profile_info ci_profile;
static struct nvml_gi_info gi_info;
static struct nvml_ci_info ci_info;
static struct nvml_placement placements[8];
static struct nvml_memory memory;
static struct nvml_bar1_memory bar1;
static struct nvml_process_info processes[4];
static struct nvml_device *ret_device;
static nvmlReturn_t activation;
static unsigned count, other;
static char text[96];

/* GPU 0 is in MIG mode, GPU 1 is not: a call that needs it is refused for lack of rights first. */
#define PRIVILEGED(X)                                                                              \
	X(DeviceSetMigMode(gpu, 0, &activation))                                                   \
	X(DeviceSetMigMode(undivided, 1, &activation))                                             \
	X(DeviceSetPersistenceMode(gpu, 1))                                                        \
	X(DeviceSetComputeMode(undivided, 2))                                                      \
	X(DeviceGetGpuInstancePossiblePlacements_v2(gpu, 19, placements, &count))                  \
	X(DeviceGetGpuInstanceRemainingCapacity(gpu, 19, &count))                                  \
	X(DeviceCreateGpuInstance(gpu, 19, &ret_gi))                                               \
	X(DeviceCreateGpuInstance(gpu, 77, &ret_gi))                                               \
	X(DeviceCreateGpuInstance(undivided, 19, &ret_gi))                                         \
	X(DeviceCreateGpuInstanceWithPlacement(undivided, 19, placements, &ret_gi))                \
	X(DeviceGetGpuInstances(gpu, 19, gis, &count))                                             \
	X(DeviceGetGpuInstanceById(gpu, 13, &ret_gi))                                              \
	X(GpuInstanceDestroy(gi))                                                                  \
	X(GpuInstanceCreateComputeInstance(gi, 0, &ret_ci))                                        \
	X(GpuInstanceCreateComputeInstanceWithPlacement(gi, 0, placements, &ret_ci))               \
	X(GpuInstanceGetComputeInstanceRemainingCapacity(gi, 0, &count))                           \
	X(GpuInstanceGetComputeInstancePossiblePlacements(gi, 0, placements, &count))              \
	X(GpuInstanceGetComputeInstances(gi, 0, cis, &count))                                      \
	X(GpuInstanceGetComputeInstanceById(gi, 0, &ret_ci))                                       \
	X(ComputeInstanceDestroy(ci))                                                              \
	X(DeviceGetMemoryInfo(gpu, &memory))                                                       \
	X(DeviceGetBAR1MemoryInfo(gpu, &bar1))                                                     \
	X(DeviceGetComputeRunningProcesses_v3(gpu, &count, processes))

#define FREE(X)                                                                                    \
	X(DeviceGetCount_v2(&count))                                                               \
	X(DeviceGetName(gpu, text, sizeof(text)))                                                  \
	X(DeviceGetUUID(mig, text, sizeof(text)))                                                  \
	X(DeviceGetMigMode(gpu, &count, &other))                                                   \
	X(DeviceGetGpuInstanceProfileInfo(gpu, 0, &gi_profile))                                    \
	X(DeviceGetMigDeviceHandleByIndex(gpu, 0, &ret_device))                                    \
	X(GpuInstanceGetComputeInstanceProfileInfo(gi, 0, 0, &ci_profile))                         \
	X(GpuInstanceGetInfo(gi, &gi_info))                                                        \
	X(ComputeInstanceGetInfo_v2(ci, &ci_info))                                                 \
	X(DeviceGetMemoryInfo(mig, &memory))                                                       \
	X(DeviceGetMemoryInfo(undivided, &memory))                                                 \
	X(DeviceGetComputeRunningProcesses_v3(mig, &count, processes))                             \
	X(DeviceGetComputeRunningProcesses_v3(undivided, &count, processes))

static int wrong;

static void check(const char *call, nvmlReturn_t code, nvmlReturn_t expected)
{
	if (code == expected)
		return;
	fprintf(stderr, "%s: %s, not %s\n", call, nvmlErrorString(code), nvmlErrorString(expected));
	wrong++;
}

static void set_rights(mode_t mode)
{
	static const char *const names[] = {"config", "monitor"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/mig/%s", test_dir, names[i]);
		assert_int_equal(chmod(path, mode), 0);
	}
}

static void set_up(void)
{
	const char *boards_of_it[] = {A100, A100};
	struct world_spec spec = test_spec(boards_of_it, 2, true);

	spec.gpus[1].mig = false;
	make_world(&spec);
	assert_ok(nvmlInit_v2());
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &gpu));
	assert_ok(nvmlDeviceGetHandleByIndex_v2(1, &undivided));
	gi = make_gi(gpu, 19);
	ci = make_ci(gi, 0);
	mig = mig_device(gpu, 0);
	count = 7;
}

/* Run as somebody without rights; the number of things that were wrong. */
static int as_nobody(void (*run)(void))
{
	int status;
	pid_t pid;

	set_rights(0);
	pid = fork();
	if (!pid) {
		if (getuid() == 0 && setresuid(65534, 65534, 65534))
			_exit(100);
		run();
		_exit(wrong);
	}
	waitpid(pid, &status, 0);
	set_rights(0400);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 101;
}

static void try_privileged(void)
{
#define X(call) check(#call, nvml##call, NVML_ERROR_NO_PERMISSION);
	PRIVILEGED(X)
#undef X
}

static void try_free(void)
{
#define X(call)                                                                                    \
	count = 4;                                                                                 \
	check(#call, nvml##call, NVML_SUCCESS);
	FREE(X)
#undef X
}

static void what_needs_rights(void **unused)
{
	(void)unused;
	set_up();
	assert_int_equal(as_nobody(try_privileged), 0);
	end();
}

static void what_needs_none(void **unused)
{
	(void)unused;
	set_up();
	assert_int_equal(as_nobody(try_free), 0);
	end();
}

static void list_nothing(void)
{
	check("no instances", nvmlDeviceGetGpuInstances(gpu, 19, gis, &count), NVML_SUCCESS);
	check("their number", count ? NVML_ERROR_UNKNOWN : NVML_SUCCESS, NVML_SUCCESS);
}

static void an_empty_list_needs_none(void **unused)
{
	(void)unused;
	set_up();
	assert_ok(nvmlComputeInstanceDestroy(ci));
	assert_ok(nvmlGpuInstanceDestroy(gi));
	assert_int_equal(as_nobody(list_nothing), 0);
	end();
}

static void wait_for_an_event(void)
{
	struct nvml_event_data data;
	struct nvml_event_set *set;
	struct world_state *next;

	check("set", nvmlEventSetCreate(&set), NVML_SUCCESS);
	check("register", nvmlDeviceRegisterEvents(gpu, NVML_EVENT_XID, set), NVML_SUCCESS);
	next = world_change(test_world);
	world_event(next, 0, NVML_EVENT_XID, 43, 13, 0);
	world_event(next, 0, NVML_EVENT_XID, 79, WORLD_NONE, WORLD_NONE);
	world_commit(test_world);
	check("wait", nvmlEventSetWait_v2(set, &data, 0), NVML_SUCCESS);
	check("the first event is the GPU's", data.data == 79 ? NVML_SUCCESS : NVML_ERROR_UNKNOWN,
	      NVML_SUCCESS);
}

static void events_of_instances_need_rights(void **unused)
{
	(void)unused;
	set_up();
	assert_int_equal(as_nobody(wait_for_an_event), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_needs_rights),
		cmocka_unit_test(what_needs_none),
		cmocka_unit_test(an_empty_list_needs_none),
		cmocka_unit_test(events_of_instances_need_rights),
	};

	return tap_run(tests);
}
