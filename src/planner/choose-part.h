/*
 * choose-part.h - what the files that choose a place share; only for choose*.c
 */
#pragma once

#include "planner/choose.h"
#include "planner/rule.h"

/* What is asked. */
struct choose_question {
	const struct choose_gpu *gpus;
	size_t n;
	const struct policy_class *class_;
	uint32_t max_slices;
	const struct choose_hold *hold;
	struct choose_hold window; /* also kept: where room is being made */
	enum rule rule;
	bool ever; /* GPUs that are closed now count */
};

struct choose_question choose_ask(const struct choose_gpu *gpus, size_t n,
				  const struct policy_class *class_, uint32_t max_slices,
				  const struct choose_hold *hold);

/* The rank-th profile of the class on a GPU, NULL when there is none or it is too large. */
const struct profile *choose_wanted(const struct choose_question *question, size_t gpu, size_t rank,
				    bool *ret_more);

/* The best place for an instance of profiles[g] on one of the GPUs g (NULL: not there). */
bool choose_among(const struct choose_question *question, const struct profile *const *profiles,
		  struct choice *ret);

/* The picture of the GPUs once it is done. */
void choose_carry_out(struct choose_gpu *gpus, const struct choice *choice);

/* What the GPU holds, without the instances whose bit in `without` is set. */
void choose_lay_out(const struct choose_gpu *gpu, uint32_t without, uint16_t blocked,
		    struct layout *ret);

/* Units of a GPU kept for another. */
uint16_t choose_blocked(const struct choose_question *question, size_t gpu);
