/* CPU time and memory of a group, where cgroup v2 lets its groups have limits. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "isolate/group.h"

#define PERIOD_US 100000
#define LEAST_US  1000 /* the kernel takes no smaller quota */

static int write_limit(const char *path, const char *file, const char *value, struct err *err)
{
	cleanup(close) int fd = -1;
	char at[GROUP_PATH + 32];
	size_t len = strlen(value);

	snprintf(at, sizeof(at), "%s/%s", path, file);
	fd = open(at, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		fail(err, ERR_UNSUPPORTED, "control group '%s' has no %s", path, file);
		return fail_hint(err, "the group above it must give it that controller "
				      "(cgroup.subtree_control)");
	}
	if (fd < 0 || write(fd, value, len) != (ssize_t)len)
		return group_fail(path, "its limits cannot be set", errno, err);
	return 0;
}

int group_set_limits(const struct group_host *host, const char *path, double cpus,
		     uint64_t memory_bytes, struct err *err)
{
	char value[64];
	long long quota_us = (long long)(cpus * PERIOD_US);
	int r = 0;

	if (host->kind != GROUP_V2)
		return fail(err, ERR_UNSUPPORTED,
			    "CPUs and memory of a lease are limited under cgroup v2 only");
	if (cpus > 0) {
		snprintf(value, sizeof(value), "%lld %d", quota_us < LEAST_US ? LEAST_US : quota_us,
			 PERIOD_US);
		r = write_limit(path, "cpu.max", value, err);
	}
	if (!r && memory_bytes) {
		snprintf(value, sizeof(value), "%llu", (unsigned long long)memory_bytes);
		r = write_limit(path, "memory.max", value, err);
	}
	return r;
}
