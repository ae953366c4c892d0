/*
 * The steward is killed at every step of the tale: before and after each call
 * to the backend and each write of the ledger. Whoever starts next finds all
 * that was promised, and nothing else.
 */
#include "steward-tale.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "steward-steps.h"

#define MOST_STEPS 5000

static const char *library;
static unsigned stride = 1; /* 7: every seventh step */

static void start(struct host *host)
{
	host_reset(host, tale_policy);
	host->eager = true;
	for (unsigned i = 0; i < TALE_SLEEPERS; i++)
		host_sleeper(host);
}

static void test_the_tale(void **state)
{
	static const char *const boards_[] = TALE_BOARDS;
	struct err err = ERR_INIT;
	struct host host;

	(void)state;
	host_init(&host, library, boards_, 2);
	start(&host);
	host_up(&host);
	tale_tell(&host, host_settle);
	tale_was_told(&host);
	if (host_check(&host, &err))
		fail_msg("%s", err.text);
	host_done(&host);
}

static void tell_it(struct host *host)
{
	tale_tell(host, host_settle);
}

static void find_all_in_order(struct host *host, unsigned step, bool after)
{
	struct err err = ERR_INIT;

	host_up(host);
	host_settle(host);
	if (host_check(host, &err))
		fail_msg("killed %s step %u: %s", after ? "after" : "before", step, err.text);
	host_end_sleepers(host);
	tale_works(host);
	if (host_check(host, &err))
		fail_msg("killed %s step %u, later: %s", after ? "after" : "before", step,
			 err.text);
	host_down(host);
}

static void kill_at_every_step(bool after)
{
	static const char *const boards_[] = TALE_BOARDS;
	struct host host;
	unsigned step = 1;
	bool killed = true;

	host_init(&host, library, boards_, 2);
	for (unsigned at = 1; killed; at += stride) {
		step = at;
		assert_true(step < MOST_STEPS);
		start(&host);
		killed = host_told_until_killed(&host, tell_it, step, after);
		find_all_in_order(&host, step, after);
	}
	print_message("# killed %s each of %u steps, by %u\n", after ? "after" : "before", step - 1,
		      stride);
	assert_true(step > 50);
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_tale),
		cmocka_unit_test(test_killed_before),
		cmocka_unit_test(test_killed_after),
	};

	library = argc > 1 ? argv[1] : NULL;
	stride = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	steps_watch_ledgers();
	return tap_run(tests);
}
