#include "world-test.h"

#define A100 "a100-sxm4-40gb"
#define NO   "-" /* Insufficient Resources */

/*
 * Sequences of creations without a start, and the ids that came back. The first
 * seven are public captures (MIG user guide, DCGM#138, dask-cuda#583,
 * go-nvml#146 and others), but for the refusal of an eighth small one. The rest
 * follows from the same rule; of A30 and the board with 12 units the order of
 * each profile was seen in listings.
 */
static const struct {
	const char *story, *board;
	bool flip;
	const char *profiles, *ids; /* profile ids, instance ids */
} captures[] = {
	{"one, two and four slices", A100, false, "19 14 5", "13 5 1"},
	{"three, one, two, one", A100, false, "9 19 14 19", "2 7 4 8"},
	{"the same where the halves are exchanged", A100, true, "9 19 14 19", "1 11 6 12"},
	{"3g must come first", A100, false, "19 19 14 9", "13 11 3 " NO},
	{"seven small ones", A100, false, "19 19 19 19 19 19 19 19", "13 11 12 7 8 9 10 " NO},
	{"seven small ones, exchanged", A100, true, "19 19 19 19 19 19 19", "9 7 8 11 12 13 14"},
	{"three twos and the media engines", A100, false, "14 14 14 20", "5 3 4 13"},
	{"two halves", A100, false, "9 9 9", "2 1 " NO},
	{"four slices and three", A100, false, "5 9", "1 2"},
	{"the whole", A100, false, "0 19", "0 " NO},
	{"on Hopper", "h100-sxm5-80gb", false, "9 19 14 19", "2 7 4 8"},
	{"small ones with more memory", "h100-sxm5-80gb", false, "15 15 15 15", "6 5 3 4"},
	{"A30: four", "a30-24gb", false, "14 14 14 14", "3 4 5 6"},
	{"A30: halves", "a30-24gb", false, "5 5", "1 2"},
	{"A30: the whole", "a30-24gb", false, "0", "0"},
	{"12 units: four", "rtx-pro-6000-blackwell-server", false, "14 14 14 14 14", "3 4 5 6 " NO},
	{"12 units: halves", "rtx-pro-6000-blackwell-server", false, "5 5", "1 2"},
};

static void play(size_t i, bool fixed_order)
{
	struct world_state state;
	struct world_spec spec = spec_of(&captures[i].board, 1);
	const char *p = captures[i].profiles;
	char got[64] = "";
	int len = 0, used = 0;
	unsigned profile;

	spec.gpus[0].flip = captures[i].flip;
	spec.fixed_order = fixed_order;
	make_state(&state, &spec);
	for (; sscanf(p, "%u%n", &profile, &used) == 1; p += used) {
		unsigned gi;
		nvmlReturn_t code = world_gi_create(&state, 0, profile, WORLD_ANYWHERE, &gi);

		if (code == NVML_ERROR_INSUFFICIENT_RESOURCES)
			len += snprintf(got + len, sizeof(got) - (size_t)len, " " NO);
		else
			len += snprintf(got + len, sizeof(got) - (size_t)len, " %u", gi);
		assert_true(!code || code == NVML_ERROR_INSUFFICIENT_RESOURCES);
		assert_sound(&state);
	}
	if (strcmp(got + 1, captures[i].ids))
		fail_msg("%s: %s on %s gave %s, not %s", captures[i].story, captures[i].profiles,
			 captures[i].board, got + 1, captures[i].ids);
}

static void ids_are_those_of_public_captures(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(captures); i++) {
		play(i, false);
		play(i, true);
	}
}

/* From here the two descriptions of the driver's choice part; no capture decides. */
static void rule_and_fixed_order_differ_after_destroys(void **unused)
{
	const struct {
		const char *there;
		int at;
		const char *next;
		int by_rule, by_order;
	} cases[] = {
		{"1g.5gb", 5, "1g.5gb", 4, 6},
		{"1g.5gb", 6, "1g.5gb", 4, 4},
	};
	struct world_state state;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct profile *next;

		one_gpu(&state, A100);
		create_gi(&state, cases[i].there, cases[i].at);
		next = board_profile_by_id(world_board(&state.gpus[0]),
					   profile_id(&state.gpus[0], cases[i].next));
		assert_int_equal(world_gi_place(&state, &state.gpus[0], next), cases[i].by_rule);
		state.fixed_order = true;
		assert_int_equal(world_gi_place(&state, &state.gpus[0], next), cases[i].by_order);
	}
}

