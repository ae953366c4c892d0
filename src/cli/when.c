#include "cli/when.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/array.h"
#include "base/sizes.h"

int when_parse(const char *typed, int64_t now_s, int64_t *ret_s, struct err *err)
{
	static const char *const patterns[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"};
	int64_t span_s;

	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		struct tm tm = {.tm_isdst = -1}, asked;
		const char *end = strptime(typed, patterns[i], &tm);
		time_t when;

		if (!end || *end)
			continue;
		asked = tm;
		when = mktime(&tm);
		if (tm.tm_mday != asked.tm_mday) /* mktime() has made March of February 30 */
			return fail(err, ERR_INVALID, "'%.40s' is no day", typed);
		*ret_s = when;
		return 0;
	}
	if (!duration_parse(typed, &span_s, err)) {
		*ret_s = now_s - span_s;
		return 0;
	}
	fail(err, ERR_INVALID, "'%.40s' is not a time", typed);
	return fail_hint(err, "write it like 2h, 7d, 2025-11-24 or '2025-11-24 16:40'");
}
