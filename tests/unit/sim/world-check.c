#include "world-test.h"

#include <math.h>

/* A world with something of everything; each flaw below is put into a copy of it. */
static struct world_state good, bad;

static void make_good(void)
{
	const char *const ids[] = {"a100-sxm4-80gb", "h100-sxm5-80gb"};
	struct world_spec spec = spec_of(ids, 2);
	struct world_process process = {.pid = 0x40000000, .gi = 2, .memory_bytes = 1000};
	struct world_fault fault = {.kind = WORLD_FAULT_LOST, .has_gpu = true, .gpu = 1};

	make_state(&good, &spec);
	assert_int_equal(create_gi(&good, "3g.40gb", 4), 2);
	assert_int_equal(create_gi(&good, "1g.10gb", 0), 7);
	assert_int_equal(world_ci_create(&good, 0, 2, 0, 0, &(unsigned){0}), NVML_SUCCESS);
	assert_int_equal(world_ci_create(&good, 0, 2, 0, 1, &(unsigned){0}), NVML_SUCCESS);
	assert_int_equal(world_process_add(&good, &process), NVML_SUCCESS);
	process.ci = 1;
	assert_int_equal(world_process_add(&good, &process), NVML_SUCCESS);
	assert_int_equal(world_fault_add(&good, &fault, NULL), NVML_SUCCESS);
}

#define SET(field, is)                                                                             \
	static void set_##is(void)                                                                 \
	{                                                                                          \
		field;                                                                             \
	}

#define GPU0 bad.gpus[0]
#define GPU1 bad.gpus[1]

/* name, the flaw, what is said about it */
#define FLAWS(X)                                                                                   \
	X(no_gpu, bad.n_gpus = 0, "it has 0 GPUs")                                                 \
	X(gpus, bad.n_gpus = 17, "it has 17 GPUs")                                                 \
	X(driver, bad.driver[0] = '\n', "its settings are damaged")                                \
	X(latency, bad.latency = NAN, "its settings are damaged")                                  \
	X(board, GPU0.board = 999, "GPU 0: it is of no known board")                               \
	X(truth, memset(&GPU0.flip, 2, 1), "GPU 0: something is neither true nor false")           \
	X(name, memset(GPU1.name, 'x', sizeof(GPU1.name)), "GPU 1: a text is damaged")             \
	X(uuid, GPU0.uuid[0] = '\0', "GPU 0: a text is damaged")                                   \
	X(generation, GPU0.generation = 99, "GPU 0: its generation was never given")               \
	X(minor, GPU1.minor = 32, "GPU 1: its numbers are out of range")                           \
	X(heat, GPU0.settled_c = INFINITY, "GPU 0: its temperature or energy is no number")        \
	X(order, GPU1.bus = GPU0.bus, "GPU 1: it is not in the order of PCI addresses")            \
	X(twins, GPU1.minor = 0,                                                                   \
	  "GPU 1: it has the UUID, serial number or minor number of another")                      \
	X(twin_uuid, memcpy(GPU1.uuid, GPU0.uuid, sizeof(GPU0.uuid)),                              \
	  "GPU 1: it has the UUID, serial number or minor number of another")                      \
	X(mig, GPU0.mig = false, "GPU 0: GPU instance 2: MIG mode is off")                         \
	X(gi_truth, memset(&GPU0.gis[3].exists, 7, 1),                                             \
	  "GPU 0: GPU instance 3: it neither exists nor not")                                      \
	X(gi_profile, GPU0.gis[2].profile = 200, "GPU 0: GPU instance 2: it has no such profile")  \
	X(gi_size, GPU0.gis[2].size = 2,                                                           \
	  "GPU 0: GPU instance 2: its size is not that of its profile")                            \
	X(gi_start, GPU0.gis[2].start = 3,                                                         \
	  "GPU 0: GPU instance 2: its profile cannot start there")                                 \
	X(gi_place, GPU0.gis[2].start = 0,                                                         \
	  "GPU 0: GPU instance 2: its id is not that of its place")                                \
	X(gi_overlap, (GPU0.gis[11] = GPU0.gis[7], GPU0.gis[11].start = 4),                        \
	  "GPU 0: GPU instance 11: it overlaps another")                                           \
	X(gi_generation, GPU0.gis[7].generation = 0,                                               \
	  "GPU 0: GPU instance 7: its generation was never given")                                 \
	X(ci_alone, GPU0.gis[3].cis[0].exists = true,                                              \
	  "GPU 0: compute instance 0 of GPU instance 3: its GPU instance is gone")                 \
	X(ci_profile, GPU0.gis[2].cis[0].profile = 200,                                            \
	  "GPU 0: compute instance 0 of GPU instance 2: it has no such profile")                   \
	X(ci_size, GPU0.gis[2].cis[0].slices = 2,                                                  \
	  "GPU 0: compute instance 0 of GPU instance 2: its size is not that of its profile")      \
	X(ci_start, GPU0.gis[2].cis[1].start = 5,                                                  \
	  "GPU 0: compute instance 1 of GPU instance 2: its profile cannot start there")           \
	X(ci_overlap, GPU0.gis[2].cis[1].start = 0,                                                \
	  "GPU 0: compute instance 1 of GPU instance 2: it overlaps another")                      \
	X(ci_generation, GPU0.gis[2].cis[1].generation = 99,                                       \
	  "GPU 0: compute instance 1 of GPU instance 2: its generation was never given")           \
	X(processes, bad.n_processes = WORLD_MAX_PROCESSES + 1, "it has 2049 processes")           \
	X(process_gpu, bad.processes[0].gpu = 2, "pid 1073741824: there is no such GPU")           \
	X(process_gi, bad.processes[0].gi = 3, "pid 1073741824: there is no such instance")        \
	X(process_none, bad.processes[0].ci = WORLD_NONE,                                          \
	  "pid 1073741824: there is no such instance")                                             \
	X(process_whole, bad.processes[0].gi = bad.processes[0].ci = WORLD_NONE,                   \
	  "pid 1073741824: it has a whole GPU that is in MIG mode")                                \
	X(process_busy, bad.processes[1].busy = 1.5, "pid 1073741824: its record is damaged")      \
	X(process_twice, bad.processes[1].ci = 0, "pid 1073741824 is there twice")                 \
	X(memory, bad.processes[0].memory_bytes = UINT64_MAX,                                      \
	  "GPU 0: its processes use more memory than there is")                                    \
	X(event_type, bad.events[1].type = 0, "the event in place 1 is damaged")                   \
	X(event_number, bad.events[1].number = 257, "the event in place 1 is damaged")             \
	X(event_gone, bad.events[2].number = 0, "the event in place 2 is damaged")                 \
	X(event_gpu, bad.events[3].gpu = 16, "the event in place 3 is damaged")                    \
	X(fault_kind, bad.faults[0].kind = 9, "fault 1 is damaged")                                \
	X(fault_id, bad.faults[0].id = 9, "fault 9 is damaged")                                    \
	X(fault_twice, bad.faults[4] = bad.faults[0], "fault 1 is there twice")                    \
	X(fault_gone, bad.faults[0].id = 0,                                                        \
	  "GPU 1: it is lost without a fault, or has one and is not lost")

