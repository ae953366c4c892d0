/*
 * nvml-test.h - a world in a folder of its own, seen through the stand-in library
 *
 * The test makes and changes the world by its own copy of src/sim/world-*.c;
 * the library has another and finds the world by CARVE_SIM, as in any client.
 */
#pragma once

#include "world-folder.h"

/* What NVML answered, by name when it is not what it should be. */
#define assert_code(call, expected)                                                                \
	do {                                                                                       \
		nvmlReturn_t code_ = (call);                                                       \
		if (code_ != (expected))                                                           \
			fail_msg("%s: %s (%d), not %s", #call, nvmlErrorString(code_), code_,      \
				 nvmlErrorString(expected));                                       \
	} while (0)
#define assert_ok(call) assert_code(call, NVML_SUCCESS)

/* A world of those boards, initialised. */
__attribute__((unused)) static void begin(const char *const *ids, size_t n, bool mig)
{
	struct world_spec spec = test_spec(ids, n, mig);

	make_world(&spec);
	assert_ok(nvmlInit_v2());
}

/* One board in MIG mode. */
__attribute__((unused)) static struct nvml_device *begin_one(const char *board)
{
	struct nvml_device *device = NULL;

	begin(&board, 1, true);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &device));
	return device;
}

__attribute__((unused)) static void end(void)
{
	assert_ok(nvmlShutdown());
	end_world();
}

__attribute__((unused)) static unsigned id_of(const char *board, const char *profile)
{
	const struct profile *found = board_profile_by_name(board_by_id(board), profile);

	assert_non_null(found);
	return found->id;
}

/* Instances that can be made, and the MIG device they are seen as. */
__attribute__((unused)) static struct nvml_gpu_instance *make_gi(struct nvml_device *device,
								 unsigned profile_id)
{
	struct nvml_gpu_instance *gi = NULL;

	assert_ok(nvmlDeviceCreateGpuInstance(device, profile_id, &gi));
	return gi;
}

__attribute__((unused)) static struct nvml_compute_instance *make_ci(struct nvml_gpu_instance *gi,
								     unsigned profile_id)
{
	struct nvml_compute_instance *ci = NULL;

	assert_ok(nvmlGpuInstanceCreateComputeInstance(gi, profile_id, &ci));
	return ci;
}

__attribute__((unused)) static struct nvml_device *mig_device(struct nvml_device *device,
							      unsigned index)
{
	struct nvml_device *mig = NULL;

	assert_ok(nvmlDeviceGetMigDeviceHandleByIndex(device, index, &mig));
	return mig;
}
