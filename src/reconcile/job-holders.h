/*
 * job-holders.h - who has a GPU open, for people
 *
 * What the driver calls in use is not always in its list of processes: a
 * daemon that watches the GPU, a display, a container that has an instance's
 * node open. They are found by the device nodes they have open. Slow: for
 * worker threads, and only when something was in use.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "isolate/driver.h"

/*
 * "nvidia-persistenced (pid 812, root, nvidia-persistenced.service), ... and 2 more"; ""
 * when nobody is seen. Of this process nothing is said.
 *
 *   minor   of /dev/nvidiaN
 *   has_gi  then also those who have the node of that GPU instance open
 */
void job_name_holders(const struct isolate_roots *roots, unsigned minor, bool has_gi, unsigned gi,
		      char *ret, size_t size);
