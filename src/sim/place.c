#include "sim/place.h"

#include <dirent.h>
#include <errno.h>
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

DEFINE_CLEANUP(closedir, DIR *);

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

static void default_dir(char *buf, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");

	/* Root's world is for all users: not in a folder that only root may enter. */
	if (getuid() == 0)
		snprintf(buf, size, "/run/carve-sim");
	else if (runtime && runtime[0] == '/')
		snprintf(buf, size, "%s/carve-sim", runtime);
	else
		snprintf(buf, size, "/tmp/carve-sim-%u", (unsigned)getuid());
}

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
	const char *env = getenv("CARVE_SIM");
	char own[PATH_MAX / 2];

	if (dir && !dir[0])
		return fail(err, ERR_INVALID, "--dir is empty");
	default_dir(own, sizeof(own));
	return make_absolute(dir ? dir : env && env[0] ? env : own, ret, err);
}

/* ---- our own files ---- */

/* A file that belongs to this program: beside it, or where it is installed. */
static bool own_file(const char *name, char *buf, size_t size)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *folder;

	if (n < 0)
		return false;
	exe[n] = '\0';
	folder = dirname(exe);
	if (snprintf(buf, size, "%s/%s", folder, name) < (int)size && !access(buf, R_OK))
		return true;
	return snprintf(buf, size, "%s/" SIM_LIBDIR_FROM_BIN "/%s", folder, name) < (int)size &&
	       !access(buf, R_OK);
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

static int link_library(const struct place *place, const char *driver, struct err *err)
{
	char library[PATH_MAX], full[80], name[96];
	int r;

	if (!own_file("libnvidia-ml.so.1", library, sizeof(library)))
		return fail(err, ERR_NOT_FOUND,
			    "the stand-in libnvidia-ml.so.1 is neither beside "
			    "carve-sim nor in its library folder");
	snprintf(full, sizeof(full), "libnvidia-ml.so.%s", driver);
	snprintf(name, sizeof(name), "lib/%s", full);
	r = link_as(place, library, name, err);
	r = r ? r : link_as(place, full, "lib/libnvidia-ml.so.1", err);
	return r ? r : link_as(place, full, "lib/libnvidia-ml.so", err);
}

static int link_programs(const struct place *place, struct err *err)
{
	static const char *const programs[] = {"nvidia-smi", "carve-sim"};
	char path[PATH_MAX], name[64];

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		int r = 0;

		snprintf(name, sizeof(name), "bin/%s", programs[i]);
		if (own_file(programs[i], path, sizeof(path)))
			r = link_as(place, path, name, err);
		if (r)
			return r;
	}
	return 0;
}

int place_make(const struct place *place, const char *driver, struct err *err)
{
	int r = file_mkdirs(place->dir, 0755, err);
	struct stat st;

	if (r)
		return r;
	if (stat(place->dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return fail(err, ERR_DENIED, "'%s' is not a folder of ours", place->dir);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", place->dir, folders[i].name);
		r = file_mkdirs(path, 0755, err);
		if (r)
			return r;
		if (chmod(path, folders[i].mode))
			return fail(err, ERR_IO, "cannot change '%s': %s", path, strerror(errno));
	}
	r = link_library(place, driver, err);
	return r ? r : link_programs(place, err);
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

void place_remove(const struct place *place)
{
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", place->dir, folders[i].name);
		empty_folder(path);
		rmdir(path);
	}
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
