/*
 * nvml.h - NVML's binary interface, in our own words
 *
 * What a program and libnvidia-ml.so.1 agree on: return codes, constants,
 * structs, and the calls. The backend loads these calls by name, the simulated
 * driver answers them. Names follow NVML's where they are symbols of the
 * library (nvmlDeviceGetCount_v2) and ours elsewhere (struct nvml_memory_v2).
 *
 * Sizes, offsets and numbers are those of NVIDIA's nvml.h 13.3 on x86-64; sizes
 * and offsets are asserted below.
 *
 * A struct that begins with `version` is filled in by the caller with
 * NVML_VERSION(sizeof struct, n): the library must not write beyond it.
 * Handles are opaque. Memory sizes are bytes where the field says so, MiB in
 * the profile structs; power is mW, clocks are MHz.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* name, number, the text nvmlErrorString() gives (library 550) */
#define NVML_RETURN_TABLE(X)                                                                       \
	X(SUCCESS, 0, "Success")                                                                   \
	X(ERROR_UNINITIALIZED, 1, "Uninitialized")                                                 \
	X(ERROR_INVALID_ARGUMENT, 2, "Invalid Argument")                                           \
	X(ERROR_NOT_SUPPORTED, 3, "Not Supported")                                                 \
	X(ERROR_NO_PERMISSION, 4, "Insufficient Permissions")                                      \
	X(ERROR_ALREADY_INITIALIZED, 5, "Already Initialized")                                     \
	X(ERROR_NOT_FOUND, 6, "Not Found")                                                         \
	X(ERROR_INSUFFICIENT_SIZE, 7, "Insufficient Size")                                         \
	X(ERROR_INSUFFICIENT_POWER, 8, "Insufficient External Power")                              \
	X(ERROR_DRIVER_NOT_LOADED, 9, "Driver Not Loaded")                                         \
	X(ERROR_TIMEOUT, 10, "Timeout")                                                            \
	X(ERROR_IRQ_ISSUE, 11, "Interrupt Request Issue")                                          \
	X(ERROR_LIBRARY_NOT_FOUND, 12, "NVML Shared Library Not Found")                            \
	X(ERROR_FUNCTION_NOT_FOUND, 13, "Function Not Found")                                      \
	X(ERROR_CORRUPTED_INFOROM, 14, "Corrupted infoROM")                                        \
	X(ERROR_GPU_IS_LOST, 15, "GPU is lost")                                                    \
	X(ERROR_RESET_REQUIRED, 16, "GPU requires reset")                                          \
	X(ERROR_OPERATING_SYSTEM, 17, "GPU access blocked by the operating system")                \
	X(ERROR_LIB_RM_VERSION_MISMATCH, 18, "Driver/library version mismatch")                    \
	X(ERROR_IN_USE, 19, "In use by another client")                                            \
	X(ERROR_MEMORY, 20, "Insufficient Memory")                                                 \
	X(ERROR_NO_DATA, 21, "No data")                                                            \
	X(ERROR_VGPU_ECC_NOT_SUPPORTED, 22, "vGPU ECC not supported")                              \
	X(ERROR_INSUFFICIENT_RESOURCES, 23, "Insufficient Resources")                              \
	X(ERROR_FREQ_NOT_SUPPORTED, 24, "Invalid Frequency")                                       \
	X(ERROR_ARGUMENT_VERSION_MISMATCH, 25, "Argument version mismatch")                        \
	X(ERROR_DEPRECATED, 26, "Requested functionality has been deprecated")                     \
	X(ERROR_NOT_READY, 27, "System is not in ready state")                                     \
	X(ERROR_GPU_NOT_FOUND, 28, "No supported GPUs were found")                                 \
	X(ERROR_INVALID_STATE, 29, "Resource not in correct state to perform requested operation") \
	X(ERROR_RESET_TYPE_NOT_SUPPORTED, 30, "Reset type not supported")                          \
	X(ERROR_UNKNOWN, 999, "Unknown Error")

