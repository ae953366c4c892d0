/*
 * wish.h - the layout that is wanted for a server
 *
 * For each GPU a wish says nothing, or MIG mode and the instances that are
 * wanted, each at a certain start or wherever it fits best. It is written as
 * words for the command line, as YAML of our own (carve-layout(5)), or as a
 * mig-parted file, which is read as it is. Every mistake is told with its place.
 *
 * What names a GPU: its index (0, gpu0), its UUID, a board (all of that model),
 * "all" (that can MIG). The more exact name wins: an index over a board, a board over "all".
 *
 * Whether the wish fits is not asked here: change_make() tells.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/text.h"
#include "geometry/layout.h"

#define WISH_MAX_GPUS 32

struct wish_item {
	const struct profile *profile;
	bool has_start; /* else anywhere */
	uint8_t start;
};

struct wish_gpu {
	bool given; /* false: as it is, whatever it is */
	bool mig;   /* MIG mode; off has no instances */
	size_t n;
	struct wish_item at[LAYOUT_MAX];
};

/* The GPUs a wish is for, in the order of their indices. */
struct wish_server {
	size_t n;
	struct wish_host {
		unsigned index;
		const char *uuid;	   /* or NULL */
		const struct board *board; /* NULL: not known, so nothing can be wished of it */
	} gpus[WISH_MAX_GPUS];
};

struct wish {
	struct wish_gpu gpus[WISH_MAX_GPUS]; /* as in the server */
};

/*
 * From words: "gpu0=3g,2x1g", "gpu1,gpu2=7x1g", "all=empty", "gpu3=off",
 * "a30-24gb=2g@0,2g".
 *   err  INVALID, NOT_FOUND (no such GPU), with "'WORD', character N: " in front
 */
int wish_from_words(char *const *words, size_t n, const struct wish_server *server,
		    struct wish *ret, struct err *err);

/*
 * From a file of ours or of mig-parted.
 *   chosen  the layout's name in the file; NULL when it has only one
 *   err     INVALID, NOT_FOUND (no such layout, or it concerns no GPU of this server),
 *           TOO_LARGE, NOMEM, with "FILE:LINE:COLUMN: " in front where there is a place
 */
int wish_parse(const char *bytes, size_t len, const char *name, const char *chosen,
	       const struct wish_server *server, struct wish *ret, struct err *err);

/* The same by path; also the errors of file_read(). */
int wish_load(const char *path, const char *chosen, const struct wish_server *server,
	      struct wish *ret, struct err *err);

/* name in options, what it is */
#define WISH_FORM_TABLE(X)                                                                         \
	X(WORDS, "words", "one word a GPU")                                                        \
	X(YAML, "yaml", "a file of ours")                                                          \
	X(MIG_PARTED, "mig-parted", "without starts")

enum wish_form {
#define X(name, word, meaning) WISH_##name,
	WISH_FORM_TABLE(X)
#undef X
		WISH_FORM_COUNT
};

/* Write what the wish gives; the readers above understand it. name: of the layout, for files. */
void wish_write(enum wish_form form, const struct wish_server *server, const struct wish *wish,
		const char *name, struct text *ret);

/* One GPU's part: "3g@0,2g", "empty", "off". */
void wish_write_gpu(const struct wish_gpu *gpu, struct text *ret);
