/*
 * fleet.h - many GPUs of one board, and where the next instance goes
 *
 * GPUs are kept in one bucket per state (rule.h), so a decision looks at the
 * states that occur, at most a few hundred, however many GPUs there are.
 * An instance carries a number of its owner's, its spot.
 *
 * Pure: a fleet is a picture of GPUs, not the GPUs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "planner/index-set.h"
#include "planner/rule.h"

#define FLEET_MAX_GPUS INDEX_SET_MAX

struct fleet_place {
	uint32_t gpu;
	uint8_t profile; /* index into board->profiles */
	uint8_t start;
};

struct fleet;

/* rules must outlive the fleet. n_gpus is 1..FLEET_MAX_GPUS. NULL when memory runs out. */
struct fleet *fleet_new(const struct rules *rules, uint32_t n_gpus);
void fleet_free(struct fleet *fleet);

static inline void cleanup_fleet_free(struct fleet **fleet)
{
	fleet_free(*fleet);
}

uint32_t fleet_n_gpus(const struct fleet *fleet);
uint32_t fleet_n_used(const struct fleet *fleet); /* GPUs that are not empty */
const struct layout *fleet_layout(const struct fleet *fleet, uint32_t gpu);

/* How many of each profile run, by index into board->profiles. */
const uint32_t *fleet_running(const struct fleet *fleet);

/*
 * Where one more of the profile goes. Changes nothing but the pointer of RULE_RR,
 * which moves behind the GPU that is found.
 * Returns false when there is no room.
 */
bool fleet_find(struct fleet *fleet, enum rule rule, unsigned profile, struct fleet_place *ret);

/*
 * Put one there, or take it away; it must fit, or be there. The spot is the
 * caller's number for it.
 */
void fleet_take(struct fleet *fleet, const struct fleet_place *place, uint32_t spot);
void fleet_give(struct fleet *fleet, const struct fleet_place *place);

/* Who is at this place; something must be. */
uint32_t fleet_spot(const struct fleet *fleet, uint32_t gpu, unsigned start);