enum nvml_return {
#define X(name, number, text) NVML_##name = number,
	NVML_RETURN_TABLE(X)
#undef X
};
typedef enum nvml_return nvmlReturn_t;

enum nvml_init_flags {
	NVML_INIT_FLAG_NO_GPUS = 1,
	NVML_INIT_FLAG_NO_ATTACH = 2,
	NVML_INIT_FLAG_FORCE_INIT = 4,
};

/* Sizes of the texts a caller must have room for. */
#define NVML_NAME_SIZE	     64
#define NVML_NAME_SIZE_V2    96
#define NVML_UUID_SIZE	     80
#define NVML_VERSION_SIZE    80 /* of driver and NVML */
#define NVML_SERIAL_SIZE     30
#define NVML_VBIOS_SIZE	     32
#define NVML_PCI_ID_SIZE     32
#define NVML_OLD_PCI_ID_SIZE 16

#define NVML_NO_INSTANCE    0xffffffffu /* instance id "none" */
#define NVML_UNKNOWN_MEMORY UINT64_MAX	/* used memory of a process: not available */

/* `profile` of the GPU-instance profile queries; the id to create by is another number. */
enum nvml_gi_profile {
	NVML_GI_PROFILE_1_SLICE = 0x00,
	NVML_GI_PROFILE_2_SLICE = 0x01,
	NVML_GI_PROFILE_3_SLICE = 0x02,
	NVML_GI_PROFILE_4_SLICE = 0x03,
	NVML_GI_PROFILE_7_SLICE = 0x04,
	NVML_GI_PROFILE_8_SLICE = 0x05,
	NVML_GI_PROFILE_6_SLICE = 0x06,
	NVML_GI_PROFILE_1_SLICE_REV1 = 0x07, /* +me */
	NVML_GI_PROFILE_2_SLICE_REV1 = 0x08, /* +me */
	NVML_GI_PROFILE_1_SLICE_REV2 = 0x09, /* double memory */
	NVML_GI_PROFILE_1_SLICE_GFX = 0x0a,
	NVML_GI_PROFILE_2_SLICE_GFX = 0x0b,
	NVML_GI_PROFILE_4_SLICE_GFX = 0x0c,
	NVML_GI_PROFILE_1_SLICE_NO_ME = 0x0d,
	NVML_GI_PROFILE_2_SLICE_NO_ME = 0x0e,
	NVML_GI_PROFILE_1_SLICE_ALL_ME = 0x0f,
	NVML_GI_PROFILE_2_SLICE_ALL_ME = 0x10,
	NVML_GI_PROFILE_3_SLICE_GFX = 0x11,
	NVML_GI_PROFILE_COUNT = 0x12,
};

#define NVML_GI_CAP_P2P 1u
#define NVML_GI_CAP_GFX 2u

/* Of the compute-instance profile queries; on all boards seen also the id to create by. */
enum nvml_ci_profile {
	NVML_CI_PROFILE_1_SLICE = 0,
	NVML_CI_PROFILE_2_SLICE = 1,
	NVML_CI_PROFILE_3_SLICE = 2,
	NVML_CI_PROFILE_4_SLICE = 3,
	NVML_CI_PROFILE_7_SLICE = 4,
	NVML_CI_PROFILE_8_SLICE = 5,
	NVML_CI_PROFILE_6_SLICE = 6,
	NVML_CI_PROFILE_1_SLICE_REV1 = 7,
	NVML_CI_PROFILE_7_SLICE_NVL = 8,
	NVML_CI_PROFILE_COUNT = 9,
};

#define NVML_CI_ENGINE_SHARED 0
#define NVML_CI_CAP_GFX	      1u

#define NVML_MIG_DISABLED 0u
#define NVML_MIG_ENABLED  1u

