/*
 * need.h - how many of what: "small=40,medium=12"
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/words.h"

#define NEED_MAX       32
#define NEED_MAX_COUNT 1000000000

struct need {
	size_t n;
	struct {
		char name[WORD_SIZE];
		uint32_t count;
	} at[NEED_MAX];
};

/* Each name once. err: INVALID, "--need: " in front */
int need_parse(const char *typed, struct need *ret, struct err *err);
