#include "base/cgroup-unit.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/text.h"

/* One folder of a group's path; not terminated. */
struct part {
	const char *s;
	size_t len;
};

static bool starts(struct part part, const char *with)
{
	size_t len = strlen(with);

	return part.len >= len && !memcmp(part.s, with, len);
}

static bool ends(struct part part, const char *with)
{
	size_t len = strlen(with);

	return part.len > len && !memcmp(part.s + part.len - len, with, len);
}

static bool is(struct part part, const char *word)
{
	return part.len == strlen(word) && starts(part, word);
}

static struct part inner(struct part part, size_t front, size_t back)
{
	if (front + back > part.len)
		return (struct part){part.s, 0};
	return (struct part){part.s + front, part.len - front - back};
}

static void keep(char *buf, size_t size, struct part part)
{
	char raw[256];

	snprintf(raw, sizeof(raw), "%.*s", (int)(part.len < 255 ? part.len : 255), part.s);
	text_printable(buf, size, raw);
}

static bool is_hex_id(struct part part)
{
	for (size_t i = 0; i < part.len; i++)
		if (!isxdigit((unsigned char)part.s[i]))
			return false;
	return part.len == 64;
}

/* What engines call the groups of their containers; "-conmon-" is the watcher, not the container. */
static const struct {
	const char *prefix, *engine;
} engines[] = {
	{"docker-", "docker"},
	{"libpod-", "podman"},
	{"cri-containerd-", "containerd"},
	{"crio-", "cri-o"},
	{"nerdctl-", "containerd"},
	{"lxc.payload.", "lxc"},
	{"systemd-nspawn@", "nspawn"},
	{"machine-", "nspawn"},
};

static bool take_container(struct part part, struct part before, struct cgroup_unit *unit)
{
	struct part id = part;

	for (size_t i = 0; i < ARRAY_SIZE(engines); i++) {
		if (!starts(part, engines[i].prefix) || starts(part, "libpod-conmon-") ||
		    starts(part, "crio-conmon-"))
			continue;
		if (starts(part, "machine-qemu")) /* a virtual machine */
			return false;
		id = inner(part, strlen(engines[i].prefix), 0);
		id = ends(id, ".scope")	    ? inner(id, 0, 6)
		     : ends(id, ".service") ? inner(id, 0, 8)
					    : id;
		snprintf(unit->engine, sizeof(unit->engine), "%s", engines[i].engine);
		keep(unit->name, sizeof(unit->name), id);
		return true;
	}
	if (!is_hex_id(part) && !(is(before, "lxc") && part.len))
		return false;
	snprintf(unit->engine, sizeof(unit->engine), "%s",
		 is(before, "docker") ? "docker"
		 : is(before, "lxc")  ? "lxc"
				      : "");
	keep(unit->name, sizeof(unit->name), id);
	return true;
}

/* "podUID", or "kubepods-burstable-podUID.slice" where the UID's dashes are underscores. */
static bool take_pod(struct part part, struct cgroup_unit *unit)
{
	struct part uid = part;

	if (starts(part, "kubepods") && ends(part, ".slice")) {
		const char *at = memmem(part.s, part.len, "-pod", 4);

		if (!at)
			return false;
		uid = inner(part, (size_t)(at - part.s) + 4, 6);
	} else if (starts(part, "pod")) {
		uid = inner(part, 3, 0);
	} else {
		return false;
	}
	keep(unit->pod, sizeof(unit->pod), uid);
	for (char *c = unit->pod; *c; c++)
		if (*c == '_')
			*c = '-';
	return *unit->pod;
}

/* What was seen while walking down a path. */
struct walk {
	struct part unit, user;
	bool kube, pod, container, slurm;
	struct part job, step;
};

