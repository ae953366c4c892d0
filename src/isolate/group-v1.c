/*
 * The devices controller of cgroup v1.
 *
 * It cannot say "all of these but that one" while everything else is allowed.
 * So a group that was allowed everything is turned into one that is allowed
 * nothing, and is then given back all but the driver's devices, major by major.
 * A group inside a container has a list already: what is not ours is struck
 * from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "isolate/group.h"

#define MAX_MAJOR   511	 /* of character devices: CHRDEV_MAJOR_MAX of the kernel */
#define MAX_STRIKES 4096 /* the driver has no more devices */

struct list_entry {
	char kind;
	bool any_major, any_minor;
	unsigned major, minor;
	char access[4];
};

static int tell(const char *path, const char *file, const char *line)
{
	char name[GROUP_PATH + 32];
	cleanup(close) int fd = -1;

	snprintf(name, sizeof(name), "%s/%s", path, file);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	return fd >= 0 && write(fd, line, strlen(line)) >= 0 ? 0 : -errno;
}

static int tell_device(const char *path, const char *file, char kind, unsigned major, int minor,
		       const char *access)
{
	char line[64];

	if (minor < 0)
		snprintf(line, sizeof(line), "%c %u:* %s", kind, major, access);
	else
		snprintf(line, sizeof(line), "%c %u:%d %s", kind, major, minor, access);
	return tell(path, file, line);
}

static bool read_entry(const char *line, struct list_entry *ret)
{
	char major[12], minor[12];

	if (sscanf(line, "%c %11[0-9*]:%11[0-9*] %3[rwm]", &ret->kind, major, minor,
		   ret->access) != 4)
		return false;
	ret->any_major = major[0] == '*';
	ret->any_minor = minor[0] == '*';
	return (ret->any_major || sscanf(major, "%u", &ret->major) == 1) &&
	       (ret->any_minor || sscanf(minor, "%u", &ret->minor) == 1);
}

static FILE *open_list(const char *path)
{
	char name[GROUP_PATH + 32];

	snprintf(name, sizeof(name), "%s/devices.list", path);
	return fopen(name, "re");
}


static bool speaks_of(const struct device_rules *rules, unsigned major)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->at[i].major == major)
			return true;
	return false;
}

static bool allows(const struct device_rules *rules, const struct list_entry *entry)
{
	for (size_t i = 0; i < rules->n; i++)
		if (rules->at[i].major == entry->major && rules->at[i].allow &&
		    !entry->any_minor && rules->at[i].minor == entry->minor)
			return true;
	return false;
}

/* What the list allows of the driver's devices against the rules. */
static bool is_wrong(const struct device_rules *rules, const struct list_entry *entry)
{
	if (entry->kind == 'a')
		return true;
	if (entry->kind != 'c' || !strcmp(entry->access, "m"))
		return false; /* who may only make a node cannot open it */
	return entry->any_major || (speaks_of(rules, entry->major) && !allows(rules, entry));
}

/* The first that is wrong; false: none is. */
static int find_wrong(const char *path, const struct device_rules *rules, bool *ret_found,
		      struct list_entry *ret)
{
	cleanup(fclose) FILE *file = open_list(path);
	struct list_entry entry;
	char line[64];

	*ret_found = false;
	if (!file)
		return -errno;
	while (!*ret_found && fgets(line, sizeof(line), file))
		if (read_entry(line, &entry) && is_wrong(rules, &entry)) {
			*ret_found = true;
			*ret = entry;
		}
	return 0;
}

static int allow_named(const char *path, const struct device_rules *rules)
{
	int r = 0;

	for (size_t i = 0; !r && i < rules->n; i++)
		if (rules->at[i].allow) {
			r = tell_device(path, "devices.allow", 'c', rules->at[i].major,
					(int)rules->at[i].minor, "rw");
			/* A container that may not have it keeps its processes from it. */
			if (r == -EPERM)
				r = 0;
		}
	return r;
}

static int turn_into_list(const char *path, const struct device_rules *rules)
{
	int r = tell(path, "devices.deny", "a");

	r = r ? r : tell(path, "devices.allow", "b *:* rwm");
	for (unsigned major = 0; !r && major <= MAX_MAJOR; major++)
		if (!speaks_of(rules, major))
			r = tell_device(path, "devices.allow", 'c', major, -1, "rwm");
	return r;
}

static int strike(const char *path, const struct device_rules *rules)
{
	struct list_entry entry;
	bool found;
	int r;

	for (unsigned n = 0; !(r = find_wrong(path, rules, &found, &entry)) && found; n++) {
		if (n == MAX_STRIKES)
			return -EOVERFLOW;
		if (entry.kind == 'a')
			r = turn_into_list(path, rules);
		else if (entry.any_major)
			r = -EOPNOTSUPP;
		else
			r = tell_device(path, "devices.deny", 'c', entry.major,
					entry.any_minor ? -1 : (int)entry.minor, entry.access);
		if (r)
			return r;
	}
	return r;
}

int group_v1_set(const char *path, const struct device_rules *rules, struct err *err)
{
	struct list_entry entry;
	bool wrong = false;
	int r = strike(path, rules);

	r = r ? r : allow_named(path, rules);
	r = r ? r : find_wrong(path, rules, &wrong, &entry);
	if (r)
		return group_fail(path, "its devices cannot be set", -r, err);
	return wrong ? fail(err, ERR_STALE,
			    "control group '%s': its devices did not stay as they were set", path)
		     : 0;
}
