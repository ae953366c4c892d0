/*
 * plan-world.h - a plan becomes a world
 *
 * What a plan asks for is done by the rules of the simulated driver, which may
 * say no; then the state is half built and of no use.
 */
#pragma once

#include "base/err.h"
#include "sim/world-file.h"
#include "sim/world.h"

/* The texts in ret are the plan's. Latency, seed and driver have their defaults. */
void plan_spec(const struct world_plan *plan, struct world_spec *ret);

/* Which ids the instances of a plan have got. */
struct plan_ids {
	uint8_t gi[PLAN_MAX_GPUS][PLAN_MAX_INSTANCES];
	uint8_t ci[PLAN_MAX_GPUS][PLAN_MAX_INSTANCES][PLAN_MAX_CIS];
};

/*
 * Create the instances.
 *   ret_ids  may be NULL
 *   err      NO_ROOM, INVALID, DRIVER: the GPU, the instance and why
 */
int plan_build(const struct world_plan *plan, struct world_state *state, struct plan_ids *ret_ids,
	       struct err *err);

/*
 * Arm a fault, or let happen what happens once (XID, memory errors).
 *   ret_id  out: to clear it by; 0 for what happens once
 *   err     NOT_FOUND: no such GPU; NO_ROOM: too many faults
 */
int plan_fault_arm(const struct plan_fault *fault, struct world_state *state, uint32_t *ret_id,
		   struct err *err);
