#include "../unit/sim/world-test.h"

#include <stdlib.h>

#include "sim-world-reference.h"

#define STEPS 400
#define SEEDS 12

/* One GPU in both, and the dice. */
struct game {
	struct world_state state;
	struct ref_gpu ref;
	unsigned seed;
	char what[256]; /* the last step, for the report */
};

static unsigned roll(struct game *game, unsigned n)
{
	return (unsigned)rand_r(&game->seed) % n;
}

static void begin(struct game *game, const struct board *board, unsigned seed, enum flaw flaw)
{
	struct world_spec spec = {.n_gpus = 1};

	spec.gpus[0].board = board;
	spec.gpus[0].mig = true;
	spec.gpus[0].flip = seed & 1;
	make_state(&game->state, &spec);
	game->ref = (struct ref_gpu){.board = board, .flip = seed & 1, .flaw = flaw};
	game->seed = seed;
}

/* ---- the steps: false when the two do not answer alike ---- */

static bool same(struct game *game, nvmlReturn_t code, nvmlReturn_t expected, unsigned id,
		 unsigned expected_id)
{
	size_t len = strlen(game->what);

	snprintf(game->what + len, sizeof(game->what) - len, ": %d id %u, not %d id %u", (int)code,
		 id, (int)expected, expected_id);
	return code == expected && id == expected_id;
}

static bool step_gi_create(struct game *game)
{
	const struct board *board = game->ref.board;
	const struct profile *profile = &board->profiles[roll(game, (unsigned)board->n_profiles)];
	int start = roll(game, 2) ? -1 : (int)roll(game, board->units + 1u);
	unsigned id = 99, expected_id = 99;
	nvmlReturn_t code = world_gi_create(&game->state, 0, profile->id, start, &id);
	nvmlReturn_t expected = ref_gi_create(&game->ref, profile, start, &expected_id);

	snprintf(game->what, sizeof(game->what), "create %s at %d", profile->name, start);
	return same(game, code, expected, id, expected_id);
}

static bool step_gi_destroy(struct game *game)
{
	unsigned gi = roll(game, WORLD_MAX_GIS + 1);

	snprintf(game->what, sizeof(game->what), "destroy %u", gi);
	return same(game, world_gi_destroy(&game->state, 0, gi), ref_gi_destroy(&game->ref, gi), 0,
		    0);
}

static bool step_ci_create(struct game *game)
{
	unsigned gi = roll(game, WORLD_MAX_GIS), id = 99, expected_id = 99;
	const struct profile *whole = game->ref.gis[gi].profile;
	const struct ci_profile *profile;
	nvmlReturn_t code, expected;
	int start;

	if (!whole)
		return world_ci_create(&game->state, 0, gi, 0, -1, &id) == NVML_ERROR_NOT_FOUND;
	profile = &whole->cis[roll(game, (unsigned)whole->n_cis)];
	start = roll(game, 2) ? -1 : (int)roll(game, WORLD_MAX_CIS + 1);
	code = world_ci_create(&game->state, 0, gi, profile->id, start, &id);
	expected = ref_ci_create(&game->ref, gi, profile, start, &expected_id);
	snprintf(game->what, sizeof(game->what), "create %s in %u at %d", profile->name, gi, start);
	return same(game, code, expected, id, expected_id);
}

static bool step_ci_destroy(struct game *game)
{
	unsigned gi = roll(game, WORLD_MAX_GIS), ci = roll(game, 3);

	snprintf(game->what, sizeof(game->what), "destroy %u in %u", ci, gi);
	return same(game, world_ci_destroy(&game->state, 0, gi, ci),
		    ref_ci_destroy(&game->ref, gi, ci), 0, 0);
}

/* ---- what holds after every step ---- */

static bool same_room(struct game *game)
{
	const struct world_gpu *gpu = &game->state.gpus[0];
	const struct board *board = game->ref.board;
	const struct profile *profile = &board->profiles[roll(game, (unsigned)board->n_profiles)];
	unsigned gi = roll(game, WORLD_MAX_GIS);

	snprintf(game->what, sizeof(game->what), "how many more %s", profile->name);
	if (world_gi_remaining(gpu, profile) != ref_gi_remaining(&game->ref, profile))
		return false;
	if (!game->ref.gis[gi].profile)
		return true;
	profile = game->ref.gis[gi].profile;
	for (size_t c = 0; c < profile->n_cis; c++) {
		snprintf(game->what, sizeof(game->what), "how many more %s", profile->cis[c].name);
		if (world_ci_remaining(gpu, &gpu->gis[gi], &profile->cis[c]) !=
		    ref_ci_remaining(&game->ref, gi, &profile->cis[c]))
			return false;
	}
	return true;
}

/* Every MIG device has an index without gaps, and a UUID and a name of its own. */
static bool devices_are_distinct(struct game *game)
{
	const struct world_gpu *gpu = &game->state.gpus[0];
	char uuids[WORLD_MAX_GIS * WORLD_MAX_CIS][48];
	unsigned n = 0, gi, ci;

	snprintf(game->what, sizeof(game->what), "MIG devices");
	for (; world_mig_device(gpu, n, &gi, &ci); n++) {
		if (world_mig_index(gpu, gi, ci) != n || !game->ref.gis[gi].cis[ci])
			return false;
		world_mig_uuid(gpu, gi, ci, uuids[n], sizeof(uuids[n]));
		for (unsigned i = 0; i < n; i++) {
			if (!strcmp(uuids[i], uuids[n]))
				return false;
		}
	}
	return true;
}

static bool step(struct game *game)
{
	static bool (*const steps[])(struct game * game) = {
		step_gi_create, step_gi_create,	 step_gi_destroy, step_ci_create,
		step_ci_create, step_ci_destroy, step_ci_destroy, step_gi_destroy,
	};

	return steps[roll(game, ARRAY_SIZE(steps))](game);
}

/* Play on one board. false at the first difference; game->what tells it. */
static bool play(struct game *game, const struct board *board, unsigned seed, enum flaw flaw)
{
	begin(game, board, seed, flaw);
	for (unsigned i = 0; i < STEPS; i++) {
		struct err err = ERR_INIT;

		if (!step(game) || !same_room(game) || !devices_are_distinct(game))
			return false;
		if (world_check(&game->state, &err)) {
			snprintf(game->what, sizeof(game->what), "%.250s", err.text);
			return false;
		}
	}
	return true;
}

static struct game game; /* too big for some stacks */

static void the_driver_obeys_its_rules(void **unused)
{
	(void)unused;
	for (size_t b = 0; b < n_boards; b++) {
		for (unsigned seed = 1; boards[b].n_profiles && seed <= SEEDS; seed++) {
			if (!play(&game, &boards[b], seed, FLAW_NONE))
				fail_msg("%s, seed %u: %s", boards[b].id, seed, game.what);
		}
	}
}

static bool is_noticed(enum flaw flaw)
{
	for (size_t b = 0; b < n_boards; b++) {
		for (unsigned seed = 1; boards[b].n_profiles && seed <= SEEDS; seed++) {
			if (!play(&game, &boards[b], seed, flaw))
				return true;
		}
	}
	return false;
}

static void a_broken_reference_is_noticed(void **unused)
{
	(void)unused;
	for (enum flaw flaw = FLAW_NONE + 1; flaw < FLAWS; flaw++) {
		if (!is_noticed(flaw))
			fail_msg("flaw %d was not noticed", (int)flaw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_driver_obeys_its_rules),
		cmocka_unit_test(a_broken_reference_is_noticed),
	};

	test_clock_stops();
	return tap_run(tests);
}
