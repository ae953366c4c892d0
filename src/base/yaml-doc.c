#include "base/yaml-doc.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "base/sizes.h"
#include "base/text.h"

/* Nodes and texts live in blocks that are freed together. */
struct block {
	struct block *next;
	max_align_t bytes[];
};

struct yaml_doc {
	struct block *blocks;
	char *name;
	struct yaml_node *root;
};

struct reader {
	struct yaml_doc *doc;
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	bool has_event;
	size_t n_nodes;
	unsigned depth;
	struct err *err;
};

static void *doc_alloc(struct yaml_doc *doc, size_t size)
{
	struct block *block = calloc(1, sizeof(*block) + size);

	if (!block)
		return NULL;
	block->next = doc->blocks;
	doc->blocks = block;
	return block->bytes;
}

static char *doc_text(struct yaml_doc *doc, const void *bytes, size_t len)
{
	char *copy = doc_alloc(doc, len + 1);

	if (copy)
		memcpy(copy, bytes, len);
	return copy;
}

void yaml_doc_free(struct yaml_doc *doc)
{
	if (!doc)
		return;
	while (doc->blocks) {
		struct block *block = doc->blocks;

		doc->blocks = block->next;
		free(block);
	}
	free(doc->name);
	free(doc);
}

const struct yaml_node *yaml_doc_root(const struct yaml_doc *doc)
{
	return doc->root;
}

/* ---- errors with a place ---- */

static int node_failv(const struct yaml_node *node, unsigned line, unsigned column,
		      struct err *err, const char *format, va_list args)
{
	char raw[sizeof(err->text)], text[sizeof(err->text)];

	vsnprintf(raw, sizeof(raw), format, args); /* may quote the file: not yet printable */
	text_printable(text, sizeof(text), raw);
	return fail(err, ERR_INVALID, "%s:%u:%u: %s", node->name, line, column, text);
}

int yaml_node_fail(const struct yaml_node *node, struct err *err, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = node_failv(node, node->line, node->column, err, format, args);
	va_end(args);
	return r;
}

int yaml_node_fail_key(const struct yaml_node *node, struct err *err, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = node_failv(node, node->key_line, node->key_column, err, format, args);
	va_end(args);
	return r;
}

int yaml_node_fail_in(const struct yaml_node *node, struct err *err)
{
	char raw[sizeof(err->text)];

	memcpy(raw, err->text, sizeof(raw));
	text_printable(err->text, sizeof(err->text), raw);
	return fail_in(err, "%s:%u:%u: ", node->name, node->line, node->column);
}

static int fail_at(struct reader *reader, yaml_mark_t mark, enum err_code code, const char *what)
{
	return fail(reader->err, code, "%s:%zu:%zu: %s", reader->doc->name, mark.line + 1,
		    mark.column + 1, what);
}

static int fail_nomem(struct reader *reader)
{
	return fail(reader->err, ERR_NOMEM, "no memory for '%s'", reader->doc->name);
}

/* ---- events to nodes ---- */

static int fail_syntax(struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	yaml_mark_t mark = parser->problem_mark;

	if (parser->error == YAML_MEMORY_ERROR)
		return fail_nomem(reader);
	if (parser->error == YAML_READER_ERROR)
		return fail(reader->err, ERR_INVALID, "%s: byte %zu: %s", reader->doc->name,
			    parser->problem_offset, parser->problem);
	return fail_at(reader, mark, ERR_INVALID, parser->problem ? parser->problem : "not YAML");
}

static int next_event(struct reader *reader)
{
	if (reader->has_event)
		yaml_event_delete(&reader->event);
	reader->has_event = false;
	if (!yaml_parser_parse(&reader->parser, &reader->event))
		return fail_syntax(reader);
	reader->has_event = true;
	return 0;
}

static int refuse_extras(struct reader *reader)
{
	const yaml_event_t *event = &reader->event;
	const yaml_char_t *anchor = NULL, *tag = NULL;

	if (event->type == YAML_ALIAS_EVENT)
		return fail_at(reader, event->start_mark, ERR_INVALID,
			       "aliases (*name) are not supported");
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor)
		return fail_at(reader, event->start_mark, ERR_INVALID,
			       "anchors (&name) are not supported");
	if (tag)
		return fail_at(reader, event->start_mark, ERR_INVALID,
			       "tags (!name) are not supported");
	return 0;
}

static int node_new(struct reader *reader, enum yaml_kind kind, struct yaml_node **ret)
{
	struct yaml_node *node;
	yaml_mark_t mark = reader->event.start_mark;

	if (++reader->n_nodes > YAML_MAX_NODES)
		return fail_at(reader, mark, ERR_TOO_LARGE, "too many values");
	node = doc_alloc(reader->doc, sizeof(*node));
	if (!node)
		return fail_nomem(reader);
	node->kind = kind;
	node->line = (unsigned)mark.line + 1;
	node->column = (unsigned)mark.column + 1;
	node->name = reader->doc->name;
	node->text = "";
	*ret = node;
	return 0;
}

