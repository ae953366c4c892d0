"""Prints as JSON what nvitop's API sees: GPUs, MIG devices, memory, processes."""
import json

from nvitop import Device


def look(device):
    return {
        "index": device.index,
        "uuid": device.uuid(),
        "name": device.name(),
        "memory_bytes": device.memory_total(),
        "memory_used_bytes": device.memory_used(),
        "processes": sorted([pid, process.gpu_memory()] for pid, process
                            in device.processes().items()),
    }


def look_mig(device):
    return {**look(device), "gi": device.gpu_instance_id(), "ci": device.compute_instance_id()}


print(json.dumps([
    {**look(gpu), "mig": gpu.is_mig_mode_enabled(), "bus": gpu.bus_id(),
     "power_limit_mw": gpu.power_limit(),
     "devices": [look_mig(device) for device in gpu.mig_devices()]}
    for gpu in Device.all()
]))
