/*
 * Leases that are moved so that another fits: told once, with the daemon killed at
 * every step of it, and with every call that changes a GPU failing; then what must
 * not be moved, or not any more.
 */
#include "steward-host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "steward-steps.h"

#define MOST_STEPS 3000

static const char *library;
static unsigned stride = 1; /* 7: every seventh step */

#define POLICY(how)                                                                                \
	"version: 1\nname: moves\nclasses:\n"                                                      \
	"  small: {profiles: 1g, time: 4h, max_time: 12h, movable: true}\n"                        \
	"  fixed: {profiles: 1g, time: 4h, max_time: 12h}\n"                                       \
	"  medium: {profiles: 2g, time: 4h, max_time: 12h}\n"                                      \
	"  full: {profiles: full, time: 2h, max_time: 12h}\n"                                      \
	"teams:\n  all: {users: [ann, bob, cem, dee]}\n"                                           \
	"placement: {relocate: {max: 2, how: " how "}}\n"

static const char policy_protects[] = POLICY("do") "changes: {protect: {classes: small}}\n";

static const char policy_do[] = POLICY("do");
static const char policy_propose[] = POLICY("propose");

static const struct steward_lease *lease_of(const struct host *host, int64_t id)
{
	return steward_lease_at(&host->steward, id);
}

static const struct steward_instance *instance_of(const struct host *host, int64_t id)
{
	const struct steward_lease *lease = lease_of(host, id);

	return lease && lease->row.has_instance
		       ? steward_instance_at(&host->steward, lease->row.instance)
		       : NULL;
}

static size_t gpu_of(const struct host *host, int64_t id)
{
	const struct steward_instance *instance = instance_of(host, id);

	return instance ? instance->gpu : STEWARD_NO_GPU;
}

static void init(struct host *host)
{
	static const char *const boards_[] = {"a30-24gb", "a30-24gb"};

	host_init(host, library, boards_, 2);
}

static void check(struct host *host)
{
	struct err err = ERR_INIT;

	if (host_check(host, &err))
		fail_msg("step %u (%s): %s", steps.strike, steps.what ? steps.what : "none",
			 err.text);
}

/* ---- the tale: nothing is asserted on the way, for anything may fail ---- */

struct told {
	int64_t ann, bob, dee, full;
	char ann_before[BACKEND_UUID];
};

static int64_t ask(struct host *host, const char *who, const char *class_)
{
	int64_t lease = host_ask(host, who, &(struct host_ask){.class_ = class_});

	host_settle(host);
	return lease;
}

/* ann and bob with one slice each on one GPU, dee with two on the other. */
static void set_up(struct host *host, struct told *told)
{
	int64_t cem;

	host_settle(host);
	told->ann = ask(host, "ann", "small");
	told->bob = ask(host, "bob", "small");
	cem = ask(host, "cem", "medium");
	told->dee = ask(host, "dee", "medium");
	host_release(host, "cem", cem);
	host_settle(host);
	if (instance_of(host, told->ann))
		memcpy(told->ann_before, instance_of(host, told->ann)->row.mig_uuid,
		       sizeof(told->ann_before));
}

static void tell(struct host *host, struct told *told)
{
	set_up(host, told);
	told->full = ask(host, "cem", "full");
}

static void was_told(struct host *host, const struct told *told)
{
	assert_int_equal(host_state(host, told->full), LEASE_ACTIVE);
	assert_int_equal(host_state(host, told->ann), LEASE_ACTIVE);
	assert_int_equal(host_state(host, told->bob), LEASE_ACTIVE);
	assert_int_equal(gpu_of(host, told->full), 0);
	assert_int_equal(gpu_of(host, told->ann), 1);
	assert_int_equal(gpu_of(host, told->bob), 1);
	assert_string_not_equal(instance_of(host, told->ann)->row.mig_uuid, told->ann_before);
}

static void start(struct host *host)
{
	host_reset(host, policy_do);
	host->eager = true;
}

struct moved {
	int64_t lease;
	unsigned n;
	char text[LEDGER_TEXT], rule[64];
};

static void find_moved(const struct ledger_event *event, void *arg)
{
	struct moved *moved = arg;

	if (strcmp(event->kind, "moved") != 0 || event->lease != moved->lease)
		return;
	moved->n++;
	snprintf(moved->text, sizeof(moved->text), "%s", event->text);
	snprintf(moved->rule, sizeof(moved->rule), "%s", event->rule ? event->rule : "");
}

