#include "sim/jail-view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"

#define CAPS_PER_GPU  135 /* 15 instances x (1 + 8 compute instances) */
#define CAPS_PER_GI   9
#define NVIDIA_VENDOR 0x10de
#define PCI_CLASS_3D  0x030200

unsigned view_gi_cap(unsigned gpu_minor, unsigned gi)
{
	return 3 + CAPS_PER_GPU * gpu_minor + CAPS_PER_GI * gi;
}

unsigned view_ci_cap(unsigned gpu_minor, unsigned gi, unsigned ci)
{
	return view_gi_cap(gpu_minor, gi) + 1 + ci;
}

void view_pci_address(const struct view_gpu *gpu, char *buf, size_t len)
{
	snprintf(buf, len, "%04x:%02x:%02x.0", gpu->domain, gpu->bus, gpu->device);
}

void view_mig_minors(struct text *ret)
{
	text_addf(ret, "config %d\nmonitor %d\n", VIEW_CAP_CONFIG, VIEW_CAP_MONITOR);
	for (unsigned gpu = 0; gpu < VIEW_MAX_GPUS; gpu++) {
		for (unsigned gi = 0; gi < VIEW_MAX_GIS; gi++) {
			text_addf(ret, "gpu%u/gi%u/access %u\n", gpu, gi, view_gi_cap(gpu, gi));
			for (unsigned ci = 0; ci < VIEW_MAX_CIS; ci++)
				text_addf(ret, "gpu%u/gi%u/ci%u/access %u\n", gpu, gi, ci,
					  view_ci_cap(gpu, gi, ci));
		}
	}
}

void view_version(const struct view *view, struct text *ret)
{
	text_addf(ret,
		  "NVRM version: NVIDIA UNIX x86_64 Kernel Module  %s  (simulated by carve-sim)\n"
		  "GCC version:  \n",
		  view->driver);
}

void view_information(const struct view_gpu *gpu, struct text *ret)
{
	char address[32];

	view_pci_address(gpu, address, sizeof(address));
	text_addf(ret, "Model: \t\t %s\nIRQ:   \t\t %u\nGPU UUID: \t %s\nVideo BIOS: \t %s\n",
		  gpu->name, 128 + gpu->minor, gpu->uuid, gpu->vbios);
	text_addf(ret,
		  "Bus Type: \t PCIe\nDMA Size: \t 47 bits\nDMA Mask: \t 0x7fffffffffff\n"
		  "Bus Location: \t %s\nDevice Minor: \t %u\nGPU Excluded:\t No\n",
		  address, gpu->minor);
}

void view_capability(unsigned minor, unsigned mode, struct text *ret)
{
	text_addf(ret, "DeviceFileMinor: %u\nDeviceFileMode: %u\nDeviceFileModify: 1\n", minor,
		  mode);
}

/* ---- /proc/devices ---- */

/* Where the kernel puts dynamic character majors, from the top of each range. */
static const unsigned dynamic_majors[] = {
	236, 237, 238, 239, 240, 241, 242, 243, 244, 235, 234,
	511, 510, 509, 508, 507, 506, 505, 504, 503, 502, 501,
};

static unsigned free_major(const bool *taken, unsigned from)
{
	for (size_t i = from; i < ARRAY_SIZE(dynamic_majors); i++)
		if (!taken[dynamic_majors[i]])
			return dynamic_majors[i];
	return 0;
}

void view_devices(const char *real, struct text *ret, unsigned *ret_caps_major,
		  unsigned *ret_uvm_major, bool *ret_real_driver)
{
	bool taken[512] = {false}, block = false;
	cleanup(text_done) struct text chars = TEXT_INIT, blocks = TEXT_INIT;

	*ret_real_driver = false;
	while (*real) {
		size_t len = strcspn(real, "\n");
		char *end;
		unsigned long major = strtoul(real, &end, 10);

		block |= len >= 5 && !strncmp(real, "Block", 5);
		if (!block && end > real && major < ARRAY_SIZE(taken))
			taken[major] = true;
		if (end > real && major == VIEW_NVIDIA_MAJOR && !block)
			*ret_real_driver = true;
		if (end > real && !memmem(real, len, " nvidia", 7))
			text_addf(block ? &blocks : &chars, "%.*s\n", (int)len, real);
		real += len + (real[len] == '\n');
	}
	*ret_caps_major = free_major(taken, 0);
	if (*ret_caps_major)
		taken[*ret_caps_major] = true;
	*ret_uvm_major = free_major(taken, 11);
	text_addf(ret, "Character devices:\n%s%3d nvidia-frontend\n", text_str(&chars),
		  VIEW_NVIDIA_MAJOR);
	text_addf(ret, "%3u nvidia-caps\n%3u nvidia-uvm\n", *ret_caps_major, *ret_uvm_major);
	text_addf(ret, "\nBlock devices:\n%s", text_str(&blocks));
}

