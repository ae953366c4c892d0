/*
 * serve.h - the fewest GPUs for inference services with rates
 *
 * A service must answer so many requests a second; an instance of each profile
 * answers so many of them within the service's latency. The answer is how many
 * instances of which profile each service gets, so that the GPUs are fewest.
 *
 * A way to serve is a number of instances of each profile, just enough for the
 * rate. What it needs of each facet (geometry/size.h) is all that counts; of two
 * ways the one that needs no more of any is enough. Prices on the facets bound
 * what any way must cost, so for a given number of GPUs few ways remain, and
 * joining the services one by one finds whether some ways fit together. The
 * least number of GPUs is the first for which they do.
 *
 * Rates are thousandths of a request a second, so that sums are exact.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "facts/board.h"
#include "geometry/size.h"

#define SERVE_MAX_SERVICES 64

struct serve_service {
	uint64_t rate_milli; /* asked for; below 2^40 */
	uint64_t
		each_milli[SIZE_MAX_PROFILES]; /* by one instance of a profile; 0: none may serve */
};

struct serve_answer {
	uint64_t n_gpus;
	bool proven;	/* fewer would not do */
	double relaxed; /* if instances could be divided, at least so many GPUs */
	uint32_t instances[SERVE_MAX_SERVICES][SIZE_MAX_PROFILES];
	uint32_t wanted[SIZE_MAX_PROFILES]; /* all services together */
};

/*
 *   err  IMPOSSIBLE a service that no profile can serve, "service 3: ..."; UNSUPPORTED
 *        no form holds for the board or a profile; TOO_LARGE; NOMEM
 */
int serve_solve(const struct board *board, const struct serve_service *services, size_t n,
		struct serve_answer *ret, struct err *err);
