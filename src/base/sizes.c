#include "base/sizes.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *suffix;
	double factor;
} size_units[] = {
	{ "", 1 },        { "B", 1 },       { "K", 0x1p10 },  { "KiB", 0x1p10 }, { "KB", 1e3 },
	{ "M", 0x1p20 },  { "MiB", 0x1p20 }, { "MB", 1e6 },    { "G", 0x1p30 },   { "GiB", 0x1p30 },
	{ "GB", 1e9 },    { "T", 0x1p40 },  { "TiB", 0x1p40 }, { "TB", 1e12 },
};

/* An unsigned decimal with an optional fraction; end after it. */
static bool decimal(const char *s, const char **end, double *ret)
{
	char *stop;

	if (!isdigit((unsigned char)s[0]) || (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')))
		return false;
	errno = 0;
	*ret = strtod(s, &stop);
	*end = stop;
	return !errno && isfinite(*ret);
}

static int size_fail(const char *s, struct err *err)
{
	fail(err, ERR_INVALID, "'%.40s' is not a size", s);
	return fail_hint(err, "write it like 6GiB or 512MiB");
}

int size_parse(const char *s, uint64_t *ret_bytes, struct err *err)
{
	const char *end;
	double value;

	if (!decimal(s, &end, &value))
		return size_fail(s, err);
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < sizeof(size_units) / sizeof(size_units[0]); i++) {
		if (strcasecmp(end, size_units[i].suffix))
			continue;
		value *= size_units[i].factor;
		if (value >= 0x1p62)
			return fail(err, ERR_INVALID, "size '%.40s' is too large", s);
		*ret_bytes = (uint64_t)llround(value);
		return 0;
	}
	fail(err, ERR_INVALID, "'%.40s' has an unknown unit of size", s);
	return fail_hint(err, "use KiB, MiB, GiB or TiB");
}

static int64_t duration_unit(char c)
{
	switch (c) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 604800;
	case 'y':
		return 365 * 86400;
	default:
		return 0;
	}
}

#define DURATION_MAX (INT64_C(3660) * 86400) /* ten years: longer is a mistake */

static int duration_fail(const char *s, struct err *err)
{
	fail(err, ERR_INVALID, "'%.40s' is not a duration", s);
	return fail_hint(err, "write it like 90s, 15m, 4h, 2d or 1h30m");
}

int duration_parse(const char *s, int64_t *ret_seconds, struct err *err)
{
	int64_t last = INT64_MAX, total = 0;
	const char *p = s;

	if (!*s)
		return duration_fail(s, err);
	while (*p) {
		const char *end;
		double value;
		int64_t unit;

		if (!decimal(p, &end, &value))
			return duration_fail(s, err);
		unit = *end ? duration_unit(*end) : p == s ? 1 : 0;
		if (!unit || unit >= last)
			return duration_fail(s, err);
		if (value * (double)unit > (double)DURATION_MAX)
			return fail(err, ERR_INVALID, "duration '%.40s' is too long", s);
		total += llround(value * (double)unit);
		last = unit;
		p = *end ? end + 1 : end;
		while (*p == ' ')
			p++;
	}
	if (total > DURATION_MAX)
		return fail(err, ERR_INVALID, "duration '%.40s' is too long", s);
	*ret_seconds = total;
	return 0;
}

int number_parse(const char *s, const char *what, int64_t min, int64_t max, int64_t *ret,
		 struct err *err)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(s, &end, 10);
	if (end == s || *end || errno || isspace((unsigned char)s[0]) || s[0] == '+')
		return fail(err, ERR_INVALID, "%s '%.40s' is not a whole number", what, s);
	if (n < min || n > max)
		return fail(err, ERR_INVALID, "%s %lld is not between %" PRId64 " and %" PRId64, what, n,
			    min, max);
	*ret = n;
	return 0;
}

int share_parse(const char *s, double *ret, struct err *err)
{
	const char *end;
	double value;

	if (!decimal(s, &end, &value) || (*end && strcmp(end, "%"))) {
		fail(err, ERR_INVALID, "'%.40s' is not a share", s);
		return fail_hint(err, "write it like 60%% or 0.6");
	}
	if (*end)
		value /= 100;
	if (value > 1)
		return fail(err, ERR_INVALID, "'%.40s' is more than the whole", s);
	*ret = value;
	return 0;
}

char *size_format(char *buf, size_t len, uint64_t bytes)
{
	static const char *const names[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	unsigned unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(names) / sizeof(names[0])) {
		value /= 1024;
		unit++;
	}
	if (unit == 0 || value >= 100 || fabs(value - round(value)) < 0.005)
		snprintf(buf, len, "%.0f %s", value, names[unit]);
	else
		snprintf(buf, len, value < 10 ? "%.2f %s" : "%.1f %s", value, names[unit]);
	return buf;
}

char *duration_format(char *buf, size_t len, int64_t seconds)
{
	static const struct {
		int64_t seconds;
		char name;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	const char *sign = seconds < 0 ? "-" : "";
	uint64_t rest = seconds < 0 ? -(uint64_t)seconds : (uint64_t)seconds;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t unit = (uint64_t)units[i].seconds, many = rest / unit, more;

		if (!many && i < 3)
			continue;
		more = i < 3 ? rest % unit / (uint64_t)units[i + 1].seconds : 0;
		if (more)
			snprintf(buf, len, "%s%" PRIu64 "%c %" PRIu64 "%c", sign, many, units[i].name, more,
				 units[i + 1].name);
		else
			snprintf(buf, len, "%s%" PRIu64 "%c", sign, many, units[i].name);
		break;
	}
	return buf;
}
