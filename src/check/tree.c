#include "check/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/array.h"
#include "base/file.h"
#include "base/text.h"

DEFINE_CLEANUP(closedir, DIR *);

int tree_open(const char *path, struct tree *ret, struct err *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail(err, file_err_code(errno), "cannot look below '%s': %s", path,
			    strerror(errno));
	*ret = (struct tree){fd, path};
	return 0;
}

void tree_close(struct tree *tree)
{
	if (tree->fd > 0)
		close(tree->fd);
	tree->fd = -1;
}

/*
 * Kernels and sandboxes without openat2() get an ordinary open: then an absolute
 * link leaves the root, which for "/" is no difference.
 */
static int open_below(const struct tree *tree, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
	int fd = -1;

	for (int tries = 0; tries < 8; tries++) { /* EAGAIN: something was renamed meanwhile */
		fd = (int)syscall(SYS_openat2, tree->fd, *path ? path : ".", &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(tree->fd, *path ? path : ".", flags | O_CLOEXEC);
	return fd;
}

static enum seen seen_of_errno(void)
{
	return errno == ENOENT || errno == ENOTDIR ? SEEN_NO : SEEN_UNKNOWN;
}

static ssize_t read_up_to(int fd, char *bytes, size_t limit)
{
	size_t len = 0;

	while (len < limit) {
		ssize_t n = read(fd, bytes + len, limit - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

enum seen tree_read(const struct tree *tree, const char *path, size_t limit, char **ret)
{
	cleanup(close) int fd = open_below(tree, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	cleanup(free) char *bytes = NULL;
	struct stat st;
	ssize_t len;

	if (fd < 0)
		return seen_of_errno();
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return SEEN_UNKNOWN;
	bytes = malloc(limit + 1);
	len = bytes ? read_up_to(fd, bytes, limit) : -1;
	if (len < 0)
		return SEEN_UNKNOWN;
	for (ssize_t i = 0; i < len; i++)
		if (!bytes[i])
			bytes[i] = '\n';
	bytes[len] = '\0';
	*ret = steal(bytes);
	return SEEN_YES;
}

enum seen tree_read_line(const struct tree *tree, const char *path, char *buf, size_t size)
{
	cleanup(free) char *text = NULL;
	enum seen seen = tree_read(tree, path, 4096, &text);

	if (seen != SEEN_YES)
		return seen;
	text[strcspn(text, "\r\n")] = '\0';
	text_printable(buf, size, text);
	return SEEN_YES;
}

enum seen tree_stat(const struct tree *tree, const char *path, struct stat *ret)
{
	cleanup(close) int fd = open_below(tree, path, O_PATH);

	if (fd < 0)
		return seen_of_errno();
	return fstat(fd, ret) ? SEEN_UNKNOWN : SEEN_YES;
}

enum seen tree_has(const struct tree *tree, const char *path)
{
	cleanup(close) int fd = open_below(tree, path, O_PATH | O_NOFOLLOW);

	return fd < 0 ? seen_of_errno() : SEEN_YES;
}

enum seen tree_link(const struct tree *tree, const char *path, char *buf, size_t size)
{
	cleanup(close) int fd = open_below(tree, path, O_PATH | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return seen_of_errno();
	n = readlinkat(fd, "", buf, size - 1);
	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? SEEN_NO : SEEN_UNKNOWN;
	buf[n] = '\0';
	return SEEN_YES;
}

static int by_name(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

enum seen tree_list(const struct tree *tree, const char *path,
		    bool (*fn)(const char *name, void *arg), void *arg)
{
	int fd = open_below(tree, path, O_RDONLY | O_DIRECTORY | O_NONBLOCK);
	cleanup(closedir) DIR *dir = NULL;
	const struct dirent *entry;
	char **names = NULL;
	size_t n = 0, cap = 0;
	bool go_on = true;

	if (fd < 0)
		return seen_of_errno();
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return SEEN_UNKNOWN;
	}
	while (n < TREE_MAX_NAMES && (entry = readdir(dir))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (array_reserve(&names, &cap, n, sizeof(*names)) ||
		    !(names[n] = strdup(entry->d_name)))
			break;
		n++;
	}
	if (n)
		qsort(names, n, sizeof(*names), by_name);
	for (size_t i = 0; i < n; i++) {
		go_on = go_on && fn(names[i], arg);
		free(names[i]);
	}
	free(names);
	return SEEN_YES;
}
