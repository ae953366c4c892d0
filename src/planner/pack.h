/*
 * pack.h - a layout for each GPU of the fewest that hold a demand
 *
 * The closed form (geometry/size.h) says how few GPUs do, and by that also
 * which layout may come next: one after which the rest still fits on the GPUs
 * that are left. There always is one, so the layouts are found without search,
 * in groups of equal ones: a handful, however large the demand.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "geometry/layout.h"
#include "geometry/size.h"

struct pack_group {
	uint64_t n;
	struct layout layout;
};

/* Why one GPU fewer cannot do. */
struct pack_bound {
	enum facet facet;
	uint64_t needed;  /* of it by the demand */
	unsigned per_gpu; /* of it on one GPU */
};

struct pack {
	uint64_t n_gpus;
	struct pack_bound bound;
	struct pack_group *groups;
	size_t n, cap;
};

void pack_done(struct pack *pack);

static inline void cleanup_pack_done(struct pack *pack)
{
	pack_done(pack);
}

/*
 *   wanted  instances of each profile, by its index in board->profiles
 *   ret     out: holds exactly what is wanted, GPUs full first
 *   err     UNSUPPORTED the form does not hold for the board or a profile; NOMEM
 */
int pack_demand(const struct board *board, const uint32_t *wanted, struct pack *ret,
		struct err *err);
