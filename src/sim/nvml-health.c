/* Temperature, power, clocks, errors. */
#include "sim/nvml-part.h"

#include "base/array.h"
#include "base/clock.h"

static struct world_health health_of(const struct call *call)
{
	struct world_health health;

	world_health(call->now, call->at.gpu, clock_monotonic_ns(), &health);
	return health;
}

/* ---- temperature ---- */

DO(DeviceGetTemperature)(struct call *call, unsigned sensor, unsigned *temp)
{
	if (!temp || sensor != NVML_SENSOR_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	*temp = (unsigned)health_of(call).temperature_c;
	return NVML_SUCCESS;
}

DO(DeviceGetTemperatureV)(struct call *call, struct nvml_temperature_v1 *info)
{
	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_TEMPERATURE_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	if (info->sensor != NVML_SENSOR_GPU)
		return NVML_ERROR_INVALID_ARGUMENT;
	info->temperature = (int)health_of(call).temperature_c;
	return NVML_SUCCESS;
}

/* As A100 listings show them. */
DO(DeviceGetTemperatureThreshold)(struct call *call, unsigned threshold, unsigned *temp)
{
	static const unsigned thresholds[NVML_THRESHOLDS] = {
		[NVML_THRESHOLD_SHUTDOWN] = 92,
		[NVML_THRESHOLD_SLOWDOWN] = 89,
		[NVML_THRESHOLD_MEM_MAX] = 95,
		[NVML_THRESHOLD_GPU_MAX] = 85,
	};

	if (!temp || threshold >= NVML_THRESHOLDS)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!thresholds[threshold])
		return NVML_ERROR_NOT_SUPPORTED;
	*temp = thresholds[threshold];
	return NVML_SUCCESS;
}

/* ---- power ---- */

ANSWER(DeviceGetPowerUsage, unsigned, health_of(call).power_mw)
ANSWER(DeviceGetEnforcedPowerLimit, unsigned, health_of(call).limit_mw)
ANSWER(DeviceGetPowerManagementLimit, unsigned, health_of(call).limit_mw)
ANSWER(DeviceGetPowerManagementDefaultLimit, unsigned, health_of(call).max_limit_mw)
ANSWER(DeviceGetPowerManagementMode, unsigned, 1)
ANSWER(DeviceGetTotalEnergyConsumption, unsigned long long, health_of(call).energy_mj)

DO(DeviceGetPowerManagementLimitConstraints)(struct call *call, unsigned *min, unsigned *max)
{
	if (!min || !max)
		return NVML_ERROR_INVALID_ARGUMENT;
	*min = health_of(call).min_limit_mw;
	*max = health_of(call).max_limit_mw;
	return NVML_SUCCESS;
}

/* ---- clocks ---- */

#define LOWEST_CLOCK_MHZ 210
#define CLOCK_STEP_MHZ	 15
#define ALL_REASONS	 0x1ff

static nvmlReturn_t give_clock(const struct call *call, unsigned type, bool highest, unsigned *ret)
{
	struct world_health health = health_of(call);

	if (!ret || type >= NVML_CLOCKS)
		return NVML_ERROR_INVALID_ARGUMENT;
	*ret = highest ? health.max_clock_mhz[type] : health.clock_mhz[type];
	return NVML_SUCCESS;
}

DO(DeviceGetClockInfo)(struct call *call, unsigned type, unsigned *clock)
{
	return give_clock(call, type, false, clock);
}

DO(DeviceGetMaxClockInfo)(struct call *call, unsigned type, unsigned *clock)
{
	return give_clock(call, type, true, clock);
}

DO(DeviceGetApplicationsClock)(struct call *call, unsigned type, unsigned *clock_mhz)
{
	return give_clock(call, type, true, clock_mhz);
}

DO(DeviceGetDefaultApplicationsClock)(struct call *call, unsigned type, unsigned *clock_mhz)
{
	return give_clock(call, type, true, clock_mhz);
}

DO(DeviceGetClock)(struct call *call, unsigned type, unsigned id, unsigned *clock_mhz)
{
	if (id >= NVML_CLOCK_IDS)
		return NVML_ERROR_INVALID_ARGUMENT;
	return give_clock(call, type, id != NVML_CLOCK_CURRENT, clock_mhz);
}

DO(DeviceGetSupportedMemoryClocks)(struct call *call, unsigned *count, unsigned *clocks_mhz)
{
	nvmlReturn_t code;

	if (give_count(count, clocks_mhz, 1, &code))
		*clocks_mhz = health_of(call).max_clock_mhz[NVML_CLOCK_MEM];
	return code;
}

/* Highest first. */
DO(DeviceGetSupportedGraphicsClocks)
(struct call *call, unsigned memory_mhz, unsigned *count, unsigned *clocks_mhz)
{
	struct world_health health = health_of(call);
	unsigned mhz = health.max_clock_mhz[NVML_CLOCK_GRAPHICS];
	unsigned steps = mhz < LOWEST_CLOCK_MHZ ? 0 : (mhz - LOWEST_CLOCK_MHZ) / CLOCK_STEP_MHZ;
	nvmlReturn_t code;

	if (memory_mhz != health.max_clock_mhz[NVML_CLOCK_MEM])
		return NVML_ERROR_NOT_FOUND;
	if (!give_count(count, clocks_mhz, steps + 1, &code))
		return code;
	for (unsigned i = 0; i <= steps; i++)
		clocks_mhz[i] = mhz - i * CLOCK_STEP_MHZ;
	return NVML_SUCCESS;
}

