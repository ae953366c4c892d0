#include "sim/fault-words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/sizes.h"
#include "base/text.h"

/* nvmlReturn_t, nvml.h 13.3. */
static const struct {
	int code;
	const char *name;
} codes[] = {
	{1, "uninitialized"},
	{2, "invalid-argument"},
	{3, "not-supported"},
	{4, "no-permission"},
	{5, "already-initialized"},
	{6, "not-found"},
	{7, "insufficient-size"},
	{8, "insufficient-power"},
	{9, "driver-not-loaded"},
	{10, "timeout"},
	{11, "irq-issue"},
	{12, "library-not-found"},
	{13, "function-not-found"},
	{14, "corrupted-inforom"},
	{15, "gpu-is-lost"},
	{16, "reset-required"},
	{17, "operating-system"},
	{18, "lib-rm-version-mismatch"},
	{19, "in-use"},
	{20, "memory"},
	{21, "no-data"},
	{22, "vgpu-ecc-not-supported"},
	{23, "insufficient-resources"},
	{24, "freq-not-supported"},
	{25, "argument-version-mismatch"},
	{26, "deprecated"},
	{27, "not-ready"},
	{28, "gpu-not-found"},
	{29, "invalid-state"},
	{30, "reset-type-not-supported"},
	{999, "unknown"},
};

const char *fault_code_name(int code)
{
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			return codes[i].name;
	return NULL;
}

/* "NVML_ERROR_IN_USE" as "in-use". */
static void plain_name(const char *s, char *buf, size_t size)
{
	static const char prefix[] = "NVML_ERROR_";
	size_t n = 0;

	if (!strncasecmp(s, prefix, sizeof(prefix) - 1))
		s += sizeof(prefix) - 1;
	for (; s[n] && n + 1 < size; n++)
		buf[n] = s[n] == '_' ? '-' : (char)tolower((unsigned char)s[n]);
	buf[n] = '\0';
}

int fault_code_parse(const char *s, int *ret, struct err *err)
{
	const char *names[ARRAY_SIZE(codes)], *near;
	char plain[64];
	int64_t number;

	if (isdigit((unsigned char)s[0])) {
		int r = number_parse(s, "an NVML code", 1, 999, &number, err);

		*ret = r ? *ret : (int)number;
		return r;
	}
	plain_name(s, plain, sizeof(plain));
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++) {
		names[i] = codes[i].name;
		if (!strcmp(names[i], plain)) {
			*ret = codes[i].code;
			return 0;
		}
	}
	near = text_nearest(plain, names, ARRAY_SIZE(names));
	fail(err, ERR_INVALID, "'%.80s' is not a code of NVML", s);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "such as in-use, insufficient-resources, timeout, 19");
}
