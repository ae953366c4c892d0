/* The NVML backend on simulated boards: what it tells is what the world is. */
#include "backend-test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

static void test_driver(void **state)
{
	struct backend_driver driver;
	struct err err = ERR_INIT;

	(void)state;
	begin_backend(one_a100, 1, true);
	assert_works(test_backend->ops->driver(test_backend, &driver, &err));
	assert_string_equal(driver.driver, WORLD_DRIVER);
	assert_non_null(strstr(driver.nvml, WORLD_DRIVER));
	assert_true(driver.has_cuda);
	assert_int_equal(driver.cuda_major, 12);
	assert_string_equal(driver.missing, "");
	end_backend();
}

static void test_gpus(void **state)
{
	static const char *const ids[] = {A100, A30, H100};
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	begin_backend(ids, 3, false);
	assert_works(test_backend->ops->gpus(test_backend, gpus, &n, &err));
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < n; i++) {
		const struct world_gpu *world = &world_read(test_world)->gpus[i];
		char pci[32];

		world_done(test_world);
		snprintf(pci, sizeof(pci), "%04x:%02x:%02x.0", world->domain, world->bus,
			 world->device);
		assert_int_equal(gpus[i].index, i);
		assert_string_equal(gpus[i].uuid, world->uuid);
		assert_string_equal(gpus[i].name, world->name);
		assert_string_equal(gpus[i].serial, world->serial);
		assert_string_equal(gpus[i].pci, pci);
		assert_int_equal(gpus[i].pci_device_id, world->pci_device_id);
		assert_true(gpus[i].has_minor && gpus[i].minor == world->minor);
		assert_string_equal(gpus[i].board->id, ids[i]);
		assert_true(gpus[i].mig_capable && !gpus[i].mig && !gpus[i].mig_pending);
		assert_true(gpus[i].has_memory && gpus[i].memory_bytes >> 30 > 20);
		assert_false(gpus[i].lost);
	}
	end_backend();
}

/* The driver's profiles are those of the board's table. */
static void test_profiles(void **state)
{
	struct backend_profile profiles[BACKEND_MAX_PROFILES];
	const struct board *board = board_by_id(A100);
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	begin_backend(one_a100, 1, true);
	assert_works(CALL(profiles, profiles, &n));
	assert_int_equal(n, board->n_profiles);
	for (size_t i = 0; i < n; i++) {
		const struct profile *profile = board_profile_by_id(board, profiles[i].id);

		assert_non_null(profile);
		assert_int_equal(profiles[i].constant, profile->constant);
		assert_int_equal(profiles[i].slices, profile->compute_slices);
		assert_int_equal(profiles[i].instances, profile->max_instances);
		assert_int_equal(profiles[i].size, profile->size);
		assert_int_equal(profiles[i].starts, profile->starts);
		assert_int_equal(profiles[i].memory_mib, profile_sim_memory_mib(profile));
	}
	end_backend();
}

static void test_instances(void **state)
{
	struct backend_instance found[BACKEND_MAX_INSTANCES];
	struct err err = ERR_INIT;
	unsigned big, small, ci;
	char uuid[64];
	size_t n;

	(void)state;
	begin_backend(one_a100, 1, true);
	assert_works(CALL(instances, found, &n));
	assert_int_equal(n, 0);

	small = create(P1G, 6, 1);
	big = create(P3G, 0, 4);
	ci = create_ci(big, C3);
	assert_works(CALL(instances, found, &n));
	assert_int_equal(n, 2);
	assert_int_equal(found[0].gi, big);
	assert_int_equal(found[0].profile_id, P3G);
	assert_int_equal(found[0].start, 0);
	assert_int_equal(found[0].size, 4);
	assert_true(found[0].has_memory && found[0].memory_bytes >> 30 == 19);
	assert_int_equal(found[0].n_cis, 1);
	assert_int_equal(found[0].cis[0].id, ci);
	assert_int_equal(found[0].cis[0].profile_id, C3);
	assert_int_equal(found[0].cis[0].start, 0);
	assert_int_equal(found[0].cis[0].slices, 3);
	world_mig_uuid(&world_read(test_world)->gpus[0], big, ci, uuid, sizeof(uuid));
	world_done(test_world);
	assert_string_equal(found[0].cis[0].uuid, uuid);
	assert_int_equal(found[1].gi, small);
	assert_int_equal(found[1].start, 6);
	assert_int_equal(found[1].n_cis, 0);
	assert_false(found[1].has_memory);
	end_backend();
}

