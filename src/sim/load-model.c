#include "sim/load-model.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "sim/tool-world.h"
#include "sim/world-file.h"

#define NS_PER_S 1000000000

static int find_run(const struct model_wish *wish, const struct world_state *state,
		    const struct tool_device *device, struct model_run *ret, struct err *err)
{
	const struct world_gpu *gpu = &state->gpus[device->gpu];
	const struct board *board =
		wish->figures ? plan_board(wish->figures, err) : world_board(gpu);
	const struct world_gi *gi;

	if (!board)
		return fail_in(err, "--gpu-model: ");
	if (device->gi == WORLD_NONE)
		return fail(err, ERR_UNSUPPORTED,
			    "GPU %u is not in MIG mode; the figures are of GPU instances",
			    device->gpu);
	gi = &gpu->gis[device->gi];
	if (!world_ci_profile(gpu, gi, &gi->cis[device->ci])->whole)
		return fail(err, ERR_UNSUPPORTED,
			    "the device is a part of a %s; the figures are of whole GPU instances",
			    world_gi_profile(gpu, gi)->name);
	return model_find(wish->model, board, world_gi_profile(gpu, gi), ret, err);
}

int load_model_find(const struct model_wish *wish, struct world *world,
		    const struct tool_device *device, struct service *ret, struct err *err)
{
	const struct world_state *state = world_read(world);
	uint64_t seed = state->seed + ((uint64_t)device->gpu << 16 | device->gi << 8 | device->ci);
	struct model_run run;
	int r = find_run(wish, state, device, &run, err);

	world_done(world);
	if (r)
		return r;
	if (wish->batch > model_max_batch(&run))
		return fail(err, ERR_INVALID, "%s was measured here in batches of up to %u, not %d",
			    wish->model, model_max_batch(&run), (int)wish->batch);
	service_init(ret, &run, wish->rate, (unsigned)wish->batch, (unsigned)wish->burst, seed);
	return 0;
}

/* "12.3 ms", "1.4 s" */
static const char *latency_text(const struct service *service, double share, char *buf, size_t size)
{
	double s = service_percentile_s(service, share);

	if (s < 1)
		snprintf(buf, size, "%.1f ms", s * 1000);
	else
		snprintf(buf, size, "%.2f s", s);
	return buf;
}

static void report(const struct service *service, double ran_s)
{
	char median[32], p95[32], p99[32];

	if (ran_s <= 0)
		return;
	printf("served %llu of %llu requests in %llu batches: %.1f a second, %.0f%% busy\n",
	       (unsigned long long)service->n_served, (unsigned long long)service->n_arrived,
	       (unsigned long long)service->n_batches, (double)service->n_served / ran_s,
	       fmin(1, service->busy_s / ran_s) * 100);
	if (service->n_turned_away)
		printf("turned away %llu: the queue was full\n",
		       (unsigned long long)service->n_turned_away);
	if (service->n_served)
		printf("latency: 50%% within %s, 95%% within %s, 99%% within %s\n",
		       latency_text(service, 0.50, median, sizeof(median)),
		       latency_text(service, 0.95, p95, sizeof(p95)),
		       latency_text(service, 0.99, p99, sizeof(p99)));
}

/* Once a second: what happened in it, and how busy that made the device. */
static int step(struct service *service, double now_s, double *last_s, struct world *world,
		struct load *load, struct err *err)
{
	double was_busy_s = service->busy_s, passed_s = now_s - *last_s;
	int ignored, r = service_advance(service, now_s, err);

	if (r || passed_s <= 0)
		return r;
	load->busy = fmin(1, (service->busy_s - was_busy_s) / passed_s);
	*last_s = now_s;
	return load_change(load, world, &ignored, err);
}

int load_model_serve(const struct model_wish *wish, struct service *service, struct world *world,
		     struct load *load, int *ret_signal, struct err *err)
{
	int64_t start_ns = clock_monotonic_ns(), end_ns = start_ns + wish->for_s * NS_PER_S;
	int64_t next_ns = start_ns;
	double last_s = 0;
	int r = 0;

	while (!r && !*ret_signal && next_ns < end_ns) {
		next_ns = next_ns + NS_PER_S < end_ns ? next_ns + NS_PER_S : end_ns;
		*ret_signal = load_wait_until(next_ns);
		r = step(service, (double)(clock_monotonic_ns() - start_ns) / NS_PER_S, &last_s,
			 world, load, err);
	}
	if (!r && !wish->quiet)
		report(service, last_s);
	service_done(service);
	return r;
}
