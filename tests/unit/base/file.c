#include "../tap.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/file.h"

static void test_write_then_read(void **state)
{
	char folder[] = "/tmp/carve-file-XXXXXX", path[128], deep[128];
	cleanup(free) char *back = NULL;
	struct err err = ERR_INIT;
	struct stat st;
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(deep, sizeof(deep), "%s/a/b", folder);
	assert_int_equal(file_mkdirs(deep, 0700, &err), 0);
	assert_int_equal(file_mkdirs(deep, 0700, &err), 0);
	snprintf(path, sizeof(path), "%s/a/b/f", folder);
	assert_int_equal(file_write_atomic(path, "hello", 5, 0640, &err), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(file_read(path, 5, &back, &len, &err), 0);
	assert_int_equal(len, 5);
	assert_string_equal(back, "hello");
	assert_int_equal(file_read(path, 4, &back, &len, &err), -ERR_TOO_LARGE);
	unlink(path);
	assert_int_equal(file_read(path, 4, &back, &len, &err), -ERR_NOT_FOUND);
	assert_non_null(strstr(err.text, path));
	rmdir(deep);
	snprintf(deep, sizeof(deep), "%s/a", folder);
	rmdir(deep);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_write_then_read) };

	return tap_run(tests);
}
