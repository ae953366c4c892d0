/* A wish from words of a command line. */
#include "planner/wish-part.h"

#include <string.h>

static int bad_word(const char *word, struct err *err)
{
	fail(err, ERR_INVALID, "'%.80s' is not GPU=INSTANCES", word);
	return fail_hint(err, "write it like gpu0=3g,2x1g or all=7x1g, gpu1=empty, gpu2=off");
}

/* "gpu0,gpu1" before the "=". */
static int read_names(const char *word, size_t len, struct wish_draft *draft, bool mig,
		      const struct wish_terms *terms, struct err *err)
{
	for (size_t i = 0; i <= len;) {
		const char *comma = memchr(word + i, ',', len - i);
		size_t n = comma ? (size_t)(comma - word) - i : len - i;
		const struct wish_term where = {.word = word, .at = i};
		char name[128] = "";
		enum wish_rank rank;
		uint32_t whose;
		int r;

		memcpy(name, word + i, n < sizeof(name) ? n : sizeof(name) - 1);
		if (wish_select(name, draft->server, &whose, &rank, err))
			return wish_fail_in(&where, err);
		r = wish_give(draft, whose, rank, mig, terms, &where, err);
		if (r)
			return r;
		i += n + 1;
	}
	return 0;
}

static int read_word(const char *word, struct wish_draft *draft, struct err *err)
{
	const char *equals = strchr(word, '=');
	struct wish_terms terms = {.n = 0};
	struct wish_term where = {.word = word};
	bool mig;
	int r = 0;

	if (!equals || equals == word || !equals[1])
		return bad_word(word, err);
	mig = strcmp(equals + 1, "off") != 0;
	where.at = (size_t)(equals - word) + 1;
	if (mig)
		r = wish_read_terms(equals + 1, strlen(equals + 1), &where, &terms, err);
	return r ? r : read_names(word, (size_t)(equals - word), draft, mig, &terms, err);
}

int wish_from_words(char *const *words, size_t n, const struct wish_server *server,
		    struct wish *ret, struct err *err)
{
	struct wish_draft draft = {.server = server};

	for (size_t i = 0; i < n; i++) {
		int r = read_word(words[i], &draft, err);

		if (r)
			return r;
	}
	*ret = draft.wish;
	return 0;
}
