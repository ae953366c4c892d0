/*
 * Wishes in every form, for a server with two A100 80GB, one H100 and a GPU
 * that carve does not know. What is read is compared as words.
 */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "planner/wish.h"

static struct wish_server server;

static int make_server(void **state)
{
	(void)state;
	server = (struct wish_server){
		.n = 4,
		.gpus = {{0, "GPU-aa", board_by_id("a100-sxm4-80gb")},
			 {1, "GPU-bb", board_by_id("a100-sxm4-80gb")},
			 {2, "GPU-cc", board_by_id("h100-sxm5-80gb")},
			 {3, "GPU-dd", NULL}},
	};
	return 0;
}

static void expect(const char *what, int r, const struct err *err, const struct wish *wish,
		   const char *words, const char *mistake)
{
	cleanup(text_done) struct text got = TEXT_INIT;

	if (!r)
		wish_write(WISH_WORDS, &server, wish, "x", &got);
	if (r && (!mistake || strcmp(err->text, mistake)))
		fail_msg("%s: '%s' (%s), wanted '%s'", what, err->text, err->hint,
			 mistake ? mistake : words);
	if (!r && (!words || strcmp(text_str(&got), words)))
		fail_msg("%s: '%s', wanted '%s'", what, text_str(&got), words ? words : mistake);
}

static void test_words(void **state)
{
	/* clang-format off */
	static const struct {
		const char *words[3], *wish, *mistake;
	} rows[] = {
		{{"gpu0=3g,2g,1g,1g", "gpu1=7x1g"}, "gpu0=3g,2g,2x1g\ngpu1=7x1g\n", NULL},
		{{"0=3g@4,1g.20gb"}, "gpu0=3g@4,1g.20gb\n", NULL},
		{{"GPU-bb=2g.20gb", "gpu2=off"}, "gpu1=2g\ngpu2=off\n", NULL},
		{{"all=empty", "gpu1=7g"}, "gpu0=empty\ngpu1=7g\ngpu2=empty\n", NULL},
		{{"gpu1=7g", "a100-sxm4-80gb=1g+me", "all=empty"}, "gpu0=1g+me\ngpu1=7g\ngpu2=empty\n", NULL},
		{{"gpu0,gpu2=2x3g"}, "gpu0=2x3g\ngpu2=2x3g\n", NULL},
		{{"gpu0"}, NULL, "'gpu0' is not GPU=INSTANCES"},
		{{"gpu0="}, NULL, "'gpu0=' is not GPU=INSTANCES"},
		{{"gpu0=3g,,1g"}, NULL, "'gpu0=3g,,1g', character 9: '' is not an instance"},
		{{"gpu0=3g,0x1g"}, NULL, "'gpu0=3g,0x1g', character 9: '0x1g' is not an instance"},
		{{"gpu0=3g@"}, NULL, "'gpu0=3g@', character 6: '3g@' is not an instance"},
		{{"gpu0=2x3g@4"}, NULL, "'gpu0=2x3g@4', character 6: '2x3g@4' is not an instance"},
		{{"gpu0=3g,2q"}, NULL,
		 "'gpu0=3g,2q', character 9: GPU 0 (a100-sxm4-80gb) has no profile '2q'"},
		{{"gpu0=3g@2"}, NULL, "'gpu0=3g@2', character 6: 3g.40gb cannot start at 2"},
		{{"gpu0=3g,17x1g"}, NULL, "'gpu0=3g,17x1g', character 9: more than 16 instances for GPU 0"},
		{{"gpu0=1g,99999x1g"}, NULL, "'gpu0=1g,99999x1g', character 9: more than 16 instances for GPU 0"},
		{{"gpu9=3g"}, NULL, "'gpu9=3g', character 1: there is no GPU 9"},
		{{"gpu0,gpu0=3g"}, NULL, "'gpu0,gpu0=3g', character 6: GPU 0 is given twice"},
		{{"gpu3=3g"}, NULL, "'gpu3=3g', character 6: GPU 3 is of no board that carve knows"},
		{{"a100-sxm4-80bg=3g"}, NULL, "'a100-sxm4-80bg=3g', character 1: 'a100-sxm4-80bg' is no GPU"},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct wish wish;
		struct err err = ERR_INIT;
		size_t n = 0;
		int r;

		while (n < 3 && rows[i].words[n])
			n++;
		r = wish_from_words((char *const *)rows[i].words, n, &server, &wish, &err);
		expect(rows[i].words[0], r, &err, &wish, rows[i].wish, rows[i].mistake);
	}
}

