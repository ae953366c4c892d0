#include "nvml-test.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/clock.h"

static struct nvml_device *device;
static struct nvml_event_set *set;

static void set_up(unsigned long long types)
{
	device = begin_one(A100);
	assert_ok(nvmlEventSetCreate(&set));
	assert_ok(nvmlDeviceRegisterEvents(device, types, set));
}

static void raise_xid(uint64_t xid, uint32_t gi, uint32_t ci)
{
	world_event(world_change(test_world), 0, NVML_EVENT_XID, xid, gi, ci);
	world_commit(test_world);
}

static void an_event_is_seen_once(void **unused)
{
	struct nvml_event_data info;

	(void)unused;
	set_up(NVML_EVENT_XID);
	raise_xid(79, 2, 0);
	raise_xid(43, WORLD_NONE, WORLD_NONE);
	assert_ok(nvmlEventSetWait_v2(set, &info, 0));
	assert_ptr_equal(info.device, device);
	assert_int_equal(info.type, NVML_EVENT_XID);
	assert_int_equal(info.data, 79);
	assert_int_equal(info.gpu_instance_id, 2);
	assert_int_equal(info.compute_instance_id, 0);
	assert_ok(nvmlEventSetWait_v2(set, &info, 1000));
	assert_int_equal(info.data, 43);
	assert_int_equal(info.gpu_instance_id, NVML_NO_INSTANCE);
	assert_code(nvmlEventSetWait_v2(set, &info, 0), NVML_ERROR_TIMEOUT);
	end();
}

static void a_set_gets_what_it_asked_for(void **unused)
{
	struct nvml_event_set *other;
	struct nvml_event_data info;

	(void)unused;
	set_up(NVML_EVENT_MIG_CONFIG);
	assert_ok(nvmlEventSetCreate(&other));
	assert_ok(nvmlDeviceRegisterEvents(device, NVML_EVENT_XID, other));
	raise_xid(13, WORLD_NONE, WORLD_NONE);
	make_gi(device, 19);
	assert_ok(nvmlEventSetWait_v2(set, &info, 0));
	assert_int_equal(info.type, NVML_EVENT_MIG_CONFIG);
	assert_int_equal(info.data, 0);
	assert_ok(nvmlEventSetWait_v2(other, &info, 0));
	assert_int_equal(info.type, NVML_EVENT_XID);
	assert_code(nvmlEventSetWait_v2(other, &info, 0), NVML_ERROR_TIMEOUT);
	end();
}

static void waiting_blocks(void **unused)
{
	struct nvml_event_data info = {.data = 77};
	int64_t begin_ns;

	(void)unused;
	set_up(NVML_EVENT_XID);
	begin_ns = clock_monotonic_ns();
	assert_code(nvmlEventSetWait_v2(set, &info, 60), NVML_ERROR_TIMEOUT);
	assert_true(clock_monotonic_ns() - begin_ns >= 60000000);
	assert_int_equal(info.data, 77);
	end();
}

/* Another process raises it while this one waits. */
static void events_come_from_other_processes(void **unused)
{
	struct nvml_event_data info;
	int64_t begin_ns = clock_monotonic_ns();
	pid_t pid;

	(void)unused;
	set_up(NVML_EVENT_XID);
	pid = fork();
	if (!pid) {
		usleep(50000);
		raise_xid(31, WORLD_NONE, WORLD_NONE);
		_exit(0);
	}
	assert_ok(nvmlEventSetWait_v2(set, &info, 20000));
	assert_int_equal(info.data, 31);
	assert_true(clock_monotonic_ns() - begin_ns < 10000000000);
	waitpid(pid, NULL, 0);
	end();
}

static void a_set_that_sleeps_too_long_loses_the_oldest(void **unused)
{
	struct nvml_event_data info;
	unsigned n = 0;

	(void)unused;
	set_up(NVML_EVENT_XID);
	for (unsigned i = 0; i < WORLD_MAX_EVENTS + 10; i++)
		raise_xid(i, WORLD_NONE, WORLD_NONE);
	assert_ok(nvmlEventSetWait_v2(set, &info, 0));
	assert_int_equal(info.data, 10);
	while (!nvmlEventSetWait_v2(set, &info, 0))
		n++;
	assert_int_equal(n, WORLD_MAX_EVENTS - 1);
	end();
}

