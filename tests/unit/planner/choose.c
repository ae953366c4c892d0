/*
 * Where a new lease goes, as pictures. A GPU is a row of units: '.' is free, a
 * letter is a profile, capital when it is held and small when it is a free
 * instance of ours:
 *
 *	a 1g   m 1g+me   d 1g with double memory   b 2g   c 3g   e 4g   f 7g
 *	x y z  1g, 2g, 3g of a layout that was applied
 *
 * A '#' in front: the GPU is closed.
 * "CCCC..a." has a 3g that is held at unit 0 and a free 1g at unit 6.
 */
#include "../tap.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "planner/choose.h"

static const struct {
	char letter;
	const char *profile;
} letters[] = {
	{'a', "1g.10gb"}, {'m', "1g.10gb+me"}, {'d', "1g.20gb"}, {'b', "2g.20gb"},
	{'c', "3g.40gb"}, {'e', "4g.40gb"},    {'f', "7g.80gb"},
	{'x', "1g.10gb"}, {'y', "2g.20gb"},    {'z', "3g.40gb"},
};

static const struct profile *profile_of(const struct board *board, char letter)
{
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].letter == tolower((unsigned char)letter))
			return board_profile_by_name(board, letters[i].profile);
	fail_msg("no profile is called '%c'", letter);
	return NULL;
}

/* Ids and leases count from 100 x GPU + unit. ends: hours from 0, a digit above the first unit. */
static void draw(struct choose_gpu *gpu, size_t index, const char *picture, const char *ends)
{
	const struct board *board = board_by_id("a100-sxm4-80gb");

	*gpu = (struct choose_gpu){
		.usable = *picture != '!', .closed = *picture == '#', .board = board};
	picture += gpu->closed;
	for (unsigned unit = 0; picture[unit];) {
		const struct profile *profile;
		int64_t id = (int64_t)(100 * index + unit);
		bool has_ends = ends && unit < strlen(ends) && isdigit((unsigned char)ends[unit]);

		if (strchr(".!", picture[unit])) {
			unit++;
			continue;
		}
		profile = profile_of(board, picture[unit]);
		gpu->at[gpu->n++] = (struct choose_instance){
			.id = id,
			.profile = profile,
			.start = unit,
			.use = isupper((unsigned char)picture[unit]) ? CHOOSE_HELD : CHOOSE_FREE,
			.laid = tolower((unsigned char)picture[unit]) >= 'x',
			.has_ends = has_ends,
			.ends_s = has_ends ? (ends[unit] - '0') * 3600 : 0,
			.lease = id,
		};
		unit += profile->size;
	}
}

static struct policy *policy_with(const char *profiles, const char *rule)
{
	struct policy *policy = NULL;
	struct err err = ERR_INIT;
	char yaml[256];

	snprintf(yaml, sizeof(yaml),
		 "version: 1\nclasses: {c: {profiles: [%s]}}\nteams: {everyone: {}}\n"
		 "placement: {rule: %s}\n",
		 profiles, rule ? rule : "cap");
	if (policy_parse(yaml, strlen(yaml), "p", &policy, &err))
		fail_msg("%s", err.text);
	return policy;
}

/* "0: 3g.40gb at 4", "1: takes 1g.10gb at 6", "0: 7g.80gb at 0 after removing 4 6". */
static void say(const struct choice *choice, bool found, struct text *ret)
{
	if (!found) {
		text_add(ret, "none");
		return;
	}
	text_addf(ret, "%zu: %s%s at %u", choice->gpu, choice->exists ? "takes " : "",
		  choice->profile->name, choice->start);
	for (size_t i = 0; i < choice->n_remove; i++)
		text_addf(ret, "%s%lld", i ? " " : " after removing ",
			  (long long)choice->remove[i] % 100);
}

struct picture {
	const char *story, *profiles, *gpus[3], *says;
	uint32_t max_slices; /* 0: no limit */
	struct choose_hold hold;
	const char *rule; /* NULL: cap */
};

static size_t draw_all(const struct picture *picture, struct choose_gpu *gpus)
{
	size_t n = 0;

	for (; n < ARRAY_SIZE(picture->gpus) && picture->gpus[n]; n++)
		draw(&gpus[n], n, picture->gpus[n], NULL);
	return n;
}

