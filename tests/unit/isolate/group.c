/* Where control groups are mounted, and which one a process is in. */
#include "../tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/proc.h"
#include "isolate/group.h"

static const char hybrid[] =
	"24 30 0:22 / /proc rw,relatime - proc proc rw\n"
	"33 30 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
	"34 33 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n"
	"36 33 0:31 / /sys/fs/cgroup/devices rw,relatime shared:9 - cgroup cgroup rw,devices\n"
	"42 33 0:37 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

static void mounts(void **state)
{
	static const struct {
		const char *what, *text;
		enum group_kind kind;
		const char *at, *root; /* NULL: not found */
	} rows[] = {
		{"v2 beside v1", hybrid, GROUP_V2, "/sys/fs/cgroup/unified", "/"},
		{"v1 beside v2", hybrid, GROUP_V1, "/sys/fs/cgroup/devices", "/"},
		{"v2 alone", "1 2 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup rw,nsdelegate\n", GROUP_V2,
		 "/sys/fs/cgroup", "/"},
		{"v2 alone has no v1", "1 2 0:1 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", GROUP_V1,
		 NULL, NULL},
		{"a container's part", "1 2 0:1 /docker/abc /cg ro - cgroup cgroup rw,devices,freezer\n",
		 GROUP_V1, "/cg", "/docker/abc"},
		{"another controller", "1 2 0:1 / /cg rw - cgroup cgroup rw,devicesx\n", GROUP_V1,
		 NULL, NULL},
		{"mounted over", "1 2 0:1 / /a rw - cgroup2 c rw\n1 2 0:1 / /b rw - cgroup2 c rw",
		 GROUP_V2, "/b", "/"},
		{"a place with a blank", "1 2 0:1 / /a\\040b rw - cgroup2 c rw\n", GROUP_V2, NULL,
		 NULL},
		{"cut off", "1 2 0:1 / /a rw - cgroup2", GROUP_V2, NULL, NULL},
		{"nothing", "", GROUP_V2, NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct group_mount mount = {0};
		bool found = group_parse_mounts(rows[i].text, rows[i].kind, &mount);

		if (found != (rows[i].at != NULL))
			fail_msg("%s: %sfound", rows[i].what, found ? "" : "not ");
		if (found && (strcmp(mount.at, rows[i].at) || strcmp(mount.root, rows[i].root)))
			fail_msg("%s: '%s' at '%s'", rows[i].what, mount.root, mount.at);
	}
}

static void processes(void **state)
{
	static const char text[] = "9:name=systemd:/a\n5:devices,freezer:/b/c\n0::/user.slice/d\n";
	static const struct {
		const char *text;
		enum group_kind kind;
		const char *group;
	} rows[] = {
		{text, GROUP_V1, "/b/c"},	    {text, GROUP_V2, "/user.slice/d"},
		{"0::/", GROUP_V2, "/"},	    {"0::/", GROUP_V1, NULL},
		{"10::/x\n", GROUP_V2, NULL},	    {"5:devices\n", GROUP_V1, NULL},
		{"5:devicesx:/a\n", GROUP_V1, NULL}, {"", GROUP_V2, NULL},
		{"0::a\n", GROUP_V2, NULL},
	};
	char group[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool found = group_parse_process(rows[i].text, rows[i].kind, group, sizeof(group));

		if (found != (rows[i].group != NULL) || (found && strcmp(group, rows[i].group)))
			fail_msg("row %zu: %s", i, found ? group : "not found");
	}
	assert_false(group_parse_process("0::/long", GROUP_V2, group, 5));
}

static void put(const char *path, const char *text)
{
	struct err err = ERR_INIT;

	assert_int_equal(file_write_atomic(path, text, strlen(text), 0644, &err), 0);
}

/* A lease's group is below the process's own, or beside another lease's. */
static void places(void **state)
{
	static const struct {
		const char *cgroup, *root, *below; /* NULL: cannot be */
	} rows[] = {
		{"0::/\n", "/", "/mnt/carve-lease-12-"},
		{"0::/user.slice/a.scope\n", "/", "/mnt/user.slice/a.scope/carve-lease-12-"},
		{"0::/a/carve-lease-7-00000001\n", "/", "/mnt/a/carve-lease-12-"},
		{"0::/carve-lease-7-00000001\n", "/", "/mnt/carve-lease-12-"},
		{"0::/docker/abc/x\n", "/docker/abc", "/mnt/x/carve-lease-12-"},
		{"0::/docker/abc\n", "/docker/abc", "/mnt/carve-lease-12-"},
		{"0::/docker/abcd\n", "/docker/abc", NULL},
		{"0::/../other\n", "/", NULL},
	};
	char folder[] = "/tmp/carve-group-XXXXXX", path[96], ret[GROUP_PATH];
	struct group_host host = {.kind = GROUP_V2};
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(host.proc, sizeof(host.proc), "%s", folder);
	snprintf(host.mount.at, sizeof(host.mount.at), "/mnt");
	assert_true(group_path_for(&host, 4, 12, ret, &err) < 0);
	assert_int_equal(err.code, ERR_STALE);
	snprintf(path, sizeof(path), "%s/4", folder);
	assert_int_equal(file_mkdirs(path, 0755, &err), 0);
	snprintf(path, sizeof(path), "%s/4/cgroup", folder);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int r;

		put(path, rows[i].cgroup);
		snprintf(host.mount.root, sizeof(host.mount.root), "%s", rows[i].root);
		r = group_path_for(&host, 4, 12, ret, &err);
		if ((r == 0) != (rows[i].below != NULL))
			fail_msg("row %zu: %s", i, r ? err.text : ret);
		if (!r && (strncmp(ret, rows[i].below, strlen(rows[i].below)) != 0 ||
			   strlen(ret) != strlen(rows[i].below) + 8))
			fail_msg("row %zu: %s", i, ret);
	}
	unlink(path);
	snprintf(path, sizeof(path), "%s/4", folder);
	rmdir(path);
	rmdir(folder);
}

