#include "world-test.h"

static const char *const both[] = {"a100-sxm4-80gb", "h100-sxm5-80gb"}; /* Ampere, Hopper */

enum { AMPERE, HOPPER };

enum deed {
	END,
	ON,
	OFF,
	USE,   /* a process comes */
	LEAVE, /* it goes */
	HOLD,  /* somebody without a process */
	LET_GO,
	MAKE, /* a GPU instance */
	RESET,
	REBOOT,
};

/*
 * The mode by the generation of the board. `codes` is what each deed answers
 * (of ON and OFF the activation): 0 in force, 19 in use, 16 reboot the VM.
 */
static const struct {
	const char *story;
	unsigned gpu;
	bool passthrough, begins;
	enum deed deeds[8];
	int codes[8];
	bool mode, pending;
} stories[] = {
	{"a free GPU changes at once", AMPERE, false, false, {ON}, {0}, true, true},
	{"so does a Hopper", HOPPER, false, false, {ON}, {0}, true, true},
	{"and back", HOPPER, false, true, {OFF}, {0}, false, false},
	{"in use, it waits for a reset", AMPERE, false, false, {USE, ON}, {0, 19}, false, true},
	{"which is refused meanwhile",
	 AMPERE,
	 false,
	 false,
	 {USE, ON, RESET},
	 {0, 19, 19},
	 false,
	 true},
	{"and then brings it",
	 AMPERE,
	 false,
	 false,
	 {USE, ON, LEAVE, RESET},
	 {0, 19, 0, 0},
	 true,
	 true},
	{"asking again does it too",
	 AMPERE,
	 false,
	 false,
	 {USE, ON, LEAVE, ON},
	 {0, 19, 0, 0},
	 true,
	 true},
	{"a pending change can be taken back",
	 AMPERE,
	 false,
	 false,
	 {USE, ON, OFF},
	 {0, 19, 0},
	 false,
	 false},
	{"a holder without a process is in the way too",
	 HOPPER,
	 false,
	 false,
	 {HOLD, ON, RESET},
	 {0, 19, 19},
	 false,
	 true},
	{"until it lets go",
	 HOPPER,
	 false,
	 false,
	 {HOLD, ON, LET_GO, ON},
	 {0, 19, 0, 0},
	 true,
	 true},
	{"instances keep the mode on", HOPPER, false, true, {MAKE, OFF}, {0, 19}, true, false},
	{"a reset takes them away",
	 HOPPER,
	 false,
	 true,
	 {MAKE, OFF, RESET},
	 {0, 19, 0},
	 false,
	 false},
	{"a reset alone keeps the mode", AMPERE, false, true, {MAKE, RESET}, {0, 0}, true, true},
	{"Ampere keeps the mode over a reboot",
	 AMPERE,
	 false,
	 true,
	 {MAKE, REBOOT},
	 {0, 0},
	 true,
	 true},
	{"a pending one takes effect in it",
	 AMPERE,
	 false,
	 false,
	 {USE, ON, REBOOT},
	 {0, 19, 0},
	 true,
	 true},
	{"Hopper forgets", HOPPER, false, true, {MAKE, REBOOT}, {0, 0}, false, false},
	{"a VM must reboot", AMPERE, true, false, {ON, RESET}, {16, 0}, false, true},
	{"and has it then", AMPERE, true, false, {ON, REBOOT}, {16, 0}, true, true},
	{"whatever the board", HOPPER, true, false, {ON, REBOOT}, {16, 0}, true, true},
};

static nvmlReturn_t set_mode(struct world_state *state, unsigned gpu, bool on)
{
	nvmlReturn_t activation = NVML_ERROR_UNKNOWN;

	assert_int_equal(world_set_mig(state, gpu, on, &activation), NVML_SUCCESS);
	return activation;
}

