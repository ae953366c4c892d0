/*
 * world.h - the simulated server: its boards, what lies on them, what they answer
 *
 * A world is one file, DIR/state, mapped by every process that plays a part in
 * it: clients through the stand-in library, and carve-sim. It holds two copies
 * of the whole state and the number of the one that counts. A change is made
 * on the other copy and takes effect by flipping that number, under a robust
 * mutex that all processes share: a client killed at any moment leaves the
 * state before its change or after it, never between.
 *
 *	const struct world_state *now = world_read(world);	  short: it holds the lock
 *	... look ...
 *	world_done(world);
 *
 *	struct world_state *next = world_change(world);
 *	code = world_gi_create(next, gpu, profile_id, WORLD_ANYWHERE, &gi);
 *	world_commit(world);					  or world_abandon()
 *
 * The rules of the driver (what fits, where it goes, who is in the way, which
 * code says no) are functions on struct world_state and know nothing of files
 * or locks; library and tool share them. They answer as NVML does, with an
 * nvmlReturn_t; when that is not NVML_SUCCESS nothing has changed. None checks
 * privileges (world_may_*) or takes the time the hardware takes
 * (world_latency_*): that is the caller's.
 *
 * Words: a GPU instance (GI) has an id that follows from where it lies, 0..14,
 * and sits in the array at that place; a compute instance (CI) likewise, 0..7.
 * A generation is a number that changes each time a slot is filled again.
 * A holder is somebody who keeps a GPU or an instance from being taken away.
 *
 * Trust: a world belongs to those who use it, as /dev/nvidia0 does: everybody
 * may write the state file whom its folder lets in. It is checked when opened,
 * not at each call.
 *
 * Units: bytes, ns of the monotonic clock, mW, MHz, degrees Celsius. Starts
 * and sizes of GPU instances are units of the board, those of compute
 * instances are compute slices.
 *
 * Sources: what the driver does is said per function; figures without a
 * source here (temperatures, clocks, idle power) are plausible, not measured.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "facts/board.h"
#include "facts/nvml.h"

#define WORLD_MAX_GPUS	    16
#define WORLD_MAX_GIS	    15
#define WORLD_MAX_CIS	    8
#define WORLD_MAX_PROCESSES 2048
#define WORLD_MAX_EVENTS    256
#define WORLD_MAX_FAULTS    64
#define WORLD_ANYWHERE	    (-1) /* start of an instance: as the driver chooses */
#define WORLD_FOREVER	    INT64_MAX
#define WORLD_NONE	    NVML_NO_INSTANCE /* instance id "none" */

struct world_ci {
	bool exists;
	uint8_t profile; /* index into cis of the GI's profile */
	uint8_t start, slices;
	uint32_t generation; /* kept when it goes */
};

struct world_gi {
	bool exists;
	uint8_t profile; /* index into the board's profiles */
	uint8_t start, size;
	uint32_t generation;	 /* kept when it goes */
	int64_t linger_until_ns; /* in use until then, though its last CI is gone */
	struct world_ci cis[WORLD_MAX_CIS];
};

struct world_ecc {
	uint64_t dram[NVML_ECC_ERRORS], sram[NVML_ECC_ERRORS]; /* by enum nvml_ecc_error */
};

struct world_gpu {
	uint16_t board;		   /* index into boards */
	char name[NVML_NAME_SIZE]; /* "NVIDIA A100-SXM4-80GB" */
	char uuid[48];		   /* "GPU-..." */
	char serial[NVML_SERIAL_SIZE];
	uint64_t board_number; /* what MIG UUIDs are derived from (PDI) */
	uint32_t domain;
	uint8_t bus, device;
	uint16_t pci_device_id;
	uint8_t minor;
	int8_t numa;	  /* -1: none */
	bool flip;	  /* numbers instances with the halves exchanged */
	bool passthrough; /* in a VM: MIG mode changes only when that reboots */
	bool lost;	  /* fallen off the bus */
	bool mig, mig_pending;
	bool persistence;
	uint8_t compute_mode; /* enum nvml_compute_mode */
	uint32_t generation;
	int64_t driver_busy_until_ns; /* creating and destroying wait for each other */
	struct world_ecc volatile_ecc, aggregate_ecc;
	uint32_t rows_corrected, rows_uncorrected;
	bool rows_pending, rows_failed;
	/* Thermal state when the load last changed; see world_health(). */
	int64_t settled_ns;
	double settled_c, energy_mj;
	struct world_gi gis[WORLD_MAX_GIS];
};

