#include "nvml-test.h"

/* ---- MIG mode ---- */

static void mode_changes_as_the_generation_does(void **unused)
{
	const char *boards_of_it[] = {A100, H100};
	struct nvml_device *ampere, *hopper;
	unsigned current, pending;
	nvmlReturn_t activation = NVML_ERROR_UNKNOWN;

	(void)unused;
	begin(boards_of_it, 2, false);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &ampere));
	assert_ok(nvmlDeviceGetHandleByIndex_v2(1, &hopper));
	assert_ok(nvmlDeviceSetMigMode(hopper, 1, &activation));
	assert_int_equal(activation, NVML_SUCCESS);
	assert_ok(nvmlDeviceGetMigMode(hopper, &current, &pending));
	assert_int_equal(current, 1);
	assert_int_equal(pending, 1);
	assert_ok(nvmlDeviceGetMigMode(ampere, &current, &pending));
	assert_int_equal(current, 0);
	assert_code(nvmlDeviceSetMigMode(hopper, 2, &activation), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceSetMigMode(hopper, 1, NULL), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

static void with_instances_a_change_is_pending(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	nvmlReturn_t activation = NVML_SUCCESS;
	unsigned current, pending;

	(void)unused;
	make_gi(device, id_of(A100, "1g"));
	assert_ok(nvmlDeviceSetMigMode(device, 0, &activation));
	assert_int_equal(activation, NVML_ERROR_IN_USE);
	assert_ok(nvmlDeviceGetMigMode(device, &current, &pending));
	assert_int_equal(current, 1);
	assert_int_equal(pending, 0);
	end();
}

static void with_mode_off_there_is_nothing_to_divide(void **unused)
{
	const char *board = A100;
	struct nvml_device *device, *mig;
	struct nvml_gpu_instance *gi, *list[7];
	struct nvml_gi_profile_info info;
	unsigned count = 77;

	(void)unused;
	begin(&board, 1, false);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &device));
	assert_code(nvmlDeviceCreateGpuInstance(device, 19, &gi), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetGpuInstances(device, 19, list, &count), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetGpuInstanceRemainingCapacity(device, 19, &count),
		    NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetMigDeviceHandleByIndex(device, 0, &mig), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(count, 77);
	assert_ok(nvmlDeviceGetMaxMigDeviceCount(device, &count));
	assert_int_equal(count, 0);
	assert_ok(nvmlDeviceGetGpuInstancePossiblePlacements_v2(device, 19, NULL, &count));
	assert_int_equal(count, 7);
	assert_ok(nvmlDeviceGetGpuInstanceProfileInfo(device, 0, &info));
	end();
}

/* Drivers of the 535 branch need MIG mode for it; field 199 says so. */
static void an_older_driver_knows_no_profiles_with_mode_off(void **unused)
{
	struct nvml_field_value field = {.field = NVML_FIELD_MIG_QUERY_WITH_MIG_OFF};
	const char *board = A100;
	struct world_spec spec = test_spec(&board, 1, false);
	struct nvml_device *device;
	struct nvml_gi_profile_info info;

	(void)unused;
	spec.driver = "535.261.03";
	make_world(&spec);
	assert_ok(nvmlInit_v2());
	assert_ok(nvmlDeviceGetHandleByIndex_v2(0, &device));
	assert_code(nvmlDeviceGetGpuInstanceProfileInfo(device, 0, &info),
		    NVML_ERROR_NOT_SUPPORTED);
	assert_ok(nvmlDeviceGetFieldValues(device, 1, &field));
	assert_int_equal(field.result, NVML_SUCCESS);
	assert_int_equal(field.value.ui, 0);
	end();
}

/* ---- profiles ---- */

