/*
 * board.h - what boards can do
 *
 * A board is a GPU model. Its table says which GPU-instance profiles NVIDIA's
 * driver offers on it, where each may start, and how each divides into compute
 * instances. The table is generated at build time from data/boards.json, never
 * changes while a program runs, and every row tells how sure it is and where
 * it was seen. What a live GPU answers outranks what stands here.
 *
 * Words: a compute slice is a seventh (a quarter on A30) of the SMs; a unit is
 * the grain in which NVML reports placements (8 to a GPU on A100, H100, H200;
 * 4 on A30; 12 on RTX PRO 6000). Starts and sizes are units, never bytes.
 *
 * Unknown is not zero: a field with a has_ twin holds nothing when that is
 * false. `suggested_*` are for the simulator only and are not hardware figures.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum confidence { CONFIDENCE_DERIVED, CONFIDENCE_OBSERVED, CONFIDENCE_DOCUMENTED };

const char *confidence_name(enum confidence confidence);

struct engines {
	uint8_t copy, decoders, encoders, jpeg, ofa;
};

/* One way to cut a GPU instance of a given profile into compute instances. */
struct ci_profile {
	const char *name;	/* "1c.3g.20gb"; the whole instance has the GI's name */
	uint8_t constant;	/* NVML_COMPUTE_INSTANCE_PROFILE_* */
	uint8_t id;		/* profile id to create it by */
	uint8_t slices;		/* compute slices */
	uint8_t max_instances;
	uint8_t starts;		/* bit s: may start at compute slice s of the instance */
	bool whole;		/* takes the whole GPU instance */
	bool has_sm;
	uint16_t sm;		/* streaming multiprocessors, when has_sm */
	struct engines engines;	/* shared with the other compute instances */
	enum confidence confidence;
	const char *source;
};

enum profile_flags {
	PROFILE_ME = 1 << 0,	 /* "+me": the media engines, once per GPU */
	PROFILE_ME_ALL = 1 << 1, /* "+me.all": all media engines; the others must be -me */
	PROFILE_NO_ME = 1 << 2,	 /* "-me" */
	PROFILE_GFX = 1 << 3,	 /* "+gfx": graphics APIs */
	PROFILE_DOUBLE = 1 << 4, /* more memory than its compute slices would bring */
	PROFILE_P2P = 1 << 5,
};

struct profile {
	const char *name;	/* "2g.20gb" */
	uint8_t constant;	/* NVML_GPU_INSTANCE_PROFILE_* (argument of profile queries) */
	uint8_t id;		/* profile id (argument of creation; what -lgip prints) */
	uint8_t compute_slices;
	uint8_t memory_slices;	/* eighths (A30, RTX PRO: quarters) of the memory */
	uint8_t size;		/* units a placement covers */
	uint8_t max_instances;	/* on an otherwise empty GPU */
	uint8_t flags;		/* enum profile_flags */
	uint16_t starts;	/* bit u: may start at unit u */
	bool has_sm, has_memory;
	uint16_t sm;		/* when has_sm */
	uint32_t memory_mib;	/* when has_memory */
	uint16_t suggested_sm;	/* simulator only; 0 when there is none */
	uint32_t suggested_memory_mib;
	struct engines engines;
	enum confidence confidence;
	const char *source;
	const char *requires_driver; /* "R525", or NULL */
	const struct ci_profile *cis;
	size_t n_cis;
};

struct board {
	const char *id;		  /* "a100-sxm4-80gb" */
	const char *product;	  /* "NVIDIA A100-SXM4-80GB", as NVML names it */
	const char *architecture; /* "Ampere", "Hopper", "Blackwell" */
	uint8_t cc_major, cc_minor;
	const uint16_t *pci_device_ids; /* NVIDIA's vendor id is 0x10de */
	size_t n_pci_device_ids;
	uint8_t compute_slices, memory_slices, units, max_instances;
	bool has_memory, has_sm, has_power, has_bar1;
	uint32_t memory_mib; /* the whole GPU as NVML reports it */
	uint16_t sm;
	uint16_t max_power_w;
	uint32_t bar1_mib;
	bool resetless_mig;	/* MIG mode changes without a GPU reset (Hopper and later) */
	const char *min_driver; /* or NULL */
	enum confidence confidence; /* the weakest of its base profiles */
	const struct profile *profiles;
	size_t n_profiles;
};

extern const struct board *const boards; /* ordered as in data/boards.json */
extern const size_t n_boards;

/* The board with that id, exactly; NULL when there is none. */
const struct board *board_by_id(const char *id);

/*
 * The board a live GPU is: by NVML's name for it, else by PCI device id (the
 * table has each id once) when the memory is within 4% of the board's. Not
 * known is product NULL, memory_mib 0, or a board without has_memory; then it
 * is not compared. NULL when nothing fits.
 */
const struct board *board_identify(const char *product, uint16_t pci_device_id,
				   uint32_t memory_mib);

/* At most max board ids, for "did you mean"; returns how many were written. */
size_t board_ids(const char **ret, size_t max);

/* NULL when the board has no such profile. */
const struct profile *board_profile_by_id(const struct board *board, unsigned profile_id);
const struct profile *board_profile_by_constant(const struct board *board, unsigned constant);

/*
 * By name: "2g.20gb", also "MIG 2g.20gb", and shape alone ("2g", "1g+me") when
 * only one profile of the board has it, plain before double-memory. NULL when
 * none or several.
 */
const struct profile *board_profile_by_name(const struct board *board, const char *name);

/* The compute-instance profile that takes the whole GPU instance. */
const struct ci_profile *profile_whole_ci(const struct profile *profile);
const struct ci_profile *profile_ci_by_id(const struct profile *profile, unsigned ci_profile_id);

/* What the simulator shows: the hardware figure, else the suggested one, else 0. */
uint32_t profile_sim_memory_mib(const struct profile *profile);
uint16_t profile_sim_sm(const struct profile *profile);

/* Index of a profile in its board's table. */
static inline unsigned profile_index(const struct board *board, const struct profile *profile)
{
	return (unsigned)(profile - board->profiles);
}

/* "GPU-" and 32 hexadecimal digits in groups of 8-4-4-4-12, as NVML names GPUs. */
bool is_gpu_uuid(const char *s);