/* A number that has become another process's is not taken. */
static void not_another(void **state)
{
	struct group_host host;
	struct err err = ERR_INIT;
	uint64_t start;

	(void)state;
	group_probe("/proc", &host);
	assert_true(proc_start_time(getpid(), &start));
	assert_int_equal(group_take(&host, "/nowhere", getpid(), start + 1, &err), -ERR_STALE);
	assert_int_equal(group_take(&host, "/nowhere", getpid(), start, &err), -ERR_NOT_FOUND);
}

static void expect_file(const char *path, const char *text)
{
	cleanup(free) char *bytes = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(file_read(path, 100, &bytes, NULL, &err), 0);
	assert_string_equal(bytes, text);
}

static void make_file(const char *path)
{
	struct err err = ERR_INIT;

	assert_int_equal(file_write_atomic(path, "", 0, 0600, &err), 0);
}

/* A folder with the files that a group has; and what it says without them. */
static void limits(void **state)
{
	struct group_host v2 = {.kind = GROUP_V2}, v1 = {.kind = GROUP_V1};
	char folder[] = "/tmp/carve-limits-XXXXXX", cpu[64], memory[64];
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(cpu, sizeof(cpu), "%s/cpu.max", folder);
	snprintf(memory, sizeof(memory), "%s/memory.max", folder);
	assert_int_equal(group_set_limits(&v1, folder, 1, 0, &err), -ERR_UNSUPPORTED);
	assert_int_equal(group_set_limits(&v2, folder, 0, 0, &err), 0);
	assert_int_equal(group_set_limits(&v2, folder, 1.5, 0, &err), -ERR_UNSUPPORTED);
	assert_non_null(strstr(err.text, "has no cpu.max"));
	assert_non_null(strstr(err.hint, "cgroup.subtree_control"));
	make_file(cpu);
	make_file(memory);
	assert_int_equal(group_set_limits(&v2, folder, 1.5, 2ULL << 30, &err), 0);
	expect_file(cpu, "150000 100000");
	expect_file(memory, "2147483648");
	make_file(cpu);
	assert_int_equal(group_set_limits(&v2, folder, 0.001, 0, &err), 0);
	expect_file(cpu, "1000 100000");
	unlink(cpu);
	unlink(memory);
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mounts),
		cmocka_unit_test(processes),
		cmocka_unit_test(places),
		cmocka_unit_test(not_another),
		cmocka_unit_test(limits),
	};

	return tap_run(tests);
}
