/* nvmlDeviceGetFieldValues: single values by number, each with a code of its own. */
#include "sim/nvml-part.h"

#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/clock.h"

enum field_needs {
	FIELD_SCOPED = 1 << 0, /* scope 0 is the GPU; the module and the memory are not measured */
	FIELD_HOPPER = 1 << 1, /* Hopper and later */
};

#define RECOVERY_NONE  0
#define RECOVERY_RESET 1

/* name, type, needs, value */
#define FIELDS(X)                                                                                  \
	X(MEMORY_TEMP, U32, 0, health->memory_temperature_c)                                       \
	X(ENERGY, U64, 0, health->energy_mj)                                                       \
	X(PCIE_REPLAYS, U32, 0, 0)                                                                 \
	X(PCIE_REPLAY_ROLLOVERS, U32, 0, 0)                                                        \
	X(NVSWITCH_LINKS, U32, 0, 0)                                                               \
	X(RESETLESS_MIG, U32, 0, world_board(call->gpu)->resetless_mig)                            \
	X(POWER_AVERAGE, U32, FIELD_SCOPED, health->power_mw)                                      \
	X(POWER_INSTANT, U32, FIELD_SCOPED, health->power_mw)                                      \
	X(POWER_MIN_LIMIT, U32, FIELD_SCOPED, health->min_limit_mw)                                \
	X(POWER_MAX_LIMIT, U32, FIELD_SCOPED, health->max_limit_mw)                                \
	X(POWER_DEFAULT_LIMIT, U32, FIELD_SCOPED, health->max_limit_mw)                            \
	X(POWER_CURRENT_LIMIT, U32, FIELD_SCOPED, health->limit_mw)                                \
	X(POWER_REQUESTED_LIMIT, U32, FIELD_SCOPED, health->limit_mw)                              \
	X(TEMP_LIMIT_SHUTDOWN, I32, FIELD_HOPPER, -8)                                              \
	X(TEMP_LIMIT_SLOWDOWN, I32, FIELD_HOPPER, -2)                                              \
	X(TEMP_LIMIT_MEM_MAX, I32, FIELD_HOPPER, 0)                                                \
	X(TEMP_LIMIT_GPU_MAX, I32, FIELD_HOPPER, 0)                                                \
	X(MIG_QUERY_WITH_MIG_OFF, U32, 0, driver_major(call->now->driver) > 535)                   \
	X(RESET_STATUS, U32, 0, call->gpu->rows_pending)                                           \
	X(DRAIN_RESET_STATUS, U32, 0, 0)                                                           \
	X(RECOVERY_ACTION, U32, 0, call->gpu->rows_pending ? RECOVERY_RESET : RECOVERY_NONE)

typedef int64_t read_field(const struct call *call, const struct world_health *health);

#define X(name, type, needs, value)                                                                \
	static int64_t read_##name(const struct call *call, const struct world_health *health)     \
	{                                                                                          \
		return (int64_t)(value);                                                           \
	}
FIELDS(X)
#undef X

static const struct field {
	enum nvml_field number;
	enum nvml_value_type type;
	unsigned needs;
	read_field *read;
} fields[] = {
#define X(name, type, needs, value) {NVML_FIELD_##name, NVML_VALUE_##type, needs, read_##name},
	FIELDS(X)
#undef X
};

static const struct field *find(const struct call *call, const struct nvml_field_value *asked)
{
	bool ampere = !strcmp(world_board(call->gpu)->architecture, "Ampere");

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if ((unsigned)fields[i].number != asked->field)
			continue;
		if ((fields[i].needs & FIELD_SCOPED && asked->scope) ||
		    (fields[i].needs & FIELD_HOPPER && ampere) || call_is_mig(call))
			return NULL;
		return &fields[i];
	}
	return NULL;
}

static void answer(const struct call *call, const struct world_health *health,
		   struct nvml_field_value *value)
{
	const struct field *field = find(call, value);
	int64_t number = 0;

	value->latency_us = 0;
	value->result = field ? NVML_SUCCESS : NVML_ERROR_NOT_SUPPORTED;
	if (!field)
		return;
	number = field->read(call, health);
	value->type = field->type;
	value->value.ull = 0;
	if (field->type == NVML_VALUE_U64)
		value->value.ull = (unsigned long long)number;
	else if (field->type == NVML_VALUE_I32)
		value->value.si = (int)number;
	else
		value->value.ui = (unsigned)number;
}

DO(DeviceGetFieldValues)(struct call *call, int n, struct nvml_field_value *values)
{
	struct world_health health;
	struct timespec now;

	if (n <= 0 || !values)
		return NVML_ERROR_INVALID_ARGUMENT;
	world_health(call->now, call->at.gpu, clock_monotonic_ns(), &health);
	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < n; i++) {
		values[i].time_stamp = (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000;
		answer(call, &health, &values[i]);
	}
	return NVML_SUCCESS;
}