static nvmlReturn_t act(struct world_state *state, unsigned gpu, enum deed deed)
{
	struct world_process process = {
		.pid = 4711, .gpu = (uint8_t)gpu, .gi = WORLD_NONE, .ci = WORLD_NONE};
	struct world_fault holder = {
		.kind = WORLD_FAULT_BUSY, .has_gpu = true, .gpu = (uint8_t)gpu};
	unsigned gi;

	switch (deed) {
	case ON:
	case OFF:
		return set_mode(state, gpu, deed == ON);
	case USE:
		return world_process_add(state, &process);
	case LEAVE:
		return world_process_remove(state, 4711) ? NVML_SUCCESS : NVML_ERROR_UNKNOWN;
	case HOLD:
		return world_fault_add(state, &holder, NULL);
	case LET_GO:
		return world_fault_clear(state, 0) ? NVML_SUCCESS : NVML_ERROR_UNKNOWN;
	case MAKE:
		return world_gi_create(state, gpu, 19, WORLD_ANYWHERE, &gi);
	case RESET:
		return world_reset(state, gpu);
	case REBOOT:
		world_reboot(state);
		return NVML_SUCCESS;
	case END:
		break;
	}
	return NVML_ERROR_UNKNOWN;
}

static void the_mode_follows_the_generation(void **unused)
{
	struct world_state state;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++) {
		struct world_spec spec = spec_of(both, 2);
		const struct world_gpu *gpu = &state.gpus[stories[i].gpu];

		spec.gpus[stories[i].gpu].mig = stories[i].begins;
		spec.gpus[stories[i].gpu].passthrough = stories[i].passthrough;
		make_state(&state, &spec);
		for (size_t k = 0; stories[i].deeds[k]; k++) {
			int code = (int)act(&state, stories[i].gpu, stories[i].deeds[k]);

			if (code != stories[i].codes[k])
				fail_msg("%s: deed %zu answers %d", stories[i].story, k, code);
			assert_sound(&state);
		}
		if (gpu->mig != stories[i].mode || gpu->mig_pending != stories[i].pending)
			fail_msg("%s: the mode is %d, pending %d", stories[i].story, gpu->mig,
				 gpu->mig_pending);
	}
}

static void bad_gpus_are_told_apart(void **unused)
{
	struct world_spec spec = spec_of(both, 2);
	struct world_fault lost = {.kind = WORLD_FAULT_LOST, .has_gpu = true, .gpu = 1};
	struct world_state state;
	nvmlReturn_t activation = NVML_ERROR_UNKNOWN;
	unsigned id;

	(void)unused;
	make_state(&state, &spec);
	assert_int_equal(world_fault_add(&state, &lost, &id), NVML_SUCCESS);
	for (unsigned gpu = 1; gpu < 40; gpu++) {
		nvmlReturn_t code = gpu == 1 ? NVML_ERROR_GPU_IS_LOST : NVML_ERROR_INVALID_ARGUMENT;

		assert_int_equal(world_set_mig(&state, gpu, true, &activation), code);
		assert_int_equal(world_reset(&state, gpu), code);
		assert_int_equal(world_gi_create(&state, gpu, 19, -1, &id), code);
		assert_int_equal(world_gi_destroy(&state, gpu, 0), code);
		assert_int_equal(world_ci_create(&state, gpu, 0, 0, -1, &id), code);
		assert_int_equal(world_ci_destroy(&state, gpu, 0, 0), code);
	}
	assert_int_equal(activation, NVML_ERROR_UNKNOWN);
	assert_sound(&state);
	world_reboot(&state);
	assert_false(state.gpus[1].lost);
	assert_sound(&state);
}

static void a_gpu_instance_lingers(void **unused)
{
	struct world_state state;
	unsigned gi;

	(void)unused;
	one_gpu(&state, both[AMPERE]);
	state.linger_ms = 300;
	gi = create_gi(&state, "3g.40gb", 0);
	assert_int_equal(world_ci_create(&state, 0, gi, 0, 0, &(unsigned){0}), NVML_SUCCESS);
	assert_int_equal(world_ci_create(&state, 0, gi, 0, 1, &(unsigned){0}), NVML_SUCCESS);
	assert_int_equal(world_ci_destroy(&state, 0, gi, 0), NVML_SUCCESS);
	test_now_ns += 1000000000;
	assert_int_equal(world_ci_destroy(&state, 0, gi, 1), NVML_SUCCESS);
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_ERROR_IN_USE);
	test_now_ns += 299999999;
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_ERROR_IN_USE);
	test_now_ns += 1;
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_SUCCESS);
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_ERROR_NOT_FOUND);

	/* One that never had any, also in the same slot, goes at once. */
	assert_int_equal(create_gi(&state, "3g.40gb", 0), gi);
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_SUCCESS);
}

