/*
 * From one layout of an 8-slot board to another, both at random, for real: each
 * ends as wished, destroys and creates what the plan says and no more, and what
 * it keeps is the same instance as before. In every fourth a call to the driver
 * fails, once or many times; the change is then undone, or dirty and says so.
 */
#include "steward-host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "reconcile/steward-change.h"
#include "steward-steps.h"

#define BOARD	      "h100-sxm5-80gb"
#define MOST_LAYOUTS  4096
#define FAILS_EACH    4

static const char policy[] = "version: 1\nname: pairs\nclasses:\n"
			     "  small: {profiles: 1g, time: 1h}\nteams:\n  all: {users: [ann]}\n";
static const char *library;
static unsigned n_pairs = 2000;
static uint64_t dice = 88172645463325252u;

/* 0 .. n-1 (xorshift64*) */
static unsigned roll(unsigned n)
{
	dice ^= dice >> 12;
	dice ^= dice << 25;
	dice ^= dice >> 27;
	return (unsigned)(dice * UINT64_C(2685821657736338717) >> 33) % n;
}

/* ---- layouts ---- */

static struct layout layouts[MOST_LAYOUTS];
static size_t n_layouts;

static bool take_layout(const struct layout *layout, void *arg)
{
	(void)arg;
	assert_true(n_layouts < MOST_LAYOUTS);
	layouts[n_layouts++] = *layout;
	return true;
}

/* Some of it at its places, the rest wherever it fits best; now and then MIG off. */
static struct wish_gpu any_wish(void)
{
	const struct layout *layout = &layouts[roll((unsigned)n_layouts)];
	struct wish_gpu wish = {.given = true, .mig = roll(40) != 0};
	bool exact = roll(2);

	for (unsigned i = 0; wish.mig && i < layout->n; i++)
		wish.at[wish.n++] = (struct wish_item){
			&layout->board->profiles[layout->at[i].profile],
			.has_start = exact,
			.start = exact ? layout->at[i].start : 0,
		};
	return wish;
}

/* ---- what is there ---- */

struct picture {
	size_t n;
	struct {
		unsigned profile_id, start;
		char uuid[LEDGER_UUID];
	} at[LAYOUT_MAX];
};

static struct picture look(const struct host *host)
{
	struct picture picture = {.n = 0};

	for (size_t i = 0; i < host->steward.n_instances; i++) {
		const struct ledger_instance *row = &host->steward.instances[i]->row;

		if (row->state != INSTANCE_PRESENT)
			continue;
		assert_true(picture.n < LAYOUT_MAX);
		picture.at[picture.n].profile_id = row->profile_id;
		picture.at[picture.n].start = row->start;
		memcpy(picture.at[picture.n++].uuid, row->mig_uuid, LEDGER_UUID);
	}
	return picture;
}

static const char *uuid_in(const struct picture *picture, unsigned profile_id, unsigned start)
{
	for (size_t i = 0; i < picture->n; i++)
		if (picture->at[i].profile_id == profile_id && picture->at[i].start == start)
			return picture->at[i].uuid;
	return NULL;
}

/* How many are the very same in both. */
static size_t count_same(const struct picture *a, const struct picture *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		const char *uuid = uuid_in(b, a->at[i].profile_id, a->at[i].start);

		n += uuid && !strcmp(uuid, a->at[i].uuid);
	}
	return n;
}

/* ---- a pair ---- */

struct tally {
	unsigned done, already, undone, dirty, destroyed, created, kept;
	enum change_state state;
	char why[LEDGER_TEXT];
	unsigned n_destroys, n_creates; /* steps that were done, of the last change */
};

static void take_change(const struct ledger_change *row, void *arg)
{
	struct tally *tally = arg;

	tally->state = row->state;
	memcpy(tally->why, row->why, sizeof(tally->why));
}

static void take_step(const struct ledger_change_step *row, void *arg)
{
	struct tally *tally = arg;

	tally->n_destroys += row->kind == STEP_DESTROY && row->state == STEP_STATE_DONE;
	tally->n_creates += row->kind == STEP_CREATE && row->state == STEP_STATE_DONE;
}

