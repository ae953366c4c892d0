/*
 * nvml-rules.h - who may make a call, and on what
 *
 * Checked in this order once the handle has been found good. A call without a
 * row goes on whatever its handle is.
 */
#pragma once

enum call_rules {
	/* 4 without the right to change; before everything else, as drivers do */
	RULE_CONFIG = 1 << 0,
	/* 2 on a MIG device: it is about GPUs */
	RULE_WHOLE = 1 << 1,
	/* 2 on a GPU: it is about MIG devices */
	RULE_PART = 1 << 2,
	/* 3 on a MIG device: an instance has no such thing */
	RULE_PHYSICAL = 1 << 3,
	/* 3 on boards that cannot be divided */
	RULE_DIVISIBLE = 1 << 4,
	/* 3 with MIG mode off */
	RULE_MIG_ON = 1 << 5,
	/* 3 with MIG mode on, of a GPU and of a MIG device */
	RULE_MIG_OFF = 1 << 6,
	/* 4 on a divided GPU without the right to see all of it */
	RULE_MONITOR = 1 << 7,
	/* looks at processes: those that died are taken away first */
	RULE_REAP = 1 << 8,
};

/* Changing how a GPU is divided. */
#define RULES_DIVIDE (RULE_CONFIG | RULE_WHOLE | RULE_MIG_ON)
/* Load of a GPU; on hardware nobody measures it per instance. */
#define RULES_LOAD (RULE_MIG_OFF | RULE_REAP)
/* What a GPU as a whole draws, how warm and how fast it is; follows the load. */
#define RULES_HEALTH (RULE_PHYSICAL | RULE_REAP)
#define RULES_USE    (RULE_MONITOR | RULE_REAP)

