/* Who has the GPUs open, or runs on them. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "check/probe.h"

static bool known(const struct facts *facts, unsigned gpu, pid_t pid)
{
	for (size_t i = 0; i < facts->n_clients; i++)
		if (facts->clients[i].gpu == gpu && facts->clients[i].pid == pid)
			return true;
	return false;
}

static void add(struct facts *facts, const struct fact_client *client)
{
	if (facts->n_clients == FACTS_MAX_CLIENTS)
		facts->n_clients_more++;
	else
		facts->clients[facts->n_clients++] = *client;
}

static void add_openers(const char *proc, const struct open_file *files, const unsigned *gpus,
			size_t n_files, struct facts *facts)
{
	cleanup(openers_done) struct openers found = {.items = NULL};
	struct err ignored = ERR_INIT;

	if (openers_find(proc, files, n_files, OPENER_FD | OPENER_MAP, &found, &ignored))
		return;
	facts->clients_complete = openers_complete(&found);
	facts->contained = found.contained;
	facts->n_unread = found.n_unread;
	for (size_t i = 0; i < found.n; i++) {
		struct fact_client client = {.gpu = gpus[found.items[i].file],
					     .pid = found.items[i].pid};

		if (client.pid == getpid())
			continue;
		client.is_carved = found.items[i].has_uid && !found.items[i].uid &&
				   !strcmp(found.items[i].command, process_name(PROCESS_CARVED));
		opener_format(client.text, sizeof(client.text), &found.items[i]);
		add(facts, &client);
	}
}

/* Whom only the driver names: processes of other pid namespaces, or with hidden files. */
static void add_running(struct backend *backend, struct facts *facts)
{
	for (size_t i = 0; i < facts->n_gpus; i++) {
		cleanup(free) struct backend_process *processes = NULL;
		struct err ignored = ERR_INIT;
		size_t n;

		if (facts->gpus[i].info.lost ||
		    backend->ops->processes(backend, facts->gpus[i].info.uuid, &processes, &n,
					    &ignored))
			continue;
		for (size_t k = 0; k < n; k++) {
			struct fact_client client = {.gpu = (unsigned)i,
						     .pid = (pid_t)processes[k].pid};

			if (known(facts, client.gpu, client.pid))
				continue;
			snprintf(client.text, sizeof(client.text), "pid %u", processes[k].pid);
			add(facts, &client);
		}
	}
}

void probe_clients(const struct tree *tree, struct backend *backend, struct facts *facts)
{
	static char paths[BACKEND_MAX_GPUS][PATH_MAX];
	struct open_file files[BACKEND_MAX_GPUS];
	unsigned gpus[BACKEND_MAX_GPUS];
	struct err ignored = ERR_INIT;
	char proc[PATH_MAX];
	size_t n = 0;

	for (unsigned i = 0; i < facts->n_gpus; i++) {
		if (!facts->gpus[i].info.has_minor)
			continue;
		snprintf(paths[n], sizeof(paths[n]), "%.3900s/dev/nvidia%u", tree->path,
			 facts->gpus[i].info.minor);
		if (open_file_by_path(paths[n], &files[n], &ignored))
			continue;
		gpus[n++] = i;
	}
	facts->as_root = !geteuid();
	snprintf(proc, sizeof(proc), "%.4000s/proc", tree->path);
	if (n)
		add_openers(proc, files, gpus, n, facts);
	if (backend && facts->has_driver)
		add_running(backend, facts);
}
