/*
 * The table of boards against what MIG allows, and against figures copied by
 * hand from live listings (sources: data/boards.json).
 */
#include "../tap.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "facts/board.h"

static void for_each_profile(void (*fn)(const struct board *board, const struct profile *profile))
{
	assert_true(n_boards > 0);
	for (size_t b = 0; b < n_boards; b++)
		for (size_t p = 0; p < boards[b].n_profiles; p++)
			fn(&boards[b], &boards[b].profiles[p]);
}

/* Windows of `size` that fit side by side, by trying every set of starts. */
static unsigned most_disjoint(unsigned starts, unsigned size, unsigned length)
{
	unsigned best = 0;

	for (unsigned set = starts;; set = (set - 1) & starts) {
		unsigned used = 0, n = 0;
		bool good = true;

		for (unsigned s = 0; s < 16; s++) {
			if (!(set >> s & 1u))
				continue;
			for (unsigned u = s; u < s + size; u++) {
				good = good && u < length && !(used >> u & 1u);
				used |= 1u << u;
			}
			n++;
		}
		if (good && n > best)
			best = n;
		if (!set)
			return best;
	}
}

/* ---- every row ---- */

static void check_bounds(const struct board *board, const struct profile *profile)
{
	unsigned last = 31u - (unsigned)__builtin_clz(profile->starts);

	assert_true(profile->starts && last + profile->size <= board->units);
	assert_true(profile->compute_slices <= board->compute_slices);
	assert_true(profile->memory_slices <= board->memory_slices);
	assert_int_equal(profile->size * board->memory_slices,
			 profile->memory_slices * board->units);
	assert_true(profile->max_instances && profile->max_instances <= board->max_instances);
	assert_true(profile->source && profile->source[0]);
	assert_true(!profile->has_sm || !board->has_sm || profile->sm <= board->sm);
	assert_true(!profile->has_memory || !board->has_memory ||
		    profile->memory_mib < board->memory_mib);
}

static void test_bounds(void **state)
{
	(void)state;
	for_each_profile(check_bounds);
}

/* Once per GPU: the media engines that "+me" and "+me.all" claim. */
static bool is_single(const struct profile *profile)
{
	return profile->flags & (PROFILE_ME | PROFILE_ME_ALL);
}

static void check_maximum(const struct board *board, const struct profile *profile)
{
	unsigned most = most_disjoint(profile->starts, profile->size, board->units);

	assert_int_equal(profile->max_instances, is_single(profile) ? 1 : most);
	assert_int_equal(__builtin_popcount(profile->starts), most);
}

static void test_maximum_is_disjoint_windows(void **state)
{
	(void)state;
	for_each_profile(check_maximum);
}

static const struct profile *whole_gpu(const struct board *board)
{
	for (size_t p = 0; p < board->n_profiles; p++)
		if (board->profiles[p].size == board->units && !board->profiles[p].flags)
			return &board->profiles[p];
	return NULL;
}

/* All instances of one profile together never exceed the GPU in anything. */
static void check_sums(const struct board *board, const struct profile *profile)
{
	const struct profile *whole = whole_gpu(board);
	unsigned n = profile->max_instances;

	assert_non_null(whole);
	assert_int_equal(whole->compute_slices, board->compute_slices);
	assert_int_equal(whole->memory_slices, board->memory_slices);
	assert_true(n * profile->compute_slices <= board->compute_slices);
	assert_true(n * profile->memory_slices <= board->memory_slices);
	assert_true(!profile->has_sm || !board->has_sm || n * profile->sm <= board->sm);
	assert_true(!profile->has_memory || !board->has_memory ||
		    n * profile->memory_mib <= board->memory_mib);
	assert_true(n * profile->engines.copy <= whole->engines.copy);
	assert_true(n * profile->engines.decoders <= whole->engines.decoders);
	assert_true(n * profile->engines.encoders <= whole->engines.encoders);
	assert_true(n * profile->engines.jpeg <= whole->engines.jpeg);
	assert_true(n * profile->engines.ofa <= whole->engines.ofa);
}

static void test_sums(void **state)
{
	(void)state;
	for_each_profile(check_sums);
}

