#include "world-test.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"

#define MS INT64_C(1000000)

static struct world_state state;
static const char *const ids[] = {"a100-sxm4-80gb", "h100-sxm5-80gb", "a30-24gb"};

static void three_gpus(void)
{
	struct world_spec spec = spec_of(ids, 3);

	make_state(&state, &spec);
}

/* ---- events ---- */

static void events_keep_their_number(void **unused)
{
	const struct world_event *event;

	(void)unused;
	three_gpus();
	assert_null(world_event_at(&state, 0));
	assert_null(world_event_at(&state, 1));
	world_event(&state, 1, NVML_EVENT_XID, 31, 3, 0);
	world_system_event(&state, 2, NVML_SYSTEM_EVENT_BIND);
	event = world_event_at(&state, 1);
	assert_int_equal(event->gpu, 1);
	assert_int_equal(event->data, 31);
	assert_int_equal(event->gi, 3);
	assert_int_equal(event->ci, 0);
	assert_false(event->system);
	assert_true(world_event_at(&state, 2)->system);
	assert_int_equal(world_event_at(&state, 2)->gi, WORLD_NONE);

	/* The old ones are forgotten, the last ones never. */
	for (unsigned i = 0; i < 1000; i++) {
		world_event(&state, 0, NVML_EVENT_XID, i, WORLD_NONE, WORLD_NONE);
		assert_int_equal(world_event_at(&state, i + 3)->data, i);
		if (i % 100 == 0)
			assert_sound(&state);
	}
	assert_null(world_event_at(&state, 1002 - WORLD_MAX_EVENTS));
	assert_int_equal(world_event_at(&state, 1003 - WORLD_MAX_EVENTS)->data,
			 1000 - WORLD_MAX_EVENTS);
	assert_null(world_event_at(&state, 1003));
}

static void every_change_of_the_layout_is_an_event(void **unused)
{
	unsigned gi, ci;

	(void)unused;
	three_gpus();
	gi = create_gi(&state, "1g.10gb", 0);
	ci = create_whole_ci(&state, gi);
	world_ci_destroy(&state, 0, gi, ci);
	world_gi_destroy(&state, 0, gi);
	assert_int_equal(state.events_raised, 4);
	world_gi_destroy(&state, 0, gi); /* refused */
	assert_int_equal(state.events_raised, 4);
	world_set_mig(&state, 0, false, &(nvmlReturn_t){NVML_SUCCESS});
	assert_int_equal(state.events_raised, 5);
	world_reset(&state, 0); /* changes nothing that matters */
	assert_int_equal(state.events_raised, 5);
	for (uint64_t n = 1; n <= 5; n++) {
		assert_int_equal(world_event_at(&state, n)->type, NVML_EVENT_MIG_CONFIG);
		assert_int_equal(world_event_at(&state, n)->gi, WORLD_NONE);
	}
}

static void memory_errors_are_counted_told_and_remapped(void **unused)
{
	const struct world_gpu *gpu = &state.gpus[1];

	(void)unused;
	three_gpus();
	world_ecc(&state, 1, 5, 0);
	assert_int_equal(state.events_raised, 1);
	assert_int_equal(world_event_at(&state, 1)->type, NVML_EVENT_SINGLE_BIT_ECC);
	assert_false(gpu->rows_pending);
	world_ecc(&state, 1, 0, 2);
	assert_int_equal(world_event_at(&state, 2)->type, NVML_EVENT_DOUBLE_BIT_ECC);
	assert_int_equal(world_event_at(&state, 3)->data, 48);
	assert_int_equal(world_event_at(&state, 4)->data, 63);
	assert_int_equal(gpu->volatile_ecc.dram[NVML_ECC_CORRECTED], 5);
	assert_int_equal(gpu->aggregate_ecc.dram[NVML_ECC_UNCORRECTED], 2);
	assert_int_equal(gpu->rows_uncorrected, 1);
	assert_true(gpu->rows_pending);
	for (unsigned i = 0; i < 512; i++)
		world_ecc(&state, 1, 0, 1);
	assert_int_equal(gpu->rows_uncorrected, 512);
	assert_true(gpu->rows_failed);
	assert_int_equal(world_event_at(&state, state.events_raised)->data, 64);
	assert_sound(&state);
}

/* ---- calls that go wrong ---- */

static uint32_t arm(struct world_fault fault)
{
	uint32_t id = 0;

	assert_int_equal(world_fault_add(&state, &fault, &id), NVML_SUCCESS);
	assert_true(id);
	return id;
}

