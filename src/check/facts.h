/*
 * facts.h - what was found on a host, before anybody judges it
 *
 * Probes fill this in from files and from the driver; rules (rules.h) read it
 * and nothing else, so that a test can make any host by writing a struct.
 * What could not be found out is SEEN_UNKNOWN or has_x == false, never a guess.
 */
#pragma once

#include <limits.h>
#include <sys/types.h>

#include "backend/backend.h"
#include "base/openers.h"
#include "check/conf.h"
#include "check/managers.h"
#include "check/processes.h"
#include "policy/policy.h"

#define FACTS_MAX_CLIENTS 64 /* processes on GPUs that are kept by name */
#define FACTS_MAX_SLURM	  16
#define FACTS_MAX_MIGS	  (BACKEND_MAX_GPUS * BACKEND_MAX_INSTANCES * 2)

/* A node below /dev. */
struct fact_node {
	enum seen seen;
	bool is_device; /* a character device */
	mode_t mode;	/* permissions only */
	uid_t uid;
};

struct fact_gpu {
	struct backend_gpu info;
	bool left_alone;    /* the policy says so */
	bool has_instances; /* what follows was read */
	size_t n_instances;
	struct backend_instance instances[BACKEND_MAX_INSTANCES];
	struct fact_node node;	 /* /dev/nvidiaN */
	unsigned n_caps;	 /* capability nodes that its instances should have */
	unsigned n_caps_missing; /* of these: not there */
	unsigned n_caps_open;	 /* of these: every account may open them */
	bool has_caps;		 /* these were counted */
};

/* A GPU on the PCI bus, whether or not a driver has it. */
struct fact_pci {
	char address[16]; /* "0000:07:00.0" */
	unsigned device;
	char driver[32]; /* "nvidia", "vfio-pci"; "" for none */
};

/* Who keeps a GPU busy. */
struct fact_client {
	char text[160]; /* "python3 (pid 4242, ann, ollama.service)" */
	unsigned gpu;	/* index in gpus[] */
	pid_t pid;
	bool is_carved; /* our own daemon, which does not stand in the way */
};

/* Of one file for Slurm. */
struct fact_slurm {
	char path[64];
	struct slurm_line line;
};

struct facts {
	int64_t now_s;

	/* The driver. */
	bool has_driver;
	struct err driver_error; /* why not */
	struct backend_driver driver;
	enum seen module;	 /* of the kernel */
	char module_version[32]; /* of /proc/driver/nvidia/version, on YES */
	size_t n_gpus;
	struct fact_gpu gpus[BACKEND_MAX_GPUS];
	enum seen pci;
	size_t n_pci;
	struct fact_pci pcis[BACKEND_MAX_GPUS];

	/* The machine. */
	enum seen virtual_machine;
	char machine[96]; /* what it calls itself: "QEMU Standard PC"; "" unknown */
	enum seen nvidia_drm, nvswitch;
	struct processes processes;
	size_t n_clients, n_clients_more; /* more: without room in clients[] */
	struct fact_client clients[FACTS_MAX_CLIENTS];
	bool clients_complete;	  /* nobody was overlooked */
	bool as_root;		  /* this account is */
	bool contained;		  /* /proc is of a container */
	unsigned n_unread;	  /* processes that may not be looked into */
	enum seen carved_enabled; /* at boot, by systemd */

	/* Containers. */
	enum seen toolkit;	  /* NVIDIA's container toolkit */
	char toolkit_version[32]; /* "" unknown */
	enum seen toolkit_config;
	char toolkit_envvar[8], toolkit_no_cgroups[8], toolkit_ldconfig[8]; /* as written; "" not */
	enum seen cuda_toolkit;
	char cuda_toolkit_version[32];
	enum seen cdi; /* there are specifications for nvidia.com/gpu */
	bool cdi_all_read;
	size_t n_cdi;
	char (*cdi_migs)[42]; /* MIG devices named in them */

	/* Device nodes. */
	struct fact_node control, uvm; /* /dev/nvidiactl, /dev/nvidia-uvm */
	struct fact_node cap_config;   /* who may open it may re-cut GPUs */
	enum seen cap_minors;

	/* Others. */
	struct managers managers;
	enum seen kubelet, device_plugin;
	enum seen slurm;
	char slurm_folder[64];
	size_t n_slurm;
	struct fact_slurm slurms[FACTS_MAX_SLURM];

	/* Rules. */
	char policy_path[PATH_MAX];
	const struct policy *policy; /* NULL: see policy_error */
	struct err policy_error;
	bool has_policy_changed;
	int64_t policy_changed_s; /* when the file was last written */

	/* The daemon; filled in by whoever can ask it. */
	enum seen carved; /* UNKNOWN: nobody asked */
	char carved_text[200];
	struct err carved_error;
	bool carved_policy_refused; /* the file on disk has a mistake */
	char carved_policy_path[PATH_MAX];
	int64_t carved_loaded_s;   /* when it read that */
	unsigned carved_strangers; /* instances that carve did not make */
};

struct facts_wish {
	const char *root;    /* "/" */
	const char *policy;  /* NULL: the daemon's own, below the root */
	const char *library; /* NULL: the usual one */
	int64_t now_s;
};

/*
 * Look. Nothing is changed, no program is started, no privilege is needed.
 *   ret  out: ended with facts_done(); also when err is set
 *   err  NOT_FOUND, DENIED, IO the root itself; NOMEM
 */
int facts_probe(const struct facts_wish *wish, struct facts **ret, struct err *err);
void facts_free(struct facts *facts);

static inline void cleanup_facts_free(struct facts **facts)
{
	facts_free(*facts);
}