static void check_unique(const struct board *board, const struct profile *profile)
{
	assert_ptr_equal(board_profile_by_id(board, profile->id), profile);
	assert_ptr_equal(board_profile_by_constant(board, profile->constant), profile);
	assert_ptr_equal(board_profile_by_name(board, profile->name), profile);
	assert_ptr_equal(&board->profiles[profile_index(board, profile)], profile);
}

static void test_unique_profiles(void **state)
{
	(void)state;
	for_each_profile(check_unique);
	assert_null(board_profile_by_id(&boards[0], 255));
	assert_null(board_profile_by_constant(&boards[0], 5));
}

static void test_unique_boards(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_boards; i++) {
		const struct board *board = &boards[i];

		assert_ptr_equal(board_by_id(board->id), board);
		assert_ptr_equal(board_identify(board->product, 0, 0), board);
		for (size_t p = 0; p < board->n_pci_device_ids; p++)
			assert_ptr_equal(board_identify(NULL, board->pci_device_ids[p], 0), board);
	}
	assert_null(board_by_id("a100"));
}

static void test_confidence_is_the_weakest_base_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < n_boards; i++) {
		enum confidence weakest = CONFIDENCE_DOCUMENTED;

		for (size_t p = 0; p < boards[i].n_profiles; p++) {
			const struct profile *profile = &boards[i].profiles[p];

			if (!profile->flags && profile->confidence < weakest)
				weakest = profile->confidence;
		}
		assert_int_equal(boards[i].confidence, weakest);
	}
	assert_string_equal(confidence_name(CONFIDENCE_DERIVED), "derived");
	assert_string_equal(confidence_name(CONFIDENCE_DOCUMENTED), "documented");
}

/* ---- names ---- */

/*
 * NVIDIA's rule in floating point, written apart from the rest of the house:
 * eighths of the reported total, rounded up, times the total in whole GiB
 * rounded up, and the product rounded half away from zero.
 */
static unsigned gb_in_name(double memory_mib, double total_mib)
{
	double eighths = 0, gib = 0;

	while (eighths / 8 < memory_mib / total_mib)
		eighths++;
	while (gib < total_mib / 1024)
		gib++;
	return (unsigned)(eighths / 8 * gib + 0.5);
}

static void expected_name(const struct board *board, const struct profile *profile, char *buf,
			  size_t size)
{
	static const struct {
		unsigned flag;
		const char *suffix;
	} suffixes[] = {
		{PROFILE_ME, "+me"},
		{PROFILE_ME_ALL, "+me.all"},
		{PROFILE_NO_ME, "-me"},
		{PROFILE_GFX, "+gfx"},
	};
	const char *suffix = "";

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (profile->flags & suffixes[i].flag)
			suffix = suffixes[i].suffix;
	snprintf(buf, size, "%ug.%ugb%s", profile->compute_slices,
		 gb_in_name(profile_sim_memory_mib(profile), board->memory_mib), suffix);
}

static unsigned n_named;

static void check_name(const struct board *board, const struct profile *profile)
{
	char name[32];

	if (!board->has_memory || !profile_sim_memory_mib(profile))
		return;
	expected_name(board, profile, name, sizeof(name));
	assert_string_equal(profile->name, name);
	n_named++;
}

/* Suggested sizes too: the simulator's names must come out as the driver's. */
static void test_names_follow_nvidias_formula(void **state)
{
	(void)state;
	n_named = 0;
	for_each_profile(check_name);
	assert_true(n_named >= 120);
}

