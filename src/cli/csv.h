/*
 * csv.h - tables that people bring: comma-separated, with a line of headings
 *
 * Columns are found by their headings, in any order; others are ignored. There
 * are no quotes, empty lines are skipped.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

#define CSV_MAX_COLUMNS 8

/*
 * Call fn with the fields of each line, in the order of columns.
 *
 *   columns  headings that must be there, CSV_MAX_COLUMNS at most
 *   err      INVALID "FILE:LINE: ..."; what fn fails with, with the same in front; also the
 *            errors of file_read()
 */
int csv_each(const char *path, size_t max_bytes, const char *const *columns, size_t n,
	     int (*fn)(const char *const *fields, void *arg, struct err *err), void *arg,
	     struct err *err);
