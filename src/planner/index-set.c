#include "planner/index-set.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t words_for(uint32_t bits)
{
	return bits / 64 + (bits % 64 != 0);
}

int index_set_init(struct index_set *set, uint32_t size)
{
	uint32_t words[INDEX_SET_LEVELS], total = 0;

	assert(size && size <= INDEX_SET_MAX);
	*set = (struct index_set){.size = size};
	for (uint32_t bits = size; set->n_levels < INDEX_SET_LEVELS; bits = words_for(bits)) {
		words[set->n_levels++] = words_for(bits);
		total += words_for(bits);
		if (bits <= 64)
			break;
	}
	set->level[0] = calloc(total, sizeof(uint64_t));
	if (!set->level[0])
		return -1;
	for (unsigned i = 1; i < set->n_levels; i++)
		set->level[i] = set->level[i - 1] + words[i - 1];
	return 0;
}

void index_set_done(struct index_set *set)
{
	free(set->level[0]);
	*set = (struct index_set){.size = 0};
}

void index_set_add(struct index_set *set, uint32_t number)
{
	set->n++;
	for (unsigned i = 0; i < set->n_levels; i++, number /= 64)
		set->level[i][number / 64] |= UINT64_C(1) << number % 64;
}

void index_set_remove(struct index_set *set, uint32_t number)
{
	set->n--;
	for (unsigned i = 0; i < set->n_levels; i++, number /= 64)
		if (set->level[i][number / 64] &= ~(UINT64_C(1) << number % 64))
			return;
}

/* The lowest in the word a bit stands for, down to a number. */
static uint32_t descend(const struct index_set *set, unsigned level, uint32_t bit)
{
	while (level--)
		bit = bit * 64 + (uint32_t)__builtin_ctzll(set->level[level][bit]);
	return bit;
}

uint32_t index_set_next(const struct index_set *set, uint32_t from)
{
	uint32_t bits = set->size;

	if (!set->n)
		return INDEX_NONE;
	for (unsigned i = 0; i < set->n_levels && from < bits; i++) {
		uint64_t rest = set->level[i][from / 64] >> from % 64;

		if (rest)
			return descend(set, i, from + (uint32_t)__builtin_ctzll(rest));
		from = from / 64 + 1;
		bits = words_for(bits);
	}
	return INDEX_NONE;
}
