#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim/jail-part.h"

#define PCI_DEVICES "/sys/bus/pci/devices"

void jail_missing(struct jail_mount *mount, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_addv(mount->missing, format, args);
	va_end(args);
	text_add(mount->missing, "\n");
}

const char *jail_path(char *buf, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(buf, PATH_MAX, format, args);
	va_end(args);
	return buf;
}

int jail_put_bytes(const char *path, const char *bytes, size_t len, mode_t mode)
{
	cleanup(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0)
			return -errno;
		bytes += n;
		len -= (size_t)n;
	}
	return fchmod(fd, mode) ? -errno : 0;
}

int jail_put_text(const char *path, const struct text *text, mode_t mode)
{
	if (text_failed(text))
		return -ENOMEM;
	return jail_put_bytes(path, text_str(text), text->len, mode);
}

int jail_tmpfs(const char *at, unsigned long flags)
{
	return mount("carve-sim", at, "tmpfs", MS_NOSUID | flags, "mode=755,size=64m") ? -errno : 0;
}

int jail_bind(const char *from, const char *onto)
{
	return mount(from, onto, NULL, MS_BIND | MS_REC, NULL) ? -errno : 0;
}

void jail_move(struct jail_mount *mnt, const char *from, const char *onto)
{
	if (mount(from, onto, NULL, MS_MOVE, NULL))
		jail_missing(mnt, "%s: %s", onto, strerror(errno));
}

int jail_touch(const char *path)
{
	return jail_put_bytes(path, "", 0, 0666);
}

/* ---- /sys ---- */

static int put_pci(const struct view_gpu *gpu)
{
	char folder[PATH_MAX], path[PATH_MAX], address[32];
	int r = 0;

	view_pci_address(gpu, address, sizeof(address));
	if (mkdir(jail_path(folder, PCI_DEVICES "/%s", address), 0755))
		return -errno;
	for (unsigned i = 0; !r && i < view_n_pci_files; i++) {
		cleanup(text_done) struct text text = TEXT_INIT;

		view_pci_files[i].write(gpu, &text);
		r = jail_put_text(jail_path(path, "%s/%s", folder, view_pci_files[i].name), &text,
				  0444);
	}
	return r;
}

static void make_sys(struct jail_mount *mount, const struct view *view)
{
	int r = jail_tmpfs(PCI_DEVICES, MS_NODEV | MS_NOEXEC);

	for (unsigned i = 0; !r && i < view->n_gpus; i++)
		r = put_pci(&view->gpus[i]);
	if (r)
		jail_missing(mount, PCI_DEVICES ": %s", strerror(-r));
}

/* ---- all of it ---- */

static int prepare(struct jail_mount *mnt, struct err *err)
{
	char path[PATH_MAX];
	int r;

	/* Mounts of the host come in; ours do not go out. */
	if (mount("none", "/", NULL, MS_SLAVE | MS_REC, NULL))
		return fail(err, ERR_IO, "cannot part the mounts from the host's: %s",
			    strerror(errno));
	r = jail_tmpfs(jail_path(path, "%s/view", mnt->dir), MS_NODEV | MS_NOEXEC);
	if (!r && mkdir(jail_path(path, "%s/view/real-proc", mnt->dir), 0755))
		r = -errno;
	r = r ?: jail_bind("/proc", path);
	if (r)
		return fail(err, ERR_IO, "cannot mount on '%s': %s", path, strerror(-r));
	return 0;
}

int jail_mount_make(struct jail_mount *mount, const struct view *view, struct err *err)
{
	bool real_driver = false;
	int r = prepare(mount, err);

	if (r)
		return r;
	r = jail_write_lists(mount, &real_driver);
	if (r)
		return fail(err, ERR_IO, "cannot write below '%s/view': %s", mount->dir,
			    strerror(-r));
	jail_make_dev(mount, view, real_driver);
	jail_make_proc(mount, view);
	make_sys(mount, view);
	jail_mount_follow(mount, view);
	return 0;
}

/* An instance began or ended: its files, and its node when nodes are stand-ins. */
static void follow_cap(const struct jail_mount *mount, const char *folder, unsigned cap, bool lives)
{
	char path[PATH_MAX];

	if (lives) {
		(void)mkdir(folder, 0755);
		(void)jail_put_capability(folder, "access", cap);
		(void)jail_put_cap(mount, "/dev", cap);
		return;
	}
	unlink(jail_path(path, "%s/access", folder));
	rmdir(folder);
	if (!mount->nodes)
		jail_drop_node(jail_path(path, "/dev/nvidia-caps/nvidia-cap%u", cap));
}

static void follow_gi(const struct jail_mount *mount, const struct view_gpu *was,
		      const struct view_gpu *is, unsigned gi)
{
	bool had = was->gis >> gi & 1, has = is->gis >> gi & 1;
	unsigned changed = was->cis[gi] ^ is->cis[gi];
	char folder[PATH_MAX], sub[PATH_MAX];

	jail_path(folder, JAIL_CAPABILITIES "/gpu%u/mig/gi%u", is->minor, gi);
	if (has && !had)
		follow_cap(mount, folder, view_gi_cap(is->minor, gi), true);
	for (unsigned ci = 0; ci < VIEW_MAX_CIS; ci++)
		if (changed >> ci & 1)
			follow_cap(mount, jail_path(sub, "%s/ci%u", folder, ci),
				   view_ci_cap(is->minor, gi, ci), is->cis[gi] >> ci & 1);
	if (had && !has)
		follow_cap(mount, folder, view_gi_cap(is->minor, gi), false);
}

void jail_mount_follow(struct jail_mount *mount, const struct view *view)
{
	for (unsigned i = 0; i < view->n_gpus; i++)
		for (unsigned gi = 0; gi < VIEW_MAX_GIS; gi++)
			follow_gi(mount, &mount->shown.gpus[i], &view->gpus[i], gi);
	mount->shown = *view;
}
