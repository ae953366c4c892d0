#include "world-test.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB   (UINT64_C(1) << 20)
#define A100  "a100-sxm4-80gb"
#define GHOST 0x40000000u /* above any pid */

static struct world_state state; /* too big for some stacks */

static struct world_process on(uint32_t pid, uint32_t gi, uint32_t ci, uint64_t mib)
{
	return (struct world_process){
		.pid = pid, .gi = gi, .ci = ci, .memory_bytes = mib * MIB, .busy = 0.5};
}

static nvmlReturn_t add(uint32_t pid, uint32_t gi, uint32_t ci, uint64_t mib)
{
	struct world_process process = on(pid, gi, ci, mib);

	return world_process_add(&state, &process);
}

static nvmlReturn_t set(uint32_t pid, uint32_t gi, uint32_t ci, uint64_t mib)
{
	struct world_process process = on(pid, gi, ci, mib);

	return world_process_set(&state, &process);
}

static uint64_t used_mib(uint32_t gi)
{
	struct world_memory memory;

	world_memory(&state, 0, gi, &memory);
	return memory.used_bytes / MIB;
}

static uint64_t room_mib(uint32_t gi)
{
	struct world_memory memory;

	world_memory(&state, 0, gi, &memory);
	return (memory.total_bytes - memory.reserved_bytes - memory.used_bytes) / MIB;
}

static void idle_instances_use_a_little(void **unused)
{
	const struct {
		const char *profile;
		int start;
		uint64_t used_mib, total_mib;
	} rows[] = {
		{"1g.10gb", 6, 12, 9728},
		{"2g.20gb", 4, 25, 19968},
		{"3g.40gb", 0, 37, 40192},
	};
	struct world_memory memory;

	(void)unused;
	one_gpu(&state, A100);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		world_memory(&state, 0, create_gi(&state, rows[i].profile, rows[i].start), &memory);
		assert_int_equal(memory.used_bytes, rows[i].used_mib * MIB);
		assert_int_equal(memory.total_bytes, rows[i].total_mib * MIB);
		assert_int_equal(memory.reserved_bytes, 0);
	}
	world_memory(&state, 0, WORLD_NONE, &memory);
	assert_int_equal(memory.total_bytes, 81920 * MIB);
	assert_int_equal(memory.reserved_bytes, (81920 - 80640) * MIB);
	assert_int_equal(memory.used_bytes, (12 + 25 + 37) * MIB);
}

static void memory_belongs_to_the_gpu_instance(void **unused)
{
	unsigned gi;

	(void)unused;
	one_gpu(&state, A100);
	gi = create_gi(&state, "2g.20gb", 0);
	assert_int_equal(world_ci_create(&state, 0, gi, 0, -1, &(unsigned){0}), NVML_SUCCESS);
	assert_int_equal(world_ci_create(&state, 0, gi, 0, -1, &(unsigned){0}), NVML_SUCCESS);

	/* Its two compute instances share it. */
	assert_int_equal(add(1, gi, 0, 12000), NVML_SUCCESS);
	assert_int_equal(add(2, gi, 1, 8000), NVML_ERROR_MEMORY);
	assert_int_equal(add(2, gi, 1, 19968 - 25 - 12000), NVML_SUCCESS);
	assert_int_equal(room_mib(gi), 0);
	assert_int_equal(used_mib(WORLD_NONE), 19968);
	assert_int_equal(set(1, gi, 0, 12001), NVML_ERROR_MEMORY);
	assert_int_equal(set(1, gi, 0, 11000), NVML_SUCCESS);
	assert_int_equal(room_mib(gi), 1000);
	assert_int_equal(set(2, gi, 0, 1), NVML_ERROR_NOT_FOUND);
	assert_sound(&state);

	/* More than any number: no wrap around. */
	assert_int_equal(add(3, gi, 0, UINT64_MAX / MIB), NVML_ERROR_MEMORY);
	assert_int_equal(set(1, gi, 0, UINT64_MAX / MIB), NVML_ERROR_MEMORY);
	assert_true(world_process_remove(&state, 1));
	assert_false(world_process_remove(&state, 1));
	assert_int_equal(room_mib(gi), 12000);
	assert_sound(&state);
}

