/*
 * tree.h - looking at a host's files below a root
 *
 * The root is "/", the place where a container has its host's files ("/host"),
 * or a made-up tree of a test. Links lead no further than the root, whatever
 * they say. Whatever lies there is hostile: only regular files are read, no
 * more of them than asked for, and nothing that would make us wait (a FIFO).
 *
 * Paths are below the root and begin without a slash: "etc/slurm/gres.conf".
 */
#pragma once

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/err.h"

/* Whether something is so; what could not be looked at is neither. */
enum seen { SEEN_NO, SEEN_YES, SEEN_UNKNOWN };

struct tree {
	int fd;
	const char *path; /* borrowed */
};

/* err: NOT_FOUND, DENIED, IO */
int tree_open(const char *path, struct tree *ret, struct err *err);
void tree_close(struct tree *tree);

static inline void cleanup_tree_close(struct tree *tree)
{
	tree_close(tree);
}

/*
 * The first bytes of a regular file, and a NUL.
 *   limit  no more of it than this
 *   ret    out on YES: freed by the caller; a NUL inside becomes a newline
 * UNKNOWN: it is there and may not be read, is no regular file, or reading failed.
 */
enum seen tree_read(const struct tree *tree, const char *path, size_t limit, char **ret);

/* Its first line, without what ends it, printable. */
enum seen tree_read_line(const struct tree *tree, const char *path, char *buf, size_t size);

/* Links are followed. */
enum seen tree_stat(const struct tree *tree, const char *path, struct stat *ret);

/* Something of that name, a link that leads nowhere included. */
enum seen tree_has(const struct tree *tree, const char *path);

/* Where a link points, as it stands there. NO: no link. */
enum seen tree_link(const struct tree *tree, const char *path, char *buf, size_t size);

/*
 * Call fn with each name in a folder, in the order of the alphabet.
 *   fn  returns false to stop
 * At most TREE_MAX_NAMES are looked at.
 */
#define TREE_MAX_NAMES 65536u

enum seen tree_list(const struct tree *tree, const char *path,
		    bool (*fn)(const char *name, void *arg), void *arg);