/* "x" where a call was struck, "." where it went on. */
static void strikes(const char *call, uint32_t gpu, unsigned n, char *ret)
{
	for (unsigned i = 0; i < n; i++)
		ret[i] = world_fault_strike(&state, call, gpu) ? 'x' : '.';
	ret[n] = '\0';
}

static void calls_are_struck_as_armed(void **unused)
{
	const struct {
		struct world_fault fault;
		const char *call;
		uint32_t gpu;
		const char *struck;
	} rows[] = {
		{{.call = "nvmlInit_v2"}, "nvmlInit_v2", WORLD_NONE, "xxxxxx"},
		{{.call = "nvmlInit_v2"}, "nvmlInit", WORLD_NONE, "......"},
		{{.call = "*"}, "nvmlInit", WORLD_NONE, "xxxxxx"},
		{{.call = "*", .times = 2}, "a", 0, "xx...."},
		{{.call = "*", .skip = 1, .times = 3}, "a", 0, ".xxx.."},
		{{.call = "*", .skip = 4}, "a", 0, "....xx"},
		{{.call = "*", .has_gpu = true, .gpu = 1}, "a", 1, "xxxxxx"},
		{{.call = "*", .has_gpu = true, .gpu = 1}, "a", 0, "......"},
		{{.call = "*", .has_gpu = true, .gpu = 1}, "a", WORLD_NONE, "......"},
		{{.call = "*", .until_ns = 1}, "a", 0, "......"},
		{{.call = "*", .until_ns = WORLD_FOREVER}, "a", 0, "xxxxxx"},
		{{.kind = WORLD_FAULT_SLOW, .call = "*", .factor = 2}, "a", 0, "......"},
	};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char struck[16];

		three_gpus();
		arm(rows[i].fault);
		strikes(rows[i].call, rows[i].gpu, 6, struck);
		if (strcmp(struck, rows[i].struck))
			fail_msg("row %zu: %s, not %s", i, struck, rows[i].struck);
		assert_sound(&state);
	}
}

static void chance_is_replayed_by_the_seed(void **unused)
{
	char first[1001], again[1001];
	unsigned n = 0;

	(void)unused;
	three_gpus();
	arm((struct world_fault){.call = "*", .chance = 0.25});
	strikes("a", 0, 1000, first);
	three_gpus();
	arm((struct world_fault){.call = "*", .chance = 0.25});
	strikes("a", 0, 1000, again);
	assert_string_equal(first, again);
	for (const char *p = first; *p; p++)
		n += *p == 'x';
	assert_in_range(n, 200, 300);
}

static void faults_come_and_go(void **unused)
{
	struct world_fault slow = {.kind = WORLD_FAULT_SLOW, .factor = 2};
	uint32_t first, second;

	(void)unused;
	three_gpus();
	assert_false(world_fault_clear(&state, 0));
	first = arm((struct world_fault){.kind = WORLD_FAULT_LOST, .has_gpu = true, .gpu = 2});
	second = arm((struct world_fault){.kind = WORLD_FAULT_LOST, .has_gpu = true, .gpu = 2});
	assert_int_not_equal(first, second);
	assert_int_equal(state.events_raised, 1); /* it fell once */
	assert_int_equal(world_event_at(&state, 1)->data, 79);
	assert_true(world_fault_clear(&state, first));
	assert_false(world_fault_clear(&state, first));
	assert_true(state.gpus[2].lost);
	assert_true(world_fault_clear(&state, second));
	assert_false(state.gpus[2].lost);
	for (unsigned i = 0; i < WORLD_MAX_FAULTS; i++)
		arm(slow);
	assert_int_equal(world_fault_add(&state, &slow, NULL), NVML_ERROR_INSUFFICIENT_RESOURCES);
	state.faults[7].until_ns = test_now_ns; /* over: its place is free */
	assert_int_equal(world_fault_add(&state, &slow, NULL), NVML_SUCCESS);
	assert_sound(&state);
	assert_true(world_fault_clear(&state, 0));
	assert_false(world_fault_clear(&state, 0));
}