static void a_process_must_have_a_device(void **unused)
{
	const char *id = A100;
	struct world_spec spec = spec_of(&id, 1);
	struct world_fault lost = {.kind = WORLD_FAULT_LOST, .has_gpu = true};
	struct world_process process = on(1, WORLD_NONE, WORLD_NONE, 1);
	unsigned gi, ci;

	(void)unused;
	make_state(&state, &spec);
	assert_int_equal(add(1, WORLD_NONE, WORLD_NONE, 1), NVML_ERROR_NOT_SUPPORTED);
	gi = create_gi(&state, "2g.20gb", 0);
	ci = create_whole_ci(&state, gi);
	assert_int_equal(add(1, gi, WORLD_NONE, 1), NVML_ERROR_NOT_FOUND);
	assert_int_equal(add(1, WORLD_NONE, ci, 1), NVML_ERROR_NOT_FOUND);
	assert_int_equal(add(1, gi, 7, 1), NVML_ERROR_NOT_FOUND);
	assert_int_equal(add(1, 14, ci, 1), NVML_ERROR_NOT_FOUND);
	assert_int_equal(add(1, 4711, 4711, 1), NVML_ERROR_NOT_FOUND);
	process.gpu = 200;
	assert_int_equal(world_process_add(&state, &process), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(world_fault_add(&state, &lost, NULL), NVML_SUCCESS);
	assert_int_equal(add(1, gi, ci, 1), NVML_ERROR_GPU_IS_LOST);
	assert_int_equal(state.n_processes, 0);

	spec.gpus[0].mig = false;
	make_state(&state, &spec);
	assert_int_equal(add(1, WORLD_NONE, WORLD_NONE, 80000), NVML_SUCCESS);
	assert_int_equal(add(2, WORLD_NONE, WORLD_NONE, 637), NVML_ERROR_MEMORY);
	assert_int_equal(add(2, WORLD_NONE, WORLD_NONE, 636), NVML_SUCCESS);
	assert_sound(&state);
}

static void a_pid_is_there_once(void **unused)
{
	struct world_process process;

	(void)unused;
	one_gpu(&state, A100);
	create_whole_ci(&state, create_gi(&state, "1g.10gb", 0));
	process = on(GHOST, 7, 0, 100);
	process.start_time = 5;
	assert_int_equal(world_process_add(&state, &process), NVML_SUCCESS);
	process.memory_bytes = 200 * MIB;
	assert_int_equal(world_process_add(&state, &process), NVML_SUCCESS);
	assert_int_equal(state.n_processes, 1);
	assert_int_equal(used_mib(7), 212);

	/* The number is somebody else's now: the first one is dead, and its memory free. */
	process.start_time = 6;
	process.memory_bytes = 9700 * MIB;
	assert_int_equal(world_process_add(&state, &process), NVML_SUCCESS);
	assert_int_equal(state.n_processes, 1);
	process.graphics = true;
	process.memory_bytes = MIB;
	assert_int_equal(world_process_add(&state, &process), NVML_SUCCESS);
	assert_int_equal(state.n_processes, 2);
	assert_sound(&state);
}

static void nobody_outlives_his_process(void **unused)
{
	struct world_process me = {.pid = (uint32_t)getpid()}, other = {.pid = GHOST};
	pid_t child;
	siginfo_t info;

	(void)unused;
	assert_true(world_process_lives(&me));
	me.start_time = world_start_time(me.pid);
	assert_true(me.start_time);
	assert_true(world_process_lives(&me));
	me.start_time++;
	assert_false(world_process_lives(&me)); /* a predecessor of ours */
	assert_false(world_process_lives(&other));
	other.pid = 0;
	assert_false(world_process_lives(&other));
	other.pid = UINT32_MAX;
	assert_false(world_process_lives(&other));
	assert_int_equal(world_start_time(GHOST), 0);

	child = fork();
	if (!child)
		_exit(0);
	/* Dead, not yet waited for. */
	assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
	other.pid = (uint32_t)child;
	assert_false(world_process_lives(&other));
	waitpid(child, NULL, 0);
	assert_false(world_process_lives(&other));
}

static void the_dead_are_reaped(void **unused)
{
	pid_t child;
	unsigned gi, ci;

	(void)unused;
	one_gpu(&state, A100);
	gi = create_gi(&state, "3g.40gb", 0);
	ci = create_whole_ci(&state, gi);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	assert_int_equal(add((uint32_t)getpid(), gi, ci, 10), NVML_SUCCESS);
	assert_int_equal(add((uint32_t)child, gi, ci, 1000), NVML_SUCCESS);
	assert_false(world_has_dead(&state, WORLD_NONE));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_true(world_has_dead(&state, WORLD_NONE));
	assert_true(world_has_dead(&state, 0));
	assert_false(world_has_dead(&state, 1));
	assert_int_equal(used_mib(gi), 37 + 1010);
	world_reap(&state);
	assert_false(world_has_dead(&state, WORLD_NONE));
	assert_int_equal(used_mib(gi), 37 + 10);
	assert_int_equal(state.n_processes, 1);
	assert_int_equal(state.processes[0].pid, getpid());
	assert_sound(&state);
}

static void two_thousand_come_and_go(void **unused)
{
	unsigned gi, ci;

	(void)unused;
	one_gpu(&state, A100);
	gi = create_gi(&state, "7g.80gb", 0);
	ci = create_whole_ci(&state, gi);
	for (uint32_t round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < WORLD_MAX_PROCESSES; i++)
			assert_int_equal(add(GHOST + i, gi, ci, 30), NVML_SUCCESS);
		assert_int_equal(add(1, gi, ci, 30), NVML_ERROR_INSUFFICIENT_RESOURCES);
		assert_int_equal(used_mib(gi), 87 + 30 * WORLD_MAX_PROCESSES);
		assert_sound(&state);
		for (uint32_t i = 0; i < WORLD_MAX_PROCESSES; i += 2)
			assert_true(world_process_remove(&state, GHOST + i));
		assert_sound(&state);
		assert_int_equal(state.n_processes, WORLD_MAX_PROCESSES / 2);
		assert_int_equal(state.processes[3].pid, GHOST + 7);
		world_reap(&state);
		assert_int_equal(state.n_processes, 0);
		assert_int_equal(used_mib(gi), 87);
	}
}

