#include "../tap.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "sim/fault-words.h"
#include "sim/world-file.h"

static int parse(struct world_plan *plan, const char *s, struct err *err)
{
	return plan_parse(plan, s, strlen(s), "w", err);
}

static void a_list_of_boards(void **state)
{
	cleanup(free) struct world_plan *plan = plan_new();
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(0, plan_add_boards(plan, "a100-sxm4-80gb:2,h100-sxm5-80gb", &err));
	assert_int_equal(plan->n_gpus, 3);
	assert_string_equal(plan->gpus[1].board->id, "a100-sxm4-80gb");
	assert_string_equal(plan->gpus[2].board->id, "h100-sxm5-80gb");
}

static void a_wrong_list_is_refused(void **state)
{
	static const struct {
		const char *list, *says, *hint;
		enum err_code code;
	} cases[] = {
		{"a100-sxm4-80g", "there is no board 'a100-sxm4-80g'",
		 "did you mean 'a100-sxm4-80gb'?", ERR_INVALID},
		{"", "there is no board ''", "carve-sim boards lists them", ERR_INVALID},
		{"a30-24gb,", "there is no board ''", "carve-sim boards lists them", ERR_INVALID},
		{"a30-24gb:16,a30-24gb", "a world has at most 16 GPUs", "", ERR_TOO_LARGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(free) struct world_plan *plan = plan_new();
		struct err err = ERR_INIT;

		assert_int_equal(plan_add_boards(plan, cases[i].list, &err), -(int)cases[i].code);
		assert_string_equal(err.text, cases[i].says);
		assert_string_equal(err.hint, cases[i].hint);
	}
	{
		cleanup(free) struct world_plan *plan = plan_new();
		struct err err = ERR_INIT;

		assert_int_equal(plan_add_boards(plan, "a30-24gb:0", &err), -ERR_INVALID);
		assert_int_equal(plan_add_boards(plan, "a30-24gb:x", &err), -ERR_INVALID);
		assert_int_equal(plan_add_boards(plan, "a30-24gb:17", &err), -ERR_INVALID);
	}
}

static const char whole[] =
	"driver: 535.161.07\nseed: 7\nlatency: 0.5\n"
	"gpus:\n"
	"  - board: a100-sxm4-80gb\n    count: 2\n    mig: true\n"
	"  - board: h100-sxm5-80gb\n    mig: yes\n    name: NVIDIA H100 80GB HBM3\n"
	"    uuid: GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f\n"
	"    serial: \"1654922004820\"\n    pci: \"0000:c1:00.0\"\n    numa: 1\n"
	"    minor: 5\n    flip: true\n    passthrough: true\n"
	"    instances:\n"
	"      - {profile: 3g.40gb, start: 4, compute: [1c, 2c]}\n"
	"      - {profile: 1g.10gb, compute: none}\n"
	"      - {profile: 1g.10gb}\n"
	"processes:\n"
	"  - {name: train, gpu: 2, instance: 0, compute: 1, at: 5s, for: 1m,"
	" memory: 6GiB, busy: 60%}\n"
	"faults:\n"
	"  - {call: nvmlDeviceCreateGpuInstance, fail: in-use, skip: 2}\n"
	"  - {xid: 79, gpu: 0}\n"
	"  - {ecc: {corrected: 3}, gpu: 1}\n"
	"  - {slow: 10}\n";

static void a_whole_world(void **state)
{
	cleanup(free) struct world_plan *plan = plan_new();
	struct err err = ERR_INIT;
	const struct plan_gpu *gpu = &plan->gpus[2];

	(void)state;
	assert_int_equal(0, parse(plan, whole, &err));
	assert_string_equal(plan->driver, "535.161.07");
	assert_int_equal(plan->seed, 7);
	assert_int_equal(plan->n_gpus, 3);
	assert_true(plan->gpus[1].mig);
	assert_string_equal(gpu->uuid, "GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f");
	assert_int_equal(gpu->bus, 0xc1);
	assert_int_equal(gpu->minor, 5);
	assert_true(gpu->flip && gpu->passthrough && gpu->has_numa && gpu->numa == 1);
	assert_int_equal(gpu->n_instances, 3);
	assert_string_equal(gpu->instances[0].profile->name, "3g.40gb");
	assert_int_equal(gpu->instances[0].start, 4);
	assert_int_equal(gpu->instances[0].n_cis, 2);
	assert_int_equal(gpu->instances[0].cis[1]->slices, 2);
	assert_int_equal(gpu->instances[1].n_cis, 0);
	assert_false(gpu->instances[1].has_start);
	assert_int_equal(gpu->instances[2].n_cis, 1);
	assert_true(gpu->instances[2].cis[0]->whole);
	assert_int_equal(plan->n_processes, 1);
	assert_int_equal(plan->processes[0].memory_bytes, 6ull << 30);
	assert_int_equal(plan->n_faults, 4);
	assert_int_equal(plan->faults[0].fail, 19);
	assert_int_equal(plan->faults[0].times, 1);
	assert_int_equal(plan->faults[2].kind, FAULT_ECC);
	assert_int_equal(plan->faults[2].corrected, 3);
}

static void mistakes_have_a_place(void **state)
{
	static const struct {
		const char *yaml, *says;
	} cases[] = {
		{"{}", "w:1:1: a world needs 'gpus'"},
		{"gpus: [{board: x}]", "w:1:16: there is no board 'x'"},
		{"gpus: [{board: a30-24gb, count: 2, minor: 1}]",
		 "w:1:43: 'minor' belongs to one GPU, but 'count' is 2"},
		{"gpus: [{board: a30-24gb, uuid: GPU-1}]",
		 "w:1:32: 'GPU-1' is not GPU-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"},
		{"gpus: [{board: a30-24gb, pci: \"0000:00:20.0\"}]",
		 "w:1:31: '0000:00:20.0' is not a PCI address such as \"0000:c1:00.0\""},
		{"gpus: [{board: a30-24gb, minor: 1}, {board: a30-24gb, minor: 1}]",
		 "w:1:7: GPU 0 and GPU 1 have the same minor number"},
		{"gpus: [{board: a30-24gb, instances: [{profile: 1g.6gb}]}]",
		 "w:1:37: a GPU without MIG has no instances; write 'mig: true'"},
		{"gpus: [{board: a30-24gb, mig: on, instances: [{profile: 3g.6gb}]}]",
		 "w:1:57: a30-24gb has no profile '3g.6gb'"},
		{"gpus: [{board: a30-24gb, mig: on, instances: [{profile: 2g.12gb, start: 1}]}]",
		 "w:1:73: 2g.12gb cannot start at memory slice 1"},
		{"gpus: [{board: a30-24gb, mig: on, instances: [{profile: 2g.12gb, compute: 5c}]}]",
		 "w:1:75: 2g.12gb has no compute instance '5c'"},
		{"gpus: [{board: a30-24gb}]\nprocesses: [{gpu: 1, for: 1s, memory: 1G}]",
		 "w:2:19: there is no GPU 1: the world has 1"},
		{"gpus: [{board: a30-24gb, mig: on}]\nprocesses: [{gpu: 0, for: 1s, memory: 1G}]",
		 "w:2:13: GPU 0 has MIG on: a process needs 'instance'"},
		{"gpus: [{board: a30-24gb}]\nfaults: [{call: x}]",
		 "w:2:10: a call needs 'fail', 'hang', 'kill' or 'wrong'"},
		{"gpus: [{board: a30-24gb}]\nfaults: [{gpu: 0}]",
		 "w:2:10: a fault is one of: call, xid, ecc, lost, busy, slow"},
		{"gpus: [{board: a30-24gb}]\nfaults: [{xid: 79}]",
		 "w:2:10: this fault needs 'gpu'"},
		{"gpus: [{board: a30-24gb}]\nfaults: [{call: \"*\", fail: in-sue}]",
		 "w:2:28: 'in-sue' is not a code of NVML"},
		{"gpus: [{board: a30-24gb}]\nfaults: [{call: nvmlInti_v2, kill: yes}]",
		 "w:2:17: NVML has no call 'nvmlInti_v2' that could go wrong"},
		{"gpus: [{board: a30-24gb, name: \"a\\nb\"}]",
		 "w:1:32: 'name' has characters that cannot be printed"},
		{"driver: 5\ngpus: []", "w:1:9: '5' is not a driver version such as 550.163.01"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(free) struct world_plan *plan = plan_new();
		struct err err = ERR_INIT;

		assert_int_equal(parse(plan, cases[i].yaml, &err), -ERR_INVALID);
		assert_string_equal(err.text, cases[i].says);
	}
}

static void codes_have_names(void **state)
{
	static const char *const same[] = {"in-use", "IN_USE", "NVML_ERROR_IN_USE", "19"};
	struct err err = ERR_INIT;
	char name[32];
	int code;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		code = 0;
		assert_int_equal(0, fault_code_parse(same[i], &code, &err));
		assert_int_equal(code, 19);
	}
	assert_string_equal(fault_code_name(23, name, sizeof(name)), "insufficient-resources");
	assert_string_equal(fault_code_name(999, name, sizeof(name)), "unknown");
	assert_null(fault_code_name(0, name, sizeof(name)));
	assert_null(fault_code_name(31, name, sizeof(name)));
	assert_int_equal(fault_code_parse("0", &code, &err), -ERR_INVALID);
	assert_int_equal(fault_code_parse("in-ues", &code, &err), -ERR_INVALID);
	assert_string_equal(err.hint, "did you mean 'in-use'?");
}

static void versions_and_addresses(void **state)
{
	uint32_t domain;
	uint8_t bus, device;

	(void)state;
	assert_true(plan_is_driver_version("550.163.01"));
	assert_true(plan_is_driver_version("580.65"));
	assert_false(plan_is_driver_version("550"));
	assert_false(plan_is_driver_version("550..1"));
	assert_false(plan_is_driver_version("550.1."));
	assert_false(plan_is_driver_version("550.1/../../x"));
	assert_true(plan_parse_pci("00010000:C1:1f.0", &domain, &bus, &device));
	assert_int_equal(domain, 0x10000);
	assert_int_equal(device, 31);
	assert_false(plan_parse_pci("0000:c1:00.1", &domain, &bus, &device));
	assert_false(plan_parse_pci("0000:c1:00", &domain, &bus, &device));
	assert_false(plan_parse_pci("000000001:c1:00.0", &domain, &bus, &device));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_of_boards), cmocka_unit_test(a_wrong_list_is_refused),
		cmocka_unit_test(a_whole_world),    cmocka_unit_test(mistakes_have_a_place),
		cmocka_unit_test(codes_have_names), cmocka_unit_test(versions_and_addresses),
	};

	return tap_run(tests);
}
