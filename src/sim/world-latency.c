#include "sim/world-part.h"

#include <errno.h>
#include <string.h>
#include <time.h>

/*
 * How long the driver works, in ms, by compute slices of the GPU instance. One
 * figure is for a GPU instance together with the compute instance that fills
 * it: constants of a published scheduler that measured them (artecs-group/
 * RL_MIG_scheduler, algorithm.py; 3g on A30 and 5 and 6 slices do not exist).
 * Later boards than Hopper have no figures and are taken to be as slow.
 */
static const struct pace {
	const char *architecture; /* NULL: all others */
	uint8_t compute_slices;
	uint16_t create_ms[8], destroy_ms[8];
	uint16_t set_mig_ms; /* on Ampere a reset; no public figure, nor of the reset */
} paces[] = {
	{"Ampere",
	 4,
	 {0, 110, 120, 130, 130, 130, 130, 130},
	 {0, 100, 100, 100, 100, 100, 100, 100},
	 5000},
	{"Ampere",
	 7,
	 {0, 160, 170, 200, 210, 240, 240, 240},
	 {0, 200, 200, 210, 210, 220, 220, 220},
	 5000},
	{NULL,
	 0,
	 {0, 160, 210, 330, 380, 420, 420, 420},
	 {0, 210, 230, 250, 260, 260, 260, 260},
	 200},
};

#define RESET_MS 5000
#define CI_SHARE 0.25 /* of the two, the compute instance's */

static const struct pace *pace_of(const struct board *board)
{
	const struct pace *pace = paces;

	while (pace->architecture && (strcmp(pace->architecture, board->architecture) ||
				      pace->compute_slices != board->compute_slices))
		pace++;
	return pace;
}

static double base_ms(const struct board *board, enum world_work work, unsigned slices)
{
	const struct pace *pace = pace_of(board);
	unsigned at = slices < 8 ? slices : 7;

	switch (work) {
	case WORLD_WORK_GI_CREATE:
		return pace->create_ms[at] * (1 - CI_SHARE);
	case WORLD_WORK_CI_CREATE:
		return pace->create_ms[at] * CI_SHARE;
	case WORLD_WORK_GI_DESTROY:
		return pace->destroy_ms[at] * (1 - CI_SHARE);
	case WORLD_WORK_CI_DESTROY:
		return pace->destroy_ms[at] * CI_SHARE;
	case WORLD_WORK_SET_MIG:
		return pace->set_mig_ms;
	case WORLD_WORK_RESET:
		return RESET_MS;
	}
	return 0;
}

/* Slow faults are about creating and destroying. */
static double slowness(const struct world_state *state, unsigned gpu, enum world_work work)
{
	int64_t now_ns = world_clock_ns();
	double factor = 1;

	if (work == WORLD_WORK_SET_MIG || work == WORLD_WORK_RESET)
		return 1;
	for (size_t i = 0; i < WORLD_MAX_FAULTS; i++) {
		const struct world_fault *fault = &state->faults[i];

		if (fault->kind == WORLD_FAULT_SLOW && world_fault_active(fault, now_ns) &&
		    (!fault->has_gpu || fault->gpu == gpu))
			factor *= fault->factor;
	}
	return factor;
}

int64_t world_latency_ns(const struct world_state *state, unsigned gpu, enum world_work work,
			 unsigned slices)
{
	const double longest_ms = 86400e3;
	double ms = base_ms(world_board(&state->gpus[gpu]), work, slices) * state->latency *
		    slowness(state, gpu, work);

	return (int64_t)((ms < longest_ms ? ms : longest_ms) * 1e6);
}

static int64_t ask(struct world *world, unsigned gpu, enum world_work work, unsigned slices)
{
	const struct world_state *state = world_read(world);
	int64_t ns = gpu < state->n_gpus ? world_latency_ns(state, gpu, work, slices) : 0;

	world_done(world);
	return ns;
}

/* Take the driver's next `ns`; when they are over. */
static int64_t book(struct world *world, unsigned gpu, int64_t ns)
{
	struct world_state *state = world_change(world);
	int64_t *busy_until_ns = &state->gpus[gpu].driver_busy_until_ns;
	int64_t now_ns = world_clock_ns(), until_ns;

	until_ns = (*busy_until_ns > now_ns ? *busy_until_ns : now_ns) + ns;
	*busy_until_ns = until_ns;
	world_commit(world);
	return until_ns;
}

void world_work(struct world *world, unsigned gpu, enum world_work work, unsigned slices)
{
	int64_t ns = ask(world, gpu, work, slices), until_ns;
	struct timespec until;

	if (!ns)
		return;
	until_ns = book(world, gpu, ns);
	until.tv_sec = until_ns / 1000000000;
	until.tv_nsec = until_ns % 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}
