#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"

enum err_code file_err_code(int error)
{
	switch (error) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ENOSPC:
	case EDQUOT:
		return ERR_DISK_FULL;
	case ENOMEM:
		return ERR_NOMEM;
	default:
		return ERR_IO;
	}
}

int file_read(const char *path, size_t limit, char **ret, size_t *ret_len, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	cleanup(close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char chunk[16384];
	ssize_t n;

	if (fd < 0)
		return fail(err, file_err_code(errno), "cannot open '%s': %s", path, strerror(errno));
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(err, file_err_code(errno), "cannot read '%s': %s", path, strerror(errno));
		if ((size_t)n > limit - text.len)
			return fail(err, ERR_TOO_LARGE, "'%s' is larger than %zu bytes", path, limit);
		text_add_bytes(&text, chunk, (size_t)n);
	}
	if (ret_len)
		*ret_len = text.len;
	*ret = text_take(&text);
	return *ret ? 0 : fail(err, ERR_NOMEM, "no memory for '%s'", path);
}

static int check_mode(const char *path, mode_t type, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return fail(err, file_err_code(errno), "cannot look at '%s': %s", path,
			    strerror(errno));
	if ((st.st_mode & S_IFMT) != type)
		return fail(err, ERR_INVALID, "'%s' is not a regular file", path);
	if (!(st.st_mode & S_IWOTH) || (S_ISDIR(st.st_mode) && st.st_mode & S_ISVTX))
		return 0;
	fail(err, ERR_DENIED, "'%s' may be changed by anybody (mode %04o)", path,
	     (unsigned)st.st_mode & 07777);
	return fail_hint(err, "chmod o-w '%s'", path);
}

int file_check_guarded(const char *path, struct err *err)
{
	char copy[PATH_MAX];
	int r = check_mode(path, S_IFREG, err);

	if (r)
		return r;
	snprintf(copy, sizeof(copy), "%s", path);
	return check_mode(dirname(copy), S_IFDIR, err);
}

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return 0;
}

static void sync_folder_of(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

int file_write_atomic(const char *path, const void *bytes, size_t len, mode_t mode,
		      struct err *err)
{
	cleanup(close) int fd = -1;
	char beside[PATH_MAX];
	int r;

	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return fail(err, ERR_INVALID, "path '%.60s...' is too long", path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return fail(err, file_err_code(errno), "cannot create '%s': %s", beside, strerror(errno));
	r = fchmod(fd, mode) ? -errno : write_all(fd, bytes, len);
	if (!r && fsync(fd))
		r = -errno;
	if (!r && rename(beside, path))
		r = -errno;
	if (r) {
		unlink(beside);
		return fail(err, file_err_code(-r), "cannot write '%s': %s", path, strerror(-r));
	}
	sync_folder_of(path);
	return 0;
}

int file_mkdirs(const char *path, mode_t mode, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (!len || len >= sizeof(part))
		return fail(err, ERR_INVALID, "path '%.60s' is empty or too long", path);
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i] != '\0')
			continue;
		part[i] = '\0';
		if (mkdir(part, mode) && errno != EEXIST)
			return fail(err, file_err_code(errno), "cannot create '%s': %s", part, strerror(errno));
		part[i] = path[i];
	}
	return 0;
}
