#include "backend/backend-nvml.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"

static void nvml_close(struct backend *backend)
{
	struct backend_nvml *nvml = backend_nvml(backend);

	if (nvml->events)
		(void)NVML_CODE(&nvml->api, EventSetFree, nvml->events);
	(void)NVML_CODE(&nvml->api, Shutdown);
	nvml_api_unload(&nvml->api);
	pthread_mutex_destroy(&nvml->lock);
	free(nvml);
}

static int nvml_driver(struct backend *backend, struct backend_driver *ret, struct err *err)
{
	const struct nvml_api *api = &backend_nvml(backend)->api;
	char driver[NVML_VERSION_SIZE] = "", version[NVML_VERSION_SIZE] = "";
	struct backend_driver found = {.has_cuda = false};
	int cuda = 0;

	if (NVML(api, err, SystemGetDriverVersion, driver, sizeof(driver)) ||
	    NVML(api, err, SystemGetNVMLVersion, version, sizeof(version)))
		return -(int)err->code;
	nvml_text(found.driver, sizeof(found.driver), driver, sizeof(driver));
	nvml_text(found.nvml, sizeof(found.nvml), version, sizeof(version));
	/* 12040 is 12.4; without CUDA the driver has no number to give. */
	if (!NVML_CODE(api, SystemGetCudaDriverVersion_v2, &cuda) && cuda > 0) {
		found.has_cuda = true;
		found.cuda_major = (unsigned)cuda / 1000;
		found.cuda_minor = (unsigned)cuda % 1000 / 10;
	}
	memcpy(found.missing, api->missing, sizeof(found.missing));
	*ret = found;
	return 0;
}

int nvml_device(struct backend_nvml *nvml, const char *gpu, struct nvml_device **ret,
		struct err *err)
{
	struct nvml_device *device = NULL;

	if (NVML(&nvml->api, err, DeviceGetHandleByUUID, gpu, &device))
		return fail_in(err, "GPU '%s': ", gpu);
	if (!device)
		return nvml_nonsense(err, "nvmlDeviceGetHandleByUUID", "no handle for '%s'", gpu);
	*ret = device;
	return 0;
}

static bool is_uuid(const char *s)
{
	return *s &&
	       !s[strspn(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-/")];
}

int nvml_uuid(const struct nvml_api *api, struct nvml_device *device, char *ret, struct err *err)
{
	char raw[BACKEND_UUID] = "", uuid[BACKEND_UUID] = "";

	if (NVML_ON(api, err, DeviceGetUUID, device, raw, sizeof(raw)))
		return -(int)err->code;
	nvml_text(uuid, sizeof(uuid), raw, sizeof(raw));
	if (!is_uuid(uuid))
		return nvml_nonsense(err, "nvmlDeviceGetUUID", "a UUID '%s'", uuid);
	memcpy(ret, uuid, sizeof(uuid));
	return 0;
}

bool nvml_memory(const struct nvml_api *api, struct nvml_device *device, uint64_t *ret_total,
		 uint64_t *ret_used)
{
	struct nvml_memory_v2 now = {.version = NVML_MEMORY_V2};
	struct nvml_memory old = {0};
	nvmlReturn_t code = NVML_CODE(api, DeviceGetMemoryInfo_v2, device, &now);

	/* Drivers before 510 know only the first version, which counts what is reserved as used. */
	if (code == NVML_ERROR_FUNCTION_NOT_FOUND || code == NVML_ERROR_ARGUMENT_VERSION_MISMATCH) {
		code = NVML_CODE(api, DeviceGetMemoryInfo, device, &old);
		now.total = old.total;
		now.used = old.used;
	}
	if (code || !now.total || now.used > now.total)
		return false;
	*ret_total = now.total;
	*ret_used = now.used;
	return true;
}

static const struct backend_ops nvml_ops = {
	.close = nvml_close,
	.driver = nvml_driver,
	.gpus = nvml_gpus,
	.profiles = nvml_profiles,
	.instances = nvml_instances,
	.processes = nvml_processes,
	.set_mig = nvml_set_mig,
	.gi_create = nvml_gi_create,
	.gi_destroy = nvml_gi_destroy,
	.ci_create = nvml_ci_create,
	.ci_destroy = nvml_ci_destroy,
	.wait_event = nvml_wait_event,
};

/* Whatever keeps NVML from starting, there is no driver to talk to. */
static int start(struct nvml_api *api, struct err *err)
{
	if (!NVML(api, err, Init_v2))
		return 0;
	err->code = ERR_UNAVAILABLE;
	return fail_hint(err, "is the driver loaded? 'nvidia-smi' should say the same");
}

int backend_nvml_open(const char *library, struct backend **ret, struct err *err)
{
	cleanup(free) struct backend_nvml *nvml = calloc(1, sizeof(*nvml));
	int r;

	if (!nvml)
		return fail(err, ERR_NOMEM, "no memory for NVML");
	nvml->backend.ops = &nvml_ops;
	r = nvml_api_load(&nvml->api, library ? library : "libnvidia-ml.so.1", err);
	if (!r)
		r = start(&nvml->api, err);
	if (r) {
		nvml_api_unload(&nvml->api);
		return r;
	}
	pthread_mutex_init(&nvml->lock, NULL);
	*ret = &steal(nvml)->backend;
	return 0;
}