static void node_append(struct yaml_node *parent, struct yaml_node *child)
{
	if (parent->last)
		parent->last->next = child;
	else
		parent->first = child;
	parent->last = child;
	parent->n++;
}

static int scalar_text(struct reader *reader, const char **ret)
{
	const yaml_event_t *event = &reader->event;
	size_t len = event->data.scalar.length;

	if (memchr(event->data.scalar.value, '\0', len))
		return fail_at(reader, event->start_mark, ERR_INVALID, "a NUL character in a text");
	*ret = doc_text(reader->doc, event->data.scalar.value, len);
	return *ret ? 0 : fail_nomem(reader);
}

static int compare_keys(const void *a, const void *b)
{
	const struct yaml_node *const *x = a, *const *y = b;
	int order = strcmp((*x)->key, (*y)->key);

	if (order)
		return order;
	if ((*x)->key_line != (*y)->key_line)
		return (*x)->key_line < (*y)->key_line ? -1 : 1;
	return (*x)->key_column < (*y)->key_column ? -1 : 1;
}

/* Sorted, so that a long map costs n log n. */
static int refuse_duplicates(struct reader *reader, const struct yaml_node *map)
{
	cleanup(free) const struct yaml_node **sorted = NULL;
	size_t n = 0;

	if (map->n < 2)
		return 0;
	sorted = calloc(map->n, sizeof(*sorted));
	if (!sorted)
		return fail_nomem(reader);
	for (const struct yaml_node *child = map->first; child; child = child->next)
		sorted[n++] = child;
	qsort(sorted, n, sizeof(*sorted), compare_keys);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(sorted[i - 1]->key, sorted[i]->key))
			return yaml_node_fail_key(sorted[i], reader->err,
						  "'%.80s' is given twice (first in line %u)",
						  sorted[i]->key, sorted[i - 1]->key_line);
	return 0;
}

static int read_node(struct reader *reader, struct yaml_node **ret);

static int read_children(struct reader *reader, struct yaml_node *parent, yaml_event_type_t end)
{
	for (;;) {
		const char *key = NULL;
		struct yaml_node *child;
		yaml_mark_t mark;
		int r = next_event(reader);

		if (r || reader->event.type == end)
			return r;
		mark = reader->event.start_mark;
		if (parent->kind == YAML_MAP) {
			r = refuse_extras(reader);
			if (r)
				return r;
			if (reader->event.type != YAML_SCALAR_EVENT)
				return fail_at(reader, reader->event.start_mark, ERR_INVALID,
					       "a key must be a plain word");
			r = scalar_text(reader, &key);
			r = r ? r : next_event(reader);
		}
		r = r ? r : read_node(reader, &child);
		if (r)
			return r;
		child->key = key;
		child->key_line = (unsigned)mark.line + 1;
		child->key_column = (unsigned)mark.column + 1;
		node_append(parent, child);
	}
}

/* The node that starts at the current event; ends on its last event. */
static int read_node(struct reader *reader, struct yaml_node **ret)
{
	bool list = reader->event.type == YAML_SEQUENCE_START_EVENT;
	int r = refuse_extras(reader);

	if (r)
		return r;
	if (reader->event.type == YAML_SCALAR_EVENT) {
		r = node_new(reader, YAML_SCALAR, ret);
		if (r)
			return r;
		(*ret)->plain = reader->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		return scalar_text(reader, &(*ret)->text);
	}
	if (reader->depth >= YAML_MAX_DEPTH)
		return fail_at(reader, reader->event.start_mark, ERR_TOO_LARGE,
			       "nested too deeply");
	r = node_new(reader, list ? YAML_LIST : YAML_MAP, ret);
	if (r)
		return r;
	reader->depth++;
	r = read_children(reader, *ret, list ? YAML_SEQUENCE_END_EVENT : YAML_MAPPING_END_EVENT);
	reader->depth--;
	return r || list ? r : refuse_duplicates(reader, *ret);
}

static int expect(struct reader *reader, yaml_event_type_t type, const char *otherwise)
{
	int r = next_event(reader);

	if (r || reader->event.type == type)
		return r;
	return fail_at(reader, reader->event.start_mark, ERR_INVALID, otherwise);
}

static int read_document(struct reader *reader)
{
	int r = expect(reader, YAML_STREAM_START_EVENT, "not YAML");

	r = r ? r : expect(reader, YAML_DOCUMENT_START_EVENT, "the file is empty");
	r = r ? r : next_event(reader);
	r = r ? r : read_node(reader, &reader->doc->root);
	r = r ? r : expect(reader, YAML_DOCUMENT_END_EVENT, "the document should end here");
	return r ? r : expect(reader, YAML_STREAM_END_EVENT, "one document only");
}

int yaml_doc_parse(const char *bytes, size_t len, const char *name, struct yaml_doc **ret,
		   struct err *err)
{
	cleanup(yaml_doc_free) struct yaml_doc *doc = calloc(1, sizeof(*doc));
	struct reader reader = {.doc = doc, .err = err};
	int r;

