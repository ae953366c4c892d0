/*
 * load-model.h - an inference service as a load: model.h and service.h in real time
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/service.h"
#include "sim/tool-load.h"

struct model_wish {
	const char *model, *figures; /* figures: id of the board whose to take; NULL: its own */
	double rate;		     /* requests a second */
	int64_t batch, burst, for_s;
	bool quiet;
};

/*
 * Prepare the service for a device.
 *   err  NOT_FOUND: nobody measured that; UNSUPPORTED: the device is no whole
 *        GPU instance, which is what was measured; INVALID: batch too large
 */
int load_model_find(const struct model_wish *wish, struct world *world,
		    const struct tool_device *device, struct service *ret, struct err *err);

/* Serve until the end or a signal, then report; ends the service. */
int load_model_serve(const struct model_wish *wish, struct service *service, struct world *world,
		     struct load *load, int *ret_signal, struct err *err);
