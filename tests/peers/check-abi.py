#!/usr/bin/python3
"""Our binary interface is NVIDIA's: facts/nvml.h and the library's exports against the header
that go-nvml carries, and against the structs of nvidia-ml-py."""
import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pynvml

import abi
from peer import go_sources, go_version, judge, same

GO_NVML = "github.com/NVIDIA/go-nvml"
SOURCE = Path(__file__).parent.parent.parent / "src"
OURS = str(SOURCE / "facts/nvml.h"), [f"-I{SOURCE}"]
THEIRS = str(go_sources(GO_NVML) / "pkg/nvml/nvml.h"), ["-DNVML_NO_UNVERSIONED_FUNC_DEFS"]
LIBRARY = os.environ["NVML_LIBRARY"]

# Ours without "struct nvml_", theirs without "nvml" and "_t".
STRUCTS = """
pci_info PciInfo                           pci_info_ext_v1 PciInfoExt_v1
memory Memory                              memory_v2 Memory_v2
bar1_memory BAR1Memory                     process_info_v1 ProcessInfo_v1
process_info ProcessInfo                   process_detail_v1 ProcessDetail_v1
process_detail_list_v1 ProcessDetailList_v1
process_utilization ProcessUtilizationSample
utilization Utilization                    device_attributes DeviceAttributes
placement GpuInstancePlacement             gi_profile_info GpuInstanceProfileInfo
gi_profile_info_v2 GpuInstanceProfileInfo_v2
gi_profile_info_v3 GpuInstanceProfileInfo_v3
gi_info GpuInstanceInfo                    ci_profile_info ComputeInstanceProfileInfo
ci_profile_info_v2 ComputeInstanceProfileInfo_v2
ci_profile_info_v3 ComputeInstanceProfileInfo_v3
ci_info ComputeInstanceInfo                event_data EventData
field_value FieldValue                     gpm_metric_value GpmMetric
gpm_metrics_get GpmMetricsGet              gpm_support GpmSupport
temperature_v1 Temperature_v1              fabric_info GpuFabricInfo
fabric_info_v2 GpuFabricInfo_v2            fabric_info_v3 GpuFabricInfo_v3
sram_errors_v1 EccSramErrorStatus_v1       conf_compute_memory ConfComputeMemSizeInfo
row_remapper_histogram RowRemapperHistogramValues
addressing_mode_v1 DeviceAddressingMode_v1
system_event_create_v1 SystemEventSetCreateRequest_v1
system_event_free_v1 SystemEventSetFreeRequest_v1
system_event_register_v1 SystemRegisterEventRequest_v1
system_event_data_v1 SystemEventData_v1    system_event_wait_v1 SystemEventSetWaitRequest_v1
""".split()
STRUCTS = {f"struct nvml_{ours}": f"nvml{theirs}_t" for ours, theirs in zip(STRUCTS[::2], STRUCTS[1::2])}

