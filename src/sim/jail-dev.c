#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "sim/jail-part.h"

DEFINE_CLEANUP(closedir, DIR *);

static int copy_link(const char *from, const char *to)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	return symlink(target, to) ? -errno : 0;
}

static int copy_node(const struct stat *st, const char *to)
{
	if (mknod(to, st->st_mode, st->st_rdev))
		return -errno;
	if (chown(to, st->st_uid, st->st_gid) || chmod(to, st->st_mode & 07777))
		return -errno;
	return 0;
}

/* One entry of the real /dev, shown in the new one. */
static int copy_entry(struct jail_mount *mount, const char *from, const char *to)
{
	struct stat st;

	if (lstat(from, &st))
		return -errno;
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to);
	if (S_ISDIR(st.st_mode))
		return mkdir(to, 0755) ? -errno : jail_bind(from, to);
	if (mount->nodes && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
		return copy_node(&st, to);
	return jail_touch(to) ?: jail_bind(from, to);
}

static void copy_dev(struct jail_mount *mount, const char *to)
{
	cleanup(closedir) DIR *dir = opendir("/dev");
	struct dirent *entry;
	char a[PATH_MAX], b[PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name;

		if (name[0] == '.' || !strncmp(name, "nvidia", 6))
			continue;
		/* What cannot be shown (a socket that is going away) is not missed. */
		(void)copy_entry(mount, jail_path(a, "/dev/%s", name),
				 jail_path(b, "%s/%s", to, name));
	}
}

/* A node of the driver: real where we may, else /dev/null in its place. */
static int put_node(const struct jail_mount *mount, const char *path, unsigned major_number,
		    unsigned minor_number, mode_t mode)
{
	int r;

	if (access(path, F_OK) == 0)
		return 0;
	if (mount->nodes) {
		mode_t old = umask(0);

		r = mknod(path, S_IFCHR | mode, makedev(major_number, minor_number)) ? -errno : 0;
		umask(old);
		return r;
	}
	r = jail_touch(path);
	return r ? r : jail_bind("/dev/null", path);
}

void jail_drop_node(const char *path)
{
	umount2(path, MNT_DETACH);
	unlink(path);
}

int jail_put_cap(const struct jail_mount *mount, const char *dev, unsigned cap)
{
	char path[PATH_MAX];

	return put_node(mount, jail_path(path, "%s/nvidia-caps/nvidia-cap%u", dev, cap),
			mount->caps_major, cap, cap == VIEW_CAP_CONFIG ? 0400 : 0444);
}

/*
 * With real nodes, all a board could ever have: the driver's tools make them
 * when they are first wanted and never take them away.
 */
static int put_all_caps(const struct jail_mount *mount, const char *dev, const struct view *view)
{
	int r = jail_put_cap(mount, dev, VIEW_CAP_CONFIG)
			?: jail_put_cap(mount, dev, VIEW_CAP_MONITOR);

	for (unsigned i = 0; mount->nodes && !r && i < view->n_gpus; i++) {
		unsigned first = view_gi_cap(view->gpus[i].minor, 0);

		for (unsigned cap = first; !r && cap < first + VIEW_MAX_GIS * (1 + VIEW_MAX_CIS);
		     cap++)
			r = jail_put_cap(mount, dev, cap);
	}
	return r;
}

static int put_nodes(const struct jail_mount *mount, const char *dev, const struct view *view)
{
	char path[PATH_MAX];
	int r = put_node(mount, jail_path(path, "%s/nvidiactl", dev), VIEW_NVIDIA_MAJOR,
			 VIEW_CTL_MINOR, 0666);

	r = r ?: put_node(mount, jail_path(path, "%s/nvidia-uvm", dev), mount->uvm_major, 0, 0666);
	r = r
		    ?: put_node(mount, jail_path(path, "%s/nvidia-uvm-tools", dev),
				mount->uvm_major, 1, 0666);
	for (unsigned i = 0; !r && i < view->n_gpus; i++)
		r = put_node(mount, jail_path(path, "%s/nvidia%u", dev, view->gpus[i].minor),
			     VIEW_NVIDIA_MAJOR, view->gpus[i].minor, 0666);
	if (!r && mkdir(jail_path(path, "%s/nvidia-caps", dev), 0755))
		r = -errno;
	return r ?: put_all_caps(mount, dev, view);
}

static bool may_mknod(const char *dev)
{
	char path[PATH_MAX];
	bool may;

	jail_path(path, "%s/.try", dev);
	may = mknod(path, S_IFCHR | 0600, makedev(VIEW_NVIDIA_MAJOR, 254)) == 0;
	if (may)
		unlink(path);
	return may;
}

void jail_make_dev(struct jail_mount *mount, const struct view *view, bool real_driver)
{
	char dev[PATH_MAX];
	int r;

	jail_path(dev, "%s/view/dev", mount->dir);
	r = mkdir(dev, 0755) ? -errno : jail_tmpfs(dev, 0);
	if (r) {
		jail_missing(mount, "/dev: %s", strerror(-r));
		return;
	}
	/* With a real driver here its major number would reach the real boards. */
	mount->nodes = !real_driver && mount->caps_major && mount->uvm_major && may_mknod(dev);
	copy_dev(mount, dev);
	r = put_nodes(mount, dev, view);
	if (r)
		jail_missing(mount, "/dev/nvidia*: %s", strerror(-r));
	jail_move(mount, dev, "/dev");
}
