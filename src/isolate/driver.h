/*
 * driver.h - how the NVIDIA driver numbers its device nodes
 *
 * A GPU is /dev/nvidiaN, N its minor number. A MIG instance takes two further
 * nodes, /dev/nvidia-caps/nvidia-capM: one for the GPU instance, one for the
 * compute instance in it. Which M these are is told by the driver below /proc:
 * in a file of each living instance, and in one table of all there could be.
 * The majors are in /proc/devices; those of the capabilities and of the
 * unified memory are given out anew when the driver is loaded.
 *
 * Formats: nv-caps.c and nv-procfs.c of the open kernel modules.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Where to look: "/dev" and "/proc", or made-up trees. */
struct isolate_roots {
	const char *dev, *proc;
};

#define DRIVER_GPU_MAJOR 195 /* registered for NVIDIA */
#define DRIVER_CTL_MINOR 255 /* /dev/nvidiactl */

struct driver_majors {
	bool has_caps, has_uvm;
	unsigned caps, uvm;
};

/* The text of /proc/devices. Pure; any text is fine. */
void driver_parse_devices(const char *text, struct driver_majors *ret);

/* The number after "NAME: " at the start of a line ("DeviceFileMinor"). Pure. */
bool driver_parse_field(const char *text, const char *name, unsigned *ret);

/* The number after "NAME " at the start of a line ("gpu0/gi1/ci0/access"). Pure. */
bool driver_parse_minor(const char *text, const char *name, unsigned *ret);

/* err: IO, NOT_FOUND, DENIED */
int driver_majors(const struct isolate_roots *roots, struct driver_majors *ret, struct err *err);

/*
 * The minor numbers of the two capability nodes of a living instance.
 *   err  NOT_FOUND: the driver shows none
 */
int driver_caps(const struct isolate_roots *roots, unsigned gpu_minor, unsigned gi, unsigned ci,
		unsigned *ret_gi_cap, unsigned *ret_ci_cap, struct err *err);

/*
 * May the driver's own tools set the modes of that instance's capability nodes,
 * as they do when somebody begins to use CUDA? Says so to the driver, when it is
 * a driver that asks. Best effort: who undoes our work is put right again.
 */
void driver_let_modify(const struct isolate_roots *roots, unsigned gpu_minor, unsigned gi,
		       unsigned ci, bool may);