struct file_row {
	const char *file, *chosen, *wish, *mistake;
};

static void check_files(const struct file_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct wish wish;
		struct err err = ERR_INIT;
		int r = wish_parse(rows[i].file, strlen(rows[i].file), "f.yaml", rows[i].chosen,
				   &server, &wish, &err);

		expect(rows[i].file, r, &err, &wish, rows[i].wish, rows[i].mistake);
	}
}

#define OURS	"version: 1\nlayouts:\n  day:\n"
#define PARTED	"version: v1\nmig-configs:\n  day:\n"
#define ENABLED "mig-enabled: true\n      mig-devices: "

static void test_ours(void **state)
{
	/* clang-format off */
	static const struct file_row rows[] = {
		{OURS "    - gpus: all\n      instances: [3g, 2x1g]\n", NULL,
		 "gpu0=3g,2x1g\ngpu1=3g,2x1g\ngpu2=3g,2x1g\n", NULL},
		{OURS "    - {gpus: [0, GPU-bb], instances: 3g@4}\n    - {gpus: all, mig: off}\n", NULL,
		 "gpu0=3g@4\ngpu1=3g@4\ngpu2=off\n", NULL},
		{OURS "    - {gpus: b200-180gb, instances: 7g}\n    - {gpus: 0, instances: empty}\n", "day",
		 "gpu0=empty\n", NULL},
		{OURS "    - {gpus: b200-180gb, instances: 7g}\n", NULL, NULL,
		 "nothing in 'f.yaml' is about a GPU of this server"},
		{OURS "    - {gpus: 0, instances: 3q}\n", NULL, NULL,
		 "f.yaml:4:28: GPU 0 (a100-sxm4-80gb) has no profile '3q'"},
		{OURS "    - {gpus: 0, instances: [3g, 1g@7]}\n", NULL, NULL,
		 "f.yaml:4:33: 1g.10gb cannot start at 7"},
		{OURS "    - {gpus: 0, instance: 3g}\n", NULL, NULL,
		 "f.yaml:4:17: an entry of a layout has no 'instance'"},
		{OURS "    - {gpus: 0}\n", NULL, NULL, "f.yaml:4:7: 'instances' is missing"},
		{OURS "    - {gpus: 0, mig: off, instances: 3g}\n", NULL, NULL,
		 "f.yaml:4:27: there are no instances when MIG is off"},
		{OURS "    - {gpus: 9, instances: 3g}\n", NULL, NULL, "f.yaml:4:14: there is no GPU 9"},
		{OURS "    - {gpus: [0, 0], instances: 3g}\n", NULL, NULL,
		 "f.yaml:4:18: GPU 0 is given twice"},
		{OURS "    - {gpus: [[0]], instances: 3g}\n", NULL, NULL,
		 "f.yaml:4:15: a word or a list of words must stand here"},
		{OURS "    - {gpus: 0, instances: 3g}\n  night:\n    - {gpus: 0, instances: 7g}\n", "night",
		 "gpu0=7g\n", NULL},
		{OURS "    - {gpus: 0, instances: 3g}\n  night:\n    - {gpus: 0, instances: 7g}\n", NULL,
		 NULL, "f.yaml:2:1: which of the 2 layouts?"},
		{OURS "    - {gpus: 0, instances: 3g}\n", "dya", NULL, "'f.yaml' has no layout 'dya'"},
		{OURS "    - {gpus: 0, instances: 3g}\n  night:\n    - {gpus: 0, instances: '@'}\n", "day",
		 NULL, "f.yaml:6:28: '@' is not an instance"},
		{OURS, NULL, NULL, "f.yaml:3:7: 'day' must be a list of entries"},
		{"version: 2\nlayouts: {}\n", NULL, NULL,
		 "f.yaml:1:10: version 2 is not between 1 and 1"},
		{"layouts: {}\n", NULL, NULL, "f.yaml:1:1: a layout file needs 'version'"},
	};
	/* clang-format on */

	(void)state;
	check_files(rows, ARRAY_SIZE(rows));
}