enum nvml_clock {
	NVML_CLOCK_GRAPHICS,
	NVML_CLOCK_SM,
	NVML_CLOCK_MEM,
	NVML_CLOCK_VIDEO,
	NVML_CLOCKS
};
enum nvml_clock_id {
	NVML_CLOCK_CURRENT,
	NVML_CLOCK_APP_TARGET,
	NVML_CLOCK_APP_DEFAULT,
	NVML_CLOCK_BOOST_MAX,
	NVML_CLOCK_IDS
};

enum nvml_threshold {
	NVML_THRESHOLD_SHUTDOWN,
	NVML_THRESHOLD_SLOWDOWN,
	NVML_THRESHOLD_MEM_MAX,
	NVML_THRESHOLD_GPU_MAX,
	NVML_THRESHOLD_ACOUSTIC_MIN,
	NVML_THRESHOLD_ACOUSTIC_CURRENT,
	NVML_THRESHOLD_ACOUSTIC_MAX,
	NVML_THRESHOLDS
};

#define NVML_SENSOR_GPU 0u

/* Why clocks are below their maximum. */
enum nvml_clock_reason {
	NVML_CLOCK_REASON_GPU_IDLE = 0x1,
	NVML_CLOCK_REASON_APP_CLOCKS = 0x2,
	NVML_CLOCK_REASON_SW_POWER_CAP = 0x4,
	NVML_CLOCK_REASON_HW_SLOWDOWN = 0x8,
	NVML_CLOCK_REASON_SYNC_BOOST = 0x10,
	NVML_CLOCK_REASON_SW_THERMAL = 0x20,
	NVML_CLOCK_REASON_HW_THERMAL = 0x40,
	NVML_CLOCK_REASON_HW_POWER_BRAKE = 0x80,
	NVML_CLOCK_REASON_DISPLAY_CLOCKS = 0x100,
};

enum nvml_ecc_error { NVML_ECC_CORRECTED, NVML_ECC_UNCORRECTED, NVML_ECC_ERRORS };
enum nvml_ecc_counter { NVML_ECC_VOLATILE, NVML_ECC_AGGREGATE, NVML_ECC_COUNTERS };
enum nvml_memory_location {
	NVML_LOCATION_L1,
	NVML_LOCATION_L2,
	NVML_LOCATION_DRAM,
	NVML_LOCATION_REGISTER,
	NVML_LOCATION_TEXTURE,
	NVML_LOCATION_TEXTURE_SHM,
	NVML_LOCATION_CBU,
	NVML_LOCATION_SRAM,
	NVML_LOCATIONS
};

enum nvml_architecture {
	NVML_ARCH_AMPERE = 7,
	NVML_ARCH_ADA = 8,
	NVML_ARCH_HOPPER = 9,
	NVML_ARCH_BLACKWELL = 10,
	NVML_ARCH_RUBIN = 13,
	NVML_ARCH_UNKNOWN = -1,
};

enum nvml_brand { NVML_BRAND_TESLA = 2, NVML_BRAND_NVIDIA_RTX = 13, NVML_BRAND_NVIDIA = 14 };

enum nvml_compute_mode {
	NVML_COMPUTE_DEFAULT = 0,
	NVML_COMPUTE_PROHIBITED = 2,
	NVML_COMPUTE_EXCLUSIVE_PROCESS = 3,
};

enum nvml_topology {
	NVML_TOPOLOGY_INTERNAL = 0,
	NVML_TOPOLOGY_SINGLE = 10,
	NVML_TOPOLOGY_MULTIPLE = 20,
	NVML_TOPOLOGY_HOSTBRIDGE = 30,
	NVML_TOPOLOGY_NODE = 40,
	NVML_TOPOLOGY_SYSTEM = 50,
};

enum nvml_process_mode {
	NVML_PROCESS_COMPUTE,
	NVML_PROCESS_GRAPHICS,
	NVML_PROCESS_MPS,
	NVML_PROCESS_ALL,
};

