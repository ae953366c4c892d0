#include "sim/service.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS_PER_OCTAVE 32
#define SHORTEST_S	   1e-6

/* splitmix64, by Sebastiano Vigna's description: short, and good enough for arrivals. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* The time to the next group of arrivals: exponential. */
static double next_gap_s(struct service *service)
{
	double share = ((double)(random_next(&service->random) >> 11) + 0.5) / 9007199254740992.0;

	return -log(share) * service->burst / service->rate;
}

void service_init(struct service *service, const struct model_run *run, double rate, unsigned batch,
		  unsigned burst, uint64_t seed)
{
	*service = (struct service){
		.run = *run,
		.batch = batch,
		.burst = burst,
		.rate = rate,
		.random = seed,
	};
	service->next_arrival_s = next_gap_s(service);
}

void service_done(struct service *service)
{
	free(service->waiting);
	service->waiting = NULL;
}

static int queue_grow(struct service *service)
{
	size_t cap = service->cap ? service->cap * 2 : 256;
	double *more = calloc(cap, sizeof(*more));

	if (!more)
		return -1;
	for (size_t i = 0; i < service->n; i++)
		more[i] = service->waiting[(service->first + i) % service->cap];
	free(service->waiting);
	service->waiting = more;
	service->cap = cap;
	service->first = 0;
	return 0;
}

static int arrive(struct service *service, struct err *err)
{
	for (unsigned i = 0; i < service->burst; i++) {
		service->n_arrived++;
		if (service->n >= SERVICE_MAX_QUEUE) {
			service->n_turned_away++;
			continue;
		}
		if (service->n == service->cap && queue_grow(service))
			return fail(err, ERR_NOMEM, "no memory for the queue");
		service->waiting[(service->first + service->n++) % service->cap] =
			service->next_arrival_s;
	}
	service->next_arrival_s += next_gap_s(service);
	return 0;
}

static size_t bucket_of(double latency_s)
{
	double octaves = latency_s > SHORTEST_S ? log2(latency_s / SHORTEST_S) : 0;
	size_t i = (size_t)(octaves * BUCKETS_PER_OCTAVE);

	return i < SERVICE_BUCKETS ? i : SERVICE_BUCKETS - 1;
}

static void served(struct service *service, double latency_s)
{
	service->n_served++;
	service->sum_latency_s += latency_s;
	if (latency_s > service->max_latency_s)
		service->max_latency_s = latency_s;
	service->buckets[bucket_of(latency_s)]++;
}

/* Take what waits at the moment the device becomes free. */
static void serve(struct service *service, double at_s)
{
	unsigned n = service->n < service->batch ? (unsigned)service->n : service->batch;
	double takes_s = model_batch_s(&service->run, n);

	for (unsigned i = 0; i < n; i++)
		served(service,
		       at_s + takes_s - service->waiting[(service->first + i) % service->cap]);
	service->first = (service->first + n) % service->cap;
	service->n -= n;
	service->free_at_s = at_s + takes_s;
	service->busy_s += takes_s;
	service->n_batches++;
}

int service_advance(struct service *service, double until_s, struct err *err)
{
	for (;;) {
		double arrival_s = service->next_arrival_s;
		double start_s = service->free_at_s;
		int r;

		if (service->n && start_s < service->waiting[service->first])
			start_s = service->waiting[service->first];
		if (service->n && start_s <= arrival_s && start_s <= until_s) {
			serve(service, start_s);
			continue;
		}
		if (arrival_s > until_s)
			return 0;
		r = arrive(service, err);
		if (r)
			return r;
	}
}

double service_percentile_s(const struct service *service, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)service->n_served), seen = 0;

	if (!service->n_served)
		return 0;
	for (size_t i = 0; i < SERVICE_BUCKETS; i++) {
		seen += service->buckets[i];
		if (seen >= wanted) {
			double upper_s = SHORTEST_S * exp2((double)(i + 1) / BUCKETS_PER_OCTAVE);

			return upper_s < service->max_latency_s ? upper_s : service->max_latency_s;
		}
	}
	return service->max_latency_s;
}
