/* A library that is old, incomplete and lies: none of it is believed. */
#include "../tap.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/backend.h"
#include "base/array.h"
#include "base/cleanup.h"
#include "fake.h"

static const char *library; /* the build tells */
static struct backend *backend;
static struct fake_answers *fake; /* the library's own */

static void begin(void)
{
	struct err err = ERR_INIT;
	void *handle = dlopen(library, RTLD_NOW);

	assert_non_null(handle);
	fake = dlsym(handle, "fake");
	assert_non_null(fake);
	*fake = FAKE_SENSIBLE;
	assert_int_equal(backend_nvml_open(library, &backend, &err), 0);
	dlclose(handle); /* the backend keeps it */
}

static void end(void)
{
	backend_close(steal(backend));
}

/* ---- reads that only care whether it worked ---- */

static int read_gpus(struct err *err)
{
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	size_t n;

	return backend->ops->gpus(backend, gpus, &n, err);
}

static int read_profiles(struct err *err)
{
	struct backend_profile profiles[BACKEND_MAX_PROFILES];
	size_t n;

	return backend->ops->profiles(backend, FAKE_GPU, profiles, &n, err);
}

static int read_instances(struct err *err)
{
	struct backend_instance instances[BACKEND_MAX_INSTANCES];
	size_t n;

	return backend->ops->instances(backend, FAKE_GPU, instances, &n, err);
}

static int read_processes(struct err *err)
{
	struct backend_process *processes = NULL;
	size_t n;
	int r = backend->ops->processes(backend, FAKE_GPU, &processes, &n, err);

	free(processes);
	return r;
}

#define MANY 0xffffffffu
#define LIE(field, value, read, code, words)                                                       \
	{                                                                                          \
#field " is " #value, offsetof(struct fake_answers, field), value, read, code,     \
			words                                                                      \
	}

static void test_lies(void **state)
{
	static const struct {
		const char *what;
		size_t at;
		unsigned value;
		int (*read)(struct err *err);
		enum err_code code;
		const char *words;
	} lies[] = {
		LIE(gpus, MANY, read_gpus, ERR_DRIVER, "4294967295 GPUs"),
		LIE(gpus, 33, read_gpus, ERR_DRIVER, "33 GPUs"),
		LIE(gpus, 2, read_gpus, ERR_DRIVER, "two GPUs are '" FAKE_GPU "'"),
		LIE(device_null, 1, read_gpus, ERR_DRIVER, "no handle"),
		LIE(device_null, 1, read_profiles, ERR_DRIVER, "no handle"),
		LIE(slices, 0, read_profiles, ERR_DRIVER, "0 slices"),
		LIE(slices, MANY, read_profiles, ERR_DRIVER, "4294967295 slices"),
		LIE(instances, 0, read_profiles, ERR_DRIVER, "0 instances"),
		LIE(instances, MANY, read_profiles, ERR_DRIVER, "4294967295 instances"),
		LIE(places, MANY, read_profiles, ERR_DRIVER, "4294967295 places"),
		LIE(places, 65, read_profiles, ERR_DRIVER, "65 places"),
		LIE(places, 5, read_profiles, ERR_DRIVER, "at 16"),
		LIE(place_start, MANY, read_profiles, ERR_DRIVER, "at 4294967295"),
		LIE(place_size, 0, read_profiles, ERR_DRIVER, "size 0"),
		LIE(place_size, MANY, read_profiles, ERR_DRIVER, "size 4294967295"),
		LIE(n_gis, MANY, read_instances, ERR_DRIVER, "4294967295 instances"),
		LIE(n_gis, 2, read_instances, ERR_DRIVER, "instance 2 of profile 9"),
		LIE(gi, MANY, read_instances, ERR_DRIVER, "instance 4294967295"),
		LIE(gi, 3, read_instances, ERR_STALE, "in no instance"),
		LIE(profile, 5, read_instances, ERR_DRIVER, "listed under 9"),
		LIE(start, MANY, read_instances, ERR_DRIVER, "at 4294967295"),
		LIE(start, 13, read_instances, ERR_DRIVER, "at 13, size 4"),
		LIE(size, 0, read_instances, ERR_DRIVER, "size 0"),
		LIE(size, MANY, read_instances, ERR_DRIVER, "size 4294967295"),
		LIE(n_cis, MANY, read_instances, ERR_DRIVER, "4294967295 compute instances"),
		LIE(n_cis, 2, read_instances, ERR_DRIVER, "instance 0 at 0"),
		LIE(n_cis, 0, read_instances, ERR_STALE, "in no instance"),
		LIE(ci, MANY, read_instances, ERR_DRIVER, "instance 4294967295"),
		LIE(ci_start, MANY, read_instances, ERR_DRIVER, "at 4294967295"),
		LIE(ci_size, MANY, read_instances, ERR_DRIVER, "size 4294967295"),
		LIE(max_migs, MANY, read_instances, ERR_DRIVER, "4294967295 MIG devices"),
		LIE(n_migs, 0, read_instances, ERR_STALE, "1 compute instances, but 0 MIG devices"),
		LIE(n_migs, 7, read_instances, ERR_STALE, "but 7 MIG devices"),
		LIE(mig_gi, MANY, read_instances, ERR_DRIVER, "instance 4294967295/0"),
		LIE(mig_ci, MANY, read_instances, ERR_DRIVER, "instance 2/4294967295"),
		LIE(processes, MANY, read_processes, ERR_DRIVER, "4294967295 processes"),
		LIE(processes, 65, read_processes, ERR_DRIVER, "65 processes"),
		LIE(processes_more, 1, read_processes, ERR_DRIVER, "Insufficient Size"),
	};

	(void)state;
	begin();
	for (size_t i = 0; i < ARRAY_SIZE(lies); i++) {
		struct err err = ERR_INIT;
		int r;

		*fake = FAKE_SENSIBLE;
		assert_int_equal(lies[i].read(&err), 0);
		memcpy((char *)fake + lies[i].at, &lies[i].value, sizeof(unsigned));
		r = lies[i].read(&err);
		if (r != -(int)lies[i].code || !strstr(err.text, lies[i].words))
			fail_msg("%s: %s: '%s', not %s with '%s'", lies[i].what, err_name(err.code),
				 err.text, err_name(lies[i].code), lies[i].words);
	}
	end();
}