enum nvml_event {
	NVML_EVENT_SINGLE_BIT_ECC = 0x1,
	NVML_EVENT_DOUBLE_BIT_ECC = 0x2,
	NVML_EVENT_PSTATE = 0x4,
	NVML_EVENT_XID = 0x8,
	NVML_EVENT_CLOCK = 0x10,
	NVML_EVENT_POWER_SOURCE = 0x80,
	NVML_EVENT_MIG_CONFIG = 0x100,
	NVML_EVENT_ECC_STORM = 0x200,
	NVML_EVENT_DRAM_RETIREMENT = 0x400,
	NVML_EVENT_DRAM_FAILURE = 0x800,
	NVML_EVENT_UNAVAILABLE = 0x4000,
};

enum nvml_system_event { NVML_SYSTEM_EVENT_UNBIND = 1, NVML_SYSTEM_EVENT_BIND = 2 };

/* Entries of nvmlDeviceGetFieldValues() that some client asks for. */
enum nvml_field {
	NVML_FIELD_MEMORY_TEMP = 82,
	NVML_FIELD_ENERGY = 83, /* mJ since the driver was loaded */
	NVML_FIELD_PCIE_REPLAYS = 94,
	NVML_FIELD_PCIE_REPLAY_ROLLOVERS = 95,
	NVML_FIELD_NVSWITCH_LINKS = 147,
	NVML_FIELD_RESETLESS_MIG = 184,
	NVML_FIELD_POWER_AVERAGE = 185,
	NVML_FIELD_POWER_INSTANT = 186,
	NVML_FIELD_POWER_MIN_LIMIT = 187,
	NVML_FIELD_POWER_MAX_LIMIT = 188,
	NVML_FIELD_POWER_DEFAULT_LIMIT = 189,
	NVML_FIELD_POWER_CURRENT_LIMIT = 190,
	NVML_FIELD_POWER_REQUESTED_LIMIT = 192,
	NVML_FIELD_TEMP_LIMIT_SHUTDOWN = 193,
	NVML_FIELD_TEMP_LIMIT_SLOWDOWN = 194,
	NVML_FIELD_TEMP_LIMIT_MEM_MAX = 195,
	NVML_FIELD_TEMP_LIMIT_GPU_MAX = 196,
	NVML_FIELD_MIG_QUERY_WITH_MIG_OFF = 199,
	NVML_FIELD_RESET_STATUS = 226,
	NVML_FIELD_DRAIN_RESET_STATUS = 227,
	NVML_FIELD_RECOVERY_ACTION = 230,
};

enum nvml_value_type {
	NVML_VALUE_DOUBLE,
	NVML_VALUE_U32,
	NVML_VALUE_ULONG,
	NVML_VALUE_U64,
	NVML_VALUE_I64,
	NVML_VALUE_I32,
	NVML_VALUE_U16,
};

enum nvml_gpm_metric {
	NVML_GPM_GRAPHICS_UTIL = 1,
	NVML_GPM_SM_UTIL = 2,
	NVML_GPM_SM_OCCUPANCY = 3,
	NVML_GPM_INTEGER_UTIL = 4,
	NVML_GPM_ANY_TENSOR_UTIL = 5,
	NVML_GPM_DFMA_UTIL = 6,
	NVML_GPM_HMMA_UTIL = 7,
	NVML_GPM_DMMA_UTIL = 8,
	NVML_GPM_IMMA_UTIL = 9,
	NVML_GPM_DRAM_UTIL = 10,
	NVML_GPM_FP64_UTIL = 11,
	NVML_GPM_FP32_UTIL = 12,
	NVML_GPM_FP16_UTIL = 13,
	NVML_GPM_PCIE_TX = 20, /* MiB/s */
	NVML_GPM_PCIE_RX = 21,
	NVML_GPM_MAX = 333,
};