static bool near(double a, double b)
{
	return fabs(a - b) < 1e-9;
}

static void load_adds_up_by_slices(void **unused)
{
	struct world_process process;

	(void)unused;
	one_gpu(&state, A100);
	create_whole_ci(&state, create_gi(&state, "3g.40gb", 4));
	create_gi(&state, "2g.20gb", 0);
	assert_int_equal(world_ci_create(&state, 0, 3, 0, -1, &(unsigned){0}), NVML_SUCCESS);
	assert_true(near(world_busy(&state, 0, WORLD_NONE, WORLD_NONE), 0));
	add(1, 2, 0, 1);
	assert_true(near(world_busy(&state, 0, 2, 0), 0.5));
	assert_true(near(world_busy(&state, 0, 2, WORLD_NONE), 0.5));
	assert_true(near(world_busy(&state, 0, WORLD_NONE, WORLD_NONE), 1.5 / 7));
	process = on(2, 3, 0, 1);
	process.busy = 1;
	assert_int_equal(world_process_add(&state, &process), NVML_SUCCESS);
	process.pid = 3; /* two that want all of it get half each */
	assert_int_equal(world_process_add(&state, &process), NVML_SUCCESS);
	assert_true(near(world_busy(&state, 0, 3, 0), 1));
	assert_true(near(world_busy(&state, 0, 3, WORLD_NONE), 0.5)); /* one slice of two */
	assert_true(near(world_busy(&state, 0, WORLD_NONE, WORLD_NONE), 2.5 / 7));
	process.busy = NAN;
	assert_int_equal(world_process_set(&state, &process), NVML_SUCCESS);
	assert_sound(&state);
}

static void load_makes_heat_and_costs_energy(void **unused)
{
	const char *id = A100;
	struct world_spec spec = spec_of(&id, 1);
	struct world_process process = on(1, WORLD_NONE, WORLD_NONE, 1);
	struct world_health cold, soon, hot, after;
	const int64_t second = 1000000000;

	(void)unused;
	spec.gpus[0].mig = false;
	make_state(&state, &spec);
	world_health(&state, 0, test_now_ns, &cold);
	assert_int_equal(cold.limit_mw, 400000);
	assert_true(cold.power_mw < 80000 && cold.clock_reasons == NVML_CLOCK_REASON_GPU_IDLE);
	process.busy = 1;
	assert_int_equal(world_process_add(&state, &process), NVML_SUCCESS);
	world_health(&state, 0, test_now_ns + second, &soon);
	world_health(&state, 0, test_now_ns + 600 * second, &hot);
	assert_true(near(soon.busy, 1));
	assert_true(soon.temperature_c > cold.temperature_c && soon.temperature_c < 35);
	assert_true(hot.temperature_c > 60 && hot.temperature_c < 90);
	assert_int_equal(hot.power_mw, 400000); /* capped, and slower for it */
	assert_int_equal(hot.clock_reasons, NVML_CLOCK_REASON_SW_POWER_CAP);
	assert_true(hot.clock_mhz[NVML_CLOCK_SM] < hot.max_clock_mhz[NVML_CLOCK_SM]);
	assert_true(fabs(hot.energy_mj - 600 * 400000.0) < 1);

	/* It goes: power at once, temperature slowly; energy is kept and grows. */
	test_now_ns += 600 * second;
	assert_true(world_process_remove(&state, 1));
	world_health(&state, 0, test_now_ns, &after);
	assert_true(fabs(after.temperature_c - hot.temperature_c) < 1e-6);
	assert_true(fabs(after.energy_mj - hot.energy_mj) < 1);
	assert_int_equal(after.power_mw, cold.power_mw);
	world_health(&state, 0, test_now_ns + 40 * second, &after);
	assert_true(fabs(after.energy_mj - hot.energy_mj - 40.0 * cold.power_mw) < 1);
	assert_true(after.temperature_c < hot.temperature_c - 15);
	assert_true(after.temperature_c > cold.temperature_c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_instances_use_a_little),
		cmocka_unit_test(memory_belongs_to_the_gpu_instance),
		cmocka_unit_test(a_process_must_have_a_device),
		cmocka_unit_test(a_pid_is_there_once),
		cmocka_unit_test(nobody_outlives_his_process),
		cmocka_unit_test(the_dead_are_reaped),
		cmocka_unit_test(two_thousand_come_and_go),
		cmocka_unit_test(load_adds_up_by_slices),
		cmocka_unit_test(load_makes_heat_and_costs_energy),
	};

	test_clock_stops();
	return tap_run(tests);
}
