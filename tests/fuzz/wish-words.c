/*
 * Any bytes as words for a layout, divided at newlines: refused, or written as
 * words that mean the same.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "planner/wish.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define MAX_WORDS 8

static const char *read_words(char *text, const struct wish_server *server, struct wish *ret)
{
	char *words[MAX_WORDS];
	static struct err err;
	size_t n = 0;

	for (char *word = strtok(text, "\n"); word && n < MAX_WORDS; word = strtok(NULL, "\n"))
		words[n++] = word;
	return wish_from_words(words, n, server, ret, &err) ? err.text : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct wish_server server = {
		.n = 3,
		.gpus = {{0, "GPU-aa", board_by_id("a100-sxm4-80gb")},
			 {1, "GPU-bb", board_by_id("a30-24gb")},
			 {2, NULL, NULL}},
	};
	cleanup(free) char *text = strndup((const char *)bytes, size);
	cleanup(text_done) struct text once = TEXT_INIT;
	cleanup(text_done) struct text twice = TEXT_INIT;
	cleanup(free) char *copy = NULL;
	struct wish wish, again;
	const char *mistake;

	assert(text);
	mistake = read_words(text, &server, &wish);
	if (mistake) {
		assert(mistake[0]);
		return 0;
	}
	wish_write(WISH_WORDS, &server, &wish, "x", &once);
	copy = strdup(text_str(&once));
	assert(copy && !read_words(copy, &server, &again));
	wish_write(WISH_WORDS, &server, &again, "x", &twice);
	assert(!strcmp(text_str(&once), text_str(&twice)));
	return 0;
}
