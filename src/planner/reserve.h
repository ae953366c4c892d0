/*
 * reserve.h - which units a new lease must leave free for what is reserved
 *
 * Pure. Whoever asks for a lease is shown the GPUs with the units blocked that
 * others have reserved for the time in which it would run. Those are found by
 * placing what is reserved on the GPUs as they will be when it begins: what
 * ends before is gone, what is free may be taken or removed.
 */
#pragma once

#include "planner/choose.h"

#define RESERVE_MAX 128 /* needs of one question */

/* So many places of a class from a time to a time. */
struct reserve_need {
	const struct policy_class *class_;
	unsigned count;
	int64_t begins_s, ends_s;
};

/*
 * Add to gpus[].blocked what the needs take; needs in the order in which they begin, at most
 * RESERVE_MAX. One that is on now takes its places now. Needs that overlap take different
 * places.
 *   ret_short  out: for each need how many of its places there are not; may be NULL
 */
void reserve_block(struct choose_gpu *gpus, size_t n, const struct reserve_need *needs,
		   size_t n_needs, int64_t now_s, unsigned *ret_short);