static void check_pictures(const struct picture *pictures, size_t n_pictures)
{
	for (size_t i = 0; i < n_pictures; i++) {
		const struct picture *picture = &pictures[i];
		cleanup(policy_free) struct policy *policy = policy_with(picture->profiles, picture->rule);
		cleanup(text_done) struct text got = TEXT_INIT;
		struct choose_gpu gpus[3];
		struct choice choice = {0};
		size_t n = draw_all(picture, gpus);
		bool found = choose_place(gpus, n, policy_class_at(policy, 0),
					  picture->max_slices ? picture->max_slices : UINT32_MAX,
					  &picture->hold, &choice);

		say(&choice, found, &got);
		if (strcmp(text_str(&got), picture->says) != 0)
			fail_msg("%s: %s on %s %s: expected '%s', got '%s'", picture->story,
				 picture->profiles, picture->gpus[0],
				 picture->gpus[1] ? picture->gpus[1] : "", picture->says,
				 text_str(&got));
	}
}

static void a_place_is_chosen(void **state)
{
	static const struct picture pictures[] = {
		{"the left side stays whole", "1g", {"........"}, "0: 1g.10gb at 6"},
		{"the lower GPU when they tie", "1g", {"........", "........"}, "0: 1g.10gb at 6"},
		{"a GPU that is open already loses less",
		 "1g",
		 {"........", "......A."},
		 "1: 1g.10gb at 4"},
		{"a hole across a boundary is no place", "3g", {"AA....BB"}, "none"},
		{"nothing that runs is touched", "7g", {"......A.", "A......."}, "none"},
		{"a GPU that is not usable is passed over",
		 "1g",
		 {"!", "........"},
		 "1: 1g.10gb at 6"},
		{"no GPU at all", "1g", {NULL}, "none"},

		{"a free instance is taken", "1g", {"CCCC..a."}, "0: takes 1g.10gb at 6"},
		{"before a new one on a better GPU",
		 "1g",
		 {"......A.", "a......."},
		 "1: takes 1g.10gb at 0"},
		{"of two free ones that which loses least",
		 "1g",
		 {"a.......", "....a.A."},
		 "1: takes 1g.10gb at 4"},
		{"a free one of another profile does not serve",
		 "1g",
		 {"......m."},
		 "0: 1g.10gb at 4"},
		{"nor does one with double memory", "2g", {"dd......"}, "0: 2g.20gb at 2"},

		{"free ones give way when they must",
		 "7g",
		 {"......a."},
		 "0: 7g.80gb at 0 after removing 6"},
		{"as few as possible",
		 "3g",
		 {"aaaaaaa.", "aa..BBa."},
		 "1: 3g.40gb at 0 after removing 0 1"},
		{"fewer before better",
		 "3g",
		 {"aa..bbA.", "a.bba..."},
		 "1: 3g.40gb at 4 after removing 4"},
		{"only one +me exists: the free one goes",
		 "1g+me",
		 {"......m."},
		 "0: takes 1g.10gb+me at 6"},
		{"a held +me does not go", "1g+me", {"......M."}, "none"},
		{"and a new place where there is one",
		 "1g+me",
		 {"......M.", "........"},
		 "1: 1g.10gb+me at 6"},
		{"room without removing comes first",
		 "2g",
		 {"bbBBBBA.", "......A."},
		 "0: takes 2g.20gb at 0"},

		{"the best profile first", "3g, 2g", {"........"}, "0: 3g.40gb at 4"},
		{"the next when there is none", "3g, 2g", {"AA....BB"}, "0: 2g.20gb at 2"},
		{"free ones give way to the best profile",
		 "3g, 2g",
		 {"bb..CCCC"},
		 "0: 3g.40gb at 0 after removing 0"},

		{"no more slices than allowed", "3g, 2g", {"........"}, "0: 2g.20gb at 4", 2},
		{"none at all", "3g, 2g", {"........"}, "none", 1},

		{"what is kept for another is left alone",
		 "3g",
		 {"........"},
		 "0: 3g.40gb at 0",
		 0,
		 {true, 0, 0xf0}},
		{"also a free instance there",
		 "1g",
		 {"......a."},
		 "0: 1g.10gb at 0",
		 0,
		 {true, 0, 0xf0}},
		{"another GPU is not concerned",
		 "3g",
		 {"........"},
		 "0: 3g.40gb at 4",
		 0,
		 {true, 1, 0xf0}},
		{"nothing is kept", "3g", {"........"}, "0: 3g.40gb at 4", 0, {false, 0, 0xf0}},
		{"what is laid is taken", "3g", {"zzzz...."}, "0: takes 3g.40gb at 0"},
		{"and not removed to make room", "4g", {"zzzzcccc", "cccc...."},
		 "1: 4g.40gb at 0 after removing 0"},
		{"whatever else would fit", "7g", {"x......."}, "none"},
		{"a closed GPU is passed over", "1g", {"#........", "........"}, "1: 1g.10gb at 6"},
		{"also with what is free on it", "1g", {"#a......."}, "none"},
	};

	(void)state;
	check_pictures(pictures, ARRAY_SIZE(pictures));
}

