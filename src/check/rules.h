/*
 * rules.h - what carve check asks, and how it judges
 *
 * CHECK_TABLE is the only list: each row is a question, and a small function
 * judge_ID() over struct facts that answers it. carve check, its manual and
 * its tests are made from it. A rule looks at facts and at nothing else.
 *
 * How bad a verdict is: pass < unknown < warn < fail. "Unknown" means that this
 * account or this host did not let us see; it is never guessed.
 */
#pragma once

#include "check/facts.h"

enum verdict { VERDICT_PASS, VERDICT_UNKNOWN, VERDICT_WARN, VERDICT_FAIL, VERDICT_COUNT };

const char *verdict_name(enum verdict verdict);

/* Exit status of carve check when this is the worst; not among those of errors (base/err.h). */
int verdict_exit_status(enum verdict verdict);

enum check_group {
	CHECK_GROUP_GPU,
	CHECK_GROUP_RESET,
	CHECK_GROUP_CONTAINER,
	CHECK_GROUP_NODE,
	CHECK_GROUP_MANAGER,
	CHECK_GROUP_SCHEDULER,
	CHECK_GROUP_RULES,
	CHECK_GROUP_DAEMON,
	CHECK_GROUP_COUNT
};

/* for --only and JSON */
const char *check_group_name(enum check_group group);
const char *check_group_title(enum check_group group);

/* id in C, group, as typed, what it asks, what helps, where that is known from */
/* clang-format off */
#define CHECK_TABLE(X) \
	X(driver, GPU, "driver", "does NVIDIA's driver answer?", \
	  "load the driver and install its library (libnvidia-ml.so.1) of the same version", \
	  "NVIDIA driver installation guide") \
	X(board, GPU, "board", "do board and form factor support MIG?", \
	  "leave other GPUs whole: gpus.except in the policy", \
	  "NVIDIA MIG User Guide, supported GPUs") \
	X(driver_board, GPU, "driver-board", "is the driver new enough for the board?", \
	  "install a driver of at least that version", \
	  "NVIDIA MIG User Guide, supported GPUs") \
	X(driver_profiles, GPU, "driver-profiles", "is it new enough for all of the board's profiles?", \
	  "install a newer driver, or do without these profiles in the policy", \
	  "NVIDIA MIG User Guide, supported profiles") \
	X(driver_known, GPU, "driver-known", "is it none of those known to be bad?", \
	  "install the version named, or a later one", \
	  "NVIDIA/gpu-operator#1361; NVIDIA GPU Operator platform support") \
	X(driver_pair, GPU, "driver-pair", "are kernel module and library of one version?", \
	  "reboot, or reload the module after its clients have ended", \
	  "NVML error 18, driver/library version mismatch") \
	X(virtual, GPU, "virtual-machine", "is this host the one that owns the GPUs?", \
	  "in a guest, change MIG mode from the host, or reboot the guest after a change", \
	  "NVIDIA MIG User Guide, virtualization") \
	X(cuda, GPU, "cuda", "does CUDA here know these boards?", \
	  "install a driver whose CUDA is new enough, or an older toolkit", \
	  "CUDA Toolkit release notes") \
	X(mode, RESET, "mig-mode", "is MIG mode on?", \
	  "nvidia-smi -i GPU -mig 1, while nobody uses the GPU", \
	  "NVIDIA MIG User Guide, getting started") \
	X(persistence, RESET, "mig-persistence", "does MIG mode outlive a reboot?", \
	  "systemctl enable carved: it turns the mode on again where carve layout apply was used", \
	  "NVIDIA MIG User Guide, getting started") \
	X(clients, RESET, "clients", "is nobody using the GPUs whose MIG mode is to be changed?", \
	  "end these, or stop the services that own them, before MIG mode is changed", \
	  "NVIDIA/mig-parted#181, #182; NVIDIA/DCGM#276") \
	X(nvidia_drm, RESET, "nvidia-drm", "can the GPUs be reset while nvidia_drm is loaded?", \
	  "end graphical sessions, then modprobe -r nvidia_drm before the reset", \
	  "NVIDIA/mig-parted#181") \
	X(fabric_manager, RESET, "fabric-manager", "does the fabric manager run where there are NVSwitches?", \
	  "systemctl enable --now nvidia-fabricmanager", \
	  "NVIDIA Fabric Manager User Guide") \
	X(toolkit, CONTAINER, "toolkit-version", "has the container toolkit no known way out of a container?", \
	  "upgrade nvidia-container-toolkit to 1.17.8 or later", \
	  "NVIDIA security bulletins for CVE-2024-0132, CVE-2025-23359, CVE-2025-23266") \
	X(toolkit_config, CONTAINER, "toolkit-config", "do its settings keep images from taking any GPU?", \
	  "change the settings named in config.toml", \
	  "NVIDIA/k8s-device-plugin#61; NVIDIA container toolkit, config.toml") \
	X(cdi, CONTAINER, "cdi", "do CDI specifications agree with the instances?", \
	  "nvidia-ctk cdi generate, or systemctl restart nvidia-cdi-refresh, after every change", \
	  "NVIDIA/nvidia-container-toolkit#1828") \
	X(nodes, NODE, "device-nodes", "are the driver's device nodes there?", \
	  "nvidia-modprobe -u -c 0, or nvidia-smi -L, makes them", \
	  "NVIDIA MIG User Guide, device nodes and capabilities") \
	X(cap_nodes, NODE, "cap-nodes", "are the instances' capability nodes there?", \
	  "nvidia-smi -L, or nvidia-modprobe -f FILE for each, makes them", \
	  "NVIDIA/mig-parted#82") \
	X(cap_config, NODE, "cap-config", "may only root re-cut GPUs?", \
	  "chmod 0400 /dev/nvidia-caps/nvidia-cap1, owned by root", \
	  "NVIDIA MIG User Guide, device nodes and capabilities") \
	X(cap_modes, NODE, "cap-modes", "may only its holder open an instance?", \
	  "run carved with isolation: auto in the policy, or close the nodes below /dev/nvidia-caps", \
	  "carve-policy(5), ISOLATION") \
	X(mig_manager, MANAGER, "mig-manager", "does NVIDIA's mig-manager leave this host alone?", \
	  NULL, NULL) \
	X(dra, MANAGER, "dra", "does no DRA driver create instances here?", NULL, NULL) \
	X(lsf, MANAGER, "lsf", "does LSF not create instances here?", NULL, NULL) \
	X(vgpu, MANAGER, "vgpu", "does no vGPU manager have these GPUs?", NULL, NULL) \
	X(kubernetes, SCHEDULER, "kubernetes", "does no device plugin hold a list that goes stale?", \
	  "restart the plugin after every change of the layout, and compare the node's capacity", \
	  "NVIDIA/k8s-device-plugin#240, #992") \
	X(slurm, SCHEDULER, "slurm", "does Slurm's configuration name no instances?", \
	  "drain the node before the layout changes; change slurm.conf and gres.conf with it", \
	  "SchedMD gres.conf(5); ComputeCanada/puppet-magic_castle#361") \
	X(monitoring, RULES, "monitoring", "can each instance be watched?", \
	  "install DCGM (datacenter-gpu-manager) and dcgm-exporter", \
	  "NVIDIA DCGM documentation; NVML GPM is for Hopper and later") \
	X(classes, RULES, "classes", "are standard classes defined?", \
	  "write a policy with classes: carve-policy(5)", \
	  "carve-policy(5), CLASSES") \
	X(tested, RULES, "tested", "was real work tried on instances of them?", \
	  "try it, then write review: {tested: DAY} into the policy", \
	  "carve-policy(5), review") \
	X(allocation, RULES, "allocation", "do quotas say who may have how much?", \
	  "give every team a quota or per_user limit", \
	  "carve-policy(5), TEAMS") \
	X(full, RULES, "full-gpus", "are whole GPUs restricted?", \
	  "add allow or approval to the classes named", \
	  "carve-policy(5), CLASSES") \
	X(idle, RULES, "idle", "does something end what nobody uses?", \
	  "set max_time for interactive classes to a working day; this version ends no lease for being idle", \
	  "carve-policy(5), CLASSES") \
	X(changes, RULES, "change-policy", "does the policy say when layouts may change?", \
	  "set changes: {windows: ..., deadline: ...}", \
	  "carve-policy(5), CHANGES") \
	X(reason, RULES, "reason", "must people say what they need an instance for?", \
	  "set reason: {min_length: 10}", \
	  "carve-policy(5), reason") \
	X(review, RULES, "review", "were the classes reviewed in time?", \
	  "compare them with carve log and carve leases, then write review: {last: DAY} into the policy", \
	  "carve-policy(5), review") \
	X(daemon, DAEMON, "carved", "does carved answer, with the policy of this file in force?", \
	  "systemctl start carved; its log says what is wrong", \
	  "carved(8)") \
	X(boot, DAEMON, "carved-boot", "does carved start with the host?", \
	  "systemctl enable carved", \
	  "carved(8)") \
	X(strangers, DAEMON, "strangers", "are all instances carve's own?", \
	  "destroy them when they are not in use: nvidia-smi mig -dci, then -dgi", \
	  "carve-gpus(1), state stranger")
