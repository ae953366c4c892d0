#include "isolate/driver.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define MAX_BYTES 1048576u /* the table of minors has 150 KB */

/* A whole number and nothing else up to the end of the line. */
static bool read_number(const char *s, unsigned *ret)
{
	unsigned long value;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	value = strtoul(s, &end, 10);
	if ((*end != '\n' && *end != '\0') || value > (1u << 20))
		return false;
	*ret = (unsigned)value;
	return true;
}

static const char *next_line(const char *line)
{
	line += strcspn(line, "\n");
	return *line ? line + 1 : line;
}

/* "NAME" at the start of a line, followed by that. */
static bool find_number(const char *text, const char *name, const char *between, unsigned *ret)
{
	size_t len = strlen(name), gap = strlen(between);

	for (const char *line = text; *line; line = next_line(line))
		if (!strncmp(line, name, len) && !strncmp(line + len, between, gap) &&
		    read_number(line + len + gap, ret))
			return true;
	return false;
}

bool driver_parse_field(const char *text, const char *name, unsigned *ret)
{
	return find_number(text, name, ": ", ret);
}

bool driver_parse_minor(const char *text, const char *name, unsigned *ret)
{
	return find_number(text, name, " ", ret);
}

void driver_parse_devices(const char *text, struct driver_majors *ret)
{
	*ret = (struct driver_majors){0};
	for (const char *line = text; *line; line = next_line(line)) {
		char *name;
		unsigned long major = strtoul(line, &name, 10);
		size_t len;

		if (!strncmp(line, "Block", 5))
			return;
		if (name == line || *name != ' ' || major > 4095)
			continue;
		len = strcspn(++name, "\n");
		if (len == 11 && !strncmp(name, "nvidia-caps", len)) {
			ret->has_caps = true;
			ret->caps = (unsigned)major;
		} else if (len == 10 && !strncmp(name, "nvidia-uvm", len)) {
			ret->has_uvm = true;
			ret->uvm = (unsigned)major;
		}
	}
}

int driver_majors(const struct isolate_roots *roots, struct driver_majors *ret, struct err *err)
{
	cleanup(free) char *text = NULL;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s/devices", roots->proc);
	r = file_read(path, MAX_BYTES, &text, NULL, err);
	if (!r)
		driver_parse_devices(text, ret);
	return r;
}

/* ---- capabilities ---- */

/* "gpu0/mig/gi1/access", "gpu0/mig/gi1/ci0/access"; ci < 0: of the GPU instance */
static void access_path(const struct isolate_roots *roots, unsigned gpu, unsigned gi, int ci,
			char *buf, size_t size)
{
	char in[24] = "";

	if (ci >= 0)
		snprintf(in, sizeof(in), "/ci%d", ci);
	snprintf(buf, size, "%s/driver/nvidia/capabilities/gpu%u/mig/gi%u%s/access", roots->proc,
		 gpu, gi, in);
}

static bool minor_by_file(const struct isolate_roots *roots, unsigned gpu, unsigned gi, int ci,
			  unsigned *ret)
{
	cleanup(free) char *text = NULL;
	struct err ignored = ERR_INIT;
	char path[PATH_MAX];

	access_path(roots, gpu, gi, ci, path, sizeof(path));
	return !file_read(path, 4096, &text, NULL, &ignored) &&
	       driver_parse_field(text, "DeviceFileMinor", ret);
}

static int minor_by_table(const struct isolate_roots *roots, unsigned gpu, unsigned gi, int ci,
			  unsigned *ret, struct err *err)
{
	cleanup(free) char *text = NULL;
	char path[PATH_MAX], name[64], in[24] = "";
	int r;

	if (ci >= 0)
		snprintf(in, sizeof(in), "/ci%d", ci);
	snprintf(name, sizeof(name), "gpu%u/gi%u%s/access", gpu, gi, in);
	snprintf(path, sizeof(path), "%s/driver/nvidia-caps/mig-minors", roots->proc);
	r = file_read(path, MAX_BYTES, &text, NULL, err);
	if (!r && !driver_parse_minor(text, name, ret))
		return fail(err, ERR_NOT_FOUND, "'%s' has no line '%s'", path, name);
	return r;
}

static int cap_minor(const struct isolate_roots *roots, unsigned gpu, unsigned gi, int ci,
		     unsigned *ret, struct err *err)
{
	return minor_by_file(roots, gpu, gi, ci, ret)
		       ? 0
		       : minor_by_table(roots, gpu, gi, ci, ret, err);
}

int driver_caps(const struct isolate_roots *roots, unsigned gpu_minor, unsigned gi, unsigned ci,
		unsigned *ret_gi_cap, unsigned *ret_ci_cap, struct err *err)
{
	unsigned gi_cap, ci_cap;
	int r = cap_minor(roots, gpu_minor, gi, -1, &gi_cap, err);

	r = r ? r : cap_minor(roots, gpu_minor, gi, (int)ci, &ci_cap, err);
	if (r)
		return r;
	*ret_gi_cap = gi_cap;
	*ret_ci_cap = ci_cap;
	return 0;
}

/* Another file system below /proc keeps what is written to it, and would lose what it says. */
static void let_modify(const char *path, bool may)
{
	cleanup(close) int fd = open(path, O_WRONLY | O_CLOEXEC);
	struct statfs fs;

	if (fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC)
		(void)!dprintf(fd, "DeviceFileModify: %d\n", may);
}

void driver_let_modify(const struct isolate_roots *roots, unsigned gpu_minor, unsigned gi,
		       unsigned ci, bool may)
{
	char path[PATH_MAX];

	access_path(roots, gpu_minor, gi, -1, path, sizeof(path));
	let_modify(path, may);
	access_path(roots, gpu_minor, gi, (int)ci, path, sizeof(path));
	let_modify(path, may);
}
