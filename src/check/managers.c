#include "check/managers.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/text.h"
#include "check/conf.h"
#include "check/processes.h"

#define MODULES_LIMIT (1u << 20)

static const struct {
	const char *name, *title, *fix, *source;
} table[MANAGER_COUNT] = {
#define X(id, name, title, fix, source) {name, title, fix, source},
	MANAGER_TABLE(X)
#undef X
};

const char *manager_name(enum manager_id id)
{
	return table[id].name;
}

const char *manager_title(enum manager_id id)
{
	return table[id].title;
}

const char *manager_fix(enum manager_id id)
{
	return table[id].fix;
}

const char *manager_source(enum manager_id id)
{
	return table[id].source;
}

static void set(struct manager *manager, enum seen at_work, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void set(struct manager *manager, enum seen at_work, const char *format, ...)
{
	char raw[sizeof(manager->why)];
	va_list args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	manager->at_work = at_work;
	text_printable(manager->why, sizeof(manager->why), raw);
}

/* One of that name runs, and it may not be looked at whether it is the real one. */
static bool may_be(const struct processes *processes, enum process_id id, struct manager *ret)
{
	if (processes->at[id] != SEEN_UNKNOWN || !processes->pid[id])
		return false;
	set(ret, SEEN_UNKNOWN, "process %d has that name; only root may see what it is",
	    (int)processes->pid[id]);
	return true;
}

static void mig_manager(const struct tree *tree, const struct processes *processes,
			struct manager *ret)
{
	static const char unit[] = "nvidia-mig-manager.service";
	static const char *const wants[] = {
		"multi-user.target.wants", "nvidia-gpu-reset.target.wants", "default.target.wants"};
	char path[200], to[256];
	enum seen unknown = SEEN_NO;

	if (processes->at[PROCESS_MIG_MANAGER] == SEEN_YES) {
		set(ret, SEEN_YES, "it runs (process %d)",
		    (int)processes->pid[PROCESS_MIG_MANAGER]);
		return;
	}
	if (may_be(processes, PROCESS_MIG_MANAGER, ret))
		return;
	snprintf(path, sizeof(path), "etc/systemd/system/%s", unit);
	if (tree_link(tree, path, to, sizeof(to)) == SEEN_YES && !strcmp(to, "/dev/null"))
		return; /* masked: somebody took care */
	for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
		enum seen seen;

		snprintf(path, sizeof(path), "etc/systemd/system/%s/%s", wants[i], unit);
		seen = tree_has(tree, path);
		if (seen == SEEN_YES) {
			set(ret, SEEN_YES, "%s is enabled", unit);
			return;
		}
		if (seen == SEEN_UNKNOWN)
			unknown = seen;
	}
	if (unknown == SEEN_UNKNOWN)
		set(ret, SEEN_UNKNOWN, "/etc/systemd/system may not be read");
}

/* Command line and environment tell the feature gates; only root may read the latter. */
static enum seen gates_say(const struct tree *tree, pid_t pid, bool *ret_on)
{
	static const char *const files[] = {"cmdline", "environ"};
	enum seen all = SEEN_YES;

	*ret_on = false;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup(free) char *text = NULL;
		char path[64];
		enum seen seen;

		snprintf(path, sizeof(path), "proc/%d/%s", (int)pid, files[i]);
		seen = tree_read(tree, path, 1u << 20, &text);
		if (seen != SEEN_YES)
			all = SEEN_UNKNOWN;
		else if (strstr(text, "DynamicMIG=true"))
			*ret_on = true;
	}
	return *ret_on ? SEEN_YES : all;
}

static void dra(const struct tree *tree, const struct processes *processes, struct manager *ret)
{
	static const char folder[] = "var/lib/kubelet/plugins/gpu.nvidia.com";
	pid_t pid = processes->pid[PROCESS_DRA_PLUGIN];
	bool on;

	if (processes->at[PROCESS_DRA_PLUGIN] == SEEN_YES) {
		enum seen seen = gates_say(tree, pid, &on);

		if (seen == SEEN_YES && on)
			set(ret, SEEN_YES, "it runs with DynamicMIG (process %d)", (int)pid);
		else if (seen != SEEN_YES)
			set(ret, SEEN_UNKNOWN,
			    "it runs (process %d); whether with DynamicMIG may not be read",
			    (int)pid);
		else
			set(ret, SEEN_NO, "it runs without DynamicMIG");
		return;
	}
	if (may_be(processes, PROCESS_DRA_PLUGIN, ret))
		return;
	if (tree_has(tree, folder) == SEEN_YES)
		set(ret, SEEN_UNKNOWN, "/%s exists, and its process was not found", folder);
}

static void lsf(const struct tree *tree, const struct processes *processes, struct manager *ret)
{
	static const char *const files[] = {"etc/lsf.conf", "usr/share/lsf/conf/lsf.conf",
					    "opt/ibm/lsf/conf/lsf.conf", "opt/lsf/conf/lsf.conf"};
	bool read = false;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup(free) char *text = NULL;
		char value[16];

		if (tree_read(tree, files[i], 1u << 20, &text) != SEEN_YES)
			continue;
		read = true;
		if (conf_assignment(text, "LSF_MANAGE_MIG", value, sizeof(value)) &&
		    !strncasecmp(value, "y", 1)) {
			set(ret, SEEN_YES, "LSF_MANAGE_MIG=%s in /%s", value, files[i]);
			return;
		}
	}
	if (!read && processes->at[PROCESS_LSF_SBATCHD] == SEEN_YES)
		set(ret, SEEN_UNKNOWN, "sbatchd runs, and its lsf.conf was not found");
}

static void vgpu(const struct tree *tree, const struct processes *processes, struct manager *ret)
{
	cleanup(free) char *modules = NULL;

	if (processes->at[PROCESS_VGPU_MANAGER] == SEEN_YES)
		set(ret, SEEN_YES, "nvidia-vgpu-mgr runs (process %d)",
		    (int)processes->pid[PROCESS_VGPU_MANAGER]);
	else if (may_be(processes, PROCESS_VGPU_MANAGER, ret))
		return;
	else if (tree_read(tree, "proc/modules", MODULES_LIMIT, &modules) == SEEN_YES &&
		 (!strncmp(modules, "nvidia_vgpu_vfio ", 17) ||
		  strstr(modules, "\nnvidia_vgpu_vfio ")))
		set(ret, SEEN_YES, "the module nvidia_vgpu_vfio is loaded");
}

void managers_probe(const struct tree *tree, struct managers *ret)
{
	static void (*const probes[MANAGER_COUNT])(const struct tree *, const struct processes *,
						   struct manager *) = {
		[MANAGER_MIG_MANAGER] = mig_manager,
		[MANAGER_DRA] = dra,
		[MANAGER_LSF] = lsf,
		[MANAGER_VGPU] = vgpu,
	};
	struct processes processes;

	*ret = (struct managers){.at = {{SEEN_NO, ""}}};
	processes_probe(tree, &processes);
	for (unsigned i = 0; i < MANAGER_COUNT; i++)
		probes[i](tree, &processes, &ret->at[i]);
}

bool managers_owner(const struct managers *managers, char *buf, size_t size, const char **ret_fix)
{
	for (unsigned i = 0; i < MANAGER_COUNT; i++)
		if (managers->at[i].at_work == SEEN_YES) {
			snprintf(buf, size, "%s decides about MIG here: %s", table[i].title,
				 managers->at[i].why);
			*ret_fix = table[i].fix;
			return true;
		}
	return false;
}
