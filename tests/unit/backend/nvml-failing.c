/* The NVML backend when calls fail, a GPU is lost, or rights are missing. */
#include "backend-test.h"

#include <sys/wait.h>

#include "backend/nvml-api.h"

static void arm(const char *call, nvmlReturn_t code)
{
	struct world_fault fault = {
		.kind = WORLD_FAULT_CALL, .fail = (int32_t)code, .until_ns = WORLD_FOREVER};

	snprintf(fault.call, sizeof(fault.call), "%s", call);
	assert_int_equal(world_fault_add(world_change(test_world), &fault, NULL), NVML_SUCCESS);
	world_commit(test_world);
}

static void disarm(void)
{
	world_fault_clear(world_change(test_world), 0);
	world_commit(test_world);
}

static void test_lost_gpu(void **state)
{
	static const char *const ids[] = {A100, A30};
	struct world_fault lost = {
		.kind = WORLD_FAULT_LOST, .has_gpu = true, .gpu = 0, .until_ns = WORLD_FOREVER};
	struct backend_instance found[BACKEND_MAX_INSTANCES];
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	begin_backend(ids, 2, true);
	world_fault_add(world_change(test_world), &lost, NULL);
	world_commit(test_world);
	assert_works(test_backend->ops->gpus(test_backend, gpus, &n, &err));
	assert_int_equal(n, 2);
	assert_true(gpus[0].lost && !gpus[1].lost);
	assert_false(gpus[0].mig || gpus[0].has_memory);
	assert_string_equal(gpus[0].uuid, test_gpu.uuid); /* as it was */
	assert_string_equal(gpus[0].pci, test_gpu.pci);
	assert_ptr_equal(gpus[0].board, test_gpu.board);
	assert_fails(CALL(instances, found, &n), ERR_UNAVAILABLE, "GPU is lost");

	/* One that only ever saw it lost cannot say who it was. */
	backend_close(steal(test_backend));
	assert_works(backend_nvml_open(test_library, &test_backend, &err));
	assert_works(test_backend->ops->gpus(test_backend, gpus, &n, &err));
	assert_true(gpus[0].lost);
	assert_string_equal(gpus[0].uuid, "");
	end_backend();
}

static void test_codes(void **state)
{
	static const struct {
		nvmlReturn_t nvml;
		enum err_code code;
		const char *words;
	} cases[] = {
		{NVML_ERROR_IN_USE, ERR_BUSY, "In use by another client"},
		{NVML_ERROR_INSUFFICIENT_RESOURCES, ERR_NO_ROOM, "Insufficient Resources"},
		{NVML_ERROR_NO_PERMISSION, ERR_DENIED, "Insufficient Permissions"},
		{NVML_ERROR_NOT_SUPPORTED, ERR_UNSUPPORTED, "Not Supported"},
		{NVML_ERROR_NOT_FOUND, ERR_NOT_FOUND, "Not Found"},
		{NVML_ERROR_GPU_IS_LOST, ERR_UNAVAILABLE, "GPU is lost"},
		{NVML_ERROR_DRIVER_NOT_LOADED, ERR_UNAVAILABLE, "Driver Not Loaded"},
		{NVML_ERROR_TIMEOUT, ERR_TIMEOUT, "Timeout"},
		{NVML_ERROR_MEMORY, ERR_NOMEM, "Insufficient Memory"},
		{NVML_ERROR_INVALID_ARGUMENT, ERR_DRIVER, "Invalid Argument"},
		{NVML_ERROR_UNKNOWN, ERR_DRIVER, "Unknown Error"},
		{(nvmlReturn_t)4711, ERR_DRIVER, "unknown error 4711"},
	};
	struct err err = ERR_INIT;
	unsigned gi;

	(void)state;
	begin_backend(one_a100, 1, true);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		arm("nvmlDeviceCreateGpuInstanceWithPlacement", cases[i].nvml);
		assert_fails(CALL(gi_create, P1G, 0, 1, &gi), cases[i].code, cases[i].words);
		disarm();
	}
	end_backend();
}

/* What a GPU may keep to itself. */
static bool is_optional(const char *call)
{
	static const char *const optional[] = {
		"nvmlDeviceGetName",	      "nvmlDeviceGetSerial",
		"nvmlDeviceGetPciInfo_v3",    "nvmlDeviceGetMinorNumber",
		"nvmlDeviceGetMemoryInfo",    "nvmlDeviceGetMemoryInfo_v2",
		"nvmlDeviceGetAttributes_v2", "nvmlSystemGetCudaDriverVersion_v2",
	};

	for (size_t i = 0; i < ARRAY_SIZE(optional); i++)
		if (!strcmp(optional[i], call))
			return true;
	return false;
}

/* Answers, not failures: there is no such thing here, you may not see it, we have no such call. */
static bool is_answer(nvmlReturn_t code)
{
	return code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_NO_PERMISSION ||
	       code == NVML_ERROR_FUNCTION_NOT_FOUND;
}

