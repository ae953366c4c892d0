/*
 * wish.h - the layout that is wanted for a server
 *
 * For each GPU a wish says nothing, or MIG mode and the instances that are
 * wanted, each at a certain start or wherever it fits best. GPUs are numbered as in
 * the server they were wished for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "geometry/layout.h"

struct wish_item {
	const struct profile *profile;
	bool has_start; /* else anywhere */
	uint8_t start;
};

struct wish_gpu {
	bool given; /* false: as it is, whatever it is */
	bool mig;   /* MIG mode; off has no instances */
	size_t n;
	struct wish_item at[LAYOUT_MAX];
};
