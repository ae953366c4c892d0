#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/text.h"

static enum log_level most = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	most = level;
}

void log_line(enum log_level level, const char *format, ...)
{
	char raw[1024], line[1024], stamp[32] = "";
	va_list args;

	if (level > most)
		return;
	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);
	text_printable(line, sizeof(line), raw);
	if (getenv("JOURNAL_STREAM")) {
		fprintf(stderr, "<%d>%s\n", (int)level, line);
	} else {
		time_t now = time(NULL);
		struct tm tm;

		localtime_r(&now, &tm);
		strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
		fprintf(stderr, "%s %s%s\n", stamp,
			level == LOG_LEVEL_ERROR     ? "error: "
			: level == LOG_LEVEL_WARNING ? "warning: "
						     : "",
			line);
	}
}
