#include "sim/fault-words.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/array.h"
#include "base/sizes.h"
#include "base/text.h"
#include "facts/nvml.h"
#include "sim/nvml-exports.h"

static const struct {
	int code;
	const char *name; /* "ERROR_IN_USE" */
} codes[] = {
#define X(name, number, text) {number, #name},
	NVML_RETURN_TABLE(X)
#undef X
};

/* "NVML_ERROR_IN_USE", "ERROR_IN_USE" and "in-use" as "in-use". */
static void plain_name(const char *s, char *buf, size_t size)
{
	static const char *const prefixes[] = {"NVML_", "ERROR_"};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (!strncasecmp(s, prefixes[i], strlen(prefixes[i])))
			s += strlen(prefixes[i]);
	for (; s[n] && n + 1 < size; n++)
		buf[n] = s[n] == '_' ? '-' : (char)tolower((unsigned char)s[n]);
	buf[n] = '\0';
}

const char *fault_code_name(int code, char *buf, size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (codes[i].code != code || code == NVML_SUCCESS)
			continue;
		plain_name(codes[i].name, buf, size);
		return buf;
	}
	return NULL;
}

static int unknown_code(const char *typed, const char *plain, struct err *err)
{
	char words[ARRAY_SIZE(codes)][40];
	const char *names[ARRAY_SIZE(codes)], *near;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (fault_code_name(codes[i].code, words[n], sizeof(words[n]))) {
			names[n] = words[n];
			n++;
		}
	near = text_nearest(plain, names, n);
	fail(err, ERR_INVALID, "'%.80s' is not a code of NVML", typed);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "such as in-use, insufficient-resources, timeout, 19");
}

int fault_code_parse(const char *s, int *ret, struct err *err)
{
	char plain[64], name[64];
	int64_t number;

	if (isdigit((unsigned char)s[0])) {
		int r = number_parse(s, "an NVML code", 1, NVML_ERROR_UNKNOWN, &number, err);

		*ret = r ? *ret : (int)number;
		return r;
	}
	plain_name(s, plain, sizeof(plain));
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		if (!fault_code_name(codes[i].code, name, sizeof(name)) || strcmp(name, plain) != 0)
			continue;
		*ret = codes[i].code;
		return 0;
	}
	return unknown_code(s, plain, err);
}

/* ---- calls ---- */

static const char *const calls[] = {"*",
#define X(name)				  "nvml" #name,
#define CALL(name, parameters, arguments) X(name)
				    NVML_CALLS(CALL, CALL, CALL, CALL) NVML_NOT_SUPPORTED(X)
#undef CALL
#undef X
};

int fault_call_check(const char *name, struct err *err)
{
	const char *near;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (!strcmp(calls[i], name))
			return 0;
	near = text_nearest(name, calls, ARRAY_SIZE(calls));
	fail(err, ERR_INVALID, "NVML has no call '%.80s' that could go wrong", name);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "such as nvmlDeviceCreateGpuInstance, or * for all");
}
