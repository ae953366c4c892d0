/*
 * yaml-doc.h - YAML for people's files, every mistake with its line and column
 *
 * A document becomes a tree of nodes that know where they stand. It is read
 * from libyaml's events, not with its document loader, whose cost is quadratic.
 * What a configuration file has no use for is refused instead of guessed at:
 * anchors and aliases, tags, duplicate and non-scalar keys, a second document,
 * NUL inside a text. Cost is bounded: YAML_MAX_BYTES, _DEPTH and _NODES.
 *
 * Most maps are read by a table of fields (yaml_node_read), which also refuses
 * unknown keys, with "did you mean". All texts belong to the document.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define YAML_MAX_BYTES (1u << 20)
#define YAML_MAX_DEPTH 16
#define YAML_MAX_NODES 65536

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
	enum yaml_kind kind;
	unsigned line, column;		/* from 1 */
	const char *name;		/* of the document: the file */
	const char *key;		/* inside a map: its key, else NULL */
	unsigned key_line, key_column;	/* where the key stands */
	const char *text;		/* scalars: the text; "" for lists and maps */
	bool plain;			/* scalars: written without quotes */
	struct yaml_node *first, *last; /* children of lists and maps, in order */
	struct yaml_node *next;
	size_t n; /* children */
};

struct yaml_doc;

/*
 *   bytes, len  the text; need not end in NUL
 *   name        what messages call it: the file's path
 *   ret         out: the document, freed by the caller
 *   err         INVALID, TOO_LARGE ("NAME:LINE:COLUMN: ..."), NOMEM
 * An empty document is INVALID.
 */
int yaml_doc_parse(const char *bytes, size_t len, const char *name, struct yaml_doc **ret,
		   struct err *err);

/* The same from a file; also the errors of file_read(). */
int yaml_doc_load(const char *path, struct yaml_doc **ret, struct err *err);

/* NULL is fine. */
void yaml_doc_free(struct yaml_doc *doc);

static inline void cleanup_yaml_doc_free(struct yaml_doc **doc)
{
	yaml_doc_free(*doc);
}

const struct yaml_node *yaml_doc_root(const struct yaml_doc *doc);

/* The value of a key, NULL when the map has none. */
const struct yaml_node *yaml_node_get(const struct yaml_node *map, const char *key);

/* INVALID with "NAME:LINE:COLUMN: " in front. Always returns -ERR_INVALID. */
int yaml_node_fail(const struct yaml_node *node, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The same at the node's key: for what is wrong with the key itself. */
int yaml_node_fail_key(const struct yaml_node *node, struct err *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Put the place in front of an error that already has a text. */
int yaml_node_fail_in(const struct yaml_node *node, struct err *err);

enum yaml_type {
	YAML_TEXT,     /* const char * */
	YAML_BOOL,     /* bool: true false yes no on off */
	YAML_NUMBER,   /* int64_t in [min, max] */
	YAML_FACTOR,   /* double, 0 or more */
	YAML_SIZE,     /* uint64_t, bytes */
	YAML_SHARE,    /* double, 0..1 */
	YAML_DURATION, /* int64_t, seconds */
	YAML_NODE,     /* const struct yaml_node *, for the caller to read */
};

struct yaml_field {
	const char *key;
	enum yaml_type type;
	size_t at;	  /* offset in the struct */
	size_t has_at;	  /* offset of a bool set when the key is there; 0: none */
	int64_t min, max; /* YAML_NUMBER */
	bool required;
};

/*
 * Read a map into a struct by its fields; what is not there stays as it was.
 * what names the map in messages ("a world").
 */
int yaml_node_read(const struct yaml_node *map, const char *what, const struct yaml_field *fields,
		   size_t n_fields, void *into, struct err *err);
