/*
 * tree.h - a process and what it started, as /proc tells at one moment
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct tree {
	pid_t *pids; /* the root first, parents before children */
	size_t n, cap;
};

/*
 * Add those below root that are not known yet; start with a zeroed tree.
 *   err  NOMEM, IO
 */
int tree_look(struct tree *tree, pid_t root, struct err *err);
void tree_done(struct tree *tree);

static inline void cleanup_tree_done(struct tree *tree)
{
	tree_done(tree);
}
