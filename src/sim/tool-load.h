/*
 * tool-load.h - this process as a load on a device
 *
 *	load_block_signals();
 *	load_begin(&load, world, name, &exit_status, err);	it is seen by every client
 *	signal = load_wait_until(deadline_ns);
 *	load_end(world);					its memory is free
 *	load_die_of(signal);
 *
 * Between begin and end the signals that end a program are blocked and waited
 * for, so that the entry is taken back before the process dies of one. A load
 * that is killed is taken back by whoever looks next.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "sim/tool-device.h"

#define LOAD_EXIT_MEMORY 20 /* more than the device has left */
#define LOAD_EXIT_DEVICE 21 /* no such device, or no access to it */

struct load {
	struct tool_device device;
	uint64_t memory_bytes;
	double busy; /* 0..1 */
};

/* SIGTERM, SIGINT, SIGHUP, and SIGCHLD for load_wait_for_child(). */
void load_block_signals(void);

/* Sleep until then (monotonic clock, ns; WORLD_FOREVER); the signal that came first, or 0. */
int load_wait_until(int64_t deadline_ns);

/* The same until a child ends. */
int load_wait_for_child(void);

/* End as that signal ends a program; returns when it is 0. */
void load_die_of(int signal);

/*
 * Take the device; change how much of it.
 *   name     what clients call the process; NULL: what the kernel calls it
 *   ret_exit out, on failure: LOAD_EXIT_MEMORY or LOAD_EXIT_DEVICE
 */
int load_begin(const struct load *load, struct world *world, const char *name, int *ret_exit,
	       struct err *err);
int load_change(const struct load *load, struct world *world, int *ret_exit, struct err *err);

/* Leave the world. */
void load_end(struct world *world);