/* Handles. */
struct nvml_device;
struct nvml_gpu_instance;
struct nvml_compute_instance;
struct nvml_event_set;
struct nvml_gpm_sample;
struct nvml_system_event_set;

#define NVML_VERSION(size, n) ((unsigned)(size) | (unsigned)(n) << 24)

struct nvml_pci_info {
	char bus_id_legacy[NVML_OLD_PCI_ID_SIZE]; /* "%04X:%02X:%02X.0" */
	unsigned domain, bus, device;
	unsigned device_id; /* device << 16 | vendor */
	unsigned subsystem_id;
	char bus_id[NVML_PCI_ID_SIZE]; /* "%08X:%02X:%02X.0" */
};

struct nvml_pci_info_ext_v1 {
	unsigned version;
	unsigned domain, bus, device;
	unsigned device_id, subsystem_id;
	unsigned base_class, sub_class;
	char bus_id[NVML_PCI_ID_SIZE];
};

/* used includes what the driver keeps; total = free + used */
struct nvml_memory {
	unsigned long long total, free, used; /* bytes */
};

/* total = reserved + free + used */
struct nvml_memory_v2 {
	unsigned version;
	unsigned long long total, reserved, free, used; /* bytes */
};

struct nvml_bar1_memory {
	unsigned long long total, free, used; /* bytes */
};

/* Of the list calls without suffix; the others use struct nvml_process_info. */
struct nvml_process_info_v1 {
	unsigned pid;
	unsigned long long used_memory; /* bytes */
};

struct nvml_process_info {
	unsigned pid;
	unsigned long long used_memory; /* bytes */
	unsigned gpu_instance_id, compute_instance_id;
};

struct nvml_process_detail_v1 {
	unsigned pid;
	unsigned long long used_memory; /* bytes */
	unsigned gpu_instance_id, compute_instance_id;
	unsigned long long used_protected_memory;
};

struct nvml_process_detail_list_v1 {
	unsigned version;
	unsigned mode;	/* enum nvml_process_mode */
	unsigned count; /* entries in the array */
	struct nvml_process_detail_v1 *array;
};

struct nvml_process_utilization {
	unsigned pid;
	unsigned long long time_stamp;	       /* us */
	unsigned sm, memory, encoder, decoder; /* percent */
};

struct nvml_utilization {
	unsigned gpu, memory; /* percent */
};

/* Compared byte by byte by at least one client: padding is zero. */
struct nvml_device_attributes {
	unsigned multiprocessors;
	unsigned copy_engines, decoders, encoders, jpeg, ofa;
	unsigned gi_slices, ci_slices;
	unsigned long long memory_mib;
};

/* Of a GPU instance in units of the board, of a compute instance in compute slices. */
struct nvml_placement {
	unsigned start, size;
};

struct nvml_gi_profile_info {
	unsigned id;
	unsigned p2p;
	unsigned slices;
	unsigned instances; /* how many fit on an empty GPU; never 0 */
	unsigned multiprocessors;
	unsigned copy_engines, decoders, encoders, jpeg, ofa;
	unsigned long long memory_mib;
};

struct nvml_gi_profile_info_v2 {
	unsigned version;
	unsigned id;
	unsigned p2p;
	unsigned slices;
	unsigned instances;
	unsigned multiprocessors;
	unsigned copy_engines, decoders, encoders, jpeg, ofa;
	unsigned long long memory_mib;
	char name[NVML_NAME_SIZE_V2];
};

struct nvml_gi_profile_info_v3 {
	unsigned version;
	unsigned id;
	unsigned slices;
	unsigned instances;
	unsigned multiprocessors;
	unsigned copy_engines, decoders, encoders, jpeg, ofa;
	unsigned long long memory_mib;
	char name[NVML_NAME_SIZE_V2];
	unsigned capabilities; /* NVML_GI_CAP_* */
};

struct nvml_gi_info {
	struct nvml_device *device;
	unsigned id;
	unsigned profile_id;
	struct nvml_placement placement;
};