static void in_use_names_no_one(void **unused)
{
	struct world_fault holder = {.kind = WORLD_FAULT_BUSY, .has_gpu = true, .has_gi = true};
	struct world_process process = {.pid = 4711};
	struct world_state state;
	unsigned gi, ci;

	(void)unused;
	one_gpu(&state, both[HOPPER]);
	gi = create_gi(&state, "1g.10gb", 0);
	process.gi = gi;
	assert_int_equal(world_process_add(&state, &process), NVML_ERROR_NOT_FOUND);
	process.ci = create_whole_ci(&state, gi);
	assert_int_equal(world_process_add(&state, &process), NVML_SUCCESS);
	assert_int_equal(world_ci_destroy(&state, 0, gi, process.ci), NVML_ERROR_IN_USE);
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_ERROR_IN_USE);
	assert_int_equal(world_reset(&state, 0), NVML_ERROR_IN_USE);
	assert_true(world_process_remove(&state, 4711));
	assert_int_equal(world_ci_destroy(&state, 0, gi, process.ci), NVML_SUCCESS);

	/* Held as an instance: neither it nor what is in it can be changed, others can. */
	holder.gi = (uint8_t)gi;
	assert_int_equal(world_fault_add(&state, &holder, NULL), NVML_SUCCESS);
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_ERROR_IN_USE);
	assert_int_equal(world_ci_create(&state, 0, gi, 0, -1, &ci), NVML_ERROR_IN_USE);
	gi = create_gi(&state, "1g.10gb", 1);
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_SUCCESS);
	assert_false(world_is_held(&state, 0, gi));
	assert_true(world_is_held(&state, 0, holder.gi));
	assert_true(world_is_held(&state, 0, WORLD_NONE));

	/* Held as a whole: nothing can. It ends by itself. */
	holder.has_gi = false;
	holder.until_ns = test_now_ns + 5;
	assert_int_equal(world_fault_add(&state, &holder, NULL), NVML_SUCCESS);
	assert_int_equal(world_gi_create(&state, 0, 19, 1, &gi), NVML_ERROR_IN_USE);
	assert_true(world_is_held(&state, 0, 3));
	test_now_ns += 5;
	assert_int_equal(world_gi_create(&state, 0, 19, 1, &gi), NVML_SUCCESS);
}

static void reset_and_reboot_clean_up(void **unused)
{
	struct world_state state;
	uint32_t generation;

	(void)unused;
	one_gpu(&state, both[AMPERE]);
	create_whole_ci(&state, create_gi(&state, "7g.80gb", 0));
	generation = state.gpus[0].gis[0].generation;
	world_ecc(&state, 0, 3, 1);
	assert_int_equal(world_reset(&state, 0), NVML_SUCCESS);
	assert_false(state.gpus[0].gis[0].exists);
	assert_false(state.gpus[0].gis[0].cis[0].exists);
	assert_false(state.gpus[0].rows_pending);
	assert_int_equal(state.gpus[0].volatile_ecc.dram[NVML_ECC_CORRECTED], 0);
	assert_int_equal(state.gpus[0].aggregate_ecc.dram[NVML_ECC_CORRECTED], 3);
	assert_sound(&state);
	create_gi(&state, "7g.80gb", 0);
	assert_true(state.gpus[0].gis[0].generation > generation);

	state.gpus[0].persistence = true;
	generation = state.gpus[0].generation;
	world_reboot(&state);
	assert_false(state.gpus[0].persistence);
	assert_false(state.gpus[0].gis[0].exists);
	assert_true(state.gpus[0].generation > generation);
	assert_int_equal(state.boots, 1);
	assert_sound(&state);
}