ANSWER(DeviceGetCurrentClocksEventReasons, unsigned long long, health_of(call).clock_reasons)
ANSWER(DeviceGetCurrentClocksThrottleReasons, unsigned long long, health_of(call).clock_reasons)
ANSWER(DeviceGetSupportedClocksEventReasons, unsigned long long, ALL_REASONS)
ANSWER(DeviceGetSupportedClocksThrottleReasons, unsigned long long, ALL_REASONS)
ANSWER(DeviceGetPerformanceState, unsigned, health_of(call).pstate)
ANSWER(DeviceGetPowerState, unsigned, health_of(call).pstate)

/* Traffic goes with the load; a figure to look at, nothing measured. */
DO(DeviceGetPcieThroughput)(struct call *call, unsigned counter, unsigned *value)
{
	if (!value || counter > 1)
		return NVML_ERROR_INVALID_ARGUMENT;
	*value = (unsigned)(health_of(call).busy * 1e6);
	return NVML_SUCCESS;
}

/* ---- memory errors ---- */

DO(DeviceGetEccMode)(struct call *call, int *current, int *pending)
{
	if (!current || !pending)
		return NVML_ERROR_INVALID_ARGUMENT;
	*current = *pending = 1;
	return NVML_SUCCESS;
}

/* A divided GPU counts no volatile errors (nvml.h); NULL then. */
static const struct world_ecc *counters(const struct call *call, unsigned counter)
{
	if (counter == NVML_ECC_AGGREGATE)
		return &call->gpu->aggregate_ecc;
	return call->gpu->mig ? NULL : &call->gpu->volatile_ecc;
}

DO(DeviceGetTotalEccErrors)
(struct call *call, unsigned error, unsigned counter, unsigned long long *count)
{
	const struct world_ecc *ecc = counters(call, counter);

	if (!count || error >= NVML_ECC_ERRORS || counter >= NVML_ECC_COUNTERS)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!ecc)
		return NVML_ERROR_NOT_SUPPORTED;
	*count = ecc->dram[error] + ecc->sram[error];
	return NVML_SUCCESS;
}

DO(DeviceGetMemoryErrorCounter)
(struct call *call, unsigned error, unsigned counter, unsigned location, unsigned long long *count)
{
	const struct world_ecc *ecc = counters(call, counter);

	if (!count || error >= NVML_ECC_ERRORS || counter >= NVML_ECC_COUNTERS ||
	    location >= NVML_LOCATIONS)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (!ecc || (location != NVML_LOCATION_DRAM && location != NVML_LOCATION_SRAM))
		return NVML_ERROR_NOT_SUPPORTED;
	*count = location == NVML_LOCATION_DRAM ? ecc->dram[error] : ecc->sram[error];
	return NVML_SUCCESS;
}

DO(DeviceGetSramEccErrorStatus)(struct call *call, struct nvml_sram_errors_v1 *info)
{
	const uint64_t *aggregate = call->gpu->aggregate_ecc.sram;
	const uint64_t *since_reset = call->gpu->volatile_ecc.sram;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (info->version != NVML_SRAM_ERRORS_V1)
		return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
	*info = (struct nvml_sram_errors_v1){
		.version = info->version,
		.aggregate_secded = aggregate[NVML_ECC_UNCORRECTED],
		.aggregate_corrected = aggregate[NVML_ECC_CORRECTED],
		.volatile_secded = since_reset[NVML_ECC_UNCORRECTED],
		.volatile_corrected = since_reset[NVML_ECC_CORRECTED],
		.bucket_other = aggregate[NVML_ECC_UNCORRECTED],
	};
	return NVML_SUCCESS;
}

static bool has_instances(const struct world_gpu *gpu)
{
	for (unsigned gi = 0; gi < WORLD_MAX_GIS; gi++)
		if (gpu->gis[gi].exists)
			return true;
	return false;
}

DO(DeviceGetRemappedRows)
(struct call *call, unsigned *corrected, unsigned *uncorrected, unsigned *pending,
 unsigned *failure)
{
	const struct world_gpu *gpu = call->gpu;

	if (!corrected || !uncorrected || !pending || !failure)
		return NVML_ERROR_INVALID_ARGUMENT;
	if (has_instances(gpu))
		return NVML_ERROR_NOT_SUPPORTED;
	*corrected = gpu->rows_corrected;
	*uncorrected = gpu->rows_uncorrected;
	*pending = gpu->rows_pending;
	*failure = gpu->rows_failed;
	return NVML_SUCCESS;
}

#define MEMORY_BANKS 640 /* of an A100; each has spare rows */

DO(DeviceGetRowRemapperHistogram)
(struct call *call, struct nvml_row_remapper_histogram *info)
{
	unsigned used = call->gpu->rows_corrected + call->gpu->rows_uncorrected;

	if (!info)
		return NVML_ERROR_INVALID_ARGUMENT;
	used = used < MEMORY_BANKS ? used : MEMORY_BANKS;
	*info = (struct nvml_row_remapper_histogram){.max = MEMORY_BANKS - used, .high = used};
	return NVML_SUCCESS;
}
