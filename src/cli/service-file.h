/*
 * service-file.h - inference services and what was measured of their models
 *
 * Two tables in CSV. Services: service, model, rate (requests a second) and
 * latency_ms (the goal). Measurements: model, profile, rate (of one instance,
 * all its processes together) and latency_ms; one line an operating point.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "facts/board.h"
#include "planner/serve.h"

#define SERVICE_NAME 48

struct service_file {
	size_t n;
	struct {
		char name[SERVICE_NAME], model[SERVICE_NAME];
		double latency_ms;
	} at[SERVE_MAX_SERVICES];
	struct serve_service services[SERVE_MAX_SERVICES]; /* each_milli only with measurements */
};

/* err: INVALID, TOO_LARGE "FILE:LINE: ..."; also the errors of csv_each() */
int service_file_load(const char *path, struct service_file *ret, struct err *err);

/*
 * For each service the best rate of each profile of the board, over the points
 * with less than `share` of its latency.
 *   err  NOT_FOUND a model without measurements, a profile that the board does not have;
 *        IMPOSSIBLE a service that no point is fast enough for; also the errors of csv_each()
 */
int service_file_measure(struct service_file *file, const char *path, const struct board *board,
			 double share, struct err *err);
