/*
 * jail-view.h - what /dev, /proc and /sys show of a world
 *
 * A view is the little of a world's state that the file system shows: boards
 * with their addresses, and which instances live. It is plain data. The texts
 * of the files are made from it here, without touching a file system, so that
 * tests can look at them; jail-mount.c puts them where they belong.
 *
 * Numbers and formats: nv-caps.c and nv-procfs.c of the open kernel modules
 * (595.45.04); /proc/driver/nvidia as seen on real hosts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

#define VIEW_MAX_GPUS	  32
#define VIEW_MAX_GIS	  15
#define VIEW_MAX_CIS	  8
#define VIEW_CAP_CONFIG	  1
#define VIEW_CAP_MONITOR  2
#define VIEW_NVIDIA_MAJOR 195
#define VIEW_CTL_MINOR	  255

struct view_gpu {
	unsigned minor;
	unsigned domain, bus, device; /* PCI */
	uint16_t pci_device, pci_subsystem_vendor, pci_subsystem_device;
	int numa; /* -1: none */
	char name[96];
	char uuid[96];
	char vbios[32];
	uint16_t gis;		   /* bit g: instance g lives */
	uint8_t cis[VIEW_MAX_GIS]; /* bit c: compute instance c of it lives */
};

struct view {
	char driver[32];
	unsigned n_gpus;
	struct view_gpu gpus[VIEW_MAX_GPUS];
};

/* The capability minors of a GPU instance and of a compute instance in it. */
unsigned view_gi_cap(unsigned gpu_minor, unsigned gi);
unsigned view_ci_cap(unsigned gpu_minor, unsigned gi, unsigned ci);

/* "0000:07:00.0" */
void view_pci_address(const struct view_gpu *gpu, char *buf, size_t len);

/* /proc/driver/nvidia-caps/mig-minors: the full static table. */
void view_mig_minors(struct text *ret);

/* /proc/driver/nvidia/version, .../gpus/ADDRESS/information */
void view_version(const struct view *view, struct text *ret);
void view_information(const struct view_gpu *gpu, struct text *ret);

/* A file below /proc/driver/nvidia/capabilities. */
void view_capability(unsigned minor, unsigned mode, struct text *ret);

/*
 * /proc/devices with the majors of the driver added, NVIDIA's own lines of
 * the real file left out.
 *
 *   real   the real file
 *   ret_*  out: majors that no driver of this kernel has, 0 when all are taken
 */
void view_devices(const char *real, struct text *ret, unsigned *ret_caps_major,
		  unsigned *ret_uvm_major, bool *ret_real_driver);

/* /proc/modules: the driver's lines, then those of the real file (may be ""). */
void view_modules(const char *real, struct text *ret);

/* One file of /sys/bus/pci/devices/ADDRESS; the number of them is view_n_pci_files. */
struct view_pci_file {
	const char *name;
	void (*write)(const struct view_gpu *gpu, struct text *ret);
};

extern const struct view_pci_file view_pci_files[];
extern const unsigned view_n_pci_files;
