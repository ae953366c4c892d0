/*
 * form.h - structs as JSON objects, by a table of their fields
 *
 * The same table writes and reads. Reading is strict: what is missing, unknown
 * or impossible is INVALID.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum field_kind {
	FIELD_NUMBER, /* unsigned, of `size` bytes */
	FIELD_BOOL,
	FIELD_CHARS, /* char[size] */
	FIELD_BOARD, /* const struct board *, by its id; NULL is null */
	FIELD_WORD,  /* an enum from 0, by its name in words */
	FIELD_LIST,  /* of structs, in place */
	FIELD_HEAP,  /* of structs, behind a pointer */
};

struct field {
	const char *name;
	enum field_kind kind;
	size_t at, size;
	size_t has_at; /* of the bool that tells whether it is known (null); 0: always */

	const char *const *words;
	size_t n_words;

	/* Of lists: what is in them, how many may be, where their number is. */
	const struct form *item;
	size_t max, n_at, n_size;
};

struct form {
	size_t size; /* of the struct */
	size_t n;
	const struct field *fields;
};

/* NULL without memory. The caller's reference. */
json_t *form_write(const struct form *form, const void *row);

/* Lists behind a pointer are the caller's, also on failure. NOMEM, INVALID. */
int form_read(const struct form *form, const json_t *json, void *row, struct err *err);
