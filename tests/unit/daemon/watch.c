#include "../tap.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/proc.h"
#include "daemon/watch.h"

static struct watch *watch;

static int set_up(void **state)
{
	struct err err = ERR_INIT;

	(void)state;
	return watch_new(&watch, &err);
}

static int tear_down(void **state)
{
	(void)state;
	watch_free(watch);
	return 0;
}

static pid_t sleeper(uint64_t *ret_start)
{
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	assert_true(proc_start_time(pid, ret_start));
	return pid;
}

static void end(pid_t pid)
{
	assert_int_equal(0, kill(pid, SIGKILL));
	assert_int_equal(pid, waitpid(pid, NULL, 0));
}

static void an_end_is_told_once(void **state)
{
	uint64_t start;
	pid_t pid = sleeper(&start);
	int64_t lease = 0;

	(void)state;
	watch_add(watch, 7, pid, start);
	assert_false(watch_next(watch, &lease));
	end(pid);
	assert_true(watch_next(watch, &lease));
	assert_int_equal(7, lease);
	assert_false(watch_next(watch, &lease));
}

static void who_had_ended_before_is_told_too(void **state)
{
	uint64_t start;
	pid_t pid = sleeper(&start);
	int64_t lease = 0;

	(void)state;
	end(pid);
	watch_add(watch, 8, pid, start);
	assert_true(watch_next(watch, &lease));
	assert_int_equal(8, lease);
}

static void another_with_the_same_pid_is_not_he(void **state)
{
	uint64_t start;
	pid_t pid = sleeper(&start);
	int64_t lease = 0;

	(void)state;
	watch_add(watch, 9, pid, start - 1);
	assert_true(watch_next(watch, &lease));
	assert_int_equal(9, lease);
	end(pid);
}

static void who_is_not_watched_any_more_is_not_told(void **state)
{
	uint64_t start;
	pid_t pid = sleeper(&start);
	int64_t lease = 0;

	(void)state;
	watch_add(watch, 10, pid, start);
	watch_add(watch, 11, pid, start);
	watch_remove(watch, 10);
	end(pid);
	assert_true(watch_next(watch, &lease));
	assert_int_equal(11, lease);
	assert_false(watch_next(watch, &lease));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_end_is_told_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_had_ended_before_is_told_too, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_with_the_same_pid_is_not_he, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_is_not_watched_any_more_is_not_told, set_up, tear_down),
	};

	return tap_run(tests);
}
