#include "cli/tree.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

DEFINE_CLEANUP(closedir, DIR *);

static bool has(const struct tree *tree, pid_t pid)
{
	for (size_t i = 0; i < tree->n; i++)
		if (tree->pids[i] == pid)
			return true;
	return false;
}

static int add(struct tree *tree, pid_t pid, struct err *err)
{
	if (array_reserve(&tree->pids, &tree->cap, tree->n, sizeof(*tree->pids)))
		return fail(err, ERR_NOMEM, "no memory for processes");
	tree->pids[tree->n++] = pid;
	return 0;
}

/* 0: gone */
static pid_t parent_of(pid_t pid)
{
	char path[40], line[1024];
	cleanup(fclose) FILE *file = NULL;
	const char *end;
	int parent;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return 0;
	end = strrchr(line, ')');
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

/* Returns how many were found, or an error. */
static int look_once(struct tree *tree, struct err *err)
{
	cleanup(closedir) DIR *dir = opendir("/proc");
	struct dirent *entry;
	int found = 0;

	if (!dir)
		return fail(err, ERR_IO, "cannot read /proc: %s", strerror(errno));
	while ((entry = readdir(dir))) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid <= 0 || has(tree, pid) || !has(tree, parent_of(pid)))
			continue;
		if (add(tree, pid, err))
			return -(int)err->code;
		found++;
	}
	return found;
}

int tree_look(struct tree *tree, pid_t root, struct err *err)
{
	int found;

	if (!tree->n && add(tree, root, err))
		return -(int)err->code;
	/* A child may have a smaller number than its parent. */
	do
		found = look_once(tree, err);
	while (found > 0);
	return found;
}

void tree_done(struct tree *tree)
{
	free(tree->pids);
	*tree = (struct tree){0};
}
