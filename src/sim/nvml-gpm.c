/*
 * GPM: two samples of a GPU or a GPU instance, and what was between them.
 *
 * A world knows one number, the share of the compute that is busy; every
 * metric is that times a factor that makes a picture of a training job. The
 * factors are plausible and measured nowhere.
 */
#include "sim/nvml-part.h"

#include <string.h>

#include "base/array.h"
#include "base/clock.h"

#define MIN_INTERVAL_NS 100000000 /* the counters are updated that often */

struct sample {
	struct object object;
	struct target of; /* TARGET_NONE: nothing was sampled yet */
	int64_t at_ns;
	double busy;
};

#define PERCENT "%"
#define MIB_S	"MiB/s"

static const struct metric {
	enum nvml_gpm_metric number;
	double factor;
	const char *short_name, *long_name, *unit;
} metrics[] = {
	{NVML_GPM_GRAPHICS_UTIL, 100, "GRACT", "Graphics Utilization", PERCENT},
	{NVML_GPM_SM_UTIL, 92, "SMUTIL", "SM Utilization", PERCENT},
	{NVML_GPM_SM_OCCUPANCY, 45, "SMOCC", "SM Occupancy", PERCENT},
	{NVML_GPM_INTEGER_UTIL, 18, "INTUTIL", "Integer Utilization", PERCENT},
	{NVML_GPM_ANY_TENSOR_UTIL, 38, "ANYTEN", "Any Tensor Utilization", PERCENT},
	{NVML_GPM_DFMA_UTIL, 0, "DFMA", "DFMA Tensor Utilization", PERCENT},
	{NVML_GPM_HMMA_UTIL, 38, "HMMA", "HMMA Tensor Utilization", PERCENT},
	{NVML_GPM_DMMA_UTIL, 0, "DMMA", "DMMA Tensor Utilization", PERCENT},
	{NVML_GPM_IMMA_UTIL, 0, "IMMA", "IMMA Tensor Utilization", PERCENT},
	{NVML_GPM_DRAM_UTIL, 55, "DRAM", "DRAM Bandwidth Utilization", PERCENT},
	{NVML_GPM_FP64_UTIL, 0, "FP64", "FP64 Utilization", PERCENT},
	{NVML_GPM_FP32_UTIL, 24, "FP32", "FP32 Utilization", PERCENT},
	{NVML_GPM_FP16_UTIL, 6, "FP16", "FP16 Utilization", PERCENT},
	{NVML_GPM_PCIE_TX, 900, "PCITX", "PCIe Transmit Bandwidth", MIB_S},
	{NVML_GPM_PCIE_RX, 900, "PCIRX", "PCIe Receive Bandwidth", MIB_S},
};

/* Hopper and later. */
static bool has_gpm(const struct call *call)
{
	return world_board(call->gpu)->cc_major >= 9;
}

DO(GpmQueryDeviceSupport)(struct call *call, struct nvml_gpm_support *info)
{
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_GPM_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	info->supported = has_gpm(call);
	return NVML_SUCCESS;
}

DO(GpmSampleAlloc)(struct call *call, struct nvml_gpm_sample **ret)
{
	void *sample;

	if (!ret)
		return NVML_ERROR_INVALID_ARGUMENT;
	sample = object_new(call->session, OBJECT_GPM_SAMPLE, sizeof(struct sample));
	if (!sample)
		return NVML_ERROR_MEMORY;
	*ret = sample;
	return NVML_SUCCESS;
}

DO(GpmSampleFree)(struct call *call, struct nvml_gpm_sample *sample)
{
	return object_drop(call->session, OBJECT_GPM_SAMPLE, sample);
}

static nvmlReturn_t take(const struct call *call, const struct target *of,
			 struct nvml_gpm_sample *handle)
{
	bool whole = of->kind == TARGET_GPU;
	struct sample *sample;

	if (!has_gpm(call))
		return NVML_ERROR_NOT_SUPPORTED;
	sample = object_get(call->session, OBJECT_GPM_SAMPLE, handle);
	if (!sample)
		return NVML_ERROR_INVALID_ARGUMENT;
	sample->of = *of;
	sample->at_ns = clock_monotonic_ns();
	sample->busy = world_busy(call->now, of->gpu, whole ? WORLD_NONE : of->gi, WORLD_NONE);
	object_put(&sample->object);
	return NVML_SUCCESS;
}

/* A GPU instance is sampled as a whole, whichever of its devices was named. */
static struct target gi_target(const struct call *call, unsigned gi)
{
	return (struct target){
		.kind = TARGET_GI,
		.gpu = call->at.gpu,
		.gi = (uint8_t)gi,
		.generation = call->gpu->gis[gi].generation,
	};
}

DO(GpmSampleGet)(struct call *call, struct nvml_gpm_sample *sample)
{
	struct target of = call->at;

	if (call_is_mig(call))
		of = gi_target(call, call->at.gi);
	return take(call, &of, sample);
}

DO(GpmMigSampleGet)(struct call *call, unsigned gi_id, struct nvml_gpm_sample *sample)
{
	struct target of;

	if (gi_id >= WORLD_MAX_GIS || !call->gpu->gis[gi_id].exists)
		return NVML_ERROR_INVALID_ARGUMENT;
	of = gi_target(call, gi_id);
	return take(call, &of, sample);
}

/* Two of the same thing, the second one later; a GPU instance made anew is another thing. */
static nvmlReturn_t check_pair(const struct sample *first, const struct sample *second)
{
	if (first->of.kind == TARGET_NONE || first->of.kind != second->of.kind ||
	    first->of.gpu != second->of.gpu || first->of.gi != second->of.gi ||
	    second->at_ns <= first->at_ns)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (first->of.generation != second->of.generation ||
	    second->at_ns - first->at_ns < MIN_INTERVAL_NS)
		return NVML_ERROR_NO_DATA;
	return NVML_SUCCESS;
}

static void fill(struct nvml_gpm_metric_value *value, double busy)
{
	value->result = NVML_ERROR_NOT_SUPPORTED;
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		if ((unsigned)metrics[i].number != value->metric)
			continue;
		value->result = NVML_SUCCESS;
		value->value = metrics[i].factor * busy;
		value->short_name = (char *)(uintptr_t)metrics[i].short_name;
		value->long_name = (char *)(uintptr_t)metrics[i].long_name;
		value->unit = (char *)(uintptr_t)metrics[i].unit;
	}
}

/* Older headers declare a shorter array: only `count` entries are touched. */
DO(GpmMetricsGet)(struct call *call, struct nvml_gpm_metrics_get *info)
{
	struct sample *first, *second;
	nvmlReturn_t code = NVML_ERROR_INVALID_ARGUMENT;

	if (!info)
		return code;
	if (info->version != NVML_GPM_VERSION)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	first = object_get(call->session, OBJECT_GPM_SAMPLE, info->sample1);
	second = object_get(call->session, OBJECT_GPM_SAMPLE, info->sample2);
	if (first && second && info->count <= NVML_GPM_MAX)
		code = check_pair(first, second);
	for (unsigned i = 0; !code && i < info->count; i++)
		fill(&info->metrics[i], (first->busy + second->busy) / 2);
	if (first)
		object_put(&first->object);
	if (second)
		object_put(&second->object);
	return code;
}
