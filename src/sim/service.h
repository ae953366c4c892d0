/*
 * service.h - an inference service with a queue, in virtual time
 *
 * Requests arrive in groups of `burst` at random times (Poisson), wait in one
 * queue, and are served in batches: when the device is free it takes what
 * waits, up to `batch`, and is busy for the time that such a batch takes. The
 * caller moves time forward; the module never sleeps and asks no clock. The
 * same seed gives the same requests and the same figures.
 *
 * Latency is from arrival to the end of the batch, kept in a histogram whose
 * buckets are 2.2% wide. Times are seconds since the service began.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "sim/model.h"

#define SERVICE_BUCKETS	  1280
#define SERVICE_MAX_QUEUE 1000000 /* more waiting than this: requests are turned away */

struct service {
	struct model_run run;
	unsigned batch, burst;
	double rate; /* requests a second */
	uint64_t random;
	double next_arrival_s, free_at_s, busy_s;
	double *waiting; /* a ring: when each waiting request arrived */
	size_t first, n, cap;
	uint64_t n_arrived, n_served, n_turned_away, n_batches;
	double sum_latency_s, max_latency_s;
	uint64_t buckets[SERVICE_BUCKETS];
};

/* rate > 0; batch 1..model_max_batch(run); burst at least 1. Owns nothing until it runs. */
void service_init(struct service *service, const struct model_run *run, double rate, unsigned batch,
		  unsigned burst, uint64_t seed);
void service_done(struct service *service);

/* Everything that happens up to a time. err: NOMEM */
int service_advance(struct service *service, double until_s, struct err *err);

/* Latency that a share of the served requests did not exceed; 0 when none was served. */
double service_percentile_s(const struct service *service, double share);
