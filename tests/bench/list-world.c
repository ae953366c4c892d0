/*
 * list-world - the least program that lists GPUs and MIG devices through NVML
 *
 * The baseline for `carve gpus`: no options, no daemon, no formatting to speak
 * of. The library is loaded by name, as a client of the driver would.
 */
#include <dlfcn.h>
#include <stdio.h>

struct device;

#define LOAD(name, params) \
	int(*name) params = (int(*) params)dlsym(library, "nvml" #name)

int main(void)
{
	void *library = dlopen("libnvidia-ml.so.1", RTLD_NOW);
	unsigned n = 0, max = 0;

	if (!library)
		return 1;
	LOAD(Init_v2, (void));
	LOAD(DeviceGetCount_v2, (unsigned *));
	LOAD(DeviceGetHandleByIndex_v2, (unsigned, struct device **));
	LOAD(DeviceGetName, (struct device *, char *, unsigned));
	LOAD(DeviceGetUUID, (struct device *, char *, unsigned));
	LOAD(DeviceGetMaxMigDeviceCount, (struct device *, unsigned *));
	LOAD(DeviceGetMigDeviceHandleByIndex, (struct device *, unsigned, struct device **));
	if (Init_v2() || DeviceGetCount_v2(&n))
		return 1;
	for (unsigned i = 0; i < n; i++) {
		struct device *gpu, *mig;
		char name[96], uuid[96];

		if (DeviceGetHandleByIndex_v2(i, &gpu) || DeviceGetName(gpu, name, sizeof(name)) ||
		    DeviceGetUUID(gpu, uuid, sizeof(uuid)) || DeviceGetMaxMigDeviceCount(gpu, &max))
			return 1;
		printf("%u %s %s\n", i, name, uuid);
		for (unsigned m = 0; m < max; m++) {
			if (DeviceGetMigDeviceHandleByIndex(gpu, m, &mig))
				continue;
			if (DeviceGetName(mig, name, sizeof(name)) ||
			    DeviceGetUUID(mig, uuid, sizeof(uuid)))
				return 1;
			printf("  %u %s %s\n", m, name, uuid);
		}
	}
	return 0;
}