static void test_name_lookup(void **state)
{
	static const struct {
		const char *board, *typed, *found;
	} cases[] = {
		{"a100-sxm4-40gb", "2g.10gb", "2g.10gb"},
		{"a100-sxm4-40gb", "MIG 2g.10gb", "2g.10gb"},
		{"a100-sxm4-40gb", "2g", "2g.10gb"},
		{"a100-sxm4-40gb", "1g", "1g.5gb"},
		{"a100-sxm4-40gb", "1g+me", "1g.5gb+me"},
		{"a100-sxm4-40gb", "1g.10gb", "1g.10gb"},
		{"rtx-pro-6000-blackwell-server", "2g-me", "2g.48gb-me"},
		{"rtx-pro-6000-blackwell-server", "1g+me.all", "1g.24gb+me.all"},
		{"a100-sxm4-40gb", "2g.20gb", NULL},
		{"a100-sxm4-40gb", "2", NULL},
		{"a100-sxm4-40gb", "2g.", NULL},
		{"a100-sxm4-40gb", "2gg", NULL},
		{"a100-sxm4-40gb", "MIG MIG 2g", NULL},
		{"a100-sxm4-40gb", "", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct profile *found =
			board_profile_by_name(board_by_id(cases[i].board), cases[i].typed);

		if (!cases[i].found)
			assert_null(found);
		else
			assert_string_equal(found ? found->name : "nothing", cases[i].found);
	}
}

/* ---- compute instances ---- */

static void check_ci(const struct profile *profile, const struct ci_profile *ci)
{
	char name[40];

	snprintf(name, sizeof(name), "%uc.%s", ci->slices, profile->name);
	assert_string_equal(ci->name, ci->whole ? profile->name : name);
	assert_int_equal(ci->whole, ci == &profile->cis[profile->n_cis - 1]);
	assert_true(!ci->whole || ci->slices == profile->compute_slices);
	assert_int_equal(ci->max_instances,
			 most_disjoint(ci->starts, ci->slices, profile->compute_slices));
	assert_int_equal(ci->max_instances, __builtin_popcount(ci->starts));
	assert_ptr_equal(profile_ci_by_id(profile, ci->id), ci);
	assert_memory_equal(&ci->engines, &profile->engines, sizeof(ci->engines));
	assert_true(!ci->has_sm || !profile->has_sm || ci->sm * ci->max_instances <= profile->sm);
	assert_true(ci->source && ci->source[0]);
}

static void check_cis(const struct board *board, const struct profile *profile)
{
	const struct ci_profile *whole = profile_whole_ci(profile);

	(void)board;
	assert_non_null(whole);
	assert_int_equal(whole->has_sm, profile->has_sm);
	assert_int_equal(whole->sm, profile->sm);
	for (size_t i = 0; i < profile->n_cis; i++)
		check_ci(profile, &profile->cis[i]);
	assert_null(profile_ci_by_id(profile, 200));
}

static void test_compute_instances(void **state)
{
	(void)state;
	for_each_profile(check_cis);
}

/* ---- known and not known ---- */

static void check_known(const struct board *board, const struct profile *profile)
{
	(void)board;
	assert_int_equal(profile->has_sm, profile->sm != 0);
	assert_int_equal(profile->has_memory, profile->memory_mib != 0);
	assert_false(profile->has_sm && profile->suggested_sm);
	assert_false(profile->has_memory && profile->suggested_memory_mib);
}

static void test_suggested_is_never_a_hardware_figure(void **state)
{
	const struct board *b200 = board_by_id("b200-180gb");
	const struct profile *half = board_profile_by_name(b200, "3g.90gb");

	(void)state;
	for_each_profile(check_known);
	assert_false(half->has_sm || half->has_memory);
	assert_int_equal(half->sm, 0);
	assert_int_equal(half->memory_mib, 0);
	assert_int_equal(profile_sim_sm(half), 54);
	assert_int_equal(profile_sim_memory_mib(half), 90624);
}

static void test_identify(void **state)
{
	static const struct {
		const char *product;
		uint16_t pci;
		uint32_t memory_mib;
		const char *id;
	} cases[] = {
		{"NVIDIA A100-SXM4-40GB", 0x20b0, 40960, "a100-sxm4-40gb"},
		{"NVIDIA H100 PCIe", 0, 0, "h100-pcie-80gb"},
		{"A100-SXM4-40GB", 0x20b0, 40537, "a100-sxm4-40gb"}, /* 450-series drivers */
		{"NVIDIA GH200 120GB", 0x2342, 97871, "gh200-96gb"},
		{"Graphics Device", 0x20b7, 24258, "a30-24gb"},
		{"Graphics Device", 0x20b0, 65536, NULL},	    /* another board of that id */
		{"Graphics Device", 0x2348, 145920, "gh200-144gb"}, /* its total is not known */
		{"Graphics Device", 0x1db6, 32768, NULL},
		{NULL, 0x20b1, 0, "a100-pcie-40gb"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct board *board =
			board_identify(cases[i].product, cases[i].pci, cases[i].memory_mib);

		if (!cases[i].id)
			assert_null(board);
		else
			assert_string_equal(board ? board->id : "nothing", cases[i].id);
	}
}

static void test_ids(void **state)
{
	const char *ids[64] = {NULL};

	(void)state;
	assert_int_equal(board_ids(ids, 2), 2);
	assert_null(ids[2]);
	assert_int_equal(board_ids(ids, ARRAY_SIZE(ids)), n_boards);
	assert_string_equal(ids[0], "a30-24gb");
}

/* ---- figures of live listings ---- */

static void test_figures(void **state)
{
	static const struct {
		const char *board, *name;
		unsigned id, sm, memory_mib, starts, most, copy, decoders;
	} cases[] = {
		{"a100-sxm4-40gb", "1g.5gb", 19, 14, 4864, 0x7f, 7, 1, 0},
		{"a100-sxm4-40gb", "1g.10gb", 15, 14, 9856, 0x55, 4, 1, 1},
		{"a100-sxm4-40gb", "2g.10gb", 14, 28, 9856, 0x15, 3, 2, 1},
		{"a100-sxm4-40gb", "3g.20gb", 9, 42, 19968, 0x11, 2, 3, 2},
		{"a100-sxm4-40gb", "4g.20gb", 5, 56, 19968, 0x01, 1, 4, 2},
		{"a100-sxm4-40gb", "7g.40gb", 0, 98, 40192, 0x01, 1, 7, 5},
		{"h100-sxm5-80gb", "1g.20gb", 15, 26, 20096, 0x55, 4, 1, 1},
		{"h100-sxm5-80gb", "3g.40gb", 9, 60, 40448, 0x11, 2, 3, 3},
		{"h100-sxm5-80gb", "7g.80gb", 0, 132, 81152, 0x01, 1, 8, 7},
		{"a30-24gb", "1g.6gb", 14, 14, 5952, 0x0f, 4, 1, 1},
		{"a30-24gb", "2g.12gb+me", 6, 28, 11968, 0x05, 1, 2, 2},
		{"rtx-pro-6000-blackwell-server", "1g.24gb", 14, 46, 24192, 0x249, 4, 1, 1},
		{"rtx-pro-6000-blackwell-server", "2g.48gb+gfx", 35, 94, 48512, 0x41, 2, 2, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct profile *profile =
			board_profile_by_id(board_by_id(cases[i].board), cases[i].id);

		assert_non_null(profile);
		assert_string_equal(profile->name, cases[i].name);
		assert_int_equal(profile->sm, cases[i].sm);
		assert_int_equal(profile->memory_mib, cases[i].memory_mib);
		assert_int_equal(profile->starts, cases[i].starts);
		assert_int_equal(profile->max_instances, cases[i].most);
		assert_int_equal(profile->engines.copy, cases[i].copy);
		assert_int_equal(profile->engines.decoders, cases[i].decoders);
	}
}

/*
 * On Hopper the compute instance that fills a double-memory 1g has a profile of its own; that of
 * every 1g takes less of it.
 */
static void test_compute_instance_of_double_memory(void **state)
{
	const struct board *h100 = board_by_id("h100-sxm5-80gb");
	const struct ci_profile *ci = profile_whole_ci(board_profile_by_name(h100, "1g.20gb"));

	(void)state;
	assert_int_equal(ci->id, 7);
	assert_int_equal(ci->constant, 7);
	assert_int_equal(ci->sm, 26);
	ci = profile_ci_by_id(board_profile_by_name(h100, "1g.20gb"), 0);
	assert_int_equal(ci->sm, 16);
	assert_string_equal(ci->name, "1c.1g.20gb");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_maximum_is_disjoint_windows),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_unique_profiles),
		cmocka_unit_test(test_unique_boards),
		cmocka_unit_test(test_confidence_is_the_weakest_base_row),
		cmocka_unit_test(test_names_follow_nvidias_formula),
		cmocka_unit_test(test_name_lookup),
		cmocka_unit_test(test_compute_instances),
		cmocka_unit_test(test_suggested_is_never_a_hardware_figure),
		cmocka_unit_test(test_identify),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_compute_instance_of_double_memory),
	};

	return tap_run(tests);
}
