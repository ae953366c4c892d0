/* What is given up is gone, and a program that is run has nothing. As root. */
#include "../tap.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "daemon/privilege.h"

static uint64_t set_of(const char *status, const char *name)
{
	const char *at = strstr(status, name);
	unsigned long long set;

	assert_non_null(at);
	assert_int_equal(sscanf(at + strlen(name), ": %llx", &set), 1);
	return set;
}

/* /proc/self/status of a process that gave up; child: of one that it ran instead. */
static void read_status(bool child, char *ret, size_t size)
{
	int ends[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct err err = ERR_INIT;
		int fd;

		dup2(ends[1], 1);
		if (privilege_drop(&err))
			_exit(1);
		if (child)
			execl("/bin/cat", "cat", "/proc/self/status", NULL);
		fd = open("/proc/self/status", O_RDONLY);
		while ((got = read(fd, ret, size)) > 0)
			if (write(1, ret, (size_t)got) != got)
				_exit(1);
		_exit(child);
	}
	close(ends[1]);
	while ((got = read(ends[0], ret + n, size - n - 1)) > 0)
		n += (size_t)got;
	ret[n] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void keeps_few(void **state)
{
	uint64_t allowed = 0
#define X(capability, why) | UINT64_C(1) << capability
		PRIVILEGES(X)
#undef X
		;
	char status[8192];

	(void)state;
	read_status(false, status, sizeof(status));
	assert_int_equal(set_of(status, "CapEff") & ~allowed, 0);
	assert_int_equal(set_of(status, "CapPrm") & ~allowed, 0);
	assert_int_equal(set_of(status, "CapBnd") & ~allowed, 0);
	assert_true(set_of(status, "CapEff") >> CAP_DAC_OVERRIDE & 1);
	assert_false(set_of(status, "CapEff") >> CAP_SETUID & 1);
}

static void a_child_has_none(void **state)
{
	char status[8192];

	(void)state;
	read_status(true, status, sizeof(status));
	assert_int_equal(set_of(status, "CapEff"), 0);
	assert_int_equal(set_of(status, "CapPrm"), 0);
	assert_int_equal(set_of(status, "CapInh"), 0);
	assert_int_equal(set_of(status, "CapAmb"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_few),
		cmocka_unit_test(a_child_has_none),
	};

	if (geteuid() != 0) {
		printf("1..0 # SKIP only root has something to give up\n");
		return 0;
	}
	return tap_run(tests);
}