/* Clients walk the constants: a gap is 3, the end is 2, nothing else, and one of each exists. */
static void gaps_are_3_and_the_end_is_2(void **unused)
{
	(void)unused;
	for (size_t b = 0; b < n_boards; b++) {
		struct nvml_device *device;
		size_t found = 0;

		if (!boards[b].has_memory || !profile_sim_memory_mib(&boards[b].profiles[0]))
			continue;
		device = begin_one(boards[b].id);
		for (unsigned c = 0; c < NVML_GI_PROFILE_COUNT; c++) {
			struct nvml_gi_profile_info info = {.id = 99};
			nvmlReturn_t code = nvmlDeviceGetGpuInstanceProfileInfo(device, c, &info);

			if (code == NVML_SUCCESS) {
				assert_true(info.instances > 0);
				assert_int_not_equal(c, NVML_GI_PROFILE_3_SLICE_GFX);
				found++;
			} else {
				assert_int_equal(code, NVML_ERROR_NOT_SUPPORTED);
				assert_int_equal(info.id, 99);
			}
		}
		assert_true(found > 0 && found <= boards[b].n_profiles);
		for (unsigned c = NVML_GI_PROFILE_COUNT; c < NVML_GI_PROFILE_COUNT + 3; c++) {
			struct nvml_gi_profile_info info;

			assert_code(nvmlDeviceGetGpuInstanceProfileInfo(device, c, &info),
				    NVML_ERROR_INVALID_ARGUMENT);
		}
		end();
	}
}

static void the_three_ways_to_ask_agree(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_gi_profile_info_v2 v2 = {.version = NVML_GI_PROFILE_INFO_V2};
	union {
		struct nvml_gi_profile_info_v2 v2;
		struct nvml_gi_profile_info_v3 v3;
	} any = {.v3 = {.version = NVML_GI_PROFILE_INFO_V3}};
	struct nvml_gi_profile_info v1;

	(void)unused;
	assert_ok(nvmlDeviceGetGpuInstanceProfileInfo(device, NVML_GI_PROFILE_3_SLICE, &v1));
	assert_ok(nvmlDeviceGetGpuInstanceProfileInfoV(device, NVML_GI_PROFILE_3_SLICE, &v2));
	assert_ok(nvmlDeviceGetGpuInstanceProfileInfoV(device, NVML_GI_PROFILE_3_SLICE, &any.v2));
	assert_int_equal(v1.id, 9);
	assert_int_equal(v1.slices, 3);
	assert_int_equal(v1.instances, 2);
	assert_int_equal(v1.multiprocessors, 42);
	assert_int_equal(v1.memory_mib, 19968);
	assert_int_equal(v2.id, 9);
	assert_int_equal(v2.memory_mib, v1.memory_mib);
	assert_string_equal(v2.name, "MIG 3g.20gb");
	assert_int_equal(any.v3.id, 9);
	assert_int_equal(any.v3.multiprocessors, v1.multiprocessors);
	assert_int_equal(any.v3.memory_mib, v1.memory_mib);
	assert_string_equal(any.v3.name, "MIG 3g.20gb");
	assert_int_equal(any.v3.version, NVML_GI_PROFILE_INFO_V3);
	end();
}

/* A profile larger than the GPU instance is 3, as a gap is. */
static void compute_profiles_fit_their_instance(void **unused)
{
	static const struct {
		unsigned constant;
		nvmlReturn_t code;
		unsigned slices, instances, sm;
		const char *name;
	} of_3g[] = {
		{NVML_CI_PROFILE_1_SLICE, NVML_SUCCESS, 1, 3, 14, "MIG 1c.3g.20gb"},
		{NVML_CI_PROFILE_2_SLICE, NVML_SUCCESS, 2, 1, 28, "MIG 2c.3g.20gb"},
		{NVML_CI_PROFILE_3_SLICE, NVML_SUCCESS, 3, 1, 42, "MIG 3g.20gb"},
		{NVML_CI_PROFILE_4_SLICE, NVML_ERROR_NOT_SUPPORTED},
		{NVML_CI_PROFILE_7_SLICE, NVML_ERROR_NOT_SUPPORTED},
		{NVML_CI_PROFILE_7_SLICE_NVL, NVML_ERROR_NOT_SUPPORTED},
		{NVML_CI_PROFILE_COUNT, NVML_ERROR_INVALID_ARGUMENT},
	};
	struct nvml_gpu_instance *gi = make_gi(begin_one(A100), id_of(A100, "3g"));
	struct nvml_ci_profile_info info;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(of_3g); i++) {
		struct nvml_ci_profile_info_v2 v2 = {.version = NVML_CI_PROFILE_INFO_V2};

		assert_code(nvmlGpuInstanceGetComputeInstanceProfileInfo(gi, of_3g[i].constant, 0,
									 &info),
			    of_3g[i].code);
		assert_code(nvmlGpuInstanceGetComputeInstanceProfileInfoV(gi, of_3g[i].constant, 0,
									  &v2),
			    of_3g[i].code);
		if (of_3g[i].code)
			continue;
		assert_int_equal(info.slices, of_3g[i].slices);
		assert_int_equal(info.instances, of_3g[i].instances);
		assert_int_equal(info.multiprocessors, of_3g[i].sm);
		assert_string_equal(v2.name, of_3g[i].name);
	}
	assert_code(nvmlGpuInstanceGetComputeInstanceProfileInfo(gi, 0, 1, &info),
		    NVML_ERROR_INVALID_ARGUMENT);
	end();
}

