/*
 * nvml-api.h - the NVML calls the backend makes, found by name in a library
 *
 * Nothing links against NVML. Each call is looked up by the name of the
 * version whose structs we use; where an older one takes the same arguments it
 * stands in. One that is in neither is NULL and answers FUNCTION_NOT_FOUND.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "facts/nvml.h"

/* name without "nvml", an older symbol with the same arguments or NULL */
#define NVML_API(X)                                                                                \
	X(Init_v2, "nvmlInit")                                                                     \
	X(Shutdown, NULL)                                                                          \
	X(SystemGetDriverVersion, NULL)                                                            \
	X(SystemGetNVMLVersion, NULL)                                                              \
	X(SystemGetCudaDriverVersion_v2, "nvmlSystemGetCudaDriverVersion")                         \
	X(DeviceGetCount_v2, "nvmlDeviceGetCount")                                                 \
	X(DeviceGetHandleByIndex_v2, "nvmlDeviceGetHandleByIndex")                                 \
	X(DeviceGetHandleByUUID, NULL)                                                             \
	X(DeviceGetName, NULL)                                                                     \
	X(DeviceGetUUID, NULL)                                                                     \
	X(DeviceGetMinorNumber, NULL)                                                              \
	X(DeviceGetSerial, NULL)                                                                   \
	X(DeviceGetPciInfo_v3, NULL)                                                               \
	X(DeviceGetMemoryInfo, NULL)                                                               \
	X(DeviceGetMemoryInfo_v2, NULL)                                                            \
	X(DeviceGetMigMode, NULL)                                                                  \
	X(DeviceSetMigMode, NULL)                                                                  \
	X(DeviceGetMaxMigDeviceCount, NULL)                                                        \
	X(DeviceGetMigDeviceHandleByIndex, NULL)                                                   \
	X(DeviceGetGpuInstanceId, NULL)                                                            \
	X(DeviceGetComputeInstanceId, NULL)                                                        \
	X(DeviceGetAttributes_v2, NULL)                                                            \
	X(DeviceGetGpuInstanceProfileInfo, NULL)                                                   \
	X(DeviceGetGpuInstancePossiblePlacements_v2, "nvmlDeviceGetGpuInstancePossiblePlacements") \
	X(DeviceCreateGpuInstanceWithPlacement, NULL)                                              \
	X(DeviceGetGpuInstances, NULL)                                                             \
	X(DeviceGetGpuInstanceById, NULL)                                                          \
	X(GpuInstanceGetInfo, NULL)                                                                \
	X(GpuInstanceDestroy, NULL)                                                                \
	X(GpuInstanceGetComputeInstanceProfileInfo, NULL)                                          \
	X(GpuInstanceCreateComputeInstance, NULL)                                                  \
	X(GpuInstanceGetComputeInstances, NULL)                                                    \
	X(GpuInstanceGetComputeInstanceById, NULL)                                                 \
	X(ComputeInstanceGetInfo_v2, NULL)                                                         \
	X(ComputeInstanceDestroy, NULL)                                                            \
	X(DeviceGetComputeRunningProcesses_v3, "nvmlDeviceGetComputeRunningProcesses_v2")          \
	X(DeviceGetGraphicsRunningProcesses_v3, "nvmlDeviceGetGraphicsRunningProcesses_v2")        \
	X(DeviceGetMPSComputeRunningProcesses_v3, "nvmlDeviceGetMPSComputeRunningProcesses_v2")    \
	X(EventSetCreate, NULL)                                                                    \
	X(EventSetFree, NULL)                                                                      \
	X(EventSetWait_v2, NULL)                                                                   \
	X(DeviceGetSupportedEventTypes, NULL)                                                      \
	X(DeviceRegisterEvents, NULL)

struct nvml_api {
	void *library;	   /* of dlopen(); NULL: none */
	char missing[512]; /* names of what is not there, with blanks between */
#define X(name, older) __typeof__(nvml##name) *name;
	NVML_API(X)
#undef X
};

/*
 * Load the library and find the calls; nothing is called yet.
 *   err  UNAVAILABLE: no such library, or none of its calls is there
 */
int nvml_api_load(struct nvml_api *api, const char *library, struct err *err);
void nvml_api_unload(struct nvml_api *api);

/*
 * Make a call: NVML(api, err, DeviceGetName, device, name, size) returns 0, or
 * fails with the call's name, NVML's word for the error and our code for it.
 * NVML_CODE(api, DeviceGetName, ...) only gives NVML's code.
 */
#define NVML_CODE(api, name, ...)                                                                  \
	((api)->name ? (api)->name(__VA_ARGS__) : NVML_ERROR_FUNCTION_NOT_FOUND)
#define NVML(api, err, name, ...) nvml_result(err, "nvml" #name, NVML_CODE(api, name, __VA_ARGS__))

int nvml_result(struct err *err, const char *call, nvmlReturn_t code);

/* The same for a call on a handle that may have ended meanwhile: that is STALE. */
#define NVML_ON(api, err, name, ...)                                                               \
	nvml_result_on(err, "nvml" #name, NVML_CODE(api, name, __VA_ARGS__))

int nvml_result_on(struct err *err, const char *call, nvmlReturn_t code);

/* DRIVER: the call succeeded with an answer that makes no sense. */
int nvml_nonsense(struct err *err, const char *call, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A text the driver wrote into raw, which we end: cut, printable. */
void nvml_text(char *ret, size_t size, char *raw, size_t raw_size);
