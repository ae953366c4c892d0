/*
 * nvml-profile.h - profiles and placements as NVML shows them
 */
#pragma once

#include "facts/board.h"
#include "sim/nvml-part.h"

/* Initialisers of the five engine counts that many structs of NVML have. */
#define ENGINES(of)                                                                                \
	.copy_engines = (of).copy, .decoders = (of).decoders, .encoders = (of).encoders,           \
	.jpeg = (of).jpeg, .ofa = (of).ofa

/* Where the board's table has no figure of its own: its share of the GPU instance. */
unsigned ci_multiprocessors(const struct profile *profile, const struct ci_profile *part);

/*
 * The allowed places, as starts (bit s) of things of that size. Without an
 * array the count alone.
 */
nvmlReturn_t give_placements(unsigned starts, unsigned size, struct nvml_placement *array,
			     unsigned *count);
