/* What the driver tells of its numbers. */
#include "../tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "isolate/driver.h"

static void majors(void **state)
{
	struct driver_majors majors;

	(void)state;
	driver_parse_devices("Character devices:\n  1 mem\n195 nvidia-frontend\n236 nvidia-caps\n"
			     "507 nvidia-caps-imex-channels\n511 nvidia-uvm\n\nBlock devices:\n"
			     "  8 nvidia-caps\n",
			     &majors);
	assert_true(majors.has_caps && majors.has_uvm);
	assert_int_equal(majors.caps, 236);
	assert_int_equal(majors.uvm, 511);
}

static void no_majors(void **state)
{
	static const char *const texts[] = {
		"", "\n\n", "Character devices:\n", "nvidia-caps\n", "99999999999 nvidia-caps\n",
		"236nvidia-caps", "Block devices:\n236 nvidia-caps\n",
	};
	struct driver_majors majors;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		driver_parse_devices(texts[i], &majors);
		assert_false(majors.has_caps || majors.has_uvm);
	}
}

static void numbers(void **state)
{
	unsigned n = 7;

	(void)state;
	assert_true(driver_parse_field("DeviceFileMinor: 12\nDeviceFileMode: 292\n",
				       "DeviceFileMinor", &n));
	assert_int_equal(n, 12);
	assert_true(driver_parse_minor("config 1\ngpu0/gi1/access 12\ngpu0/gi1/ci0/access 13",
				       "gpu0/gi1/ci0/access", &n));
	assert_int_equal(n, 13);
	n = 7;
	assert_false(driver_parse_minor("gpu10/gi1/access 5\n", "gpu1/gi1/access", &n));
	assert_false(driver_parse_minor("xgpu1/gi1/access 5\n", "gpu1/gi1/access", &n));
	assert_false(driver_parse_minor("gpu1/gi1/access five\n", "gpu1/gi1/access", &n));
	assert_false(driver_parse_minor("gpu1/gi1/access 5 6\n", "gpu1/gi1/access", &n));
	assert_false(driver_parse_field("DeviceFileMinor: -1\n", "DeviceFileMinor", &n));
	assert_false(driver_parse_field("DeviceFileMinor: 4294967299\n", "DeviceFileMinor", &n));
	assert_int_equal(n, 7);
}

static void put(const char *folder, const char *name, const char *text)
{
	char path[256], *slash;
	struct err err = ERR_INIT;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	assert_int_equal(file_mkdirs(path, 0755, &err), 0);
	*slash = '/';
	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, &err), 0);
}

/* The living instance's own file counts; the table is for kernels that hide it. */
static void caps(void **state)
{
	char folder[] = "/tmp/carve-driver-XXXXXX", command[64];
	struct isolate_roots roots = {.dev = "/dev", .proc = folder};
	struct err err = ERR_INIT;
	unsigned gi = 0, ci = 0;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true(driver_caps(&roots, 1, 2, 0, &gi, &ci, &err) < 0);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	put(folder, "driver/nvidia-caps/mig-minors",
	    "gpu1/gi2/access 156\ngpu1/gi2/ci0/access 157\n");
	assert_int_equal(driver_caps(&roots, 1, 2, 0, &gi, &ci, &err), 0);
	assert_int_equal(gi, 156);
	assert_int_equal(ci, 157);
	put(folder, "driver/nvidia/capabilities/gpu1/mig/gi2/access", "DeviceFileMinor: 900\n");
	assert_int_equal(driver_caps(&roots, 1, 2, 0, &gi, &ci, &err), 0);
	assert_int_equal(gi, 900);
	assert_int_equal(ci, 157);
	/* Elsewhere than on procfs nothing is written. */
	driver_let_modify(&roots, 1, 2, 0, false);
	assert_int_equal(driver_caps(&roots, 1, 2, 0, &gi, &ci, &err), 0);
	assert_int_equal(gi, 900);
	assert_true(driver_caps(&roots, 1, 2, 1, &gi, &ci, &err) < 0);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(majors),
		cmocka_unit_test(no_majors),
		cmocka_unit_test(numbers),
		cmocka_unit_test(caps),
	};

	return tap_run(tests);
}
