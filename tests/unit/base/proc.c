#include "base/proc.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../tap.h"

static void tells_processes_apart(void **unused)
{
	uint64_t ours, again, inits;

	(void)unused;
	assert_true(proc_start_time(getpid(), &ours));
	assert_true(proc_start_time(getpid(), &again));
	assert_true(proc_start_time(1, &inits));
	assert_int_equal(ours, again);
	assert_true(inits <= ours);
}

static void knows_no_such_process(void **unused)
{
	uint64_t start = 7;

	(void)unused;
	assert_false(proc_start_time(0, &start));
	assert_false(proc_start_time(-1, &start));
	assert_int_equal(start, 7);
}

/* Ended is ended, whether or not its parent looked. */
static void a_zombie_is_no_process(void **unused)
{
	pid_t pid = fork();
	uint64_t start;
	siginfo_t info;

	(void)unused;
	if (!pid)
		_exit(0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_false(proc_start_time(pid, &start));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_false(proc_start_time(pid, &start));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_processes_apart),
		cmocka_unit_test(knows_no_such_process),
		cmocka_unit_test(a_zombie_is_no_process),
	};

	return tap_run(tests);
}
