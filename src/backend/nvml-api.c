#include "backend/nvml-api.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

static const struct {
	const char *name, *older;
	size_t at;
} calls[] = {
#define X(call, other) {"nvml" #call, other, offsetof(struct nvml_api, call)},
	NVML_API(X)
#undef X
};

/* What is not here is DRIVER. */
static const struct {
	nvmlReturn_t nvml;
	enum err_code code;
} meanings[] = {
	{NVML_ERROR_NOT_SUPPORTED, ERR_UNSUPPORTED},
	{NVML_ERROR_FUNCTION_NOT_FOUND, ERR_UNSUPPORTED},
	{NVML_ERROR_NO_PERMISSION, ERR_DENIED},
	{NVML_ERROR_NOT_FOUND, ERR_NOT_FOUND},
	{NVML_ERROR_IN_USE, ERR_BUSY},
	{NVML_ERROR_INSUFFICIENT_RESOURCES, ERR_NO_ROOM},
	{NVML_ERROR_TIMEOUT, ERR_TIMEOUT},
	{NVML_ERROR_MEMORY, ERR_NOMEM},
	{NVML_ERROR_GPU_IS_LOST, ERR_UNAVAILABLE},
	{NVML_ERROR_DRIVER_NOT_LOADED, ERR_UNAVAILABLE},
	{NVML_ERROR_LIBRARY_NOT_FOUND, ERR_UNAVAILABLE},
	{NVML_ERROR_LIB_RM_VERSION_MISMATCH, ERR_UNAVAILABLE},
};

static const struct {
	nvmlReturn_t code;
	const char *text;
} words[] = {
#define X(name, number, text) {NVML_##name, text},
	NVML_RETURN_TABLE(X)
#undef X
};

static void note_missing(struct nvml_api *api, const char *name)
{
	size_t len = strlen(api->missing);

	snprintf(api->missing + len, sizeof(api->missing) - len, "%s%s", len ? " " : "", name);
}

/* Returns how many are there. */
static size_t find_calls(struct nvml_api *api)
{
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		void *symbol = dlsym(api->library, calls[i].name);

		if (!symbol && calls[i].older)
			symbol = dlsym(api->library, calls[i].older);
		if (!symbol)
			note_missing(api, calls[i].name);
		else
			found++;
		memcpy((char *)api + calls[i].at, &symbol, sizeof(symbol));
	}
	return found;
}

int nvml_api_load(struct nvml_api *api, const char *library, struct err *err)
{
	char why[256];

	*api = (struct nvml_api){.library = dlopen(library, RTLD_NOW | RTLD_LOCAL)};
	if (!api->library) {
		text_printable(why, sizeof(why), dlerror());
		fail(err, ERR_UNAVAILABLE, "NVML library '%s' cannot be loaded: %s", library, why);
		return fail_hint(err, "install NVIDIA's driver, or use the simulated one "
				      "(carve-sim run)");
	}
	if (find_calls(api) && api->Init_v2)
		return 0;
	return fail(err, ERR_UNAVAILABLE, "'%s' is no NVML library: it has no nvmlInit_v2",
		    library);
}

void nvml_api_unload(struct nvml_api *api)
{
	if (api->library)
		dlclose(api->library);
	*api = (struct nvml_api){0};
}

static enum err_code meaning_of(nvmlReturn_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (meanings[i].nvml == code)
			return meanings[i].code;
	return ERR_DRIVER;
}

int nvml_result(struct err *err, const char *call, nvmlReturn_t code)
{
	if (code == NVML_SUCCESS)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].code == code)
			return fail(err, meaning_of(code), "%s: %s", call, words[i].text);
	return fail(err, ERR_DRIVER, "%s: unknown error %d", call, (int)code);
}

int nvml_result_on(struct err *err, const char *call, nvmlReturn_t code)
{
	int r = nvml_result(err, call, code);

	if (code != NVML_ERROR_INVALID_ARGUMENT && code != NVML_ERROR_NOT_FOUND)
		return r;
	err->code = ERR_STALE;
	return -ERR_STALE;
}

int nvml_nonsense(struct err *err, const char *call, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return fail(err, ERR_DRIVER, "%s makes no sense: %s", call, text);
}

void nvml_text(char *ret, size_t size, char *raw, size_t raw_size)
{
	raw[raw_size - 1] = '\0';
	text_printable(ret, size, raw);
}