/* Seven compute instances in one, and seven instances: every list at its longest. */
static void test_full_gpus(void **state)
{
	struct backend_instance found[BACKEND_MAX_INSTANCES];
	struct err err = ERR_INIT;
	unsigned gi;
	size_t n;

	(void)state;
	begin_backend(one_a100, 1, true);
	gi = create(P7G, 0, 8);
	for (int i = 0; i < 7; i++)
		create_ci(gi, 0);
	assert_works(CALL(instances, found, &n));
	assert_int_equal(n, 1);
	assert_int_equal(found[0].n_cis, 7);
	for (unsigned i = 0; i < 7; i++)
		assert_works(CALL(ci_destroy, gi, P7G, 0, found[0].cis[i].id));
	assert_works(CALL(gi_destroy, gi, P7G, 0));
	for (unsigned start = 0; start < 7; start++)
		create_ci(create(P1G, start, 1), 0);
	assert_works(CALL(instances, found, &n));
	assert_int_equal(n, 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(found[i].start, i);
		assert_int_equal(found[i].n_cis, 1);
		assert_memory_equal(found[i].cis[0].uuid, "MIG-", 4);
	}
	end_backend();
}

static void test_refusals(void **state)
{
	struct err err = ERR_INIT;
	unsigned gi, ci, id = 99;

	(void)state;
	begin_backend(one_a100, 1, true);
	gi = create(P3G, 4, 4);
	assert_fails(CALL(gi_create, P3G, 4, 4, &id), ERR_NO_ROOM,
		     "nvmlDeviceCreateGpuInstanceWithPlacement: Insufficient Resources");
	assert_fails(CALL(gi_create, P3G, 1, 4, &id), ERR_DRIVER, "Invalid Argument");
	assert_fails(CALL(gi_create, 77, 0, 4, &id), ERR_DRIVER, "Invalid Argument");
	assert_int_equal(id, 99);

	/* Still of that profile and there? */
	assert_fails(CALL(gi_destroy, gi, P2G, 4), ERR_STALE, "profile 9 at 4 now, not profile 14");
	assert_fails(CALL(gi_destroy, gi, P3G, 0), ERR_STALE, "profile 9 at 4 now");
	assert_fails(CALL(gi_destroy, 14, P3G, 4), ERR_NOT_FOUND, "Not Found");
	ci = create_ci(gi, C3);
	assert_fails(CALL(ci_create, gi, C3, &id), ERR_NO_ROOM, "Insufficient Resources");
	assert_fails(CALL(ci_destroy, gi, P2G, 4, ci), ERR_STALE, "profile 9 at 4 now");
	assert_fails(CALL(ci_destroy, gi, P3G, 4, 5), ERR_NOT_FOUND, "Not Found");
	assert_fails(CALL(gi_destroy, gi, P3G, 4), ERR_BUSY, "In use by another client");
	assert_works(CALL(ci_destroy, gi, P3G, 4, ci));
	assert_works(CALL(gi_destroy, gi, P3G, 4));
	assert_fails(CALL(gi_destroy, gi, P3G, 4), ERR_NOT_FOUND, test_gpu.uuid);

	snprintf(test_gpu.uuid, sizeof(test_gpu.uuid), "GPU-00000000-0000-0000-0000-000000000000");
	assert_fails(CALL(gi_create, P3G, 4, 4, &id), ERR_NOT_FOUND, "GPU-00000000");
	end_backend();
}

static void test_mig_mode(void **state)
{
	static const char *const ids[] = {H100};
	struct backend_instance found[BACKEND_MAX_INSTANCES];
	struct err err = ERR_INIT;
	bool pending = true;
	unsigned id;
	size_t n = 9;

	(void)state;
	begin_backend(ids, 1, false);
	assert_works(CALL(instances, found, &n));
	assert_int_equal(n, 0);
	assert_fails(CALL(gi_create, P1G, 0, 1, &id), ERR_UNSUPPORTED, "Not Supported");
	assert_works(CALL(set_mig, true, &pending));
	assert_false(pending);
	create(P1G, 0, 1);
	assert_works(CALL(set_mig, false, &pending)); /* an instance is in the way */
	assert_true(pending);
	end_backend();
}

