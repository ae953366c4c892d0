/*
 * smi.h - the nvidia-smi of a simulated world
 *
 * Scripts, hooks and tools (mig-parted among them) call a command of that name
 * where NVML has no call or they have no NVML. This one answers the part of it
 * that has to do with MIG and the queries monitoring scripts make. It asks the
 * stand-in library by public NVML calls only; a reset, for which there is
 * none, goes to the world itself.
 *
 * Options, texts, tables and exit codes are those of the public manual
 * (nvidia-smi.1), of the listings in NVIDIA's MIG User Guide, and of terminal
 * captures in public issues (gpu-operator#118, DCGM#138, go-nvml#146). The
 * exit code is NVML's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "facts/nvml.h"

#define SMI_MAX_GPUS  64
#define SMI_MAX_GIS   16
#define SMI_MAX_CIS   8
#define SMI_MAX_PARTS NVML_GI_PROFILE_COUNT

struct smi_gpu {
	struct nvml_device *device;
	unsigned index;
	char uuid[NVML_UUID_SIZE];
	char bus_id[NVML_PCI_ID_SIZE];
};

/* The GPUs of a command: all, or those of -i. */
struct smi {
	struct smi_gpu gpus[SMI_MAX_GPUS];
	unsigned n;
};

/* What an action is given on the command line besides the GPUs; NULL: nothing. */
struct smi_args {
	const char *value;   /* of the action itself */
	const char *gi, *ci; /* ids of -gi, -ci */
	bool with_ci;	     /* -C */
};

typedef int smi_action(struct smi *smi, const struct smi_args *args);

/* smi-mig.c, smi-mig-change.c: what `nvidia-smi mig` does. All return the exit code. */
smi_action smi_list_gi_profiles, smi_list_gi_placements, smi_list_gis;
smi_action smi_list_ci_profiles, smi_list_cis;
smi_action smi_create_gis, smi_destroy_gis, smi_create_cis, smi_destroy_cis;

/* smi-query.c */
int smi_query_gpus(struct smi *smi, const char *fields, const char *format);
int smi_query_apps(struct smi *smi, const char *fields, const char *format);

/* ---- what they share (smi-mig.c) ---- */

struct smi_gi {
	struct nvml_gpu_instance *handle;
	struct nvml_gi_info info;
	struct nvml_gi_profile_info_v2 profile;
};

struct smi_ci {
	struct nvml_compute_instance *handle;
	struct nvml_ci_info info;
	struct nvml_ci_profile_info_v2 profile;
};

bool smi_is_divided(const struct smi_gpu *gpu);

/* GPU instance profiles of a GPU, small ones first; their number. */
unsigned smi_gi_profiles(const struct smi_gpu *gpu, struct nvml_gi_profile_info_v2 *ret);
unsigned smi_ci_profiles(struct nvml_gpu_instance *gi, struct nvml_ci_profile_info_v2 *ret);
bool smi_ci_fills(const struct smi_gi *gi, const struct nvml_ci_profile_info_v2 *part);

/*
 * The instances with an id in the list ("1,2"; NULL: all). Returns NVML's code;
 * a GPU that is not divided has none.
 */
nvmlReturn_t smi_gis(const struct smi_gpu *gpu, const char *ids, struct smi_gi *ret,
		     unsigned *ret_n);
nvmlReturn_t smi_cis(const struct smi_gi *gi, const char *ids, struct smi_ci *ret, unsigned *ret_n);

/* "What happened: In use by another client"; returns the code. */
int smi_failed(nvmlReturn_t code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next word of a list with commas, "" at its end; *at moves on. False at the end. */
bool smi_next(const char **at, char *word, size_t size);
