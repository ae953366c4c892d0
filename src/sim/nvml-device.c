/*
 * What a device is and where it sits.
 *
 * A MIG device answers for its GPU where the question is about the board (PCI
 * address, serial number, architecture); no capture shows what a driver does.
 */
#include "sim/nvml-part.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"

#define NVIDIA_VENDOR 0x10deu

DO(DeviceGetName)(struct call *call, char *name, unsigned length)
{
	char text[NVML_NAME_SIZE_V2];

	if (!call_is_mig(call))
		return give_text(name, length, call->gpu->name);
	world_mig_name(call->gpu, call->at.gi, call->at.ci, text, sizeof(text));
	return give_text(name, length, text);
}

DO(DeviceGetUUID)(struct call *call, char *uuid, unsigned length)
{
	char text[NVML_UUID_SIZE];

	if (!call_is_mig(call))
		return give_text(uuid, length, call->gpu->uuid);
	world_mig_uuid(call->gpu, call->at.gi, call->at.ci, text, sizeof(text));
	return give_text(uuid, length, text);
}

/*
 * A MIG device has an index among those of its GPU; the device of
 * ComputeInstanceInfo shows the index of the GPU, as listings print it.
 */
static unsigned index_of(const struct call *call)
{
	if (call->at.kind == TARGET_MIG)
		return world_mig_index(call->gpu, call->at.gi, call->at.ci);
	return call->at.gpu;
}

ANSWER(DeviceGetIndex, unsigned, index_of(call))
ANSWER(DeviceGetMinorNumber, unsigned, call->gpu->minor)

DO(DeviceGetSerial)(struct call *call, char *serial, unsigned length)
{
	return give_text(serial, length, call->gpu->serial);
}

/* ---- the bus ---- */

static struct nvml_pci_info pci_info(const struct world_gpu *gpu)
{
	struct nvml_pci_info info = {
		.domain = gpu->domain,
		.bus = gpu->bus,
		.device = gpu->device,
		.device_id = (unsigned)gpu->pci_device_id << 16 | NVIDIA_VENDOR,
		.subsystem_id = (unsigned)gpu->pci_device_id << 16 | NVIDIA_VENDOR,
	};

	snprintf(info.bus_id_legacy, sizeof(info.bus_id_legacy), "%04X:%02X:%02X.0",
		 gpu->domain & 0xffff, gpu->bus, gpu->device);
	snprintf(info.bus_id, sizeof(info.bus_id), "%08X:%02X:%02X.0", gpu->domain, gpu->bus,
		 gpu->device);
	return info;
}

/* Earlier versions of the struct end sooner. */
static nvmlReturn_t give_pci(const struct call *call, struct nvml_pci_info *ret, size_t size)
{
	struct nvml_pci_info info = pci_info(call->gpu);

	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	memcpy(ret, &info, size);
	return NVML_SUCCESS;
}

DO(DeviceGetPciInfo)(struct call *call, struct nvml_pci_info *info)
{
	return give_pci(call, info, offsetof(struct nvml_pci_info, subsystem_id));
}

DO(DeviceGetPciInfo_v2)(struct call *call, struct nvml_pci_info *info)
{
	return give_pci(call, info, offsetof(struct nvml_pci_info, bus_id));
}

DO(DeviceGetPciInfo_v3)(struct call *call, struct nvml_pci_info *info)
{
	return give_pci(call, info, sizeof(*info));
}

DO(DeviceGetPciInfoExt)(struct call *call, struct nvml_pci_info_ext_v1 *info)
{
	struct nvml_pci_info pci = pci_info(call->gpu);

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_PCI_INFO_EXT_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	*info = (struct nvml_pci_info_ext_v1){
		.version = info->version,
		.domain = pci.domain,
		.bus = pci.bus,
		.device = pci.device,
		.device_id = pci.device_id,
		.subsystem_id = pci.subsystem_id,
		.base_class = 3, /* display controller, of which */
		.sub_class = 2,	 /* 3D */
	};
	memcpy(info->bus_id, pci.bus_id, sizeof(info->bus_id));
	return NVML_SUCCESS;
}

static bool is_ampere(const struct call *call)
{
	return !strcmp(world_board(call->gpu)->architecture, "Ampere");
}