static void uuids_are_those_of_the_slot(void **unused)
{
	char first[64], again[64], other[64], name[128];
	struct world_state state, twin;
	unsigned gi, ci;

	(void)unused;
	one_gpu(&state, both[AMPERE]);
	one_gpu(&twin, both[AMPERE]);
	assert_string_equal(state.gpus[0].uuid, twin.gpus[0].uuid);
	gi = create_gi(&state, "3g.40gb", 4);
	ci = create_whole_ci(&state, gi);
	world_mig_uuid(&state.gpus[0], gi, ci, first, sizeof(first));
	assert_int_equal(strlen(first), 40);
	assert_memory_equal(first, "MIG-", 4);
	assert_int_equal(first[18], '5'); /* version 5, variant 10xx */
	assert_non_null(strchr("89ab", first[23]));
	world_mig_name(&state.gpus[0], gi, ci, name, sizeof(name));
	assert_string_equal(name, "NVIDIA A100-SXM4-80GB MIG 3g.40gb");

	assert_int_equal(world_ci_destroy(&state, 0, gi, ci), NVML_SUCCESS);
	assert_int_equal(world_gi_destroy(&state, 0, gi), NVML_SUCCESS);
	assert_int_equal(create_gi(&state, "3g.40gb", 4), gi);
	assert_int_equal(create_whole_ci(&state, gi), ci);
	world_mig_uuid(&state.gpus[0], gi, ci, again, sizeof(again));
	assert_string_equal(first, again);
	gi = create_gi(&state, "1g.10gb", 0);
	world_mig_uuid(&state.gpus[0], gi, create_whole_ci(&state, gi), other, sizeof(other));
	assert_string_not_equal(first, other);
}

/* RM's derivation (gpu_uuid.c) by hand, from another SHA-1: bytes as they are hashed. */
static void uuids_are_version_5_of_what_the_board_is(void **unused)
{
	struct world_gpu gpu = {.board_number = 0x1122334455667788, .pci_device_id = 0x20b2};
	char uuid[64];

	(void)unused;
	world_gpu_uuid(&gpu, uuid, sizeof(uuid));
	assert_string_equal(uuid, "GPU-105b16b6-b721-5a11-923d-682e1ebb71a2");
	gpu.gis[13].exists = gpu.gis[13].cis[0].exists = true;
	gpu.gis[13].start = 6;
	gpu.board = (uint16_t)(board_by_id(both[AMPERE]) - boards);
	world_mig_uuid(&gpu, 13, 0, uuid, sizeof(uuid));
	assert_string_equal(uuid, "MIG-1e134a82-2241-5d38-9a89-ec6c3658ebcc");
}

static void mig_devices_are_ranked_by_their_ids(void **unused)
{
	const unsigned order[][2] = {{1, 0}, {1, 1}, {5, 0}, {13, 0}};
	struct world_state state;
	unsigned gi, ci;

	(void)unused;
	one_gpu(&state, both[AMPERE]);
	create_whole_ci(&state, create_gi(&state, "1g.10gb", 6));
	create_whole_ci(&state, create_gi(&state, "2g.20gb", 4));
	gi = create_gi(&state, "3g.40gb", 0);
	assert_int_equal(world_ci_create(&state, 0, gi, 0, 2, &ci), NVML_SUCCESS);
	assert_int_equal(world_ci_create(&state, 0, gi, 0, 0, &ci), NVML_SUCCESS);
	for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
		assert_true(world_mig_device(&state.gpus[0], i, &gi, &ci));
		assert_int_equal(gi, order[i][0]);
		assert_int_equal(ci, order[i][1]);
		assert_int_equal(world_mig_index(&state.gpus[0], gi, ci), i);
	}
	assert_false(world_mig_device(&state.gpus[0], 4, &gi, &ci));
}

