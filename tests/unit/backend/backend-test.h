/*
 * backend-test.h - a backend on the stand-in library, which the build names as
 * the test's first argument
 */
#pragma once

#include "../sim/world-folder.h"

#include "backend/backend.h"
#include "base/cleanup.h"

DEFINE_CLEANUP(backend_close, struct backend *);

static const char *test_library;
static struct backend *test_backend;
static struct backend_gpu test_gpu; /* the first */

/* The call works, or the test fails with what it said. */
#define assert_works(call)                                                                         \
	do {                                                                                       \
		if ((call) != 0)                                                                   \
			fail_msg("%s: %s: %s", #call, err_name(err.code), err.text);               \
	} while (0)

/* The call fails with that code and says the words. */
#define assert_fails(call, want, words)                                                            \
	do {                                                                                       \
		if ((call) != -(int)(want) || !strstr(err.text, (words)))                          \
			fail_msg("%s: %s: '%s', not %s with '%s'", #call, err_name(err.code),      \
				 err.text, err_name(want), (words));                               \
	} while (0)

__attribute__((unused)) static void begin_backend(const char *const *ids, size_t n, bool mig)
{
	struct world_spec spec = test_spec(ids, n, mig);
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	struct err err = ERR_INIT;
	size_t n_gpus;

	make_world(&spec);
	assert_works(backend_nvml_open(test_library, &test_backend, &err));
	assert_works(test_backend->ops->gpus(test_backend, gpus, &n_gpus, &err));
	assert_int_equal(n_gpus, n);
	test_gpu = gpus[0];
}

__attribute__((unused)) static void end_backend(void)
{
	backend_close(steal(test_backend));
	end_world();
}

/* CALL(gi_create, 9, 0, 4, &gi): of the first GPU of the test's backend. */
#define CALL(op, ...) test_backend->ops->op(test_backend, test_gpu.uuid, ##__VA_ARGS__, &err)

/* Profile ids of the A100. */
#define P1G 19u
#define P2G 14u
#define P3G 9u
#define P7G 0u
#define C3  2u /* the compute-instance profile of 3 slices */

__attribute__((unused)) static const char *const one_a100[] = {A100};

__attribute__((unused)) static unsigned create(unsigned profile_id, unsigned start, unsigned size)
{
	struct err err = ERR_INIT;
	unsigned gi = 99;

	assert_works(CALL(gi_create, profile_id, start, size, &gi));
	return gi;
}

__attribute__((unused)) static unsigned create_ci(unsigned gi, unsigned ci_profile_id)
{
	struct err err = ERR_INIT;
	unsigned ci = 99;

	assert_works(CALL(ci_create, gi, ci_profile_id, &ci));
	return ci;
}