static void other_rules_choose_otherwise(void **state)
{
	static const struct picture pictures[] = {
		{"first fit", "1g", {"........", "......A."}, "0: 1g.10gb at 0", .rule = "first-fit"},
		{"best fit: the fullest GPU, as the driver would place it",
		 "1g",
		 {"CCCC....", "EEEEBB..", "........"},
		 "1: 1g.10gb at 6",
		 .rule = "best-fit"},
		{"mfi does not mind opening a GPU: nothing is fragmented there",
		 "1g",
		 {"........", "....BBA."},
		 "0: 1g.10gb at 6",
		 .rule = "mfi"},
		{"cap does", "1g", {"........", "....BBA."}, "1: 1g.10gb at 0", .rule = "cap"},
		{"a free instance first, whatever the rule",
		 "1g",
		 {"........", "....a.A."},
		 "1: takes 1g.10gb at 4",
		 .rule = "first-fit"},
		{"of two free ones the first",
		 "1g",
		 {"a.......", "....a.A."},
		 "0: takes 1g.10gb at 0",
		 .rule = "first-fit"},
	};

	(void)state;
	check_pictures(pictures, ARRAY_SIZE(pictures));
}

/* An 'm' above an instance: its lease may be moved. */
static void mark_movable(struct choose_gpu *gpu, const char *marks)
{
	for (size_t i = 0; i < gpu->n; i++)
		gpu->at[i].movable = gpu->at[i].start < strlen(marks) &&
				     marks[gpu->at[i].start] == 'm';
}

/* "0: 3g.40gb at 0 after moving 0.0 to 1.4, removing 1.6": GPU and unit. */
static void say_moves(const struct choice *choice, bool found, struct text *ret)
{
	if (!found) {
		text_add(ret, "none");
		return;
	}
	text_addf(ret, "%zu: %s at %u", choice->gpu, choice->profile->name, choice->start);
	for (size_t i = 0; i < choice->n_moves; i++)
		text_addf(ret, "%s%lld.%lld to %zu.%u%s", i ? ", " : " after moving ",
			  (long long)choice->moves[i].from / 100,
			  (long long)choice->moves[i].from % 100, choice->moves[i].gpu,
			  choice->moves[i].start, choice->moves[i].exists ? " (free)" : "");
	for (size_t i = 0; i < choice->n_remove; i++)
		text_addf(ret, "%s%lld.%lld", i ? " " : ", removing ",
			  (long long)choice->remove[i] / 100, (long long)choice->remove[i] % 100);
}