/* Somebody with a context on a device; lives as long as its pid. */
struct world_process {
	uint32_t pid;
	uint64_t start_time; /* field 22 of /proc/PID/stat; 0: not known */
	uint8_t gpu;
	bool graphics;
	uint32_t gi, ci; /* WORLD_NONE: the whole GPU */
	uint64_t memory_bytes;
	double busy;	 /* 0..1 of its device's compute */
	int64_t since_s; /* Unix clock */
	char name[16];
};

struct world_event {
	uint64_t number; /* 1, 2, ... */
	uint64_t type;	 /* one enum nvml_event; of system events enum nvml_system_event */
	uint64_t data;	 /* XID */
	uint32_t gi, ci; /* WORLD_NONE: the whole GPU */
	uint8_t gpu;
	bool system;
};

enum world_fault_kind {
	WORLD_FAULT_CALL, /* an NVML call goes wrong */
	WORLD_FAULT_LOST, /* the GPU has fallen off the bus */
	WORLD_FAULT_BUSY, /* a holder without a visible process */
	WORLD_FAULT_SLOW, /* creating and destroying take longer */
};

/*
 * Something that goes wrong. A call fault lets `skip` matching calls pass and
 * then strikes `times` (0: always): it waits hang_ms, then kills the caller,
 * or answers `fail` without doing anything, or answers success without doing
 * anything (`wrong`). With `after` the call does its work first and what it
 * answers is then replaced (or the caller killed): the work is done and nobody
 * was told. With none of fail, kill and wrong it is only late.
 */
struct world_fault {
	uint32_t id; /* given by world_fault_add(); 0: the slot is free */
	uint8_t kind;
	bool has_gpu, has_gi, after, kill, wrong;
	uint8_t gpu, gi;
	char call[64]; /* "nvmlDeviceGetCount_v2" or "*" */
	int32_t fail;  /* nvmlReturn_t; 0: none */
	uint32_t hang_ms;
	uint64_t skip, times;
	double chance;	  /* of each matching call, 0..1 */
	double factor;	  /* WORLD_FAULT_SLOW */
	int64_t until_ns; /* monotonic; WORLD_FOREVER, or when it ends by itself */
	uint64_t seen, struck;
};

struct world_state {
	char driver[32];      /* "550.163.01" */
	uint64_t seed, dice;  /* dice: what the next draw comes from */
	double latency;	      /* 1: the measured delays; 0: none */
	uint32_t linger_ms;   /* a GI stays in use so long after its last CI is gone */
	bool fixed_order;     /* placements by the captured order, not by the rule */
	uint32_t generations; /* the last one given */
	uint32_t boots;
	int64_t booted_ns;
	uint32_t next_fault;
	uint64_t events_raised; /* number of the last event */
	uint32_t n_gpus;
	struct world_gpu gpus[WORLD_MAX_GPUS];
	struct world_event events[WORLD_MAX_EVENTS]; /* event n is at n % WORLD_MAX_EVENTS */
	struct world_fault faults[WORLD_MAX_FAULTS];
	uint32_t n_processes;
	struct world_process
		processes[WORLD_MAX_PROCESSES]; /* last: only the used part is copied */
};

/* ---- the file ---- */

struct world; /* one process's view of a world; safe for threads */

/* Texts NULL or "" and has_* false: made up from the seed. */
struct world_gpu_spec {
	const struct board *board;
	const char *name, *uuid, *serial;
	bool has_pci, has_numa, has_minor;
	uint32_t domain;
	uint8_t bus, device;
	int8_t numa;
	uint8_t minor;
	bool mig, flip, passthrough;
};

