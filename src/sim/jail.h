/*
 * jail.h - a file system that agrees with the world
 *
 * Commands that carve-sim runs get a mount namespace in which /dev, /proc and
 * /sys show the boards of the world. The namespace belongs to a keeper, a small
 * process of the user who asked first: it makes the mounts once, follows the
 * world (instances appear and vanish below /proc/driver/nvidia/capabilities)
 * and lives until the world is taken down. Everybody else of that user joins
 * it, so a permission changed on a device node is seen by all of them.
 *
 * As root the nodes are real character devices with majors that no driver of
 * this kernel has. An ordinary user gets a user namespace with only himself in
 * it, and nodes that are /dev/null underneath. Where neither is allowed nothing
 * is changed.
 *
 * Records: DIR/views/UID holds the keeper's pid and start time, zeros when the
 * system allowed none.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/text.h"
#include "sim/jail-view.h"

/*
 * Take the calling process (which must have one thread) into the view of the
 * world, making it when there is none. The working directory stays.
 *
 *   dir          folder of the world, absolute
 *   ret_missing  out: what could not be made, one reason a line; told to each
 *                user once, "" for nothing
 *   err          IO, NOMEM; where the system does not allow a view at all that
 *                is not an error: it returns 0 and ret_missing tells
 */
int jail_enter(const char *dir, struct text *ret_missing, struct err *err);

/* Is this process in the view of that world? */
bool jail_inside(const char *dir);

/* Is this process in the view of any world? Then device nodes can be believed. */
bool jail_inside_any(void);

/* End the keepers of a world that this user may end. Processes in the view keep it. */
void jail_end(const char *dir);

/*
 * The keeper's life. It is this program started anew with JAIL_KEEP_COMMAND
 * (not for people) and a pipe to the one who asked as file 3.
 *
 *   look  fill in the view; false when the world is gone
 *   wait  return when the world may have changed, after at most a second
 */
#define JAIL_KEEP_COMMAND "keep-view"

struct jail_world {
	bool (*look)(struct view *ret, void *arg);
	void (*wait)(void *arg);
	void *arg;
};

void jail_keep(const char *dir, const struct jail_world *world);