static void check_done(const struct host *host, const struct picture *before,
		       const struct change *plan, struct tally *tally)
{
	struct picture after = look(host);
	size_t kept = (size_t)__builtin_popcount(plan->kept);

	for (unsigned i = 0; i < plan->goal.n; i++) {
		const struct profile *profile =
			&plan->goal.board->profiles[plan->goal.at[i].profile];

		assert_non_null(uuid_in(&after, profile->id, plan->goal.at[i].start));
	}
	assert_int_equal(after.n, plan->goal.n);
	assert_int_equal(tally->n_destroys, plan->cost.destroyed);
	assert_int_equal(tally->n_creates, plan->cost.created);
	assert_int_equal(count_same(before, &after), kept);
	tally->done++;
	tally->kept += (unsigned)kept;
	tally->destroyed += plan->cost.destroyed;
	tally->created += plan->cost.created;
}

static void check_end(const struct host *host, const struct picture *before, bool failing,
		      const struct change *plan, struct tally *tally)
{
	struct picture after = look(host);

	if (tally->state == CHANGE_DONE) {
		if (!failing)
			check_done(host, before, plan, tally);
		return;
	}
	if (!failing)
		fail_msg("change is %s: %s", change_state_name(tally->state), tally->why);
	if (tally->state == CHANGE_UNDONE) {
		tally->undone++;
		assert_int_equal(after.n, before->n);
		for (size_t i = 0; i < after.n; i++)
			assert_non_null(
				uuid_in(before, after.at[i].profile_id, after.at[i].start));
		return;
	}
	assert_int_equal(tally->state, CHANGE_DIRTY);
	assert_non_null(strstr(tally->why, " stands at "));
	tally->dirty++;
}

/* The plan as the planner makes it, by itself. */
static struct change planned(const struct picture *before, const struct wish_gpu *wish)
{
	struct change_gpu gpu = {.board = board_by_id(BOARD)};
	struct change change;
	struct err err = ERR_INIT;

	for (size_t i = 0; i < before->n; i++)
		gpu.at[gpu.n++] = (struct change_instance){
			.profile = board_profile_by_id(gpu.board, before->at[i].profile_id),
			.start = before->at[i].start,
		};
	if (change_make(&gpu, wish, &change, &err))
		fail_msg("%s", err.text);
	return change;
}

static void go(struct host *host, unsigned pair, struct tally *tally)
{
	struct wish wish = {.gpus[0] = any_wish()};
	struct picture before = look(host);
	struct change plan = planned(&before, &wish.gpus[0]);
	bool failing = pair % FAILS_EACH == 0;
	struct err err = ERR_INIT;
	int64_t id;

	if (failing) {
		steps_begin(STEP_FAIL, 1 + roll(40), roll(2), ERR_TIMEOUT);
		steps.times = roll(2) ? 1 : 80;
	}
	tally->n_destroys = tally->n_creates = 0;
	if (steward_change_start(&host->steward, NULL,
				 &(struct steward_change_ask){.wish = &wish}, host->now_s, &id,
				 &err))
		fail_msg("pair %u: %s", pair, err.text);
	host_settle(host);
	steps_end();
	if (!id) {
		tally->already++;
		return;
	}
	if (ledger_changes(host->ledger, id, false, 0, take_change, tally, &err) ||
	    ledger_change_steps(host->ledger, id, take_step, tally, &err))
		fail_msg("%s", err.text);
	check_end(host, &before, failing, &plan, tally);
	if (host_check(host, &err))
		fail_msg("pair %u, %s: %s", pair, change_state_name(tally->state), err.text);
}

static void test_pairs(void **state)
{
	static const char *const boards_[] = {BOARD};
	struct tally tally = {0};
	struct host host;

	(void)state;
	layout_each(board_by_id(BOARD), FAMILY_DOUBLE_ME, take_layout, NULL);
	host_init(&host, library, boards_, 1);
	host_reset(&host, policy);
	host_up(&host);
	host_settle(&host);
	for (unsigned pair = 1; pair <= n_pairs; pair++)
		go(&host, pair, &tally);
	print_message("# %u pairs of %zu layouts: %u done (%u destroyed, %u created, %u kept), "
		      "%u already so, %u undone, %u dirty\n",
		      n_pairs, n_layouts, tally.done, tally.destroyed, tally.created, tally.kept,
		      tally.already, tally.undone, tally.dirty);
	assert_true(tally.done > n_pairs / 2);
	assert_true(tally.kept > tally.done / 2);
	if (n_pairs >= 1000)
		assert_true(tally.undone && tally.dirty);
	host_done(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs)};

	library = argc > 1 ? argv[1] : NULL;
	if (argc > 2)
		n_pairs = (unsigned)atoi(argv[2]);
	steps_watch_ledgers();
	return tap_run(tests);
}