static void nonsense_is_not_armed(void **unused)
{
	struct world_fault rows[] = {
		{.kind = 17},
		{.call = "*", .has_gpu = true, .gpu = 3},
		{.call = "*", .chance = 1.5},
		{.call = "*", .chance = -1},
		{.kind = WORLD_FAULT_LOST},
		{.kind = WORLD_FAULT_BUSY},
		{.kind = WORLD_FAULT_BUSY, .has_gpu = true, .has_gi = true, .gi = 15},
		{.kind = WORLD_FAULT_SLOW, .factor = -1},
		{.call = "no end"},
	};

	(void)unused;
	three_gpus();
	memset(rows[8].call, 'x', sizeof(rows[8].call));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(world_fault_add(&state, &rows[i], NULL),
				 NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(state.next_fault, 0);
	assert_sound(&state);
}

/* ---- how long it takes ---- */

static void delays_are_the_measured_ones(void **unused)
{
	const struct {
		unsigned gpu;
		enum world_work work;
		unsigned slices;
		double ms;
	} rows[] = {
		{0, WORLD_WORK_GI_CREATE, 1, 120}, {0, WORLD_WORK_CI_CREATE, 1, 40},
		{0, WORLD_WORK_GI_CREATE, 7, 180}, {0, WORLD_WORK_GI_DESTROY, 3, 157.5},
		{0, WORLD_WORK_SET_MIG, 0, 5000},  {1, WORLD_WORK_GI_CREATE, 7, 315},
		{1, WORLD_WORK_CI_DESTROY, 4, 65}, {1, WORLD_WORK_SET_MIG, 0, 200},
		{1, WORLD_WORK_RESET, 0, 5000},	   {2, WORLD_WORK_GI_CREATE, 4, 97.5},
		{2, WORLD_WORK_CI_DESTROY, 2, 25},
	};

	(void)unused;
	three_gpus();
	assert_int_equal(world_latency_ns(&state, 0, WORLD_WORK_RESET, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t ns = (int64_t)(rows[i].ms * 1e6);

		state.latency = 1;
		if (world_latency_ns(&state, rows[i].gpu, rows[i].work, rows[i].slices) != ns)
			fail_msg("row %zu", i);
		state.latency = 0.5;
		assert_int_equal(
			world_latency_ns(&state, rows[i].gpu, rows[i].work, rows[i].slices),
			ns / 2);
	}
	arm((struct world_fault){.kind = WORLD_FAULT_SLOW, .factor = 4});
	arm((struct world_fault){.kind = WORLD_FAULT_SLOW, .factor = 2, .has_gpu = true, .gpu = 1});
	assert_int_equal(world_latency_ns(&state, 0, WORLD_WORK_GI_CREATE, 1), 240 * MS);
	assert_int_equal(world_latency_ns(&state, 1, WORLD_WORK_GI_CREATE, 7), 1260 * MS);
	assert_int_equal(world_latency_ns(&state, 1, WORLD_WORK_RESET, 1), 2500 * MS);
	state.latency = 1e300;
	assert_true(world_latency_ns(&state, 0, WORLD_WORK_RESET, 0) > 0);
	world_latency_ns(&state, 0, WORLD_WORK_GI_CREATE, 4711);
}

static void a_driver_does_one_thing_at_a_time(void **unused)
{
	struct world_spec spec = spec_of(ids, 3);
	char dir[] = "/tmp/carve-world-XXXXXX";
	struct world *world = NULL;
	struct err err = ERR_INIT;
	int64_t begin, first, both;

	(void)unused;
	world_clock_ns = clock_monotonic_ns;
	spec.latency = 0.1;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(world_create(dir, &spec, &err), 0);
	assert_int_equal(world_open(dir, &world, &err), 0);
	begin = clock_monotonic_ns();
	world_work(world, 0, WORLD_WORK_GI_CREATE, 1); /* 12 ms */
	first = clock_monotonic_ns() - begin;
	assert_true(first >= 12 * MS);

	/* Somebody else's work lasts for another 30 ms: ours begins after it. Another GPU's not. */
	begin = clock_monotonic_ns();
	world_change(world)->gpus[0].driver_busy_until_ns = begin + 30 * MS;
	world_commit(world);
	world_work(world, 2, WORLD_WORK_CI_CREATE, 1);
	assert_true(clock_monotonic_ns() - begin < 30 * MS);
	world_work(world, 0, WORLD_WORK_CI_CREATE, 1); /* 4 ms */
	both = clock_monotonic_ns() - begin;
	assert_true(both >= 34 * MS);
	world_work(world, 4711, WORLD_WORK_CI_CREATE, 1);

	assert_int_equal(world_remove(world, &err), 0);
	world_close(world);
	rmdir(dir);
	test_clock_stops();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(events_keep_their_number),
		cmocka_unit_test(every_change_of_the_layout_is_an_event),
		cmocka_unit_test(memory_errors_are_counted_told_and_remapped),
		cmocka_unit_test(calls_are_struck_as_armed),
		cmocka_unit_test(chance_is_replayed_by_the_seed),
		cmocka_unit_test(faults_come_and_go),
		cmocka_unit_test(nonsense_is_not_armed),
		cmocka_unit_test(delays_are_the_measured_ones),
		cmocka_unit_test(a_driver_does_one_thing_at_a_time),
	};

	test_clock_stops();
	return tap_run(tests);
}
