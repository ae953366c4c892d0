/* Nodes that are closed, opened and put back. As root; mknod() must be allowed. */
#include "../tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "isolate/closure.h"

#define ANN 70001
#define BOB 70002

static char folder[] = "/tmp/carve-node-XXXXXX", path[64], other[64];
static const dev_t rdev = 195 << 8 | 7;

static void make(const char *at, mode_t mode)
{
	unlink(at);
	assert_int_equal(mknod(at, S_IFCHR, rdev), 0);
	assert_int_equal(chmod(at, mode), 0);
}

static struct node_state now(void)
{
	struct node_state state;
	struct err err = ERR_INIT;

	if (node_read(path, &state, &err))
		fail_msg("%s", err.text);
	return state;
}

static void close_to(struct node_access access, bool changes)
{
	struct err err = ERR_INIT;
	bool changed;

	if (node_close(path, rdev, &access, &changed, &err))
		fail_msg("%s", err.text);
	assert_int_equal(changed, changes);
}

static void opens_to_some(void **state)
{
	struct node_access access = {.write = true};

	(void)state;
	make(path, 0666);
	close_to(access, true);
	assert_int_equal(now().mode, 0600);
	assert_string_equal(now().acl, "");
	node_access_add(&access, BOB);
	node_access_add(&access, ANN);
	node_access_add(&access, BOB);
	assert_int_equal(access.n_users, 2);
	close_to(access, true);
	assert_string_equal(now().acl, "u::rw-,u:70001:rw-,u:70002:rw-,g::---,m::rw-,o::---");
	close_to(access, false);
	/* What the driver's tools do. */
	assert_int_equal(chmod(path, 0666), 0);
	close_to(access, true);
	assert_string_equal(now().acl, "u::rw-,u:70001:rw-,u:70002:rw-,g::---,m::rw-,o::---");
	close_to((struct node_access){.has_group = true, .group = 70009}, true);
	assert_int_equal(now().mode, 0440);
	assert_int_equal(now().gid, 70009);
	close_to((struct node_access){0}, true);
	assert_int_equal(now().mode, 0400);
	assert_int_equal(now().gid, 0);
}

static void is_put_back(void **state)
{
	struct node_access access = {.write = true, .has_group = true, .group = 70009};
	struct node_state before;
	struct err err = ERR_INIT;

	(void)state;
	node_access_add(&access, ANN);
	make(path, 0664);
	assert_int_equal(chown(path, 0, 44), 0);
	before = now();
	close_to(access, true);
	assert_int_equal(node_put_back(path, &before, &err), 0);
	assert_int_equal(now().mode, 0664);
	assert_int_equal(now().gid, 44);
	assert_string_equal(now().acl, "");
	/* With an ACL that somebody gave it. */
	close_to(access, true);
	before = now();
	close_to((struct node_access){0}, true);
	assert_int_equal(node_put_back(path, &before, &err), 0);
	assert_string_equal(now().acl, before.acl);
	assert_int_equal(now().gid, 70009);
}

static void leaves_others_alone(void **state)
{
	struct node_state before = {.rdev = rdev, .mode = 0666};
	const struct node_access access = {0};
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	make(path, 0666);
	assert_int_equal(node_close(path, rdev + 1, &access, NULL, &err), -ERR_STALE);
	before.rdev = rdev + 1;
	assert_int_equal(node_put_back(path, &before, &err), -ERR_STALE);
	assert_int_equal(now().mode, 0666);
	make(other, 0666);
	unlink(path);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(node_close(path, rdev, &access, NULL, &err), -ERR_INVALID);
	assert_int_equal(lstat(other, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	unlink(path);
	assert_int_equal(node_close(path, rdev, &access, NULL, &err), -ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_to_some),
		cmocka_unit_test(is_put_back),
		cmocka_unit_test(leaves_others_alone),
	};
	int failed;

	if (geteuid() != 0) {
		printf("1..0 # SKIP making device nodes takes root\n");
		return 0;
	}
	if (!mkdtemp(folder))
		return 1;
	snprintf(path, sizeof(path), "%s/node", folder);
	snprintf(other, sizeof(other), "%s/other", folder);
	if (mknod(path, S_IFCHR | 0600, rdev)) {
		printf("1..0 # SKIP this container may make no device nodes: %s\n", strerror(errno));
		rmdir(folder);
		return 0;
	}
	failed = tap_run(tests);
	unlink(path);
	unlink(other);
	rmdir(folder);
	return failed;
}
