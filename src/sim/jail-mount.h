/*
 * jail-mount.h - the mounts of a view
 *
 * Works inside a mount namespace of our own and changes nothing outside it.
 * A part that cannot be made is left out and said in `missing`, one line each;
 * the others are made all the same.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/text.h"
#include "sim/jail-view.h"

#define JAIL_MARK "/proc/driver/carve-sim" /* in a view: holds the folder of the world */

struct jail_mount {
	const char *dir; /* of the world */
	bool nodes;	 /* mknod works: real device nodes */
	bool links;	 /* /proc is a farm of links to DIR/view/proc */
	unsigned caps_major, uvm_major;
	unsigned last_pid, rounds; /* with links: pids up to here have one */
	struct view shown;	   /* what the tree shows now */
	struct text *missing;	   /* borrowed */
};

/* Make everything. */
int jail_mount_make(struct jail_mount *mount, const struct view *view, struct err *err);

/* Follow a change: capability files and, without device nodes, their stand-ins. */
void jail_mount_follow(struct jail_mount *mount, const struct view *view);

/* With links: give new processes theirs and drop those of the dead. */
void jail_mount_follow_pids(struct jail_mount *mount);
