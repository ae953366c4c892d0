/*
 * array.h - bounds and counting
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * Room for one more in a heap array: grows *items (of item_size each) when
 * n == *cap. Returns 0, or -1 when memory ran out (the array is unchanged).
 */
static inline int array_reserve(void *items, size_t *cap, size_t n, size_t item_size)
{
	size_t want = *cap ? *cap * 2 : 8;
	void *now, *more;

	if (n < *cap)
		return 0;
	memcpy(&now, items, sizeof(now)); /* items is the address of a typed pointer */
	more = reallocarray(now, want, item_size);
	if (!more)
		return -1;
	memcpy(items, &more, sizeof(more));
	*cap = want;
	return 0;
}
