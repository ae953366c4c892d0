/* What a driver says of itself, and finding GPUs. */
#include "sim/nvml-part.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"

unsigned driver_major(const char *driver)
{
	return (unsigned)strtoul(driver, NULL, 10);
}

/* First driver of each CUDA version, from NVIDIA's CUDA release notes. */
unsigned driver_cuda(const char *driver)
{
	static const struct {
		unsigned major, cuda;
	} versions[] = {
		{580, 13000}, {575, 12090}, {570, 12080}, {565, 12070}, {560, 12060},
		{555, 12050}, {550, 12040}, {545, 12030}, {535, 12020}, {530, 12010},
		{525, 12000}, {520, 11080}, {515, 11070}, {510, 11060}, {495, 11050},
		{470, 11040}, {465, 11030}, {460, 11020}, {455, 11010},
	};
	unsigned major = driver_major(driver);

	for (size_t i = 0; i < ARRAY_SIZE(versions); i++)
		if (major >= versions[i].major)
			return versions[i].cuda;
	return 11000;
}

DO(SystemGetDriverVersion)(struct call *call, char *version, unsigned length)
{
	return give_text(version, length, call->now->driver);
}

ANSWER(SystemGetCudaDriverVersion, int, driver_cuda(call->now->driver))
ANSWER(SystemGetCudaDriverVersion_v2, int, driver_cuda(call->now->driver))
ANSWER(DeviceGetCount, unsigned, call->now->n_gpus)
ANSWER(DeviceGetCount_v2, unsigned, call->now->n_gpus)
ANSWER(UnitGetCount, unsigned, 0)
ANSWER(GetExcludedDeviceCount, unsigned, 0)

/* argv[0] of any process, cropped. */
DO(SystemGetProcessName)(struct call *call, unsigned pid, char *name, unsigned length)
{
	cleanup(close) int fd = -1;
	char path[32];
	ssize_t n;

	if (!name || !length)
		return NVML_ERROR_INVALID_ARGUMENT;
	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NVML_ERROR_NOT_FOUND;
	n = read(fd, name, length - 1);
	name[n > 0 ? n : 0] = '\0';
	return NVML_SUCCESS;
}

/* ---- finding GPUs ---- */

static nvmlReturn_t give_gpu(struct call *call, unsigned gpu, struct nvml_device **ret)
{
	if (call->now->gpus[gpu].lost)
		return NVML_ERROR_GPU_IS_LOST;
	*ret = call_handle(call, call->now, TARGET_GPU, gpu, 0, 0);
	return NVML_SUCCESS;
}

DO(DeviceGetHandleByIndex_v2)(struct call *call, unsigned index, struct nvml_device **ret)
{
	if (!ret || index >= call->now->n_gpus)
		return NVML_ERROR_INVALID_ARGUMENT;
	return give_gpu(call, index, ret);
}

DO(DeviceGetHandleByIndex)(struct call *call, unsigned index, struct nvml_device **ret)
{
	return do_DeviceGetHandleByIndex_v2(call, index, ret);
}

/* Does the GPU go by this word? */
typedef bool is_gpu(const struct world_gpu *gpu, const char *word);

static nvmlReturn_t find_gpu(struct call *call, is_gpu *is, const char *word,
			     struct nvml_device **ret)
{
	if (!word || !ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	for (unsigned i = 0; i < call->now->n_gpus; i++)
		if (is(&call->now->gpus[i], word))
			return give_gpu(call, i, ret);
	return NVML_ERROR_NOT_FOUND;
}

/* The domain has 4 digits in /sys and 8 in NVML's own texts; letters are of any case. */
static bool is_bus_id(const struct world_gpu *gpu, const char *word)
{
	char text[NVML_PCI_ID_SIZE];

	for (int digits = 4; digits <= 8; digits += 4) {
		snprintf(text, sizeof(text), "%0*x:%02x:%02x.0", digits, gpu->domain, gpu->bus,
			 gpu->device);
		if (!strcasecmp(text, word))
			return true;
	}
	return false;
}

static bool is_serial(const struct world_gpu *gpu, const char *word)
{
	return !strcmp(gpu->serial, word);
}

static bool is_uuid(const struct world_gpu *gpu, const char *word)
{
	return !strcmp(gpu->uuid, word);
}

DO(DeviceGetHandleByPciBusId_v2)
(struct call *call, const char *bus_id, struct nvml_device **ret)
{
	return find_gpu(call, is_bus_id, bus_id, ret);
}

DO(DeviceGetHandleByPciBusId)(struct call *call, const char *bus_id, struct nvml_device **ret)
{
	return find_gpu(call, is_bus_id, bus_id, ret);
}

DO(DeviceGetHandleBySerial)(struct call *call, const char *serial, struct nvml_device **ret)
{
	return find_gpu(call, is_serial, serial, ret);
}

/* "MIG-<uuid>", or as drivers before 470.42 wrote it: "MIG-GPU-<uuid of the GPU>/<gi>/<ci>". */
static bool is_mig_uuid(const struct world_gpu *gpu, unsigned gi, unsigned ci, const char *word)
{
	char text[NVML_UUID_SIZE];

	world_mig_uuid(gpu, gi, ci, text, sizeof(text));
	if (!strcmp(text, word))
		return true;
	snprintf(text, sizeof(text), "MIG-%.47s/%u/%u", gpu->uuid, gi, ci);
	return !strcmp(text, word);
}

static nvmlReturn_t find_mig_device(struct call *call, unsigned gpu, const char *uuid,
				    struct nvml_device **ret)
{
	const struct world_gpu *g = &call->now->gpus[gpu];
	unsigned gi, ci;

	for (unsigned i = 0; world_mig_device(g, i, &gi, &ci); i++) {
		if (!is_mig_uuid(g, gi, ci, uuid))
			continue;
		if (g->lost)
			return NVML_ERROR_GPU_IS_LOST;
		*ret = call_handle(call, call->now, TARGET_MIG, gpu, gi, ci);
		return NVML_SUCCESS;
	}
	return NVML_ERROR_NOT_FOUND;
}

DO(DeviceGetHandleByUUID)(struct call *call, const char *uuid, struct nvml_device **ret)
{
	nvmlReturn_t code = find_gpu(call, is_uuid, uuid, ret);

	for (unsigned i = 0; code == NVML_ERROR_NOT_FOUND && i < call->now->n_gpus; i++)
		code = find_mig_device(call, i, uuid, ret);
	return code;
}
