/* The machine: what it is, its GPUs on the bus, its modules, what starts at boot. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"
#include "check/probe.h"

#define LIMIT (1u << 20)

/* Makers of virtual machines, as they sign in the firmware's tables. */
static const char *const hypervisors[] = {
	"QEMU",	 "VMware",    "Xen",	  "innotek",   "Microsoft Corporation",
	"Bochs", "Parallels", "KubeVirt", "OpenStack", "Nutanix"};

static void machine_name(const struct tree *tree, struct facts *facts)
{
	char vendor[64] = "", product[64] = "", both[160];

	tree_read_line(tree, "sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	tree_read_line(tree, "sys/class/dmi/id/product_name", product, sizeof(product));
	snprintf(both, sizeof(both), "%s%s%s", vendor, *vendor && *product ? " " : "", product);
	text_printable(facts->machine, sizeof(facts->machine), both);
	for (size_t i = 0; i < ARRAY_SIZE(hypervisors); i++)
		if (!strncmp(vendor, hypervisors[i], strlen(hypervisors[i])))
			facts->virtual_machine = SEEN_YES;
}

/* x86 tells a guest by a CPU flag; elsewhere the firmware's tables must do. */
static void virtual_machine(const struct tree *tree, struct facts *facts)
{
	cleanup(free) char *cpus = NULL;
	const char *flags;
	size_t len;

	facts->virtual_machine = SEEN_UNKNOWN;
	machine_name(tree, facts);
	if (facts->virtual_machine == SEEN_YES ||
	    tree_read(tree, "proc/cpuinfo", 65536, &cpus) != SEEN_YES)
		return;
	flags = strstr(cpus, "\nflags");
	if (!flags) {
		if (*facts->machine)
			facts->virtual_machine = SEEN_NO;
		return;
	}
	len = strcspn(flags + 1, "\n");
	facts->virtual_machine = memmem(flags + 1, len, " hypervisor", 11) ? SEEN_YES : SEEN_NO;
}

static void modules(const struct tree *tree, struct facts *facts)
{
	cleanup(free) char *text = NULL;
	char line[200];

	facts->nvidia_drm = tree_read(tree, "proc/modules", LIMIT, &text);
	if (facts->nvidia_drm == SEEN_YES && strncmp(text, "nvidia_drm ", 11) != 0 &&
	    !strstr(text, "\nnvidia_drm "))
		facts->nvidia_drm = SEEN_NO;
	/* A kernel without modules has no such file, and the driver can only be one. */
	facts->module = tree_read_line(tree, "proc/driver/nvidia/version", line, sizeof(line));
	if (facts->module == SEEN_YES) {
		const char *at = line;

		/* "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue ..." */
		while (*at && !(at[strcspn(at, " .")] == '.' && at[0] >= '0' && at[0] <= '9'))
			at += strcspn(at, " ") + strspn(at + strcspn(at, " "), " ");
		snprintf(facts->module_version, sizeof(facts->module_version), "%.*s",
			 (int)strcspn(at, " "), at);
	}
}

struct pci_scan {
	const struct tree *tree;
	struct facts *facts;
};

static unsigned pci_number(const struct tree *tree, const char *address, const char *name)
{
	char path[160], line[32];

	snprintf(path, sizeof(path), "sys/bus/pci/devices/%.60s/%s", address, name);
	if (tree_read_line(tree, path, line, sizeof(line)) != SEEN_YES)
		return 0;
	return (unsigned)strtoul(line, NULL, 16);
}

static bool pci_device(const char *address, void *arg)
{
	struct pci_scan *scan = arg;
	struct facts *facts = scan->facts;
	unsigned class_ = pci_number(scan->tree, address, "class") >> 8;
	char path[160], to[512];
	struct fact_pci *pci;

	/* NVIDIA; a VGA or 3D controller, and no virtual function of one. */
	if (pci_number(scan->tree, address, "vendor") != 0x10de ||
	    (class_ != 0x0300 && class_ != 0x0302))
		return true;
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%.60s/physfn", address);
	if (tree_has(scan->tree, path) == SEEN_YES)
		return true;
	pci = &facts->pcis[facts->n_pci++];
	text_printable(pci->address, sizeof(pci->address), address);
	pci->device = pci_number(scan->tree, address, "device");
	snprintf(path, sizeof(path), "sys/bus/pci/devices/%.60s/driver", address);
	if (tree_link(scan->tree, path, to, sizeof(to)) == SEEN_YES)
		text_printable(pci->driver, sizeof(pci->driver),
			       strrchr(to, '/') ? strrchr(to, '/') + 1 : to);
	return facts->n_pci < BACKEND_MAX_GPUS;
}

static enum seen enabled(const struct tree *tree, const char *unit)
{
	static const char *const folders[] = {"etc/systemd/system/multi-user.target.wants",
					      "etc/systemd/system/default.target.wants",
					      "usr/lib/systemd/system/multi-user.target.wants"};
	enum seen seen = SEEN_NO;

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[200];

		snprintf(path, sizeof(path), "%s/%s", folders[i], unit);
		switch (tree_has(tree, path)) {
		case SEEN_YES:
			return SEEN_YES;
		case SEEN_UNKNOWN:
			seen = SEEN_UNKNOWN;
			break;
		case SEEN_NO:
			break;
		}
	}
	return seen;
}

void probe_machine(const struct tree *tree, struct facts *facts)
{
	struct pci_scan scan = {tree, facts};

	virtual_machine(tree, facts);
	modules(tree, facts);
	facts->pci = tree_list(tree, "sys/bus/pci/devices", pci_device, &scan);
	facts->nvswitch = tree_has(tree, "dev/nvidia-nvswitchctl");
	facts->carved_enabled = enabled(tree, "carved.service");
	processes_probe(tree, &facts->processes);
}
