#include "base/err.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *meaning;
	int exit_status;
	int http_status;
	bool retry;
} table[ERR_COUNT] = {
	[ERR_NONE] = { "ok", "nothing went wrong", 0, 200, false },
#define X(code, name, exit_status, http_status, retry, meaning) \
	[ERR_##code] = { name, meaning, exit_status, http_status, retry },
	ERR_TABLE(X)
#undef X
};

static enum err_code known(enum err_code code)
{
	return (unsigned)code < ERR_COUNT ? code : ERR_INTERNAL;
}

const char *err_name(enum err_code code)
{
	return table[known(code)].name;
}

const char *err_meaning(enum err_code code)
{
	return table[known(code)].meaning;
}

int err_exit_status(enum err_code code)
{
	return table[known(code)].exit_status;
}

int err_http_status(enum err_code code)
{
	return table[known(code)].http_status;
}

bool err_retry(enum err_code code)
{
	return table[known(code)].retry;
}

enum err_code err_by_name(const char *name)
{
	for (unsigned code = 0; code < ERR_COUNT; code++)
		if (!strcmp(table[code].name, name))
			return (enum err_code)code;
	return ERR_INTERNAL;
}

/* A text that was cut does not end inside a character. */
static void trim_tail(char *s)
{
	size_t len = strlen(s), n = 0;
	unsigned char lead;

	while (n < len && n < 3 && ((unsigned char)s[len - 1 - n] & 0xc0) == 0x80)
		n++;
	if (n == len)
		return;
	lead = (unsigned char)s[len - 1 - n];
	if (lead >= 0xc0 && n < (lead >= 0xf0 ? 3u : lead >= 0xe0 ? 2u : 1u))
		s[len - 1 - n] = '\0';
}

static void put(char *buf, size_t size, const char *format, va_list args)
{
	int n = vsnprintf(buf, size, format, args);

	if (n >= 0 && (size_t)n >= size)
		trim_tail(buf);
}

int fail(struct err *err, enum err_code code, const char *format, ...)
{
	va_list args;

	err->code = code;
	err->hint[0] = err->rule[0] = '\0';
	va_start(args, format);
	put(err->text, sizeof(err->text), format, args);
	va_end(args);
	return -(int)code;
}

int fail_hint(struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(err->hint, sizeof(err->hint), format, args);
	va_end(args);
	return -(int)err->code;
}

int fail_rule(struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	put(err->rule, sizeof(err->rule), format, args);
	va_end(args);
	return -(int)err->code;
}

int fail_in(struct err *err, const char *format, ...)
{
	char text[sizeof(err->text)];
	va_list args;
	size_t n;

	va_start(args, format);
	put(text, sizeof(text), format, args);
	va_end(args);
	n = strlen(text);
	if ((size_t)snprintf(text + n, sizeof(text) - n, "%s", err->text) >= sizeof(text) - n)
		trim_tail(text);
	memcpy(err->text, text, sizeof(text));
	return -(int)err->code;
}