#define X(name, flaw, text) SET(flaw, name)
FLAWS(X)
#undef X

static const struct {
	const char *name;
	void (*set)(void);
	const char *text;
} flaws[] = {
#define X(name, flaw, text) {#name, set_##name, text},
	FLAWS(X)
#undef X
};

static void every_flaw_is_found_and_named(void **unused)
{
	(void)unused;
	make_good();
	assert_sound(&good);
	for (size_t i = 0; i < ARRAY_SIZE(flaws); i++) {
		struct err err = ERR_INIT;

		bad = good;
		flaws[i].set();
		if (world_check(&bad, &err) != -ERR_INVALID || strcmp(err.text, flaws[i].text))
			fail_msg("%s: '%s', not '%s'", flaws[i].name, err.text, flaws[i].text);
	}
}

static void media_engines_are_given_once(void **unused)
{
	struct err err = ERR_INIT;

	(void)unused;
	one_gpu(&bad, "a30-24gb");
	create_gi(&bad, "1g.6gb+me", 0);
	create_gi(&bad, "2g.12gb", 2);
	assert_sound(&bad);
	for (size_t p = 0; p < world_board(&bad.gpus[0])->n_profiles; p++) {
		if (world_board(&bad.gpus[0])->profiles[p].id == 6) /* 2g.12gb+me */
			bad.gpus[0].gis[2].profile = (uint8_t)p;
	}
	assert_int_equal(world_check(&bad, &err), -ERR_INVALID);
	assert_string_equal(err.text, "GPU 0: its media engines are given twice");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_flaw_is_found_and_named),
		cmocka_unit_test(media_engines_are_given_once),
	};

	test_clock_stops();
	return tap_run(tests);
}