struct nvml_ci_profile_info {
	unsigned id;
	unsigned slices;
	unsigned instances;
	unsigned multiprocessors;
	unsigned copy_engines, decoders, encoders, jpeg, ofa;
};

struct nvml_ci_profile_info_v2 {
	unsigned version;
	unsigned id;
	unsigned slices;
	unsigned instances;
	unsigned multiprocessors;
	unsigned copy_engines, decoders, encoders, jpeg, ofa;
	char name[NVML_NAME_SIZE_V2];
};

struct nvml_ci_profile_info_v3 {
	unsigned version;
	unsigned id;
	unsigned slices;
	unsigned instances;
	unsigned multiprocessors;
	unsigned copy_engines, decoders, encoders, jpeg, ofa;
	char name[NVML_NAME_SIZE_V2];
	unsigned capabilities; /* NVML_CI_CAP_* */
};

struct nvml_ci_info {
	struct nvml_device *device;
	struct nvml_gpu_instance *gpu_instance;
	unsigned id;
	unsigned profile_id;
	struct nvml_placement placement;
};

struct nvml_event_data {
	struct nvml_device *device;
	unsigned long long type; /* one enum nvml_event */
	unsigned long long data; /* the XID, else 0 */
	unsigned gpu_instance_id, compute_instance_id;
};

union nvml_value {
	double d;
	int si;
	unsigned ui;
	unsigned long ul;
	unsigned long long ull;
	long long sll;
	unsigned short us;
};

struct nvml_field_value {
	unsigned field, scope;
	long long time_stamp; /* us of the Unix clock */
	long long latency_us;
	unsigned type;	 /* enum nvml_value_type */
	unsigned result; /* nvmlReturn_t of this entry */
	union nvml_value value;
};

struct nvml_gpm_metric_value {
	unsigned metric;
	unsigned result; /* nvmlReturn_t of this metric */
	double value;
	char *short_name, *long_name, *unit;
};

/* Older headers have a shorter array: only `count` entries are there. */
struct nvml_gpm_metrics_get {
	unsigned version; /* plain 1 */
	unsigned count;
	struct nvml_gpm_sample *sample1, *sample2;
	struct nvml_gpm_metric_value metrics[NVML_GPM_MAX];
};

struct nvml_gpm_support {
	unsigned version; /* plain 1 */
	unsigned supported;
};

struct nvml_temperature_v1 {
	unsigned version;
	unsigned sensor;
	int temperature; /* degrees Celsius */
};

struct nvml_fabric_info {
	unsigned char cluster_uuid[16];
	unsigned status; /* nvmlReturn_t */
	unsigned clique_id;
	unsigned char state;
};

struct nvml_fabric_info_v2 {
	unsigned version;
	unsigned char cluster_uuid[16];
	unsigned status;
	unsigned clique_id;
	unsigned char state;
	unsigned health_mask;
};

struct nvml_fabric_info_v3 {
	unsigned version;
	unsigned char cluster_uuid[16];
	unsigned status;
	unsigned clique_id;
	unsigned char state;
	unsigned health_mask;
	unsigned char health_summary;
};

struct nvml_sram_errors_v1 {
	unsigned version;
	unsigned long long aggregate_parity, aggregate_secded, aggregate_corrected;
	unsigned long long volatile_parity, volatile_secded, volatile_corrected;
	unsigned long long bucket_l2, bucket_sm, bucket_pcie, bucket_mcu, bucket_other;
	unsigned threshold_exceeded;
};

struct nvml_conf_compute_memory {
	unsigned long long protected_kib, unprotected_kib;
};

struct nvml_row_remapper_histogram {
	unsigned max, high, partial, low, none;
};

struct nvml_addressing_mode_v1 {
	unsigned version;
	unsigned value; /* 0 none, 1 HMM, 2 ATS */
};

