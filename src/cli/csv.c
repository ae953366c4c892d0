#include "cli/csv.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/text.h"

#define FIELDS_MAX 64

struct csv {
	const char *const *columns;
	size_t n;
	size_t at[CSV_MAX_COLUMNS]; /* which field a column is */
	size_t n_fields;	    /* of a line */
	int (*fn)(const char *const *fields, void *arg, struct err *err);
	void *arg;
};

static int split(char *line, char **ret_fields, size_t *ret_n, struct err *err)
{
	size_t n = 0;

	if (strchr(line, '"'))
		return fail(err, ERR_INVALID, "quotes are not understood");
	while (line && n < FIELDS_MAX)
		ret_fields[n++] = strsep(&line, ",");
	if (line)
		return fail(err, ERR_INVALID, "more than %d fields", FIELDS_MAX);
	*ret_n = n;
	return 0;
}

static int missing_column(const char *column, char **fields, size_t n, struct err *err)
{
	const char *near = text_nearest(column, (const char *const *)fields, n);

	fail(err, ERR_INVALID, "the line of headings has no '%s'", column);
	return near ? fail_hint(err, "is '%.60s' meant to be it?", near) : -(int)err->code;
}

static int read_headings(struct csv *csv, char **fields, size_t n, struct err *err)
{
	csv->n_fields = n;
	for (size_t c = 0; c < csv->n; c++) {
		size_t i = 0;

		while (i < n && strcmp(fields[i], csv->columns[c]) != 0)
			i++;
		if (i == n)
			return missing_column(csv->columns[c], fields, n, err);
		csv->at[c] = i;
	}
	return 0;
}

static int read_line(struct csv *csv, char *line, struct err *err)
{
	char *fields[FIELDS_MAX];
	const char *wanted[CSV_MAX_COLUMNS];
	size_t n = 0;
	int r = split(line, fields, &n, err);

	if (r)
		return r;
	if (!csv->n_fields)
		return read_headings(csv, fields, n, err);
	if (n != csv->n_fields)
		return fail(err, ERR_INVALID, "%zu fields, and the line of headings has %zu", n,
			    csv->n_fields);
	for (size_t c = 0; c < csv->n; c++)
		wanted[c] = fields[csv->at[c]];
	return csv->fn(wanted, csv->arg, err);
}

static int read_lines(struct csv *csv, const char *path, char *bytes, struct err *err)
{
	unsigned number = 0;
	char *line;

	while ((line = strsep(&bytes, "\n"))) {
		number++;
		line[strcspn(line, "\r")] = '\0';
		if (*line && read_line(csv, line, err))
			return fail_in(err, "%s:%u: ", path, number);
	}
	return csv->n_fields ? 0 : fail(err, ERR_INVALID, "%s: it is empty", path);
}

int csv_each(const char *path, size_t max_bytes, const char *const *columns, size_t n,
	     int (*fn)(const char *const *fields, void *arg, struct err *err), void *arg,
	     struct err *err)
{
	struct csv csv = {.columns = columns, .n = n, .fn = fn, .arg = arg};
	cleanup(free) char *bytes = NULL;
	size_t len;
	int r = file_read(path, max_bytes, &bytes, &len, err);

	if (r)
		return r;
	return strlen(bytes) == len ? read_lines(&csv, path, bytes, err)
				    : fail(err, ERR_INVALID, "%s: a NUL in it", path);
}