/* Read everything of a GPU with one compute instance; *ret_seen: was it there? */
static int read_all(bool *ret_seen, struct err *err)
{
	const struct backend_ops *ops = test_backend->ops;
	struct backend_instance instances[BACKEND_MAX_INSTANCES];
	struct backend_profile profiles[BACKEND_MAX_PROFILES];
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct backend_process *processes = NULL;
	struct backend_driver driver;
	size_t n;
	int r;

	*ret_seen = false;
	r = ops->driver(test_backend, &driver, err);
	r = r ? r : ops->gpus(test_backend, gpus, &n, err);
	r = r ? r : ops->profiles(test_backend, test_gpu.uuid, profiles, &n, err);
	r = r ? r : ops->processes(test_backend, test_gpu.uuid, &processes, &n, err);
	free(processes);
	r = r ? r : ops->instances(test_backend, test_gpu.uuid, instances, &n, err);
	*ret_seen = !r && n == 1 && instances[0].n_cis == 1 && *instances[0].cis[0].uuid;
	return r;
}

static bool has_struck(void)
{
	bool struck = world_read(test_world)->faults[0].struck > 0;

	world_done(test_world);
	return struck;
}

static bool try_failing(const char *call, nvmlReturn_t code)
{
	struct err err = ERR_INIT;
	bool seen, struck;
	int r;

	arm(call, code);
	r = read_all(&seen, &err);
	struck = has_struck();
	disarm();
	if (r && (!struck || !strstr(err.text, ": ")))
		fail_msg("%s %d: %s", call, code, err.text);
	if (!r && struck && !is_optional(call) && !is_answer(code) &&
	    code != NVML_ERROR_GPU_IS_LOST && code != NVML_ERROR_RESET_REQUIRED)
		fail_msg("%s %d: unnoticed", call, code);
	/* A GPU that says it has no MIG has no instances; else none is ever overlooked. */
	if (!r && !seen && strcmp(call, "nvmlDeviceGetMigMode") != 0)
		fail_msg("%s %d: the instance was overlooked", call, code);
	return struck;
}

static void test_every_call_failing(void **state)
{
	static const char *const calls[] = {
#define X(name, older) "nvml" #name,
		NVML_API(X)
#undef X
	};
	unsigned struck = 0;

	(void)state;
	begin_backend(one_a100, 1, true);
	create_ci(create(P3G, 0, 4), C3);
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		for (int code = 1; code <= 30; code++)
			struck += try_failing(calls[i], (nvmlReturn_t)code);
		try_failing(calls[i], NVML_ERROR_UNKNOWN);
	}
	assert_true(struck > 20 * 30); /* so many calls are made by reading */
	end_backend();
}

/* Made, but what it is cannot be read: it is taken back. */
static void test_taken_back(void **state)
{
	struct backend_instance found[BACKEND_MAX_INSTANCES];
	struct err err = ERR_INIT;
	unsigned gi, id = 99;
	size_t n;

	(void)state;
	begin_backend(one_a100, 1, true);
	arm("nvmlGpuInstanceGetInfo", NVML_ERROR_UNKNOWN);
	assert_fails(CALL(gi_create, P3G, 0, 4, &id), ERR_DRIVER, "nvmlGpuInstanceGetInfo");
	disarm();
	assert_works(CALL(instances, found, &n));
	assert_int_equal(n, 0);

	gi = create(P3G, 0, 4);
	arm("nvmlComputeInstanceGetInfo_v2", NVML_ERROR_UNKNOWN);
	assert_fails(CALL(ci_create, gi, C3, &id), ERR_DRIVER, "nvmlComputeInstanceGetInfo_v2");
	disarm();
	assert_works(CALL(instances, found, &n));
	assert_int_equal(n, 1);
	assert_int_equal(found[0].n_cis, 0);

	arm("nvmlComputeInstanceGetInfo_v2", NVML_ERROR_UNKNOWN);
	arm("nvmlComputeInstanceDestroy", NVML_ERROR_IN_USE);
	assert_fails(CALL(ci_create, gi, C3, &id), ERR_DIRTY, "could not be taken back");
	disarm();
	assert_int_equal(id, 99);
	end_backend();
}

/* ---- without privilege ---- */

/* In a process of its own; each number is something that was wrong. */
static int see_without_privilege(void)
{
	struct backend_instance found[BACKEND_MAX_INSTANCES];
	struct backend_profile profiles[BACKEND_MAX_PROFILES];
	struct err err = ERR_INIT;
	unsigned gi;
	size_t n;

	if (getuid() == 0 && setresuid(65534, 65534, 65534))
		return 1;
	if (CALL(gi_create, P1G, 6, 1, &gi) != -ERR_DENIED)
		return 2;
	if (CALL(profiles, profiles, &n) || !n || profiles[0].size || profiles[0].starts)
		return 3;
	if (CALL(instances, found, &n) || n != 1)
		return 4;
	if (found[0].profile_id != BACKEND_NONE || found[0].start != BACKEND_NONE)
		return 5;
	return found[0].n_cis != 1 || found[0].cis[0].slices != 3 || !*found[0].cis[0].uuid ? 6 : 0;
}

static void set_rights(mode_t mode)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/mig/config", test_dir);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_without_privilege(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	begin_backend(one_a100, 1, true);
	create_ci(create(P3G, 0, 4), C3);
	set_rights(0);
	pid = fork();
	if (!pid)
		_exit(see_without_privilege());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	set_rights(0400);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	end_backend();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lost_gpu),	   cmocka_unit_test(test_codes),
		cmocka_unit_test(test_every_call_failing), cmocka_unit_test(test_taken_back),
		cmocka_unit_test(test_without_privilege),
	};

	test_library = argc > 1 ? argv[1] : NULL;
	return tap_run(tests);
}