static void a_world_is_made_as_asked(void **unused)
{
	const char *const ids[] = {"a30-24gb", "a100-sxm4-80gb", "h200-sxm-141gb"};
	struct world_spec spec = spec_of(ids, 3);
	struct world_state state, other;

	(void)unused;
	spec.gpus[0].mig = false;
	spec.gpus[1].has_pci = true;
	spec.gpus[1].bus = 0x81;
	spec.gpus[1].uuid = "GPU-5c89852c-d268-c3f3-1b07-005d5ae1dc3f";
	spec.gpus[1].serial = "1654922004820";
	spec.gpus[1].has_minor = true;
	spec.gpus[1].minor = 0;
	make_state(&state, &spec);
	assert_sound(&state);
	assert_string_equal(state.driver, WORLD_DRIVER);
	assert_string_equal(state.gpus[2].name, "NVIDIA H200");
	assert_int_equal(state.gpus[0].bus, 0x07);
	assert_int_equal(state.gpus[1].bus, 0x81);
	assert_int_equal(state.gpus[2].bus, 0x82);
	assert_int_equal(state.gpus[0].minor, 1);
	assert_int_equal(state.gpus[2].minor, 2);
	assert_int_equal(state.gpus[1].pci_device_id, 0x20b2);
	assert_string_equal(state.gpus[1].serial, "1654922004820");
	assert_false(state.gpus[0].mig);
	assert_true(state.gpus[2].mig);
	make_state(&other, &spec);
	assert_memory_equal(other.gpus, state.gpus, sizeof(state.gpus));
	spec.seed = 2;
	make_state(&other, &spec);
	assert_string_not_equal(other.gpus[0].uuid, state.gpus[0].uuid);
	assert_string_not_equal(other.gpus[0].serial, state.gpus[0].serial);
	assert_string_equal(other.gpus[1].uuid, state.gpus[1].uuid);
	assert_int_equal(other.gpus[1].board_number, state.gpus[1].board_number);
}

static void sixteen_boards_find_their_place(void **unused)
{
	struct world_spec spec = {.n_gpus = WORLD_MAX_GPUS};
	struct world_state state;

	(void)unused;
	for (size_t i = 0; i < spec.n_gpus; i++)
		spec.gpus[i].board = &boards[i % n_boards];
	make_state(&state, &spec);
	assert_sound(&state);
}

static void nonsense_is_refused(void **unused)
{
	const struct {
		const char *text;
		struct world_gpu_spec gpu0, gpu1;
	} cases[] = {
		{"GPU 1: its UUID is also that of GPU 0", {.uuid = "GPU-a"}, {.uuid = "GPU-A"}},
		{"GPU 1: its serial number is also that of GPU 0",
		 {.serial = "7"},
		 {.serial = "7"}},
		{"GPU 1: minor number 3 is taken twice",
		 {.has_minor = true, .minor = 3},
		 {.has_minor = true, .minor = 3}},
		{"GPU 1: its minor number is not in 0..31", {0}, {.has_minor = true, .minor = 32}},
		{"GPU 1: its PCI address 0000:07:00.0 is not above that of GPU 0",
		 {0},
		 {.has_pci = true, .bus = 7}},
		{"GPU 0: its name is not printable", {.name = "a\tb"}, {0}},
		{"GPU 0: its serial number has more than 29 characters",
		 {.serial = "123456789012345678901234567890"},
		 {0}},
	};
	struct world_state state;
	struct world_spec empty = {0};
	struct err err = ERR_INIT;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world_spec spec = {.n_gpus = 2, .gpus = {cases[i].gpu0, cases[i].gpu1}};

		spec.gpus[0].board = spec.gpus[1].board = board_by_id(both[0]);
		assert_int_equal(world_state_init(&state, &spec, &err), -ERR_INVALID);
		assert_string_equal(err.text, cases[i].text);
	}
	assert_int_equal(world_state_init(&state, &empty, &err), -ERR_INVALID);
	assert_string_equal(err.text, "a world has 1 to 16 GPUs");
	empty.n_gpus = 1;
	assert_int_equal(world_state_init(&state, &empty, &err), -ERR_INVALID);
	assert_string_equal(err.text, "GPU 0: no such board");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_mode_follows_the_generation),
		cmocka_unit_test(bad_gpus_are_told_apart),
		cmocka_unit_test(a_gpu_instance_lingers),
		cmocka_unit_test(in_use_names_no_one),
		cmocka_unit_test(reset_and_reboot_clean_up),
		cmocka_unit_test(uuids_are_those_of_the_slot),
		cmocka_unit_test(uuids_are_version_5_of_what_the_board_is),
		cmocka_unit_test(mig_devices_are_ranked_by_their_ids),
		cmocka_unit_test(a_world_is_made_as_asked),
		cmocka_unit_test(sixteen_boards_find_their_place),
		cmocka_unit_test(nonsense_is_refused),
	};

	test_clock_stops();
	return tap_run(tests);
}