struct world_spec {
	const char *driver; /* NULL: 550.163.01 */
	uint64_t seed;
	double latency;
	uint32_t linger_ms;
	bool fixed_order;
	size_t n_gpus;
	struct world_gpu_spec gpus[WORLD_MAX_GPUS];
};

#define WORLD_DRIVER "550.163.01"

/*
 * The folder of the world when nobody named one: $CARVE_SIM, else
 * /run/carve-sim for root, $XDG_RUNTIME_DIR/carve-sim, /tmp/carve-sim-UID.
 */
void world_default_dir(char *buf, size_t size);

/*
 * Fill in a fresh state.
 *   err  INVALID: an address, UUID, serial or minor twice, or PCI addresses
 *        not ascending (NVML numbers GPUs by them)
 */
int world_state_init(struct world_state *state, const struct world_spec *spec, struct err *err);

/*
 * Make a world in an existing folder: the state and mig/config, mig/monitor,
 * the two files whose openability is the right to change and to see all.
 *   err  STALE: there is one already; INVALID as above; IO, DENIED
 */
int world_create(const char *dir, const struct world_spec *spec, struct err *err);

/*
 *   dir  NULL: world_default_dir()
 *   err  NOT_FOUND: no world there; INVALID: damaged, or of another version;
 *        STALE: from before the machine was started, or ended by somebody who
 *        was killed at it (world_create() makes a new one in its place);
 *        DENIED, IO, NOMEM
 */
int world_open(const char *dir, struct world **ret, struct err *err);
void world_close(struct world *world);

/* End it: calls of those who still have it open fail, the files go. */
int world_remove(struct world *world, struct err *err);
bool world_is_gone(const struct world *world);

/* Was its folder deleted under it? Costs a system call; world_is_gone() costs nothing. */
bool world_is_deleted(const struct world *world);
const char *world_dir(const struct world *world);

/* The state as it is; the pointer lives until world_done(). Not nested. */
const struct world_state *world_read(struct world *world);
void world_done(struct world *world);

/* A copy to change; nobody sees it until world_commit(). Not nested. */
struct world_state *world_change(struct world *world);
void world_commit(struct world *world);
void world_abandon(struct world *world);

/*
 * Sleep until an event after number `seen` was raised, the time is over or a
 * signal came; may return early. timeout_ns < 0: no end.
 */
void world_wait_event(struct world *world, uint64_t seen, int64_t timeout_ns);

/* Is any call fault armed? Without the lock; a hint. */
bool world_has_call_faults(const struct world *world);

/* May this process create and destroy instances; see all of a GPU that is divided? */
bool world_may_config(const struct world *world);
bool world_may_monitor(const struct world *world);

/* Every invariant. err INVALID with the first that does not hold. */
int world_check(const struct world_state *state, struct err *err);

/* ---- boards, GPU instances, compute instances ---- */

const struct board *world_board(const struct world_gpu *gpu);

/* The version of its firmware, plausible and not of a real board; NULL: none. */
const char *world_vbios(const struct world_gpu *gpu);

const struct profile *world_gi_profile(const struct world_gpu *gpu, const struct world_gi *gi);
const struct ci_profile *world_ci_profile(const struct world_gpu *gpu, const struct world_gi *gi,
					  const struct world_ci *ci);

/* Can this board be divided at all? */
bool world_gpu_has_mig(const struct world_gpu *gpu);

/*
 * Change MIG mode.
 *   ret_activation  SUCCESS: in force now; IN_USE: pending until a reset;
 *                   RESET_REQUIRED: pending until the VM reboots
 * NOT_SUPPORTED on boards without MIG.
 */
nvmlReturn_t world_set_mig(struct world_state *state, unsigned gpu, bool on,
			   nvmlReturn_t *ret_activation);

/*
 * Reset: pending mode takes effect, instances and volatile errors go.
 * IN_USE with processes, or held.
 */
nvmlReturn_t world_reset(struct world_state *state, unsigned gpu);

/*
 * The server reboots: processes, instances, holders and faults of the bus go;
 * MIG mode stays where the board keeps it (boards that need a reset to change
 * it), and there and in a VM a pending mode takes effect.
 */
