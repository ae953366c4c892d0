/* Device nodes, and who may open them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/probe.h"

#define CAP_CONFIG 1 /* RM: the capability to create and destroy instances has minor 1 */

static void node(const struct tree *tree, const char *path, struct fact_node *ret)
{
	struct stat st;

	*ret = (struct fact_node){.seen = tree_stat(tree, path, &st)};
	if (ret->seen != SEEN_YES)
		return;
	ret->is_device = S_ISCHR(st.st_mode);
	ret->mode = st.st_mode & 07777;
	ret->uid = st.st_uid;
}

/* The minor of a line like "gpu0/gi7/ci0/access 67"; -1: there is none. */
static long cap_minor(const char *minors, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = minors; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, name, len) && line[len] == ' ')
			return strtol(line + len + 1, NULL, 10);
	}
	return -1;
}

static void count_cap(const struct tree *tree, const char *minors, const char *name,
		      struct fact_gpu *gpu)
{
	long minor = cap_minor(minors, name);
	struct fact_node cap;
	char path[64];

	gpu->n_caps++;
	snprintf(path, sizeof(path), "dev/nvidia-caps/nvidia-cap%ld", minor);
	node(tree, path, &cap);
	if (minor < 0 || cap.seen == SEEN_NO)
		gpu->n_caps_missing++;
	else if (cap.seen == SEEN_YES && (cap.mode & 04))
		gpu->n_caps_open++;
}

static void gpu_caps(const struct tree *tree, const char *minors, struct fact_gpu *gpu)
{
	for (size_t i = 0; i < gpu->n_instances; i++) {
		const struct backend_instance *instance = &gpu->instances[i];
		char name[64];

		snprintf(name, sizeof(name), "gpu%u/gi%u/access", gpu->info.minor, instance->gi);
		count_cap(tree, minors, name, gpu);
		for (unsigned k = 0; k < instance->n_cis; k++) {
			snprintf(name, sizeof(name), "gpu%u/gi%u/ci%u/access", gpu->info.minor,
				 instance->gi, instance->cis[k].id);
			count_cap(tree, minors, name, gpu);
		}
	}
	gpu->has_caps = true;
}

void probe_nodes(const struct tree *tree, struct facts *facts)
{
	cleanup(free) char *minors = NULL;
	char path[64];

	facts->cap_minors =
		tree_read(tree, "proc/driver/nvidia-caps/mig-minors", 1u << 20, &minors);
	node(tree, "dev/nvidiactl", &facts->control);
	node(tree, "dev/nvidia-uvm", &facts->uvm);
	snprintf(path, sizeof(path), "dev/nvidia-caps/nvidia-cap%d", CAP_CONFIG);
	node(tree, path, &facts->cap_config);
	for (size_t i = 0; i < facts->n_gpus; i++) {
		struct fact_gpu *gpu = &facts->gpus[i];

		if (!gpu->info.has_minor)
			continue;
		snprintf(path, sizeof(path), "dev/nvidia%u", gpu->info.minor);
		node(tree, path, &gpu->node);
		if (gpu->has_instances && facts->cap_minors == SEEN_YES)
			gpu_caps(tree, minors, gpu);
	}
}
