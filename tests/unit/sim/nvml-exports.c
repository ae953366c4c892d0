#include "nvml-test.h"

#include <dlfcn.h>

#include "sim/nvml-exports.h"

static const char *const init_calls[] = {
	"nvmlInit",
	"nvmlInit_v2",
	"nvmlInitWithFlags",
	"nvmlShutdown",
	"nvmlErrorString",
	"nvmlSystemGetNVMLVersion",
	"nvmlInternalGetExportTable",
};

static const char *const working[] = {
#define X(name, params, args) "nvml" #name,
	NVML_CALLS(X, X, X, X)
#undef X
};

static const char *const idle[] = {
#define X(name) "nvml" #name,
	NVML_NOT_SUPPORTED(X)
#undef X
};

static void all_names_are_there(void **unused)
{
	const struct {
		const char *const *names;
		size_t n;
	} lists[] = {
		{init_calls, ARRAY_SIZE(init_calls)},
		{working, ARRAY_SIZE(working)},
		{idle, ARRAY_SIZE(idle)},
	};
	size_t n = 0;

	(void)unused;
	for (size_t l = 0; l < ARRAY_SIZE(lists); l++) {
		for (size_t i = 0; i < lists[l].n; i++) {
			if (!dlsym(RTLD_DEFAULT, lists[l].names[i]))
				fail_msg("%s is not exported", lists[l].names[i]);
			n++;
		}
	}
	assert_int_equal(n, NVML_EXPORTS);
}

/* The dynamic symbols of the library file, as nm prints them: no other names, no versions. */
static void nothing_else_is_there(void **unused)
{
	char command[4200], line[256];
	Dl_info info;
	size_t n = 0;
	FILE *nm;

	(void)unused;
	assert_true(dladdr((void *)(uintptr_t)nvmlInit_v2, &info));
	snprintf(command, sizeof(command), "nm -D --defined-only -P '%s'", info.dli_fname);
	nm = popen(command, "r");
	assert_non_null(nm);
	while (fgets(line, sizeof(line), nm)) {
		if (strncmp(line, "nvml", 4) || strchr(line, '@'))
			fail_msg("the library exports %s", line);
		n++;
	}
	assert_int_equal(pclose(nm), 0);
	assert_int_equal(n, NVML_EXPORTS);
}

/* They get arguments they must not look at. */
static void what_does_nothing_says_so(void **unused)
{
	struct nvml_device *device = begin_one(A100);

	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(idle); i++) {
		nvmlReturn_t (*call)(void *, void *, void *, void *);
		void *symbol = dlsym(RTLD_DEFAULT, idle[i]);

		memcpy(&call, &symbol, sizeof(symbol));
		if (call(device, (void *)1, (void *)1, (void *)1) != NVML_ERROR_NOT_SUPPORTED)
			fail_msg("%s does not answer NOT_SUPPORTED", idle[i]);
	}
	end();
}

/* Every other one too, whatever its arguments: they are not looked at before init. */
static void nothing_works_before_init(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < ARRAY_SIZE(working) + ARRAY_SIZE(idle); i++) {
		const char *name =
			i < ARRAY_SIZE(working) ? working[i] : idle[i - ARRAY_SIZE(working)];
		nvmlReturn_t (*call)(void *, void *, void *, void *);
		void *symbol = dlsym(RTLD_DEFAULT, name);

		memcpy(&call, &symbol, sizeof(symbol));
		if (call((void *)1, (void *)1, (void *)1, (void *)1) != NVML_ERROR_UNINITIALIZED)
			fail_msg("%s does not answer UNINITIALIZED", name);
	}
}

static void no_hidden_tables(void **unused)
{
	const void *table = &table;
	const void *before = table;

	(void)unused;
	assert_code(nvmlInternalGetExportTable(&table, NULL), NVML_ERROR_NOT_FOUND);
	assert_ptr_equal(table, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_names_are_there),
		cmocka_unit_test(nothing_else_is_there),
		cmocka_unit_test(nothing_works_before_init),
		cmocka_unit_test(what_does_nothing_says_so),
		cmocka_unit_test(no_hidden_tables),
	};

	return tap_run(tests);
}