# Constants whose names differ by more than a prefix; ours without NVML_.
CONSTANTS = dict(line.split() for line in """\
NAME_SIZE NVML_DEVICE_NAME_BUFFER_SIZE
NAME_SIZE_V2 NVML_DEVICE_NAME_V2_BUFFER_SIZE
UUID_SIZE NVML_DEVICE_UUID_BUFFER_SIZE
VERSION_SIZE NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE
SERIAL_SIZE NVML_DEVICE_SERIAL_BUFFER_SIZE
VBIOS_SIZE NVML_DEVICE_VBIOS_VERSION_BUFFER_SIZE
PCI_ID_SIZE NVML_DEVICE_PCI_BUS_ID_BUFFER_SIZE
OLD_PCI_ID_SIZE NVML_DEVICE_PCI_BUS_ID_BUFFER_V2_SIZE
UNKNOWN_MEMORY NVML_VALUE_NOT_AVAILABLE
CI_ENGINE_SHARED NVML_COMPUTE_INSTANCE_ENGINE_PROFILE_SHARED
CI_CAP_GFX NVML_COMPUTE_INSTANCE_PROFILE_CAPS_GFX
MIG_DISABLED NVML_DEVICE_MIG_DISABLE
MIG_ENABLED NVML_DEVICE_MIG_ENABLE
CLOCKS NVML_CLOCK_COUNT
CLOCK_IDS NVML_CLOCK_ID_COUNT
CLOCK_CURRENT NVML_CLOCK_ID_CURRENT
CLOCK_APP_TARGET NVML_CLOCK_ID_APP_CLOCK_TARGET
CLOCK_APP_DEFAULT NVML_CLOCK_ID_APP_CLOCK_DEFAULT
CLOCK_BOOST_MAX NVML_CLOCK_ID_CUSTOMER_BOOST_MAX
CLOCK_REASON_GPU_IDLE nvmlClocksEventReasonGpuIdle
CLOCK_REASON_APP_CLOCKS nvmlClocksEventReasonApplicationsClocksSetting
CLOCK_REASON_SW_POWER_CAP nvmlClocksEventReasonSwPowerCap
CLOCK_REASON_HW_SLOWDOWN nvmlClocksThrottleReasonHwSlowdown
CLOCK_REASON_SYNC_BOOST nvmlClocksEventReasonSyncBoost
CLOCK_REASON_SW_THERMAL nvmlClocksEventReasonSwThermalSlowdown
CLOCK_REASON_HW_THERMAL nvmlClocksThrottleReasonHwThermalSlowdown
CLOCK_REASON_HW_POWER_BRAKE nvmlClocksThrottleReasonHwPowerBrakeSlowdown
CLOCK_REASON_DISPLAY_CLOCKS nvmlClocksEventReasonDisplayClockSetting
THRESHOLD_ACOUSTIC_CURRENT NVML_TEMPERATURE_THRESHOLD_ACOUSTIC_CURR
SENSOR_GPU NVML_TEMPERATURE_GPU
ECC_CORRECTED NVML_MEMORY_ERROR_TYPE_CORRECTED
ECC_UNCORRECTED NVML_MEMORY_ERROR_TYPE_UNCORRECTED
ECC_ERRORS NVML_MEMORY_ERROR_TYPE_COUNT
ECC_VOLATILE NVML_VOLATILE_ECC
ECC_AGGREGATE NVML_AGGREGATE_ECC
ECC_COUNTERS NVML_ECC_COUNTER_TYPE_COUNT
LOCATION_L1 NVML_MEMORY_LOCATION_L1_CACHE
LOCATION_L2 NVML_MEMORY_LOCATION_L2_CACHE
LOCATION_REGISTER NVML_MEMORY_LOCATION_REGISTER_FILE
LOCATION_TEXTURE NVML_MEMORY_LOCATION_TEXTURE_MEMORY
LOCATIONS NVML_MEMORY_LOCATION_COUNT
EVENT_SINGLE_BIT_ECC nvmlEventTypeSingleBitEccError
EVENT_DOUBLE_BIT_ECC nvmlEventTypeDoubleBitEccError
EVENT_PSTATE nvmlEventTypePState
EVENT_XID nvmlEventTypeXidCriticalError
EVENT_CLOCK nvmlEventTypeClock
EVENT_POWER_SOURCE nvmlEventTypePowerSourceChange
EVENT_MIG_CONFIG nvmlEventMigConfigChange
EVENT_ECC_STORM nvmlEventTypeSingleBitEccErrorStorm
EVENT_DRAM_RETIREMENT nvmlEventTypeDramRetirementEvent
EVENT_DRAM_FAILURE nvmlEventTypeDramRetirementFailure
EVENT_UNAVAILABLE nvmlEventTypeGpuUnavailableError
SYSTEM_EVENT_UNBIND nvmlSystemEventTypeGpuDriverUnbind
SYSTEM_EVENT_BIND nvmlSystemEventTypeGpuDriverBind
FIELD_ENERGY NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION
FIELD_PCIE_REPLAYS NVML_FI_DEV_PCIE_REPLAY_COUNTER
FIELD_PCIE_REPLAY_ROLLOVERS NVML_FI_DEV_PCIE_REPLAY_ROLLOVER_COUNTER
FIELD_NVSWITCH_LINKS NVML_FI_DEV_NVSWITCH_CONNECTED_LINK_COUNT
FIELD_RESETLESS_MIG NVML_FI_DEV_IS_RESETLESS_MIG_SUPPORTED
FIELD_TEMP_LIMIT_SHUTDOWN NVML_FI_DEV_TEMPERATURE_SHUTDOWN_TLIMIT
FIELD_TEMP_LIMIT_SLOWDOWN NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT
FIELD_TEMP_LIMIT_MEM_MAX NVML_FI_DEV_TEMPERATURE_MEM_MAX_TLIMIT
FIELD_TEMP_LIMIT_GPU_MAX NVML_FI_DEV_TEMPERATURE_GPU_MAX_TLIMIT
FIELD_MIG_QUERY_WITH_MIG_OFF NVML_FI_DEV_IS_MIG_MODE_INDEPENDENT_MIG_QUERY_CAPABLE
FIELD_DRAIN_RESET_STATUS NVML_FI_DEV_DRAIN_AND_RESET_STATUS
FIELD_RECOVERY_ACTION NVML_FI_DEV_GET_GPU_RECOVERY_ACTION
VALUE_DOUBLE NVML_VALUE_TYPE_DOUBLE
VALUE_U32 NVML_VALUE_TYPE_UNSIGNED_INT
VALUE_ULONG NVML_VALUE_TYPE_UNSIGNED_LONG
VALUE_U64 NVML_VALUE_TYPE_UNSIGNED_LONG_LONG
VALUE_I64 NVML_VALUE_TYPE_SIGNED_LONG_LONG
VALUE_I32 NVML_VALUE_TYPE_SIGNED_INT
VALUE_U16 NVML_VALUE_TYPE_UNSIGNED_SHORT
GPM_DFMA_UTIL NVML_GPM_METRIC_DFMA_TENSOR_UTIL
GPM_HMMA_UTIL NVML_GPM_METRIC_HMMA_TENSOR_UTIL
GPM_DMMA_UTIL NVML_GPM_METRIC_DMMA_TENSOR_UTIL
GPM_IMMA_UTIL NVML_GPM_METRIC_IMMA_TENSOR_UTIL
GPM_DRAM_UTIL NVML_GPM_METRIC_DRAM_BW_UTIL
GPM_PCIE_TX NVML_GPM_METRIC_PCIE_TX_PER_SEC
GPM_PCIE_RX NVML_GPM_METRIC_PCIE_RX_PER_SEC
GPM_VERSION NVML_GPM_METRICS_GET_VERSION
MEMORY_V2 nvmlMemory_v2
GI_PROFILE_INFO_V2 nvmlGpuInstanceProfileInfo_v2
GI_PROFILE_INFO_V3 nvmlGpuInstanceProfileInfo_v3
CI_PROFILE_INFO_V2 nvmlComputeInstanceProfileInfo_v2
CI_PROFILE_INFO_V3 nvmlComputeInstanceProfileInfo_v3
PCI_INFO_EXT_V1 nvmlPciInfoExt_v1
PROCESS_DETAIL_V1 nvmlProcessDetailList_v1
FABRIC_INFO_V2 nvmlGpuFabricInfo_v2
FABRIC_INFO_V3 nvmlGpuFabricInfo_v3
SRAM_ERRORS_V1 nvmlEccSramErrorStatus_v1
TEMPERATURE_V1 nvmlTemperature_v1
ADDRESSING_MODE_V1 nvmlDeviceAddressingMode_v1
SYSTEM_EVENT_CREATE_V1 nvmlSystemEventSetCreateRequest_v1
SYSTEM_EVENT_FREE_V1 nvmlSystemEventSetFreeRequest_v1
SYSTEM_EVENT_REGISTER_V1 nvmlSystemRegisterEventRequest_v1
SYSTEM_EVENT_WAIT_V1 nvmlSystemEventSetWaitRequest_v1
""".splitlines())
PREFIXES = [("GI_PROFILE_", "GPU_INSTANCE_PROFILE_"), ("GI_CAP_", "GPU_INSTANCE_PROFILE_CAPS_"),
            ("CI_PROFILE_", "COMPUTE_INSTANCE_PROFILE_"), ("FIELD_", "FI_DEV_"),
            ("THRESHOLD_", "TEMPERATURE_THRESHOLD_"), ("LOCATION_", "MEMORY_LOCATION_"),
            ("ARCH_", "DEVICE_ARCH_"), ("COMPUTE_", "COMPUTEMODE_"),
            ("PROCESS_", "PROCESS_MODE_"), ("GPM_", "GPM_METRIC_")]
