/*
 * text.h - growing strings, and what is safe to print
 *
 * A struct text is always NUL-terminated and starts as TEXT_INIT. Running out
 * of memory is sticky: further additions are ignored and text_failed() tells,
 * so callers check once at the end.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct text {
	char *s; /* never NULL after the first addition; use text_str() */
	size_t len;
	size_t cap;
	bool failed;
};

#define TEXT_INIT      \
	(struct text)  \
	{              \
		.s = NULL, \
	}

void text_done(struct text *text);
void text_add(struct text *text, const char *s);
void text_add_bytes(struct text *text, const void *bytes, size_t len);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addv(struct text *text, const char *format, va_list args);
void text_clear(struct text *text);
bool text_failed(const struct text *text);

/* The string, "" when empty; lives as long as the text and its next change. */
const char *text_str(const struct text *text);

/* Hand over the string (the caller frees it); NULL when memory ran out. */
char *text_take(struct text *text);

static inline void cleanup_text_done(struct text *text)
{
	text_done(text);
}

/* true when s is well-formed UTF-8 (no surrogates, no overlong forms). */
bool text_is_utf8(const char *s, size_t len);

/*
 * Add s so that it can do no harm on a terminal or in a log: control
 * characters (C0, DEL, C1), bidirectional overrides and broken UTF-8 become
 * '?'; newlines and tabs become blanks.
 */
void text_add_printable(struct text *text, const char *s);

/* Same into a fixed buffer; always terminated. */
void text_printable(char *buf, size_t size, const char *s);

/*
 * Of the n words, the one that typed was probably meant to be: at most a third
 * of its letters wrong (edit distance with transpositions), ignoring case.
 * NULL when nothing is near.
 */
const char *text_nearest(const char *typed, const char *const *words, size_t n);

/* The columns a UTF-8 string takes on a terminal (wcwidth, unknown = 1). */
size_t text_width(const char *s);
