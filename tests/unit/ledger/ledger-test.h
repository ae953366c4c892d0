/*
 * ledger-test.h - a folder with a ledger in it, and rows with every field set
 */
#pragma once

#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "ledger/ledger.h"

#define GPU_UUID "GPU-11111111-2222-3333-4444-555555555555"

struct place {
	char folder[64], path[96];
};

static inline void place_init(struct place *place)
{
	snprintf(place->folder, sizeof(place->folder), "/tmp/carve-ledger-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	snprintf(place->path, sizeof(place->path), "%s/ledger.db", place->folder);
}

static inline void place_done(const struct place *place)
{
	static const char *const endings[] = {"", "-wal", "-shm", ".lock"};
	char name[128];

	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", place->path, endings[i]);
		unlink(name);
	}
	for (int version = 1; version < 32; version++) { /* copies that migrations leave */
		snprintf(name, sizeof(name), "%s.v%d", place->path, version);
		unlink(name);
	}
	assert_int_equal(rmdir(place->folder), 0);
}

/* The call works, or the test fails with what it said. */
#define assert_works(call)                                                                         \
	do {                                                                                       \
		if ((call) != 0)                                                                   \
			fail_msg("%s: %s: %s", #call, err_name(err.code), err.text);               \
	} while (0)

/* The call fails with that code and says the words. */
#define assert_fails(call, want, words)                                                            \
	do {                                                                                       \
		assert_int_equal((call), -(want));                                                 \
		assert_int_equal(err.code, (want));                                                \
		if (!strstr(err.text, (words)))                                                    \
			fail_msg("%s says '%s', not '%s'", #call, err.text, (words));              \
	} while (0)

static inline struct ledger_gpu sample_gpu(void)
{
	struct ledger_gpu gpu;

	memset(&gpu, 0, sizeof(gpu));
	gpu.index = 3;
	gpu.first_seen_s = 1000;
	gpu.last_seen_s = 2000;
	strcpy(gpu.uuid, GPU_UUID);
	strcpy(gpu.board, "a100-sxm4-80gb");
	strcpy(gpu.name, "NVIDIA A100-SXM4-80GB");
	strcpy(gpu.pci, "0000:07:00.0");
	strcpy(gpu.serial, "1320021000001");
	return gpu;
}

static inline struct ledger_instance sample_instance(void)
{
	struct ledger_instance instance;

	memset(&instance, 0, sizeof(instance));
	strcpy(instance.gpu, GPU_UUID);
	instance.profile_id = 14;
	strcpy(instance.profile, "2g.20gb");
	instance.start = 4;
	instance.size = 2;
	instance.slices = 2;
	instance.has_gi = instance.has_ci = instance.has_gone = instance.adopted = true;
	instance.gi = 5;
	instance.ci = 1;
	strcpy(instance.mig_uuid, "MIG-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
	instance.state = INSTANCE_DESTROYING;
	instance.created_s = 1700000000;
	instance.gone_s = 1700000500;
	strcpy(instance.why, "lease 12 ended");
	return instance;
}

static inline struct ledger_lease sample_lease(void)
{
	struct ledger_lease lease;

	memset(&lease, 0, sizeof(lease));
	lease.uid = 4294967294u;
	strcpy(lease.user, "ann");
	strcpy(lease.team, "vision");
	strcpy(lease.class_name, "small");
	strcpy(lease.reason, "to see whether \xc3\xbc"
			     "ber-resolution works");
	lease.state = LEASE_ENDING;
	lease.requested_s = 1;
	lease.time_s = 14400;
	lease.has_granted = lease.has_ends = lease.has_ended = true;
	lease.granted_s = 2;
	lease.ends_s = 14402;
	lease.ended_s = 5000000000;
	lease.has_pid = lease.pid_holds = lease.has_exit = true;
	lease.pid = 4194304;
	lease.pid_start = INT64_MAX;
	lease.exit_status = -7;
	strcpy(lease.rule, "teams.vision.quota");
	strcpy(lease.why_ended, "its process ended");
	return lease;
}

static inline struct ledger_event sample_event(void)
{
	return (struct ledger_event){
		.time_s = 77,
		.kind = "granted",
		.has_uid = true,
		.has_lease = true,
		.has_start = true,
		.uid = 1000,
		.user = "ann",
		.team = "vision",
		.class_name = "small",
		.lease = 1,
		.gpu = GPU_UUID,
		.profile = "2g.20gb",
		.start = 4,
		.mig_uuid = "MIG-a",
		.by = "carved",
		.rule = "classes.small",
		.text = "granted lease 1",
	};
}

/* A ledger that holds the sample GPU. */
static inline struct ledger *open_sample(const char *path)
{
	struct ledger_gpu gpu = sample_gpu();
	struct ledger *ledger = NULL;
	struct err err = ERR_INIT;

	assert_works(ledger_open(path, &ledger, &err));
	assert_works(ledger_begin(ledger, &err));
	assert_works(ledger_gpu_seen(ledger, &gpu, &err));
	assert_works(ledger_commit(ledger, &err));
	return ledger;
}
