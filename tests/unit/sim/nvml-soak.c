#include "nvml-test.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"

/*
 * Clients that create, destroy and look at random, and are killed anywhere in
 * it. SOAK_SECONDS (1) makes it last longer.
 */
#define CLIENTS	       8
#define KILL_EVERY_US  2000
#define LOOK_EVERY     8
#define SUPPOSED_KILLS 50

static const char *const boards_of_it[] = {A100, A30, H100};

static void fill(struct nvml_gpu_instance *gi, uint64_t *seed)
{
	struct nvml_compute_instance *ci;
	struct nvml_gi_info info;

	if (nvmlGpuInstanceGetInfo(gi, &info) == NVML_SUCCESS)
		nvmlGpuInstanceCreateComputeInstance(gi, (unsigned)(*seed >> 50) % 5, &ci);
}

/* Whatever it is told is right: others are at work at the same time. */
static void destroy_some(struct nvml_device *device, const struct nvml_gi_profile_info *profile)
{
	struct nvml_gpu_instance *gis[8];
	unsigned n = 0;

	if (nvmlDeviceGetGpuInstances(device, profile->id, gis, &n))
		return;
	for (unsigned i = 0; i < n; i++) {
		struct nvml_compute_instance *ci;

		for (unsigned id = 0; id < 8; id++)
			if (!nvmlGpuInstanceGetComputeInstanceById(gis[i], id, &ci))
				nvmlComputeInstanceDestroy(ci);
		nvmlGpuInstanceDestroy(gis[i]);
	}
}

static void look(struct nvml_device *device)
{
	struct nvml_memory memory;
	struct nvml_device *mig;
	char uuid[NVML_UUID_SIZE];

	nvmlDeviceGetMemoryInfo(device, &memory);
	if (!nvmlDeviceGetMigDeviceHandleByIndex(device, 0, &mig))
		nvmlDeviceGetUUID(mig, uuid, sizeof(uuid));
}

static void step(uint64_t *seed)
{
	struct nvml_gi_profile_info profile;
	struct nvml_gpu_instance *gi;
	struct nvml_device *device;

	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	if (nvmlDeviceGetHandleByIndex_v2((unsigned)(*seed >> 33) % ARRAY_SIZE(boards_of_it),
					  &device) ||
	    nvmlDeviceGetGpuInstanceProfileInfo(device, (unsigned)(*seed >> 40) % 10, &profile))
		return;
	if (*seed >> 63)
		destroy_some(device, &profile);
	else if (!nvmlDeviceCreateGpuInstance(device, profile.id, &gi))
		fill(gi, seed);
	if ((*seed >> 55) % LOOK_EVERY == 0)
		look(device);
}

static pid_t client(uint64_t seed)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (nvmlInit_v2())
		_exit(1);
	for (;;)
		step(&seed);
}

static void end_client(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status)); /* it had not ended by itself */
}

/* When it is over a client that lives can take everything away. */
static void clear(void)
{
	struct nvml_gi_profile_info profile;
	struct nvml_device *device;

	assert_ok(nvmlInit_v2());
	for (unsigned g = 0; g < ARRAY_SIZE(boards_of_it); g++) {
		assert_ok(nvmlDeviceGetHandleByIndex_v2(g, &device));
		for (unsigned c = 0; c < NVML_GI_PROFILE_COUNT; c++) {
			struct nvml_gpu_instance *gis[8];
			unsigned n;

			if (nvmlDeviceGetGpuInstanceProfileInfo(device, c, &profile))
				continue;
			destroy_some(device, &profile);
			assert_ok(nvmlDeviceGetGpuInstances(device, profile.id, gis, &n));
			assert_int_equal(n, 0);
		}
	}
	assert_ok(nvmlShutdown());
}

/* The world as it is must be sound; how many instances there are. */
static unsigned check_world(uint64_t kills)
{
	const struct world_state *now = world_read(test_world);
	struct err err = ERR_INIT;
	unsigned n = 0;

	if (world_check(now, &err))
		fail_msg("after %llu kills: %s", (unsigned long long)kills, err.text);
	for (unsigned g = 0; g < now->n_gpus; g++)
		for (unsigned gi = 0; gi < WORLD_MAX_GIS; gi++)
			n += now->gpus[g].gis[gi].exists;
	world_done(test_world);
	return n;
}

static void killed_clients_leave_a_sound_world(void **unused)
{
	struct world_spec spec = test_spec(boards_of_it, ARRAY_SIZE(boards_of_it), true);
	const char *seconds = getenv("SOAK_SECONDS");
	int64_t end_ns = clock_monotonic_ns() + (seconds ? atoi(seconds) : 1) * 1000000000ll;
	pid_t clients[CLIENTS];
	uint64_t kills = 0, seen = 0;

	(void)unused;
	make_world(&spec);
	for (uint64_t i = 0; i < CLIENTS; i++)
		clients[i] = client(i);
	while (clock_monotonic_ns() < end_ns || kills < SUPPOSED_KILLS) {
		pid_t *victim = &clients[kills % CLIENTS];

		usleep(KILL_EVERY_US);
		end_client(*victim);
		seen += check_world(kills);
		*victim = client(CLIENTS + kills++);
	}
	for (int i = 0; i < CLIENTS; i++)
		end_client(clients[i]);
	assert_true(seen > kills); /* on the average there was one, or they did nothing */
	clear();
	print_message("# %llu clients were killed\n", (unsigned long long)kills);
	end_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_clients_leave_a_sound_world),
	};

	return tap_run(tests);
}
