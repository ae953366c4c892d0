#include "sim/place.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"
#include "sim/world.h"

DEFINE_CLEANUP(closedir, DIR *);

#define MARK ".carve-sim" /* only a folder with it is ever emptied */

/* Folders of a world, and whether everybody may write there. */
static const struct {
	const char *name;
	mode_t mode;
} folders[] = {
	{"lib", 0755},
	{"bin", 0755},
	{"view", 0755},
	{"views", 01777},
};

/* ---- the folder ---- */

static int make_absolute(const char *dir, struct place *ret, struct err *err)
{
	cleanup(free) char *cwd = NULL;
	cleanup(free) char *real = realpath(dir, NULL);
	int n;

	if (real) {
		n = snprintf(ret->dir, sizeof(ret->dir), "%s", real);
	} else if (dir[0] == '/') {
		n = snprintf(ret->dir, sizeof(ret->dir), "%s", dir);
	} else {
		cwd = getcwd(NULL, 0);
		n = snprintf(ret->dir, sizeof(ret->dir), "%s/%s", cwd ? cwd : "", dir);
	}
	if (n >= (int)sizeof(ret->dir))
		return fail(err, ERR_INVALID, "the folder '%.60s...' has too long a name", dir);
	return 0;
}

int place_find(const char *dir, struct place *ret, struct err *err)
{
	char own[PATH_MAX];

	if (dir && !dir[0])
		return fail(err, ERR_INVALID, "--dir is empty");
	world_default_dir(own, sizeof(own));
	return make_absolute(dir ? dir : own, ret, err);
}

/* ---- our own files ---- */

#define LIBRARY "libnvidia-ml.so.1"

/*
 * The folder that holds the stand-in library: beside this program in a build
 * tree, else where it is installed. Nothing is taken from elsewhere: beside an
 * installed carve-sim lies NVIDIA's own nvidia-smi, if there is one.
 */
static int own_folder(struct place *ret, struct err *err)
{
	static const char *const from_bin[] = {".", SIM_LIBDIR_FROM_BIN};
	char exe[PATH_MAX / 4], library[PATH_MAX / 2];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *bin;

	if (n < 0)
		return fail(err, ERR_IO, "/proc/self/exe: %s", strerror(errno));
	exe[n] = '\0';
	bin = dirname(exe);
	for (size_t i = 0; i < ARRAY_SIZE(from_bin); i++)
		if (snprintf(library, sizeof(library), "%s/%s/" LIBRARY, bin, from_bin[i]) <
			    (int)sizeof(library) &&
		    !access(library, R_OK)) {
			snprintf(ret->dir, sizeof(ret->dir), "%s/%s", bin, from_bin[i]);
			return 0;
		}
	return fail(err, ERR_NOT_FOUND,
		    "the stand-in " LIBRARY " is neither beside carve-sim nor in '%s/%s'", bin,
		    SIM_LIBDIR_FROM_BIN);
}

static int link_as(const struct place *place, const char *target, const char *name, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", place->dir, name);
	unlink(path);
	if (symlink(target, path))
		return fail(err, ERR_IO, "cannot link '%s': %s", path, strerror(errno));
	return 0;
}

static int link_library(const struct place *place, const struct place *own, const char *driver,
			struct err *err)
{
	char library[PATH_MAX], full[80], name[96];
	int r;

	snprintf(library, sizeof(library), "%s/" LIBRARY, own->dir);
	snprintf(full, sizeof(full), "libnvidia-ml.so.%s", driver);
	snprintf(name, sizeof(name), "lib/%s", full);
	r = link_as(place, library, name, err);
	r = r ? r : link_as(place, full, "lib/libnvidia-ml.so.1", err);
	return r ? r : link_as(place, full, "lib/libnvidia-ml.so", err);
}

static int link_programs(const struct place *place, const struct place *own, struct err *err)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	int r;

	if (n < 0)
		return fail(err, ERR_IO, "/proc/self/exe: %s", strerror(errno));
	path[n] = '\0';
	r = link_as(place, path, "bin/carve-sim", err);
	snprintf(path, sizeof(path), "%s/nvidia-smi", own->dir);
	return r || access(path, X_OK) ? r : link_as(place, path, "bin/nvidia-smi", err);
}