#define NVML_RULES(X)                                                                              \
	X(DeviceGetMinorNumber, RULE_PHYSICAL)                                                     \
	X(DeviceGetMigMode, RULE_WHOLE | RULE_DIVISIBLE)                                           \
	X(DeviceSetMigMode, RULE_CONFIG | RULE_WHOLE | RULE_DIVISIBLE)                             \
	X(DeviceGetMaxMigDeviceCount, RULE_WHOLE)                                                  \
	X(DeviceGetMigDeviceHandleByIndex, RULE_WHOLE | RULE_MIG_ON)                               \
	X(DeviceGetDeviceHandleFromMigDeviceHandle, RULE_PART)                                     \
	X(DeviceGetGpuInstanceId, RULE_PART)                                                       \
	X(DeviceGetComputeInstanceId, RULE_PART)                                                   \
	X(DeviceGetGpuInstanceProfileInfo, RULE_WHOLE | RULE_DIVISIBLE)                            \
	X(DeviceGetGpuInstanceProfileInfoV, RULE_WHOLE | RULE_DIVISIBLE)                           \
	X(DeviceGetGpuInstancePossiblePlacements, RULE_CONFIG | RULE_WHOLE | RULE_DIVISIBLE)       \
	X(DeviceGetGpuInstancePossiblePlacements_v2, RULE_CONFIG | RULE_WHOLE | RULE_DIVISIBLE)    \
	X(DeviceGetGpuInstanceRemainingCapacity, RULES_DIVIDE)                                     \
	X(DeviceCreateGpuInstance, RULES_DIVIDE)                                                   \
	X(DeviceCreateGpuInstanceWithPlacement, RULES_DIVIDE)                                      \
	X(DeviceGetGpuInstances, RULE_WHOLE | RULE_MIG_ON)                                         \
	X(DeviceGetGpuInstanceById, RULES_DIVIDE)                                                  \
	X(GpuInstanceDestroy, RULE_CONFIG)                                                         \
	X(GpuInstanceGetComputeInstanceRemainingCapacity, RULE_CONFIG)                             \
	X(GpuInstanceGetComputeInstancePossiblePlacements, RULE_CONFIG)                            \
	X(GpuInstanceCreateComputeInstance, RULE_CONFIG)                                           \
	X(GpuInstanceCreateComputeInstanceWithPlacement, RULE_CONFIG)                              \
	X(GpuInstanceGetComputeInstances, RULE_CONFIG)                                             \
	X(GpuInstanceGetComputeInstanceById, RULE_CONFIG)                                          \
	X(ComputeInstanceDestroy, RULE_CONFIG)                                                     \
	X(DeviceGetMemoryInfo, RULES_USE)                                                          \
	X(DeviceGetMemoryInfo_v2, RULES_USE)                                                       \
	X(DeviceGetBAR1MemoryInfo, RULES_USE)                                                      \
	X(DeviceGetComputeRunningProcesses, RULES_USE)                                             \
	X(DeviceGetComputeRunningProcesses_v2, RULES_USE)                                          \
	X(DeviceGetComputeRunningProcesses_v3, RULES_USE)                                          \
	X(DeviceGetGraphicsRunningProcesses, RULES_USE)                                            \
	X(DeviceGetGraphicsRunningProcesses_v2, RULES_USE)                                         \
	X(DeviceGetGraphicsRunningProcesses_v3, RULES_USE)                                         \
	X(DeviceGetMPSComputeRunningProcesses, RULES_USE)                                          \
	X(DeviceGetMPSComputeRunningProcesses_v2, RULES_USE)                                       \
	X(DeviceGetMPSComputeRunningProcesses_v3, RULES_USE)                                       \
	X(DeviceGetRunningProcessDetailList, RULES_USE)                                            \
	X(DeviceGetProcessUtilization, RULES_LOAD)                                                 \
	X(DeviceGetUtilizationRates, RULES_LOAD)                                                   \
	X(DeviceGetEncoderUtilization, RULE_MIG_OFF)                                               \
	X(DeviceGetDecoderUtilization, RULE_MIG_OFF)                                               \
	X(DeviceGetJpgUtilization, RULE_MIG_OFF)                                                   \
	X(DeviceGetOfaUtilization, RULE_MIG_OFF)                                                   \
	X(DeviceGetTemperature, RULES_HEALTH)                                                      \
	X(DeviceGetTemperatureV, RULES_HEALTH)                                                     \
	X(DeviceGetTemperatureThreshold, RULE_PHYSICAL)                                            \
	X(DeviceGetPowerUsage, RULES_HEALTH)                                                       \
	X(DeviceGetEnforcedPowerLimit, RULE_PHYSICAL)                                              \
	X(DeviceGetPowerManagementLimit, RULE_PHYSICAL)                                            \
	X(DeviceGetPowerManagementDefaultLimit, RULE_PHYSICAL)                                     \
	X(DeviceGetPowerManagementLimitConstraints, RULE_PHYSICAL)                                 \
	X(DeviceGetPowerManagementMode, RULE_PHYSICAL)                                             \
	X(DeviceGetTotalEnergyConsumption, RULES_HEALTH)                                           \
	X(DeviceGetClockInfo, RULES_HEALTH)                                                        \
	X(DeviceGetMaxClockInfo, RULE_PHYSICAL)                                                    \
	X(DeviceGetClock, RULES_HEALTH)                                                            \
	X(DeviceGetApplicationsClock, RULE_PHYSICAL)                                               \
	X(DeviceGetDefaultApplicationsClock, RULE_PHYSICAL)                                        \
	X(DeviceGetSupportedMemoryClocks, RULE_PHYSICAL)                                           \
	X(DeviceGetSupportedGraphicsClocks, RULE_PHYSICAL)                                         \
	X(DeviceGetCurrentClocksEventReasons, RULES_HEALTH)                                        \
	X(DeviceGetCurrentClocksThrottleReasons, RULES_HEALTH)                                     \
	X(DeviceGetSupportedClocksThrottleReasons, RULE_PHYSICAL)                                  \
	X(DeviceGetSupportedClocksEventReasons, RULE_PHYSICAL)                                     \
	X(DeviceGetPerformanceState, RULES_HEALTH)                                                 \
	X(DeviceGetPowerState, RULES_HEALTH)                                                       \
	X(DeviceGetPersistenceMode, RULE_PHYSICAL)                                                 \
	X(DeviceSetPersistenceMode, RULE_CONFIG | RULE_PHYSICAL)                                   \
	X(DeviceSetComputeMode, RULE_CONFIG | RULE_MIG_OFF)                                        \
	X(DeviceGetDisplayActive, RULE_PHYSICAL)                                                   \
	X(DeviceGetDisplayMode, RULE_PHYSICAL)                                                     \
	X(DeviceGetEccMode, RULE_PHYSICAL)                                                         \
	X(DeviceGetTotalEccErrors, RULE_PHYSICAL)                                                  \
	X(DeviceGetMemoryErrorCounter, RULE_PHYSICAL)                                              \
	X(DeviceGetSramEccErrorStatus, RULE_PHYSICAL)                                              \
	X(DeviceGetRemappedRows, RULE_PHYSICAL)                                                    \
	X(DeviceGetRowRemapperHistogram, RULE_PHYSICAL)                                            \
	X(DeviceGetMaxPcieLinkGeneration, RULE_PHYSICAL)                                           \
	X(DeviceGetMaxPcieLinkWidth, RULE_PHYSICAL)                                                \
	X(DeviceGetCurrPcieLinkGeneration, RULE_PHYSICAL)                                          \
	X(DeviceGetCurrPcieLinkWidth, RULE_PHYSICAL)                                               \
	X(DeviceGetGpuMaxPcieLinkGeneration, RULE_PHYSICAL)                                        \
	X(DeviceGetPcieThroughput, RULES_HEALTH)                                                   \
	X(DeviceGetPcieReplayCounter, RULE_PHYSICAL)                                               \
	X(DeviceGetFieldValues, RULE_REAP)                                                         \
	X(DeviceGetSupportedEventTypes, RULE_PHYSICAL)                                             \
	X(DeviceRegisterEvents, RULE_PHYSICAL)                                                     \
	X(GpmSampleGet, RULE_REAP)                                                                 \
	X(GpmMigSampleGet, RULE_WHOLE | RULE_MIG_ON | RULE_REAP)                                   \
	X(DeviceGetVirtualizationMode, RULE_PHYSICAL)                                              \
	X(DeviceValidateInforom, RULE_PHYSICAL)                                                    \
	X(DeviceGetNumFans, RULE_PHYSICAL)
