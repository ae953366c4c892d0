/* What else the host has: containers, device nodes, other managers, schedulers. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "check/judge-part.h"

/* ---- containers ---- */

static const struct {
	const char *fixed, *name;
} toolkit_holes[] = {
	{"1.16.2", "CVE-2024-0132"},
	{"1.17.4", "CVE-2025-23359"},
	{"1.17.8", "CVE-2025-23266"},
};

void judge_toolkit(const struct facts *facts, struct answer *ret)
{
	cleanup(text_done) struct text holes = TEXT_INIT;

	if (facts->toolkit == SEEN_NO)
		answer_add(ret, VERDICT_PASS, "no container toolkit is installed");
	if (facts->toolkit != SEEN_YES)
		return;
	if (!*facts->toolkit_version) {
		answer_add(ret, VERDICT_UNKNOWN,
			   "it is installed, and its version is not in Debian's list of packages");
		answer_fix(ret, "nvidia-ctk --version; 1.17.8 or later is wanted");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(toolkit_holes); i++)
		if (conf_version_compare(facts->toolkit_version, toolkit_holes[i].fixed) < 0)
			text_addf(&holes, "%s%s (mended in %s)", holes.len ? ", " : "",
				  toolkit_holes[i].name, toolkit_holes[i].fixed);
	if (holes.len)
		answer_add(ret, VERDICT_FAIL, "version %s has %s", facts->toolkit_version,
			   text_str(&holes));
	else
		answer_add(ret, VERDICT_PASS, "version %s", facts->toolkit_version);
}

void judge_toolkit_config(const struct facts *facts, struct answer *ret)
{
	if (facts->toolkit == SEEN_NO && facts->toolkit_config == SEEN_NO) {
		answer_add(ret, VERDICT_PASS, "no container toolkit is installed");
		return;
	}
	if (facts->toolkit_config == SEEN_UNKNOWN) {
		answer_add(ret, VERDICT_UNKNOWN, "its config.toml cannot be read");
		return;
	}
	answer_add(ret, VERDICT_PASS, "no image can choose its GPUs");
	if (strcmp(facts->toolkit_envvar, "false") != 0)
		answer_add(ret, VERDICT_WARN,
			   "accept-nvidia-visible-devices-envvar-when-unprivileged is %s: any "
			   "image may ask "
			   "for all GPUs",
			   *facts->toolkit_envvar ? facts->toolkit_envvar : "true by default");
	if (!strcmp(facts->toolkit_no_cgroups, "true"))
		answer_add(ret, VERDICT_WARN,
			   "nvidia-container-cli.no-cgroups is true: devices of others are "
			   "not denied by the container's control group");
	if (!strcmp(facts->toolkit_ldconfig, "true"))
		answer_add(ret, VERDICT_WARN,
			   "features.allow-ldconfig-from-container is true: a program of "
			   "the image runs as root on the host");
}

static bool in_cdi(const struct facts *facts, const char *uuid)
{
	for (size_t i = 0; i < facts->n_cdi; i++)
		if (!strcasecmp(facts->cdi_migs[i], uuid))
			return true;
	return false;
}

static bool has_mig(const struct facts *facts, const char *uuid)
{
	for (size_t i = 0; i < facts->n_gpus; i++)
		for (size_t k = 0; k < facts->gpus[i].n_instances; k++)
			for (unsigned c = 0; c < facts->gpus[i].instances[k].n_cis; c++)
				if (!strcasecmp(facts->gpus[i].instances[k].cis[c].uuid, uuid))
					return true;
	return false;
}

static unsigned count_missing(const struct facts *facts)
{
	unsigned n = 0;

	for (size_t i = 0; i < facts->n_gpus; i++)
		for (size_t k = 0; k < facts->gpus[i].n_instances; k++)
			for (unsigned c = 0; c < facts->gpus[i].instances[k].n_cis; c++)
				n += !in_cdi(facts, facts->gpus[i].instances[k].cis[c].uuid);
	return n;
}

static bool all_instances_read(const struct facts *facts)
{
	for (size_t i = 0; i < facts->n_gpus; i++)
		if (!facts->gpus[i].has_instances)
			return false;
	return facts->has_driver;
}