/* ---- making and removing ---- */

static bool is_empty(const char *path)
{
	cleanup(closedir) DIR *dir = opendir(path);
	size_t n = 0;

	while (dir && readdir(dir))
		n++;
	return dir && n <= 2;
}

bool place_is_ours(const struct place *place)
{
	char mark[PATH_MAX];

	snprintf(mark, sizeof(mark), "%s/" MARK, place->dir);
	return access(mark, F_OK) == 0;
}

/* A folder of ours: new, empty, or one that was a world before. */
static int claim(const struct place *place, struct err *err)
{
	int r = file_mkdirs(place->dir, 0755, err);
	cleanup(close) int fd = -1;
	char mark[PATH_MAX];
	struct stat st;

	if (r)
		return r;
	if (stat(place->dir, &st) || st.st_uid != geteuid())
		return fail(err, ERR_DENIED, "'%s' is not a folder of ours", place->dir);
	if (!place_is_ours(place) && !is_empty(place->dir))
		return fail(err, ERR_INVALID, "'%s' is no world and not empty", place->dir);
	snprintf(mark, sizeof(mark), "%s/" MARK, place->dir);
	fd = open(mark, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return fail(err, ERR_IO, "cannot create '%s': %s", mark, strerror(errno));
	return 0;
}

static int make_folder(const char *dir, const char *name, mode_t mode, struct err *err)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	r = file_mkdirs(path, 0755, err);
	if (!r && chmod(path, mode))
		r = fail(err, ERR_IO, "cannot change '%s': %s", path, strerror(errno));
	return r;
}

int place_make(const struct place *place, const char *driver, struct err *err)
{
	struct place own;
	int r = own_folder(&own, err);

	r = r ? r : claim(place, err);
	for (size_t i = 0; !r && i < ARRAY_SIZE(folders); i++)
		r = make_folder(place->dir, folders[i].name, folders[i].mode, err);
	r = r ? r : link_library(place, &own, driver, err);
	return r ? r : link_programs(place, &own, err);
}

/* Links and plain files of one folder, not deeper. */
static void empty_folder(const char *path)
{
	cleanup(closedir) DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
}

/* false: it stays, as view/ does for those who are in the view. */
static bool remove_folder(const struct place *place, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", place->dir, name);
	empty_folder(path);
	return rmdir(path) == 0 || errno == ENOENT;
}

static void remove_file(const struct place *place, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", place->dir, name);
	unlink(path);
}

void place_remove(const struct place *place)
{
	bool all = true;

	if (!place_is_ours(place))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		all &= remove_folder(place, folders[i].name);
	/* Of a world that could not be opened. */
	all &= remove_folder(place, "mig");
	remove_file(place, "state");
	if (all)
		remove_file(place, MARK);
	rmdir(place->dir);
}

/* ---- the search paths ---- */

/* NAME=first:rest, once. */
static int put_first(const char *name, const char *first, struct err *err)
{
	cleanup(text_done) struct text text = TEXT_INIT;
	const char *now = getenv(name);
	size_t len = strlen(first);

	if (now && !strncmp(now, first, len) && (now[len] == ':' || now[len] == '\0'))
		return 0;
	text_addf(&text, "%s%s%s", first, now && now[0] ? ":" : "", now ? now : "");
	if (text_failed(&text) || setenv(name, text_str(&text), 1))
		return fail(err, ERR_NOMEM, "no memory for %s", name);
	return 0;
}

int place_enter(const struct place *place, struct err *err)
{
	char path[PATH_MAX];
	int r;

	if (setenv("CARVE_SIM", place->dir, 1))
		return fail(err, ERR_NOMEM, "no memory for CARVE_SIM");
	snprintf(path, sizeof(path), "%s/lib", place->dir);
	r = put_first("LD_LIBRARY_PATH", path, err);
	snprintf(path, sizeof(path), "%s/bin", place->dir);
	return r ? r : put_first("PATH", path, err);
}
