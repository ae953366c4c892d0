#include "cli/trace-file.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/sizes.h"
#include "base/text.h"

#define HEADING	  "time,profile,duration"
#define NAMES_MAX (POLICY_MAX_PROFILES + POLICY_MAX_CLASSES)
#define MAX_S	  (INT64_C(1) << 40) /* no time is later, so that sums stay small */

/* ---- names ---- */

static int unknown_profile(const char *typed, const struct board *board,
			   const struct policy *policy, struct err *err)
{
	const char *names[NAMES_MAX], *near;
	size_t n = 0;

	for (size_t i = 0; i < board->n_profiles && n < NAMES_MAX; i++)
		names[n++] = board->profiles[i].name;
	for (size_t i = 0; policy && i < policy_n_classes(policy) && n < NAMES_MAX; i++)
		names[n++] = policy_class_at(policy, i)->name;
	near = text_nearest(typed, names, n);
	fail(err, ERR_NOT_FOUND, "'%.60s' is no profile of %s%s", typed, board->id,
	     policy ? " and no class" : "");
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "carve profiles %s lists them%s", board->id,
			 policy ? "" : "; classes need --policy FILE");
}

int trace_file_profile(const char *typed, const struct board *board, const struct policy *policy,
		       const struct profile **ret, struct err *err)
{
	const struct profile *best[POLICY_MAX_PROFILES];
	const struct policy_class *class_ = NULL;
	struct err ignored = ERR_INIT;

	*ret = board_profile_by_name(board, typed);
	if (*ret)
		return 0;
	if (policy)
		class_ = policy_class_find(policy, typed, &ignored);
	if (!class_)
		return unknown_profile(typed, board, policy, err);
	if (!policy_class_profiles(class_, board, best))
		return fail(err, ERR_NOT_FOUND, "%s has no profile for class '%s'", board->id,
			    class_->name);
	*ret = best[0];
	return 0;
}

/* ---- lines ---- */

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
		r = trace_file_profile(name, reader->board, reader->policy, &profile, err);
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
