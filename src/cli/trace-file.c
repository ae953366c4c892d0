#include "cli/trace-file.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/sizes.h"
#include "cli/stands-for.h"

#define HEADING "time,profile,duration"
#define MAX_S	(INT64_C(1) << 40) /* no time is later, so that sums stay small */

struct reader {
	const char *path;
	const struct board *board;
	const struct policy *policy;
	struct trace trace;
	unsigned line;
};

static int read_time(const char *typed, const char *what, int64_t least, int64_t *ret,
		     struct err *err)
{
	if (duration_parse(typed, ret, err))
		return fail_in(err, "%s: ", what);
	if (*ret < least || *ret > MAX_S)
		return fail(err, ERR_INVALID, "%s '%.40s' is not between %lld and %lld", what,
			    typed, (long long)least, (long long)MAX_S);
	return 0;
}

static int read_request(struct reader *reader, char *line, struct err *err)
{
	const char *time = strsep(&line, ","), *name = line ? strsep(&line, ",") : NULL;
	const struct trace *trace = &reader->trace;
	const struct profile *profile;
	struct request request;
	int r;

	if (!name || !line || strchr(line, ','))
		return fail(err, ERR_INVALID, "a line has three fields: " HEADING);
	r = read_time(time, "time", 0, &request.at, err);
	if (!r)
		r = read_time(line, "duration", 1, &request.duration, err);
	if (!r)
		r = stands_for(name, reader->board, reader->policy, &profile, err);
	if (r)
		return r;
	if (trace->n && request.at < trace->requests[trace->n - 1].at)
		return fail(err, ERR_INVALID, "time %.40s is before that of the line above", time);
	request.profile = (uint8_t)profile_index(reader->board, profile);
	return trace_add(&reader->trace, &request) ? fail(err, ERR_NOMEM, "no memory for a trace")
						   : 0;
}

static int read_line(struct reader *reader, char *line, struct err *err)
{
	line[strcspn(line, "\r")] = '\0';
	if (reader->line > 1)
		return *line ? read_request(reader, line, err) : 0;
	if (!strcmp(line, HEADING))
		return 0;
	return fail(err, ERR_INVALID, "the first line is not " HEADING);
}

static int read_lines(struct reader *reader, char *bytes, struct err *err)
{
	char *line;

	while ((line = strsep(&bytes, "\n"))) {
		reader->line++;
		if (!bytes && !*line && reader->line > 1)
			break;
		if (read_line(reader, line, err))
			return fail_in(err, "%s:%u: ", reader->path, reader->line);
	}
	return reader->trace.n ? 0 : fail(err, ERR_INVALID, "%s: no requests", reader->path);
}

int trace_file_load(const char *path, const struct board *board, const struct policy *policy,
		    struct trace *ret, struct err *err)
{
	struct reader reader = {.path = path, .board = board, .policy = policy};
	cleanup(free) char *bytes = NULL;
	size_t len;
	int r = file_read(path, TRACE_FILE_MAX_BYTES, &bytes, &len, err);

	if (r)
		return r;
	r = strlen(bytes) == len ? read_lines(&reader, bytes, err)
				 : fail(err, ERR_INVALID, "%s: a NUL in it", path);
	if (r)
		trace_done(&reader.trace);
	else
		*ret = reader.trace;
	return r;
}
