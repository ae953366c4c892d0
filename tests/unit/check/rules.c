/*
 * Every rule in its outcomes: a host that is in order, and what happens to one
 * verdict when one thing about it changes.
 */
#include "../tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "check/rules.h"

#define NOW INT64_C(1795000000) /* 2026-11-18 */
#define POLICY                                                                                     \
	"version: 1\n"                                                                             \
	"reason: {min_length: 10}\n"                                                               \
	"review: {last: 2026-10-01, every: 90d, tested: 2026-09-01}\n"                             \
	"changes: {windows: [{days: [sat, sun]}], deadline: 2h}\n"                                 \
	"classes:\n"                                                                               \
	"  small: {profiles: 1g, time: 1h, max_time: 12h}\n"                                       \
	"  full: {profiles: full, time: 1h, max_time: 2d, allow: {teams: red}}\n"                  \
	"teams: {red: {users: ann, quota: {slices: 7}}, everyone: {per_user: {instances: 1}}}\n"

static struct policy *policies[8]; /* of the case at hand */
static size_t n_policies;

static void use_policy(struct facts *facts, const char *yaml)
{
	struct err err = ERR_INIT;

	if (policy_parse(yaml, strlen(yaml), "p.yaml", &policies[n_policies], &err))
		fail_msg("%s", err.text);
	facts->policy = policies[n_policies++];
}

static void set_gpu(struct fact_gpu *gpu, unsigned index, const char *board)
{
	gpu->info = (struct backend_gpu){.index = index,
					 .has_minor = true,
					 .minor = index,
					 .mig_capable = true,
					 .mig = true,
					 .mig_pending = true,
					 .board = board_by_id(board)};
	assert_non_null(gpu->info.board);
	snprintf(gpu->info.name, sizeof(gpu->info.name), "%s", gpu->info.board->product);
	gpu->node = (struct fact_node){SEEN_YES, true, 0666, 0};
	gpu->has_instances = gpu->has_caps = true;
}

/* Two A100, cut, and all about them in order. */
static void good_host(struct facts *facts)
{
	struct backend_instance *instance = &facts->gpus[0].instances[0];

	*facts = (struct facts){.now_s = NOW, .has_driver = true, .n_gpus = 2, .module = SEEN_YES};
	snprintf(facts->driver.driver, sizeof(facts->driver.driver), "550.163.01");
	snprintf(facts->module_version, sizeof(facts->module_version), "550.163.01");
	facts->driver.has_cuda = true;
	facts->driver.cuda_major = 12;
	facts->driver.cuda_minor = 4;
	set_gpu(&facts->gpus[0], 0, "a100-sxm4-80gb");
	set_gpu(&facts->gpus[1], 1, "a100-sxm4-80gb");
	facts->gpus[0].n_instances = 1;
	facts->gpus[0].n_caps = 2;
	*instance = (struct backend_instance){.gi = 7, .n_cis = 1};
	snprintf(instance->cis[0].uuid, sizeof(instance->cis[0].uuid),
		 "MIG-00000000-0000-5000-8000-000000000001");
	facts->pci = SEEN_YES;
	facts->clients_complete = true;
	facts->control = facts->uvm = facts->gpus[0].node;
	facts->cap_config = (struct fact_node){SEEN_YES, true, 0400, 0};
	facts->cap_minors = SEEN_YES;
	facts->cdi_all_read = true;
	facts->processes.at[PROCESS_DCGM] = SEEN_YES;
	facts->carved_enabled = SEEN_YES;
	facts->carved = SEEN_YES;
	facts->carved_loaded_s = NOW - 100;
	facts->has_policy_changed = true;
	facts->policy_changed_s = NOW - 200;
	snprintf(facts->carved_policy_path, sizeof(facts->carved_policy_path),
		 "/etc/carve/policy.yaml");
	snprintf(facts->carved_text, sizeof(facts->carved_text), "carved 1 answers");
	snprintf(facts->policy_path, sizeof(facts->policy_path), "/etc/carve/policy.yaml");
	use_policy(facts, POLICY);
}

/* ---- what may be otherwise ---- */

#define CHANGE(name) static void name(struct facts *f)
#define SET(name, what)                                                                            \
	CHANGE(name)                                                                               \
	{                                                                                          \
		what;                                                                              \
	}

