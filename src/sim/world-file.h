/*
 * world-file.h - what a world is to be made of
 *
 * A plan is the checked content of a world file, of the list of boards on the
 * command line, or of both: boards with their identities, instances to create,
 * processes to play and faults to arm. Making a plan touches no world; that
 * what it asks for fits is left to the simulated driver, which is the judge.
 *
 * The format is in carve-sim(1). Every mistake has its line and column.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "facts/board.h"

#define PLAN_MAX_GPUS	   16
#define PLAN_MAX_INSTANCES 15
#define PLAN_MAX_CIS	   8
#define PLAN_MAX_PROCESSES 1024
#define PLAN_MAX_FAULTS	   64
#define PLAN_MAX_LINGER_MS 60000

struct plan_instance {
	const struct profile *profile;
	bool has_start;
	uint8_t start;
	uint8_t n_cis; /* 0: no compute instance */
	const struct ci_profile *cis[PLAN_MAX_CIS];
};

/* Texts are "" when they are to be made up from the seed. */
struct plan_gpu {
	const struct board *board;
	char name[64];
	char uuid[64];
	char serial[30];
	bool has_pci;
	uint32_t domain;
	uint8_t bus, device;
	bool has_numa, has_minor;
	int8_t numa;
	uint8_t minor;
	bool mig, flip, passthrough;
	size_t n_instances;
	struct plan_instance instances[PLAN_MAX_INSTANCES];
};

struct plan_process {
	char name[16];
	uint8_t gpu;
	bool has_instance;
	uint8_t instance, compute; /* of the GPU's list, of the instance's list */
	int64_t at_s, for_s;
	uint64_t memory_bytes;
	double busy;
};

enum plan_fault_kind { FAULT_CALL, FAULT_XID, FAULT_ECC, FAULT_LOST, FAULT_BUSY, FAULT_SLOW };

struct plan_fault {
	enum plan_fault_kind kind;
	bool has_gpu, has_gi, has_ci;
	uint8_t gpu, gi, ci;
	/* FAULT_CALL */
	char call[64];
	bool has_fail, kill, wrong, after; /* after: the call does its work first */
	int fail; /* nvmlReturn_t */
	int64_t hang_s, skip, times;
	double chance; /* 1: always */
	/* the others */
	int64_t xid, corrected, uncorrected, for_s;
	double factor;
};

struct world_plan {
	char driver[32];
	bool has_seed, has_latency, fixed_order;
	int64_t seed, linger_ms;
	double latency;
	size_t n_gpus, n_processes, n_faults;
	struct plan_gpu gpus[PLAN_MAX_GPUS];
	struct plan_fault faults[PLAN_MAX_FAULTS];
	struct plan_process processes[PLAN_MAX_PROCESSES];
};

/* NULL when memory ran out; freed with free(). */
struct world_plan *plan_new(void);

/*
 * Add the boards of a list: "a100-sxm4-80gb:2,h100-sxm5-80gb".
 *   err  INVALID (with "did you mean"), TOO_LARGE
 */
int plan_add_boards(struct world_plan *plan, const char *list, struct err *err);

/* Add what a world file says; name is what messages call it. */
int plan_parse(struct world_plan *plan, const char *bytes, size_t len, const char *name,
	       struct err *err);
int plan_load(struct world_plan *plan, const char *path, struct err *err);

/* "0000:c1:00.0", domain of 4 or 8 digits, function 0. */
bool plan_parse_pci(const char *s, uint32_t *ret_domain, uint8_t *ret_bus, uint8_t *ret_device);

/* "550.163.01" */
bool plan_is_driver_version(const char *s);

/* A board by its id, NULL with "did you mean" in err. */
const struct board *plan_board(const char *id, struct err *err);