static void test_two_make_room(void **state)
{
	struct ledger_event_filter all = EVENT_FILTER_ALL;
	struct told told = {0};
	struct moved moved = {0};
	struct err err = ERR_INIT;
	struct host host;

	(void)state;
	init(&host);
	start(&host);
	host_up(&host);
	tell(&host, &told);
	was_told(&host, &told);
	check(&host);
	moved.lease = told.ann;
	assert_int_equal(ledger_events(host.ledger, &all, find_moved, &moved, &err), 0);
	assert_int_equal(moved.n, 1);
	assert_string_equal(moved.rule, "placement.relocate");
	assert_non_null(strstr(moved.text, "on GPU 0 to 1g.6gb at "));
	assert_non_null(strstr(moved.text, "on GPU 1, so that another fits"));
	host_done(&host);
}

/* ---- killed ---- */

static void tell_it(struct host *host)
{
	struct told told = {0};

	tell(host, &told);
}

static void kill_at_every_step(bool after)
{
	unsigned step = 1;
	bool killed = true;
	struct host host;

	init(&host);
	for (unsigned at = 1; killed; at += stride) {
		step = at;
		assert_true(step < MOST_STEPS);
		start(&host);
		killed = host_told_until_killed(&host, tell_it, step, after);
		steps.strike = step;
		host_up(&host);
		host_settle(&host);
		check(&host);
		host_down(&host);
	}
	print_message("# killed %s each of %u steps, by %u\n", after ? "after" : "before", step - 1,
		      stride);
	assert_true(step > 40);
	host_done(&host);
}

static void test_killed_before(void **state)
{
	(void)state;
	kill_at_every_step(false);
}

static void test_killed_after(void **state)
{
	(void)state;
	kill_at_every_step(true);
}

/* ---- failing ---- */

static void fail_from(struct host *host, unsigned step, unsigned times, bool after,
		      enum err_code code)
{
	struct told told = {0};

	start(host);
	host->eager = false;
	host->may_fail = true;
	steps_begin(STEP_FAIL, step, after, code);
	steps.times = times;
	host_up(host);
	tell(host, &told);
	check(host);
	steps_end();
	host_settle(host);
	check(host);
	host_down(host);
}

static void test_calls_that_fail(void **state)
{
	static const enum err_code codes[] = {ERR_BUSY, ERR_NO_ROOM, ERR_TIMEOUT, ERR_DRIVER};
	const char *calls[MOST_STEPS] = {NULL};
	struct told told = {0};
	struct host host;
	unsigned n, failed = 0;

	(void)state;
	init(&host);
	start(&host);
	host.eager = false;
	steps_list = calls;
	steps_begin(STEP_FAIL, 0, false, ERR_NONE);
	host_up(&host);
	tell(&host, &told);
	steps_end();
	n = steps.taken;
	steps_list = NULL;
	host_down(&host);
	for (unsigned step = 1; step <= n; step += stride)
		for (size_t c = 0; steps_changes(calls[step]) && c < ARRAY_SIZE(codes); c++) {
			fail_from(&host, step, 1, false, codes[c]);
			fail_from(&host, step, 4, false, codes[c]);
			if (codes[c] == ERR_TIMEOUT)
				fail_from(&host, step, 1, true, codes[c]);
			failed++;
		}
	print_message("# %u calls, made to fail in %u ways\n", n, failed);
	assert_true(failed > 20 / stride);
	host_done(&host);
}

/* ---- what is not moved ---- */

static void begin(struct host *host, const char *policy, struct told *told)
{
	init(host);
	host_reset(host, policy);
	host_up(host);
	set_up(host, told);
}

static void end(struct host *host)
{
	host_settle(host);
	check(host);
	host_done(host);
}

static void test_what_is_used_is_not_moved(void **state)
{
	struct told told = {0};
	struct host host;
	size_t process;

	(void)state;
	begin(&host, policy_do, &told);
	process = host_sleeper(&host);
	assert_true(host_occupy(&host, process, told.bob));
	host_settle(&host);
	assert_int_equal(ask(&host, "cem", "full"), 0);
	assert_int_equal(host.err.code, ERR_NO_ROOM);
	host_end_sleeper(&host, process);
	host_settle(&host);
	told.full = ask(&host, "cem", "full");
	was_told(&host, &told);
	end(&host);
}

static void test_what_a_process_holds_is_not_moved(void **state)
{
	struct told told = {0};
	struct host host;
	size_t process;
	int64_t held;

	(void)state;
	begin(&host, policy_do, &told);
	process = host_sleeper(&host);
	host_release(&host, "bob", told.bob);
	host_settle(&host);
	held = host_ask(&host, "bob",
			&(struct host_ask){
				.class_ = "small", .hold = true, .pid = host.sleepers[process]});
	host_settle(&host);
	assert_int_equal(gpu_of(&host, held), 0);
	assert_int_equal(ask(&host, "cem", "full"), 0);
	host_release(&host, "bob", held);
	host_settle(&host);
	told.bob = ask(&host, "bob", "fixed"); /* nor is a class that does not say so */
	assert_int_equal(gpu_of(&host, told.bob), 0);
	assert_int_equal(ask(&host, "cem", "full"), 0);
	host_set_policy(&host, policy_protects); /* nor one that no change touches */
	host_release(&host, "bob", told.bob);
	told.bob = ask(&host, "bob", "small");
	assert_int_equal(ask(&host, "cem", "full"), 0);
	host_set_policy(&host, policy_do);
	assert_int_not_equal(ask(&host, "cem", "full"), 0);
	end(&host);
}

