#include "isolate/cdi.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"

#define CDI_VERSION "0.5.0" /* the newest that Debian 12's podman knows */

DEFINE_CLEANUP(json_decref, json_t *);

void cdi_name(int64_t lease, char *buf, size_t size)
{
	snprintf(buf, size, "carve/lease=lease-%" PRId64, lease);
}

int cdi_path(const char *dir, int64_t lease, char ret[CDI_PATH], struct err *err)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
		return fail(err, ERR_IO, "no random numbers yet: %s", strerror(errno));
	if (snprintf(ret, CDI_PATH, "%s/carve-lease-%" PRId64 "-%08x.json", dir, lease, random) >=
	    CDI_PATH)
		return fail(err, ERR_INVALID, "path '%.60s...' is too long", dir);
	return 0;
}

static void add_node(json_t *list, const char *dev, const char *format, unsigned number)
{
	char name[64], path[CDI_PATH];

	snprintf(name, sizeof(name), format, number);
	snprintf(path, sizeof(path), "/dev/%s", name);
	if (!strcmp(dev, "/dev")) {
		json_array_append_new(list, json_pack("{s:s}", "path", path));
	} else {
		char host[CDI_PATH];

		snprintf(host, sizeof(host), "%s/%s", dev, name);
		json_array_append_new(list, json_pack("{s:s, s:s}", "path", path, "hostPath", host));
	}
}

/* What every user of CUDA needs beside the instance, when the host has it. */
static void add_shared(json_t *list, const char *dev, const char *name)
{
	char path[CDI_PATH];

	snprintf(path, sizeof(path), "%s/%s", dev, name);
	if (access(path, F_OK) == 0)
		add_node(list, dev, name, 0);
}

static json_t *nodes(const char *dev, const struct device_numbers *numbers)
{
	json_t *list = json_array();

	add_node(list, dev, "nvidia%u", numbers->gpu);
	add_node(list, dev, "nvidia-caps/nvidia-cap%u", numbers->gi_cap);
	add_node(list, dev, "nvidia-caps/nvidia-cap%u", numbers->ci_cap);
	add_shared(list, dev, "nvidiactl");
	add_shared(list, dev, "nvidia-uvm");
	return list;
}

static json_t *spec(const char *dev, int64_t lease, const char *mig_uuid,
		    const struct device_numbers *numbers)
{
	char name[CDI_NAME];

	snprintf(name, sizeof(name), "lease-%" PRId64, lease);
	return json_pack("{s:s, s:s, s:[{s:s, s:{s:o, s:[o, o]}}]}", "cdiVersion", CDI_VERSION,
			 "kind", "carve/lease", "devices", "name", name, "containerEdits",
			 "deviceNodes", nodes(dev, numbers), "env",
			 json_sprintf("CUDA_VISIBLE_DEVICES=%s", mig_uuid),
			 json_sprintf("CARVE_LEASE=%" PRId64, lease));
}

int cdi_write(const char *path, const char *dev, int64_t lease, const char *mig_uuid,
	      const struct device_numbers *numbers, struct err *err)
{
	cleanup(json_decref) json_t *json = spec(dev, lease, mig_uuid, numbers);
	cleanup(free) char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	char folder[CDI_PATH];
	int r;

	if (!text)
		return fail(err, ERR_NOMEM, "no memory for a CDI file");
	snprintf(folder, sizeof(folder), "%s", path);
	r = file_mkdirs(dirname(folder), 0755, err);
	return r ? r : file_write_atomic(path, text, strlen(text), 0644, err);
}

int cdi_remove(const char *path, struct err *err)
{
	if (unlink(path) == 0 || errno == ENOENT)
		return 0;
	return fail(err, file_err_code(errno), "'%s' cannot be removed: %s", path, strerror(errno));
}