void judge_cdi(const struct facts *facts, struct answer *ret)
{
	unsigned gone = 0, missing = count_missing(facts);

	if (facts->cdi != SEEN_YES) {
		answer_add(ret, facts->cdi_all_read ? VERDICT_PASS : VERDICT_UNKNOWN,
			   facts->cdi_all_read ? "none for nvidia.com/gpu" : "not all can be read");
		return;
	}
	if (!all_instances_read(facts) || !facts->cdi_all_read) {
		answer_add(ret, VERDICT_UNKNOWN, "%s cannot be read",
			   facts->cdi_all_read ? "the instances" : "some of them");
		return;
	}
	for (size_t i = 0; i < facts->n_cdi; i++)
		gone += !has_mig(facts, facts->cdi_migs[i]);
	answer_add(ret, VERDICT_PASS, "they name the instances that exist");
	if (gone)
		answer_add(ret, VERDICT_WARN, "they name MIG devices that are gone (%u)", gone);
	if (missing)
		answer_add(ret, VERDICT_WARN, "%u instance%s not in them", missing,
			   missing == 1 ? " is" : "s are");
}

/* ---- device nodes ---- */

static void judge_node(const struct fact_node *node, const char *path, enum verdict without,
		       struct answer *ret)
{
	if (node->seen == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN, "%s cannot be looked at", path);
	else if (node->seen == SEEN_NO)
		answer_add(ret, without, "there is no %s", path);
	else if (!node->is_device)
		answer_add(ret, VERDICT_FAIL, "%s is no device", path);
}

void judge_nodes(const struct facts *facts, struct answer *ret)
{
	if (no_driver(facts, ret))
		return;
	answer_add(ret, VERDICT_PASS, "all are there");
	judge_node(&facts->control, "/dev/nvidiactl", VERDICT_FAIL, ret);
	judge_node(&facts->uvm, "/dev/nvidia-uvm", VERDICT_WARN, ret);
	for (size_t i = 0; i < facts->n_gpus; i++) {
		const struct fact_gpu *gpu = &facts->gpus[i];
		char path[40];

		snprintf(path, sizeof(path), "/dev/nvidia%u", gpu->info.minor);
		if (gpu->info.has_minor && !gpu->info.lost)
			judge_node(&gpu->node, path, VERDICT_FAIL, ret);
	}
}

/* Over all GPUs; false: they could not be counted. */
static bool count_caps(const struct facts *facts, unsigned *n, unsigned *missing, unsigned *open_)
{
	bool counted = facts->has_driver;

	*n = *missing = *open_ = 0;
	for (size_t i = 0; i < facts->n_gpus; i++) {
		counted &= facts->gpus[i].has_caps || !gpu_is_capable(&facts->gpus[i]);
		*n += facts->gpus[i].n_caps;
		*missing += facts->gpus[i].n_caps_missing;
		*open_ += facts->gpus[i].n_caps_open;
	}
	return counted;
}

void judge_cap_nodes(const struct facts *facts, struct answer *ret)
{
	unsigned n, missing, open_;

	if (!count_caps(facts, &n, &missing, &open_))
		answer_add(ret, VERDICT_UNKNOWN, "%s",
			   facts->has_driver ? "/proc/driver/nvidia-caps/mig-minors cannot be read"
					     : "the driver does not answer");
	else if (missing)
		answer_add(ret, VERDICT_WARN,
			   "%u of %u are missing; containers would start without them", missing, n);
	else if (!n)
		answer_add(ret, VERDICT_PASS, "there are no instances yet");
	else
		answer_add(ret, VERDICT_PASS, "all %u are there", n);
}

