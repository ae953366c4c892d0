#include "check/processes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	bool real;
} known[PROCESS_COUNT] = {
#define X(id, name, real) {name, real},
	PROCESS_TABLE(X)
#undef X
};

const char *process_name(enum process_id id)
{
	return known[id].name;
}

struct scan {
	const struct tree *tree;
	struct processes *ret;
	bool first, kernel; /* process 1 was shown, and threads of the kernel */
};

static bool is_roots(const struct tree *tree, const char *pid)
{
	cleanup(free) char *status = NULL;
	const char *line;
	char path[300];

	snprintf(path, sizeof(path), "proc/%s/status", pid);
	if (tree_read(tree, path, 4096, &status) != SEEN_YES)
		return false;
	line = strstr(status, "\nUid:\t");
	return line && !strncmp(line, "\nUid:\t0\t0\t0\t", 12);
}

/* Root's, and running a file of that name. UNKNOWN: the file may not be looked at. */
static enum seen is_real(const struct tree *tree, const char *pid, const char *name)
{
	char path[300], exe[4096];
	const char *file;
	enum seen seen;

	if (!is_roots(tree, pid))
		return SEEN_NO;
	snprintf(path, sizeof(path), "proc/%s/exe", pid);
	seen = tree_link(tree, path, exe, sizeof(exe));
	if (seen != SEEN_YES)
		return seen;
	file = strrchr(exe, '/');
	return file && !strncmp(file + 1, name, strlen(name)) ? SEEN_YES : SEEN_NO;
}

static void found(struct scan *scan, unsigned id, const char *pid)
{
	enum seen seen = SEEN_YES;

	if (scan->ret->at[id] == SEEN_YES)
		return;
	if (known[id].real)
		seen = is_real(scan->tree, pid, known[id].name);
	if (seen == SEEN_NO)
		return;
	scan->ret->at[id] = seen;
	scan->ret->pid[id] = (pid_t)strtol(pid, NULL, 10);
}

static bool look(const char *name, void *arg)
{
	struct scan *scan = arg;
	char path[300], comm[64];

	if (!isdigit((unsigned char)*name))
		return true;
	scan->first |= !strcmp(name, "1");
	snprintf(path, sizeof(path), "proc/%s/comm", name);
	if (tree_read_line(scan->tree, path, comm, sizeof(comm)) != SEEN_YES)
		return true;
	scan->kernel |= !strcmp(comm, "kthreadd");
	for (unsigned i = 0; i < PROCESS_COUNT; i++)
		if (!strcmp(comm, known[i].name))
			found(scan, i, name);
	return true;
}

void processes_probe(const struct tree *tree, struct processes *ret)
{
	struct scan scan = {.tree = tree, .ret = ret};
	enum seen listed;

	*ret = (struct processes){.at = {SEEN_NO}};
	listed = tree_list(tree, "proc", look, &scan);
	for (unsigned i = 0; i < PROCESS_COUNT; i++)
		if (ret->at[i] == SEEN_NO && (listed != SEEN_YES || !scan.first || !scan.kernel))
			ret->at[i] = SEEN_UNKNOWN;
}
