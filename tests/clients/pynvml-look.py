"""Prints as JSON what python3-pynvml sees: GPUs, MIG devices, memory, processes."""
import json

import pynvml as nvml


def memory(handle):
    found = nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2)
    assert found.total == found.reserved + found.free + found.used
    return found.total, found.used


def processes(handle):
    return sorted((p.pid, p.usedGpuMemory) for p in nvml.nvmlDeviceGetComputeRunningProcesses(handle))


def maybe(call, *args):
    try:
        return call(*args)
    except nvml.NVMLError_NotSupported:
        return None


def mig_devices(handle):
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            mig = nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)
        except nvml.NVMLError_NotFound:
            return
        total, used = memory(mig)
        yield {
            "index": nvml.nvmlDeviceGetIndex(mig),
            "uuid": nvml.nvmlDeviceGetUUID(mig),
            "name": nvml.nvmlDeviceGetName(mig),
            "gi": nvml.nvmlDeviceGetGpuInstanceId(mig),
            "ci": nvml.nvmlDeviceGetComputeInstanceId(mig),
            "slices": nvml.nvmlDeviceGetAttributes(mig).computeInstanceSliceCount,
            "memory_bytes": total,
            "memory_used_bytes": used,
            "processes": processes(mig),
            "utilisation": maybe(nvml.nvmlDeviceGetUtilizationRates, mig),
        }


def gpu(index):
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    total, used = memory(handle)
    current, pending = nvml.nvmlDeviceGetMigMode(handle)
    utilisation = maybe(nvml.nvmlDeviceGetUtilizationRates, handle)
    return {
        "index": nvml.nvmlDeviceGetIndex(handle),
        "uuid": nvml.nvmlDeviceGetUUID(handle),
        "name": nvml.nvmlDeviceGetName(handle),
        "serial": nvml.nvmlDeviceGetSerial(handle),
        "pci": nvml.nvmlDeviceGetPciInfo(handle).busId,
        "minor": nvml.nvmlDeviceGetMinorNumber(handle),
        "mig": bool(current),
        "mig_pending": bool(pending),
        "memory_bytes": total,
        "memory_used_bytes": used,
        "power_limit_mw": nvml.nvmlDeviceGetEnforcedPowerLimit(handle),
        "processes": processes(handle),
        "utilisation": utilisation and utilisation.gpu,
        "devices": list(mig_devices(handle)),
    }


nvml.nvmlInit()
print(json.dumps({
    "driver": nvml.nvmlSystemGetDriverVersion(),
    "gpus": [gpu(index) for index in range(nvml.nvmlDeviceGetCount())],
}))
nvml.nvmlShutdown()
