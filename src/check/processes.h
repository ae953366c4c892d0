/*
 * processes.h - which well-known programs run on this host
 *
 * By their names in /proc, which the kernel cuts after 15 bytes and which
 * anybody may choose. For those that something depends on that is not enough:
 * the process must be root's, and the file it runs must have that name, which
 * nobody but root can bring about.
 */
#pragma once

#include <sys/types.h>

#include "check/tree.h"

/* id, the name as the kernel shows it, must it be the real one */
#define PROCESS_TABLE(X)                                                                           \
	X(MIG_MANAGER, "nvidia-mig-mana", true)                                                    \
	X(DRA_PLUGIN, "gpu-kubelet-plu", true)                                                     \
	X(DEVICE_PLUGIN, "nvidia-device-p", false)                                                 \
	X(FABRIC_MANAGER, "nv-fabricmanage", false)                                                \
	X(DCGM, "nv-hostengine", false)                                                            \
	X(DCGM_EXPORTER, "dcgm-exporter", false)                                                   \
	X(VGPU_MANAGER, "nvidia-vgpu-mgr", true)                                                   \
	X(KUBELET, "kubelet", false)                                                               \
	X(SLURMD, "slurmd", false)                                                                 \
	X(LSF_SBATCHD, "sbatchd", false)                                                           \
	X(CARVED, "carved", false)

enum process_id {
#define X(id, name, real) PROCESS_##id,
	PROCESS_TABLE(X)
#undef X
		PROCESS_COUNT
};

struct processes {
	enum seen at[PROCESS_COUNT];
	pid_t pid
		[PROCESS_COUNT]; /* of the first that was found, also one that may not be looked into */
};

/*
 * /proc below the tree. Where it does not show all processes (hidepid, a container's own
 * /proc), what was not seen is UNKNOWN.
 */
void processes_probe(const struct tree *tree, struct processes *ret);

const char *process_name(enum process_id id);
