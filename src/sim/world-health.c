#include "sim/world-part.h"

#include <math.h>
#include <string.h>

#define HEAT_TAU_S	   40.0 /* a change of load shows by two thirds after this */
#define MEMORY_WARMER_C	   6.0
#define DEFAULT_LIMIT_MW   300000u
#define BANDWIDTH_PER_BUSY 0.6	/* of a typical load */
#define FULL_POWER_DEMAND  1.05 /* of the limit, at full load: it is just capped */
#define CAPPED_CLOCK_SHARE 0.94

/* Plausible, not measured; max clocks as the boards are sold. MHz, by enum nvml_clock. */
static const struct nature {
	uint8_t cc_major;
	double idle_share; /* of the power limit */
	double idle_c, full_c;
	uint32_t idle_mhz[NVML_CLOCKS], max_mhz[NVML_CLOCKS];
} natures[] = {
	{8, 0.14, 31, 66, {210, 210, 1215, 585}, {1410, 1410, 1593, 1290}},
	{9, 0.10, 29, 68, {345, 345, 2619, 765}, {1980, 1980, 2619, 1545}},
	{10, 0.14, 30, 69, {120, 120, 3996, 600}, {1965, 1965, 3996, 1665}},
	{12, 0.06, 32, 74, {180, 180, 405, 600}, {2430, 2430, 12481, 1950}},
};

static const struct nature *nature_of(const struct world_gpu *gpu)
{
	for (size_t i = 0; i < sizeof(natures) / sizeof(natures[0]); i++) {
		if (natures[i].cc_major == world_board(gpu)->cc_major)
			return &natures[i];
	}
	return &natures[0];
}

double world_busy(const struct world_state *state, unsigned gpu, uint32_t gi, uint32_t ci)
{
	const struct world_gpu *at = &state->gpus[gpu];
	double per_ci[WORLD_MAX_GIS][WORLD_MAX_CIS] = {0}, whole = 0, sum = 0;
	unsigned slices = world_board(at)->compute_slices;

	for (uint32_t i = 0; i < state->n_processes; i++) {
		const struct world_process *process = &state->processes[i];

		if (process->gpu == gpu && process->gi == WORLD_NONE)
			whole += process->busy;
		else if (process->gpu == gpu)
			per_ci[process->gi][process->ci] += process->busy;
	}
	if (gi != WORLD_NONE)
		slices = world_gi_profile(at, &at->gis[gi])->compute_slices;
	if (gi != WORLD_NONE && ci != WORLD_NONE)
		return fmin(per_ci[gi][ci], 1);
	/* Processes of one instance share it: none is busier than wholly. */
	for (size_t g = 0; g < WORLD_MAX_GIS; g++) {
		for (size_t c = 0; c < WORLD_MAX_CIS; c++) {
			if (gi == WORLD_NONE || g == gi)
				sum += fmin(per_ci[g][c], 1) * at->gis[g].cis[c].slices;
		}
	}
	return fmin(sum / slices + (gi == WORLD_NONE ? whole : 0), 1);
}

static uint32_t limit_mw(const struct world_gpu *gpu)
{
	const struct board *board = world_board(gpu);

	return board->has_power ? board->max_power_w * 1000u : DEFAULT_LIMIT_MW;
}

static double demand_mw(const struct world_gpu *gpu, double busy)
{
	double idle = nature_of(gpu)->idle_share;

	return limit_mw(gpu) * (idle + (FULL_POWER_DEMAND - idle) * busy);
}

static double power_mw(const struct world_gpu *gpu, double busy)
{
	return fmin(demand_mw(gpu, busy), limit_mw(gpu));
}

static double seconds_since(const struct world_gpu *gpu, int64_t now_ns)
{
	return now_ns > gpu->settled_ns ? (double)(now_ns - gpu->settled_ns) / 1e9 : 0;
}

static double temperature_c(const struct world_gpu *gpu, double busy, int64_t now_ns)
{
	const struct nature *nature = nature_of(gpu);
	double goal = nature->idle_c + (nature->full_c - nature->idle_c) * busy;

	return goal + (gpu->settled_c - goal) * exp(-seconds_since(gpu, now_ns) / HEAT_TAU_S);
}

static double energy_mj(const struct world_gpu *gpu, double busy, int64_t now_ns)
{
	return gpu->energy_mj + power_mw(gpu, busy) * seconds_since(gpu, now_ns);
}

void world_settle(struct world_state *state, unsigned gpu)
{
	struct world_gpu *at = &state->gpus[gpu];
	int64_t now_ns = world_clock_ns();
	double busy = world_busy(state, gpu, WORLD_NONE, WORLD_NONE);
	double now_c = temperature_c(at, busy, now_ns);

	at->energy_mj = energy_mj(at, busy, now_ns);
	at->settled_c = now_c;
	at->settled_ns = now_ns;
}

void world_settle_cold(struct world_gpu *gpu)
{
	gpu->energy_mj = 0;
	gpu->settled_c = nature_of(gpu)->idle_c;
	gpu->settled_ns = world_clock_ns();
}

static void set_clocks(const struct world_gpu *gpu, double busy, struct world_health *ret)
{
	const struct nature *nature = nature_of(gpu);
	bool capped = demand_mw(gpu, busy) > limit_mw(gpu);

	memcpy(ret->max_clock_mhz, nature->max_mhz, sizeof(ret->max_clock_mhz));
	memcpy(ret->clock_mhz, busy > 0 ? nature->max_mhz : nature->idle_mhz,
	       sizeof(ret->clock_mhz));
	ret->clock_reasons = busy > 0 ? 0 : NVML_CLOCK_REASON_GPU_IDLE;
	if (!capped)
		return;
	ret->clock_reasons |= NVML_CLOCK_REASON_SW_POWER_CAP;
	for (size_t c = 0; c < NVML_CLOCKS; c++) {
		if (c != NVML_CLOCK_MEM)
			ret->clock_mhz[c] = (uint32_t)(ret->clock_mhz[c] * CAPPED_CLOCK_SHARE);
	}
}

void world_health(const struct world_state *state, unsigned gpu, int64_t now_ns,
		  struct world_health *ret)
{
	const struct world_gpu *at = &state->gpus[gpu];
	double busy = world_busy(state, gpu, WORLD_NONE, WORLD_NONE);

	*ret = (struct world_health){.busy = busy, .memory_busy = busy * BANDWIDTH_PER_BUSY};
	ret->temperature_c = temperature_c(at, busy, now_ns);
	ret->memory_temperature_c = ret->temperature_c + MEMORY_WARMER_C;
	ret->power_mw = (uint32_t)power_mw(at, busy);
	ret->limit_mw = ret->max_limit_mw = limit_mw(at);
	ret->min_limit_mw = limit_mw(at) / 4;
	ret->energy_mj = energy_mj(at, busy, now_ns);
	set_clocks(at, busy, ret);
}
