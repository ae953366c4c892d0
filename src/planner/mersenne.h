/*
 * mersenne.h - random numbers that are the same everywhere (MT19937)
 *
 * Experiments name their seed, and the same seed gives the same experiment on
 * every machine and in every language that has this generator.
 */
#pragma once

#include <stdint.h>

#define MERSENNE_N 624

struct mersenne {
	uint32_t state[MERSENNE_N];
	unsigned next;
};

/* Seeded with the one-word key, as reference implementations' init_by_array(). */
void mersenne_seed(struct mersenne *mersenne, uint32_t key);

uint32_t mersenne_word(struct mersenne *mersenne);

/* In [0, 1), 53 bits. */
double mersenne_real(struct mersenne *mersenne);

/* In 0..n-1, each as likely: bits are drawn until they are below n. n is at least 1. */
uint32_t mersenne_below(struct mersenne *mersenne, uint32_t n);
