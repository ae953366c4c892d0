/*
 * What only time brings about; signals and exit statuses are in
 * tests/golden/terminal.py.
 */
#include "../tap.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/child.h"

static struct signals signals = SIGNALS_NONE;

static int run(const char *script, const struct child_limit *limit, int *ret_status)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
	const struct child_variable none[] = {{NULL, NULL}};
	struct err err = ERR_INIT;

	return child_run(argv, none, &signals, limit, ret_status, &err);
}

static void who_does_not_listen_is_killed(void **state)
{
	const struct child_limit limit = {.has_end = true, .end_s = clock_now_s(), .grace_s = 1};
	int status = 0;

	(void)state;
	signal(SIGTERM, SIG_IGN); /* inherited, hence before the command's first line */
	assert_int_equal(0, run("while :; do sleep 0.05; done", &limit, &status));
	signal(SIGTERM, SIG_DFL);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void who_is_stopped_is_woken_to_end(void **state)
{
	const struct child_limit limit = {
		.has_end = true, .end_s = clock_now_s() + 1, .grace_s = 60};
	int status = 0;

	(void)state;
	assert_int_equal(0, run("kill -STOP $$; sleep 60", &limit, &status));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

struct looks {
	int n, prolonged;
};

static int64_t look(void *arg, int64_t now_s)
{
	struct looks *looks = arg;

	looks->n++;
	return looks->n <= looks->prolonged ? now_s + 1 : 0;
}

static void the_end_is_looked_at_until_it_stands(void **state)
{
	struct looks looks = {.prolonged = 2};
	const struct child_limit limit = {true, clock_now_s(), 60, look, &looks};
	int status = 0;

	(void)state;
	assert_int_equal(0, run("exec sleep 60", &limit, &status));
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(looks.n, 3);
}

static void what_cannot_run_is_told_apart(void **state)
{
	const struct child_limit none = {.has_end = false};
	const struct child_variable variables[] = {{NULL, NULL}};
	char *missing[] = {(char *)"/nonexistent/command", NULL};
	char *folder[] = {(char *)"/tmp", NULL};
	struct err err = ERR_INIT;
	int status = 7;

	(void)state;
	assert_int_equal(child_run(missing, variables, &signals, &none, &status, &err),
			 -ERR_NOT_FOUND);
	assert_int_equal(child_run(folder, variables, &signals, &none, &status, &err), -ERR_DENIED);
	assert_int_equal(status, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_does_not_listen_is_killed),
		cmocka_unit_test(who_is_stopped_is_woken_to_end),
		cmocka_unit_test(the_end_is_looked_at_until_it_stands),
		cmocka_unit_test(what_cannot_run_is_told_apart),
	};
	struct err err = ERR_INIT;

	return signals_open(&signals, &err) ? 1 : tap_run(tests);
}
