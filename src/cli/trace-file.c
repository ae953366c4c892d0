#include "cli/trace-file.h"

#include "base/array.h"
#include "base/sizes.h"
#include "cli/csv.h"
#include "cli/stands-for.h"

#define MAX_S (INT64_C(1) << 40) /* no time is later, so that sums stay small */

struct reader {
	const struct board *board;
	const struct policy *policy;
	struct trace trace;
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

static int read_request(const char *const *fields, void *arg, struct err *err)
{
	struct reader *reader = arg;
	const struct trace *trace = &reader->trace;
	const struct profile *profile;
	struct request request;
	int r = read_time(fields[0], "time", 0, &request.at, err);

	if (!r)
		r = stands_for(fields[1], reader->board, reader->policy, &profile, err);
	if (!r)
		r = read_time(fields[2], "duration", 1, &request.duration, err);
	if (r)
		return r;
	if (trace->n && request.at < trace->requests[trace->n - 1].at)
		return fail(err, ERR_INVALID, "time %.40s is before that of the line above",
			    fields[0]);
	request.profile = (uint8_t)profile_index(reader->board, profile);
	return trace_add(&reader->trace, &request) ? fail(err, ERR_NOMEM, "no memory for a trace")
						   : 0;
}

int trace_file_load(const char *path, const struct board *board, const struct policy *policy,
		    struct trace *ret, struct err *err)
{
	static const char *const columns[] = {"time", "profile", "duration"};
	struct reader reader = {.board = board, .policy = policy};
	int r = csv_each(path, TRACE_FILE_MAX_BYTES, columns, ARRAY_SIZE(columns), read_request,
			 &reader, err);

	if (!r && !reader.trace.n)
		r = fail(err, ERR_INVALID, "%s: no requests", path);
	if (r)
		trace_done(&reader.trace);
	else
		*ret = reader.trace;
	return r;
}
