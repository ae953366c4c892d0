/* Other programs' files, read as far as we ask. */
#include "../tap.h"

#include <string.h>

#include "base/array.h"
#include "check/conf.h"

static void toml(void **unused)
{
	static const char text[] = "accept-x = true # yes\n"
				   "a.b = 7\n"
				   "#[n]\n#k = 1\n"
				   "[n]\n"
				   "k = \"one # two\"\n"
				   "k2 = 'q'\n"
				   "  [ m ]  \n"
				   "k = 3\r\n"
				   "\"k4\" = [1, 2]\n"
				   "novalue\n"
				   "[m.x]\nk=5";
	static const struct {
		const char *key, *value; /* NULL: not there */
	} rows[] = {
		{"accept-x", "true"}, {"n.k", "one # two"}, {"n.k2", "q"}, {"m.k", "3"},
		{"m.k4", "[1, 2]"},   {"m.x.k", "5"},	    {"a.b", "7"},  {"k", NULL},
		{"n.accept-x", NULL}, {"novalue", NULL},    {"x.k", NULL},
	};
	char value[32];

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool found = conf_toml(text, rows[i].key, value, sizeof(value));

		if (found != !!rows[i].value || (found && strcmp(value, rows[i].value) != 0))
			fail_msg("%s: %s", rows[i].key, found ? value : "not there");
	}
	assert_true(conf_toml("a = 1\na = 2\n", "a", value, sizeof(value)));
	assert_string_equal(value, "2");
}

static void assignments(void **unused)
{
	char value[16];

	(void)unused;
	assert_true(conf_assignment("#LSF_MANAGE_MIG=N\nexport LSF_MANAGE_MIG=\"Y\" # by us\n",
				    "LSF_MANAGE_MIG", value, sizeof(value)));
	assert_string_equal(value, "Y");
	assert_false(
		conf_assignment("LSF_MANAGE_MIG_X=Y\n", "LSF_MANAGE_MIG", value, sizeof(value)));
	assert_true(conf_assignment("K=\033[31m0123456789abcdefgh\n", "K", value, sizeof(value)));
	assert_string_equal(value, "?[31m0123456789");
}

static void slurm(void **unused)
{
	static const char text[] =
		"# Type=1g.10gb\n"
		"AutoDetect=NVML\n"
		"NodeName=n1 Name=gpu type=h100_1g.10gb \\\n"
		"  File=/dev/nvidia0,/dev/nvidia-caps/nvidia-cap21,/dev/nvidia-caps/nvidia-cap22\n"
		"NodeName=n2 Gres=gpu:h100:8 # gpu:1g.10gb\n"
		"NodeName=n3 GRES=gpu:1g.10gb:7,gpu:3g.40gb:1 CPUs=4\n"
		"AccountingStorageTRES=gres/gpu,gres/gpu:1g.10gb\n"
		"AutoDetect=off\n";
	static const struct {
		enum slurm_kind kind;
		unsigned line;
	} wanted[] = {
		{SLURM_AUTODETECT, 2}, {SLURM_TYPE, 3}, {SLURM_CAP, 3},
		{SLURM_TYPE, 6},       {SLURM_TYPE, 7},
	};
	struct slurm_line found[8];
	size_t n = conf_slurm(text, found, ARRAY_SIZE(found));

	(void)unused;
	assert_int_equal(n, ARRAY_SIZE(wanted));
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(found[i].kind, wanted[i].kind);
		assert_int_equal(found[i].line, wanted[i].line);
	}
	assert_string_equal(found[1].word, "type=h100_1g.10gb");
	assert_int_equal(conf_slurm(text, found, 1), 5); /* counted beyond the room */
	assert_int_equal(conf_slurm("", found, 1), 0);
}

static void dpkg(void **unused)
{
	static const char text[] =
		"Package: nvidia-container-toolkit-base\nStatus: install ok installed\n"
		"Version: 9\n\n"
		"Package: nvidia-container-toolkit\nStatus: install ok installed\n"
		"Description: x\n Version: 8\nVersion: 1.16.1-1\n\n"
		"Package: gone\nStatus: deinstall ok config-files\nVersion: 3\n";
	char value[32];

	(void)unused;
	assert_true(conf_dpkg_version(text, "nvidia-container-toolkit", value, sizeof(value)));
	assert_string_equal(value, "1.16.1-1");
	assert_false(conf_dpkg_version(text, "gone", value, sizeof(value)));
	assert_false(conf_dpkg_version(text, "other", value, sizeof(value)));
	assert_true(conf_dpkg_version("Package: a\nVersion: 1\nStatus: install ok installed", "a",
				      value, sizeof(value)));
}

static void names(void **unused)
{
	const char *at = "x MIG-00000000-0000-5000-8000-00000000000A,MIG-GPU-1/2/3 MIG-zz "
			 "MIG-00000000-0000-5000-8000-000000000002";
	char mig[41];

	(void)unused;
	assert_true(conf_next_mig(&at, mig));
	assert_string_equal(mig, "MIG-00000000-0000-5000-8000-00000000000A");
	assert_true(conf_next_mig(&at, mig));
	assert_string_equal(mig, "MIG-00000000-0000-5000-8000-000000000002");
	assert_false(conf_next_mig(&at, mig));
	assert_true(conf_has_profile("gpu:1g.10gb:7"));
	assert_true(conf_has_profile("1c.3g.40gb"));
	assert_false(conf_has_profile("gpu:h100"));
	assert_false(conf_has_profile("g.10gb"));
	assert_false(conf_has_profile("10g.x"));
}

static void versions(void **unused)
{
	static const struct {
		const char *a, *b;
		int order;
	} rows[] = {
		{"550.163.01", "550.90.07", 1},	  {"450.80.02", "450.80.02", 0}, {"R525", "525", 0},
		{"1.16.1-1", "1.16.2", -1},	  {"1.17.8-1", "1.17.8", 1},	 {"", "", 0},
		{"510", "470.57.02", 1},	  {"470.57.02", "510", -1},	 {"x", "0", 0},
		{"99999999999999999999", "1", 1},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (conf_version_compare(rows[i].a, rows[i].b) != rows[i].order)
			fail_msg("'%s' and '%s'", rows[i].a, rows[i].b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(toml), cmocka_unit_test(assignments), cmocka_unit_test(slurm),
		cmocka_unit_test(dpkg), cmocka_unit_test(names),       cmocka_unit_test(versions),
	};

	return tap_run(tests);
}
