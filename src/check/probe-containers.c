/* NVIDIA's container toolkit, CUDA, and device specifications for containers. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "check/probe.h"

#define STATUS_LIMIT (16u << 20)
#define CDI_LIMIT    (1u << 20)

DEFINE_CLEANUP(json_decref, json_t *);

static void toolkit(const struct tree *tree, struct facts *facts)
{
	static const char *const programs[] = {"usr/bin/nvidia-ctk",
					       "usr/bin/nvidia-container-runtime",
					       "usr/local/nvidia/toolkit/nvidia-ctk"};
	cleanup(free) char *status = NULL;

	if (tree_read(tree, "var/lib/dpkg/status", STATUS_LIMIT, &status) == SEEN_YES &&
	    conf_dpkg_version(status, "nvidia-container-toolkit", facts->toolkit_version,
			      sizeof(facts->toolkit_version)))
		facts->toolkit = SEEN_YES;
	for (size_t i = 0; i < ARRAY_SIZE(programs) && facts->toolkit != SEEN_YES; i++)
		facts->toolkit = tree_has(tree, programs[i]);
}

static void toolkit_config(const struct tree *tree, struct facts *facts)
{
	static const char *const files[] = {
		"etc/nvidia-container-runtime/config.toml",
		"usr/local/nvidia/toolkit/.config/nvidia-container-runtime/config.toml",
	};
	cleanup(free) char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(files) && !text; i++)
		facts->toolkit_config = tree_read(tree, files[i], 1u << 20, &text);
	if (!text)
		return;
	conf_toml(text, "accept-nvidia-visible-devices-envvar-when-unprivileged",
		  facts->toolkit_envvar, sizeof(facts->toolkit_envvar));
	conf_toml(text, "nvidia-container-cli.no-cgroups", facts->toolkit_no_cgroups,
		  sizeof(facts->toolkit_no_cgroups));
	conf_toml(text, "features.allow-ldconfig-from-container", facts->toolkit_ldconfig,
		  sizeof(facts->toolkit_ldconfig));
}

static void cuda(const struct tree *tree, struct facts *facts)
{
	cleanup(json_decref) json_t *json = NULL;
	cleanup(free) char *text = NULL;
	const char *version;

	facts->cuda_toolkit = tree_read(tree, "usr/local/cuda/version.json", 1u << 20, &text);
	if (facts->cuda_toolkit != SEEN_YES)
		return;
	json = json_loads(text, 0, NULL);
	version = json_string_value(json_object_get(json_object_get(json, "cuda"), "version"));
	if (version)
		text_printable(facts->cuda_toolkit_version, sizeof(facts->cuda_toolkit_version),
			       version);
	else
		facts->cuda_toolkit = SEEN_UNKNOWN;
}

struct cdi_scan {
	const struct tree *tree;
	struct facts *facts;
	const char *folder;
	size_t cap;
	unsigned n_files;
};

static bool cdi_file(const char *name, void *arg)
{
	struct cdi_scan *scan = arg;
	struct facts *facts = scan->facts;
	cleanup(free) char *text = NULL;
	char path[400], mig[42];
	const char *at;

	snprintf(path, sizeof(path), "%s/%s", scan->folder, name);
	if (tree_read(scan->tree, path, CDI_LIMIT, &text) != SEEN_YES) {
		facts->cdi_all_read = false;
		return ++scan->n_files < 256;
	}
	at = text;
	if (strstr(text, "nvidia.com/gpu"))
		facts->cdi = SEEN_YES;
	while (facts->n_cdi < FACTS_MAX_MIGS && conf_next_mig(&at, mig)) {
		if (array_reserve(&facts->cdi_migs, &scan->cap, facts->n_cdi,
				  sizeof(*facts->cdi_migs))) {
			facts->cdi_all_read = false;
			return false;
		}
		snprintf(facts->cdi_migs[facts->n_cdi++], sizeof(*facts->cdi_migs), "%s", mig);
	}
	return ++scan->n_files < 256;
}

static void cdi(const struct tree *tree, struct facts *facts)
{
	static const char *const folders[] = {"etc/cdi", "run/cdi"}; /* /var/run is /run */
	struct cdi_scan scan = {.tree = tree, .facts = facts};

	facts->cdi_all_read = true;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		scan.folder = folders[i];
		if (tree_list(tree, folders[i], cdi_file, &scan) == SEEN_UNKNOWN)
			facts->cdi_all_read = false;
	}
}

void probe_containers(const struct tree *tree, struct facts *facts)
{
	toolkit(tree, facts);
	toolkit_config(tree, facts);
	cuda(tree, facts);
	cdi(tree, facts);
}
