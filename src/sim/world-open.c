#include "sim/world-part.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

static const char magic[8] = "carvesim";

#define LAYOUT 1

/* Nobody holds the lock for longer than microseconds; a file that is no world might, for ever. */
#define LOCK_NAP_NS   100000
#define LOCK_ATTEMPTS 50000

static enum err_code code_of(int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	default:
		return ERR_IO;
	}
}

/* Longer than the kernel takes, so that a path cut short is refused and not another one. */
#define PATH_SIZE (PATH_MAX + 32)

static void path_in(const char *dir, const char *name, char path[PATH_SIZE])
{
	snprintf(path, PATH_SIZE, "%s/%s", dir, name);
}

/* FNV-1a */
static uint64_t hash_add(uint64_t hash, const void *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3;
	return hash;
}

/* What the indices in a state mean: the boards, their profiles and how these divide. */
static uint64_t boards_fingerprint(void)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t b = 0; b < n_boards; b++) {
		hash = hash_add(hash, boards[b].id, strlen(boards[b].id) + 1);
		for (size_t p = 0; p < boards[b].n_profiles; p++) {
			const struct profile *profile = &boards[b].profiles[p];

			hash = hash_add(hash, &profile->id, 1);
			for (size_t c = 0; c < profile->n_cis; c++)
				hash = hash_add(hash, &profile->cis[c].id, 1);
		}
	}
	return hash;
}

/* "" where the kernel does not tell. */
static void read_boot_id(char buf[40])
{
	cleanup(free) char *text = NULL;
	struct err err = ERR_INIT;

	memset(buf, 0, 40);
	if (!file_read("/proc/sys/kernel/random/boot_id", 39, &text, NULL, &err))
		snprintf(buf, 40, "%s", text);
}

void world_default_dir(char *buf, size_t size)
{
	const char *dir = secure_getenv("CARVE_SIM");

	if (dir && dir[0]) {
		snprintf(buf, size, "%s", dir);
		return;
	}
	dir = geteuid() ? secure_getenv("XDG_RUNTIME_DIR") : "/run";
	if (dir && dir[0])
		snprintf(buf, size, "%s/carve-sim", dir);
	else
		snprintf(buf, size, "/tmp/carve-sim-%u", (unsigned)geteuid());
}

/* ---- opening ---- */

static int check_header(const struct world_file *file, const char *dir, struct err *err)
{
	char boot_id[40];

	if (memcmp(file->magic, magic, sizeof(magic)))
		return fail(err, ERR_INVALID, "'%s/state' is not the state of a world", dir);
	if (file->layout != LAYOUT || file->size != sizeof(*file) ||
	    file->boards != boards_fingerprint())
		return fail(err, ERR_INVALID, "the world in '%s' was made by another version", dir);
	if (file->current > 1)
		return fail(err, ERR_INVALID, "the world in '%s' is damaged", dir);
	read_boot_id(boot_id);
	if (boot_id[0] && file->boot_id[0] && memcmp(file->boot_id, boot_id, sizeof(boot_id)))
		fail(err, ERR_STALE, "the world in '%s' is from before this machine was started",
		     dir);
	else if (file->gone)
		fail(err, ERR_STALE, "the world in '%s' was ended, though not removed", dir);
	else
		return 0;
	return fail_hint(err, "a new one can be made in its place");
}

static int lock_patiently(pthread_mutex_t *lock)
{
	const struct timespec nap = {.tv_nsec = LOCK_NAP_NS};
	int code = EBUSY;

	for (unsigned i = 0; i < LOCK_ATTEMPTS; i++) {
		code = pthread_mutex_trylock(lock);
		if (code != EBUSY)
			break;
		nanosleep(&nap, NULL);
	}
	return code;
}

static int check_state(struct world_file *file, const char *dir, struct err *err)
{
	int code = lock_patiently(&file->lock);

	if (code && code != EOWNERDEAD)
		return fail(err, ERR_IO, "the world in '%s' cannot be locked: %s", dir,
			    strerror(code));
	if (code)
		world_recover(file);
	code = world_check(&file->copies[file->current], err);
	pthread_mutex_unlock(&file->lock);
	return code ? fail_in(err, "the world in '%s' is damaged: ", dir) : 0;
}

