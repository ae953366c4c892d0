#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

void text_done(struct text *text)
{
	free(text->s);
	*text = TEXT_INIT;
}

static bool reserve(struct text *text, size_t more)
{
	size_t want, cap;
	char *s;

	if (text->failed)
		return false;
	if (__builtin_add_overflow(text->len, more + 1, &want)) {
		text->failed = true;
		return false;
	}
	if (want <= text->cap)
		return true;
	for (cap = text->cap ? text->cap : 64; cap < want;)
		cap += cap / 2;
	s = realloc(text->s, cap);
	if (!s) {
		text->failed = true;
		return false;
	}
	text->s = s;
	text->cap = cap;
	return true;
}

void text_add_bytes(struct text *text, const void *bytes, size_t len)
{
	if (!reserve(text, len))
		return;
	if (len)
		memcpy(text->s + text->len, bytes, len);
	text->len += len;
	text->s[text->len] = '\0';
}

void text_add(struct text *text, const char *s)
{
	text_add_bytes(text, s, strlen(s));
}

void text_addv(struct text *text, const char *format, va_list args)
{
	va_list again;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	if (n >= 0 && reserve(text, (size_t)n)) {
		vsnprintf(text->s + text->len, (size_t)n + 1, format, again);
		text->len += (size_t)n;
	}
	va_end(again);
}

void text_addf(struct text *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_addv(text, format, args);
	va_end(args);
}

void text_clear(struct text *text)
{
	text->len = 0;
	if (text->s)
		text->s[0] = '\0';
}

bool text_failed(const struct text *text)
{
	return text->failed;
}

const char *text_str(const struct text *text)
{
	return text->s ? text->s : "";
}

char *text_take(struct text *text)
{
	char *s;

	if (!reserve(text, 0)) {
		text_done(text);
		return NULL;
	}
	text->s[text->len] = '\0';
	s = text->s;
	*text = TEXT_INIT;
	return s;
}

/* Length of the well-formed sequence at s, 0 if it is broken; its code point. */
static size_t utf8_next(const unsigned char *s, size_t len, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	uint32_t c;

	if (!n || n > len)
		return 0;
	c = n == 1 ? s[0] : s[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*ret = c;
	return n;
}

bool text_is_utf8(const char *s, size_t len)
{
	const unsigned char *u = (const unsigned char *)s;

	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c;

		n = utf8_next(u + i, len - i, &c);
		if (!n)
			return false;
	}
	return true;
}

static bool harmless(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff)
		return false;
	return true;
}

void text_add_printable(struct text *text, const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len = strlen(s);

	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c = 0;

		n = utf8_next(u + i, len - i, &c);
		if (c == '\n' || c == '\t' || c == '\r')
			text_add(text, " ");
		else if (n && harmless(c))
			text_add_bytes(text, s + i, n);
		else
			text_add(text, "?");
		if (!n)
			n = 1;
	}
}

void text_printable(char *buf, size_t size, const char *s)
{
	struct text text = TEXT_INIT;

	text_add_printable(&text, s);
	snprintf(buf, size, "%s", text_str(&text));
	text_done(&text);
	/* A cut in the middle of a character leaves a broken tail: drop it. */
	while (*buf && !text_is_utf8(buf, strlen(buf)))
		buf[strlen(buf) - 1] = '\0';
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

#define WORD_MAX 64

/* Optimal string alignment distance, ignoring case; words up to WORD_MAX. */
static size_t distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	size_t row[3][WORD_MAX + 1];

	if (la > WORD_MAX || lb > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = row[i % 3], *up = row[(i + 2) % 3], *up2 = row[(i + 1) % 3];
		int ca = tolower((unsigned char)a[i - 1]);

		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			int cb = tolower((unsigned char)b[j - 1]);

			now[j] = smallest(up[j] + 1, now[j - 1] + 1, up[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
			    cb == tolower((unsigned char)a[i - 2]) && up2[j - 2] + 1 < now[j])
				now[j] = up2[j - 2] + 1;
		}
	}
	return row[la % 3][lb];
}

const char *text_nearest(const char *typed, const char *const *words, size_t n)
{
	const char *best = NULL;
	size_t best_distance = (strlen(typed) + 2) / 3 + 1;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(typed, words[i]);

		if (d < best_distance) {
			best_distance = d;
			best = words[i];
		}
	}
	return best;
}

size_t text_width(const char *s)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t len = strlen(s), width = 0;

	for (size_t i = 0, n; i < len; i += n) {
		uint32_t c = 0;
		int w;

		n = utf8_next(u + i, len - i, &c);
		w = n ? wcwidth((wchar_t)c) : 1;
		width += w < 0 ? 1 : (size_t)w;
		if (!n)
			n = 1;
	}
	return width;
}