static void others_are_moved(void **state)
{
	static const struct {
		const char *story, *profiles, *marks[2], *gpus[2], *says;
		unsigned max_moves;
		struct choose_hold hold;
	} cases[] = {
		{"one is in the way, and has room on the other half",
		 "4g",
		 {"m"},
		 {"A......."},
		 "0: 4g.40gb at 0 after moving 0.0 to 0.6",
		 1},
		{"it is not movable", "4g", {""}, {"A......."}, "none", 1},
		{"no moves", "4g", {"m"}, {"A......."}, "none", 0},
		{"nowhere to go", "4g", {"m"}, {"A...CCCC"}, "none", 3},
		{"to another GPU",
		 "4g",
		 {"m", ""},
		 {"A...CCCC", "CCCC..A."},
		 "0: 4g.40gb at 0 after moving 0.0 to 1.4",
		 1},
		{"two are in the way", "4g", {"mm"}, {"AA......"}, "none", 1},
		{"and may both go, each while the other is there",
		 "4g",
		 {"mm"},
		 {"AA......"},
		 "0: 4g.40gb at 0 after moving 0.0 to 0.6, 0.1 to 0.4",
		 2},
		{"one beside one that stays", "4g", {"m"}, {"AA......"}, "none", 2},
		{"the smaller is moved rather than the larger",
		 "3g",
		 {"m   m", ""},
		 {"BB..A...", "CCCCBB.."},
		 "0: 3g.40gb at 4 after moving 0.4 to 1.6",
		 1},
		{"fewest units",
		 "4g",
		 {"m", "m"},
		 {"BB..CCCC", "A...BB.."},
		 "1: 4g.40gb at 0 after moving 1.0 to 1.6",
		 1},
		{"a free instance of its profile is taken",
		 "4g",
		 {"m", ""},
		 {"A...CCCC", "......a."},
		 "0: 4g.40gb at 0 after moving 0.0 to 1.6 (free)",
		 1},
		{"free ones in the window go too",
		 "4g",
		 {"m"},
		 {"Aa......"},
		 "0: 4g.40gb at 0 after moving 0.0 to 0.6, removing 0.1",
		 1},
		{"and where it is moved to",
		 "4g",
		 {"m", ""},
		 {"B...CCCC", "CCCCaaa."},
		 "0: 4g.40gb at 0 after moving 0.0 to 1.4, removing 1.4 1.5",
		 1},
		{"the old one is there until the end: no room meanwhile",
		 "7g",
		 {"CCCC"},
		 {"CCCC...."},
		 "none",
		 1},
		{"what is kept for another is no target",
		 "4g",
		 {"m"},
		 {"A......."},
		 "none",
		 1,
		 {true, 0, 0xf0}},
		{"the best profile first, with moves",
		 "4g, 3g",
		 {"m"},
		 {"A...CCCC"},
		 "none",
		 1},
		{"the only +me cannot be made twice", "4g", {"m"}, {"M......."}, "none", 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_with(cases[i].profiles, NULL);
		cleanup(text_done) struct text got = TEXT_INIT;
		struct choose_gpu gpus[2];
		struct choice choice = {0};
		size_t n = 0;
		bool found;

		for (; n < 2 && cases[i].gpus[n]; n++) {
			draw(&gpus[n], n, cases[i].gpus[n], NULL);
			mark_movable(&gpus[n], cases[i].marks[n]);
		}
		found = choose_by_moving(gpus, n, policy_class_at(policy, 0), UINT32_MAX,
					 &cases[i].hold, cases[i].max_moves, &choice);
		say_moves(&choice, found, &got);
		if (strcmp(text_str(&got), cases[i].says) != 0)
			fail_msg("%s: expected '%s', got '%s'", cases[i].story, cases[i].says,
				 text_str(&got));
	}
}

static void possible_is_about_empty_gpus(void **state)
{
	static const struct {
		const char *profiles, *gpu;
		uint32_t max_slices;
		bool possible;
	} cases[] = {
		{"7g", "AAAAAAA.", 7, true},
		{"7g", "AAAAAAA.", 6, false},
		{"7g", "!", 7, false},
		{"7g, 1g", "........", 3, true},
		{"1g.5gb", "........", 7, false},
		{"7g", "#x.......", 7, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_with(cases[i].profiles, NULL);
		struct choose_gpu gpu;

		draw(&gpu, 0, cases[i].gpu, NULL);
		assert_int_equal(choose_is_possible(&gpu, 1, policy_class_at(policy, 0),
						    cases[i].max_slices),
				 cases[i].possible);
	}
}

static void how_many_more(void **state)
{
	static const struct {
		const char *profiles, *gpus[2];
		unsigned n;
	} cases[] = {
		{"1g", {"........", "........"}, 14},
		{"1g", {"CCCC....", "......a."}, 10},
		{"2g", {"........"}, 3},
		{"7g", {"......a.", "......A."}, 1},
		{"3g", {"AA....BB"}, 0},
		{"3g, 2g", {"........"}, 2},
		{"3g, 1g", {"......A."}, 3},
		{"1g+me", {"........", "....m..."}, 2},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_with(cases[i].profiles, NULL);
		struct choose_gpu gpus[2];
		unsigned got;

		draw(&gpus[0], 0, cases[i].gpus[0], NULL);
		draw(&gpus[1], 1, cases[i].gpus[1] ? cases[i].gpus[1] : "!", NULL);
		got = choose_count(gpus, 2, policy_class_at(policy, 0), UINT32_MAX);
		if (got != cases[i].n)
			fail_msg("%s on %s: expected %u, got %u", cases[i].profiles,
				 cases[i].gpus[0], cases[i].n, got);
	}
}

static void when_there_will_be_room(void **state)
{
	/* The digit above an instance is the hour at which its lease ends; now is hour 2. */
	static const struct {
		const char *story, *profiles;
		const char *ends[2], *gpus[2];
		int hour; /* -1: never */
		int64_t lease;
		unsigned gpu;
		uint16_t window;
	} cases[] = {
		{"free now", "1g", {""}, {"........"}, 2, 0, 0, 0x40},
		{"free ones are no obstacle", "7g", {""}, {"a.....a."}, 2, 0, 0, 0xff},
		{"the first to end", "1g", {"5436789"}, {"AAAAAAA."}, 3, 2, 0, 0x04},
		{"the last of a window that ends first",
		 "3g",
		 {"9999765"},
		 {"AAAAAAA."},
		 7,
		 4,
		 0,
		 0xf0},
		{"on the GPU where it is sooner",
		 "7g",
		 {"4", "3"},
		 {"FFFFFFFF", "FFFFFFFF"},
		 3,
		 100,
		 1,
		 0xff},
		{"the lower GPU when they tie",
		 "7g",
		 {"4", "4"},
		 {"FFFFFFFF", "FFFFFFFF"},
		 4,
		 0,
		 0,
		 0xff},
		{"a stranger never ends", "7g", {"4   ?"}, {"CCCCCCCC"}, -1, 0, 0, 0},
		{"but his neighbour does", "3g", {"4   ?"}, {"CCCCCCCC"}, 4, 0, 0, 0x0f},
		{"not usable is never", "1g", {""}, {"!"}, -1, 0, 0, 0},
		{"what is laid makes room for nobody", "7g", {"4"}, {"ZZZZ...."}, -1, 0, 0, 0},
		{"but is had when its lease ends", "3g", {"4   ?"}, {"ZZZZCCCC"}, 4, 0, 0, 0x0f},
		{"a closed GPU is not promised", "1g", {""}, {"#........"}, -1, 0, 0, 0},
		{"what should have ended frees it now", "7g", {"1"}, {"FFFFFFFF"}, 2, 0, 0, 0xff},
		{"the better profile when they tie", "3g, 1g", {"3"}, {"FFFFFFFF"}, 3, 0, 0, 0xf0},
		{"the worse one when it is sooner",
		 "7g, 3g",
		 {"4   3"},
		 {"CCCCCCCC"},
		 3,
		 4,
		 0,
		 0xf0},
		{"the only +me must end first", "1g+me", {"......5."}, {"......M."}, 5, 6, 0, 0x40},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup(policy_free) struct policy *policy = policy_with(cases[i].profiles, NULL);
		struct choose_gpu gpus[2];
		struct outlook got = {0};

		draw(&gpus[0], 0, cases[i].gpus[0], cases[i].ends[0]);
		draw(&gpus[1], 1, cases[i].gpus[1] ? cases[i].gpus[1] : "!", cases[i].ends[1]);
		choose_outlook(gpus, 2, policy_class_at(policy, 0), UINT32_MAX, 2 * 3600, &got);
		if (got.has_when != (cases[i].hour >= 0) || got.lease != cases[i].lease ||
		    (got.has_when &&
		     (got.when_s != cases[i].hour * 3600 || got.hold.gpu != cases[i].gpu ||
		      got.hold.window != cases[i].window || !got.hold.active)))
			fail_msg("%s: got hour %lld, lease %lld, GPU %zu, window %x",
				 cases[i].story, (long long)got.when_s / 3600, (long long)got.lease,
				 got.hold.gpu, got.hold.window);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_chosen),
		cmocka_unit_test(other_rules_choose_otherwise),
		cmocka_unit_test(others_are_moved),
		cmocka_unit_test(possible_is_about_empty_gpus),
		cmocka_unit_test(how_many_more),
		cmocka_unit_test(when_there_will_be_room),
	};

	return tap_run(tests);
}