static void walk_part(struct walk *walk, struct part part, struct part before,
		      struct cgroup_unit *unit)
{
	if (walk->container)
		return; /* what runs inside has groups of its own */
	if (starts(part, "slurm"))
		walk->slurm = true;
	if (walk->slurm && starts(part, "job_") && !walk->job.len)
		walk->job = inner(part, 4, 0);
	else if (walk->job.len && starts(part, "step_") && !walk->step.len)
		walk->step = inner(part, 5, 0);
	if (starts(part, "kubepods"))
		walk->kube = true;
	if (walk->kube && !walk->pod)
		walk->pod = take_pod(part, unit);
	else
		walk->container = take_container(part, before, unit);
	if (starts(part, "user@") && ends(part, ".service"))
		walk->user = inner(part, 5, 8);
	if (ends(part, ".service") || ends(part, ".scope"))
		walk->unit = part;
}

static void walk_path(const char *path, size_t len, struct cgroup_unit *ret)
{
	struct part part, before = {"", 0};
	struct walk walk = {.unit = {"", 0}};

	*ret = (struct cgroup_unit){.kind = CGROUP_NONE};
	for (const char *at = path, *end = path + len; at < end; at += part.len + 1) {
		const char *slash = memchr(at, '/', (size_t)(end - at));

		part = (struct part){at, (size_t)((slash ? slash : end) - at)};
		walk_part(&walk, part, before, ret);
		before = part;
	}
	if (walk.job.len) {
		ret->kind = CGROUP_SLURM;
		keep(ret->name, sizeof(ret->name) / 2, walk.job);
		if (walk.step.len) {
			size_t used = strlen(ret->name);

			ret->name[used] = '.';
			keep(ret->name + used + 1, sizeof(ret->name) - used - 1, walk.step);
		}
	} else if (walk.pod) {
		ret->kind = CGROUP_POD;
	} else if (walk.container) {
		ret->kind = CGROUP_CONTAINER;
	} else if (walk.unit.len) {
		ret->kind = CGROUP_UNIT;
		keep(ret->name, sizeof(ret->name), walk.unit);
		keep(ret->user, sizeof(ret->user), walk.user);
	}
}

void cgroup_unit_parse(const char *text, struct cgroup_unit *ret)
{
	*ret = (struct cgroup_unit){.kind = CGROUP_NONE};
	for (const char *line = text, *end; *line; line = end + (*end == '\n')) {
		const char *path;
		struct cgroup_unit unit;

		end = line + strcspn(line, "\n");
		path = memchr(line, ':', (size_t)(end - line));
		path = path ? memchr(path + 1, ':', (size_t)(end - path - 1)) : NULL;
		if (!path)
			continue;
		walk_path(path + 1, (size_t)(end - path - 1), &unit);
		if (unit.kind > ret->kind)
			*ret = unit;
	}
}

void cgroup_unit_read(const char *proc, pid_t pid, struct cgroup_unit *ret)
{
	char path[PATH_MAX], text[16384];
	cleanup(fclose) FILE *file = NULL;
	size_t n;

	*ret = (struct cgroup_unit){.kind = CGROUP_UNKNOWN};
	if (snprintf(path, sizeof(path), "%s/%d/cgroup", proc, (int)pid) >= (int)sizeof(path))
		return;
	file = fopen(path, "re");
	if (!file)
		return;
	n = fread(text, 1, sizeof(text) - 1, file);
	if (!n)
		return;
	text[n] = '\0';
	cgroup_unit_parse(text, ret);
}

char *cgroup_unit_format(char *buf, size_t size, const struct cgroup_unit *unit)
{
	switch (unit->kind) {
	case CGROUP_UNIT:
		snprintf(buf, size, "%s%s%s", unit->name, *unit->user ? " of uid " : "",
			 unit->user);
		return buf;
	case CGROUP_CONTAINER:
		snprintf(buf, size, "%s%scontainer %.12s", unit->engine, *unit->engine ? " " : "",
			 unit->name);
		if (!strcmp(unit->engine, "lxc") || !strcmp(unit->engine, "nspawn"))
			snprintf(buf, size, "%s container %s", unit->engine, unit->name);
		return buf;
	case CGROUP_POD:
		snprintf(buf, size, "pod %s", unit->pod);
		return buf;
	case CGROUP_SLURM:
		snprintf(buf, size, "Slurm job %s", unit->name);
		return buf;
	case CGROUP_UNKNOWN:
	case CGROUP_NONE:
		break;
	}
	if (size)
		*buf = '\0';
	return buf;
}