ANSWER(DeviceGetMaxPcieLinkGeneration, unsigned, is_ampere(call) ? 4 : 5)
ANSWER(DeviceGetCurrPcieLinkGeneration, unsigned, is_ampere(call) ? 4 : 5)
ANSWER(DeviceGetGpuMaxPcieLinkGeneration, unsigned, is_ampere(call) ? 4 : 5)
ANSWER(DeviceGetMaxPcieLinkWidth, unsigned, 16)
ANSWER(DeviceGetCurrPcieLinkWidth, unsigned, 16)
ANSWER(DeviceGetPcieReplayCounter, unsigned, 0)

/* ---- the chip ---- */

static const struct {
	const char *name;
	unsigned number;
} architectures[] = {
	{"Ampere", NVML_ARCH_AMPERE},
	{"Hopper", NVML_ARCH_HOPPER},
	{"Blackwell", NVML_ARCH_BLACKWELL},
};

static unsigned architecture_of(const struct call *call)
{
	for (size_t i = 0; i < ARRAY_SIZE(architectures); i++)
		if (!strcmp(architectures[i].name, world_board(call->gpu)->architecture))
			return architectures[i].number;
	return (unsigned)NVML_ARCH_UNKNOWN;
}

ANSWER(DeviceGetArchitecture, unsigned, architecture_of(call))

DO(DeviceGetVbiosVersion)(struct call *call, char *version, unsigned length)
{
	const char *vbios = world_vbios(call->gpu);

	return vbios ? give_text(version, length, vbios) : NVML_ERROR_NOT_SUPPORTED;
}

DO(DeviceGetCudaComputeCapability)(struct call *call, int *major, int *minor)
{
	if (!major || !minor)
		return NVML_ERROR_INVALID_ARGUMENT;
	*major = world_board(call->gpu)->cc_major;
	*minor = world_board(call->gpu)->cc_minor;
	return NVML_SUCCESS;
}

static unsigned brand_of(const struct call *call)
{
	return strstr(call->gpu->name, "RTX") ? NVML_BRAND_NVIDIA_RTX : NVML_BRAND_NVIDIA;
}

ANSWER(DeviceGetBrand, unsigned, brand_of(call))

DO(DeviceValidateInforom)(struct call *call)
{
	return NVML_SUCCESS;
}

/* ---- modes ---- */

ANSWER(DeviceGetPersistenceMode, int, call->gpu->persistence)
ANSWER(DeviceGetComputeMode, unsigned, call->gpu->compute_mode)
ANSWER(DeviceGetDisplayActive, int, 0)
ANSWER(DeviceGetDisplayMode, int, 0)
ANSWER(DeviceGetNumFans, unsigned, 0)
ANSWER(DeviceGetVirtualizationMode, unsigned, call->gpu->passthrough ? 1 : 0)

static nvmlReturn_t set_persistence(struct world_state *next, struct work *work)
{
	next->gpus[work->at.gpu].persistence = work->on;
	return NVML_SUCCESS;
}

DO(DeviceSetPersistenceMode)(struct call *call, int mode)
{
	if (mode != 0 && mode != 1)
		return NVML_ERROR_INVALID_ARGUMENT;
	return work_do(call, &(struct work){.act = set_persistence, .on = mode, .instant = true});
}

static nvmlReturn_t set_compute_mode(struct world_state *next, struct work *work)
{
	next->gpus[work->at.gpu].compute_mode = (uint8_t)work->mode;
	return NVML_SUCCESS;
}

DO(DeviceSetComputeMode)(struct call *call, unsigned mode)
{
	if (mode != NVML_COMPUTE_DEFAULT && mode != NVML_COMPUTE_PROHIBITED &&
	    mode != NVML_COMPUTE_EXCLUSIVE_PROCESS)
		return NVML_ERROR_INVALID_ARGUMENT;
	return work_do(call,
		       &(struct work){.act = set_compute_mode, .mode = mode, .instant = true});
}

/* ---- where it sits ---- */

/* Every CPU of this machine: the world's sockets are not those of the machine it runs on. */
DO(DeviceGetCpuAffinity)(struct call *call, unsigned n_words, unsigned long *cpus)
{
	const unsigned bits = 8 * sizeof(*cpus);
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	if (!n_words || !cpus)
		return NVML_ERROR_INVALID_ARGUMENT;
	memset(cpus, 0, n_words * sizeof(*cpus));
	for (unsigned cpu = 0; cpu < (unsigned)(online > 0 ? online : 1); cpu++)
		if (cpu / bits < n_words)
			cpus[cpu / bits] |= 1ul << cpu % bits;
	return NVML_SUCCESS;
}

