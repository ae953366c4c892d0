/*
 * world-folder.h - a world in a folder of its own; CARVE_SIM names it
 */
#pragma once

#include "../tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "facts/board.h"
#include "sim/world.h"

#define A100 "a100-sxm4-40gb"
#define A30  "a30-24gb"
#define H100 "h100-sxm5-80gb"

static char test_dir[64];
static struct world *test_world;

__attribute__((unused)) static struct world_spec test_spec(const char *const *ids, size_t n,
							   bool mig)
{
	struct world_spec spec = {.seed = 1, .n_gpus = n};

	for (size_t i = 0; i < n; i++) {
		spec.gpus[i].board = board_by_id(ids[i]);
		spec.gpus[i].mig = mig;
		assert_non_null(spec.gpus[i].board);
	}
	return spec;
}

__attribute__((unused)) static void make_world(const struct world_spec *spec)
{
	struct err err = ERR_INIT;

	snprintf(test_dir, sizeof(test_dir), "/tmp/carve-test-XXXXXX");
	assert_non_null(mkdtemp(test_dir));
	assert_int_equal(chmod(test_dir, 0755), 0);
	setenv("CARVE_SIM", test_dir, 1);
	if (world_create(test_dir, spec, &err) || world_open(test_dir, &test_world, &err))
		fail_msg("%s", err.text);
}

/* Also checks that the library left a sound state. */
__attribute__((unused)) static void end_world(void)
{
	struct err err = ERR_INIT;

	if (world_check(world_read(test_world), &err))
		fail_msg("%s", err.text);
	world_done(test_world);
	assert_int_equal(world_remove(test_world, &err), 0);
	world_close(test_world);
	assert_int_equal(rmdir(test_dir), 0);
	unsetenv("CARVE_SIM");
}