/* What is there, as PROFILE@START; then a creation; what comes back. */
static const struct {
	const char *board, *there;
	unsigned profile;
	int start;
	nvmlReturn_t code;
} answers[] = {
	{A100, "", 19, 6, NVML_SUCCESS},
	{A100, "", 19, 7, NVML_ERROR_INVALID_ARGUMENT},
	{A100, "", 14, 1, NVML_ERROR_INVALID_ARGUMENT},
	{A100, "", 14, -2, NVML_ERROR_INVALID_ARGUMENT},
	{A100, "", 9, 64, NVML_ERROR_INVALID_ARGUMENT},
	{A100, "", 4711, WORLD_ANYWHERE, NVML_ERROR_INVALID_ARGUMENT},
	{A100, "", 1, WORLD_ANYWHERE, NVML_ERROR_INVALID_ARGUMENT},
	{A100, "19@0", 9, 0, NVML_ERROR_INSUFFICIENT_RESOURCES},
	{A100, "19@0", 9, 4, NVML_SUCCESS},
	{A100, "19@0", 5, WORLD_ANYWHERE, NVML_ERROR_INSUFFICIENT_RESOURCES},
	{A100, "20@0", 20, WORLD_ANYWHERE, NVML_ERROR_INSUFFICIENT_RESOURCES},
	{A100, "20@0", 19, WORLD_ANYWHERE, NVML_SUCCESS},
	{"a30-24gb", "21@0", 6, WORLD_ANYWHERE, NVML_ERROR_INSUFFICIENT_RESOURCES},
	{"a30-24gb", "21@0", 5, WORLD_ANYWHERE, NVML_SUCCESS},
	/* +me.all (65) takes the media engines of all others, which must be -me (67, 66) */
	{"rtx-pro-6000-blackwell-server", "65@0", 14, WORLD_ANYWHERE,
	 NVML_ERROR_INSUFFICIENT_RESOURCES},
	{"rtx-pro-6000-blackwell-server", "65@0", 67, WORLD_ANYWHERE, NVML_SUCCESS},
	{"rtx-pro-6000-blackwell-server", "65@0", 66, WORLD_ANYWHERE, NVML_SUCCESS},
	{"rtx-pro-6000-blackwell-server", "14@0", 65, WORLD_ANYWHERE,
	 NVML_ERROR_INSUFFICIENT_RESOURCES},
	{"rtx-pro-6000-blackwell-server", "67@0 66@6", 65, WORLD_ANYWHERE, NVML_SUCCESS},
	{"rtx-pro-6000-blackwell-server", "67@0", 14, WORLD_ANYWHERE, NVML_SUCCESS},
};

static void creation_answers_with_the_right_code(void **unused)
{
	struct world_state state;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		const char *p = answers[i].there;
		uint32_t generations;
		unsigned profile, gi = 77;
		int start, used;

		one_gpu(&state, answers[i].board);
		for (; sscanf(p, "%u@%d%n", &profile, &start, &used) == 2; p += used)
			assert_int_equal(world_gi_create(&state, 0, profile, start, &gi),
					 NVML_SUCCESS);
		generations = state.generations;
		gi = 77;
		if (world_gi_create(&state, 0, answers[i].profile, answers[i].start, &gi) !=
		    answers[i].code)
			fail_msg("row %zu", i);
		assert_true(answers[i].code == NVML_SUCCESS ? gi < WORLD_MAX_GIS : gi == 77);
		assert_true((state.generations != generations) ==
			    (answers[i].code == NVML_SUCCESS));
		assert_sound(&state);
	}
}

