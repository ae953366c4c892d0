/*
 * The GPUs there are. What every GPU must tell (who it is, whether MIG is on)
 * fails the call; what it may keep to itself is "not known".
 */
#include "backend/backend-nvml.h"

#include <stdio.h>
#include <string.h>

#define LAST_MINOR 253 /* 254 and 255 are the control devices */

static bool means_lost(nvmlReturn_t code)
{
	return code == NVML_ERROR_GPU_IS_LOST || code == NVML_ERROR_RESET_REQUIRED;
}

static void read_name(const struct nvml_api *api, struct nvml_device *device,
		      struct backend_gpu *gpu)
{
	char name[NVML_NAME_SIZE_V2] = "", serial[NVML_SERIAL_SIZE] = "";

	if (!NVML_CODE(api, DeviceGetName, device, name, sizeof(name)))
		nvml_text(gpu->name, sizeof(gpu->name), name, sizeof(name));
	if (!NVML_CODE(api, DeviceGetSerial, device, serial, sizeof(serial)))
		nvml_text(gpu->serial, sizeof(gpu->serial), serial, sizeof(serial));
}

static void read_place(const struct nvml_api *api, struct nvml_device *device,
		       struct backend_gpu *gpu)
{
	struct nvml_pci_info pci = {.bus = ~0u};

	if (!NVML_CODE(api, DeviceGetPciInfo_v3, device, &pci) && pci.bus <= 0xff &&
	    pci.device <= 0x1f) {
		snprintf(gpu->pci, sizeof(gpu->pci), "%04x:%02x:%02x.0", pci.domain, pci.bus,
			 pci.device);
		gpu->pci_device_id = (uint16_t)(pci.device_id >> 16);
	}
	gpu->has_minor = !NVML_CODE(api, DeviceGetMinorNumber, device, &gpu->minor) &&
			 gpu->minor <= LAST_MINOR;
	gpu->has_memory = nvml_memory(api, device, &gpu->memory_bytes, &gpu->memory_used_bytes);
}

static void identify(struct backend_gpu *gpu)
{
	uint64_t mib = gpu->has_memory ? gpu->memory_bytes >> 20 : 0;

	gpu->board = board_identify(gpu->name, gpu->pci_device_id,
				    mib <= UINT32_MAX ? (uint32_t)mib : 0);
}

/* Returns NVML's code; what it says about a GPU that is lost is no error here. */
static nvmlReturn_t read_mig(const struct nvml_api *api, struct nvml_device *device,
			     struct backend_gpu *gpu)
{
	unsigned now = 0, pending = 0;
	nvmlReturn_t code = NVML_CODE(api, DeviceGetMigMode, device, &now, &pending);

	/* A library without the call is older than MIG. */
	if (code == NVML_ERROR_NOT_SUPPORTED || code == NVML_ERROR_FUNCTION_NOT_FOUND)
		return NVML_SUCCESS;
	gpu->mig_capable = code == NVML_SUCCESS;
	gpu->mig = gpu->mig_capable && now == NVML_MIG_ENABLED;
	gpu->mig_pending = gpu->mig_capable && pending == NVML_MIG_ENABLED;
	return code;
}

static int read_gpu(const struct nvml_api *api, unsigned index, struct backend_gpu *gpu,
		    struct err *err)
{
	struct nvml_device *device = NULL;
	nvmlReturn_t code = NVML_CODE(api, DeviceGetHandleByIndex_v2, index, &device);

	*gpu = (struct backend_gpu){.index = index};
	gpu->lost = means_lost(code);
	if (gpu->lost)
		return 0;
	if (nvml_result(err, "nvmlDeviceGetHandleByIndex_v2", code))
		return -(int)err->code;
	if (!device)
		return nvml_nonsense(err, "nvmlDeviceGetHandleByIndex_v2", "no handle");
	code = read_mig(api, device, gpu);
	gpu->lost = means_lost(code);
	if (gpu->lost)
		return 0;
	if (nvml_result(err, "nvmlDeviceGetMigMode", code) ||
	    nvml_uuid(api, device, gpu->uuid, err))
		return -(int)err->code;
	read_name(api, device, gpu);
	read_place(api, device, gpu);
	identify(gpu);
	return 0;
}

static struct backend_gpu *find(struct backend_gpu *gpus, size_t n, const char *uuid)
{
	for (size_t i = 0; i < n; i++)
		if (*uuid && !strcmp(gpus[i].uuid, uuid))
			return &gpus[i];
	return NULL;
}

/* Say who a lost GPU was: the one we saw at its index, unless that lives elsewhere now. */
static void recall(struct backend_nvml *nvml, struct backend_gpu *gpus, size_t n,
		   struct backend_gpu *lost)
{
	for (size_t i = 0; i < nvml->n_seen; i++) {
		const struct backend_gpu *seen = &nvml->seen[i];

		if (seen->index != lost->index || find(gpus, n, seen->uuid))
			continue;
		*lost = *seen;
		lost->lost = true;
		lost->mig_capable = lost->mig = lost->mig_pending = lost->has_memory = false;
		return;
	}
}

static void remember(struct backend_nvml *nvml, struct backend_gpu *gpus, size_t n)
{
	pthread_mutex_lock(&nvml->lock);
	for (size_t i = 0; i < n; i++)
		if (gpus[i].lost)
			recall(nvml, gpus, n, &gpus[i]);
	memcpy(nvml->seen, gpus, n * sizeof(*gpus));
	nvml->n_seen = n;
	pthread_mutex_unlock(&nvml->lock);
}

int nvml_gpus(struct backend *backend, struct backend_gpu *ret, size_t *ret_n, struct err *err)
{
	struct backend_nvml *nvml = backend_nvml(backend);
	struct backend_gpu gpus[BACKEND_MAX_GPUS];
	unsigned n = 0;

	if (NVML(&nvml->api, err, DeviceGetCount_v2, &n))
		return -(int)err->code;
	if (n > BACKEND_MAX_GPUS)
		return nvml_nonsense(err, "nvmlDeviceGetCount_v2", "%u GPUs", n);
	for (unsigned i = 0; i < n; i++) {
		if (read_gpu(&nvml->api, i, &gpus[i], err))
			return fail_in(err, "GPU %u: ", i);
		if (find(gpus, i, gpus[i].uuid))
			return nvml_nonsense(err, "nvmlDeviceGetUUID", "two GPUs are '%s'",
					     gpus[i].uuid);
	}
	remember(nvml, gpus, n);
	memcpy(ret, gpus, n * sizeof(*gpus));
	*ret_n = n;
	return 0;
}