static void what_cannot_be_registered(void **unused)
{
	unsigned long long types = 0;
	struct nvml_device *mig;

	(void)unused;
	set_up(NVML_EVENT_XID);
	make_ci(make_gi(device, 19), 0);
	mig = mig_device(device, 0);
	assert_ok(nvmlDeviceGetSupportedEventTypes(device, &types));
	assert_int_equal(types & 0x10b, 0x10b);
	assert_code(nvmlDeviceRegisterEvents(device, 1ull << 40, set), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceRegisterEvents(mig, NVML_EVENT_XID, set), NVML_ERROR_NOT_SUPPORTED);
	assert_code(nvmlDeviceRegisterEvents(device, NVML_EVENT_XID, (void *)device),
		    NVML_ERROR_INVALID_ARGUMENT);
	end();
}

static void a_freed_set_is_no_set(void **unused)
{
	struct nvml_event_data info;

	(void)unused;
	set_up(NVML_EVENT_XID);
	assert_ok(nvmlEventSetFree(set));
	assert_code(nvmlEventSetFree(set), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlEventSetWait_v2(set, &info, 0), NVML_ERROR_INVALID_ARGUMENT);
	assert_code(nvmlEventSetWait_v2(NULL, &info, 0), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

/* The first version of the struct ends before the instance ids. */
static void the_older_wait_writes_less(void **unused)
{
	struct nvml_event_data info = {.gpu_instance_id = 77, .compute_instance_id = 78};

	(void)unused;
	set_up(NVML_EVENT_XID);
	raise_xid(79, 2, 0);
	assert_ok(nvmlEventSetWait(set, &info, 0));
	assert_int_equal(info.data, 79);
	assert_int_equal(info.gpu_instance_id, 77);
	assert_int_equal(info.compute_instance_id, 78);
	end();
}

static void events_of_the_system(void **unused)
{
	struct nvml_system_event_create_v1 create = {.version = NVML_SYSTEM_EVENT_CREATE_V1};
	struct nvml_system_event_register_v1 reg = {.version = NVML_SYSTEM_EVENT_REGISTER_V1,
						    .types = 3};
	struct nvml_system_event_data_v1 data[4];
	struct nvml_system_event_wait_v1 wait = {
		.version = NVML_SYSTEM_EVENT_WAIT_V1, .data = data, .data_size = 4};
	struct nvml_system_event_free_v1 give_back = {.version = NVML_SYSTEM_EVENT_FREE_V1};
	struct world_state *next;

	(void)unused;
	begin_one(A100);
	assert_ok(nvmlSystemEventSetCreate(&create));
	reg.set = wait.set = give_back.set = create.set;
	assert_ok(nvmlSystemRegisterEvents(&reg));
	assert_code(nvmlSystemEventSetWait(&wait), NVML_ERROR_TIMEOUT);
	next = world_change(test_world);
	world_system_event(next, 0, NVML_SYSTEM_EVENT_UNBIND);
	world_event(next, 0, NVML_EVENT_XID, 79, WORLD_NONE, WORLD_NONE);
	world_system_event(next, 0, NVML_SYSTEM_EVENT_BIND);
	world_commit(test_world);
	assert_ok(nvmlSystemEventSetWait(&wait));
	assert_int_equal(wait.count, 2);
	assert_int_equal(data[0].type, NVML_SYSTEM_EVENT_UNBIND);
	assert_int_equal(data[0].gpu_id, 0x0700);
	assert_int_equal(data[1].type, NVML_SYSTEM_EVENT_BIND);
	reg.types = 4;
	assert_code(nvmlSystemRegisterEvents(&reg), NVML_ERROR_NOT_SUPPORTED);
	assert_ok(nvmlSystemEventSetFree(&give_back));
	assert_code(nvmlSystemEventSetWait(&wait), NVML_ERROR_INVALID_ARGUMENT);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_event_is_seen_once),
		cmocka_unit_test(a_set_gets_what_it_asked_for),
		cmocka_unit_test(waiting_blocks),
		cmocka_unit_test(events_come_from_other_processes),
		cmocka_unit_test(a_set_that_sleeps_too_long_loses_the_oldest),
		cmocka_unit_test(what_cannot_be_registered),
		cmocka_unit_test(a_freed_set_is_no_set),
		cmocka_unit_test(the_older_wait_writes_less),
		cmocka_unit_test(events_of_the_system),
	};

	return tap_run(tests);
}
