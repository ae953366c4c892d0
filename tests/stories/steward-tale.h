/*
 * steward-tale.h - one story with everything a steward does in it
 *
 * Two A30 (four slices each). Leases on new instances, on one kept warm and on
 * one made by removing a free one; a lease that ends while a process still
 * runs, one that ends with its holder, one by its time; a queue served by a
 * release and shortened by a policy; an instance that vanishes and is made
 * again.
 *
 * Nothing is asserted on the way, since anything may be made to fail; told
 * undisturbed, it comes to the same end each time (tale_was_told).
 */
#pragma once

#include "steward-host.h"

#define TALE_BOARDS                                                                                \
	{                                                                                          \
		"a30-24gb", "a30-24gb"                                                             \
	}
#define TALE_SLEEPERS 2 /* to be made before it is told */

extern const char tale_policy[];

/* rest: what happens between two scenes; host_settle() unless the ledger is broken on purpose. */
void tale_tell(struct host *host, void (*rest)(struct host *host));

/* Was every scene played? Fails the test if not. */
void tale_was_told(struct host *host);

/* Does a server work: a lease is asked for, served and given back. Fails the test if not. */
void tale_works(struct host *host);
