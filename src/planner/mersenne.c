#include "planner/mersenne.h"

#define SHIFT 397

static uint32_t mixed(uint32_t before)
{
	return before ^ before >> 30;
}

void mersenne_seed(struct mersenne *mersenne, uint32_t key)
{
	uint32_t *state = mersenne->state;
	unsigned i;

	state[0] = 19650218;
	for (i = 1; i < MERSENNE_N; i++)
		state[i] = 1812433253 * mixed(state[i - 1]) + i;
	/* A key of one word is added at every step, and its index is always 0. */
	i = 1;
	for (unsigned k = 0; k < MERSENNE_N; k++) {
		state[i] = (state[i] ^ mixed(state[i - 1]) * 1664525) + key;
		if (++i == MERSENNE_N) {
			state[0] = state[MERSENNE_N - 1];
			i = 1;
		}
	}
	for (unsigned k = 1; k < MERSENNE_N; k++) {
		state[i] = (state[i] ^ mixed(state[i - 1]) * 1566083941) - i;
		if (++i == MERSENNE_N) {
			state[0] = state[MERSENNE_N - 1];
			i = 1;
		}
	}
	state[0] = 0x80000000;
	mersenne->next = MERSENNE_N;
}

static void twist(uint32_t *state)
{
	for (unsigned i = 0; i < MERSENNE_N; i++) {
		uint32_t both =
			(state[i] & 0x80000000) | (state[(i + 1) % MERSENNE_N] & 0x7fffffff);

		state[i] =
			state[(i + SHIFT) % MERSENNE_N] ^ both >> 1 ^ (both & 1 ? 0x9908b0df : 0);
	}
}

uint32_t mersenne_word(struct mersenne *mersenne)
{
	uint32_t word;

	if (mersenne->next == MERSENNE_N) {
		twist(mersenne->state);
		mersenne->next = 0;
	}
	word = mersenne->state[mersenne->next++];
	word ^= word >> 11;
	word ^= word << 7 & 0x9d2c5680;
	word ^= word << 15 & 0xefc60000;
	return word ^ word >> 18;
}

double mersenne_real(struct mersenne *mersenne)
{
	uint32_t high = mersenne_word(mersenne) >> 5, low = mersenne_word(mersenne) >> 6;

	return (high * 67108864.0 + low) / 9007199254740992.0;
}

uint32_t mersenne_below(struct mersenne *mersenne, uint32_t n)
{
	unsigned bits = 32 - (unsigned)__builtin_clz(n);
	uint32_t drawn;

	do
		drawn = mersenne_word(mersenne) >> (32 - bits);
	while (drawn >= n);
	return drawn;
}