/* Between the promise and the change-over somebody begins to use the old instance. */
static void test_in_use_again(void **state)
{
	struct told told = {0};
	struct host host;
	size_t process;
	int64_t full;

	(void)state;
	begin(&host, policy_do, &told);
	process = host_sleeper(&host);
	full = host_ask(&host, "cem", &(struct host_ask){.class_ = "full"});
	assert_int_not_equal(full, 0);
	assert_int_equal(host_state(&host, full), LEASE_GRANTING);
	assert_true(host_occupy(&host, process, told.ann));
	host.may_fail = true;
	host_settle(&host);
	assert_int_equal(gpu_of(&host, told.ann), 0);
	assert_int_equal(host_state(&host, told.ann), LEASE_ACTIVE);
	assert_int_equal(host_users(&host, instance_of(&host, told.ann)->row.gpu,
				    instance_of(&host, told.ann)->row.profile_id,
				    instance_of(&host, told.ann)->row.start),
			 1);
	assert_int_equal(host_state(&host, full), LEASE_ENDED); /* there is no other place */
	end(&host);
}

/* Who was to be moved leaves, and who asked leaves. */
static void test_somebody_leaves_meanwhile(void **state)
{
	struct told told = {0};
	struct host host;
	int64_t full;

	(void)state;
	begin(&host, policy_do, &told);
	full = host_ask(&host, "cem", &(struct host_ask){.class_ = "full"});
	host_release(&host, "ann", told.ann);
	host_settle(&host);
	assert_int_equal(host_state(&host, full), LEASE_ACTIVE);
	assert_int_equal(gpu_of(&host, full), 0);
	assert_int_equal(gpu_of(&host, told.bob), 1);
	host_release(&host, "cem", full);
	host_settle(&host);
	check(&host);
	told.ann = ask(&host, "ann", "small");
	end(&host);

	told = (struct told){0};
	begin(&host, policy_do, &told);
	full = host_ask(&host, "cem", &(struct host_ask){.class_ = "full"});
	host_release(&host, "cem", full);
	host_settle(&host);
	assert_int_equal(host_state(&host, full), LEASE_ENDED);
	assert_int_equal(host_state(&host, told.ann), LEASE_ACTIVE);
	end(&host);
}

static void test_one_who_waits_is_served(void **state)
{
	struct told told = {0};
	struct host host;
	size_t process;

	(void)state;
	begin(&host, policy_do, &told);
	process = host_sleeper(&host);
	host_occupy(&host, process, told.ann);
	host_settle(&host);
	told.full = host_ask(&host, "cem", &(struct host_ask){.class_ = "full", .wait = true});
	host_settle(&host);
	assert_int_equal(host_state(&host, told.full), LEASE_QUEUED);
	host_end_sleeper(&host, process);
	host_settle(&host);
	was_told(&host, &told);
	end(&host);
}

static void test_proposed_only(void **state)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	struct told told = {0};
	struct host host;
	char want[256];

	(void)state;
	begin(&host, policy_propose, &told);
	assert_int_equal(ask(&host, "cem", "full"), 0);
	snprintf(want, sizeof(want), "it would fit after moving lease %d of ann from 1g.6gb at ",
		 (int)told.ann);
	assert_non_null(strstr(host.err.hint, want));
	assert_non_null(strstr(host.err.hint, " of bob from 1g.6gb at "));
	told.full = host_ask(&host, "cem", &(struct host_ask){.class_ = "full", .wait = true});
	host_settle(&host);
	assert_int_equal(host_state(&host, told.full), LEASE_QUEUED);
	assert_true(steward_propose_for(&host.steward, &lease_of(&host, told.full)->row, host.now_s,
					&text));
	host_set_policy(&host, policy_do);
	host_settle(&host);
	was_told(&host, &told);
	end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_make_room),
		cmocka_unit_test(test_what_is_used_is_not_moved),
		cmocka_unit_test(test_what_a_process_holds_is_not_moved),
		cmocka_unit_test(test_in_use_again),
		cmocka_unit_test(test_somebody_leaves_meanwhile),
		cmocka_unit_test(test_one_who_waits_is_served),
		cmocka_unit_test(test_proposed_only),
		cmocka_unit_test(test_killed_before),
		cmocka_unit_test(test_killed_after),
		cmocka_unit_test(test_calls_that_fail),
	};

	library = argc > 1 ? argv[1] : NULL;
	stride = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	steps_watch_ledgers();
	return tap_run(tests);
}
