#include "sim/tool-device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "sim/jail.h"
#include "sim/tool-world.h"

#define NODE_TRIES    75
#define NODE_PAUSE_NS 20000000

/* ---- by name ---- */

static bool find_mig(const struct world_state *state, const char *word, struct tool_device *ret)
{
	unsigned gi, ci;
	char uuid[48];

	for (unsigned gpu = 0; gpu < state->n_gpus; gpu++)
		for (unsigned i = 0; world_mig_device(&state->gpus[gpu], i, &gi, &ci); i++) {
			world_mig_uuid(&state->gpus[gpu], gi, ci, uuid, sizeof(uuid));
			if (strcasecmp(uuid, word) != 0)
				continue;
			*ret = (struct tool_device){gpu, gi, ci};
			return true;
		}
	return false;
}

/* "MIG-GPU-uuid/gi/ci" */
static bool find_old_mig(const struct world_state *state, const char *word, struct tool_device *ret)
{
	char uuid[48];
	unsigned gi, ci;
	int end = 0;

	if (sscanf(word, "MIG-%47[^/]/%2u/%1u%n", uuid, &gi, &ci, &end) != 3 || word[end] ||
	    gi >= WORLD_MAX_GIS || ci >= WORLD_MAX_CIS)
		return false;
	for (unsigned i = 0; i < state->n_gpus; i++) {
		const struct world_gi *found = &state->gpus[i].gis[gi];

		if (strcasecmp(state->gpus[i].uuid, uuid) != 0 || !found->exists ||
		    !found->cis[ci].exists)
			continue;
		*ret = (struct tool_device){i, gi, ci};
		return true;
	}
	return false;
}

/* The whole GPU, or in MIG mode its first device. */
static bool first_of(const struct world_state *state, unsigned gpu, struct tool_device *ret)
{
	unsigned gi, ci;

	if (!state->gpus[gpu].mig) {
		*ret = (struct tool_device){gpu, WORLD_NONE, WORLD_NONE};
		return true;
	}
	if (!world_mig_device(&state->gpus[gpu], 0, &gi, &ci))
		return false;
	*ret = (struct tool_device){gpu, gi, ci};
	return true;
}

static int find_first(const struct world_state *state, struct tool_device *ret, struct err *err)
{
	for (unsigned gpu = 0; gpu < state->n_gpus; gpu++)
		if (first_of(state, gpu, ret))
			return 0;
	return fail(err, ERR_NOT_FOUND, "no device: MIG is on and there are no instances");
}

int tool_device_find(const struct world_state *state, const char *visible, struct tool_device *ret,
		     struct err *err)
{
	char word[128];
	unsigned gpu;

	if (!visible)
		return find_first(state, ret, err);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(visible, ","), visible);
	if (!strncasecmp(word, "MIG-", 4)) {
		if (find_mig(state, word, ret) || find_old_mig(state, word, ret))
			return 0;
		return fail(err, ERR_NOT_FOUND, "CUDA_VISIBLE_DEVICES: there is no device '%s'",
			    word);
	}
	if (!word[0] || !strcmp(word, "-1"))
		return fail(err, ERR_NOT_FOUND, "CUDA_VISIBLE_DEVICES hides every device");
	if (tool_gpu(state, word, &gpu, err))
		return fail_in(err, "CUDA_VISIBLE_DEVICES: ");
	if (!first_of(state, gpu, ret))
		return fail(err, ERR_NOT_FOUND, "GPU %u is in MIG mode and has no instances", gpu);
	return 0;
}

/* ---- its nodes ---- */

/* ENXIO: allowed, and there is no driver behind it. */
static int open_node(const char *path, int flags)
{
	const struct timespec pause = {.tv_nsec = NODE_PAUSE_NS};
	int error = ENOENT;

	for (int i = 0; i < NODE_TRIES && error == ENOENT; i++) {
		cleanup(close) int fd = open(path, flags | O_CLOEXEC);

		error = fd < 0 ? errno : 0;
		if (error == ENOENT)
			nanosleep(&pause, NULL);
	}
	return error == ENXIO ? 0 : error;
}

int tool_device_open(const struct world_gpu *gpu, const struct tool_device *device, struct err *err)
{
	const struct {
		const char *pattern;
		int flags;
		unsigned minor;
	} nodes[] = {
		{"/dev/nvidia%u", O_RDWR, gpu->minor},
		{"/dev/nvidia-caps/nvidia-cap%u", O_RDONLY, view_gi_cap(gpu->minor, device->gi)},
		{"/dev/nvidia-caps/nvidia-cap%u", O_RDONLY,
		 view_ci_cap(gpu->minor, device->gi, device->ci)},
	};
	size_t n = device->gi == WORLD_NONE ? 1 : ARRAY_SIZE(nodes);
	char path[64];

	if (!jail_inside_any())
		return 0;
	for (size_t i = 0; i < n; i++) {
		int error;

		snprintf(path, sizeof(path), nodes[i].pattern, nodes[i].minor);
		error = open_node(path, nodes[i].flags);
		if (error)
			return fail(err, ERR_DENIED, "cannot open '%s': %s", path, strerror(error));
	}
	return 0;
}

char *tool_device_name(const struct world_gpu *gpu, const struct tool_device *device, char *buf,
		       size_t size)
{
	const struct world_gi *gi;

	if (device->gi == WORLD_NONE) {
		snprintf(buf, size, "GPU %u", device->gpu);
		return buf;
	}
	gi = &gpu->gis[device->gi];
	snprintf(buf, size, "MIG %s of GPU %u",
		 world_ci_profile(gpu, gi, &gi->cis[device->ci])->name, device->gpu);
	return buf;
}