static void unmap(struct world_file *file)
{
	munmap(file, sizeof(*file));
}
DEFINE_CLEANUP(unmap, struct world_file *);

static int map(int fd, const char *dir, struct world_file **ret, struct err *err)
{
	struct world_file *file =
		mmap(NULL, sizeof(*file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (file == MAP_FAILED)
		return fail(err, ERR_IO, "cannot map '%s/state': %s", dir, strerror(errno));
	*ret = file;
	return 0;
}

/* With its size known: beyond the end of a shorter file, reading a mapping kills. */
static int open_state(const char *dir, struct stat *ret_stat, int *ret_fd, struct err *err)
{
	cleanup(close) int fd = -1;
	char path[PATH_SIZE];

	path_in(dir, "state", path);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && code_of(errno) == ERR_NOT_FOUND)
		return fail(err, ERR_NOT_FOUND, "no world in '%s'", dir);
	if (fd < 0 || fstat(fd, ret_stat))
		return fail(err, code_of(errno), "cannot open '%s': %s", path, strerror(errno));
	if (!S_ISREG(ret_stat->st_mode) ||
	    ret_stat->st_size < (off_t)offsetof(struct world_file, boards))
		return fail(err, ERR_INVALID, "'%s' is not the state of a world", path);
	if (ret_stat->st_size != sizeof(struct world_file))
		return fail(err, ERR_INVALID,
			    "the world in '%s' is damaged, or was made by another version", dir);
	*ret_fd = steal_fd(&fd);
	return 0;
}

void world_close(struct world *world)
{
	if (!world)
		return;
	if (world->file)
		munmap(world->file, sizeof(*world->file));
	free(world->dir);
	free(world);
}
DEFINE_CLEANUP(world_close, struct world *);

int world_open(const char *dir, struct world **ret, struct err *err)
{
	cleanup(world_close) struct world *world = NULL;
	cleanup(close) int fd = -1;
	char found[PATH_MAX];
	struct stat stat;
	int r;

	if (!dir)
		world_default_dir(found, sizeof(found));
	r = open_state(dir ? dir : found, &stat, &fd, err);
	if (r < 0)
		return r;
	/* Under /tmp anybody can make a folder of that name. */
	if (!dir && !secure_getenv("CARVE_SIM") && stat.st_uid && stat.st_uid != geteuid())
		return fail(err, ERR_DENIED, "the world in '%s' is somebody else's", found);
	world = calloc(1, sizeof(*world));
	if (world)
		world->dir = realpath(dir ? dir : found, NULL);
	if (!world || !world->dir)
		return fail(err, ERR_NOMEM, "no memory for a world");
	world->dev = stat.st_dev;
	world->ino = stat.st_ino;
	r = map(fd, world->dir, &world->file, err);
	r = r ? r : check_header(world->file, world->dir, err);
	r = r ? r : check_state(world->file, world->dir, err);
	if (r < 0)
		return r;
	*ret = steal(world);
	return 0;
}

/* ---- making and ending ---- */

static void init_file(struct world_file *file)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&file->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	memcpy(file->magic, magic, sizeof(magic));
	file->layout = LAYOUT;
	file->size = sizeof(*file);
	file->boards = boards_fingerprint();
	read_boot_id(file->boot_id);
}

/* Fill in the file; its copy 0 counts. */
static int write_state(int fd, const char *dir, const struct world_spec *spec, struct err *err)
{
	cleanup(unmap) struct world_file *file = NULL;
	int r;

	/* As /dev/nvidia0: who may use the GPUs is said by the folder and by mig/config. */
	if (ftruncate(fd, sizeof(*file)) || fchmod(fd, 0666))
		return fail(err, ERR_IO, "cannot make '%s/state': %s", dir, strerror(errno));
	r = map(fd, dir, &file, err);
	if (r < 0)
		return r;
	init_file(file);
	return world_state_init(&file->copies[0], spec, err);
}

