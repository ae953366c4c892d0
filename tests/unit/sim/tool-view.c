#include "../tap.h"

#include <string.h>

#include "base/cleanup.h"
#include "sim/jail-view.h"

/* The checks that the documentation of nv-caps gives. */
static void minors_are_the_drivers(void **state)
{
	cleanup(text_done) struct text minors = TEXT_INIT;
	size_t lines = 0;

	(void)state;
	assert_int_equal(view_gi_cap(0, 0), 3);
	assert_int_equal(view_ci_cap(0, 0, 0), 4);
	assert_int_equal(view_gi_cap(0, 1), 12);
	assert_int_equal(view_gi_cap(1, 0), 138);
	assert_int_equal(view_ci_cap(31, 14, 7), 4322);
	view_mig_minors(&minors);
	assert_non_null(strstr(text_str(&minors), "config 1\nmonitor 2\ngpu0/gi0/access 3\n"));
	assert_non_null(strstr(text_str(&minors), "\ngpu1/gi7/ci0/access 202\n"));
	for (const char *s = text_str(&minors); *s; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 2 + 32 * 15 * 9);
}

static void majors_are_free_ones(void **state)
{
	static const char real[] = "Character devices:\n  1 mem\n236 somebody\n511 another\n\n"
				   "Block devices:\n  7 loop\n";
	static const char with_driver[] =
		"Character devices:\n195 nvidia-frontend\n236 nvidia-caps\n"
		"\nBlock devices:\n";
	cleanup(text_done) struct text text = TEXT_INIT;
	cleanup(text_done) struct text again = TEXT_INIT;
	unsigned caps, uvm;
	bool driver;

	(void)state;
	view_devices(real, &text, &caps, &uvm, &driver);
	assert_int_equal(caps, 237);
	assert_int_equal(uvm, 510);
	assert_false(driver);
	assert_string_equal(text_str(&text),
			    "Character devices:\n  1 mem\n236 somebody\n511 another\n"
			    "195 nvidia-frontend\n237 nvidia-caps\n510 nvidia-uvm\n"
			    "\nBlock devices:\n  7 loop\n");
	view_devices(with_driver, &again, &caps, &uvm, &driver);
	assert_true(driver);
	assert_int_equal(caps, 237);
	assert_null(strstr(text_str(&again), "236"));
}

static void modules_show_the_driver_once(void **state)
{
	cleanup(text_done) struct text text = TEXT_INIT;

	(void)state;
	view_modules("nvidia 1 0 - Live 0x0\next4 2 1 - Live 0x0\n", &text);
	assert_non_null(strstr(text_str(&text), "\nnvidia 56598528 "));
	assert_null(strstr(text_str(&text), "nvidia 1 0"));
	assert_non_null(strstr(text_str(&text), "\next4 2 1 - Live 0x0\n"));
}

static void files_tell_the_board(void **state)
{
	const struct view_gpu gpu = {.minor = 3,
				     .bus = 0xc1,
				     .pci_device = 0x2330,
				     .pci_subsystem_vendor = 0x10de,
				     .pci_subsystem_device = 0x16c1,
				     .numa = 1,
				     .name = "NVIDIA H100 80GB HBM3",
				     .uuid = "GPU-x"};
	cleanup(text_done) struct text information = TEXT_INIT;

	(void)state;
	view_information(&gpu, &information);
	assert_non_null(strstr(text_str(&information),
			       "Bus Location: \t 0000:c1:00.0\nDevice Minor: \t 3"));
	for (unsigned i = 0; i < view_n_pci_files; i++) {
		cleanup(text_done) struct text text = TEXT_INIT;

		view_pci_files[i].write(&gpu, &text);
		if (!strcmp(view_pci_files[i].name, "device"))
			assert_string_equal(text_str(&text), "0x2330\n");
		if (!strcmp(view_pci_files[i].name, "class"))
			assert_string_equal(text_str(&text), "0x030200\n");
		if (!strcmp(view_pci_files[i].name, "numa_node"))
			assert_string_equal(text_str(&text), "1\n");
		if (!strcmp(view_pci_files[i].name, "config")) {
			assert_int_equal(text.len, 256);
			assert_memory_equal(text.s, "\xde\x10\x30\x23", 4);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(minors_are_the_drivers),
		cmocka_unit_test(majors_are_free_ones),
		cmocka_unit_test(modules_show_the_driver_once),
		cmocka_unit_test(files_tell_the_board),
	};

	return tap_run(tests);
}
