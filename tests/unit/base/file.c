#include "../tap.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* A file is guarded when neither it nor its folder may be written by anybody. */
static void test_guarded(void **state)
{
	static const struct {
		mode_t file, folder;
		bool guarded;
	} rows[] = {
		{0644, 0755, true},  {0664, 0775, true},   {0600, 01777, true}, {0646, 0755, false},
		{0666, 0755, false}, {0644, 0777, false}, {0666, 01777, false},
	};
	char folder[] = "/tmp/carve-file-XXXXXX", path[128];

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/f", folder);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(file_write_atomic(path, "x", 1, rows[i].file, &err), 0);
		assert_int_equal(chmod(folder, rows[i].folder), 0);
		assert_int_equal(file_check_guarded(path, &err), rows[i].guarded ? 0 : -ERR_DENIED);
		if (!rows[i].guarded)
			assert_non_null(strstr(err.hint, "chmod o-w"));
	}
	unlink(path);
	assert_int_equal(file_check_guarded(path, &(struct err){0}), -ERR_NOT_FOUND);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(file_check_guarded(path, &(struct err){0}), -ERR_INVALID);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_then_read),
		cmocka_unit_test(test_guarded),
	};

	return tap_run(tests);
}
