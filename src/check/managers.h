/*
 * managers.h - who else decides about the MIG instances of this host
 *
 * Two managers of one GPU undo each other's work: NVIDIA's mig-manager clears
 * a layout that is not its own at every boot, the DRA driver with DynamicMIG
 * destroys at its start what it did not make. Where one of them is at work
 * carve observes and touches nothing.
 *
 * Read from unit files, process names and configuration files; nothing is
 * started and nothing is changed. For carve check and for carved alike.
 */
#pragma once

#include <stdbool.h>

#include "check/tree.h"

#define MANAGER_TABLE(X)                                                                           \
	X(MIG_MANAGER, "mig-manager", "NVIDIA's mig-manager",                                      \
	  "systemctl disable --now nvidia-mig-manager, or label the node "                         \
	  "nvidia.com/gpu.deploy.mig-manager=false",                                               \
	  "NVIDIA/mig-parted deployments/systemd, deployments/gpu-operator")                       \
	X(DRA, "dra", "NVIDIA's DRA driver",                                                       \
	  "run it without the feature gate DynamicMIG: then it announces what exists",             \
	  "kubernetes-sigs/dra-driver-nvidia-gpu#883, #1006")                                      \
	X(LSF, "lsf", "LSF", "set LSF_MANAGE_MIG=N in lsf.conf and restart LSF on this host",      \
	  "IBM Spectrum LSF, LSF_MANAGE_MIG in lsf.conf")                                          \
	X(VGPU, "vgpu", "NVIDIA's vGPU manager", "use carve on hosts without the vGPU manager",    \
	  "NVIDIA vGPU User Guide, MIG-backed vGPUs")

enum manager_id {
#define X(id, name, title, fix, source) MANAGER_##id,
	MANAGER_TABLE(X)
#undef X
		MANAGER_COUNT
};

struct manager {
	enum seen at_work; /* UNKNOWN counts as at work for whoever must not collide */
	char why[200];	   /* what was seen: "nvidia-mig-manager.service is enabled"; "" for NO */
};

struct managers {
	struct manager at[MANAGER_COUNT];
};

void managers_probe(const struct tree *tree, struct managers *ret);

/*
 * The first one that decides about MIG here, as a whole sentence without its
 * point ("NVIDIA's mig-manager decides about MIG here: ..."); false: none, and
 * nothing is written. Only what is certain counts.
 *   ret_fix  out: what would help, a constant
 */
bool managers_owner(const struct managers *managers, char *buf, size_t size, const char **ret_fix);

const char *manager_name(enum manager_id id);
const char *manager_title(enum manager_id id);
const char *manager_fix(enum manager_id id);
const char *manager_source(enum manager_id id);
