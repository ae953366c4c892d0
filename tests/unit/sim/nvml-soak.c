#include "nvml-test.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"

/*
 * Clients that create, destroy and look at random, and are killed anywhere in
 * it. SOAK_SECONDS (1) says how long; the suite "slow" takes a minute.
 */
#define CLIENTS	       64
#define AT_ONCE	       8 /* so many die together */
#define KILL_EVERY_US  2000
#define LOOK_EVERY     8
#define SUPPOSED_KILLS 64

static const char *const boards_of_it[] = {A100, A30, H100};

/* How many steps each client took; shared with them. */
static uint64_t *steps;

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
	unsigned mode, pending, n = 0;
	char uuid[NVML_UUID_SIZE];

	nvmlDeviceGetMemoryInfo(device, &memory);
	nvmlDeviceGetMigMode(device, &mode, &pending);
	nvmlDeviceGetComputeRunningProcesses_v3(device, &n, NULL);
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

/* Each has a place in the table of clients and a seed nobody had before. */
static pid_t client(unsigned place, uint64_t seed)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (nvmlInit_v2())
		_exit(1);
	for (;; steps[place]++)
		step(&seed);
}

static void end_clients(const pid_t *pids, unsigned n)
{
	int status;

	for (unsigned i = 0; i < n; i++)
		kill(pids[i], SIGKILL);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFSIGNALED(status)); /* it had not ended by itself */
	}
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

static int64_t soak_ns(void)
{
	const char *seconds = getenv("SOAK_SECONDS");

	return (seconds ? atoi(seconds) : 1) * 1000000000ll;
}

/* Kill some again and again; each time the world must be sound. The number of kills. */
static uint64_t soak(pid_t clients[CLIENTS])
{
	int64_t end_ns = clock_monotonic_ns() + soak_ns();
	uint64_t kills = 0, looks = 0, seen = 0;

	for (; clock_monotonic_ns() < end_ns || kills < SUPPOSED_KILLS; looks++) {
		unsigned first = kills % CLIENTS;

		usleep(KILL_EVERY_US);
		end_clients(&clients[first], AT_ONCE);
		seen += check_world(kills);
		for (unsigned i = first; i < first + AT_ONCE; i++)
			clients[i] = client(i, CLIENTS + kills++);
	}
	assert_true(seen > looks); /* on the average there was one, or they did nothing */
	return kills;
}

static void killed_clients_leave_a_sound_world(void **unused)
{
	struct world_spec spec = test_spec(boards_of_it, ARRAY_SIZE(boards_of_it), true);
	uint64_t kills, taken = 0;
	pid_t clients[CLIENTS];

	(void)unused;
	make_world(&spec);
	steps = mmap(NULL, CLIENTS * sizeof(*steps), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(steps, MAP_FAILED);
	for (unsigned i = 0; i < CLIENTS; i++)
		clients[i] = client(i, i);
	kills = soak(clients);
	end_clients(clients, CLIENTS);
	for (unsigned i = 0; i < CLIENTS; i++)
		taken += steps[i];
	check_world(kills);
	clear();
	print_message("# %d clients took %llu steps, %llu were killed\n", CLIENTS,
		      (unsigned long long)taken, (unsigned long long)kills);
	munmap(steps, CLIENTS * sizeof(*steps));
	end_world();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_clients_leave_a_sound_world),
	};

	return tap_run(tests);
}
