#include "base/clock.h"

#include <time.h>

int64_t clock_now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

int64_t clock_monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_offset_s(int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

static char *format(char *buf, size_t len, int64_t unix_s, const char *pattern,
		    struct tm *(*convert)(const time_t *, struct tm *))
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (!convert(&t, &tm) || !strftime(buf, len, pattern, &tm))
		buf[0] = '\0';
	return buf;
}

char *clock_format(char *buf, size_t len, int64_t unix_s)
{
	return format(buf, len, unix_s, "%Y-%m-%d %H:%M", localtime_r);
}

char *clock_format_iso(char *buf, size_t len, int64_t unix_s)
{
	return format(buf, len, unix_s, "%Y-%m-%dT%H:%M:%SZ", gmtime_r);
}
