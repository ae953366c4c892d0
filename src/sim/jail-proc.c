#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "sim/jail-part.h"

#define REAL_LIMIT  (4u << 20)
#define PIDS_AHEAD  512u
#define SWEEP_EVERY 50

DEFINE_CLEANUP(closedir, DIR *);

int jail_put_capability(const char *folder, const char *name, unsigned cap)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	char path[PATH_MAX];

	view_capability(cap, cap == VIEW_CAP_CONFIG ? 256 : 292, &text);
	return jail_put_text(jail_path(path, "%s/%s", folder, name), &text, 0444);
}

static int put_information(const struct view_gpu *gpu)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	char folder[PATH_MAX], path[PATH_MAX], address[32];
	struct err err = ERR_INIT;

	view_pci_address(gpu, address, sizeof(address));
	jail_path(folder, "/proc/driver/nvidia/gpus/%s", address);
	if (file_mkdirs(folder, 0755, &err))
		return -EIO;
	view_information(gpu, &text);
	if (jail_put_text(jail_path(path, "%s/information", folder), &text, 0444))
		return -EIO;
	jail_path(folder, JAIL_CAPABILITIES "/gpu%u/mig", gpu->minor);
	return file_mkdirs(folder, 0755, &err) ? -EIO : 0;
}

static int put_driver(const struct jail_mount *mount, const struct view *view)
{
	cleanup(text_done) struct text minors = TEXT_INIT, version = TEXT_INIT;
	struct err err = ERR_INIT;
	int r = file_mkdirs(JAIL_CAPABILITIES "/mig", 0755, &err);

	if (r || file_mkdirs("/proc/driver/nvidia-caps", 0755, &err))
		return -EIO;
	view_mig_minors(&minors);
	view_version(view, &version);
	r = jail_put_text("/proc/driver/nvidia-caps/mig-minors", &minors, 0444);
	r = r ?: jail_put_text("/proc/driver/nvidia/version", &version, 0444);
	r = r ?: jail_put_capability(JAIL_CAPABILITIES "/mig", "config", VIEW_CAP_CONFIG);
	r = r ?: jail_put_capability(JAIL_CAPABILITIES "/mig", "monitor", VIEW_CAP_MONITOR);
	for (unsigned i = 0; !r && i < view->n_gpus; i++)
		r = put_information(&view->gpus[i]);
	return r ?: jail_put_bytes(JAIL_MARK, mount->dir, strlen(mount->dir), 0444);
}

static void link_proc(const struct jail_mount *mount, const char *farm, const char *name)
{
	char target[PATH_MAX], path[PATH_MAX];

	/* EEXIST: it is there already, which is what we want. */
	(void)!symlink(jail_path(target, "%s/view/real-proc/%s", mount->dir, name),
		       jail_path(path, "%s/%s", farm, name));
}

static bool is_number(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

/* All of the real /proc by links, but for what the driver shows there. */
static int make_links(const struct jail_mount *mount, const char *farm)
{
	static const char *const ours[] = {".", "..", "driver", "devices", "modules"};
	char real[PATH_MAX];
	cleanup(closedir) DIR *dir = opendir(jail_path(real, "%s/view/real-proc", mount->dir));
	struct dirent *entry;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		bool skip = false;

		for (size_t i = 0; i < ARRAY_SIZE(ours); i++)
			skip |= !strcmp(entry->d_name, ours[i]);
		if (!skip)
			link_proc(mount, farm, entry->d_name);
	}
	return 0;
}

/* The newest process number the kernel gave out; 0 when unknown. */
static unsigned newest_pid(const struct jail_mount *mount)
{
	cleanup(free) char *text = NULL;
	struct err err = ERR_INIT;
	char path[PATH_MAX], *last;

	if (file_read(jail_path(path, "%s/view/real-proc/loadavg", mount->dir), 256, &text, NULL,
		      &err))
		return 0;
	last = strrchr(text, ' ');
	return last ? (unsigned)strtoul(last, NULL, 10) : 0;
}