# Helpers of ours, and what NVIDIA's header has no name for or no bound to compare.
ONLY_OURS = {"NVML_NO_INSTANCE", "NVML_THRESHOLDS"}
# Grows with every release; of the array only as many entries exist as the caller says.
GPM_BOUND = "NVML_GPM_MAX"
HELPERS = re.compile(r"NVML_(RETURN_TABLE|VERSION|SIZE|AT|CALLS)$")


def their_name(ours):
    short = ours.removeprefix("NVML_")
    if short in CONSTANTS:
        return CONSTANTS[short]
    for prefix, other in PREFIXES:
        if short.startswith(prefix):
            return f"NVML_{other}{short.removeprefix(prefix)}"
    return ours


def low_32_or_64(value):
    """Numbers as unsigned: NVIDIA writes some as -1."""
    return value % (1 << 32) if -(1 << 31) <= value < 1 << 32 else value % (1 << 64)


def structs():
    """sizes, and the offset and size of every member, of the structs we know"""
    used = set(re.findall(r"^(struct nvml_\w+) \{", Path(OURS[0]).read_text(), re.M))
    same("structs compared", sorted(used), sorted(STRUCTS))
    ours = abi.struct_layouts(*OURS, list(STRUCTS))
    theirs = abi.struct_layouts(*THEIRS, list(STRUCTS.values()))
    for mine, other in STRUCTS.items():
        same(f"{mine} against {other}", ours[mine], theirs[other])
    return f"{len(STRUCTS)} structs, {sum(len(s[1]) for s in ours.values())} members"