DO(DeviceGetMemoryAffinity)
(struct call *call, unsigned n_words, unsigned long *nodes, unsigned scope)
{
	unsigned node = call->gpu->numa > 0 ? (unsigned)call->gpu->numa : 0;
	const unsigned bits = 8 * sizeof(*nodes);

	if (!n_words || !nodes || scope > 1)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (node / bits >= n_words)
		return NVML_ERROR_INSUFFICIENT_SIZE;
	memset(nodes, 0, n_words * sizeof(*nodes));
	nodes[node / bits] = 1ul << node % bits;
	return NVML_SUCCESS;
}

DO(DeviceGetNumaNodeId)(struct call *call, unsigned *node)
{
	if (!node)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (call->gpu->numa < 0)
		return NVML_ERROR_NOT_SUPPORTED;
	*node = (unsigned)call->gpu->numa;
	return NVML_SUCCESS;
}

DO(DeviceGetTopologyCommonAncestor)
(struct call *call, struct nvml_device *other, unsigned *level)
{
	struct target target = {.kind = TARGET_NONE};
	const struct world_gpu *gpu;

	if (!level || !handle_target(call->session->handles, other, &target) ||
	    target_check(call->now, &target))
		return NVML_ERROR_INVALID_ARGUMENT;
	gpu = &call->now->gpus[target.gpu];
	if (gpu == call->gpu)
		*level = NVML_TOPOLOGY_INTERNAL;
	else
		*level = gpu->numa == call->gpu->numa ? NVML_TOPOLOGY_NODE : NVML_TOPOLOGY_SYSTEM;
	return NVML_SUCCESS;
}

/* ---- fabric and confidential computing: no world has them, newer boards say so ---- */

#define FABRIC_NOT_SUPPORTED 0

DO(DeviceGetGpuFabricInfo)(struct call *call, struct nvml_fabric_info *info)
{
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (is_ampere(call))
		return NVML_ERROR_NOT_SUPPORTED;
	*info = (struct nvml_fabric_info){.state = FABRIC_NOT_SUPPORTED};
	return NVML_SUCCESS;
}

DO(DeviceGetGpuFabricInfoV)(struct call *call, struct nvml_fabric_info_v2 *info)
{
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_FABRIC_INFO_V2 && info->version != NVML_FABRIC_INFO_V3)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (is_ampere(call))
		return NVML_ERROR_NOT_SUPPORTED;
	memset((char *)info + sizeof(info->version), 0,
	       (info->version & 0xffffff) - sizeof(info->version));
	return NVML_SUCCESS;
}

DO(DeviceGetAddressingMode)(struct call *call, struct nvml_addressing_mode_v1 *info)
{
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_ADDRESSING_MODE_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	info->value = 0;
	return NVML_SUCCESS;
}

DO(DeviceGetConfComputeMemSizeInfo)(struct call *call, struct nvml_conf_compute_memory *info)
{
	struct world_memory memory;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (is_ampere(call))
		return NVML_ERROR_NOT_SUPPORTED;
	world_memory(call->now, call->at.gpu, WORLD_NONE, &memory);
	*info = (struct nvml_conf_compute_memory){.unprotected_kib = memory.total_bytes >> 10};
	return NVML_SUCCESS;
}

/* ---- what these boards do not have, whatever the handle ---- */

#define NONE(name, ...)                                                                            \
	DO(name)(struct call * call, __VA_ARGS__)                                                  \
	{                                                                                          \
		return NVML_ERROR_NOT_SUPPORTED;                                                   \
	}

NONE(DeviceGetFanSpeed, unsigned *speed)
NONE(DeviceGetDriverModel, unsigned *current, unsigned *pending)
NONE(DeviceGetDriverModel_v2, unsigned *current, unsigned *pending)
NONE(DeviceGetGpuOperationMode, unsigned *current, unsigned *pending)
NONE(DeviceGetNvLinkState, unsigned link, int *active)
NONE(DeviceGetNvLinkRemotePciInfo_v2, unsigned link, struct nvml_pci_info *info)
/* These boards remap rows instead of retiring pages. */
NONE(DeviceGetRetiredPages, unsigned cause, unsigned *count, unsigned long long *addresses)
NONE(DeviceGetRetiredPagesPendingStatus, int *pending)