static void test_processes(void **state)
{
	struct world_process on_gi = {.pid = (uint32_t)getpid(), .memory_bytes = 5 << 20};
	struct backend_process *found = NULL;
	struct err err = ERR_INIT;
	size_t n;

	(void)state;
	begin_backend(one_a100, 1, true);
	on_gi.gi = create(P3G, 0, 4);
	on_gi.ci = create_ci(on_gi.gi, C3);
	assert_works(CALL(processes, &found, &n));
	assert_int_equal(n, 0);
	free(found);
	assert_int_equal(world_process_add(world_change(test_world), &on_gi), NVML_SUCCESS);
	world_commit(test_world);
	assert_works(CALL(processes, &found, &n));
	assert_int_equal(n, 1);
	assert_int_equal(found[0].pid, getpid());
	assert_int_equal(found[0].gi, on_gi.gi);
	assert_int_equal(found[0].ci, on_gi.ci);
	assert_true(found[0].has_memory && found[0].memory_bytes >= 5 << 20);
	free(found);
	end_backend();
}

/* More than the first guess has room for; one process with a hundred contexts will do. */
static void test_many_processes(void **state)
{
	struct backend_process *found = NULL;
	struct err err = ERR_INIT;
	pid_t pids[100];
	size_t n;

	(void)state;
	begin_backend(one_a100, 1, false);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		struct world_process process = {.gi = WORLD_NONE, .ci = WORLD_NONE};

		pids[i] = fork();
		if (!pids[i]) {
			pause();
			_exit(0);
		}
		process.pid = (uint32_t)pids[i];
		assert_int_equal(world_process_add(world_change(test_world), &process), 0);
		world_commit(test_world);
	}
	assert_works(CALL(processes, &found, &n));
	assert_int_equal(n, ARRAY_SIZE(pids));
	free(found);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	end_backend();
}

static void test_events(void **state)
{
	struct backend_event event;
	struct err err = ERR_INIT;

	(void)state;
	begin_backend(one_a100, 1, true);
	assert_works(test_backend->ops->wait_event(test_backend, 1, &event, &err));
	assert_int_equal(event.kind, BACKEND_EVENT_NONE);
	create(P1G, 0, 1);
	assert_works(test_backend->ops->wait_event(test_backend, 1000, &event, &err));
	assert_int_equal(event.kind, BACKEND_EVENT_MIG);
	assert_string_equal(event.gpu, test_gpu.uuid);
	world_event(world_change(test_world), 0, NVML_EVENT_XID, 79, 2, 0);
	world_commit(test_world);
	assert_works(test_backend->ops->wait_event(test_backend, 1000, &event, &err));
	assert_int_equal(event.kind, BACKEND_EVENT_XID);
	assert_int_equal(event.xid, 79);
	assert_int_equal(event.gi, 2);
	assert_int_equal(event.ci, 0);
	end_backend();
}

/* ---- threads ---- */

/* Reads until told to stop; counts what went wrong. STALE is what a busy GPU may say. */
static void *read_again_and_again(void *arg)
{
	struct backend_instance found[BACKEND_MAX_INSTANCES];
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	atomic_bool *stop = arg;
	intptr_t wrong = 0;
	struct err err;
	size_t n;

	while (!atomic_load(stop)) {
		int r = CALL(instances, found, &n);

		wrong += r && r != -ERR_STALE;
		wrong += !r && n > 1;
		wrong += test_backend->ops->gpus(test_backend, gpus, &n, &err) != 0 || n != 1;
	}
	return (void *)wrong;
}

static void test_threads(void **state)
{
	atomic_bool stop = false;
	pthread_t threads[2];
	struct err err = ERR_INIT;
	void *wrong;

	(void)state;
	begin_backend(one_a100, 1, true);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_again_and_again, &stop), 0);
	for (int i = 0; i < 100; i++) {
		unsigned gi = create(P3G, 4, 4), ci = create_ci(gi, C3);

		assert_works(CALL(ci_destroy, gi, P3G, 4, ci));
		assert_works(CALL(gi_destroy, gi, P3G, 4));
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		assert_int_equal(pthread_join(threads[i], &wrong), 0);
		assert_null(wrong);
	}
	end_backend();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_driver),	       cmocka_unit_test(test_gpus),
		cmocka_unit_test(test_profiles),       cmocka_unit_test(test_instances),
		cmocka_unit_test(test_full_gpus),      cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_mig_mode),       cmocka_unit_test(test_processes),
		cmocka_unit_test(test_many_processes), cmocka_unit_test(test_events),
		cmocka_unit_test(test_threads),
	};

	test_library = argc > 1 ? argv[1] : NULL;
	return tap_run(tests);
}