/* Take away the links of processes that are gone. */
static void sweep_pids(const struct jail_mount *mount, unsigned newest)
{
	cleanup(closedir) DIR *dir = opendir("/proc");
	struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		unsigned long pid = strtoul(entry->d_name, NULL, 10);

		if (!is_number(entry->d_name) || (pid > newest && pid <= newest + PIDS_AHEAD))
			continue;
		if (access(jail_path(path, "%s/view/real-proc/%lu", mount->dir, pid), F_OK))
			unlink(jail_path(path, "/proc/%lu", pid));
	}
}

void jail_mount_follow_pids(struct jail_mount *mount)
{
	unsigned newest = mount->links ? newest_pid(mount) : 0;
	char name[32];

	if (!newest)
		return;
	if (newest + PIDS_AHEAD < mount->last_pid)
		mount->last_pid = 0; /* the numbers have begun again */
	if (!mount->last_pid)
		mount->last_pid = newest > PIDS_AHEAD ? newest - PIDS_AHEAD : 0;
	while (mount->last_pid < newest + PIDS_AHEAD) {
		snprintf(name, sizeof(name), "%u", ++mount->last_pid);
		link_proc(mount, "/proc", name);
	}
	if (++mount->rounds % SWEEP_EVERY == 0)
		sweep_pids(mount, newest);
}

static int read_real(const struct jail_mount *mount, const char *name, char **ret)
{
	struct err err = ERR_INIT;
	char path[PATH_MAX];

	return file_read(jail_path(path, "%s/view/real-proc/%s", mount->dir, name), REAL_LIMIT, ret,
			 NULL, &err);
}

/* DIR/view/devices and modules; also decides the major numbers. */
int jail_write_lists(struct jail_mount *mount, bool *ret_real_driver)
{
	cleanup(free) char *devices = NULL, *modules = NULL;
	cleanup(text_done) struct text new_devices = TEXT_INIT, new_modules = TEXT_INIT;
	char path[PATH_MAX];
	int r;

	(void)read_real(mount, "devices", &devices);
	(void)read_real(mount, "modules", &modules);
	view_devices(devices ? devices : "", &new_devices, &mount->caps_major, &mount->uvm_major,
		     ret_real_driver);
	view_modules(modules ? modules : "", &new_modules);
	r = jail_put_text(jail_path(path, "%s/view/devices", mount->dir), &new_devices, 0444);
	return r
		       ?: jail_put_text(jail_path(path, "%s/view/modules", mount->dir),
					&new_modules, 0444);
}

static int make_farm(struct jail_mount *mount)
{
	char farm[PATH_MAX], path[PATH_MAX];
	int r;

	jail_path(farm, "%s/view/proc", mount->dir);
	r = mkdir(farm, 0755) ? -errno : jail_tmpfs(farm, MS_NODEV | MS_NOEXEC);
	r = r ?: make_links(mount, farm);
	if (!r && mkdir(jail_path(path, "%s/driver", farm), 0755))
		r = -errno;
	r = r ?: jail_touch(jail_path(path, "%s/devices", farm));
	r = r ?: jail_touch(jail_path(path, "%s/modules", farm));
	if (r)
		return r;
	jail_move(mount, farm, "/proc");
	mount->links = true;
	jail_mount_follow_pids(mount);
	return 0;
}

static void bind_list(struct jail_mount *mount, const char *name)
{
	char from[PATH_MAX], onto[PATH_MAX];
	int r = jail_bind(jail_path(from, "%s/view/%s", mount->dir, name),
			  jail_path(onto, "/proc/%s", name));

	if (r)
		jail_missing(mount, "/proc/%s: %s", name, strerror(-r));
}

void jail_make_proc(struct jail_mount *mount, const struct view *view)
{
	int r = 0;

	/* Files can be mounted over only where files are (a kernel without modules has none). */
	if (access("/proc/modules", F_OK) || access("/proc/driver", F_OK))
		r = make_farm(mount);
	else
		r = jail_tmpfs("/proc/driver", MS_NODEV | MS_NOEXEC);
	if (r) {
		jail_missing(mount, "/proc: %s", strerror(-r));
		return;
	}
	bind_list(mount, "devices");
	bind_list(mount, "modules");
	r = put_driver(mount, view);
	if (r)
		jail_missing(mount, "/proc/driver/nvidia: %s", strerror(-r));
}
