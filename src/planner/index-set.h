/*
 * index-set.h - a set of GPU numbers whose lowest is found at once
 *
 * One bit a number, and above each word of bits one bit that says whether the
 * word has any, and so on up to a single word. Everything costs one word a
 * level: four levels reach 16 million.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define INDEX_SET_MAX	 (1u << 24)
#define INDEX_SET_LEVELS 4
#define INDEX_NONE	 UINT32_MAX

struct index_set {
	uint32_t size; /* numbers are below it */
	uint32_t n;    /* how many are in it */
	unsigned n_levels;
	uint64_t *level[INDEX_SET_LEVELS]; /* [0] has a bit a number; one block of memory */
};

/* Returns 0, or -1 when memory ran out. size is at most INDEX_SET_MAX. */
int index_set_init(struct index_set *set, uint32_t size);
void index_set_done(struct index_set *set);

/* The number must not be in it, and must be in it. */
void index_set_add(struct index_set *set, uint32_t number);
void index_set_remove(struct index_set *set, uint32_t number);

/* The lowest that is not below from, or INDEX_NONE. */
uint32_t index_set_next(const struct index_set *set, uint32_t from);