struct nvml_system_event_create_v1 {
	unsigned version;
	struct nvml_system_event_set *set;
};

struct nvml_system_event_free_v1 {
	unsigned version;
	struct nvml_system_event_set *set;
};

struct nvml_system_event_register_v1 {
	unsigned version;
	unsigned long long types; /* enum nvml_system_event */
	struct nvml_system_event_set *set;
};

struct nvml_system_event_data_v1 {
	unsigned long long type;
	unsigned gpu_id;
};

struct nvml_system_event_wait_v1 {
	unsigned version;
	unsigned timeout_ms;
	struct nvml_system_event_set *set;
	struct nvml_system_event_data_v1 *data;
	unsigned data_size; /* entries in data */
	unsigned count;	    /* out */
};

#define NVML_MEMORY_V2		      NVML_VERSION(40, 2)
#define NVML_GI_PROFILE_INFO_V2	      NVML_VERSION(152, 2)
#define NVML_GI_PROFILE_INFO_V3	      NVML_VERSION(152, 3)
#define NVML_CI_PROFILE_INFO_V2	      NVML_VERSION(136, 2)
#define NVML_CI_PROFILE_INFO_V3	      NVML_VERSION(140, 3)
#define NVML_PCI_INFO_EXT_V1	      NVML_VERSION(64, 1)
#define NVML_PROCESS_DETAIL_V1	      NVML_VERSION(24, 1)
#define NVML_FABRIC_INFO_V2	      NVML_VERSION(36, 2)
#define NVML_FABRIC_INFO_V3	      NVML_VERSION(40, 3)
#define NVML_SRAM_ERRORS_V1	      NVML_VERSION(104, 1)
#define NVML_TEMPERATURE_V1	      NVML_VERSION(12, 1)
#define NVML_ADDRESSING_MODE_V1	      NVML_VERSION(8, 1)
#define NVML_SYSTEM_EVENT_CREATE_V1   NVML_VERSION(16, 1)
#define NVML_SYSTEM_EVENT_FREE_V1     NVML_VERSION(16, 1)
#define NVML_SYSTEM_EVENT_REGISTER_V1 NVML_VERSION(24, 1)
#define NVML_SYSTEM_EVENT_WAIT_V1     NVML_VERSION(32, 1)
#define NVML_GPM_VERSION	      1u

