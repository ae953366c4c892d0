"""Creates instances with python3-pynvml: PROFILE_ID... on GPU 0, each with the CI that fills it."""
import sys

import pynvml as nvml

nvml.nvmlInit()
gpu = nvml.nvmlDeviceGetHandleByIndex(0)
for profile_id in sys.argv[1:]:
    gi = nvml.nvmlDeviceCreateGpuInstance(gpu, int(profile_id))
    parts = []
    for constant in range(nvml.NVML_COMPUTE_INSTANCE_PROFILE_COUNT):
        try:
            parts.append(nvml.nvmlGpuInstanceGetComputeInstanceProfileInfo(gi, constant, 0))
        except nvml.NVMLError_NotSupported:
            pass
    whole = max(parts, key=lambda part: part.sliceCount)
    nvml.nvmlGpuInstanceCreateComputeInstance(gi, whole.id)
    print(nvml.nvmlGpuInstanceGetInfo(gi).id)
