/*
 * pace.h - how long the driver takes to make and remove an instance
 *
 * One figure is for a GPU instance together with the compute instance that
 * fills it, through NVML and without anybody in the way. One GPU does one thing
 * at a time; several GPUs work side by side. There are figures for A30, A100
 * and H100 only; other boards are taken to be as slow as H100, and `measured`
 * tells. Mode changes and resets have no public figure and are not here.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "facts/board.h"

struct pace {
	uint16_t create_ms, destroy_ms;
	bool measured; /* on this family of boards */
	const char *source;
};

/* By the compute slices of the instance. */
struct pace board_pace(const struct board *board, unsigned compute_slices);
struct pace profile_pace(const struct board *board, const struct profile *profile);
