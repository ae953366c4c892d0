/*
 * cdi.h - a lease as a device that container engines know
 *
 * A file of the Container Device Interface names the nodes of one lease:
 * "podman run --device carve/lease=lease-12". It holds nodes and two variables,
 * no libraries: those come with the image, or from a further device that the
 * driver's own tools describe.
 */
#pragma once

#include <stdint.h>

#include "isolate/program.h"

#define CDI_PATH 512
#define CDI_NAME 64

/* "carve/lease=lease-12" */
void cdi_name(int64_t lease, char *buf, size_t size);

/*
 * Write DIR/carve-lease-N-XXXXXXXX.json, for all to read; the folder is made.
 *
 *   dev    where nodes are: "/dev"
 *   path   from cdi_path()
 *   err    those of file_write_atomic()
 */
int cdi_write(const char *path, const char *dev, int64_t lease, const char *mig_uuid,
	      const struct device_numbers *numbers, struct err *err);

/* Where the file of a lease will be; the random end keeps two daemons apart. */
int cdi_path(const char *dir, int64_t lease, char ret[CDI_PATH], struct err *err);

/* Gone already is fine. */
int cdi_remove(const char *path, struct err *err);
