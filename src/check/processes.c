#include "check/processes.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[PROCESS_COUNT] = {
#define X(id, name) name,
	PROCESS_TABLE(X)
#undef X
};

const char *process_name(enum process_id id)
{
	return names[id];
}

struct scan {
	const struct tree *tree;
	struct processes *ret;
	bool first, kernel; /* process 1 was shown, and threads of the kernel */
};

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
		if (scan->ret->at[i] != SEEN_YES && !strcmp(comm, names[i])) {
			scan->ret->at[i] = SEEN_YES;
			scan->ret->pid[i] = (pid_t)strtol(name, NULL, 10);
		}
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
