/* Memory, and who uses it. A MIG device knows its GPU instance's share. */
#include "sim/nvml-part.h"

#include "base/clock.h"

#define MIB (1024ull * 1024)

/* ---- memory ---- */

static uint32_t instance_of(const struct call *call)
{
	return call_is_mig(call) ? call->at.gi : WORLD_NONE;
}

/* The first version counts what the driver keeps for itself as used. */
DO(DeviceGetMemoryInfo)(struct call *call, struct nvml_memory *info)
{
	struct world_memory memory;
	unsigned long long used;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	world_memory(call->now, call->at.gpu, instance_of(call), &memory);
	used = memory.used_bytes + memory.reserved_bytes;
	*info = (struct nvml_memory){
		.total = memory.total_bytes,
		.free = memory.total_bytes - used,
		.used = used,
	};
	return NVML_SUCCESS;
}

DO(DeviceGetMemoryInfo_v2)(struct call *call, struct nvml_memory_v2 *info)
{
	struct world_memory memory;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_MEMORY_V2)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	world_memory(call->now, call->at.gpu, instance_of(call), &memory);
	*info = (struct nvml_memory_v2){
		.version = info->version,
		.total = memory.total_bytes,
		.reserved = memory.reserved_bytes,
		.free = memory.total_bytes - memory.reserved_bytes - memory.used_bytes,
		.used = memory.used_bytes,
	};
	return NVML_SUCCESS;
}

/* Where no listing of the board shows it: the power of two that covers its memory, as others do. */
static unsigned long long bar1_bytes(const struct board *board)
{
	unsigned long long mib = 1;

	if (board->has_bar1)
		return board->bar1_mib * MIB;
	while (mib < board->memory_mib)
		mib *= 2;
	return mib * MIB;
}

/* An instance has its part of it less 1 MiB: 32767 MiB of an A100's 65536 for half the memory. */
DO(DeviceGetBAR1MemoryInfo)(struct call *call, struct nvml_bar1_memory *info)
{
	const struct board *board = world_board(call->gpu);
	unsigned long long total = bar1_bytes(board), used = MIB;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (call_is_mig(call)) {
		total = total / board->units * call->gi->size - MIB;
		used = 0;
	}
	*info = (struct nvml_bar1_memory){.total = total, .free = total - used, .used = used};
	return NVML_SUCCESS;
}

/* ---- processes ---- */

enum { LIST_COMPUTE = 1 << NVML_PROCESS_COMPUTE, LIST_GRAPHICS = 1 << NVML_PROCESS_GRAPHICS };

static bool is_listed(const struct call *call, unsigned modes, const struct world_process *process)
{
	if (process->gpu != call->at.gpu ||
	    !(modes & (process->graphics ? LIST_GRAPHICS : LIST_COMPUTE)))
		return false;
	return !call_is_mig(call) || (process->gi == call->at.gi && process->ci == call->at.ci);
}

/* The next one that is listed, from *at on; NULL at the end. */
static const struct world_process *next_listed(const struct call *call, unsigned modes,
					       uint32_t *at)
{
	while (*at < call->now->n_processes) {
		const struct world_process *process = &call->now->processes[(*at)++];

		if (is_listed(call, modes, process))
			return process;
	}
	return NULL;
}

static unsigned count_listed(const struct call *call, unsigned modes)
{
	unsigned n = 0;
	uint32_t at = 0;

	while (next_listed(call, modes, &at))
		n++;
	return n;
}

static nvmlReturn_t list(const struct call *call, unsigned modes, unsigned *count,
			 struct nvml_process_info *info)
{
	const struct world_process *process;
	nvmlReturn_t code;
	uint32_t at = 0;

	if (!give_count(count, info, count_listed(call, modes), &code))
		return code;
	while ((process = next_listed(call, modes, &at)))
		*info++ = (struct nvml_process_info){
			.pid = process->pid,
			.used_memory = process->memory_bytes,
			.gpu_instance_id = process->gi,
			.compute_instance_id = process->ci,
		};
	return NVML_SUCCESS;
}

static nvmlReturn_t list_v1(const struct call *call, unsigned modes, unsigned *count,
			    struct nvml_process_info_v1 *info)
{
	const struct world_process *process;
	nvmlReturn_t code;
	uint32_t at = 0;