static void test_parted(void **state)
{
	/* clang-format off */
	static const struct file_row rows[] = {
		{PARTED "    - devices: [0, 1]\n      " ENABLED "{\"1g.10gb\": 2, \"3g.40gb\": 1}\n", NULL,
		 "gpu0=2x1g,3g\ngpu1=2x1g,3g\n", NULL},
		{PARTED "    - devices: all\n      " ENABLED "{}\n", NULL, "gpu0=empty\ngpu1=empty\ngpu2=empty\n",
		 NULL},
		{PARTED "    - devices: all\n      mig-enabled: false\n", NULL, "gpu0=off\ngpu1=off\ngpu2=off\n",
		 NULL},
		{PARTED "    - device-filter: [\"0x20B210DE\", \"0x233010DE\"]\n      devices: all\n      "
		 ENABLED "{\"1g.10gb+me\": 1}\n", NULL, "gpu0=1g+me\ngpu1=1g+me\ngpu2=1g+me\n", NULL},
		{PARTED "    - device-filter: \"0x233010DE\"\n      devices: all\n      " ENABLED
		 "{\"7g.80gb\": 1}\n", NULL, "gpu2=7g\n", NULL},
		{PARTED "    - devices: all\n      " ENABLED "{\"7g.80gb\": 1}\n    - devices: [1]\n      " ENABLED
		 "{\"3g.40gb\": 1, \"1g.10gb\": 0}\n", NULL, "gpu0=7g\ngpu1=3g\ngpu2=7g\n", NULL},
		{PARTED "    - devices: [0, 7]\n      " ENABLED "{\"4c.4g.40gb\": 1}\n", NULL, "gpu0=4g\n", NULL},
		{PARTED "    - devices: [0]\n      " ENABLED "{\"1c.3g.40gb\": 3}\n", NULL, NULL,
		 "f.yaml:6:21: '1c.3g.40gb' is a part of a GPU instance"},
		{PARTED "    - devices: [0]\n      " ENABLED "{\"4c.3g.40gb\": 3}\n", NULL, NULL,
		 "f.yaml:6:21: '4c.3g.40gb' is not a MIG profile"},
		{PARTED "    - devices: [0]\n      " ENABLED "{\"3g\": 1}\n", NULL, NULL,
		 "f.yaml:6:21: '3g' is not a MIG profile"},
		{PARTED "    - devices: [0]\n      " ENABLED "{\"1g.10gb+me-me\": 1}\n", NULL, NULL,
		 "f.yaml:6:21: '1g.10gb+me-me' is not a MIG profile"},
		{PARTED "    - devices: [0]\n      " ENABLED "{\"1g.5gb\": 1}\n", NULL, NULL,
		 "f.yaml:6:31: GPU 0 (a100-sxm4-80gb) has no profile '1g.5gb'"},
		{PARTED "    - devices: [0]\n      " ENABLED "{\"1g.10gb\": 1.0}\n", NULL, NULL,
		 "f.yaml:6:32: count '1.0' is not a whole number"},
		{PARTED "    - devices: [0]\n      " ENABLED "{\"1g.10gb\": -1}\n", NULL, NULL,
		 "f.yaml:6:32: count -1 is not between 0 and 2147483647"},
		{PARTED "    - devices: [0]\n      " ENABLED "{\"1g.10gb\": 0}\n", NULL, NULL,
		 "f.yaml:6:7: all counts are 0"},
		{PARTED "    - devices: [0]\n      mig-enabled: true\n", NULL, NULL,
		 "f.yaml:4:7: 'mig-devices' is missing"},
		{PARTED "    - devices: [0]\n      mig-enabled: false\n      mig-devices: {\"1g.10gb\": 1}\n", NULL,
		 NULL, "f.yaml:6:7: there are no instances when MIG is off"},
		{PARTED "    - devices: some\n      " ENABLED "{}\n", NULL, NULL,
		 "f.yaml:4:16: 'devices' is neither \"all\" nor a list of indices"},
		{PARTED "    - devices: [0]\n      mig-enable: true\n", NULL, NULL,
		 "f.yaml:5:7: an entry of mig-configs has no 'mig-enable'"},
		{PARTED "    - devices: [0]\n      mig-devices: {}\n", NULL, NULL,
		 "f.yaml:4:7: an entry of mig-configs needs 'mig-enabled'"},
		{PARTED "    - device-filter: A100\n      devices: all\n      " ENABLED "{}\n", NULL, NULL,
		 "f.yaml:4:22: 'A100' is no device filter"},
		{PARTED "    - device-filter: \"0x20B210DE:0x14A710DE\"\n      devices: all\n      " ENABLED "{}\n",
		 NULL, NULL, "f.yaml:4:22: subsystem ids of GPUs are not known here"},
		{"version: v2\nmig-configs: {a: []}\n", NULL, NULL, "f.yaml:1:10: version 'v2' is not known"},
		{"version: v1\nmig-configs: {}\n", NULL, NULL,
		 "f.yaml:2:14: 'mig-configs' must have at least one \"NAME:\""},
		{"version: v1\nmig-configs: {a: []}\n", NULL, NULL,
		 "f.yaml:2:18: 'a' must be a list of entries"},
		{"version: v1\nconfigs: {}\n", NULL, NULL, "f.yaml:2:1: a mig-parted file has no 'configs'"},
	};
	/* clang-format on */

	(void)state;
	check_files(rows, ARRAY_SIZE(rows));
}

