/*
 * place.h - where a world lives
 *
 * A world is a folder: the state file, lib/ and bin/ for the search paths of
 * its commands, views/ for the records of jail.h, view/ to mount on. The
 * stand-in library and its nvidia-smi lie beside this program in a build tree,
 * else in LIBDIR/carve-sim; they are linked into the folder, never copied, so
 * that a world gives its commands these files and nothing else. A folder that
 * holds anything else is not made a world and not emptied.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"

struct place {
	char dir[PATH_MAX / 2]; /* absolute */
};

/*
 * The folder: dir if given, else world_default_dir(). It need not exist.
 */
int place_find(const char *dir, struct place *ret, struct err *err);

/*
 * Make the folder and what lies in it besides the state.
 *
 *   driver  version for the file name of the library
 *   err     NOT_FOUND: the library is not where it should be; INVALID: the
 *           folder holds something else; DENIED, IO
 */
int place_make(const struct place *place, const char *driver, struct err *err);

/* Was it made by place_make()? */
bool place_is_ours(const struct place *place);

/*
 * Take away everything place_make() made, what is left of a world, and the
 * folder when nothing else is in it. Another folder is left alone.
 */
void place_remove(const struct place *place);

/* CARVE_SIM, LD_LIBRARY_PATH and PATH of this process become those of the world. */
int place_enter(const struct place *place, struct err *err);