SET(nothing, (void)f)
SET(no_driver_at_all, f->has_driver = false; f->n_gpus = 0;
    fail(&f->driver_error, ERR_UNAVAILABLE, "no library"))
SET(no_gpus, f->n_gpus = 0)
SET(calls_missing, strcpy(f->driver.missing, "EventSetCreate"))
SET(old_driver, strcpy(f->driver.driver, "450.51"))
SET(driver_470, strcpy(f->driver.driver, "470.57.02"))
SET(driver_570, strcpy(f->driver.driver, "570.133.20"))
SET(driver_535_off, strcpy(f->driver.driver, "535.104.05"); f->gpus[1].info.mig = false)
SET(driver_535_on, strcpy(f->driver.driver, "535.104.05"))
SET(driver_575_rtx, strcpy(f->driver.driver, "575.57.08");
    set_gpu(&f->gpus[1], 1, "rtx-pro-6000-blackwell-server"))
SET(driver_580_grace, strcpy(f->driver.driver, "580.82.07"); set_gpu(&f->gpus[1], 1, "gh200-96gb"))
SET(gh200, set_gpu(&f->gpus[0], 0, "gh200-96gb"); set_gpu(&f->gpus[1], 1, "gh200-96gb"))
SET(lost, f->gpus[1].info.lost = true)
SET(no_mig_here, f->gpus[1].info.mig_capable = false; f->gpus[1].info.board = NULL)
SET(hidden_mig, f->gpus[1].info.mig_capable = false)
SET(no_mig_anywhere, f->gpus[0].info.mig_capable = f->gpus[1].info.mig_capable = false;
    f->gpus[0].info.board = f->gpus[1].info.board = NULL)
SET(new_board, f->gpus[1].info.board = NULL)
SET(other_module, strcpy(f->module_version, "550.90.07"))
SET(no_module_file, f->module = SEEN_NO)
CHANGE(mismatch)
{
	f->has_driver = false;
	fail(&f->driver_error, ERR_UNAVAILABLE, "nvmlInit: Driver/library version mismatch");
}
SET(only_bus, f->has_driver = false; f->n_gpus = 0; f->n_pci = 1; f->pcis[0].device = 0x2330;
    strcpy(f->pcis[0].address, "0000:07:00.0"))
SET(odd_bus, f->has_driver = false; f->n_gpus = 0; f->n_pci = 1; f->pcis[0].device = 0x1234;
    strcpy(f->pcis[0].address, "0000:07:00.0"))
