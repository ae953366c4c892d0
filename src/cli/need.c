#include "cli/need.h"

#include <stdio.h>
#include <string.h>

#include "base/sizes.h"

static int add_word(const char *word, void *arg, struct err *err)
{
	struct need *need = arg;
	size_t len = strcspn(word, "=");
	char *name = need->at[need->n].name;
	int64_t count;
	int r;

	if (need->n == NEED_MAX)
		return fail(err, ERR_INVALID, "more than %d names", NEED_MAX);
	if (!len || !word[len]) {
		fail(err, ERR_INVALID, "'%s' is not NAME=COUNT", word);
		return fail_hint(err, "write it like small=40,medium=12");
	}
	snprintf(name, WORD_SIZE, "%.*s", (int)len, word);
	for (size_t i = 0; i < need->n; i++)
		if (!strcmp(need->at[i].name, name))
			return fail(err, ERR_INVALID, "'%s' is given twice", name);
	r = number_parse(word + len + 1, name, 0, NEED_MAX_COUNT, &count, err);
	if (r)
		return r;
	need->at[need->n++].count = (uint32_t)count;
	return 0;
}

int need_parse(const char *typed, struct need *ret, struct err *err)
{
	ret->n = 0;
	return words_each(typed, "need", add_word, ret, err);
}
