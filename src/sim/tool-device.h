/*
 * tool-device.h - the device that a CUDA program would be given
 *
 * A device is a whole GPU or a MIG device, which is one compute instance.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "sim/world.h"

struct tool_device {
	unsigned gpu;
	uint32_t gi, ci; /* WORLD_NONE: the whole GPU */
};

/*
 * What CUDA_VISIBLE_DEVICES names first.
 *
 *   visible  its value: "MIG-uuid", "GPU-uuid" (or the beginning of one), an
 *            index, "MIG-GPU-uuid/gi/ci", several after commas. NULL: not set,
 *            which is the first device there is. A GPU in MIG mode stands for
 *            its first MIG device.
 *   err      NOT_FOUND, also for "" and "-1", which hide everything
 */
int tool_device_find(const struct world_state *state, const char *visible, struct tool_device *ret,
		     struct err *err);

/*
 * Can this process open the nodes of the device? Asked only in the view of
 * run; a node that is just being made is waited for, a moment.
 *   err  DENIED
 */
int tool_device_open(const struct world_gpu *gpu, const struct tool_device *device,
		     struct err *err);

/* "GPU 0", "MIG 1g.10gb of GPU 0". Returns buf. */
char *tool_device_name(const struct world_gpu *gpu, const struct tool_device *device, char *buf,
		       size_t size);
