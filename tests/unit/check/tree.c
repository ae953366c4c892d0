/* Looking below a root, whatever lies there. */
#include "../tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "check/managers.h"
#include "check/tree.h"

static char dir[] = "/tmp/check-tree.XXXXXX";
static struct tree tree = {.fd = -1};

static const char *at(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/root/%s", dir, name);
	return path;
}

static void put(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

static int begin(void **unused)
{
	struct err err = ERR_INIT;
	char path[128];

	(void)unused;
	if (!mkdtemp(dir) || mkdir(at(""), 0755))
		return -1;
	snprintf(path, sizeof(path), "%s/root", dir);
	return tree_open(strdup(path), &tree, &err);
}

static int end(void **unused)
{
	char command[64];

	(void)unused;
	free((char *)(uintptr_t)tree.path);
	tree_close(&tree);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static enum seen read_it(const char *name, size_t limit, const char *wanted)
{
	cleanup(free) char *text = NULL;
	enum seen seen = tree_read(&tree, name, limit, &text);

	if (seen == SEEN_YES)
		assert_string_equal(text, wanted);
	return seen;
}

static void reads_regular_files_only(void **unused)
{
	(void)unused;
	put(at("file"), "one\0two", 7);
	assert_int_equal(mkfifo(at("fifo"), 0644), 0);
	assert_int_equal(mkdir(at("folder"), 0755), 0);
	assert_int_equal(symlink("loop", at("loop")), 0);
	assert_int_equal(symlink("file", at("link")), 0);
	assert_int_equal(symlink("gone", at("dangling")), 0);
	assert_int_equal(read_it("file", 100, "one\ntwo"), SEEN_YES);
	assert_int_equal(read_it("file", 2, "on"), SEEN_YES);
	assert_int_equal(read_it("link", 100, "one\ntwo"), SEEN_YES);
	assert_int_equal(read_it("nothing", 100, ""), SEEN_NO);
	assert_int_equal(read_it("file/below", 100, ""), SEEN_NO);
	assert_int_equal(read_it("dangling", 100, ""), SEEN_NO);
	assert_int_equal(read_it("fifo", 100, ""), SEEN_UNKNOWN);
	assert_int_equal(read_it("folder", 100, ""), SEEN_UNKNOWN);
	assert_int_equal(read_it("loop", 100, ""), SEEN_UNKNOWN);
	assert_int_equal(tree_has(&tree, "dangling"), SEEN_YES);
	assert_int_equal(tree_has(&tree, "nothing"), SEEN_NO);
}

/* What a link says counts from the root, and ".." ends there. */
static void links_stay_inside(void **unused)
{
	char path[128], to[64];

	(void)unused;
	snprintf(path, sizeof(path), "%s/secret", dir);
	put(path, "outside", 7);
	put(at("inside"), "inside", 6);
	assert_int_equal(symlink("/inside", at("absolute")), 0);
	assert_int_equal(symlink("../secret", at("up")), 0);
	assert_int_equal(symlink(path, at("out")), 0);
	/* Without openat2() an absolute link means the real root. */
	if (read_it("absolute", 100, "inside") != SEEN_YES)
		skip();
	assert_int_equal(read_it("up", 100, ""), SEEN_NO);
	assert_int_equal(read_it("out", 100, ""), SEEN_NO);
	assert_int_equal(read_it("../secret", 100, ""), SEEN_NO);
	assert_int_equal(tree_link(&tree, "up", to, sizeof(to)), SEEN_YES);
	assert_string_equal(to, "../secret");
	assert_int_equal(tree_link(&tree, "inside", to, sizeof(to)), SEEN_NO);
	assert_int_equal(tree_link(&tree, "nothing", to, sizeof(to)), SEEN_NO);
}

static bool collect(const char *name, void *arg)
{
	strcat(arg, name);
	return strcmp(name, "c") != 0;
}

static void lists_in_order(void **unused)
{
	static const char *const names[] = {"l/d", "l/b", "l/c", "l/a"};
	char all[64] = "";

	(void)unused;
	assert_int_equal(mkdir(at("l"), 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		put(at(names[i]), "", 0);
	assert_int_equal(tree_list(&tree, "l", collect, all), SEEN_YES);
	assert_string_equal(all, "abc");
	assert_int_equal(tree_list(&tree, "none", collect, all), SEEN_NO);
}

static void first_lines_are_printable(void **unused)
{
	char line[16];

	(void)unused;
	put(at("line"), "a\033[1m\r\nsecond\n", 14);
	assert_int_equal(tree_read_line(&tree, "line", line, sizeof(line)), SEEN_YES);
	assert_string_equal(line, "a?[1m");
}

/* What a process runs is a link of a kind of its own, which is read and not followed. */
static void says_what_a_process_runs(void **unused)
{
	cleanup(tree_close) struct tree all = {.fd = -1};
	struct err err = ERR_INIT;
	char exe[4096];

	(void)unused;
	assert_int_equal(tree_open("/", &all, &err), 0);
	assert_int_equal(tree_link(&all, "proc/self/exe", exe, sizeof(exe)), SEEN_YES);
	assert_non_null(strstr(exe, "/test-check-tree"));
}

/* Only what is certain makes carve keep its hands off. */
static void an_owner_is_certain(void **unused)
{
	struct managers managers = {.at = {{SEEN_NO, ""}}};
	char text[128] = "untouched";
	const char *fix = NULL;

	(void)unused;
	managers.at[MANAGER_LSF] = (struct manager){SEEN_UNKNOWN, "perhaps"};
	assert_false(managers_owner(&managers, text, sizeof(text), &fix));
	assert_string_equal(text, "untouched");
	managers.at[MANAGER_VGPU] = (struct manager){SEEN_YES, "it runs"};
	assert_true(managers_owner(&managers, text, sizeof(text), &fix));
	assert_string_equal(text, "NVIDIA's vGPU manager decides about MIG here: it runs");
	assert_string_equal(fix, manager_fix(MANAGER_VGPU));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_regular_files_only),
		cmocka_unit_test(links_stay_inside),
		cmocka_unit_test(lists_in_order),
		cmocka_unit_test(first_lines_are_printable),
		cmocka_unit_test(says_what_a_process_runs),
		cmocka_unit_test(an_owner_is_certain),
	};

	return (cmocka_set_message_output(CM_OUTPUT_TAP),
		cmocka_run_group_tests(tests, begin, end));
}