void view_modules(const char *real, struct text *ret)
{
	text_add(ret, "nvidia_uvm 1540096 0 - Live 0x0000000000000000 (POE)\n"
		      "nvidia 56598528 1 nvidia_uvm, Live 0x0000000000000000 (POE)\n");
	while (*real) {
		size_t len = strcspn(real, "\n");

		if (strncmp(real, "nvidia", 6) != 0)
			text_addf(ret, "%.*s\n", (int)len, real);
		real += len + (real[len] == '\n');
	}
}

/* ---- /sys/bus/pci/devices/ADDRESS ---- */

static void pci_vendor(const struct view_gpu *gpu, struct text *ret)
{
	(void)gpu;
	text_addf(ret, "0x%04x\n", NVIDIA_VENDOR);
}

static void pci_device(const struct view_gpu *gpu, struct text *ret)
{
	text_addf(ret, "0x%04x\n", gpu->pci_device);
}

static void pci_class(const struct view_gpu *gpu, struct text *ret)
{
	(void)gpu;
	text_addf(ret, "0x%06x\n", PCI_CLASS_3D);
}

static void pci_subsystem_vendor(const struct view_gpu *gpu, struct text *ret)
{
	text_addf(ret, "0x%04x\n", gpu->pci_subsystem_vendor);
}

static void pci_subsystem_device(const struct view_gpu *gpu, struct text *ret)
{
	text_addf(ret, "0x%04x\n", gpu->pci_subsystem_device);
}

static void pci_numa(const struct view_gpu *gpu, struct text *ret)
{
	text_addf(ret, "%d\n", gpu->numa);
}

static void pci_revision(const struct view_gpu *gpu, struct text *ret)
{
	(void)gpu;
	text_add(ret, "0xa1\n");
}

/* BAR 0 only: 16 MiB, non-prefetchable; the addresses differ so that nothing overlaps. */
static void pci_resource(const struct view_gpu *gpu, struct text *ret)
{
	unsigned long long start = 0xe0000000ull + gpu->minor * 0x1000000ull;

	text_addf(ret, "0x%016llx 0x%016llx 0x%016x\n", start, start + 0xffffff, 0x40200);
	for (int i = 1; i < 13; i++)
		text_addf(ret, "0x%016x 0x%016x 0x%016x\n", 0, 0, 0);
}

static void pci_modalias(const struct view_gpu *gpu, struct text *ret)
{
	text_addf(ret, "pci:v%08Xd%08Xsv%08Xsd%08Xbc03sc02i00\n", NVIDIA_VENDOR, gpu->pci_device,
		  gpu->pci_subsystem_vendor, gpu->pci_subsystem_device);
}

static void pci_uevent(const struct view_gpu *gpu, struct text *ret)
{
	char address[32];

	view_pci_address(gpu, address, sizeof(address));
	text_addf(ret,
		  "DRIVER=nvidia\nPCI_CLASS=30200\nPCI_ID=10DE:%04X\nPCI_SUBSYS_ID=%04X:%04X\n",
		  gpu->pci_device, gpu->pci_subsystem_vendor, gpu->pci_subsystem_device);
	text_addf(ret, "PCI_SLOT_NAME=%s\n", address);
}

/* The first 64 bytes say who it is; no capability list. */
static void pci_config(const struct view_gpu *gpu, struct text *ret)
{
	unsigned char bytes[256] = {0};
	const uint16_t words[][2] = {
		{0x00, NVIDIA_VENDOR},
		{0x02, gpu->pci_device},
		{0x2c, gpu->pci_subsystem_vendor},
		{0x2e, gpu->pci_subsystem_device},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		bytes[words[i][0]] = (unsigned char)(words[i][1] & 0xff);
		bytes[words[i][0] + 1] = (unsigned char)(words[i][1] >> 8);
	}
	bytes[0x04] = 0x06; /* command: memory, bus master */
	bytes[0x08] = 0xa1; /* revision */
	bytes[0x0a] = 0x02; /* class 03 02 00 */
	bytes[0x0b] = 0x03;
	text_add_bytes(ret, bytes, sizeof(bytes));
}

const struct view_pci_file view_pci_files[] = {
	{"vendor", pci_vendor},
	{"device", pci_device},
	{"class", pci_class},
	{"subsystem_vendor", pci_subsystem_vendor},
	{"subsystem_device", pci_subsystem_device},
	{"numa_node", pci_numa},
	{"revision", pci_revision},
	{"resource", pci_resource},
	{"modalias", pci_modalias},
	{"uevent", pci_uevent},
	{"config", pci_config},
};
const unsigned view_n_pci_files = ARRAY_SIZE(view_pci_files);
