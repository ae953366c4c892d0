/*
 * holders.h - the live processes that keep GPUs from being taken away
 *
 * They are found in the world's state and are real processes of this machine,
 * which may end or be followed by another with the same number at any moment:
 * whoever is killed is held by a pidfd first and looked at again.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "sim/world.h"

#define HOLDERS_EVERY_GPU (-1)

/*
 * Refuse while live processes are on a GPU (or on any).
 *   what  what they keep us from: "the world"
 *   err   BUSY, naming the first of them
 */
int holders_refuse(struct world *world, int gpu, const char *what, struct err *err);

/*
 * SIGKILL them and wait until they are gone.
 *   err  DENIED: another user's; TIMEOUT: one does not die; NOMEM, IO
 */
int holders_kill(struct world *world, int gpu, struct err *err);

/* One of the two. */
int holders_clear(struct world *world, int gpu, bool force, const char *what, struct err *err);
