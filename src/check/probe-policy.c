/* The policy that is, or would be, in force. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/yaml-doc.h"
#include "check/probe.h"

static void mark_left_alone(struct facts *facts)
{
	for (size_t i = 0; i < facts->n_gpus; i++) {
		const struct backend_gpu *gpu = &facts->gpus[i].info;

		facts->gpus[i].left_alone = !policy_manages_gpu(
			facts->policy, gpu->index, gpu->uuid, gpu->board ? gpu->board->id : NULL);
	}
}

static void read_policy(const struct tree *tree, const char *path, struct policy **ret,
			struct facts *facts)
{
	cleanup(free) char *text = NULL;
	enum seen seen;
	struct stat st;

	snprintf(facts->policy_path, sizeof(facts->policy_path), "%s",
		 path ? path : "/" PROBE_POLICY);
	if (path) {
		facts->has_policy_changed = !stat(path, &st);
		facts->policy_changed_s = facts->has_policy_changed ? st.st_mtime : 0;
		if (!policy_load(path, ret, &facts->policy_error))
			facts->policy = *ret;
		return;
	}
	facts->has_policy_changed = tree_stat(tree, PROBE_POLICY, &st) == SEEN_YES;
	facts->policy_changed_s = facts->has_policy_changed ? st.st_mtime : 0;
	seen = tree_read(tree, PROBE_POLICY, YAML_MAX_BYTES + 1, &text);
	if (seen == SEEN_NO)
		fail(&facts->policy_error, ERR_NOT_FOUND, "there is no '%s'", facts->policy_path);
	else if (seen == SEEN_UNKNOWN)
		fail(&facts->policy_error, ERR_DENIED, "'%s' may not be read", facts->policy_path);
	else if (!policy_parse(text, strlen(text), facts->policy_path, ret, &facts->policy_error))
		facts->policy = *ret;
}

void probe_policy(const struct tree *tree, const char *path, struct policy **ret,
		  struct facts *facts)
{
	read_policy(tree, path, ret, facts);
	if (facts->policy)
		mark_left_alone(facts);
}
