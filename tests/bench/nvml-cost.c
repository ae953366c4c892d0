/*
 * nvml-cost - what the library costs a client: loading, memory, calls
 *
 * Prints "KEY NUMBER" lines for scripts/bench. The library is loaded by name,
 * as a client of the driver would. Baselines of the same run: for calls a
 * system call that does nothing, for loading another library (OTHER), for
 * memory what the process has before.
 *
 * usage: bench-nvml-cost OTHER
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUND 200 /* calls between two looks at the clock */

struct device;

static void *library;
static struct device *gpu, *mig;

static double now_s(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* The sum of the lines of /proc/self/smaps_rollup that begin so, in KiB. */
static long memory_kib(const char *begin)
{
	FILE *file = fopen("/proc/self/smaps_rollup", "re");
	char line[256];
	long sum = 0, kib;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, begin, strlen(begin)) && sscanf(line, "%*s %ld", &kib) == 1)
			sum += kib;
	if (file)
		fclose(file);
	return sum;
}

/* call_NAME() calls the library's function with these arguments. */
#define CALL(name, params, ...)                                                                    \
	static int call_##name(void)                                                               \
	{                                                                                          \
		static int(*function) params;                                                      \
		if (!function)                                                                     \
			function = (int(*) params)dlsym(library, "nvml" #name);                    \
		return function(__VA_ARGS__);                                                      \
	}

static unsigned number, second;
static unsigned long long figures[8];
static char text[96];

CALL(Init_v2, (void))
CALL(DeviceGetCount_v2, (unsigned *), &number)
CALL(DeviceGetHandleByIndex_v2, (unsigned, struct device **), 0, &gpu)
CALL(DeviceGetMigMode, (struct device *, unsigned *, unsigned *), gpu, &number, &second)
CALL(DeviceGetMigDeviceHandleByIndex, (struct device *, unsigned, struct device **), gpu, 0, &mig)
CALL(DeviceGetUUID, (struct device *, char *, unsigned), mig, text, sizeof(text))
CALL(DeviceGetMemoryInfo, (struct device *, unsigned long long *), mig, figures)
CALL(DeviceGetPowerUsage, (struct device *, unsigned *), gpu, &number)

static int call_nothing(void)
{
	return syscall(SYS_getppid) < 0;
}

static const struct {
	const char *name;
	int (*call)(void);
} calls[] = {
	{"nothing", call_nothing},
	{"DeviceGetCount_v2", call_DeviceGetCount_v2},
	{"DeviceGetHandleByIndex_v2", call_DeviceGetHandleByIndex_v2},
	{"DeviceGetMigMode", call_DeviceGetMigMode},
	{"DeviceGetMigDeviceHandleByIndex", call_DeviceGetMigDeviceHandleByIndex},
	{"DeviceGetUUID", call_DeviceGetUUID},
	{"DeviceGetMemoryInfo", call_DeviceGetMemoryInfo},
	{"DeviceGetPowerUsage", call_DeviceGetPowerUsage},
};

static int time_calls(void)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		double begin, end;
		long n = 0;

		if (calls[i].call())
			return 1;
		for (begin = end = now_s(); end - begin < 0.2; end = now_s(), n += ROUND)
			for (int k = 0; k < ROUND; k++)
				calls[i].call();
		printf("%s %.0f\n", calls[i].name, (double)n / (end - begin));
	}
	return 0;
}

/* Loading for the first time in this process, in microseconds. */
static void *load(const char *name, const char *what)
{
	double begin = now_s();
	void *loaded = dlopen(name, RTLD_NOW);

	printf("load-%s %.1f\n", what, (now_s() - begin) * 1e6);
	return loaded;
}

int main(int argc, char **argv)
{
	long resident, own;
	double begin;

	if (argc != 2 || !load(argv[1], "other"))
		return 1;
	resident = memory_kib("Rss:");
	own = memory_kib("Private_");
	library = load("libnvidia-ml.so.1", "library");
	if (!library)
		return 1;
	begin = now_s();
	if (call_Init_v2() || call_DeviceGetHandleByIndex_v2())
		return 1;
	printf("init %.1f\n", (now_s() - begin) * 1e6);
	printf("resident %ld\nresident-before %ld\n", memory_kib("Rss:") - resident, resident);
	printf("own %ld\nown-before %ld\n", memory_kib("Private_") - own, own);
	return time_calls();
}