SET(empty_bus, f->has_driver = false; f->n_gpus = 0)
SET(no_bus, f->has_driver = false; f->n_gpus = 0; f->pci = SEEN_UNKNOWN)
SET(in_guest, f->virtual_machine = SEEN_YES)
SET(in_guest_off, f->virtual_machine = SEEN_YES; f->gpus[0].info.mig_pending = false)
SET(guest_unknown, f->virtual_machine = SEEN_UNKNOWN)
SET(virtual_gpu, strcpy(f->gpus[1].info.name, "NVIDIA A100-1-5C"))
SET(passed_through, f->n_pci = 1; strcpy(f->pcis[0].driver, "vfio-pci"))
SET(cuda_10, f->driver.cuda_major = 10)
SET(cuda_untold, f->driver.has_cuda = false)
SET(toolkit_13, f->cuda_toolkit = SEEN_YES; strcpy(f->cuda_toolkit_version, "13.0.1"))
SET(toolkit_12_6, f->cuda_toolkit = SEEN_YES; strcpy(f->cuda_toolkit_version, "12.6.0"))
SET(mode_off, f->gpus[1].info.mig = f->gpus[1].info.mig_pending = false)
SET(mode_off_left_alone, mode_off(f); f->gpus[1].left_alone = true)
SET(mode_pending, f->gpus[1].info.mig = false)
SET(h100, set_gpu(&f->gpus[1], 1, "h100-sxm5-80gb"))
SET(h100_alone, h100(f); f->carved_enabled = SEEN_NO)
SET(h100_off, h100(f); mode_off(f))
CHANGE(client)
{
	mode_off(f);
	f->n_clients = 2;
	f->clients[0] = (struct fact_client){"python3 (pid 7, ann, a.service)", 1, 7, false};
	f->clients[1] = (struct fact_client){"python3 (pid 9)", 0, 9, false}; /* on another GPU */
}
CHANGE(carved_is_client)
{
	mode_off(f);
	f->n_clients = 1;
	f->clients[0] = (struct fact_client){"carved (pid 7)", 1, 7, true};
}
SET(in_container, mode_off(f); f->clients_complete = false; f->contained = true)
SET(unread_clients, mode_off(f); f->clients_complete = false; f->n_unread = 3)
CHANGE(many_clients)
{
	mode_off(f);
	f->n_clients = FACTS_MAX_CLIENTS;
	f->n_clients_more = 10;
	for (unsigned i = 0; i < FACTS_MAX_CLIENTS; i++)
		f->clients[i] = (struct fact_client){"python3", 1, 7, false};
}
SET(drm_loaded, mode_off(f); f->nvidia_drm = SEEN_YES)
SET(drm_harmless, f->nvidia_drm = SEEN_YES)
SET(drm_h100, h100_off(f); f->nvidia_drm = SEEN_YES)
SET(drm_unknown, mode_off(f); f->nvidia_drm = SEEN_UNKNOWN)
SET(switches, f->nvswitch = SEEN_YES)
SET(switches_managed, f->nvswitch = SEEN_YES; f->processes.at[PROCESS_FABRIC_MANAGER] = SEEN_YES)
SET(switches_hidden, f->nvswitch = SEEN_YES; f->processes.at[PROCESS_FABRIC_MANAGER] = SEEN_UNKNOWN)
SET(toolkit_old, f->toolkit = SEEN_YES; strcpy(f->toolkit_version, "1.16.1-1"))
SET(toolkit_new, f->toolkit = SEEN_YES; strcpy(f->toolkit_version, "1.17.8-1"))
SET(toolkit_rpm, f->toolkit = SEEN_YES)
SET(envvar_default, f->toolkit = f->toolkit_config = SEEN_YES)
SET(envvar_off, envvar_default(f); strcpy(f->toolkit_envvar, "false"))
SET(no_cgroups, envvar_off(f); strcpy(f->toolkit_no_cgroups, "true"))
SET(ldconfig, envvar_off(f); strcpy(f->toolkit_ldconfig, "true"))
SET(config_unread, f->toolkit = SEEN_YES; f->toolkit_config = SEEN_UNKNOWN)

static char cdi_list[2][42];

CHANGE(cdi_right)
{
	f->cdi = SEEN_YES;
	f->n_cdi = 1;
	f->cdi_migs = cdi_list;
	strcpy(cdi_list[0], "MIG-00000000-0000-5000-8000-000000000001");
}
SET(cdi_stale, cdi_right(f); f->n_cdi = 2;
    strcpy(cdi_list[1], "MIG-00000000-0000-5000-8000-000000000002"))
SET(cdi_missing, cdi_right(f); f->n_cdi = 0)
SET(cdi_unread, f->cdi_all_read = false)
SET(no_control, f->control.seen = SEEN_NO)
SET(no_uvm, f->uvm.seen = SEEN_NO)
SET(node_file, f->gpus[1].node.is_device = false)
SET(node_unknown, f->gpus[1].node.seen = SEEN_UNKNOWN)
SET(caps_missing, f->gpus[0].n_caps_missing = 1)
SET(caps_unread, f->gpus[0].has_caps = false)
SET(no_caps, f->gpus[0].n_caps = 0)
SET(config_open, f->cap_config.mode = 0444)
SET(config_of_other, f->cap_config.uid = 1000)
SET(config_absent, f->cap_config.seen = SEEN_NO)
SET(config_unknown, f->cap_config.seen = SEEN_UNKNOWN)
SET(caps_open, f->gpus[0].n_caps_open = 2)