	if (!give_count(count, info, count_listed(call, modes), &code))
		return code;
	while ((process = next_listed(call, modes, &at)))
		*info++ = (struct nvml_process_info_v1){process->pid, process->memory_bytes};
	return NVML_SUCCESS;
}

/* No process of a world goes through an MPS server: those lists are empty. */
#define LISTS(kind, modes)                                                                         \
	DO(DeviceGet##kind##RunningProcesses)                                                      \
	(struct call * call, unsigned *count, struct nvml_process_info_v1 *info)                   \
	{                                                                                          \
		return list_v1(call, modes, count, info);                                          \
	}                                                                                          \
	DO(DeviceGet##kind##RunningProcesses_v2)                                                   \
	(struct call * call, unsigned *count, struct nvml_process_info *info)                      \
	{                                                                                          \
		return list(call, modes, count, info);                                             \
	}                                                                                          \
	DO(DeviceGet##kind##RunningProcesses_v3)                                                   \
	(struct call * call, unsigned *count, struct nvml_process_info *info)                      \
	{                                                                                          \
		return list(call, modes, count, info);                                             \
	}

LISTS(Compute, LIST_COMPUTE)
LISTS(Graphics, LIST_GRAPHICS)
LISTS(MPSCompute, 0)

DO(DeviceGetRunningProcessDetailList)
(struct call *call, struct nvml_process_detail_list_v1 *info)
{
	static const unsigned modes[] = {
		[NVML_PROCESS_COMPUTE] = LIST_COMPUTE,
		[NVML_PROCESS_GRAPHICS] = LIST_GRAPHICS,
		[NVML_PROCESS_MPS] = 0,
		[NVML_PROCESS_ALL] = LIST_COMPUTE | LIST_GRAPHICS,
	};
	const struct world_process *process;
	nvmlReturn_t code;
	uint32_t at = 0;
	unsigned n = 0;

	if (!info || info->mode > NVML_PROCESS_ALL)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_PROCESS_DETAIL_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (!give_count(&info->count, info->array, count_listed(call, modes[info->mode]), &code))
		return code;
	while ((process = next_listed(call, modes[info->mode], &at)))
		info->array[n++] = (struct nvml_process_detail_v1){
			.pid = process->pid,
			.used_memory = process->memory_bytes,
			.gpu_instance_id = process->gi,
			.compute_instance_id = process->ci,
		};
	return NVML_SUCCESS;
}

/* ---- load ---- */

static unsigned percent(double share)
{
	return (unsigned)(share * 100 + 0.5);
}

DO(DeviceGetUtilizationRates)(struct call *call, struct nvml_utilization *info)
{
	struct world_health health;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	world_health(call->now, call->at.gpu, clock_monotonic_ns(), &health);
	info->gpu = percent(health.busy);
	info->memory = percent(health.memory_busy);
	return NVML_SUCCESS;
}

/* One sample a process, taken now. */
DO(DeviceGetProcessUtilization)
(struct call *call, struct nvml_process_utilization *utilization, unsigned *count,
 unsigned long long since_us)
{
	unsigned needed = count_listed(call, LIST_COMPUTE | LIST_GRAPHICS);
	unsigned long long now_us = (unsigned long long)clock_now_s() * 1000000;
	const struct world_process *process;
	nvmlReturn_t code;
	uint32_t at = 0;

	if (!give_count(count, utilization, needed, &code))
		return code;
	if (!needed)
		return NVML_ERROR_NOT_FOUND;
	while ((process = next_listed(call, LIST_COMPUTE | LIST_GRAPHICS, &at)))
		*utilization++ = (struct nvml_process_utilization){
			.pid = process->pid,
			.time_stamp = now_us > since_us ? now_us : since_us + 1,
			.sm = percent(process->busy),
		};
	return NVML_SUCCESS;
}

/* No load of a world uses the video engines. */
#define VIDEO(name)                                                                                \
	DO(DeviceGet##name##Utilization)                                                           \
	(struct call * call, unsigned *utilization, unsigned *period_us)                           \
	{                                                                                          \
		if (!utilization || !period_us)                                                    \
			return NVML_ERROR_INVALID_ARGUMENT;                                        \
		*utilization = 0;                                                                  \
		*period_us = 167000;                                                               \
		return NVML_SUCCESS;                                                               \
	}

VIDEO(Encoder)
VIDEO(Decoder)
VIDEO(Jpg)
VIDEO(Ofa)
