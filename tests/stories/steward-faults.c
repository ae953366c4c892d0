/*
 * The tale again, with every call to the backend failing in turn, with each
 * error it may return: without doing its work, and after doing it. Then the
 * failure is over, and everything agrees and works.
 */
#include "steward-tale.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "steward-steps.h"

#define MOST_STEPS 3000

static const char *library;
static unsigned stride = 1; /* 7: every seventh call */

static void start(struct host *host)
{
	host_reset(host, tale_policy);
	for (unsigned i = 0; i < TALE_SLEEPERS; i++)
		host_sleeper(host);
}

static void begin(struct host *host)
{
	static const char *const boards_[] = TALE_BOARDS;

	host_init(host, library, boards_, 2);
}

/* What a call can answer: everything backend.h names, for the calls it names it for. */
static bool may_answer(const char *call, enum err_code code, bool after)
{
	static const enum err_code all[] = {ERR_BUSY,	     ERR_NO_ROOM,   ERR_DENIED,
					    ERR_UNSUPPORTED, ERR_NOT_FOUND, ERR_UNAVAILABLE,
					    ERR_TIMEOUT,     ERR_NOMEM,	    ERR_DRIVER};
	bool creates = strstr(call, "create") != NULL;

	/*
	 * These three are a no; a driver that has done it all the same cannot be told from
	 * somebody else who was faster.
	 */
	if (after && !strcmp(call, "gi_create") &&
	    (code == ERR_NO_ROOM || code == ERR_BUSY || code == ERR_DENIED))
		return false;
	if (code == ERR_DIRTY)
		return creates;
	if (code == ERR_STALE)
		return strstr(call, "destroy") || !strcmp(call, "instances");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i] == code)
			return true;
	return false;
}

static void rest_in_order(struct host *host)
{
	struct err err = ERR_INIT;

	host_settle(host);
	if (host_check(host, &err))
		fail_msg("%u calls from %u, %s, on failing (%s, %s): %s", steps.times, steps.strike,
			 steps.what, err_name(steps.code), steps.after ? "after" : "before",
			 err.text);
}

static void fail_from(struct host *host, unsigned step, unsigned times, bool after,
		      enum err_code code)
{
	start(host);
	host->may_fail = true;
	steps_begin(STEP_FAIL, step, after, code);
	steps.times = times;
	host_up(host);
	tale_tell(host, rest_in_order);
	host_end_sleepers(host);
	tale_works(host);
	rest_in_order(host);
	steps_end();
	host_down(host);
}

/* The calls of the undisturbed tale, in order. Failing ones bring more, of the same kinds. */
static size_t list_calls(struct host *host, const char **ret)
{
	size_t n = 0;

	for (unsigned step = 1; step < MOST_STEPS; step++)
		ret[step] = NULL;
	start(host);
	steps_list = ret;
	steps_begin(STEP_FAIL, 0, false, ERR_NONE);
	host_up(host);
	tale_tell(host, host_settle);
	steps_end();
	n = steps.taken;
	steps_list = NULL;
	host_down(host);
	return n;
}

/* Of what only looks, the steward tells no codes apart: two of them a call, others each time. */
static bool is_its_turn(const char *call, unsigned step, enum err_code code)
{
	return steps_changes(call) || (step + code) % 5 == 0;
}

static void fail_every_call(bool after)
{
	const char *calls[MOST_STEPS];
	struct host host;
	unsigned failed = 0;
	size_t n;

	begin(&host);
	n = list_calls(&host, calls);
	for (unsigned step = 1; step <= n; step += stride)
		for (unsigned code = 1; code < ERR_COUNT; code++) {
			if (!may_answer(calls[step], code, after) ||
			    !is_its_turn(calls[step], step, code) ||
			    (after && !steps_changes(calls[step])))
				continue;
			fail_from(&host, step, 1, after, code);
			failed++;
		}
	/* Some in a row: who would look what became of it cannot. */
	for (unsigned step = 1; step <= n; step += stride)
		for (unsigned times = 2; times <= 4; times++)
			if (steps_changes(calls[step]))
				fail_from(&host, step, times, after, ERR_TIMEOUT);
	print_message("# %zu calls, made to fail in %u ways\n", n, failed);
	assert_true(failed > 100 / stride);
	host_done(&host);
}

static void test_calls_that_fail(void **state)
{
	(void)state;
	fail_every_call(false);
}

static void test_calls_that_fail_after_all(void **state)
{
	(void)state;
	fail_every_call(true);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_that_fail),
		cmocka_unit_test(test_calls_that_fail_after_all),
	};

	library = argc > 1 ? argv[1] : NULL;
	stride = argc > 2 ? (unsigned)atoi(argv[2]) : 1;
	steps_watch_ledgers();
	return tap_run(tests);
}
