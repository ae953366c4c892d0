/*
 * The tale again with the disk full from each write of the ledger on: what
 * runs goes on, nothing new is promised, nothing is done on a GPU that was not
 * written. Then there is room, and everything agrees and works.
 */
#include "steward-tale.h"

#include <stdlib.h>

#include "steward-steps.h"

#define MOST_STEPS 3000
#define STARVED_S  3 /* how long a scene lasts */

static const char *library;
static unsigned stride = 1; /* 7: every seventh write */

static void start(struct host *host)
{
	host_reset(host, tale_policy);
	for (unsigned i = 0; i < TALE_SLEEPERS; i++)
		host_sleeper(host);
}

/* What may be said to one who asks while nothing can be written. */
static bool is_an_answer(enum err_code code)
{
	return !code || code == ERR_DISK_FULL || code == ERR_NO_ROOM || code == ERR_UNAVAILABLE ||
	       code == ERR_REFUSED || code == ERR_NOT_FOUND;
}

static void pass_starved(struct host *host)
{
	struct err err = ERR_INIT;
	bool full = steps.struck;

	for (unsigned i = 0; i < STARVED_S; i++)
		host_pass(host);
	if (host_check_written(host, &err))
		fail_msg("full from write %u on: %s", steps.strike, err.text);
	if (full && !is_an_answer(host->err.code))
		fail_msg("full from write %u on: the answer is %s: %s", steps.strike,
			 err_name(host->err.code), host->err.text);
}

/* Returns whether the disk was full before the end. */
static bool starve_from(struct host *host, unsigned step)
{
	struct err err = ERR_INIT;
	bool struck;

	start(host);
	host->eager = true;
	steps_begin(STEP_FULL, step, false, ERR_NONE);
	if (host_try_up(host, &err)) {
		assert_int_equal(err.code, ERR_DISK_FULL);
		err = ERR_INIT;
	} else {
		tale_tell(host, pass_starved);
	}
	struck = steps.struck;
	steps_end();
	if (!host->up)
		host_up(host);
	host_settle(host);
	if (host_check(host, &err))
		fail_msg("full from write %u on, then not: %s", step, err.text);
	host_end_sleepers(host);
	tale_works(host);
	if (host_check(host, &err))
		fail_msg("full from write %u on, later: %s", step, err.text);
	host_down(host);
	host->eager = false;
	return struck;
}

static void test_a_full_disk(void **state)
{
	static const char *const boards_[] = TALE_BOARDS;
	struct host host;
	unsigned step = 1;

	(void)state;
	host_init(&host, library, boards_, 2);
	for (; starve_from(&host, step); step += stride)
		assert_true(step < MOST_STEPS);
	print_message("# full from each of %u writes on, by %u\n", step - 1, stride);
	assert_true(step > 100);
	host_done(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_full_disk)};

	library = argc > 1 ? argv[1] : NULL;
	stride = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	steps_watch_ledgers();
	return tap_run(tests);
}