static int make_right(const char *dir, const char *name, mode_t mode, struct err *err)
{
	cleanup(close) int fd = -1;
	char path[PATH_SIZE];

	path_in(dir, name, path);
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0 || fchmod(fd, mode))
		return fail(err, code_of(errno), "cannot make '%s': %s", path, strerror(errno));
	return 0;
}

/* With the modes the driver gives their namesakes under /proc/driver/nvidia/capabilities. */
static int make_rights(const char *dir, struct err *err)
{
	char path[PATH_SIZE];
	int r;

	path_in(dir, "mig", path);
	if (mkdir(path, 0755) && errno != EEXIST)
		return fail(err, code_of(errno), "cannot make '%s': %s", path, strerror(errno));
	if (chmod(path, 0755))
		return fail(err, code_of(errno), "cannot open '%s' for all: %s", path,
			    strerror(errno));
	r = make_right(dir, "mig/config", 0400, err);
	return r ? r : make_right(dir, "mig/monitor", 0444, err);
}

/* Is there a world? One that nobody can use any more gives way. */
static int refuse_second(const char *dir, bool *ret_replace, struct err *err)
{
	cleanup(world_close) struct world *world = NULL;
	struct err why = ERR_INIT;
	int r = world_open(dir, &world, &why);

	*ret_replace = r == -ERR_STALE;
	if (r == -ERR_NOT_FOUND || r == -ERR_STALE)
		return 0;
	return fail(err, ERR_STALE, "there is a world in '%s' already", dir);
}

/* It appears whole, under its name, and only where none is. */
static int publish(const char *temporary, const char *dir, bool replace, struct err *err)
{
	char path[PATH_SIZE];

	path_in(dir, "state", path);
	if (!(replace ? rename(temporary, path) : link(temporary, path)))
		return 0;
	if (errno == EEXIST)
		return fail(err, ERR_STALE, "there is a world in '%s' already", dir);
	return fail(err, code_of(errno), "cannot make '%s': %s", path, strerror(errno));
}

int world_create(const char *dir, const struct world_spec *spec, struct err *err)
{
	cleanup(close) int fd = -1;
	char temporary[PATH_SIZE];
	bool replace;
	int r = refuse_second(dir, &replace, err);

	if (r < 0)
		return r;
	path_in(dir, ".state-XXXXXX", temporary);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return fail(err, code_of(errno), "cannot make a world in '%s': %s", dir,
			    strerror(errno));
	r = write_state(fd, dir, spec, err);
	r = r ? r : make_rights(dir, err);
	r = r ? r : publish(temporary, dir, replace, err);
	unlink(temporary);
	return r;
}

bool world_is_deleted(const struct world *world)
{
	char path[PATH_SIZE];
	struct stat stat;

	path_in(world->dir, "state", path);
	return lstat(path, &stat) || stat.st_dev != world->dev || stat.st_ino != world->ino;
}

int world_remove(struct world *world, struct err *err)
{
	static const char *const names[] = {"mig/config", "mig/monitor", "state"};
	char path[PATH_SIZE];

	/* Under the lock, so that what others began is either done or will see it. */
	world_read(world);
	atomic_store(&world->file->gone, 1);
	world_done(world);
	world_wake(world->file);

	if (world_is_deleted(world))
		return 0; /* somebody else removed it; what lies there now is not ours */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		path_in(world->dir, names[i], path);
		if (unlink(path) && errno != ENOENT)
			return fail(err, code_of(errno), "cannot remove '%s': %s", path,
				    strerror(errno));
	}
	path_in(world->dir, "mig", path);
	rmdir(path);
	return 0;
}

static bool may_open(const struct world *world, const char *name)
{
	cleanup(close) int fd = -1;
	char path[PATH_SIZE];

	path_in(world->dir, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd >= 0;
}

bool world_may_config(const struct world *world)
{
	return may_open(world, "mig/config");
}

bool world_may_monitor(const struct world *world)
{
	return may_open(world, "mig/monitor");
}
