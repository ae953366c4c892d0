/* Kubernetes and Slurm: what they have learned about the layout. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "check/probe.h"

static bool plugin_socket(const char *name, void *arg)
{
	struct facts *facts = arg;

	if (!strncmp(name, "nvidia", 6) && strstr(name, ".sock"))
		facts->device_plugin = SEEN_YES;
	return true;
}

static void kubernetes(const struct tree *tree, struct facts *facts)
{
	enum seen folder = tree_has(tree, "var/lib/kubelet");

	facts->kubelet = facts->processes.at[PROCESS_KUBELET];
	if (facts->kubelet != SEEN_YES && folder == SEEN_YES)
		facts->kubelet = SEEN_YES;
	facts->device_plugin = facts->processes.at[PROCESS_DEVICE_PLUGIN];
	if (facts->device_plugin != SEEN_YES &&
	    tree_list(tree, "var/lib/kubelet/device-plugins", plugin_socket, facts) == SEEN_UNKNOWN)
		facts->device_plugin = SEEN_UNKNOWN;
}

static void slurm_file(const struct tree *tree, const char *path, struct facts *facts)
{
	struct slurm_line lines[FACTS_MAX_SLURM];
	cleanup(free) char *text = NULL;
	enum seen seen = tree_read(tree, path, 4u << 20, &text);
	size_t n;

	if (seen == SEEN_UNKNOWN || (seen == SEEN_YES && facts->slurm != SEEN_UNKNOWN))
		facts->slurm = seen;
	if (seen != SEEN_YES)
		return;
	n = conf_slurm(text, lines, FACTS_MAX_SLURM);
	for (size_t i = 0; i < n && i < FACTS_MAX_SLURM; i++) {
		struct fact_slurm *row = &facts->slurms[facts->n_slurm];

		if (facts->n_slurm == FACTS_MAX_SLURM)
			return;
		snprintf(row->path, sizeof(row->path), "/%s", path);
		row->line = lines[i];
		facts->n_slurm++;
	}
}

static void slurm(const struct tree *tree, struct facts *facts)
{
	static const char *const folders[] = {"etc/slurm", "etc/slurm-llnl", "usr/local/etc/slurm",
					      "run/slurm/conf", "var/spool/slurmd/conf-cache"};
	static const char *const files[] = {"slurm.conf", "gres.conf"};
	char path[80];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		for (size_t k = 0; k < ARRAY_SIZE(files); k++) {
			snprintf(path, sizeof(path), "%s/%s", folders[i], files[k]);
			slurm_file(tree, path, facts);
		}
}

void probe_schedulers(const struct tree *tree, struct facts *facts)
{
	kubernetes(tree, facts);
	slurm(tree, facts);
}
