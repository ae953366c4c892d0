/*
 * backend-nvml.h - what the files of the NVML backend share
 *
 * Handles are looked up by UUID for each call and never kept: a reset or a
 * change of MIG mode ends them, and a GPU's index is not its identity.
 */
#pragma once

#include <pthread.h>
#include <stddef.h>

#include "backend/backend.h"
#include "backend/nvml-api.h"

#define NVML_MAX_UNITS	     16 /* bits of backend_profile.starts */
#define NVML_MAX_GI_ID	     255
#define NVML_MAX_LIST	     64 /* of what a board can hold at most; more makes no sense */
#define NVML_MAX_MIG_DEVICES NVML_MAX_LIST

struct backend_nvml {
	struct backend backend;
	struct nvml_api api;
	struct nvml_event_set *events; /* of the one thread that waits */

	/* What a lost GPU was, since it can no longer tell. */
	pthread_mutex_t lock;
	size_t n_seen;
	struct backend_gpu seen[BACKEND_MAX_GPUS];
};

static inline struct backend_nvml *backend_nvml(struct backend *backend)
{
	return (struct backend_nvml *)backend; /* its first member */
}

/* NOT_FOUND: no such GPU (any more). */
int nvml_device(struct backend_nvml *nvml, const char *gpu, struct nvml_device **ret,
		struct err *err);

/* The UUID of a GPU or a MIG device, BACKEND_UUID bytes; DRIVER when it is none; STALE. */
int nvml_uuid(const struct nvml_api *api, struct nvml_device *device, char *ret, struct err *err);

/* Of a GPU or a MIG device; false: it may not be asked. */
bool nvml_memory(const struct nvml_api *api, struct nvml_device *device, uint64_t *ret_total,
		 uint64_t *ret_used);

/* The profiles of a GPU in the order of their constants; false in has: a gap. */
struct nvml_profile_list {
	bool has[NVML_GI_PROFILE_COUNT];
	struct nvml_gi_profile_info info[NVML_GI_PROFILE_COUNT];
};

int nvml_list_profiles(const struct nvml_api *api, struct nvml_device *device,
		       struct nvml_profile_list *ret, struct err *err);

/* A MIG device: a compute instance as programs see it. */
struct nvml_mig_device {
	struct nvml_device *device;
	unsigned gi, ci;
	char uuid[BACKEND_UUID];
};

/* What a GPU instance is, checked. STALE: it is no more. */
int nvml_gi_info(const struct nvml_api *api, struct nvml_gpu_instance *gi, struct nvml_gi_info *ret,
		 struct err *err);

/* The operations, by file. */
int nvml_gpus(struct backend *backend, struct backend_gpu *ret, size_t *ret_n, struct err *err);
int nvml_profiles(struct backend *backend, const char *gpu, struct backend_profile *ret,
		  size_t *ret_n, struct err *err);
int nvml_instances(struct backend *backend, const char *gpu, struct backend_instance *ret,
		   size_t *ret_n, struct err *err);
int nvml_processes(struct backend *backend, const char *gpu, struct backend_process **ret,
		   size_t *ret_n, struct err *err);
int nvml_wait_event(struct backend *backend, unsigned timeout_ms, struct backend_event *ret,
		    struct err *err);
int nvml_set_mig(struct backend *backend, const char *gpu, bool on, bool *ret_pending,
		 struct err *err);
int nvml_gi_create(struct backend *backend, const char *gpu, unsigned profile_id, unsigned start,
		   unsigned size, unsigned *ret_gi, struct err *err);
int nvml_gi_destroy(struct backend *backend, const char *gpu, unsigned gi, unsigned profile_id,
		    unsigned start, struct err *err);
int nvml_ci_create(struct backend *backend, const char *gpu, unsigned gi, unsigned ci_profile_id,
		   unsigned *ret_ci, struct err *err);
int nvml_ci_destroy(struct backend *backend, const char *gpu, unsigned gi, unsigned profile_id,
		    unsigned start, unsigned ci, struct err *err);