def constants():
    """the number of every constant we know"""
    members, macros = abi.constant_names(*OURS)
    names = [n for n in members + macros if n not in ONLY_OURS and not HELPERS.match(n)]
    ours = abi.constants(*OURS, names)
    theirs = abi.constants(*THEIRS, [their_name(n) for n in names])
    for name in names:
        same(f"{name} against {their_name(name)}", low_32_or_64(ours[name]),
             low_32_or_64(theirs[their_name(name)]))
    return f"{len(names)} constants"


def calls():
    """what each parameter of every call we answer is to the machine"""
    ours, theirs = abi.calls(*OURS), abi.calls(*THEIRS)
    known = [name for name in ours if name in theirs]
    for name in known:
        same(name, ours[name], theirs[name])
    return f"{len(known)} calls; not in this header: {', '.join(sorted(set(ours) - set(known)))}"


def exports():
    """every call of the header is exported"""
    listed = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], text=True, check=True,
                            capture_output=True).stdout
    exported = {line.split()[2] for line in listed.splitlines()}
    declared = set(abi.calls(*THEIRS))
    same("missing", sorted(declared - exported), [])
    return f"{len(declared)} declared, {len(exported)} exported"


def offsets(layout):
    """Size of the whole and where members begin: Python declares some wider, into the padding."""
    return layout[0], [at for at, _ in layout[1]]


def python_structs():
    """sizes and offsets of the structs that nvidia-ml-py declares"""
    ours = abi.struct_layouts(*OURS, list(STRUCTS))
    compared = []
    for mine, other in STRUCTS.items():
        kind = getattr(pynvml, f"c_{other}", None) or getattr(pynvml, f"c_{other[:-2]}", None)
        if kind and mine != "struct nvml_gpm_metrics_get":
            same(f"{mine} against {kind.__name__}", offsets(abi.ctypes_layout(kind)),
                 offsets(ours[mine]))
            compared.append(mine)
    assert len(compared) > 25, compared
    return f"{len(compared)} structs"


def python_constants():
    """the constants that nvidia-ml-py declares"""
    members, macros = abi.constant_names(*OURS)
    names = [n for n in members + macros
             if n not in {*ONLY_OURS, GPM_BOUND} and isinstance(getattr(pynvml, their_name(n), None), int)]
    ours = abi.constants(*OURS, names)
    for name in names:
        same(f"{name} against {their_name(name)}", low_32_or_64(ours[name]),
             low_32_or_64(getattr(pynvml, their_name(name))))
    assert len(names) > 150, names
    return f"{len(names)} constants"


failed = judge("go-nvml header", go_version(GO_NVML), [structs, constants, calls, exports])
failed |= judge("nvidia-ml-py structs", importlib.metadata.version("nvidia-ml-py"),
                [python_structs, python_constants])
sys.exit(failed)