void world_reboot(struct world_state *state);

/* The id of an instance that lies there; the map is a binary heap over the memory. */
unsigned world_gi_id(const struct world_gpu *gpu, unsigned start, unsigned size);

/*
 * Create a GPU instance.
 *   start  a unit, or WORLD_ANYWHERE
 * NOT_SUPPORTED MIG off; INVALID_ARGUMENT unknown profile or impossible start;
 * INSUFFICIENT_RESOURCES no room (also at the start asked for); IN_USE held.
 */
nvmlReturn_t world_gi_create(struct world_state *state, unsigned gpu, unsigned profile_id,
			     int start, unsigned *ret_gi);
/* NOT_FOUND; IN_USE: it has compute instances, lingers or is held. */
nvmlReturn_t world_gi_destroy(struct world_state *state, unsigned gpu, unsigned gi);

/* The same of compute instances; INSUFFICIENT_RESOURCES also when all 8 ids are taken. */
nvmlReturn_t world_ci_create(struct world_state *state, unsigned gpu, unsigned gi,
			     unsigned ci_profile_id, int start, unsigned *ret_ci);
/* NOT_FOUND; IN_USE: a process is on it, or it is held. */
nvmlReturn_t world_ci_destroy(struct world_state *state, unsigned gpu, unsigned gi, unsigned ci);

/* How many more of this fit now. */
unsigned world_gi_remaining(const struct world_gpu *gpu, const struct profile *profile);
unsigned world_ci_remaining(const struct world_gpu *gpu, const struct world_gi *gi,
			    const struct ci_profile *profile);

/* Where the driver would put one more; WORLD_ANYWHERE (-1) when there is no room. */
int world_gi_place(const struct world_state *state, const struct world_gpu *gpu,
		   const struct profile *profile);

/* The MIG devices of a GPU in the order of their index. false past the last. */
bool world_mig_device(const struct world_gpu *gpu, unsigned index, unsigned *ret_gi,
		      unsigned *ret_ci);
/* The index of a MIG device. */
unsigned world_mig_index(const struct world_gpu *gpu, unsigned gi, unsigned ci);

/*
 * "MIG-..." (41 bytes with the NUL) of an instance that exists: the same for
 * the same slot of the same board.
 */
void world_mig_uuid(const struct world_gpu *gpu, unsigned gi, unsigned ci, char *buf, size_t size);

/* "NVIDIA A100-SXM4-40GB MIG 1c.3g.20gb" */
void world_mig_name(const struct world_gpu *gpu, unsigned gi, unsigned ci, char *buf, size_t size);

/* ---- processes and memory ---- */

/* Who is running now, by pid and start time; zombies are not. */
bool world_process_lives(const struct world_process *process);
uint64_t world_start_time(uint32_t pid); /* 0: not known */

/*
 * A process takes a device; since_s and start_time are filled in when 0.
 * INVALID_ARGUMENT no such device; NOT_FOUND no such instance; GPU_IS_LOST;
 * NOT_SUPPORTED a whole GPU that is in MIG mode; MEMORY more than is left;
 * INSUFFICIENT_RESOURCES the world's table is full.
 */
nvmlReturn_t world_process_add(struct world_state *state, const struct world_process *process);
/*
 * Change memory and share of a pid's entry on that device. NOT_FOUND, MEMORY.
 * Adding a pid that has the device already does the same.
 */
nvmlReturn_t world_process_set(struct world_state *state, const struct world_process *process);
/* All entries of a pid; true when there were any. */
bool world_process_remove(struct world_state *state, uint32_t pid);

/*
 * Is there a process that no longer lives, on that GPU (WORLD_NONE: on any)?
 * Then world_reap() takes it away. Asking costs some microseconds a process.
 * Until then it counts as if it lived: with everybody who asks for memory,
 * load, or whether something is in use.
 */
bool world_has_dead(const struct world_state *state, uint32_t gpu);
void world_reap(struct world_state *state);

struct world_memory {
	uint64_t total_bytes, reserved_bytes, used_bytes; /* used: without reserved */
};

