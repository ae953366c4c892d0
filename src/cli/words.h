/*
 * words.h - lists as people type them: "a,b,c"
 */
#pragma once

#include "base/err.h"

#define WORDS_MAX 128 /* of one list */
#define WORD_SIZE 80

/*
 * Call fn with each word of a list; the first failure ends it and is returned,
 * with "--option: " in front.
 *   err  INVALID an empty word, one that is too long, or too many
 */
int words_each(const char *typed, const char *option,
	       int (*fn)(const char *word, void *arg, struct err *err), void *arg, struct err *err);
