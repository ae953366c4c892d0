/*
 * judge-part.h - what the judges share
 */
#pragma once

#include "base/array.h"
#include "check/rules.h"

/* Some GPUs of facts->gpus. */
struct gpu_set {
	uint64_t bits;
};

_Static_assert(BACKEND_MAX_GPUS <= 64, "a set is one word");

#define GPU_SET_EACH(i, set)                                                                       \
	for (unsigned i = 0; i < BACKEND_MAX_GPUS; i++)                                            \
		if ((set).bits >> i & 1)

static inline void gpu_set_add(struct gpu_set *set, size_t i)
{
	set->bits |= UINT64_C(1) << i;
}

/* "GPU 3", "GPUs 0-3, 6", by NVML's index. Returns buf. */
char *gpu_set_format(char *buf, size_t size, const struct facts *facts, struct gpu_set set);

/* Those for which test() is true. */
struct gpu_set gpus_that(const struct facts *facts, bool (*test)(const struct fact_gpu *gpu));

/* "GPUs 0-3: " and the sentence, if the set is not empty. */
void answer_gpus(struct answer *answer, enum verdict verdict, const struct facts *facts,
		 struct gpu_set set, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Alive, and able to be cut. */
bool gpu_is_capable(const struct fact_gpu *gpu);

/* Its MIG mode has still to be changed, and that takes a reset. */
bool gpu_needs_reset(const struct fact_gpu *gpu);

/* MIG mode is off, or changes at the next reset. */
bool gpu_is_not_ready(const struct fact_gpu *gpu);

/* Without a driver's answer: UNKNOWN, and true. */
bool no_driver(const struct facts *facts, struct answer *ret);
