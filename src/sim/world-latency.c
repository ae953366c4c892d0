#include "sim/world-part.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "facts/pace.h"

#define CI_SHARE 0.25 /* of the time for both, the compute instance's */

/* No public figures; a mode change on Ampere includes a reset. */
#define RESET_MS	  5000
#define SET_MIG_AMPERE_MS 5000
#define SET_MIG_MS	  200

static double base_ms(const struct board *board, enum world_work work, unsigned slices)
{
	const struct pace pace = board_pace(board, slices);

	switch (work) {
	case WORLD_WORK_GI_CREATE:
		return pace.create_ms * (1 - CI_SHARE);
	case WORLD_WORK_CI_CREATE:
		return pace.create_ms * CI_SHARE;
	case WORLD_WORK_GI_DESTROY:
		return pace.destroy_ms * (1 - CI_SHARE);
	case WORLD_WORK_CI_DESTROY:
		return pace.destroy_ms * CI_SHARE;
	case WORLD_WORK_SET_MIG:
		return strcmp(board->architecture, "Ampere") ? SET_MIG_MS : SET_MIG_AMPERE_MS;
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