/* Of the whole GPU, or of a GPU instance (gi not WORLD_NONE). */
void world_memory(const struct world_state *state, unsigned gpu, uint32_t gi,
		  struct world_memory *ret);

/* ---- load, health ---- */

struct world_health {
	double busy;	    /* 0..1 of the whole GPU's compute */
	double memory_busy; /* 0..1 of its bandwidth */
	double temperature_c, memory_temperature_c;
	uint32_t power_mw, limit_mw, min_limit_mw, max_limit_mw;
	uint32_t clock_mhz[NVML_CLOCKS], max_clock_mhz[NVML_CLOCKS];
	uint64_t clock_reasons; /* enum nvml_clock_reason */
	double energy_mj;
	unsigned pstate;
};

/* Temperature, power and clocks follow the load of the whole GPU, temperature slowly. */
void world_health(const struct world_state *state, unsigned gpu, int64_t now_ns,
		  struct world_health *ret);

/* The load, 0..1, of the whole GPU, of a GI, or of a CI (relative to its own size). */
double world_busy(const struct world_state *state, unsigned gpu, uint32_t gi, uint32_t ci);

/* ---- events, errors, faults ---- */

/*
 * One more event; everybody who waits wakes at the commit. Changes of MIG mode
 * and instances, memory errors and lost GPUs raise theirs by themselves.
 */
void world_event(struct world_state *state, unsigned gpu, uint64_t type, uint64_t data, uint32_t gi,
		 uint32_t ci);
void world_system_event(struct world_state *state, unsigned gpu, uint64_t type);

/* The event with that number; NULL when it is not yet or no longer there. */
const struct world_event *world_event_at(const struct world_state *state, uint64_t number);

/*
 * Memory errors: counters, events, and for uncorrected ones a row to remap
 * (pending until the next reset).
 */
void world_ecc(struct world_state *state, unsigned gpu, uint64_t corrected, uint64_t uncorrected);

/*
 * Arm a fault; its id, seen and struck are set here. chance 0 means 1, until_ns
 * 0 means WORLD_FOREVER; a lost GPU comes back by world_fault_clear() or
 * world_reboot() only.
 *   ret_id  may be NULL
 * Returns INVALID_ARGUMENT for a GPU that is not there and for nonsense,
 * INSUFFICIENT_RESOURCES when all slots are taken.
 */
nvmlReturn_t world_fault_add(struct world_state *state, const struct world_fault *fault,
			     uint32_t *ret_id);
/* id 0: all. false when there was none. Lost GPUs are back when their last fault is gone. */
bool world_fault_clear(struct world_state *state, uint32_t id);

/*
 * A call is made: count it, and tell the fault that strikes it.
 *   call  "nvmlDeviceGetCount_v2"
 *   gpu   the GPU it is about; WORLD_NONE: none
 * Returns NULL when it may go on.
 */
const struct world_fault *world_fault_strike(struct world_state *state, const char *call,
					     uint32_t gpu);

/*
 * Does some holder without a process keep the GPU (gi WORLD_NONE: any part of
 * it)? Who holds the whole GPU holds every part.
 */
bool world_is_held(const struct world_state *state, unsigned gpu, uint32_t gi);

/* ---- how long it takes ---- */

enum world_work {
	WORLD_WORK_GI_CREATE,
	WORLD_WORK_GI_DESTROY,
	WORLD_WORK_CI_CREATE,
	WORLD_WORK_CI_DESTROY,
	WORLD_WORK_SET_MIG,
	WORLD_WORK_RESET,
};

/*
 * How long the driver works on this, in ns, with the world's factor and its
 * slow faults. slices: compute slices of the GPU instance (not for the last two).
 */
int64_t world_latency_ns(const struct world_state *state, unsigned gpu, enum world_work work,
			 unsigned slices);

/*
 * Sleep through that work. The driver of a GPU does one thing at a time: work
 * that begins while other work lasts begins after it. Holds no lock meanwhile.
 */
void world_work(struct world *world, unsigned gpu, enum world_work work, unsigned slices);