/* clang-format on */

enum check_id {
#define X(id, group, typed, asks, fix, source) CHECK_##id,
	CHECK_TABLE(X)
#undef X
		CHECK_COUNT
};

/* What a rule found. */
struct answer {
	enum verdict verdict;
	char reason[1024]; /* a sentence without its point; several with "; " between */
	char fix[512];	   /* "" on PASS, and where nothing helps but another rule's fix */
	char source[160];
	bool borrowed; /* the reason is another rule's: it has the fix */
};

struct check_rule {
	const char *name, *asks, *fix, *source;
	enum check_group group;
	void (*judge)(const struct facts *facts, struct answer *ret);
};

extern const struct check_rule check_rules[CHECK_COUNT];

/* The rule with that name; CHECK_COUNT and "did you mean" in err: there is none. */
enum check_id check_rule_by_name(const char *name, struct err *err);

/*
 * Answer one rule. The fix of WARN and FAIL is the rule's own, or what the judge
 * found more fitting; UNKNOWN has one only if there is a way to find out.
 */
void check_rule_judge(enum check_id id, const struct facts *facts, struct answer *ret);

/*
 * The six minimum rules of sharing a GPU: standard classes, real work tested,
 * monitoring for each instance, whole GPUs restricted, idle ones ended, reviewed.
 */
#define N_MINIMUM_RULES 6

extern const enum check_id minimum_rules[N_MINIMUM_RULES];

/* ---- for the judges ---- */

/* Add a sentence; the worst verdict stays. A PASS sentence is only kept while nothing is worse. */
void answer_add(struct answer *answer, enum verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void answer_fix(struct answer *answer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define X(id, group, typed, asks, fix, source)                                                     \
	void judge_##id(const struct facts *facts, struct answer *ret);
CHECK_TABLE(X)
#undef X
