#include "cli/words.h"

#include <stdio.h>
#include <string.h>

static int words_split(const char *typed, int (*fn)(const char *word, void *arg, struct err *err),
		       void *arg, struct err *err)
{
	for (unsigned n = 0;; n++) {
		size_t len = strcspn(typed, ",");
		char word[WORD_SIZE];
		int r;

		if (n == WORDS_MAX)
			return fail(err, ERR_INVALID, "more than %u words", WORDS_MAX);
		if (!len || len >= sizeof(word))
			return fail(err, ERR_INVALID, "'%.*s' is %s", (int)(len < 60 ? len : 60),
				    typed, len ? "too long" : "no word");
		snprintf(word, sizeof(word), "%.*s", (int)len, typed);
		r = fn(word, arg, err);
		if (r || !typed[len])
			return r;
		typed += len + 1;
	}
}

int words_each(const char *typed, const char *option,
	       int (*fn)(const char *word, void *arg, struct err *err), void *arg, struct err *err)
{
	return words_split(typed, fn, arg, err) ? fail_in(err, "--%s: ", option) : 0;
}
