#include "backend/form.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "facts/board.h"

#define LONGEST_TEXT 512

/* The structs have numbers of three widths. */
static uint64_t get_number(const void *at, size_t size)
{
	switch (size) {
	case sizeof(uint16_t):
		return *(const uint16_t *)at;
	case sizeof(uint32_t):
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

static void set_number(void *at, size_t size, uint64_t number)
{
	switch (size) {
	case sizeof(uint16_t):
		*(uint16_t *)at = (uint16_t)number;
		return;
	case sizeof(uint32_t):
		*(uint32_t *)at = (uint32_t)number;
		return;
	default:
		*(uint64_t *)at = number;
	}
}

/* ---- writing; NULL is no memory ---- */

static json_t *write_list(const struct field *field, const char *row)
{
	size_t n = get_number(row + field->n_at, field->n_size);
	const char *items = row + field->at;
	json_t *list = json_array();

	if (field->kind == FIELD_HEAP)
		items = *(char *const *)(row + field->at);
	for (size_t i = 0; list && i < n; i++) {
		if (!json_array_append_new(list,
					   form_write(field->item, items + i * field->item->size)))
			continue;
		json_decref(list);
		list = NULL;
	}
	return list;
}

static json_t *write_chars(const struct field *field, const char *at)
{
	char text[LONGEST_TEXT];

	text_printable(text, field->size < sizeof(text) ? field->size : sizeof(text), at);
	return json_string(text);
}

static json_t *write_field(const struct field *field, const char *row)
{
	const char *at = row + field->at;
	const struct board *board;

	if (field->has_at && !*(const bool *)(row + field->has_at))
		return json_null();
	switch (field->kind) {
	case FIELD_BOOL:
		return json_boolean(*(const bool *)at);
	case FIELD_CHARS:
		return write_chars(field, at);
	case FIELD_BOARD:
		board = *(const struct board *const *)at;
		return board ? json_string(board->id) : json_null();
	case FIELD_WORD:
		return json_string(field->words[get_number(at, field->size)]);
	case FIELD_LIST:
	case FIELD_HEAP:
		return write_list(field, row);
	case FIELD_NUMBER:
		break;
	}
	return json_integer((json_int_t)get_number(at, field->size));
}

json_t *form_write(const struct form *form, const void *row)
{
	json_t *object = json_object();

	for (size_t i = 0; object && i < form->n; i++) {
		const struct field *field = &form->fields[i];

		if (!json_object_set_new(object, field->name, write_field(field, row)))
			continue;
		json_decref(object);
		object = NULL;
	}
	return object;
}

/* ---- reading ---- */

static int read_list(const struct field *field, const json_t *json, char *row, struct err *err)
{
	size_t n = json_array_size(json);
	char *items = row + field->at;
	int r = 0;

	if (!json_is_array(json) || n > field->max)
		return fail(err, ERR_INVALID, "'%s' is no list of at most %zu", field->name,
			    field->max);
	if (field->kind == FIELD_HEAP) {
		items = calloc(n ? n : 1, field->item->size);
		if (!items)
			return fail(err, ERR_NOMEM, "no memory for a list");
		*(char **)(row + field->at) = items;
	}
	for (size_t i = 0; !r && i < n; i++)
		r = form_read(field->item, json_array_get(json, i), items + i * field->item->size,
			      err);
	set_number(row + field->n_at, field->n_size, n);
	return r;
}

/* The rest returns false when the value cannot be what the field holds. */
static bool read_number(const struct field *field, const json_t *json, char *at)
{
	json_int_t number = json_integer_value(json);

	set_number(at, field->size, (uint64_t)number);
	/* Of 64 bits every pattern is a number; fewer must give it back. */
	return json_is_integer(json) && get_number(at, field->size) == (uint64_t)number;
}

static bool read_chars(const struct field *field, const json_t *json, char *at)
{
	const char *s = json_string_value(json);

	return s && snprintf(at, field->size, "%s", s) < (int)field->size;
}

static bool read_board(const json_t *json, char *at)
{
	const char *id = json_string_value(json);
	const struct board *board = id ? board_by_id(id) : NULL;

	*(const struct board **)at = board;
	return board || json_is_null(json);
}

static bool read_word(const struct field *field, const json_t *json, char *at)
{
	const char *word = json_string_value(json);

	for (size_t i = 0; word && i < field->n_words; i++) {
		if (strcmp(field->words[i], word) != 0)
			continue;
		set_number(at, field->size, i);
		return true;
	}
	return false;
}

static bool read_value(const struct field *field, const json_t *json, char *row)
{
	char *at = row + field->at;

	if (field->has_at) {
		*(bool *)(row + field->has_at) = !json_is_null(json);
		if (json_is_null(json))
			return true;
	}
	switch (field->kind) {
	case FIELD_BOOL:
		*(bool *)at = json_is_true(json);
		return json_is_boolean(json);
	case FIELD_CHARS:
		return read_chars(field, json, at);
	case FIELD_BOARD:
		return read_board(json, at);
	case FIELD_WORD:
		return read_word(field, json, at);
	default:
		return read_number(field, json, at);
	}
}

int form_read(const struct form *form, const json_t *json, void *row, struct err *err)
{
	for (size_t i = 0; i < form->n; i++) {
		const struct field *field = &form->fields[i];
		const json_t *value = json_object_get(json, field->name);

		if (!value)
			return fail(err, ERR_INVALID, "'%s' is missing", field->name);
		if (field->item && read_list(field, value, row, err))
			return -(int)err->code;
		if (!field->item && !read_value(field, value, row))
			return fail(err, ERR_INVALID, "'%s' is not what it can be", field->name);
	}
	if (!json_is_object(json) || json_object_size(json) != form->n)
		return fail(err, ERR_INVALID, "there is more than belongs to it");
	return 0;
}