static void without_mig_or_gpu_nothing_is_created(void **unused)
{
	struct world_spec spec = {.n_gpus = 1, .gpus[0].board = board_by_id(A100)};
	struct world_state state;
	unsigned gi;

	(void)unused;
	make_state(&state, &spec);
	assert_int_equal(world_gi_create(&state, 0, 19, -1, &gi), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(world_gi_create(&state, 0, 4711, -1, &gi), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(world_gi_create(&state, 1, 19, -1, &gi), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(world_gi_create(&state, 4711, 19, -1, &gi), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(world_gi_destroy(&state, 0, 0), NVML_ERROR_NOT_FOUND);
	assert_int_equal(world_ci_create(&state, 0, 0, 0, -1, &gi), NVML_ERROR_NOT_SUPPORTED);
	assert_int_equal(world_ci_destroy(&state, 0, 0, 0), NVML_ERROR_NOT_FOUND);
	assert_int_equal(world_gi_remaining(&state.gpus[0], &spec.gpus[0].board->profiles[0]), 0);
}

static void what_remains_shrinks(void **unused)
{
	/* instances, then how many more of 19, 20, 14, 9, 5, 0 */
	const struct {
		const char *there;
		unsigned more[6];
	} rows[] = {
		{"", {7, 1, 3, 2, 1, 1}},	   {"19@0", {6, 1, 2, 1, 0, 0}},
		{"19@5 19@6", {5, 1, 2, 1, 1, 0}}, {"9@4", {4, 1, 2, 1, 1, 0}},
		{"9@0", {3, 1, 1, 1, 0, 0}},	   {"9@0 9@4", {0, 0, 0, 0, 0, 0}},
		{"20@1", {6, 0, 2, 1, 0, 0}},	   {"5@0 14@4", {1, 1, 0, 0, 0, 0}},
		{"0@0", {0, 0, 0, 0, 0, 0}},
	};
	const unsigned ids[] = {19, 20, 14, 9, 5, 0};
	struct world_state state;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *p = rows[i].there;
		unsigned profile, gi;
		int start, used;

		one_gpu(&state, A100);
		for (; sscanf(p, "%u@%d%n", &profile, &start, &used) == 2; p += used)
			assert_int_equal(world_gi_create(&state, 0, profile, start, &gi), 0);
		for (size_t k = 0; k < ARRAY_SIZE(ids); k++) {
			const struct profile *of =
				board_profile_by_id(world_board(&state.gpus[0]), ids[k]);

			if (world_gi_remaining(&state.gpus[0], of) != rows[i].more[k])
				fail_msg("with '%s': %u more of %s, not %u", rows[i].there,
					 world_gi_remaining(&state.gpus[0], of), of->name,
					 rows[i].more[k]);
		}
	}
}

/* The brute force of world_gi_remaining() relies on this. */
static void starts_lie_at_multiples_of_the_size(void **unused)
{
	(void)unused;
	for (size_t b = 0; b < n_boards; b++) {
		assert_true(boards[b].units <= 16);
		for (size_t p = 0; p < boards[b].n_profiles; p++) {
			const struct profile *profile = &boards[b].profiles[p];

			assert_true(profile->size && boards[b].units % profile->size == 0);
			for (unsigned start = 0; start < 16; start++)
				assert_true(!(profile->starts >> start & 1) ||
					    start % profile->size == 0);
		}
	}
}

static void compute_instances_fill_their_gpu_instance(void **unused)
{
	struct world_state state;
	const struct world_gi *gi = &state.gpus[0].gis[2];
	const struct profile *profile;
	unsigned ci;

	(void)unused;
	one_gpu(&state, A100);
	assert_int_equal(create_gi(&state, "3g.20gb", 4), 2);
	profile = world_gi_profile(&state.gpus[0], gi);
	assert_int_equal(world_ci_remaining(&state.gpus[0], gi, profile_ci_by_id(profile, 0)), 3);
	assert_int_equal(world_ci_create(&state, 0, 2, 0, WORLD_ANYWHERE, &ci), NVML_SUCCESS);
	assert_int_equal(ci, 0);
	assert_int_equal(gi->cis[0].start, 0);
	assert_int_equal(world_ci_create(&state, 0, 2, 0, 2, &ci), NVML_SUCCESS);
	assert_int_equal(ci, 1);
	assert_int_equal(world_ci_create(&state, 0, 2, 0, 2, &ci),
			 NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_int_equal(world_ci_create(&state, 0, 2, 0, 3, &ci), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(world_ci_create(&state, 0, 2, 0, 300, &ci), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(world_ci_create(&state, 0, 2, 0, -7, &ci), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(world_ci_create(&state, 0, 2, 2, WORLD_ANYWHERE, &ci),
			 NVML_ERROR_INSUFFICIENT_RESOURCES);
	assert_int_equal(world_ci_create(&state, 0, 2, 4, WORLD_ANYWHERE, &ci),
			 NVML_ERROR_INVALID_ARGUMENT); /* 7c does not fit into 3g */
	assert_int_equal(world_ci_create(&state, 0, 1, 0, WORLD_ANYWHERE, &ci),
			 NVML_ERROR_NOT_FOUND);
	assert_int_equal(world_ci_create(&state, 0, 99, 0, WORLD_ANYWHERE, &ci),
			 NVML_ERROR_NOT_FOUND);
	assert_sound(&state);

	/* The id is the lowest that is free, not the one of the place. */
	assert_int_equal(world_ci_destroy(&state, 0, 2, 0), NVML_SUCCESS);
	assert_int_equal(world_ci_create(&state, 0, 2, 0, 1, &ci), NVML_SUCCESS);
	assert_int_equal(ci, 0);
	assert_int_equal(world_ci_remaining(&state.gpus[0], gi, profile_ci_by_id(profile, 0)), 1);
	assert_int_equal(world_ci_destroy(&state, 0, 2, 5), NVML_ERROR_NOT_FOUND);
	assert_int_equal(world_ci_destroy(&state, 0, 2, 99), NVML_ERROR_NOT_FOUND);
	assert_int_equal(world_gi_destroy(&state, 0, 2), NVML_ERROR_IN_USE);
	assert_sound(&state);
}

static void a_full_instance_refuses_with_insufficient_resources(void **unused)
{
	struct world_state state;
	unsigned gi, ci;

	/* mig-parted probes every instance that way. */
	(void)unused;
	one_gpu(&state, A100);
	gi = create_gi(&state, "1g.5gb", WORLD_ANYWHERE);
	create_whole_ci(&state, gi);
	assert_int_equal(world_ci_create(&state, 0, gi, 0, WORLD_ANYWHERE, &ci),
			 NVML_ERROR_INSUFFICIENT_RESOURCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_those_of_public_captures),
		cmocka_unit_test(rule_and_fixed_order_differ_after_destroys),
		cmocka_unit_test(creation_answers_with_the_right_code),
		cmocka_unit_test(without_mig_or_gpu_nothing_is_created),
		cmocka_unit_test(what_remains_shrinks),
		cmocka_unit_test(starts_lie_at_multiples_of_the_size),
		cmocka_unit_test(compute_instances_fill_their_gpu_instance),
		cmocka_unit_test(a_full_instance_refuses_with_insufficient_resources),
	};

	return tap_run(tests);
}