static void placements_are_the_boards(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_placement places[8] = {{0}};
	unsigned count = 8, id = id_of(A100, "2g");

	(void)unused;
	assert_ok(nvmlDeviceGetGpuInstancePossiblePlacements_v2(device, id, places, &count));
	assert_int_equal(count, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(places[i].start, 2 * i);
		assert_int_equal(places[i].size, 2);
	}
	count = 2;
	places[1].start = 99;
	assert_code(nvmlDeviceGetGpuInstancePossiblePlacements_v2(device, id, places, &count),
		    NVML_ERROR_INSUFFICIENT_SIZE);
	assert_int_equal(count, 3);
	assert_int_equal(places[1].start, 99);
	assert_code(nvmlDeviceGetGpuInstancePossiblePlacements(device, 77, NULL, &count),
		    NVML_ERROR_INVALID_ARGUMENT);
	end();
}

/* ---- instances ---- */

static unsigned remaining(struct nvml_device *device, unsigned profile_id)
{
	unsigned count = 99;

	assert_ok(nvmlDeviceGetGpuInstanceRemainingCapacity(device, profile_id, &count));
	return count;
}

static void the_life_of_an_instance(void **unused)
{
	struct nvml_device *device = begin_one(A100), *of_ci;
	struct nvml_gpu_instance *gi = make_gi(device, 9), *gis[2], *again;
	struct nvml_compute_instance *ci, *cis[3], *other;
	struct nvml_gi_info gi_info;
	struct nvml_ci_info ci_info;
	unsigned count, n;

	(void)unused;
	assert_int_equal(remaining(device, 9), 1);
	assert_ok(nvmlGpuInstanceGetInfo(gi, &gi_info));
	assert_ptr_equal(gi_info.device, device);
	assert_int_equal(gi_info.id, 2);
	assert_int_equal(gi_info.profile_id, 9);
	assert_int_equal(gi_info.placement.start, 4);
	assert_int_equal(gi_info.placement.size, 4);
	assert_ok(nvmlDeviceGetGpuInstances(device, 9, gis, &count));
	assert_int_equal(count, 1);
	assert_ptr_equal(gis[0], gi);
	assert_ok(nvmlDeviceGetGpuInstances(device, 19, gis, &count));
	assert_int_equal(count, 0);
	assert_ok(nvmlDeviceGetGpuInstanceById(device, 2, &again));
	assert_ptr_equal(again, gi);

	ci = make_ci(gi, 1);
	assert_ok(nvmlGpuInstanceGetComputeInstanceRemainingCapacity(gi, 0, &n));
	assert_int_equal(n, 1);
	assert_code(nvmlGpuInstanceCreateComputeInstance(gi, 1, &other),
		    NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_ok(nvmlComputeInstanceGetInfo_v2(ci, &ci_info));
	assert_ptr_equal(ci_info.gpu_instance, gi);
	assert_int_equal(ci_info.id, 0);
	assert_int_equal(ci_info.profile_id, 1);
	assert_int_equal(ci_info.placement.size, 2);
	assert_ok(nvmlGpuInstanceGetComputeInstances(gi, 1, cis, &count));
	assert_int_equal(count, 1);
	assert_ptr_equal(cis[0], ci);
	assert_ok(nvmlGpuInstanceGetComputeInstanceById(gi, 0, &other));
	assert_ptr_equal(other, ci);
	of_ci = ci_info.device;

	assert_code(nvmlGpuInstanceDestroy(gi), NVML_ERROR_IN_USE);
	assert_ok(nvmlComputeInstanceDestroy(ci));
	assert_ok(nvmlGpuInstanceDestroy(gi));
	assert_int_equal(remaining(device, 9), 2);
	assert_code(nvmlDeviceGetIndex(of_ci, &n), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

/* mig-parted asks every instance for one more and takes only this answer for "full". */
static void a_full_instance_is_23(void **unused)
{
	struct nvml_gpu_instance *gi = make_gi(begin_one(A100), 19);
	struct nvml_compute_instance *ci, *more = (void *)1;

	(void)unused;
	ci = make_ci(gi, 0);
	assert_code(nvmlGpuInstanceCreateComputeInstance(gi, 0, &more),
		    NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_ptr_equal(more, (void *)1);
	(void)ci;
	end();
}

static void a_place_can_be_asked_for(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_gpu_instance *gi = NULL, *other;
	struct nvml_placement at = {0, 4}, odd = {1, 4}, wrong_size = {4, 3}, beyond = {~0u, 4};
	struct nvml_gi_info info;

	(void)unused;
	assert_ok(nvmlDeviceCreateGpuInstanceWithPlacement(device, 9, &at, &gi));
	assert_ok(nvmlGpuInstanceGetInfo(gi, &info));
	assert_int_equal(info.placement.start, 0);
	assert_int_equal(info.id, 1);
	assert_code(nvmlDeviceCreateGpuInstanceWithPlacement(device, 9, &at, &other),
		    NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_code(nvmlDeviceCreateGpuInstanceWithPlacement(device, 9, &odd, &other),
		    NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceCreateGpuInstanceWithPlacement(device, 9, &wrong_size, &other),
		    NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceCreateGpuInstanceWithPlacement(device, 9, &beyond, &other),
		    NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceCreateGpuInstanceWithPlacement(device, 9, NULL, &other),
		    NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceCreateGpuInstance(device, 77, &other), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

static void compute_instances_have_places_too(void **unused)
{
	struct nvml_gpu_instance *gi = make_gi(begin_one(A100), 9);
	struct nvml_placement places[8], at = {2, 1};
	struct nvml_compute_instance *ci = NULL;
	struct nvml_ci_info info;
	unsigned count = 8;

	(void)unused;
	assert_ok(nvmlGpuInstanceGetComputeInstancePossiblePlacements(gi, 0, places, &count));
	assert_int_equal(count, 3);
	assert_int_equal(places[2].start, 2);
	assert_ok(nvmlGpuInstanceCreateComputeInstanceWithPlacement(gi, 0, &at, &ci));
	assert_ok(nvmlComputeInstanceGetInfo_v2(ci, &info));
	assert_int_equal(info.placement.start, 2);
	assert_int_equal(info.placement.size, 1);
	end();
}

/* A new instance in the old place is not what the old handle meant. */
static void stale_handles_stay_stale(void **unused)
{
	struct nvml_device *device = begin_one(A100), *mig, *new_mig;
	struct nvml_gpu_instance *gi = make_gi(device, 0), *new_gi;
	struct nvml_compute_instance *ci = make_ci(gi, NVML_CI_PROFILE_7_SLICE), *new_ci;
	struct nvml_gi_info gi_info;
	struct nvml_ci_info ci_info;
	char uuid[80], new_uuid[80];

	(void)unused;
	mig = mig_device(device, 0);
	assert_ok(nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)));
	assert_ok(nvmlComputeInstanceDestroy(ci));
	assert_code(nvmlComputeInstanceDestroy(ci), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)), NVML_ERROR_INVALID_ARGUMENT);
	assert_ok(nvmlGpuInstanceDestroy(gi));
	new_gi = make_gi(device, 0);
	new_ci = make_ci(new_gi, NVML_CI_PROFILE_7_SLICE);
	assert_ptr_not_equal(gi, new_gi);
	assert_ptr_not_equal(ci, new_ci);
	assert_code(nvmlGpuInstanceGetInfo(gi, &gi_info), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlComputeInstanceGetInfo_v2(ci, &ci_info), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)), NVML_ERROR_INVALID_ARGUMENT);
	new_mig = mig_device(device, 0);
	assert_ok(nvmlDeviceGetUUID(new_mig, new_uuid, sizeof(new_uuid)));
	assert_string_equal(uuid, new_uuid);
	end();
}

static void gone_is_not_found_where_it_is_looked_up(void **unused)
{
	struct nvml_device *device = begin_one(A100), *ret;
	struct nvml_gpu_instance *gi = make_gi(device, 19), *found;
	struct nvml_compute_instance *ci = make_ci(gi, 0), *found_ci;
	char uuid[80];

	(void)unused;
	assert_ok(nvmlDeviceGetUUID(mig_device(device, 0), uuid, sizeof(uuid)));
	assert_ok(nvmlComputeInstanceDestroy(ci));
	assert_code(nvmlGpuInstanceGetComputeInstanceById(gi, 0, &found_ci), NVML_ERROR_NOT_FOUND);
	assert_code(nvmlGpuInstanceGetComputeInstanceById(gi, 99, &found_ci), NVML_ERROR_NOT_FOUND);
	assert_ok(nvmlGpuInstanceDestroy(gi));
	assert_code(nvmlDeviceGetGpuInstanceById(device, 13, &found), NVML_ERROR_NOT_FOUND);
	assert_code(nvmlDeviceGetGpuInstanceById(device, ~0u, &found), NVML_ERROR_NOT_FOUND);
	assert_code(nvmlDeviceGetHandleByUUID(uuid, &ret), NVML_ERROR_NOT_FOUND);
	assert_code(nvmlDeviceGetMigDeviceHandleByIndex(device, 0, &ret), NVML_ERROR_NOT_FOUND);
	assert_code(nvmlDeviceGetMigDeviceHandleByIndex(device, 7, &ret),
		    NVML_ERROR_INVALID_ARGUMENT);
	end();
}

/* More handles than there is room for at once: the old ones give way. */
static void handles_do_not_run_out(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	struct nvml_gpu_instance *kept = make_gi(device, 19);
	struct nvml_gi_info info;

	(void)unused;
	for (int i = 0; i < 20000; i++)
		assert_ok(nvmlGpuInstanceDestroy(make_gi(device, 14)));
	assert_ok(nvmlGpuInstanceGetInfo(kept, &info));
	assert_int_equal(info.profile_id, 19);
	assert_ptr_equal(info.device, device);
	end();
}

/* ---- MIG devices ---- */

static void a_mig_device_knows_what_it_is(void **unused)
{
	struct nvml_device *device = begin_one(A100), *mig, *parent, *same;
	struct nvml_gpu_instance *gi = make_gi(device, 9);
	struct nvml_device_attributes attributes;
	char name[96], uuid[80], old[96], gpu_uuid[80];
	unsigned n, pending;

	(void)unused;
	make_ci(gi, 1);
	make_ci(gi, 0);
	mig = mig_device(device, 1);
	assert_ok(nvmlDeviceIsMigDeviceHandle(mig, &n));
	assert_int_equal(n, 1);
	assert_ok(nvmlDeviceIsMigDeviceHandle(device, &n));
	assert_int_equal(n, 0);
	assert_ok(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(mig, &parent));
	assert_ptr_equal(parent, device);
	assert_ok(nvmlDeviceGetIndex(mig, &n));
	assert_int_equal(n, 1);
	assert_ok(nvmlDeviceGetGpuInstanceId(mig, &n));
	assert_int_equal(n, 2);
	assert_ok(nvmlDeviceGetComputeInstanceId(mig, &n));
	assert_int_equal(n, 1);
	assert_ok(nvmlDeviceGetName(mig, name, sizeof(name)));
	assert_string_equal(name, "NVIDIA A100-SXM4-40GB MIG 1c.3g.20gb");
	assert_ok(nvmlDeviceGetUUID(mig, uuid, sizeof(uuid)));
	assert_memory_equal(uuid, "MIG-", 4);
	assert_ok(nvmlDeviceGetHandleByUUID(uuid, &same));
	assert_ptr_equal(same, mig);
	assert_ok(nvmlDeviceGetUUID(device, gpu_uuid, sizeof(gpu_uuid)));
	snprintf(old, sizeof(old), "MIG-%s/2/1", gpu_uuid);
	assert_ok(nvmlDeviceGetHandleByUUID(old, &same));
	assert_ptr_equal(same, mig);
	assert_ok(nvmlDeviceGetAttributes_v2(mig, &attributes));
	assert_int_equal(attributes.multiprocessors, 14);
	assert_int_equal(attributes.gi_slices, 3);
	assert_int_equal(attributes.ci_slices, 1);
	assert_int_equal(attributes.memory_mib, 19968);
	assert_int_equal(attributes.copy_engines, 3);
	assert_code(nvmlDeviceGetAttributes_v2(device, &attributes), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetMinorNumber(mig, &n), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceGetMigMode(mig, &n, &pending), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlDeviceGetGpuInstanceId(device, &n), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

/* Some clients ask the device of a compute instance for the GPU's index, some for the MIG UUID. */
static void the_device_of_a_compute_instance_serves_both(void **unused)
{
	const char *boards_of_it[] = {A30, A100};
	struct nvml_device *device, *mig, *parent;
	struct nvml_compute_instance *ci;
	struct nvml_ci_info info;
	char uuid[80], mig_uuid[80];
	unsigned n;

	(void)unused;
	begin(boards_of_it, 2, true);
	assert_ok(nvmlDeviceGetHandleByIndex_v2(1, &device));
	ci = make_ci(make_gi(device, 19), 0);
	mig = mig_device(device, 0);
	assert_ok(nvmlComputeInstanceGetInfo_v2(ci, &info));
	assert_ok(nvmlDeviceGetIndex(info.device, &n));
	assert_int_equal(n, 1);
	assert_ok(nvmlDeviceGetIndex(mig, &n));
	assert_int_equal(n, 0);
	assert_ok(nvmlDeviceGetUUID(info.device, uuid, sizeof(uuid)));
	assert_ok(nvmlDeviceGetUUID(mig, mig_uuid, sizeof(mig_uuid)));
	assert_string_equal(uuid, mig_uuid);
	assert_ok(nvmlDeviceIsMigDeviceHandle(info.device, &n));
	assert_int_equal(n, 1);
	assert_ok(nvmlDeviceGetDeviceHandleFromMigDeviceHandle(info.device, &parent));
	assert_ptr_equal(parent, device);
	end();
}

static void texts_that_do_not_fit_are_7(void **unused)
{
	struct nvml_device *device = begin_one(A100);
	char buf[80] = "untouched";

	(void)unused;
	assert_code(nvmlDeviceGetUUID(device, buf, 40), NVML_ERROR_INSUFFICIENT_SIZE);
	assert_code(nvmlDeviceGetName(device, buf, 21), NVML_ERROR_INSUFFICIENT_SIZE);
	assert_string_equal(buf, "untouched");
	assert_ok(nvmlDeviceGetName(device, buf, 22));
	assert_string_equal(buf, "NVIDIA A100-SXM4-40GB");
	assert_ok(nvmlDeviceGetUUID(device, buf, 41));
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mode_changes_as_the_generation_does),
		cmocka_unit_test(with_instances_a_change_is_pending),
		cmocka_unit_test(with_mode_off_there_is_nothing_to_divide),
		cmocka_unit_test(an_older_driver_knows_no_profiles_with_mode_off),
		cmocka_unit_test(gaps_are_3_and_the_end_is_2),
		cmocka_unit_test(the_three_ways_to_ask_agree),
		cmocka_unit_test(compute_profiles_fit_their_instance),
		cmocka_unit_test(placements_are_the_boards),
		cmocka_unit_test(the_life_of_an_instance),
		cmocka_unit_test(a_full_instance_is_23),
		cmocka_unit_test(a_place_can_be_asked_for),
		cmocka_unit_test(compute_instances_have_places_too),
		cmocka_unit_test(stale_handles_stay_stale),
		cmocka_unit_test(gone_is_not_found_where_it_is_looked_up),
		cmocka_unit_test(handles_do_not_run_out),
		cmocka_unit_test(a_mig_device_knows_what_it_is),
		cmocka_unit_test(the_device_of_a_compute_instance_serves_both),
		cmocka_unit_test(texts_that_do_not_fit_are_7),
	};

	return tap_run(tests);
}
