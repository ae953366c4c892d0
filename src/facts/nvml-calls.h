/*
 * nvml-calls.h - the NVML calls that do something, as one table
 *
 * NVML_CALLS(SYS, DEV, GI, CI) has one row a call: name without "nvml",
 * parameters, arguments. The four macros tell what the first argument is: a
 * device handle, a GPU instance, a compute instance, or something else.
 * Parameters that are enums in NVML are unsigned (or int) here, which is the
 * same to the machine.
 *
 * Included by nvml.h, which declares them all; the simulated driver makes its
 * entry points from the same rows.
 */
#pragma once

/* clang-format off */
#define NVML_CALLS(SYS, DEV, GI, CI) \
	SYS(SystemGetDriverVersion, (char *version, unsigned length), (version, length)) \
	SYS(SystemGetCudaDriverVersion, (int *version), (version)) \
	SYS(SystemGetCudaDriverVersion_v2, (int *version), (version)) \
	SYS(DeviceGetCount, (unsigned *count), (count)) \
	SYS(DeviceGetCount_v2, (unsigned *count), (count)) \
	SYS(DeviceGetHandleByIndex, (unsigned index, struct nvml_device **ret), (index, ret)) \
	SYS(DeviceGetHandleByIndex_v2, (unsigned index, struct nvml_device **ret), (index, ret)) \
	SYS(DeviceGetHandleByPciBusId_v2, (const char *bus_id, struct nvml_device **ret), \
	    (bus_id, ret)) \
	SYS(DeviceGetHandleByUUID, (const char *uuid, struct nvml_device **ret), (uuid, ret)) \
	DEV(DeviceGetName, (struct nvml_device *device, char *name, unsigned length), \
	    (device, name, length)) \
	DEV(DeviceGetUUID, (struct nvml_device *device, char *uuid, unsigned length), \
	    (device, uuid, length)) \
	DEV(DeviceGetIndex, (struct nvml_device *device, unsigned *index), (device, index)) \
	DEV(DeviceGetMinorNumber, (struct nvml_device *device, unsigned *minor), (device, minor)) \
	DEV(DeviceGetPciInfo, (struct nvml_device *device, struct nvml_pci_info *info), \
	    (device, info)) \
	DEV(DeviceGetPciInfo_v2, (struct nvml_device *device, struct nvml_pci_info *info), \
	    (device, info)) \
	DEV(DeviceGetPciInfo_v3, (struct nvml_device *device, struct nvml_pci_info *info), \
	    (device, info)) \
	DEV(DeviceGetPciInfoExt, \
	    (struct nvml_device *device, struct nvml_pci_info_ext_v1 *info), (device, info)) \
	DEV(DeviceGetMigMode, (struct nvml_device *device, unsigned *current, unsigned *pending), \
	    (device, current, pending)) \
	DEV(DeviceSetMigMode, \
	    (struct nvml_device *device, unsigned mode, nvmlReturn_t *activation), \
	    (device, mode, activation)) \
	DEV(DeviceGetMaxMigDeviceCount, (struct nvml_device *device, unsigned *count), \
	    (device, count)) \
	DEV(DeviceGetMigDeviceHandleByIndex, \
	    (struct nvml_device *device, unsigned index, struct nvml_device **ret), \
	    (device, index, ret)) \
	DEV(DeviceIsMigDeviceHandle, (struct nvml_device *device, unsigned *is_mig), \
	    (device, is_mig)) \
	DEV(DeviceGetDeviceHandleFromMigDeviceHandle, \
	    (struct nvml_device *device, struct nvml_device **ret), (device, ret)) \
	DEV(DeviceGetGpuInstanceId, (struct nvml_device *device, unsigned *id), (device, id)) \
	DEV(DeviceGetComputeInstanceId, (struct nvml_device *device, unsigned *id), (device, id)) \
	DEV(DeviceGetAttributes_v2, \
	    (struct nvml_device *device, struct nvml_device_attributes *info), (device, info)) \
	DEV(DeviceGetGpuInstanceProfileInfo, \
	    (struct nvml_device *device, unsigned profile, struct nvml_gi_profile_info *info), \
	    (device, profile, info)) \
	DEV(DeviceGetGpuInstanceProfileInfoV, \
	    (struct nvml_device *device, unsigned profile, struct nvml_gi_profile_info_v2 *info), \
	    (device, profile, info)) \
	DEV(DeviceGetGpuInstancePossiblePlacements_v2, \
	    (struct nvml_device *device, unsigned profile_id, struct nvml_placement *placement, \
	     unsigned *count), \
	    (device, profile_id, placement, count)) \
	DEV(DeviceGetGpuInstanceRemainingCapacity, \
	    (struct nvml_device *device, unsigned profile_id, unsigned *count), \
	    (device, profile_id, count)) \
	DEV(DeviceCreateGpuInstance, \
	    (struct nvml_device *device, unsigned profile_id, struct nvml_gpu_instance **ret), \
	    (device, profile_id, ret)) \
	DEV(DeviceCreateGpuInstanceWithPlacement, \
	    (struct nvml_device *device, unsigned profile_id, struct nvml_placement *placement, \
	     struct nvml_gpu_instance **ret), \
	    (device, profile_id, placement, ret)) \
	DEV(DeviceGetGpuInstances, \
	    (struct nvml_device *device, unsigned profile_id, struct nvml_gpu_instance **gis, \
	     unsigned *count), \
	    (device, profile_id, gis, count)) \
	DEV(DeviceGetGpuInstanceById, \
	    (struct nvml_device *device, unsigned id, struct nvml_gpu_instance **ret), \
	    (device, id, ret)) \
	GI(GpuInstanceGetInfo, (struct nvml_gpu_instance *gi, struct nvml_gi_info *info), \
	   (gi, info)) \
	GI(GpuInstanceDestroy, (struct nvml_gpu_instance *gi), (gi)) \
	GI(GpuInstanceGetComputeInstanceProfileInfo, \
	   (struct nvml_gpu_instance *gi, unsigned profile, unsigned engine, \
	    struct nvml_ci_profile_info *info), \
	   (gi, profile, engine, info)) \
	GI(GpuInstanceGetComputeInstanceProfileInfoV, \
	   (struct nvml_gpu_instance *gi, unsigned profile, unsigned engine, \
	    struct nvml_ci_profile_info_v2 *info), \
	   (gi, profile, engine, info)) \
	GI(GpuInstanceGetComputeInstanceRemainingCapacity, \
	   (struct nvml_gpu_instance *gi, unsigned profile_id, unsigned *count), \
	   (gi, profile_id, count)) \
	GI(GpuInstanceGetComputeInstancePossiblePlacements, \
	   (struct nvml_gpu_instance *gi, unsigned profile_id, struct nvml_placement *placement, \
	    unsigned *count), \
	   (gi, profile_id, placement, count)) \
	GI(GpuInstanceCreateComputeInstance, \
	   (struct nvml_gpu_instance *gi, unsigned profile_id, \
	    struct nvml_compute_instance **ret), \
	   (gi, profile_id, ret)) \
	GI(GpuInstanceCreateComputeInstanceWithPlacement, \
	   (struct nvml_gpu_instance *gi, unsigned profile_id, struct nvml_placement *placement, \
	    struct nvml_compute_instance **ret), \
	   (gi, profile_id, placement, ret)) \
	GI(GpuInstanceGetComputeInstances, \
	   (struct nvml_gpu_instance *gi, unsigned profile_id, \
	    struct nvml_compute_instance **cis, unsigned *count), \
	   (gi, profile_id, cis, count)) \
	GI(GpuInstanceGetComputeInstanceById, \
	   (struct nvml_gpu_instance *gi, unsigned id, struct nvml_compute_instance **ret), \
	   (gi, id, ret)) \
	CI(ComputeInstanceGetInfo_v2, \
	   (struct nvml_compute_instance *ci, struct nvml_ci_info *info), (ci, info)) \
	CI(ComputeInstanceDestroy, (struct nvml_compute_instance *ci), (ci)) \
	DEV(DeviceGetMemoryInfo, (struct nvml_device *device, struct nvml_memory *info), \
	    (device, info)) \
	DEV(DeviceGetMemoryInfo_v2, (struct nvml_device *device, struct nvml_memory_v2 *info), \
	    (device, info)) \
	DEV(DeviceGetBAR1MemoryInfo, \
	    (struct nvml_device *device, struct nvml_bar1_memory *info), (device, info)) \
	DEV(DeviceGetComputeRunningProcesses_v3, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info *info), \
	    (device, count, info)) \
	DEV(DeviceGetComputeRunningProcesses_v2, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info *info), \
	    (device, count, info)) \
	DEV(DeviceGetComputeRunningProcesses, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info_v1 *info), \
	    (device, count, info)) \
	DEV(DeviceGetGraphicsRunningProcesses_v3, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info *info), \
	    (device, count, info)) \
	DEV(DeviceGetGraphicsRunningProcesses_v2, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info *info), \
	    (device, count, info)) \
	DEV(DeviceGetGraphicsRunningProcesses, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info_v1 *info), \
	    (device, count, info)) \
	DEV(DeviceGetMPSComputeRunningProcesses_v3, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info *info), \
	    (device, count, info)) \
	DEV(DeviceGetMPSComputeRunningProcesses_v2, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info *info), \
	    (device, count, info)) \
	DEV(DeviceGetMPSComputeRunningProcesses, \
	    (struct nvml_device *device, unsigned *count, struct nvml_process_info_v1 *info), \
	    (device, count, info)) \
	DEV(DeviceGetRunningProcessDetailList, \
	    (struct nvml_device *device, struct nvml_process_detail_list_v1 *info), \
	    (device, info)) \
	DEV(DeviceGetProcessUtilization, \
	    (struct nvml_device *device, struct nvml_process_utilization *utilization, \
	     unsigned *count, unsigned long long since_us), \
	    (device, utilization, count, since_us)) \
	SYS(SystemGetProcessName, (unsigned pid, char *name, unsigned length), \
	    (pid, name, length)) \
	DEV(DeviceGetUtilizationRates, \
	    (struct nvml_device *device, struct nvml_utilization *info), (device, info)) \
	DEV(DeviceGetEncoderUtilization, \
	    (struct nvml_device *device, unsigned *utilization, unsigned *period_us), \
	    (device, utilization, period_us)) \
	DEV(DeviceGetDecoderUtilization, \
	    (struct nvml_device *device, unsigned *utilization, unsigned *period_us), \
	    (device, utilization, period_us)) \
	DEV(DeviceGetJpgUtilization, \
	    (struct nvml_device *device, unsigned *utilization, unsigned *period_us), \
	    (device, utilization, period_us)) \
	DEV(DeviceGetOfaUtilization, \
	    (struct nvml_device *device, unsigned *utilization, unsigned *period_us), \
	    (device, utilization, period_us)) \
	DEV(DeviceGetTemperature, (struct nvml_device *device, unsigned sensor, unsigned *temp), \
	    (device, sensor, temp)) \
	DEV(DeviceGetTemperatureV, \
	    (struct nvml_device *device, struct nvml_temperature_v1 *info), (device, info)) \
	DEV(DeviceGetTemperatureThreshold, \
	    (struct nvml_device *device, unsigned threshold, unsigned *temp), \
	    (device, threshold, temp)) \
	DEV(DeviceGetFanSpeed, (struct nvml_device *device, unsigned *speed), (device, speed)) \
	DEV(DeviceGetPowerUsage, (struct nvml_device *device, unsigned *power), (device, power)) \
	DEV(DeviceGetEnforcedPowerLimit, (struct nvml_device *device, unsigned *limit), \
	    (device, limit)) \
	DEV(DeviceGetPowerManagementLimit, (struct nvml_device *device, unsigned *limit), \
	    (device, limit)) \
	DEV(DeviceGetPowerManagementDefaultLimit, (struct nvml_device *device, unsigned *limit), \
	    (device, limit)) \
	DEV(DeviceGetPowerManagementLimitConstraints, \
	    (struct nvml_device *device, unsigned *min, unsigned *max), (device, min, max)) \
	DEV(DeviceGetClockInfo, (struct nvml_device *device, unsigned type, unsigned *clock), \
	    (device, type, clock)) \
	DEV(DeviceGetMaxClockInfo, (struct nvml_device *device, unsigned type, unsigned *clock), \
	    (device, type, clock)) \
	DEV(DeviceGetClock, \
	    (struct nvml_device *device, unsigned type, unsigned id, unsigned *clock_mhz), \
	    (device, type, id, clock_mhz)) \
	DEV(DeviceGetApplicationsClock, \
	    (struct nvml_device *device, unsigned type, unsigned *clock_mhz), \
	    (device, type, clock_mhz)) \
	DEV(DeviceGetDefaultApplicationsClock, \
	    (struct nvml_device *device, unsigned type, unsigned *clock_mhz), \
	    (device, type, clock_mhz)) \
	DEV(DeviceGetSupportedMemoryClocks, \
	    (struct nvml_device *device, unsigned *count, unsigned *clocks_mhz), \
	    (device, count, clocks_mhz)) \
	DEV(DeviceGetSupportedGraphicsClocks, \
	    (struct nvml_device *device, unsigned memory_mhz, unsigned *count, \
	     unsigned *clocks_mhz), \
	    (device, memory_mhz, count, clocks_mhz)) \
	DEV(DeviceGetCurrentClocksEventReasons, \
	    (struct nvml_device *device, unsigned long long *reasons), (device, reasons)) \
	DEV(DeviceGetCurrentClocksThrottleReasons, \
	    (struct nvml_device *device, unsigned long long *reasons), (device, reasons)) \
	DEV(DeviceGetSupportedClocksThrottleReasons, \
	    (struct nvml_device *device, unsigned long long *reasons), (device, reasons)) \
	DEV(DeviceGetPerformanceState, (struct nvml_device *device, unsigned *state), \
	    (device, state)) \
	DEV(DeviceGetPowerState, (struct nvml_device *device, unsigned *state), (device, state)) \
	DEV(DeviceGetPersistenceMode, (struct nvml_device *device, int *mode), (device, mode)) \
	DEV(DeviceSetPersistenceMode, (struct nvml_device *device, int mode), (device, mode)) \
	DEV(DeviceGetComputeMode, (struct nvml_device *device, unsigned *mode), (device, mode)) \
	DEV(DeviceSetComputeMode, (struct nvml_device *device, unsigned mode), (device, mode)) \
	DEV(DeviceGetDisplayActive, (struct nvml_device *device, int *active), (device, active)) \
	DEV(DeviceGetDisplayMode, (struct nvml_device *device, int *display), (device, display)) \
	DEV(DeviceGetDriverModel, \
	    (struct nvml_device *device, unsigned *current, unsigned *pending), \
	    (device, current, pending)) \
	DEV(DeviceGetDriverModel_v2, \
	    (struct nvml_device *device, unsigned *current, unsigned *pending), \
	    (device, current, pending)) \
	DEV(DeviceGetEccMode, (struct nvml_device *device, int *current, int *pending), \
	    (device, current, pending)) \
	DEV(DeviceGetTotalEccErrors, \
	    (struct nvml_device *device, unsigned error, unsigned counter, \
	     unsigned long long *count), \
	    (device, error, counter, count)) \
	DEV(DeviceGetMemoryErrorCounter, \
	    (struct nvml_device *device, unsigned error, unsigned counter, unsigned location, \
	     unsigned long long *count), \
	    (device, error, counter, location, count)) \
	DEV(DeviceGetSramEccErrorStatus, \
	    (struct nvml_device *device, struct nvml_sram_errors_v1 *info), (device, info)) \
	DEV(DeviceGetRemappedRows, \
	    (struct nvml_device *device, unsigned *corrected, unsigned *uncorrected, \
	     unsigned *pending, unsigned *failure), \
	    (device, corrected, uncorrected, pending, failure)) \
	DEV(DeviceGetRowRemapperHistogram, \
	    (struct nvml_device *device, struct nvml_row_remapper_histogram *info), \
	    (device, info)) \
	DEV(DeviceGetRetiredPages, \
	    (struct nvml_device *device, unsigned cause, unsigned *count, \
	     unsigned long long *addresses), \
	    (device, cause, count, addresses)) \
	DEV(DeviceGetRetiredPagesPendingStatus, (struct nvml_device *device, int *pending), \
	    (device, pending)) \
	DEV(DeviceGetMaxPcieLinkGeneration, (struct nvml_device *device, unsigned *generation), \
	    (device, generation)) \
	DEV(DeviceGetMaxPcieLinkWidth, (struct nvml_device *device, unsigned *width), \
	    (device, width)) \
	DEV(DeviceGetCurrPcieLinkGeneration, (struct nvml_device *device, unsigned *generation), \
	    (device, generation)) \
	DEV(DeviceGetCurrPcieLinkWidth, (struct nvml_device *device, unsigned *width), \
	    (device, width)) \
	DEV(DeviceGetGpuMaxPcieLinkGeneration, \
	    (struct nvml_device *device, unsigned *generation), (device, generation)) \
	DEV(DeviceGetPcieThroughput, \
	    (struct nvml_device *device, unsigned counter, unsigned *value), \
	    (device, counter, value)) \
	DEV(DeviceGetPcieReplayCounter, (struct nvml_device *device, unsigned *value), \
	    (device, value)) \
	DEV(DeviceGetFieldValues, \
	    (struct nvml_device *device, int n, struct nvml_field_value *values), \
	    (device, n, values)) \
	DEV(DeviceGetSerial, (struct nvml_device *device, char *serial, unsigned length), \
	    (device, serial, length)) \
	DEV(DeviceGetVbiosVersion, (struct nvml_device *device, char *version, unsigned length), \
	    (device, version, length)) \
	SYS(EventSetCreate, (struct nvml_event_set **ret), (ret)) \
	SYS(EventSetFree, (struct nvml_event_set *set), (set)) \
	SYS(EventSetWait_v2, \
	    (struct nvml_event_set *set, struct nvml_event_data *info, unsigned timeout_ms), \
	    (set, info, timeout_ms)) \
	SYS(EventSetWait, \
	    (struct nvml_event_set *set, struct nvml_event_data *info, unsigned timeout_ms), \
	    (set, info, timeout_ms)) \
	DEV(DeviceGetSupportedEventTypes, \
	    (struct nvml_device *device, unsigned long long *types), (device, types)) \
	DEV(DeviceRegisterEvents, \
	    (struct nvml_device *device, unsigned long long types, struct nvml_event_set *set), \
	    (device, types, set)) \
	DEV(GpmQueryDeviceSupport, (struct nvml_device *device, struct nvml_gpm_support *info), \
	    (device, info)) \
	SYS(GpmSampleAlloc, (struct nvml_gpm_sample **ret), (ret)) \
	SYS(GpmSampleFree, (struct nvml_gpm_sample *sample), (sample)) \
	DEV(GpmSampleGet, (struct nvml_device *device, struct nvml_gpm_sample *sample), \
	    (device, sample)) \
	DEV(GpmMigSampleGet, \
	    (struct nvml_device *device, unsigned gi_id, struct nvml_gpm_sample *sample), \
	    (device, gi_id, sample)) \
	SYS(GpmMetricsGet, (struct nvml_gpm_metrics_get *info), (info)) \
	SYS(SystemEventSetCreate, (struct nvml_system_event_create_v1 *info), (info)) \
	SYS(SystemEventSetFree, (struct nvml_system_event_free_v1 *info), (info)) \
	SYS(SystemRegisterEvents, (struct nvml_system_event_register_v1 *info), (info)) \
	SYS(SystemEventSetWait, (struct nvml_system_event_wait_v1 *info), (info)) \
	DEV(DeviceGetCpuAffinity, \
	    (struct nvml_device *device, unsigned n_words, unsigned long *cpus), \
	    (device, n_words, cpus)) \
	DEV(DeviceGetMemoryAffinity, \
	    (struct nvml_device *device, unsigned n_words, unsigned long *nodes, unsigned scope), \
	    (device, n_words, nodes, scope)) \
	DEV(DeviceGetNumaNodeId, (struct nvml_device *device, unsigned *node), (device, node)) \
	DEV(DeviceGetNvLinkState, (struct nvml_device *device, unsigned link, int *active), \
	    (device, link, active)) \
	DEV(DeviceGetNvLinkRemotePciInfo_v2, \
	    (struct nvml_device *device, unsigned link, struct nvml_pci_info *info), \
	    (device, link, info)) \
	DEV(DeviceGetTopologyCommonAncestor, \
	    (struct nvml_device *device, struct nvml_device *other, unsigned *level), \
	    (device, other, level)) \
	DEV(DeviceGetCudaComputeCapability, (struct nvml_device *device, int *major, int *minor), \
	    (device, major, minor)) \
	DEV(DeviceGetArchitecture, (struct nvml_device *device, unsigned *architecture), \
	    (device, architecture)) \
	DEV(DeviceGetBrand, (struct nvml_device *device, unsigned *brand), (device, brand)) \
	DEV(DeviceGetVirtualizationMode, (struct nvml_device *device, unsigned *mode), \
	    (device, mode)) \
	DEV(DeviceGetGpuFabricInfo, (struct nvml_device *device, struct nvml_fabric_info *info), \
	    (device, info)) \
	DEV(DeviceGetGpuFabricInfoV, \
	    (struct nvml_device *device, struct nvml_fabric_info_v2 *info), (device, info)) \
	DEV(DeviceGetAddressingMode, \
	    (struct nvml_device *device, struct nvml_addressing_mode_v1 *info), (device, info)) \
	DEV(DeviceGetGpuOperationMode, \
	    (struct nvml_device *device, unsigned *current, unsigned *pending), \
	    (device, current, pending)) \
	DEV(DeviceValidateInforom, (struct nvml_device *device), (device)) \
	DEV(DeviceGetConfComputeMemSizeInfo, \
	    (struct nvml_device *device, struct nvml_conf_compute_memory *info), (device, info)) \
	SYS(DeviceGetHandleByPciBusId, (const char *bus_id, struct nvml_device **ret), \
	    (bus_id, ret)) \
	SYS(DeviceGetHandleBySerial, (const char *serial, struct nvml_device **ret), \
	    (serial, ret)) \
	DEV(DeviceGetGpuInstancePossiblePlacements, \
	    (struct nvml_device *device, unsigned profile_id, struct nvml_placement *placement, \
	     unsigned *count), \
	    (device, profile_id, placement, count)) \
	CI(ComputeInstanceGetInfo, \
	   (struct nvml_compute_instance *ci, struct nvml_ci_info *info), (ci, info)) \
	DEV(DeviceGetSupportedClocksEventReasons, \
	    (struct nvml_device *device, unsigned long long *reasons), (device, reasons)) \
	DEV(DeviceGetTotalEnergyConsumption, \
	    (struct nvml_device *device, unsigned long long *energy_mj), (device, energy_mj)) \
	DEV(DeviceGetPowerManagementMode, (struct nvml_device *device, unsigned *mode), \
	    (device, mode)) \
	DEV(DeviceGetNumFans, (struct nvml_device *device, unsigned *count), (device, count)) \
	SYS(UnitGetCount, (unsigned *count), (count)) \
	SYS(GetExcludedDeviceCount, (unsigned *count), (count))
/* clang-format on */