static void test_write(void **state)
{
	static const char *const words[] = {"gpu0=3g@0,1g@6", "gpu1=3g@0,1g@6", "gpu2=off"};
	static const char *const wanted[] = {
		[WISH_WORDS] = "gpu0=3g@0,1g@6\ngpu1=3g@0,1g@6\ngpu2=off\n",
		[WISH_YAML] = "version: 1\nlayouts:\n  now:\n    - gpus: [0, 1]\n"
			      "      instances: [3g.40gb@0, 1g.10gb@6]\n    - gpus: [2]\n      mig: off\n",
		[WISH_MIG_PARTED] =
			"version: v1\nmig-configs:\n  now:\n    - devices: [0, 1]\n"
			"      mig-enabled: true\n      mig-devices:\n        \"3g.40gb\": 1\n"
			"        \"1g.10gb\": 1\n    - devices: [2]\n      mig-enabled: false\n"
			"      mig-devices: {}\n",
	};
	struct wish wish, again;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(wish_from_words((char *const *)words, 3, &server, &wish, &err), 0);
	for (size_t i = 0; i < WISH_FORM_COUNT; i++) {
		cleanup(text_done) struct text text = TEXT_INIT;

		wish_write((enum wish_form)i, &server, &wish, "now", &text);
		assert_string_equal(text_str(&text), wanted[i]);
		if (i == WISH_WORDS)
			continue;
		assert_int_equal(wish_parse(text_str(&text), text.len, "f", NULL, &server, &again,
					    &err),
				 0);
		assert_int_equal(again.gpus[0].n, 2);
		assert_true(again.gpus[0].at[1].has_start == (i == WISH_YAML));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_words, make_server),
		cmocka_unit_test_setup(test_ours, make_server),
		cmocka_unit_test_setup(test_parted, make_server),
		cmocka_unit_test_setup(test_write, make_server),
	};

	return tap_run(tests);
}