#define NVML_SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
#define NVML_AT(type, field, at)                                                                   \
	_Static_assert(offsetof(struct type, field) == (at), #type "." #field)

NVML_SIZE(nvml_pci_info, 68);
NVML_AT(nvml_pci_info, device_id, 28);
NVML_AT(nvml_pci_info, bus_id, 36);
NVML_SIZE(nvml_pci_info_ext_v1, 64);
NVML_AT(nvml_pci_info_ext_v1, base_class, 24);
NVML_AT(nvml_pci_info_ext_v1, bus_id, 32);
NVML_SIZE(nvml_memory, 24);
NVML_SIZE(nvml_memory_v2, 40);
NVML_AT(nvml_memory_v2, total, 8);
NVML_AT(nvml_memory_v2, free, 24);
NVML_SIZE(nvml_bar1_memory, 24);
NVML_SIZE(nvml_process_info_v1, 16);
NVML_SIZE(nvml_process_info, 24);
NVML_AT(nvml_process_info, gpu_instance_id, 16);
NVML_SIZE(nvml_process_detail_v1, 32);
NVML_AT(nvml_process_detail_v1, used_protected_memory, 24);
NVML_SIZE(nvml_process_detail_list_v1, 24);
NVML_AT(nvml_process_detail_list_v1, array, 16);
NVML_SIZE(nvml_process_utilization, 32);
NVML_AT(nvml_process_utilization, sm, 16);
NVML_SIZE(nvml_utilization, 8);
NVML_SIZE(nvml_device_attributes, 40);
NVML_AT(nvml_device_attributes, gi_slices, 24);
NVML_AT(nvml_device_attributes, memory_mib, 32);
NVML_SIZE(nvml_placement, 8);
NVML_SIZE(nvml_gi_profile_info, 48);
NVML_AT(nvml_gi_profile_info, memory_mib, 40);
NVML_SIZE(nvml_gi_profile_info_v2, 152);
NVML_AT(nvml_gi_profile_info_v2, memory_mib, 48);
NVML_AT(nvml_gi_profile_info_v2, name, 56);
NVML_SIZE(nvml_gi_profile_info_v3, 152);
NVML_AT(nvml_gi_profile_info_v3, memory_mib, 40);
NVML_AT(nvml_gi_profile_info_v3, name, 48);
NVML_AT(nvml_gi_profile_info_v3, capabilities, 144);
NVML_SIZE(nvml_gi_info, 24);
NVML_AT(nvml_gi_info, placement, 16);
NVML_SIZE(nvml_ci_profile_info, 36);
NVML_SIZE(nvml_ci_profile_info_v2, 136);
NVML_AT(nvml_ci_profile_info_v2, name, 40);
NVML_SIZE(nvml_ci_profile_info_v3, 140);
NVML_AT(nvml_ci_profile_info_v3, capabilities, 136);
NVML_SIZE(nvml_ci_info, 32);
NVML_AT(nvml_ci_info, id, 16);
NVML_AT(nvml_ci_info, placement, 24);
NVML_SIZE(nvml_event_data, 32);
NVML_AT(nvml_event_data, gpu_instance_id, 24);
NVML_SIZE(nvml_field_value, 40);
NVML_AT(nvml_field_value, type, 24);
NVML_AT(nvml_field_value, value, 32);
NVML_SIZE(nvml_gpm_metric_value, 40);
NVML_AT(nvml_gpm_metric_value, value, 8);
NVML_SIZE(nvml_gpm_metrics_get, 13344);
NVML_AT(nvml_gpm_metrics_get, metrics, 24);
NVML_SIZE(nvml_gpm_support, 8);
NVML_SIZE(nvml_temperature_v1, 12);
NVML_SIZE(nvml_fabric_info, 28);
NVML_AT(nvml_fabric_info, state, 24);
NVML_SIZE(nvml_fabric_info_v2, 36);
NVML_AT(nvml_fabric_info_v2, health_mask, 32);
NVML_SIZE(nvml_fabric_info_v3, 40);
NVML_AT(nvml_fabric_info_v3, health_summary, 36);
NVML_SIZE(nvml_sram_errors_v1, 104);
NVML_AT(nvml_sram_errors_v1, threshold_exceeded, 96);
NVML_SIZE(nvml_conf_compute_memory, 16);
NVML_SIZE(nvml_row_remapper_histogram, 20);
NVML_SIZE(nvml_addressing_mode_v1, 8);
NVML_SIZE(nvml_system_event_create_v1, 16);
NVML_SIZE(nvml_system_event_free_v1, 16);
NVML_SIZE(nvml_system_event_register_v1, 24);
NVML_SIZE(nvml_system_event_data_v1, 16);
NVML_SIZE(nvml_system_event_wait_v1, 32);
NVML_AT(nvml_system_event_wait_v1, data_size, 24);

#include "facts/nvml-calls.h"

/* These work before init, or are init. */
nvmlReturn_t nvmlInit(void);
nvmlReturn_t nvmlInit_v2(void);
nvmlReturn_t nvmlInitWithFlags(unsigned flags);
nvmlReturn_t nvmlShutdown(void);
const char *nvmlErrorString(nvmlReturn_t code);
nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned length);
nvmlReturn_t nvmlInternalGetExportTable(const void **table, const void *id);

/* The others; a program that loads the library takes `__typeof__(nvmlDeviceGetName) *`. */
#define X(name, params, args) nvmlReturn_t nvml##name params;
NVML_CALLS(X, X, X, X)
#undef X