/* Buffers filled to the last byte, with what could harm a terminal. */
static void test_texts_without_end(void **state)
{
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct backend_driver driver;
	struct err err = ERR_INIT;
	char want[BACKEND_UUID];
	size_t n;

	(void)state;
	begin();
	fake->text = '\x1b';
	fake->uuid = 'A';
	memset(want, '?', 80);
	want[79] = '\0';
	assert_int_equal(backend->ops->driver(backend, &driver, &err), 0);
	assert_string_equal(driver.driver, want);
	assert_string_equal(driver.nvml, want);
	assert_int_equal(backend->ops->gpus(backend, gpus, &n, &err), 0);
	memset(want, '?', 95);
	want[95] = '\0';
	assert_string_equal(gpus[0].name, want);
	memset(want, 'A', 95);
	assert_string_equal(gpus[0].uuid, want);
	assert_null(gpus[0].board);

	fake->uuid = '\xff';
	assert_int_equal(read_gpus(&err), -ERR_DRIVER);
	assert_non_null(strstr(err.text, "a UUID '???"));
	fake->uuid = ' ';
	assert_int_equal(read_gpus(&err), -ERR_DRIVER);
	end();
}

static void test_absurd_memory_is_not_known(void **state)
{
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	begin();
	assert_int_equal(backend->ops->gpus(backend, gpus, &n, &err), 0);
	assert_true(gpus[0].has_memory && gpus[0].memory_used_bytes == 1 << 30);
	fake->memory_used = UINT64_MAX;
	assert_int_equal(backend->ops->gpus(backend, gpus, &n, &err), 0);
	assert_false(gpus[0].has_memory);
	end();
}

/* Older names stand in; what is in neither form is told, and only what needs it fails. */
static void test_missing_calls(void **state)
{
	struct backend_driver driver;
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct err err = ERR_INIT;
	unsigned gi;
	bool pending;
	size_t n;

	(void)state;
	begin();
	assert_int_equal(backend->ops->driver(backend, &driver, &err), 0);
	assert_true(driver.has_cuda && driver.cuda_major == 11 && driver.cuda_minor == 2);
	assert_non_null(strstr(driver.missing, "nvmlDeviceSetMigMode"));
	assert_non_null(strstr(driver.missing, "nvmlDeviceGetMemoryInfo_v2"));
	assert_null(strstr(driver.missing, "nvmlDeviceGetCount"));
	assert_null(strstr(driver.missing, "nvmlDeviceGetComputeRunningProcesses"));

	assert_int_equal(backend->ops->gpus(backend, gpus, &n, &err), 0);
	assert_string_equal(gpus[0].serial, "");
	assert_string_equal(gpus[0].pci, "");
	assert_false(gpus[0].has_minor);
	assert_int_equal(read_processes(&err), 0);
	assert_int_equal(backend->ops->set_mig(backend, FAKE_GPU, true, &pending, &err),
			 -ERR_UNSUPPORTED);
	assert_string_equal(err.text,
			    "GPU '" FAKE_GPU "': nvmlDeviceSetMigMode: Function Not Found");
	assert_int_equal(backend->ops->gi_create(backend, FAKE_GPU, 9, 0, 4, &gi, &err),
			 -ERR_UNSUPPORTED);
	end();
}

static void test_events(void **state)
{
	struct backend_event event;
	struct err err = ERR_INIT;

	(void)state;
	begin();
	fake->event_types = 0x1; /* neither of those we want */
	assert_int_equal(backend->ops->wait_event(backend, 1, &event, &err), -ERR_UNSUPPORTED);
	fake->event_types = 0x9; /* one of them */
	assert_int_equal(backend->ops->wait_event(backend, 1, &event, &err), 0);
	assert_int_equal(event.kind, BACKEND_EVENT_OTHER);
	assert_int_equal(event.xid, 0);
	assert_string_equal(event.gpu, FAKE_GPU);
	end();
}

static void test_no_driver(void **state)
{
	struct backend *none = NULL;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(backend_nvml_open("/nowhere/libnvidia-ml.so.1", &none, &err),
			 -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "/nowhere/libnvidia-ml.so.1"));
	assert_non_null(strstr(err.hint, "driver"));
	assert_int_equal(backend_nvml_open("libm.so.6", &none, &err), -ERR_UNAVAILABLE);
	assert_non_null(strstr(err.text, "is no NVML library"));
	assert_null(none);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lies),
		cmocka_unit_test(test_texts_without_end),
		cmocka_unit_test(test_absurd_memory_is_not_known),
		cmocka_unit_test(test_missing_calls),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_no_driver),
	};

	library = argc > 1 ? argv[1] : NULL;
	return tap_run(tests);
}