void judge_cap_config(const struct facts *facts, struct answer *ret)
{
	const struct fact_node *node = &facts->cap_config;

	if (node->seen == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN,
			   "/dev/nvidia-caps/nvidia-cap1 cannot be looked at");
	else if (node->seen == SEEN_NO)
		answer_add(ret, VERDICT_PASS, "/dev/nvidia-caps/nvidia-cap1 is not there");
	else if (node->uid || (node->mode & 077))
		answer_add(ret, VERDICT_FAIL,
			   "/dev/nvidia-caps/nvidia-cap1 is open to others (mode %04o, uid %u)",
			   (unsigned)node->mode, (unsigned)node->uid);
	else
		answer_add(ret, VERDICT_PASS, "/dev/nvidia-caps/nvidia-cap1 has mode %04o",
			   (unsigned)node->mode);
}

void judge_cap_modes(const struct facts *facts, struct answer *ret)
{
	unsigned n, missing, open_;

	if (!count_caps(facts, &n, &missing, &open_))
		answer_add(ret, VERDICT_UNKNOWN, "the nodes could not be counted");
	else if (open_)
		answer_add(ret, VERDICT_WARN,
			   "%u of %u nodes of instances are open to every account", open_, n);
	else if (!n)
		answer_add(ret, VERDICT_PASS, "there are no instances yet");
	else
		answer_add(ret, VERDICT_PASS, "none of the %u nodes is open to others",
			   n - missing);
}

/* ---- other managers ---- */

static void judge_manager(const struct facts *facts, enum manager_id id, struct answer *ret)
{
	const struct manager *manager = &facts->managers.at[id];

	if (manager->at_work == SEEN_YES)
		answer_add(ret, VERDICT_FAIL,
			   "%s decides about MIG here, so carve only observes: %s",
			   manager_title(id), manager->why);
	else if (manager->at_work == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN, "%s", manager->why);
	else
		answer_add(ret, VERDICT_PASS, "%s",
			   *manager->why ? manager->why : "not at work here");
	if (manager->at_work == SEEN_YES)
		answer_fix(ret, "%s", manager_fix(id));
	snprintf(ret->source, sizeof(ret->source), "%s", manager_source(id));
}

void judge_mig_manager(const struct facts *facts, struct answer *ret)
{
	judge_manager(facts, MANAGER_MIG_MANAGER, ret);
}

void judge_dra(const struct facts *facts, struct answer *ret)
{
	judge_manager(facts, MANAGER_DRA, ret);
}

void judge_lsf(const struct facts *facts, struct answer *ret)
{
	judge_manager(facts, MANAGER_LSF, ret);
}

void judge_vgpu(const struct facts *facts, struct answer *ret)
{
	judge_manager(facts, MANAGER_VGPU, ret);
}

/* ---- schedulers ---- */

void judge_kubernetes(const struct facts *facts, struct answer *ret)
{
	if (facts->device_plugin == SEEN_YES)
		answer_add(ret, VERDICT_WARN,
			   "NVIDIA's device plugin runs: it lists instances once, at its start");
	else if (facts->kubelet == SEEN_NO)
		answer_add(ret, VERDICT_PASS, "no kubelet here");
	else if (facts->kubelet == SEEN_UNKNOWN || facts->device_plugin == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN,
			   "whether NVIDIA's device plugin runs cannot be told");
	else
		answer_add(ret, VERDICT_PASS, "a kubelet without NVIDIA's device plugin");
}

void judge_slurm(const struct facts *facts, struct answer *ret)
{
	size_t shown = facts->n_slurm < 4 ? facts->n_slurm : 4;

	for (size_t i = 0; i < shown; i++)
		answer_add(ret, VERDICT_WARN, "%s:%u: %s", facts->slurms[i].path,
			   facts->slurms[i].line.line, facts->slurms[i].line.word);
	if (facts->n_slurm > shown)
		answer_add(ret, VERDICT_WARN, "and %zu more", facts->n_slurm - shown);
	if (facts->slurm == SEEN_UNKNOWN)
		answer_add(ret, VERDICT_UNKNOWN, "its configuration cannot be read");
	else if (facts->slurm == SEEN_YES)
		answer_add(ret, VERDICT_PASS, "it names no instances");
	else if (facts->processes.at[PROCESS_SLURMD] == SEEN_YES)
		answer_add(ret, VERDICT_UNKNOWN,
			   "slurmd runs, and its configuration was not found");
	else
		answer_add(ret, VERDICT_PASS, "no Slurm here");
}
