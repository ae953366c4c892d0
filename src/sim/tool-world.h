/*
 * tool-world.h - the world that a command of carve-sim works on
 *
 * Opening it, the words that name its GPUs, and what its rules answer as an
 * error a person can read. Only for the tool: the stand-in library has handles
 * and NVML's codes instead.
 */
#pragma once

#include "base/cleanup.h"
#include "base/err.h"
#include "sim/place.h"
#include "sim/world.h"

DEFINE_CLEANUP(world_close, struct world *);

/* err: NOT_FOUND (with what would help) and the others of world_open() */
int tool_world_exists(const struct place *place, struct err *err);

/*
 * Find and open.
 *   dir        of --dir; NULL: the default
 *   ret_place  may be NULL
 *   err        as above
 */
int tool_world_open(const char *dir, struct place *ret_place, struct world **ret, struct err *err);

/*
 * A copy of the state to look at in peace, freed with free(). Processes that
 * have died are taken out of the world first.
 *   err  NOMEM
 */
int tool_world_copy(struct world *world, struct world_state **ret, struct err *err);

/*
 * A GPU by its index, its UUID (or the beginning of one) or its PCI address.
 *   err  NOT_FOUND; INVALID when several UUIDs begin so
 */
int tool_gpu(const struct world_state *state, const char *word, unsigned *ret, struct err *err);

/*
 * Turn what a rule of the world answered into an error; 0 for NVML_SUCCESS.
 *   format  the object and what was tried: "GPU 0: reset"
 */
int tool_code(nvmlReturn_t code, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* "In use by another client" */
const char *tool_code_text(nvmlReturn_t code);
