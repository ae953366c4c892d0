/* The keeper of a view (jail.h), looking at the state of the world. */
#include <stdio.h>
#include <string.h>

#include "sim/cmds.h"
#include "sim/jail.h"
#include "sim/tool-world.h"

#define LOOK_EVERY_NS 1000000000

struct keeper {
	struct world *world;
	uint64_t seen; /* the last event that the view shows */
};

static void view_of_gpu(const struct world_gpu *gpu, struct view_gpu *ret)
{
	const char *vbios = world_vbios(gpu);

	ret->minor = gpu->minor;
	ret->domain = gpu->domain;
	ret->bus = gpu->bus;
	ret->device = gpu->device;
	ret->pci_device = gpu->pci_device_id;
	ret->pci_subsystem_vendor = 0x10de;
	ret->pci_subsystem_device = gpu->pci_device_id;
	ret->numa = gpu->numa;
	snprintf(ret->name, sizeof(ret->name), "%s", gpu->name);
	snprintf(ret->uuid, sizeof(ret->uuid), "%s", gpu->uuid);
	snprintf(ret->vbios, sizeof(ret->vbios), "%s", vbios ? vbios : "");
	for (unsigned i = 0; i < WORLD_MAX_GIS; i++) {
		ret->gis |= (uint16_t)(gpu->gis[i].exists << i);
		for (unsigned j = 0; j < WORLD_MAX_CIS; j++)
			ret->cis[i] |=
				(uint8_t)((gpu->gis[i].exists && gpu->gis[i].cis[j].exists) << j);
	}
}

static bool look(struct view *ret, void *arg)
{
	struct keeper *keeper = arg;
	const struct world_state *state;

	if (world_is_gone(keeper->world) || world_is_deleted(keeper->world))
		return false;
	memset(ret, 0, sizeof(*ret));
	state = world_read(keeper->world);
	snprintf(ret->driver, sizeof(ret->driver), "%s", state->driver);
	ret->n_gpus = state->n_gpus;
	for (unsigned i = 0; i < state->n_gpus; i++)
		view_of_gpu(&state->gpus[i], &ret->gpus[i]);
	keeper->seen = state->events_raised;
	world_done(keeper->world);
	return true;
}

/* Creating and destroying raise events; the rest may be a second late. */
static void wait_for_change(void *arg)
{
	struct keeper *keeper = arg;

	world_wait_event(keeper->world, keeper->seen, LOOK_EVERY_NS);
}

static int keep_view_run(struct cmd_call *call, struct err *err)
{
	const struct cmd_wish *wish = call->wish;
	cleanup(world_close) struct world *world = NULL;
	struct keeper keeper = {0};
	struct place place;
	int r = tool_world_open(wish->dir, &place, &world, err);

	if (r)
		return r;
	keeper.world = world;
	jail_keep(place.dir, &(struct jail_world){look, wait_for_change, &keeper});
	return 0;
}

const struct cmd cmd_keep_view = {
	.name = JAIL_KEEP_COMMAND,
	.synopsis = "",
	.summary = "Keep the view of this user (started by run)",
	.wish_size = sizeof(struct cmd_wish),
	.hidden = true,
	.run = keep_view_run,
};
