/*
 * processes.h - which well-known programs run on this host
 *
 * By their names in /proc, which the kernel cuts after 15 bytes and anybody
 * may choose: a hint for people, never a permission.
 */
#pragma once

#include <sys/types.h>

#include "check/tree.h"

/* id, the name as the kernel shows it */
#define PROCESS_TABLE(X)                     \
	X(MIG_MANAGER, "nvidia-mig-mana")    \
	X(MIG_PARTED, "nvidia-mig-part")     \
	X(DRA_PLUGIN, "gpu-kubelet-plu")     \
	X(DEVICE_PLUGIN, "nvidia-device-p")  \
	X(FABRIC_MANAGER, "nv-fabricmanage") \
	X(DCGM, "nv-hostengine")             \
	X(DCGM_EXPORTER, "dcgm-exporter")    \
	X(VGPU_MANAGER, "nvidia-vgpu-mgr")   \
	X(KUBELET, "kubelet")                \
	X(SLURMD, "slurmd")                  \
	X(SLURMCTLD, "slurmctld")            \
	X(LSF_SBATCHD, "sbatchd")            \
	X(CARVED, "carved")

enum process_id {
#define X(id, name) PROCESS_##id,
	PROCESS_TABLE(X)
#undef X
	PROCESS_COUNT
};

struct processes {
	enum seen at[PROCESS_COUNT];
	pid_t pid[PROCESS_COUNT]; /* of the first that was found */
};

/*
 * /proc below the tree. Where it does not show all processes (hidepid, a container's own
 * /proc), what was not seen is UNKNOWN.
 */
void processes_probe(const struct tree *tree, struct processes *ret);

const char *process_name(enum process_id id);