	if (!doc || !(doc->name = strndup(name, 128)) || !yaml_parser_initialize(&reader.parser))
		return fail(err, ERR_NOMEM, "no memory for '%.80s'", name);
	if (len > YAML_MAX_BYTES) {
		yaml_parser_delete(&reader.parser);
		return fail(err, ERR_TOO_LARGE, "'%s' is larger than %u bytes", doc->name,
			    YAML_MAX_BYTES);
	}
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)bytes, len);
	r = read_document(&reader);
	if (reader.has_event)
		yaml_event_delete(&reader.event);
	yaml_parser_delete(&reader.parser);
	if (r)
		return r;
	*ret = steal(doc);
	return 0;
}

int yaml_doc_load(const char *path, struct yaml_doc **ret, struct err *err)
{
	cleanup(free) char *bytes = NULL;
	size_t len;
	int r = file_read(path, YAML_MAX_BYTES, &bytes, &len, err);

	return r ? r : yaml_doc_parse(bytes, len, path, ret, err);
}

const struct yaml_node *yaml_node_get(const struct yaml_node *map, const char *key)
{
	if (map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *child = map->first; child; child = child->next)
		if (!strcmp(child->key, key))
			return child;
	return NULL;
}

/* ---- maps by table ---- */

static int bool_parse(const char *s, bool *ret, struct err *err)
{
	static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcasecmp(s, words[i])) {
			*ret = i % 2;
			return 0;
		}
	}
	return fail(err, ERR_INVALID, "'%.80s' is neither true nor false", s);
}

static int factor_parse(const char *s, double *ret, struct err *err)
{
	char *end;
	double value = strtod(s, &end);

	if (!*s || *end || !isfinite(value) || value < 0)
		return fail(err, ERR_INVALID, "'%.80s' is not a number of 0 or more", s);
	*ret = value;
	return 0;
}

static int scalar_read(const struct yaml_node *node, const struct yaml_field *field, void *at,
		       struct err *err)
{
	switch (field->type) {
	case YAML_TEXT:
		*(const char **)at = node->text;
		return 0;
	case YAML_BOOL:
		return bool_parse(node->text, at, err);
	case YAML_NUMBER:
		return number_parse(node->text, field->key, field->min, field->max, at, err);
	case YAML_FACTOR:
		return factor_parse(node->text, at, err);
	case YAML_SIZE:
		return size_parse(node->text, at, err);
	case YAML_SHARE:
		return share_parse(node->text, at, err);
	case YAML_DURATION:
		return duration_parse(node->text, at, err);
	case YAML_NODE:
		break;
	}
	return fail(err, ERR_INTERNAL, "'%s' is no scalar", field->key);
}

static int field_read(const struct yaml_node *node, const struct yaml_field *field, char *into,
		      struct err *err)
{
	int r;

	if (field->has_at)
		*(bool *)(into + field->has_at) = true;
	if (field->type == YAML_NODE) {
		*(const struct yaml_node **)(into + field->at) = node;
		return 0;
	}
	if (node->kind != YAML_SCALAR)
		return yaml_node_fail(node, err, "'%s' must be a single value", field->key);
	r = scalar_read(node, field, into + field->at, err);
	return r ? yaml_node_fail_in(node, err) : 0;
}

static int unknown_key(const struct yaml_node *node, const char *what,
		       const struct yaml_field *fields, size_t n_fields, struct err *err)
{
	cleanup(text_done) struct text list = TEXT_INIT;
	const char *keys[64], *near;
	size_t n = n_fields < ARRAY_SIZE(keys) ? n_fields : ARRAY_SIZE(keys);

	for (size_t i = 0; i < n; i++) {
		keys[i] = fields[i].key;
		text_addf(&list, "%s%s", i ? ", " : "", keys[i]);
	}
	near = text_nearest(node->key, keys, n);
	yaml_node_fail_key(node, err, "%s has no '%.80s'", what, node->key);
	if (near)
		return fail_hint(err, "did you mean '%s'?", near);
	return fail_hint(err, "it may have: %s", text_str(&list));
}

int yaml_node_read(const struct yaml_node *map, const char *what, const struct yaml_field *fields,
		   size_t n_fields, void *into, struct err *err)
{
	if (map->kind != YAML_MAP)
		return yaml_node_fail(map, err, "%s must be written as \"key: value\" lines", what);
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		size_t i = 0;
		int r;

		while (i < n_fields && strcmp(fields[i].key, node->key) != 0)
			i++;
		if (i == n_fields)
			return unknown_key(node, what, fields, n_fields, err);
		r = field_read(node, &fields[i], into, err);
		if (r)
			return r;
	}
	for (size_t i = 0; i < n_fields; i++)
		if (fields[i].required && !yaml_node_get(map, fields[i].key))
			return yaml_node_fail(map, err, "%s needs '%s'", what, fields[i].key);
	return 0;
}
