/* Any bytes as what the kernel and the driver tell of devices, mounts and control groups. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "isolate/group.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1), path[GROUP_PATH];
	struct driver_majors majors;
	struct group_mount mount;
	unsigned number;

	assert(text);
	memcpy(text, bytes, size);
	text[size] = '\0';
	driver_parse_devices(text, &majors);
	assert(!majors.has_caps || majors.caps <= 4095);
	if (driver_parse_field(text, "DeviceFileMinor", &number) ||
	    driver_parse_minor(text, "gpu0/gi1/access", &number))
		assert(number <= 1u << 20);
	for (enum group_kind kind = GROUP_V1; kind <= GROUP_V2; kind++) {
		if (group_parse_mounts(text, kind, &mount))
			assert(mount.at[0] == '/' && mount.root[0] == '/');
		if (group_parse_process(text, kind, path, sizeof(path)))
			assert(path[0] == '/' && strlen(path) < sizeof(path));
	}
	free(text);
	return 0;
}