#define MANAGER(id, name, seen_)                                                                   \
	SET(name, f->managers.at[MANAGER_##id] = ((struct manager){seen_, "it was seen"}))
MANAGER(MIG_MANAGER, has_mig_manager, SEEN_YES)
MANAGER(MIG_MANAGER, may_have_mig_manager, SEEN_UNKNOWN)
MANAGER(DRA, has_dra, SEEN_YES)
MANAGER(DRA, may_have_dra, SEEN_UNKNOWN)
MANAGER(LSF, has_lsf, SEEN_YES)
MANAGER(VGPU, has_vgpu, SEEN_YES)

SET(has_plugin, f->kubelet = f->device_plugin = SEEN_YES)
SET(has_kubelet, f->kubelet = SEEN_YES)
SET(may_have_plugin, f->kubelet = SEEN_YES; f->device_plugin = SEEN_UNKNOWN)
SET(has_slurm, f->slurm = SEEN_YES)
CHANGE(slurm_names)
{
	has_slurm(f);
	f->n_slurm = 1;
	f->slurms[0] = (struct fact_slurm){"/etc/slurm/gres.conf", {SLURM_TYPE, 3, "Type=1g.10gb"}};
}
SET(slurm_unread, f->slurm = SEEN_UNKNOWN)
SET(slurm_lost, f->processes.at[PROCESS_SLURMD] = SEEN_YES)
SET(no_dcgm, f->processes.at[PROCESS_DCGM] = SEEN_NO)
SET(hidden_dcgm, f->processes.at[PROCESS_DCGM] = SEEN_UNKNOWN)
SET(no_dcgm_h100, no_dcgm(f); set_gpu(&f->gpus[0], 0, "h100-sxm5-80gb"); h100(f))
SET(no_policy, f->policy = NULL; fail(&f->policy_error, ERR_NOT_FOUND, "there is none"))
SET(bad_policy, f->policy = NULL; fail(&f->policy_error, ERR_INVALID, "p.yaml:1:1: no");
    fail_hint(&f->policy_error, "write better"))
SET(shut_policy, f->policy = NULL; fail(&f->policy_error, ERR_DENIED, "may not be read"))

#define POLICY_WITH(more)                                                                          \
	"version: 1\nclasses: {small: {profiles: 1g}}\nteams: {everyone: {}}\n" more
SET(plain_policy, use_policy(f, POLICY_WITH("")))
SET(open_full,
    use_policy(f, "version: 1\nclasses: {all: {profiles: full}}\nteams: {everyone: {}}\n"))
SET(approved_full,
    use_policy(f, "version: 1\nclasses: {all: {profiles: full, approval: required}}\n"
		  "teams: {everyone: {}}\n"))
SET(own_reason, use_policy(f, "version: 1\nclasses: {a: {profiles: 1g, reason: {min_length: 3}}}\n"
			      "teams: {everyone: {}}\n"))
SET(untested, plain_policy(f))
SET(tested_long_ago, use_policy(f, POLICY_WITH("review: {tested: 2025-09-01}\n")))
SET(tested_to_come, use_policy(f, POLICY_WITH("review: {tested: 2027-09-01}\n")))
SET(review_late, use_policy(f, POLICY_WITH("review: {last: 2026-08-01, every: 30d}\n")))
SET(review_to_come, use_policy(f, POLICY_WITH("review: {last: 2027-09-01}\n")))
SET(carved_gone, f->carved = SEEN_NO; fail(&f->carved_error, ERR_UNAVAILABLE, "no socket"))
SET(carved_refused, f->carved_policy_refused = true; fail(&f->carved_error, ERR_INVALID, "a typo"))
SET(other_file, strcpy(f->carved_policy_path, "/x"))
SET(newer_file, f->policy_changed_s = NOW)
SET(not_at_boot, f->carved_enabled = SEEN_NO)
SET(boot_unknown, f->carved_enabled = SEEN_UNKNOWN)
SET(has_strangers, f->carved_strangers = 1)
SET(no_instances_no_carved, carved_gone(f); f->gpus[0].n_instances = 0)

/* ---- the table ---- */

#define PASS	VERDICT_PASS
#define UNKNOWN VERDICT_UNKNOWN
#define WARN	VERDICT_WARN
#define FAIL	VERDICT_FAIL

static const struct {
	enum check_id id;
	void (*change)(struct facts *facts);
	enum verdict verdict;
	const char *words; /* of the reason */
} rows[] = {
	{CHECK_driver, nothing, PASS, "driver 550.163.01, 2 GPUs"},
	{CHECK_driver, no_driver_at_all, FAIL, "no library"},
	{CHECK_driver, only_bus, FAIL,
	 "on the PCI bus: 1 of NVIDIA's GPUs, the first at 0000:07:00.0 with no driver"},
	{CHECK_driver, no_gpus, FAIL, "sees no GPU"},
	{CHECK_driver, calls_missing, WARN, "lacks EventSetCreate"},
	{CHECK_board, nothing, PASS, "GPUs 0-1: NVIDIA A100-SXM4-80GB"},
	{CHECK_board, lost, FAIL, "GPU 1: fallen off the bus"},
	{CHECK_board, no_mig_here, WARN, "GPU 1: no MIG on this board"},
	{CHECK_board, no_mig_anywhere, FAIL, "no GPU here can be cut"},
	{CHECK_board, hidden_mig, FAIL, "GPU 1: a board with MIG, which the driver does not offer"},
	{CHECK_board, new_board, UNKNOWN, "GPU 1: MIG, but the board is not in carve's catalogue"},
	{CHECK_board, only_bus, PASS, "NVIDIA H100 80GB HBM3, by its PCI device id 2330"},
	{CHECK_board, odd_bus, UNKNOWN, "knows no board with PCI device id 1234"},
	{CHECK_board, empty_bus, FAIL, "no GPU of NVIDIA's on the PCI bus"},
	{CHECK_board, no_bus, UNKNOWN, "neither"},
	{CHECK_driver_board, nothing, PASS, "GPUs 0-1: needs 450.80.02"},
	{CHECK_driver_board, old_driver, FAIL, "needs driver 450.80.02 or later, this is 450.51"},
	{CHECK_driver_board, gh200, UNKNOWN, "not known"},
	{CHECK_driver_board, no_driver_at_all, UNKNOWN, "does not answer"},
	{CHECK_driver_profiles, nothing, PASS, "has all"},
	{CHECK_driver_profiles, driver_470, WARN, "4g beside 3g (R510)"},
	{CHECK_driver_profiles, no_driver_at_all, UNKNOWN, "does not answer"},
	{CHECK_driver_known, nothing, PASS, "nothing is known"},
	{CHECK_driver_known, driver_570, WARN, "wrong devices"},
	{CHECK_driver_known, driver_535_off, WARN,
	 "GPU 1: driver 535.104.05: cannot list profiles"},
	{CHECK_driver_known, driver_535_on, PASS, "nothing is known"},
	{CHECK_driver_known, driver_575_rtx, FAIL, "GPU 1: driver 575.57.08: no MIG"},
	{CHECK_driver_known, driver_580_grace, WARN, "GPU 1: driver 580.82.07: coherent memory"},
	{CHECK_driver_pair, nothing, PASS, "both are 550.163.01"},
	{CHECK_driver_pair, other_module, FAIL, "the module is 550.90.07, the library 550.163.01"},
	{CHECK_driver_pair, mismatch, FAIL, "mismatch"},
	{CHECK_driver_pair, no_module_file, UNKNOWN, "/proc/driver/nvidia/version"},
	{CHECK_virtual, nothing, PASS, "no virtual machine"},
	{CHECK_virtual, in_guest, PASS, "no GPU here needs a reset"},
	{CHECK_virtual, in_guest_off, WARN, "GPU 0: passed through"},
	{CHECK_virtual, guest_unknown, UNKNOWN, "cannot be told"},
	{CHECK_virtual, virtual_gpu, FAIL, "GPU 1: a virtual GPU"},
	{CHECK_virtual, passed_through, WARN, "1 GPU is given to virtual machines"},
	{CHECK_cuda, nothing, PASS, "CUDA 12.4"},
	{CHECK_cuda, cuda_10, FAIL, "needs CUDA 11.0, the driver has 10.4"},
	{CHECK_cuda, cuda_untold, UNKNOWN, "does not tell"},
	{CHECK_cuda, toolkit_13, WARN, "/usr/local/cuda is 13.0.1, too new"},
	{CHECK_cuda, toolkit_12_6, PASS, "/usr/local/cuda is 12.6.0"},
	{CHECK_mode, nothing, PASS, "GPUs 0-1: on"},
	{CHECK_mode, mode_off, WARN, "GPU 1: off"},
	{CHECK_mode, mode_off_left_alone, PASS, "GPU 1: off, and not managed"},
	{CHECK_mode, mode_pending, FAIL, "GPU 1: changes at the next reset"},
	{CHECK_mode, no_driver_at_all, UNKNOWN, "does not answer"},
	{CHECK_persistence, nothing, PASS, "GPUs 0-1: kept by the board"},
	{CHECK_persistence, h100, UNKNOWN, "carved turns it on where a layout was applied"},
	{CHECK_persistence, h100_alone, WARN, "GPU 1: kept by the driver"},
	{CHECK_persistence, new_board, UNKNOWN, "GPU 1: the board is not"},
	{CHECK_clients, nothing, PASS, "no MIG mode is to be changed"},
	{CHECK_clients, mode_off, PASS, "GPU 1: nobody"},
	{CHECK_clients, client, WARN, "GPU 1: python3 (pid 7, ann, a.service)"},
	{CHECK_clients, carved_is_client, PASS, "GPU 1: nobody"},
	{CHECK_clients, unread_clients, UNKNOWN, "3 processes may not be looked into"},
	{CHECK_clients, in_container, UNKNOWN, "a container's processes only"},
	{CHECK_clients, many_clients, WARN, "and 68 more"},
	{CHECK_nvidia_drm, nothing, PASS, "no GPU here needs a reset"},
	{CHECK_nvidia_drm, mode_off, PASS, "not loaded"},
	{CHECK_nvidia_drm, drm_loaded, WARN, "GPU 1: a change of MIG mode needs a reset"},
	{CHECK_nvidia_drm, drm_harmless, PASS, "no GPU here needs a reset"},
	{CHECK_nvidia_drm, drm_h100, PASS, "no GPU here needs a reset"},
	{CHECK_nvidia_drm, drm_unknown, UNKNOWN, "/proc/modules"},
	{CHECK_fabric_manager, nothing, PASS, "no NVSwitches"},
	{CHECK_fabric_manager, switches, WARN, "no fabric manager"},
	{CHECK_fabric_manager, switches_managed, PASS, "it runs"},
	{CHECK_fabric_manager, switches_hidden, UNKNOWN, "not all processes"},
	{CHECK_toolkit, nothing, PASS, "no container toolkit"},
	{CHECK_toolkit, toolkit_new, PASS, "version 1.17.8-1"},
	{CHECK_toolkit, toolkit_old, FAIL, "CVE-2025-23266 (mended in 1.17.8)"},
	{CHECK_toolkit, toolkit_rpm, UNKNOWN, "its version"},
	{CHECK_toolkit_config, nothing, PASS, "no container toolkit"},
	{CHECK_toolkit_config, envvar_default, WARN, "true by default"},
	{CHECK_toolkit_config, envvar_off, PASS, "no image"},
	{CHECK_toolkit_config, no_cgroups, WARN, "no-cgroups is true"},
	{CHECK_toolkit_config, ldconfig, WARN, "allow-ldconfig-from-container is true"},
	{CHECK_toolkit_config, config_unread, UNKNOWN, "cannot be read"},
	{CHECK_cdi, nothing, PASS, "none for nvidia.com/gpu"},
	{CHECK_cdi, cdi_right, PASS, "they name the instances"},
	{CHECK_cdi, cdi_stale, WARN, "gone (1)"},
	{CHECK_cdi, cdi_missing, WARN, "1 instance is not in them"},
	{CHECK_cdi, cdi_unread, UNKNOWN, "not all"},
	{CHECK_nodes, nothing, PASS, "all are there"},
	{CHECK_nodes, no_control, FAIL, "there is no /dev/nvidiactl"},
	{CHECK_nodes, no_uvm, WARN, "there is no /dev/nvidia-uvm"},
	{CHECK_nodes, node_file, FAIL, "/dev/nvidia1 is no device"},
	{CHECK_nodes, node_unknown, UNKNOWN, "/dev/nvidia1 cannot be looked at"},
	{CHECK_cap_nodes, nothing, PASS, "all 2 are there"},
	{CHECK_cap_nodes, no_caps, PASS, "no instances yet"},
	{CHECK_cap_nodes, caps_missing, WARN, "1 of 2 are missing"},
	{CHECK_cap_nodes, caps_unread, UNKNOWN, "mig-minors"},
	{CHECK_cap_config, nothing, PASS, "mode 0400"},
	{CHECK_cap_config, config_open, FAIL, "mode 0444, uid 0"},
	{CHECK_cap_config, config_of_other, FAIL, "mode 0400, uid 1000"},
	{CHECK_cap_config, config_absent, PASS, "not there"},
	{CHECK_cap_config, config_unknown, UNKNOWN, "cannot be looked at"},
	{CHECK_cap_modes, nothing, PASS, "none of the 2"},
	{CHECK_cap_modes, caps_open, WARN, "2 of 2"},
	{CHECK_cap_modes, caps_unread, UNKNOWN, "not be counted"},
	{CHECK_mig_manager, nothing, PASS, "not at work"},
	{CHECK_mig_manager, has_mig_manager, FAIL, "so carve only observes: it was seen"},
	{CHECK_mig_manager, may_have_mig_manager, UNKNOWN, "it was seen"},
	{CHECK_dra, nothing, PASS, "not at work"},
	{CHECK_dra, has_dra, FAIL, "so carve only observes: it was seen"},
	{CHECK_dra, may_have_dra, UNKNOWN, "it was seen"},
	{CHECK_lsf, nothing, PASS, "not at work"},
	{CHECK_lsf, has_lsf, FAIL, "LSF decides about MIG here"},
	{CHECK_vgpu, nothing, PASS, "not at work"},
	{CHECK_vgpu, has_vgpu, FAIL, "vGPU manager decides"},
	{CHECK_kubernetes, nothing, PASS, "no kubelet"},
	{CHECK_kubernetes, has_kubelet, PASS, "without NVIDIA's device plugin"},
	{CHECK_kubernetes, has_plugin, WARN, "once, at its start"},
	{CHECK_kubernetes, may_have_plugin, UNKNOWN, "cannot be told"},
	{CHECK_slurm, nothing, PASS, "no Slurm"},
	{CHECK_slurm, has_slurm, PASS, "names no instances"},
	{CHECK_slurm, slurm_names, WARN, "/etc/slurm/gres.conf:3: Type=1g.10gb"},
	{CHECK_slurm, slurm_unread, UNKNOWN, "cannot be read"},
	{CHECK_slurm, slurm_lost, UNKNOWN, "not found"},
	{CHECK_monitoring, nothing, PASS, "DCGM measures"},
	{CHECK_monitoring, no_dcgm, WARN, "GPUs 0-1: only DCGM"},
	{CHECK_monitoring, no_dcgm_h100, PASS, "NVML measures"},
	{CHECK_monitoring, hidden_dcgm, UNKNOWN, "hidden"},
	{CHECK_classes, nothing, PASS, "small, full"},
	{CHECK_classes, no_policy, WARN, "there is none"},
	{CHECK_classes, bad_policy, FAIL, "p.yaml:1:1: no"},
	{CHECK_classes, shut_policy, UNKNOWN, "may not be read"},
	{CHECK_tested, nothing, PASS, "on 2026-09-01"},
	{CHECK_tested, untested, WARN, "does not say"},
	{CHECK_tested, tested_long_ago, WARN, "on 2025-09-01, more than a year ago"},
	{CHECK_tested, tested_to_come, WARN, "still to come"},
	{CHECK_tested, no_policy, WARN, "there is no policy"},
	{CHECK_tested, shut_policy, UNKNOWN, "cannot be read"},
	{CHECK_allocation, nothing, PASS, "every team has a limit"},
	{CHECK_allocation, plain_policy, WARN, "no limit for team everyone"},
	{CHECK_full, nothing, PASS, "restricted: full"},
	{CHECK_full, plain_policy, PASS, "no class gives whole GPUs"},
	{CHECK_full, open_full, WARN, "everybody may ask for all"},
	{CHECK_idle, nothing, WARN, "after 2d at most"},
	{CHECK_changes, nothing, PASS, "sat sun; holders may stay for 2h"},
	{CHECK_changes, plain_policy, WARN, "at any time"},
	{CHECK_reason, nothing, PASS, "for every class"},
	{CHECK_reason, plain_policy, WARN, "none need be given for small"},
	{CHECK_reason, own_reason, PASS, "for every class"},
	{CHECK_full, approved_full, PASS, "restricted: all"},
	{CHECK_review, nothing, PASS, "last on 2026-10-01; the next is due in 41 days"},
	{CHECK_review, plain_policy, WARN, "names no day"},
	{CHECK_review, review_late, WARN, "last on 2026-08-01, overdue for 80 days"},
	{CHECK_review, review_to_come, WARN, "still to come"},
	{CHECK_daemon, nothing, PASS, "carved 1 answers"},
	{CHECK_daemon, carved_gone, UNKNOWN, "no socket; leases, strangers"},
	{CHECK_daemon, carved_refused, FAIL, "refused the policy: a typo"},
	{CHECK_daemon, other_file, WARN,
	 "carved has its policy from /x, this report is about /etc/carve/policy.yaml"},
	{CHECK_daemon, newer_file, WARN, "was written after carved read it"},
	{CHECK_boot, nothing, PASS, "is enabled"},
	{CHECK_boot, not_at_boot, WARN, "is not enabled"},
	{CHECK_boot, boot_unknown, UNKNOWN, "cannot be read"},
	{CHECK_strangers, nothing, PASS, "none was made"},
	{CHECK_strangers, has_strangers, WARN, "1 made by somebody else"},
	{CHECK_strangers, carved_gone, UNKNOWN, "only carved knows"},
	{CHECK_strangers, no_instances_no_carved, PASS, "there are none"},
};

static void every_row(void **unused)
{
	static struct facts facts;
	struct answer answer;

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		good_host(&facts);
		rows[i].change(&facts);
		check_rule_judge(rows[i].id, &facts, &answer);
		if (answer.verdict != rows[i].verdict || !strstr(answer.reason, rows[i].words))
			fail_msg("row %zu, %s: %s: %s", i, check_rules[rows[i].id].name,
				 verdict_name(answer.verdict), answer.reason);
		if (answer.verdict == PASS)
			assert_string_equal(answer.fix, "");
		if (answer.verdict > UNKNOWN && !answer.borrowed) {
			assert_string_not_equal(answer.fix, "");
			assert_string_not_equal(answer.source, "");
		}
		while (n_policies)
			policy_free(policies[--n_policies]);
	}
}

/* No rule without a host on which it passes and one on which it does not. */
static void every_rule_both_ways(void **unused)
{
	bool good[CHECK_COUNT] = {false}, bad[CHECK_COUNT] = {false};

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		*(rows[i].verdict == PASS ? &good[rows[i].id] : &bad[rows[i].id]) = true;
	good[CHECK_idle] = true; /* there is nothing yet by which it could pass */
	for (unsigned i = 0; i < CHECK_COUNT; i++)
		if (!good[i] || !bad[i])
			fail_msg("%s has no host on which it is %s", check_rules[i].name,
				 good[i] ? "bad" : "good");
}

/* Nothing known is no verdict of PASS or FAIL, but for what no policy and no GPU mean. */
static void nothing_known(void **unused)
{
	static struct facts facts;
	struct answer answer;

	(void)unused;
	facts = (struct facts){.pci = SEEN_UNKNOWN, .carved = SEEN_UNKNOWN};
	fail(&facts.driver_error, ERR_UNAVAILABLE, "no library");
	fail(&facts.policy_error, ERR_DENIED, "no");
	for (unsigned i = 0; i < CHECK_COUNT; i++) {
		check_rule_judge((enum check_id)i, &facts, &answer);
		assert_string_not_equal(answer.reason, "");
	}
}

static void names(void **unused)
{
	struct err err = ERR_INIT;

	(void)unused;
	for (unsigned i = 0; i < CHECK_COUNT; i++)
		assert_int_equal(check_rule_by_name(check_rules[i].name, &err), i);
	assert_int_equal(check_rule_by_name("slrum", &err), CHECK_COUNT);
	assert_string_equal(err.hint, "did you mean 'slurm'?");
	for (unsigned i = 0; i + 1 < VERDICT_COUNT; i++)
		assert_true(verdict_exit_status((enum verdict)i) <
			    verdict_exit_status((enum verdict)(i + 1)));
	/* No exit status of an error. */
	for (unsigned i = VERDICT_UNKNOWN; i < VERDICT_COUNT; i++)
		for (unsigned k = 1; k < ERR_COUNT; k++)
			assert_int_not_equal(verdict_exit_status((enum verdict)i),
					     err_exit_status((enum err_code)k));
}

/* A sentence of any length is cut, never written beyond its room. */
static void long_answers_are_cut(void **unused)
{
	struct answer answer = {.verdict = PASS};

	(void)unused;
	for (unsigned i = 0; i < 100; i++)
		answer_add(&answer, WARN, "%0400u", i);
	assert_int_equal(strlen(answer.reason), sizeof(answer.reason) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row),
		cmocka_unit_test(every_rule_both_ways),
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(names),
		cmocka_unit_test(long_answers_are_cut),
	};

	return tap_run(tests);
}
